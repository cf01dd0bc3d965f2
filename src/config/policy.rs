//! The policy tables of the project: `[build]`, `[promote]`, `[lint]`, `[hooks]`.

use toml_edit::{Item, TableLike};

use super::Result;
use super::read::Reader;
use crate::lattice::{Kind, Lattice};
use crate::system::System;

/// How points are built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Build {
    /// Paths that a build may read, in addition to the points' directories.
    pub include: Vec<String>,
    /// Whether a newer checkout cancels the background builds of older ones.
    pub supersede: bool,
}

/// Other machines that `[build]` proposes for builds started by the user.
///
/// These settings decide where code runs and where results go. They stay plain text until `ops::trust` confirms that the user
/// has allowed exactly this text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proposal {
    /// Remote builders, in the syntax of `builders` in nix.conf(5).
    pub builders: Option<String>,
    /// The store to build in.
    pub store: Option<String>,
    /// Binary caches to use in addition to those of the user.
    pub substituters: Vec<String>,
    /// The store to copy results to.
    pub push_cache: Option<String>,
}

impl Proposal {
    /// Whether nothing is proposed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The canonical form: one line of TOML per key, in the order of the keys. Equal proposals have equal lines, independent of
    /// formatting and of the rest of the file.
    pub fn lines(&self) -> Vec<String> {
        let quoted = |text: &String| serde_json::Value::from(text.as_str()).to_string();
        let one = |key: &str, text: &Option<String>| text.as_ref().map(|text| format!("{key} = {}", quoted(text)));
        let list: Vec<_> = self.substituters.iter().map(quoted).collect();
        let list = (!list.is_empty()).then(|| format!("substituters = [{}]", list.join(", ")));
        let lines =
            [one("builders", &self.builders), one("push-cache", &self.push_cache), one("store", &self.store), list];
        lines.into_iter().flatten().collect()
    }

    /// The keys whose values differ from those of another proposal.
    pub(super) fn differing_keys(&self, other: &Self) -> Vec<String> {
        let keys = [
            ("builders", self.builders != other.builders),
            ("push-cache", self.push_cache != other.push_cache),
            ("store", self.store != other.store),
            ("substituters", self.substituters != other.substituters),
        ];
        keys.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| format!("[build] {key}")).collect()
    }
}

/// The policy for promotions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promote {
    /// Set axes whose values are promoted together, once all are ready.
    pub across: Vec<usize>,
    /// The systems that need a record; empty for those of the point.
    pub systems: Vec<System>,
    /// Requirements on the records.
    pub require: Require,
}

/// The records that a promotion requires.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Require {
    /// Whether a second build with the same result is required.
    pub reproduced: bool,
    /// Number of different hosts that must have built it; 0 and 1 both mean one.
    pub hosts: u64,
    /// Whether it and all points below must have been built without files of the machine.
    pub pure: bool,
}

/// Settings of the linters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lint {
    /// Engines whose absence is a failure.
    pub require: Vec<String>,
    /// Codes of disabled rules.
    pub off: Vec<String>,
}

/// Settings of the hooks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Whether `git worktree add` starts a build of the point, as `git switch` does.
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

    /// `"built"`, `"reproduced"`, or `{ verdict = .., hosts = N, pure = true }`.
    fn require(&self, table: &dyn TableLike) -> Result<Require> {
        let Some(item) = table.get("require") else { return Ok(Require::default()) };
        let wrong = || {
            let expected = r#"must be "built", "reproduced", or a table such as { verdict = "reproduced", hosts = 2, pure = true }"#;
            self.bad("promote.require", expected)
        };
        let verdict = |item: &Item| match item.as_str() {
            Some("built") => Ok(false),
            Some("reproduced") => Ok(true),
            _ => Err(wrong()),
        };
        let Some(table) = item.as_table_like() else {
            return Ok(Require { reproduced: verdict(item)?, ..Require::default() });
        };
        if table.iter().any(|(key, _)| !matches!(key, "verdict" | "hosts" | "pure")) {
            return Err(wrong());
        }
        let reproduced = table.get("verdict").map(verdict).transpose()?.unwrap_or(false);
        let number = |item: &Item| item.as_integer().and_then(|n| u64::try_from(n).ok()).ok_or_else(wrong);
        let flag = |item: &Item| item.as_bool().ok_or_else(wrong);
        Ok(Require {
            reproduced,
            hosts: table.get("hosts").map(number).transpose()?.unwrap_or(0),
            pure: table.get("pure").map(flag).transpose()?.unwrap_or(false),
        })
    }
}
