//! Branches, and their names taken apart.

use crate::git::Oid;

/// A branch, here or on the remote as last fetched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Branch {
    pub(super) tip: Oid,
    pub(super) is_local: bool,
}

/// A branch whose name has the form of the outline.
pub(super) struct Reading<'n> {
    pub(super) branch: &'n str,
    pub(super) tip: Oid,
    /// The text of each axis.
    pub(super) texts: Vec<&'n str>,
}
