//! Why a remote did not do what it was asked, and what helps.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;

use super::limits::Stalled;
use crate::git::{self, Result, refs};
use crate::limit::Limit;
use crate::process;

/// Why a remote did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteFailure {
    /// In the words of git or of the remote.
    Said(String),
    /// Nothing moved between here and the remote.
    Stalled(Stalled),
}

impl RemoteFailure {
    /// What git says of a refused ref, without the word that it is refused.
    pub fn refused(said: &str) -> Self {
        Self::Said(said.trim_start_matches("[rejected] ").trim_start_matches("[remote rejected] ").to_owned())
    }

    /// Why a git that asked `remote` failed.
    ///
    /// # Errors
    /// `error` itself, where it does not tell of the remote: git could not be run, or the user stopped it.
    pub fn of(error: git::Error, remote: &str) -> Result<Self> {
        match error {
            git::Error::Exe(process::Error::Failed { stderr, status, .. }) => {
                Ok(Self::Said(words(&stderr, status).join("; ")))
            }
            git::Error::Exe(process::Error::Still { limit, .. }) => {
                Ok(Self::Stalled(Stalled { remote: remote.to_owned(), limit }))
            }
            error => Err(error),
        }
    }

    /// Whether another git that moves the same refs was first, by these words of git.
    pub fn says(&self, words: &[&str]) -> bool {
        matches!(self, Self::Said(said) if words.iter().any(|word| said.contains(word)))
    }

    /// Whether another push holds what this one needs.
    pub fn is_busy(&self) -> bool {
        self.says(&BUSY)
    }

    /// What the user can do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Said(said) => lock_hint(said),
            Self::Stalled(_) => Some(Limit::Network.hint()),
        }
    }
}

impl fmt::Display for RemoteFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said(said) => f.write_str(said),
            Self::Stalled(stalled) => stalled.fmt(f),
        }
    }
}

/// By these words git tells that another push holds what this one needs (receive-pack.c, refs.c).
const BUSY: [&str; 6] = [
    "atomic transaction failed",
    "failed to update ref",
    "failed to lock",
    "cannot lock ref",
    "reference already exists",
    "incorrect old value",
];

/// The lines that git said; that it said nothing, where it did not.
pub(super) fn words(stderr: &[u8], status: ExitStatus) -> Vec<String> {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if lines.is_empty() { vec![format!("git ended with {status}")] } else { lines }
}

/// What to do about a lock in the remote's repository, where what it said names one. Only a remote on this machine shows
/// whether the lock is still there.
pub fn lock_hint(said: &str) -> Option<String> {
    let lock: PathBuf = refs::lock_file(said)?.components().collect();
    let (shown, rm) = (lock.display(), process::quote(&lock));
    Some(if lock.exists() {
        format!("if no git is at work there any more, one was killed: `rm {rm}`")
    } else {
        format!(
            "if no git is at work on the remote any more, one was killed there: its administrator can remove `{shown}`"
        )
    })
}
