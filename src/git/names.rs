//! Full ref names of branches and remote-tracking branches.

pub use crate::branch_name::BranchName;

/// The prefix of branch refs.
pub const HEADS: &str = "refs/heads/";
/// The prefix of remote-tracking refs, followed by the remote.
pub const REMOTES: &str = "refs/remotes/";
/// The prefix of markers, followed by the remote: its branch of that name, at that commit, has another name here.
pub const RENAMED: &str = "refs/lattice/renamed/";

impl BranchName {
    /// The branch of a full ref name; `None` if the ref is not a branch.
    pub fn of_ref(full: &str) -> Option<Self> {
        short(full).map(Self::known)
    }

    /// The full name of its ref.
    pub fn full_ref(&self) -> String {
        full(self)
    }

    /// The full name of the marker that says that this branch of `remote` has another name here.
    pub fn renamed(&self, remote: &str) -> String {
        renamed_under(remote, self)
    }

    /// The full name of its remote-tracking ref for `remote`.
    pub fn tracking(&self, remote: &str) -> String {
        tracking_under(remote, self)
    }
}

/// The ref prefix of the branches under a directory (`feature/`, or empty for all).
pub fn heads_under(dir: &str) -> String {
    full(dir)
}

/// The ref prefix of a remote's tracking branches under a directory.
pub fn tracking_under(remote: &str, dir: &str) -> String {
    format!("{REMOTES}{remote}/{dir}")
}

/// The ref prefix of the markers of a remote's renamed branches under a directory.
pub fn renamed_under(remote: &str, dir: &str) -> String {
    format!("{RENAMED}{remote}/{dir}")
}

/// The branch name of a marker's full name.
pub fn short_renamed<'n>(full: &'n str, remote: &str) -> Option<&'n str> {
    full.strip_prefix(RENAMED)?.strip_prefix(remote)?.strip_prefix('/')
}

/// The symbolic ref to the default branch of a remote.
pub fn remote_head(remote: &str) -> String {
    tracking_under(remote, "HEAD")
}

/// The branch name of a full ref name.
pub fn short(full: &str) -> Option<&str> {
    full.strip_prefix(HEADS)
}

/// The branch name of a full remote-tracking ref name.
pub fn short_tracking<'n>(full: &'n str, remote: &str) -> Option<&'n str> {
    full.strip_prefix(REMOTES)?.strip_prefix(remote)?.strip_prefix('/')
}

/// The name to display: short for a branch, full for other refs.
pub fn shown(full: &str) -> &str {
    short(full).unwrap_or(full)
}

/// The full name of a branch's ref, or a pattern of such names.
pub(super) fn full(branch: &str) -> String {
    format!("{HEADS}{branch}")
}

/// Whether this is a valid full ref name (git-check-ref-format(1)).
pub fn is_full_name(name: &str) -> bool {
    name.starts_with("refs/") && gix::refs::FullName::try_from(name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_invalid_full_names() {
        assert!(is_full_name("refs/heads/feature/a+b/step1") && is_full_name("refs/notes/lattice/0f"));
        for name in ["HEAD", "refs/heads/../../x", "refs/heads/a\0b", "refs/heads/a b", "refs/heads/x.lock", "/etc/x"] {
            assert!(!is_full_name(name), "{name:?}");
        }
    }

    #[test]
    fn full_names_convert_to_branches_and_back() {
        let branch = BranchName::parse("feature/a").unwrap();
        assert_eq!(BranchName::of_ref(&branch.full_ref()), Some(branch.clone()));
        assert_eq!(short_tracking(&branch.tracking("origin"), "origin"), Some("feature/a"));
        assert_eq!(short_tracking(&branch.tracking("origin2"), "origin"), None);
        assert_eq!(short_renamed(&branch.renamed("origin"), "origin"), Some("feature/a"));
        assert_eq!((short("refs/notes/x"), shown("refs/notes/x"), shown("refs/heads/x")), (None, "refs/notes/x", "x"));
    }
}
