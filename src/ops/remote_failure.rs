//! Failures of a remote, with hints.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;

use super::limits::Stalled;
use crate::git::{self, Result, refs};
use crate::limit::Limit;
use crate::process;

/// git's message for a branch that does not have the value of the lease (builtin/push.c).
const STALE: &str = "(stale info)";

/// Why a request to a remote failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteFailure {
    /// The message of git or of the remote.
    Message(String),
    /// No data moved for too long.
    Stalled(Stalled),
}

impl RemoteFailure {
    /// From git's status of a refused ref, without the prefix `[rejected]`.
    pub fn refused(message: &str) -> Self {
        let message = message.trim_start_matches("[rejected] ").trim_start_matches("[remote rejected] ");
        Self::Message(if message == STALE {
            format!("the remote has another commit than last fetched {STALE}")
        } else {
            message.to_owned()
        })
    }

    /// From the error of a git command that talks to `remote`.
    ///
    /// # Errors
    /// `error` itself when it is no failure of the remote: git could not be run, or the user interrupted it.
    pub fn of(error: git::Error, remote: &str) -> Result<Self> {
        match error {
            git::Error::Exe(process::Error::Failed { stderr, status, .. }) => {
                Ok(Self::Message(stderr_lines(&stderr, status).join("; ")))
            }
            git::Error::Exe(process::Error::Stalled { limit, .. }) => {
                Ok(Self::Stalled(Stalled { remote: remote.to_owned(), limit }))
            }
            error => Err(error),
        }
    }

    /// Whether the message contains one of `words`.
    pub fn contains_any(&self, words: &[&str]) -> bool {
        matches!(self, Self::Message(message) if words.iter().any(|word| message.contains(word)))
    }

    /// Whether another push holds a lock that this one needs.
    pub fn is_busy(&self) -> bool {
        self.contains_any(&BUSY)
    }

    /// Whether the remote's branch has commits that the pushed one lacks.
    pub fn is_diverged(&self) -> bool {
        self.contains_any(&["fetch first", "non-fast-forward"])
    }

    /// Whether the remote's branch has another value than the lease says.
    pub fn is_stale(&self) -> bool {
        self.contains_any(&[STALE])
    }

    /// A hint for the user, if there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Message(message) => lock_hint(message),
            Self::Stalled(_) => Some(Limit::Network.hint()),
        }
    }
}

impl fmt::Display for RemoteFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => f.write_str(message),
            Self::Stalled(stalled) => stalled.fmt(f),
        }
    }
}

/// Messages of git when another push holds a lock that this one needs (receive-pack.c, refs.c).
const BUSY: [&str; 6] = [
    "atomic transaction failed",
    "failed to update ref",
    "failed to lock",
    "cannot lock ref",
    "reference already exists",
    "incorrect old value",
];

/// The non-empty lines of git's stderr, or its exit status if there are none.
pub(super) fn stderr_lines(stderr: &[u8], status: ExitStatus) -> Vec<String> {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if lines.is_empty() { vec![format!("git ended with {status}")] } else { lines }
}

/// A hint about a lock file in the remote's repository, if the message names one. Only for a remote on this machine is
/// it known whether the file still exists.
pub fn lock_hint(message: &str) -> Option<String> {
    let lock: PathBuf = refs::lock_file(message)?.components().collect();
    let (shown, rm) = (lock.display(), process::quote(&lock));
    Some(if lock.exists() {
        format!("if no git is running there, a killed one left this lock: `rm {rm}`")
    } else {
        format!(
            "if no git is running on the remote, a killed one left this lock: its administrator can remove `{shown}`"
        )
    })
}
