//! A point's `config.toml`: bytes that are the user's own, and what git-lattice itself reads in them.

use toml_edit::{Item, TableLike};

use super::{Flaw, document};

/// What a point's `config.toml` says when the user gave none.
const MINIMAL: &str = "# The data of this step: what is written here, the flake beside it can read.\n";

/// A point's `config.toml`, parsed when it is made: the bytes are TOML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepData {
    bytes: Vec<u8>,
    /// `[nix] nixpkgs_path`: the nixpkgs input.
    pub nixpkgs_path: Option<String>,
    /// `[nix] base_branch`: the branch that a first point grows from.
    pub base_branch: Option<String>,
    /// Whether `[rust]` says `version` and `hash`, which the template `rust` needs.
    pub has_rust: bool,
}

impl StepData {
    /// Reads the bytes of a `config.toml`.
    ///
    /// # Errors
    /// When they are not UTF-8 or not TOML, with line and column.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, Flaw> {
        let toml = document::parse(&bytes)?;
        let (nix, rust) = (toml.get("nix").and_then(Item::as_table_like), toml.get("rust"));
        let has_rust =
            ["version", "hash"].iter().all(|key| rust.and_then(|rust| rust.get(key)).is_some_and(Item::is_str));
        let (nixpkgs_path, base_branch) = (text(nix, "nixpkgs_path"), text(nix, "base_branch"));
        Ok(Self { bytes, nixpkgs_path, base_branch, has_rust })
    }

    /// What a step has for which the user gave no data.
    #[must_use]
    pub fn minimal() -> Self {
        Self { bytes: MINIMAL.as_bytes().to_vec(), nixpkgs_path: None, base_branch: None, has_rust: false }
    }

    /// The bytes, as they were read.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A text that is there and not empty.
fn text(table: Option<&dyn TableLike>, key: &str) -> Option<String> {
    table?.get(key)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
