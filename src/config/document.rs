//! The text of a `lattice.toml` with its comments and its order: making one, changing one.

use std::fmt;

use toml_edit::{Array, DocumentMut, InlineTable, Item, TableLike, Value as Toml, value};

use super::{Error, Flaw, Result};

/// A `lattice.toml` as it is written.
#[derive(Debug, Clone)]
pub struct Document {
    origin: String,
    toml: DocumentMut,
}

/// What an axis is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AxisDraft {
    /// Unordered values.
    Set(Vec<String>),
    /// Ordered values.
    Closed(Vec<String>),
    /// Numbered values and the first number.
    Open(String, u64),
}

/// What a new `lattice.toml` is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The base branch.
    pub base: String,
    /// The remote; empty for none.
    pub remote: String,
    /// The pattern for branches.
    pub branch: String,
    /// The pattern for directories.
    pub flake: String,
    /// The axes in order.
    pub axes: Vec<(String, AxisDraft)>,
    /// Architectures and their system doubles.
    pub systems: Vec<(String, String)>,
}

/// The comments of a fresh file; the values are put in by [`Document::apply`].
const STARTER: &str = r#"# The lattice of this repository: every point (component/arch/phase/step) is a branch that holds a flake.
# Read by `git lattice`; commit it on the base branch, so that every clone has it.

# The branch below all points.
base = ""
# Where points are pushed to; "" for nowhere.
remote = ""

# How a point names its branch and its directory. Both must name each axis that has more than one value.
branch = ""
flake = ""

# The axes, in the order in which points are written.
#   { set = ["a", "b"] }                  unordered, such as architectures
#   { chain = ["one", "two"] }            ordered and listed
#   { chain = "step{n}", from = 1 }       ordered and numbered without end
#   { chain = { phase0 = ["a", "b"], "*" = "step{n}" } }   a list for each value of the chain before
[axes]

# Which Nix system builds each architecture.
[systems]

# What `git lattice promote` asks for. Without this: a `built` record for the point's own systems.
# [promote]
# across = ["arch"]               # all architectures together, all or none
# systems = ["x86_64-linux"]      # these systems instead of the point's own

# What builds may read besides the directories of the points.
# [build]
# include = ["src"]
"#;

impl Document {
    /// Reads the bytes of a `lattice.toml`; `origin` names them in messages.
    ///
    /// # Errors
    /// When they are not UTF-8 or not TOML.
    pub fn parse(origin: &str, bytes: &[u8]) -> Result<Self> {
        let toml = parse(bytes).map_err(|flaw| Error::Text { origin: origin.to_owned(), flaw })?;
        Ok(Self { origin: origin.to_owned(), toml })
    }

    /// A fresh, commented document that says what `draft` says.
    pub fn starter(origin: &str, draft: &Draft) -> Self {
        let mut document = Self { origin: origin.to_owned(), toml: parse(STARTER.as_bytes()).unwrap_or_default() };
        document.apply(draft);
        document
    }

    /// Puts in what `draft` says; comments, order and what it does not name stay.
    pub fn apply(&mut self, draft: &Draft) {
        let table = self.toml.as_table_mut();
        for (key, text) in
            [("base", &draft.base), ("remote", &draft.remote), ("branch", &draft.branch), ("flake", &draft.flake)]
        {
            set(table, key, Toml::from(text.as_str()));
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

    /// Adds a value at the end of a set or a listed chain; `false` when it was there.
    ///
    /// # Errors
    /// When there is no such axis, or its values are not listed.
    pub fn add_value(&mut self, axis: &str, new: &str) -> Result<bool> {
        let origin = self.origin.clone();
        let bad = |why: &str| Error::Key { origin, key: format!("axes.{axis}"), why: why.to_owned() };
        let Some(table) =
            self.toml.get_mut("axes").and_then(|axes| axes.get_mut(axis)).and_then(Item::as_table_like_mut)
        else {
            return Err(bad("is not there"));
        };
        let key = if table.contains_key("set") { "set" } else { "chain" };
        let Some(list) = table.get_mut(key).and_then(Item::as_array_mut) else {
            return Err(bad("has no list of values that one could be added to: it is numbered, or listed per value"));
        };
        if list.iter().any(|value| value.as_str() == Some(new)) {
            return Ok(false);
        }
        let mut added = Toml::from(new);
        // In a list of one value per line the new one gets a line of its own, before a trailing comma's.
        if let Some(last) = list.iter().last() {
            let prefix = last.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
            added.decor_mut().set_prefix(if prefix.contains('\n') { prefix.to_owned() } else { " ".to_owned() });
        }
        list.push_formatted(added);
        Ok(true)
    }

    /// Says which system builds an architecture, unless something says so already.
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

/// The values of an axis, where it lists them.
fn listed(axis: Option<&Item>) -> Vec<String> {
    let list = axis.and_then(|axis| axis.get("set").or_else(|| axis.get("chain"))).and_then(Item::as_array);
    list.into_iter().flatten().filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

/// Sets a key and keeps the comments around its old value.
fn set(table: &mut dyn TableLike, key: &str, mut new: Toml) {
    if let Some(old) = table.get(key).and_then(Item::as_value) {
        *new.decor_mut() = old.decor().clone();
    }
    match table.get_mut(key) {
        Some(item) => *item = Item::Value(new),
        None => drop(table.insert(key, Item::Value(new))),
    }
}

fn subtable<'a>(table: &'a mut toml_edit::Table, key: &str) -> &'a mut dyn TableLike {
    let item = table.entry(key).or_insert_with(toml_edit::table);
    if !item.is_table_like() {
        *item = toml_edit::table();
    }
    item.as_table_like_mut().unwrap_or_else(|| unreachable!("just made a table"))
}

pub(super) fn parse(bytes: &[u8]) -> std::result::Result<DocumentMut, Flaw> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (line, column) = position_after(&String::from_utf8_lossy(&bytes[..error.valid_up_to()]));
        Flaw { line, column, message: "not UTF-8: the byte there is part of no character".to_owned() }
    })?;
    text.parse::<DocumentMut>().map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let (line, column) = position_after(before);
        Flaw { line, column, message: error.message().replace('\n', ", ") }
    })
}

/// Line and column, each from 1, of what follows `before`.
fn position_after(before: &str) -> (usize, usize) {
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
