//! How a build ends.

use super::failure::Failure;
use crate::nix::store_path::StorePath;

/// One output of a derivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its name, usually `out`.
    pub name: String,
    /// Where it is.
    pub path: StorePath,
    /// The hash of its contents, as SRI.
    pub nar_hash: String,
}

/// How a build ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The outputs are in the store.
    Built {
        /// What they were made from.
        drv: StorePath,
        /// All outputs that are installed by default.
        outputs: Vec<Output>,
    },
    /// They are not.
    Failed(Failure),
}
