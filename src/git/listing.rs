//! Results of reading refs: HEAD, and the refs under some prefixes.

use gix::bstr::ByteSlice;

use super::Oid;
use super::names::BranchName;

/// The branch and commit of HEAD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The branch; `None` if HEAD is detached.
    pub branch: Option<BranchName>,
    /// The commit; `None` if the branch is unborn.
    pub commit: Option<Oid>,
}

/// The refs under some prefixes.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Full names and ids, sorted by name.
    pub refs: Vec<(String, Oid)>,
    /// Refs that could not be read, each with the reason.
    pub broken: Vec<String>,
}

impl Listing {
    /// Add one ref as gix read it.
    pub(super) fn take(&mut self, item: std::result::Result<gix::Reference<'_>, String>) {
        match item {
            Ok(reference) => {
                // A symbolic ref such as refs/remotes/origin/HEAD is an alias and not a branch.
                if let Some(id) = reference.try_id() {
                    self.refs.push((reference.name().as_bstr().to_str_lossy().into_owned(), id.detach()));
                }
            }
            Err(error) => self.broken.push(error),
        }
    }
}
