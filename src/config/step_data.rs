//! The `config.toml` of a point: the bytes of the user, and the keys that git-lattice reads.

use toml_edit::{Item, Key, Table, TableLike, Value};

use super::{Flaw, document};

/// The `config.toml` of a point for which the user gave none.
const MINIMAL: &str = "# Data of this step. The flake beside this file can read it.\n";

/// The `config.toml` of a point; the bytes are known to be TOML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepData {
    bytes: Vec<u8>,
    /// `[nix] nixpkgs_path`: the nixpkgs input.
    pub nixpkgs_path: Option<String>,
    /// `[nix] base_branch`: the parent branch of a first point.
    pub base_branch: Option<String>,
    /// Whether `[rust]` has `version` and `hash`, which the template `rust` needs.
    pub has_rust: bool,
    /// Whether there is a key `sources` or `seeds`.
    pub(super) has_inputs: bool,
}

impl StepData {
    /// Parses the bytes of a `config.toml`.
    ///
    /// # Errors
    /// When the bytes are not UTF-8 or not TOML, with line and column.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, Flaw> {
        let toml = document::parse(&bytes)?;
        let (nix, rust) = (toml.get("nix").and_then(Item::as_table_like), toml.get("rust"));
        let has_rust =
            ["version", "hash"].iter().all(|key| rust.and_then(|rust| rust.get(key)).is_some_and(Item::is_str));
        let (nixpkgs_path, base_branch) = (text(nix, "nixpkgs_path"), text(nix, "base_branch"));
        let has_inputs = ["sources", "seeds"].iter().any(|key| toml.contains_key(key));
        Ok(Self { bytes, nixpkgs_path, base_branch, has_rust, has_inputs })
    }

    /// Sets the value at a dotted key; comments and order stay. `value` is a TOML value, else text.
    ///
    /// # Errors
    /// A message when the key is malformed, or a part of it is not a table.
    pub fn with(&self, key: &str, value: &str) -> Result<Self, String> {
        let keys = Key::parse(key).map_err(|_| "expected a key such as `rust.version`".to_owned())?;
        let keys: Vec<&str> = keys.iter().map(Key::get).collect();
        self.set(&keys, value.parse().unwrap_or_else(|_| Value::from(value)))
    }

    /// Sets the value at a path of keys; comments and order stay.
    ///
    /// # Errors
    /// A message when a part of the path is not a table.
    pub(super) fn set(&self, keys: &[&str], new: Value) -> Result<Self, String> {
        let flaw = |flaw: Flaw| flaw.to_string();
        let mut toml = document::parse(&self.bytes).map_err(flaw)?;
        // toml_edit would put new tables before the comments of a file that has nothing else.
        let mut head = String::new();
        if toml.is_empty() {
            head = toml.trailing().as_str().map(|text| format!("{text}\n")).unwrap_or_default();
            toml.set_trailing("");
        }
        let Some((last, tables)) = keys.split_last() else { return Err("it is empty".to_owned()) };
        let mut table: &mut dyn TableLike = toml.as_table_mut();
        for name in tables {
            let item = table.entry(name).or_insert_with(new_table);
            table = item.as_table_like_mut().ok_or_else(|| format!("`{name}` is not a table"))?;
        }
        match table.get_mut(last).map(Item::as_value_mut) {
            Some(Some(old)) => {
                let decor = old.decor().clone();
                *old = new;
                *old.decor_mut() = decor;
            }
            Some(None) => return Err("it is a table".to_owned()),
            None => drop(table.insert(last, Item::Value(new))),
        }
        Self::parse(format!("{head}{toml}").into_bytes()).map_err(flaw)
    }

    /// The data of a step for which the user gave none.
    #[must_use]
    pub fn minimal() -> Self {
        let bytes = MINIMAL.as_bytes().to_vec();
        Self { bytes, nixpkgs_path: None, base_branch: None, has_rust: false, has_inputs: false }
    }

    /// The original bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A table whose header is written only if it has values of its own.
fn new_table() -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    Item::Table(table)
}

/// The string at `key`, unless it is missing or empty.
fn text(table: Option<&dyn TableLike>, key: &str) -> Option<String> {
    table?.get(key)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
