//! Full names of refs: the one place that knows where git keeps branches and what remotes have.

pub use crate::branch_name::BranchName;

/// What the full names of branches begin with.
pub const HEADS: &str = "refs/heads/";
/// What the full names of remote-tracking branches begin with; then comes the remote.
pub const REMOTES: &str = "refs/remotes/";

impl BranchName {
    /// The branch whose ref this is; `None` for a ref that is no branch.
    pub fn of_ref(full: &str) -> Option<Self> {
        short(full).map(Self::known)
    }

    /// The full name of its ref.
    pub fn full_ref(&self) -> String {
        full(self)
    }

    /// The full name of the ref that tells where `remote` had it at the last fetch.
    pub fn tracking(&self, remote: &str) -> String {
        tracking_under(remote, self)
    }
}

/// What the full names of the branches under a directory begin with (`feature/`, or nothing for all).
pub fn heads_under(dir: &str) -> String {
    full(dir)
}

/// The same for the branches of a remote as last fetched.
pub fn tracking_under(remote: &str, dir: &str) -> String {
    format!("{REMOTES}{remote}/{dir}")
}

/// The symbolic ref that tells which branch of a remote is its main one.
pub fn remote_head(remote: &str) -> String {
    tracking_under(remote, "HEAD")
}

/// The name of a branch from its ref's full name.
pub fn short(full: &str) -> Option<&str> {
    full.strip_prefix(HEADS)
}

/// The name of a remote's branch from the full name of the ref that tracks it.
pub fn short_tracking<'n>(full: &'n str, remote: &str) -> Option<&'n str> {
    full.strip_prefix(REMOTES)?.strip_prefix(remote)?.strip_prefix('/')
}

/// A branch as users call it; other refs in full.
pub fn shown(full: &str) -> &str {
    short(full).unwrap_or(full)
}

/// The full name of a branch's ref, or a pattern of such names.
pub(super) fn full(branch: &str) -> String {
    format!("{HEADS}{branch}")
}

/// Whether this is the full name of a ref, as git-check-ref-format(1) allows one.
pub fn is_full_name(name: &str) -> bool {
    name.starts_with("refs/") && gix::refs::FullName::try_from(name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        assert!(is_full_name("refs/heads/feature/a+b/step1") && is_full_name("refs/notes/lattice/0f"));
        for name in ["HEAD", "refs/heads/../../x", "refs/heads/a\0b", "refs/heads/a b", "refs/heads/x.lock", "/etc/x"] {
            assert!(!is_full_name(name), "{name:?}");
        }
    }

    #[test]
    fn full_names_lead_back_to_their_branches() {
        let branch = BranchName::parse("feature/a").unwrap();
        assert_eq!(BranchName::of_ref(&branch.full_ref()), Some(branch.clone()));
        assert_eq!(short_tracking(&branch.tracking("origin"), "origin"), Some("feature/a"));
        assert_eq!(short_tracking(&branch.tracking("origin2"), "origin"), None);
        assert_eq!((short("refs/notes/x"), shown("refs/notes/x"), shown("refs/heads/x")), (None, "refs/notes/x", "x"));
    }
}
