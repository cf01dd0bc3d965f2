//! The text of a `lattice.toml`: creates and edits one, and keeps its comments and order.

use std::fmt;

use toml_edit::{Array, DocumentMut, InlineTable, Item, TableLike, Value as Toml, value};

use super::{Error, Flaw, Place, Result};

/// The text of a `lattice.toml`, parsed.
#[derive(Debug, Clone)]
pub struct Document {
    origin: String,
    pub(super) toml: DocumentMut,
}

/// The values of an axis to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AxisDraft {
    /// Unordered values.
    Set(Vec<String>),
    /// Ordered values.
    Closed(Vec<String>),
    /// Numbered values and the first number.
    Open(String, u64),
}

/// The settings to write into a `lattice.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The base branch.
    pub base: String,
    /// The remote; empty if there is none.
    pub remote: String,
    /// The pattern for branches.
    pub branch: String,
    /// The pattern for directories.
    pub flake: String,
    /// The axes in order.
    pub axes: Vec<(String, AxisDraft)>,
    /// Architectures and their system doubles.
    pub systems: Vec<(String, String)>,
    /// The axis of architectures, if it is not called `arch`.
    pub system_axis: Option<String>,
}

/// The text of a new file with empty values; [`Document::apply`] sets them.
const STARTER: &str = r#"# The lattice of this repository: every point (component/arch/phase/step) is a branch that holds a flake.
# Read by `git lattice`; commit it on the base branch, so that every clone has it.

# The branch below all points.
base = ""
# The remote to push points to; "" for none.
remote = ""

# The branch and the directory of a point. Both patterns must name each axis that has more than one value.
branch = ""
flake = ""

# The axes, in the order in which points are written.
#   { set = ["a", "b"] }                  unordered, such as architectures
#   { chain = ["one", "two"] }            ordered and listed
#   { chain = "step{n}", from = 1 }       ordered and numbered, without a last one
#   { chain = { phase0 = ["a", "b"], "*" = "step{n}" } }   a list for each value of the preceding chain
[axes]

# The Nix system of each architecture.
[systems]

# What `git lattice promote` requires. Default: a `built` record for each system of the point.
# [promote]
# across = ["arch"]               # promote all architectures together or none
# systems = ["x86_64-linux"]      # these systems instead of the point's own

# Paths that builds may read, in addition to the directories of the points.
# [build]
# include = ["src"]
"#;

impl Document {
    /// Parses the bytes of a `lattice.toml`; messages call it `origin`.
    ///
    /// # Errors
    /// When the bytes are not UTF-8 or not TOML.
    pub fn parse(origin: &str, bytes: &[u8]) -> Result<Self> {
        let toml = parse(bytes).map_err(|flaw| Error::Text { origin: origin.to_owned(), flaw })?;
        Ok(Self { origin: origin.to_owned(), toml })
    }

    /// Makes a new, commented document with the settings of `draft`.
    pub fn starter(origin: &str, draft: &Draft) -> Self {
        let names: Vec<_> = draft.axes.iter().map(|(name, _)| name.as_str()).collect();
        let text = STARTER.replacen("component/arch/phase/step", &names.join("/"), 1);
        let mut document = Self { origin: origin.to_owned(), toml: parse(text.as_bytes()).unwrap_or_default() };
        document.apply(draft);
        document
    }

    /// Sets what `draft` contains; keeps comments, order and all other keys.
    pub fn apply(&mut self, draft: &Draft) {
        let table = self.toml.as_table_mut();
        for (key, text) in
            [("base", &draft.base), ("remote", &draft.remote), ("branch", &draft.branch), ("flake", &draft.flake)]
        {
            set(table, key, Toml::from(text.as_str()));
        }
        if let Some(axis) = &draft.system_axis {
            set(table, "system-axis", Toml::from(axis.as_str()));
        }
        let axes = subtable(table, "axes");
        let mut gone = Vec::new();
        for (name, axis) in &draft.axes {
            let stays =
                |value: &String| matches!(axis, AxisDraft::Set(new) | AxisDraft::Closed(new) if new.contains(value));
            gone.extend(listed(axes.get(name)).into_iter().filter(|value| !stays(value)));
            set(axes, name, axis.to_toml());
        }
        let systems = subtable(table, "systems");
        for value in gone {
            systems.remove(&value);
        }
        for (arch, system) in &draft.systems {
            set(systems, arch, Toml::from(system.as_str()));
        }
    }

