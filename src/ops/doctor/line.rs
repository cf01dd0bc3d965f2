//! What the doctor says of one thing, and what can be done about it.

use std::path::PathBuf;

/// How a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// As it should be.
    Ok,
    /// Works, but somebody should know.
    Warning,
    /// Must be repaired.
    Error,
}

impl Health {
    /// The word for people and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What was looked at: `git`, `nix`, `locks`.
    pub topic: &'static str,
    /// How it is.
    pub health: Health,
    /// In a sentence.
    pub message: String,
    /// What to do about it: a command where there is one.
    pub remedy: Option<String>,
    /// What `--repair` can do.
    pub repair: Option<Repair>,
}

/// A repair that can do no harm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// These files are of processes that are gone.
    Remove(Vec<PathBuf>),
    /// A command was killed, and the next one that writes would put right what it left.
    Settle,
    /// The hooks are of another version.
    InstallHooks,
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
