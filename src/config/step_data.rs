//! The `config.toml` of a point: the bytes of the user, and the keys that git-lattice reads.

use toml_edit::{Item, Key, Table, TableLike, Value};

use super::step_keys::StepKeys;
use super::{Flaw, document};
use crate::template::{FlakeInputs, RUST_SOURCE, TREES, Tree};

/// The `config.toml` of a point for which the user gave none.
const MINIMAL: &str = "# Data of this step. The flake beside this file can read it.\n";

/// The keys that name the parent branch of a first point.
const BASE_KEYS: [&str; 2] = ["nix.base_branch", "git.base_branch"];

/// What an older generator wrote for an input that it did not find.
const NOT_FOUND: &str = "not-found";

/// The `config.toml` of a point; the bytes are known to be TOML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepData {
    bytes: Vec<u8>,
    /// The inputs of a flake that `[nix]` names.
    pub flake_inputs: FlakeInputs,
    /// The key that names the parent branch of a first point, and that branch.
    pub base_branch: Option<(&'static str, String)>,
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
        let has_inputs = ["sources", "seeds"].iter().any(|key| toml.contains_key(key));
        let keys = StepKeys::new(toml);
        Ok(Self { bytes, flake_inputs: flake_inputs(&keys), base_branch: keys.first_text(BASE_KEYS), has_inputs })
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
        Self { bytes, flake_inputs: FlakeInputs::default(), base_branch: None, has_inputs: false }
    }

    /// Its keys.
    #[must_use]
    pub fn keys(&self) -> StepKeys {
        // The bytes are known to be TOML.
        StepKeys::new(document::parse(&self.bytes).unwrap_or_default())
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

/// The inputs that `[nix]` names. The Rust source is none where other keys name it.
fn flake_inputs(keys: &StepKeys) -> FlakeInputs {
    let text = |key: &str| keys.text(&format!("nix.{key}")).filter(|text| text != NOT_FOUND);
    let has_source =
        || keys.has("sources.rust") || (keys.text("rust.version").is_some() && keys.text("rust.hash").is_some());
    let trees = TREES.into_iter().filter(|(name, _)| *name != RUST_SOURCE || !has_source());
    let tree = |(name, keys): (_, &[&str])| Some(Tree { name, url: keys.iter().find_map(|key| text(key))? });
    FlakeInputs { nixpkgs: text("nixpkgs_path"), trees: trees.filter_map(tree).collect() }
}
