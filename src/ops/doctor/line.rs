//! One line of the doctor: its health, message, and repair.

use std::path::PathBuf;

use crate::git::Change;

/// The health of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// As it should be.
    Ok,
    /// Works, but needs the user's attention.
    Warning,
    /// Must be repaired.
    Error,
}

impl Health {
    /// The word for the table and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What was checked, such as `git`, `nix` or `locks`.
    pub topic: &'static str,
    /// Its health.
    pub health: Health,
    /// The result in a sentence.
    pub message: String,
    /// What to do about it, if possible a command.
    pub remedy: Option<String>,
    /// What `--repair` can do.
    pub repair: Option<Repair>,
}

/// A repair without risk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// Remove files of processes that have ended.
    Remove(Vec<PathBuf>),
    /// Recover an interrupted command.
    Settle,
    /// Install the hooks of this version.
    InstallHooks,
    /// Delete refs that are of no use any more.
    Forget(Vec<Change>),
}

impl Line {
    pub(super) fn new(topic: &'static str, health: Health, message: impl Into<String>) -> Self {
        Self { topic, health, message: message.into(), remedy: None, repair: None }
    }

    pub(super) fn ok(topic: &'static str, message: impl Into<String>) -> Self {
        Self::new(topic, Health::Ok, message)
    }

    pub(super) fn warning(topic: &'static str, message: impl Into<String>) -> Self {
        Self::new(topic, Health::Warning, message)
    }

    pub(super) fn error(topic: &'static str, message: impl Into<String>) -> Self {
        Self::new(topic, Health::Error, message)
    }

    #[must_use]
    pub(super) fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    #[must_use]
    pub(super) fn repair(self, repair: Repair) -> Self {
        Self { repair: Some(repair), remedy: Some("`git lattice doctor --repair`".to_owned()), ..self }
    }
}
