//! Failures of a remote, with hints.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;

use super::limits::Stalled;
use crate::config::FILE;
use crate::git::{self, Result, refs};
use crate::limit::Limit;
use crate::process;
use crate::remote_url::without_secrets;

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

/// What git adds when the connection failed, after the reason (pkt-line.c).
const UNREADABLE: [&str; 3] = [
    "Could not read from remote repository.",
    "Please make sure you have the correct access rights",
    "and the repository exists.",
];

/// The lines of git's stderr that give a reason, or its exit status if there are none.
pub(super) fn stderr_lines(stderr: &[u8], status: ExitStatus) -> Vec<String> {
    let text = without_secrets(&String::from_utf8_lossy(stderr));
    let lines = text.lines().map(|line| line.trim().trim_start_matches("fatal: ")).filter(|line| !line.is_empty());
    let (general, reasons): (Vec<_>, Vec<_>) = lines.partition(|line| UNREADABLE.contains(line));
    match (reasons.is_empty(), general.is_empty()) {
        (false, _) => reasons.into_iter().map(str::to_owned).collect(),
        (true, false) => vec!["git could not read from the remote repository".to_owned()],
        (true, true) => vec![format!("git ended with {status}")],
    }
}

/// What to do about a remote that does not exist: `remote` is the name in lattice.toml, `known` are the remotes of the repository.
pub fn missing_remote_hints(remote: Option<&str>, known: &[String]) -> Vec<String> {
    let listed = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let named = format!("`remote` in {FILE} names the remote; this repository has {listed}");
    let add = remote.map(|remote| {
        format!(
            "`git remote add {} URL` adds it; with `remote = \"\"` in {FILE} nothing is pushed",
            process::quote(remote)
        )
    });
    let first = format!("`git remote add NAME URL` adds one; `remote` in {FILE} names it");
    let none = (remote.is_none() && known.is_empty()).then_some(first);
    (!known.is_empty()).then_some(named).into_iter().chain(add).chain(none).collect()
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
