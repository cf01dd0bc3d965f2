//! The inputs of generated flakes that a `config.toml` names.

/// The inputs that the table `[nix]` names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct FlakeInputs {
    /// The flake reference of nixpkgs.
    pub nixpkgs: Option<String>,
    /// The source trees.
    pub trees: Vec<Tree>,
}

/// A tree of files as an input, whether it holds a flake or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tree {
    /// The name of the input.
    pub name: &'static str,
    /// Its flake reference.
    pub url: String,
}

/// The input with the Rust source.
pub const RUST_SOURCE: &str = "rust-src";
/// The input with an overlay that adds Rust compilers to nixpkgs.
pub(super) const RUST_OVERLAY: &str = "rust-overlay";

/// The trees that the template `rust` takes, each with its keys in `[nix]`; the first that has a value is used.
pub const TREES: [(&str, &[&str]); 4] = [
    (RUST_SOURCE, &["rust_src_flake_ref", "rust_src_flake_path"]),
    (RUST_OVERLAY, &["rust_overlay_path"]),
    ("rust-bootstrap-nix", &["rust_bootstrap_nix_flake_ref", "rust_bootstrap_nix_path"]),
    ("configuration-nix", &["configuration_nix_path"]),
];

impl FlakeInputs {
    /// The names and flake references.
    pub fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        let nixpkgs = self.nixpkgs.iter().map(|url| ("nixpkgs", url.as_str()));
        nixpkgs.chain(self.trees.iter().map(|tree| (tree.name, tree.url.as_str())))
    }

    /// Whether there is a tree of this name.
    pub fn has_tree(&self, name: &str) -> bool {
        self.trees.iter().any(|tree| tree.name == name)
    }
}
