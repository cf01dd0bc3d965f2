//! Converts the TOML document to checked values.

use std::collections::HashMap;
use std::sync::Arc;

use toml_edit::{Item, TableLike, Value as Toml};

use super::keys::{self, AXIS_KEYS, BUILD_KEYS, HOOKS_KEYS, LINT_KEYS, PROMOTE_KEYS, TOP_KEYS};
use super::named::Naming;
use super::systems::Systems;
use super::{ARCH, Config, DEFAULT_BRANCH, DEFAULT_FLAKE, Document, Error, Result};
use crate::branch_name::{BranchName, is_ref_name};
use crate::lattice::axis::Listed;
use crate::lattice::{self, Axis, AxisName, Chain, Kind, Lattice, Numbered, Pattern, Value};
use crate::system::System;

/// In `[systems]` and in lists per value: all other values.
const REST: &str = "*";

impl Document {
    /// Checks the document and returns its values.
    ///
    /// # Errors
    /// When a key has an unexpected value, or the axes and patterns do not form a lattice.
    pub fn config(&self) -> Result<Config> {
        self.read().map_err(|error| error.in_text(&self.to_string()))
    }

    fn read(&self) -> Result<Config> {
        let reader = Reader { origin: self.origin() };
        let top = self.table();
        let lattice = reader.lattice(top)?;
        let wrap = |source| reader.wrap(source);
        let pattern = |key: &str, root: &str| -> Result<Pattern> {
            let text = reader.text(top, key)?.unwrap_or_else(|| default_pattern(&lattice, root));
            Pattern::parse(&lattice, &text).map_err(wrap)
        };
        let (branch, flake) = (pattern("branch", DEFAULT_BRANCH)?, pattern("flake", DEFAULT_FLAKE)?);
        let base = reader.base(top)?;
        let remote = reader.remote(top)?;
        let (lattice, branch, flake) = (Arc::new(lattice), Arc::new(branch), Arc::new(flake));
        let naming = Naming { lattice: Arc::clone(&lattice), branch: Arc::clone(&branch), flake: Arc::clone(&flake) };
        Ok(Config {
            base,
            remote,
            branch,
            flake,
            naming: naming.into(),
            template: reader.text(top, "template")?,
            systems: reader.systems(top, &lattice)?,
            promote: reader.promote(top, &lattice)?,
            build: reader.build(top)?,
            proposal: reader.proposal(top)?,
            lint: reader.lint(top)?,
            hooks: reader.hooks(top)?,
            unknown: unknown_keys(top),
            ignored: Vec::new(),
            fingerprint: fingerprint(&self.to_string()),
            lattice,
        })
    }
}

/// `feature/{component}/{arch}/{phase}/{step}`: every axis, at equal depth.
pub(super) fn default_pattern(lattice: &Lattice, root: &str) -> String {
    lattice.axes().iter().fold(root.to_owned(), |text, axis| format!("{text}/{{{}}}", axis.name))
}

/// 64-bit FNV-1a: unlike the standard library's hasher, the same on all machines and compiler versions.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn unknown_keys(top: &dyn TableLike) -> Vec<String> {
    let unknown_in = |table: &dyn TableLike, path: &str, known: &[&str]| -> Vec<String> {
        table.iter().filter(|(key, _)| !known.contains(key)).map(|(key, _)| format!("{path}{key}")).collect()
    };
    let mut unknown = unknown_in(top, "", &TOP_KEYS);
    let tables = [
        ("promote", &PROMOTE_KEYS[..]),
        ("build", &BUILD_KEYS[..]),
        ("lint", &LINT_KEYS[..]),
        ("hooks", &HOOKS_KEYS[..]),
    ];
    for (name, known) in tables {
        let table = top.get(name).and_then(Item::as_table_like);
        unknown.extend(table.map(|table| unknown_in(table, &format!("{name}."), known)).unwrap_or_default());
    }
    let axes = top.get("axes").and_then(Item::as_table_like);
    for (name, item) in axes.iter().flat_map(|axes| axes.iter()) {
        let table = item.as_table_like();
        unknown.extend(table.map(|table| unknown_in(table, &format!("axes.{name}."), &AXIS_KEYS)).unwrap_or_default());
    }
    unknown
}

pub(super) struct Reader<'a> {
    origin: &'a str,
}

