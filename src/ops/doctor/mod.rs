//! Is this machine fit for the work: git, hooks, Nix, linters, the remote, and what earlier commands left behind.

mod leftovers;
mod machine;
mod repository;

use std::path::PathBuf;

use anyhow::Result;

use crate::context::Context;
use crate::env::Environment;

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
    fn new(topic: &'static str, health: Health, message: impl Into<String>) -> Self {
        Self { topic, health, message: message.into(), remedy: None, repair: None }
    }

    fn ok(topic: &'static str, message: impl Into<String>) -> Self {
        Self::new(topic, Health::Ok, message)
    }

    fn warning(topic: &'static str, message: impl Into<String>) -> Self {
        Self::new(topic, Health::Warning, message)
    }

    fn error(topic: &'static str, message: impl Into<String>) -> Self {
        Self::new(topic, Health::Error, message)
    }

    #[must_use]
    fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    #[must_use]
    fn repair(self, repair: Repair) -> Self {
        Self { repair: Some(repair), remedy: Some("`git lattice doctor --repair`".to_owned()), ..self }
    }
}

/// Looks at everything; where there is no repository, at the machine alone.
///
/// `offline` does not ask the remote.
pub fn examine(environment: &Environment, context: Result<&Context, &anyhow::Error>, offline: bool) -> Vec<Line> {
    let repo = context.as_ref().ok().map(|context| &context.repo);
    let mut lines = machine::git(environment, repo);
    match context {
        Ok(context) => {
            lines.extend(repository::examine(context, offline));
            lines.extend(leftovers::examine(&context.repo));
            lines.extend(leftovers::killed(&context.repo));
        }
        Err(why) => lines.push(Line::warning("repository", format!("nothing of one was looked at: {why:#}"))),
    }
    lines.extend(machine::nix());
    lines.extend(repo.and_then(machine::store_apart));
    lines.extend(machine::linters(repo));
    lines
}

/// Does what a line's repair says.
///
/// # Errors
/// When a file cannot be removed or the hooks cannot be written.
pub fn repair(context: &Context, repair: &Repair) -> Result<()> {
    match repair {
        Repair::Remove(files) => leftovers::remove(files),
        Repair::Settle => leftovers::settle(context),
        Repair::InstallHooks => repository::install_hooks(context),
    }
}
