//! The tables that say what the project asks for: `[build]`, `[promote]`, `[lint]`, `[hooks]`.

use toml_edit::{Item, TableLike};

use super::Result;
use super::read::Reader;
use crate::lattice::{Kind, Lattice};
use crate::system::System;

/// How points are built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Build {
    /// What a build may read besides the points' directories.
    pub include: Vec<String>,
    /// Whether a newer checkout cancels the background builds of older ones.
    pub supersede: bool,
}

/// Other machines that `[build]` proposes for builds that the user types. They choose where code runs and where results go, so
/// this is text: `ops::trust` says whether the user allowed exactly this, and only then is it read as places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proposal {
    /// Remote builders, as nix.conf's `builders`.
    pub builders: Option<String>,
    /// The store in which builds happen.
    pub store: Option<String>,
    /// The caches that builds take from, besides the user's.
    pub substituters: Vec<String>,
    /// Where results are copied to.
    pub push_cache: Option<String>,
}

impl Proposal {
    /// Whether nothing is proposed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The canonical form: a line per key, in the order of the keys, each as TOML. Equal proposals have equal lines, whatever else
    /// the file says and however it is written.
    pub fn lines(&self) -> Vec<String> {
        let quoted = |text: &String| serde_json::Value::from(text.as_str()).to_string();
        let one = |key: &str, text: &Option<String>| text.as_ref().map(|text| format!("{key} = {}", quoted(text)));
        let list: Vec<_> = self.substituters.iter().map(quoted).collect();
        let list = (!list.is_empty()).then(|| format!("substituters = [{}]", list.join(", ")));
        let lines =
            [one("builders", &self.builders), one("push-cache", &self.push_cache), one("store", &self.store), list];
        lines.into_iter().flatten().collect()
    }

    /// The keys whose values are not those of another proposal.
    pub(super) fn unlike(&self, other: &Self) -> Vec<String> {
        let keys = [
            ("builders", self.builders != other.builders),
            ("push-cache", self.push_cache != other.push_cache),
            ("store", self.store != other.store),
            ("substituters", self.substituters != other.substituters),
        ];
        keys.into_iter().filter(|(_, is_other)| *is_other).map(|(key, _)| format!("[build] {key}")).collect()
    }
}

/// The policy for promotions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promote {
    /// Set axes on which all values must be ready, and which then move together.
    pub across: Vec<usize>,
    /// The systems whose records are asked for; empty: the point's own.
    pub systems: Vec<System>,
    /// What the records must say.
    pub require: Require,
}

/// What records a promotion asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Require {
    /// A build that was made again must have come to the same.
    pub reproduced: bool,
    /// On how many different hosts it must have been built; 0 and 1 both mean on one.
    pub hosts: u64,
}

/// What linting asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lint {
    /// Engines whose absence is a failure.
    pub require: Vec<String>,
    /// Codes of rules that are switched off.
    pub off: Vec<String>,
}

/// What the hooks do where the project may choose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Whether a new worktree's point is built as that of a switch is.
    pub on_worktree_add: bool,
}

impl Reader<'_> {
    pub(super) fn build(&self, top: &dyn TableLike) -> Result<Build> {
        let Some(table) = self.table(top, "build")? else { return Ok(Build::default()) };
        Ok(Build { include: self.paths(table, "include")?, supersede: self.flag(table, "supersede")? })
    }

    pub(super) fn proposal(&self, top: &dyn TableLike) -> Result<Proposal> {
        let Some(table) = self.table(top, "build")? else { return Ok(Proposal::default()) };
        Ok(Proposal {
            builders: self.text(table, "builders")?,
            store: self.text(table, "store")?,
            substituters: self.texts(table, "substituters")?,
            push_cache: self.text(table, "push-cache")?,
        })
    }

    pub(super) fn lint(&self, top: &dyn TableLike) -> Result<Lint> {
        let Some(table) = self.table(top, "lint")? else { return Ok(Lint::default()) };
        Ok(Lint { require: self.texts(table, "require")?, off: self.texts(table, "off")? })
    }

    pub(super) fn hooks(&self, top: &dyn TableLike) -> Result<Hooks> {
        let Some(table) = self.table(top, "hooks")? else { return Ok(Hooks::default()) };
        Ok(Hooks { on_worktree_add: self.flag(table, "on-worktree-add")? })
    }

    fn flag(&self, table: &dyn TableLike, key: &str) -> Result<bool> {
        let read = |item: &Item| item.as_bool().ok_or_else(|| self.bad(key, "must be true or false"));
        table.get(key).map(read).transpose().map(Option::unwrap_or_default)
    }

    pub(super) fn promote(&self, top: &dyn TableLike, lattice: &Lattice) -> Result<Promote> {
        let Some(table) = self.table(top, "promote")? else { return Ok(Promote::default()) };
        let mut across = Vec::new();
        for name in self.texts(table, "across")? {
            let axis = lattice.axis_index(&name).map_err(|source| self.wrap(source))?;
            if !matches!(lattice.axes()[axis].kind, Kind::Set(_)) {
                return Err(self.bad("promote.across", format!("names `{name}`, which is a chain: expected set axes")));
            }
            across.push(axis);
        }
        let parse = |text: &String| System::parse(text).map_err(|error| self.bad("promote.systems", error.to_string()));
        let systems = self.texts(table, "systems")?.iter().map(parse).collect::<Result<Vec<_>>>()?;
        Ok(Promote { across, systems, require: self.require(table)? })
    }

    /// `"built"`, `"reproduced"`, or `{ verdict = .., hosts = N }`.
    fn require(&self, table: &dyn TableLike) -> Result<Require> {
        let Some(item) = table.get("require") else { return Ok(Require::default()) };
        let wrong = || {
            let expected = r#"must be "built", "reproduced", { hosts = 2 } or { verdict = "reproduced", hosts = 2 }"#;
            self.bad("promote.require", expected)
        };
        let verdict = |item: &Item| match item.as_str() {
            Some("built") => Ok(false),
            Some("reproduced") => Ok(true),
            _ => Err(wrong()),
        };
        let Some(table) = item.as_table_like() else {
            return Ok(Require { reproduced: verdict(item)?, hosts: 0 });
        };
        if table.iter().any(|(key, _)| !matches!(key, "verdict" | "hosts")) {
            return Err(wrong());
        }
        let reproduced = table.get("verdict").map(verdict).transpose()?.unwrap_or(false);
        let number = |item: &Item| item.as_integer().and_then(|n| u64::try_from(n).ok()).ok_or_else(wrong);
        Ok(Require { reproduced, hosts: table.get("hosts").map(number).transpose()?.unwrap_or(0) })
    }
}