impl Reader<'_> {
    pub(super) fn bad(&self, key: &str, why: impl Into<String>) -> Error {
        let (origin, key) = (self.origin.to_owned(), key.to_owned());
        Error::Key { origin, key, why: why.into(), near: None, place: None }
    }

    /// The error for a missing key. It names an unknown key whose spelling is similar.
    fn missing(&self, top: &dyn TableLike, key: &'static str, why: &str) -> Error {
        let is_typo = |unknown: &String| keys::similar(unknown).as_deref() == Some(key);
        match unknown_keys(top).into_iter().find(is_typo) {
            Some(typo) => {
                let (origin, why) = (self.origin.to_owned(), format!("is not a known key, and `{key}` is missing"));
                Error::Key { origin, key: typo, why, near: Some(key), place: None }
            }
            None => self.bad(key, why),
        }
    }

    fn base(&self, top: &dyn TableLike) -> Result<BranchName> {
        let base = self.text(top, "base")?.ok_or_else(|| {
            self.missing(top, "base", "is missing: it names the base branch, as in `base = \"main\"`")
        })?;
        BranchName::parse(&base).map_err(|_| self.bad("base", format!("is {base:?}, which is not a valid branch name")))
    }

    /// The remote: `origin` if the key is missing, none if it is empty. Only a name is allowed, since git would also accept
    /// URLs and options.
    fn remote(&self, top: &dyn TableLike) -> Result<Option<String>> {
        let remote = self.text(top, "remote")?.unwrap_or_else(|| "origin".to_owned());
        if remote.is_empty() {
            return Ok(None);
        }
        if is_ref_name(&remote) {
            return Ok(Some(remote));
        }
        Err(self.bad("remote", format!("is {remote:?}, which is not a valid name of a remote")))
    }

    pub(super) fn text(&self, table: &dyn TableLike, key: &str) -> Result<Option<String>> {
        let read =
            |item: &Item| item.as_str().map(str::to_owned).ok_or_else(|| self.bad(key, "must be a string in quotes"));
        table.get(key).map(read).transpose()
    }

    pub(super) fn texts(&self, table: &dyn TableLike, key: &str) -> Result<Vec<String>> {
        table.get(key).map(|item| self.list(item, key)).transpose().map(Option::unwrap_or_default)
    }

    fn list(&self, item: &Item, key: &str) -> Result<Vec<String>> {
        let strings = item
            .as_array()
            .and_then(|array| array.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>());
        strings.ok_or_else(|| self.bad(key, "must be a list of strings: [\"a\", \"b\"]"))
    }

    pub(super) fn table<'t>(&self, table: &'t dyn TableLike, key: &str) -> Result<Option<&'t dyn TableLike>> {
        let read = |item: &'t Item| item.as_table_like().ok_or_else(|| self.bad(key, "must be a table"));
        table.get(key).map(read).transpose()
    }

    /// Paths inside the repository: relative, without `..`.
    pub(super) fn paths(&self, table: &dyn TableLike, key: &str) -> Result<Vec<String>> {
        let paths = self.texts(table, key)?;
        let outside = |path: &&String| {
            path.starts_with('/') || path.split('/').any(|part| matches!(part, "" | "." | ".." | ".git"))
        };
        match paths.iter().find(outside) {
            Some(path) => {
                Err(self
                    .bad(key, format!("has `{path}`: expected paths from the root of the repository, without `..`")))
            }
            None => Ok(paths),
        }
    }

    fn lattice(&self, top: &dyn TableLike) -> Result<Lattice> {
        let axes = self
            .table(top, "axes")?
            .ok_or_else(|| self.missing(top, "axes", "is missing: it declares the axes and their values"))?;
        let axes = axes.iter().map(|(name, item)| self.axis(name, item)).collect::<Result<Vec<_>>>()?;
        Lattice::new(axes).map_err(|source| self.wrap(source))
    }

    pub(super) fn wrap(&self, source: lattice::Error) -> Error {
        Error::Lattice { origin: self.origin.to_owned(), source: source.into(), place: None }
    }

    fn axis(&self, name: &str, item: &Item) -> Result<Axis> {
        let key = format!("axes.{name}");
        let shape = "must be { set = [..] }, { chain = [..] } or { chain = \"name{n}\", from = 0 }";
        let table = item.as_table_like().ok_or_else(|| self.bad(&key, shape))?;
        let from = match table.get("from").map(|item| item.as_integer().and_then(|n| u64::try_from(n).ok())) {
            Some(None) => return Err(self.bad(&key, "has an invalid `from`: expected a number at or above 0")),
            from => from.flatten(),
        };
        let kind = match (table.get("set"), table.get("chain")) {
            (Some(set), None) => Kind::Set(self.listed(set, &format!("{key}.set"))?),
            (None, Some(chain)) => Kind::Chain(self.chain(chain, from, &format!("{key}.chain"))?),
            _ => return Err(self.misspelt(&key, table).unwrap_or_else(|| self.bad(&key, shape))),
        };
        Ok(Axis { name: AxisName::parse(name).map_err(|source| self.wrap(source))?, kind })
    }

    /// The error for the first unknown key of an axis.
    fn misspelt(&self, axis: &str, table: &dyn TableLike) -> Option<Error> {
        let (unknown, _) = table.iter().find(|(key, _)| !AXIS_KEYS.contains(key))?;
        let meant = lattice::nearest(unknown, AXIS_KEYS);
        let near = AXIS_KEYS.into_iter().find(|key| meant.as_deref() == Some(key));
        let (origin, key) = (self.origin.to_owned(), format!("{axis}.{unknown}"));
        let why = "is not a known key: an axis has `set` or `chain`".to_owned();
        Some(Error::Key { origin, key, why, near, place: None })
    }

    fn chain(&self, item: &Item, from: Option<u64>, key: &str) -> Result<Chain> {
        if let Some(text) = item.as_str() {
            return Numbered::parse(text, from.unwrap_or(1)).map(Chain::Open).map_err(|why| self.bad(key, why));
        }
        let Some(table) = item.as_table_like() else {
            return self.listed(item, key).map(Chain::Closed);
        };
        let (mut of, mut rest) = (HashMap::new(), None);
        for (value, item) in table.iter() {
            let key = format!("{key}.{value}");
            if item.as_table_like().is_some() {
                return Err(self.bad(&key, "must be a list or a numbered chain: [\"a\", \"b\"] or \"name{n}\""));
            }
            let chain = self.chain(item, from, &key)?;
            if value == REST {
                rest = Some(Box::new(chain));
            } else {
                of.insert(self.value(value)?, chain);
            }
        }
        Ok(Chain::Per { of, rest })
    }

    fn value(&self, text: &str) -> Result<Value> {
        Value::parse(text).map_err(|source| self.wrap(source))
    }

    fn listed(&self, item: &Item, key: &str) -> Result<Listed> {
        let values = self.list(item, key)?.iter().map(|text| self.value(text)).collect::<Result<Vec<_>>>()?;
        Listed::new(values).map_err(|why| self.bad(key, format!("is not a valid list of values: {why}")))
    }

    fn systems(&self, top: &dyn TableLike, lattice: &Lattice) -> Result<Systems> {
        let table = self.table(top, "systems")?;
        let named = self.text(top, "system-axis")?;
        let axis = match &named {
            Some(name) => Some(lattice.axis_index(name).map_err(|source| self.wrap(source))?),
            None => lattice.axis_index(ARCH).ok(),
        };
        let double = |key: &str, item: &Toml| -> Result<System> {
            let text = item.as_str().ok_or_else(|| self.bad(key, "must be a string in quotes"))?;
            System::parse(text).map_err(|error| self.bad(key, format!("is invalid: {error}")))
        };
        let mut given = HashMap::new();
        for (value, item) in table.iter().flat_map(|table| table.iter()) {
            let key = format!("systems.{value}");
            given.insert(
                value.to_owned(),
                double(&key, item.as_value().ok_or_else(|| self.bad(&key, "must be a string in quotes"))?)?,
            );
        }
        let rest = given.remove(REST);
        let Some(axis) = axis else {
            let why = format!("needs `\"{REST}\" = \"x86_64-linux\"`: there is no axis of architectures");
            return rest
                .map(|rest| Systems::new(None, HashMap::new(), Some(rest)))
                .ok_or_else(|| self.bad("systems", why));
        };
        self.systems_of_axis(lattice, axis, given, rest)
    }

    fn systems_of_axis(
        &self,
        lattice: &Lattice,
        axis: usize,
        mut given: HashMap<String, System>,
        rest: Option<System>,
    ) -> Result<Systems> {
        let name = &lattice.axes()[axis].name;
        let values = lattice.axes()[axis]
            .listed()
            .ok_or_else(|| self.bad("system-axis", format!("names `{name}`, whose values are not listed")))?;
        let mut of = HashMap::new();
        for value in values {
            let system =
                given.remove(value.as_str()).or_else(|| System::of_arch(value.as_str())).or_else(|| rest.clone());
            let why = || format!("has no entry for `{value}` of axis `{name}`, which is not a known architecture");
            of.insert(value.clone(), system.ok_or_else(|| self.bad("systems", why()))?);
        }
        match given.into_keys().min() {
            Some(stray) => Err(self.bad(&format!("systems.{stray}"), format!("is not a value of axis `{name}`"))),
            None => Ok(Systems::new(Some(axis), of, rest)),
        }
    }
}
