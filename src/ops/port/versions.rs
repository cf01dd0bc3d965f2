//! The versions of a directory that a port merges.

use super::history::Base;
use crate::git::Oid;
use crate::ops::alike::Directory;

/// The versions of a directory that are merged.
pub(super) struct Versions {
    pub(super) base: Base,
    pub(super) theirs: Directory,
    pub(super) ours: Directory,
    /// The tip of the source.
    pub(super) commit: Oid,
    /// The tip of the sibling.
    pub(super) tip: Oid,
}

impl Versions {
    /// The value of the trailer: `POINT@COMMIT`.
    pub(super) fn source(&self) -> String {
        format!("{}@{}", self.theirs.named.spelled, self.commit)
    }
}