    /// Adds a value at the end of a set or a listed chain; returns `false` if it was there already.
    ///
    /// # Errors
    /// When there is no such axis, or its values are not listed.
    pub fn add_value(&mut self, axis: &str, new: &str) -> Result<bool> {
        let origin = self.origin.clone();
        let text = self.toml.to_string();
        let bad = |why: String| {
            let key = format!("axes.{axis}");
            Error::Key { origin, key, why, near: None, place: None }.in_text(&text)
        };
        let Some(table) =
            self.toml.get_mut("axes").and_then(|axes| axes.get_mut(axis)).and_then(Item::as_table_like_mut)
        else {
            return Err(bad("does not exist".to_owned()));
        };
        let key = if table.contains_key("set") { "set" } else { "chain" };
        if let Some(pattern) = table.get(key).and_then(Item::as_str) {
            return Err(bad(format!("is numbered as `{pattern}`: it has every number, so no value is added")));
        }
        let Some(list) = table.get_mut(key).and_then(Item::as_array_mut) else {
            return Err(bad(format!(
                "has a list for each value of the axis before it: add `{new}` to the right one by hand"
            )));
        };
        if list.iter().any(|value| value.as_str() == Some(new)) {
            return Ok(false);
        }
        let mut added = Toml::from(new);
        // If the list has one value per line, put the new one on its own line, before a trailing comma.
        if let Some(last) = list.iter().last() {
            let prefix = last.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
            added.decor_mut().set_prefix(if prefix.contains('\n') { prefix.to_owned() } else { " ".to_owned() });
        }
        list.push_formatted(added);
        Ok(true)
    }

    /// Sets the system of an architecture, unless it has one.
    pub fn add_system(&mut self, arch: &str, system: &str) {
        let systems = subtable(self.toml.as_table_mut(), "systems");
        if !systems.contains_key(arch) {
            systems.insert(arch, value(system));
        }
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn table(&self) -> &dyn TableLike {
        self.toml.as_table()
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.toml.fmt(f)
    }
}

impl AxisDraft {
    fn to_toml(&self) -> Toml {
        let list = |values: &[String]| Toml::Array(values.iter().map(String::as_str).collect::<Array>());
        let mut table = InlineTable::new();
        match self {
            Self::Set(values) => drop(table.insert("set", list(values))),
            Self::Closed(values) => drop(table.insert("chain", list(values))),
            Self::Open(text, first) => {
                table.insert("chain", Toml::from(text.as_str()));
                table.insert("from", Toml::from(i64::try_from(*first).unwrap_or(i64::MAX)));
            }
        }
        Toml::InlineTable(table)
    }
}

/// The listed values of an axis; empty if it lists none.
fn listed(axis: Option<&Item>) -> Vec<String> {
    let list = axis.and_then(|axis| axis.get("set").or_else(|| axis.get("chain"))).and_then(Item::as_array);
    list.into_iter().flatten().filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

/// Sets a key and keeps the comments around its old value.
pub(super) fn set(table: &mut dyn TableLike, key: &str, mut new: Toml) {
    if let Some(old) = table.get(key).and_then(Item::as_value) {
        *new.decor_mut() = old.decor().clone();
    }
    match table.get_mut(key) {
        Some(item) => *item = Item::Value(new),
        None => drop(table.insert(key, Item::Value(new))),
    }
}

pub(super) fn subtable<'a>(table: &'a mut toml_edit::Table, key: &str) -> &'a mut dyn TableLike {
    let item = table.entry(key).or_insert_with(toml_edit::table);
    if !item.is_table_like() {
        *item = toml_edit::table();
    }
    item.as_table_like_mut().unwrap_or_else(|| unreachable!("just made a table"))
}

pub(super) fn parse(bytes: &[u8]) -> std::result::Result<DocumentMut, Flaw> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let lossy = String::from_utf8_lossy(bytes);
        let at = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).len();
        let message = "not UTF-8: this byte is not part of a character".to_owned();
        Flaw { place: Place::of(&lossy, at..at + 1).into(), message }
    })?;
    text.parse::<DocumentMut>().map_err(|error| {
        let place = Place::of(text, error.span().unwrap_or_default()).into();
        Flaw { place, message: error.message().replace('\n', ", ") }
    })
}
