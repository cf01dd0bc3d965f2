//! Names of branches and remotes, which git checks by the same rules. `git/names.rs` turns them into full ref names.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A branch name as users write it: `main`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchName(Arc<str>);

/// The text is not a valid branch name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a valid branch name")]
pub struct NotABranch(pub String);

impl BranchName {
    /// Parses a branch name.
    ///
    /// # Errors
    /// When git does not accept it.
    pub fn parse(text: &str) -> Result<Self, NotABranch> {
        is_ref_name(text).then(|| Self(text.into())).ok_or_else(|| NotABranch(text.to_owned()))
    }

    /// Wraps a name that is known to be valid: from an existing branch, or encoded by a checked pattern.
    pub(crate) fn known(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for BranchName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&BranchName> for String {
    fn from(name: &BranchName) -> Self {
        name.to_string()
    }
}

impl AsRef<std::ffi::OsStr> for BranchName {
    fn as_ref(&self) -> &std::ffi::OsStr {
        self.as_str().as_ref()
    }
}

impl PartialEq<str> for BranchName {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl serde::Serialize for BranchName {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

/// Returns whether git-check-ref-format(1) accepts `text` as part of a ref name. A leading `-`, which git reads as an option, is
/// refused too.
pub(crate) fn is_ref_name(text: &str) -> bool {
    let is_strange = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
    let is_lock = |part: &str| part.to_ascii_lowercase().ends_with(".lock");
    let is_wrong = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with('.') || is_lock(part);
    !(text.starts_with('-')
        || text == "@"
        || text.contains("..")
        || text.contains("@{")
        || text.contains(is_strange)
        || text.split('/').any(is_wrong))
}

#[cfg(test)]
mod tests {
    use super::BranchName;

    #[test]
    fn refuses_names_that_git_refuses() {
        for name in ["main", "feature/a+b/x86_64/step1", "é"] {
            assert!(BranchName::parse(name).is_ok(), "{name:?}");
        }
        for name in ["", "-d", "@", "a..b", "a@{1}", "a b", "a//b", "/a", "a/", ".a", "a/b.lock", "a\0b", "a:b", "a*"] {
            assert!(BranchName::parse(name).is_err(), "{name:?}");
        }
    }
}
