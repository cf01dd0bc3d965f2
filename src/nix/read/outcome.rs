//! How a build ends.

use super::failure::Failure;
use crate::nix::store_path::StorePath;

/// One output of a derivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its name, usually `out`.
    pub name: String,
    /// Its store path.
    pub path: StorePath,
    /// The NAR hash of its contents (SRI).
    pub nar_hash: String,
}

/// How a build ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The outputs are in the store.
    Built {
        /// The derivation.
        drv: StorePath,
        /// All outputs that are installed by default.
        outputs: Vec<Output>,
    },
    /// The outputs are not in the store.
    Failed(Failure),
}
