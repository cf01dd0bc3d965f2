//! What is known of refs once they were read: HEAD, and the refs under some prefixes.

use gix::bstr::ByteSlice;

use super::Oid;
use super::names::BranchName;

/// Where HEAD is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The branch; `None` when detached.
    pub branch: Option<BranchName>,
    /// The commit; `None` when the branch has none yet.
    pub commit: Option<Oid>,
}

/// The refs under some prefixes.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Full names and what they point at, by name.
    pub refs: Vec<(String, Oid)>,
    /// Refs that could not be read, each with the reason.
    pub broken: Vec<String>,
}

impl Listing {
    /// Takes in what gix gives for one ref.
    pub(super) fn take(&mut self, item: std::result::Result<gix::Reference<'_>, String>) {
        match item {
            Ok(reference) => {
                // A symbolic ref, such as refs/remotes/origin/HEAD, is another name and no branch.
                if let Some(id) = reference.try_id() {
                    self.refs.push((reference.name().as_bstr().to_str_lossy().into_owned(), id.detach()));
                }
            }
            Err(error) => self.broken.push(error),
        }
    }
}
