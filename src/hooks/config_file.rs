//! Changes the repository's configuration file as git does: under its lock, by a rename.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::config::{self, Entry};
use super::event::Kind;
use crate::git::config_lock::ConfigLock;

/// Why hooks could not be added to the configuration or removed; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read or written.
    #[error("could not change `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// Another git process holds the lock.
    #[error("`{}` exists: another git process is changing the configuration, or was killed while it did", path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
    },
    /// One of our sections was edited by hand, and the edit would be lost.
    #[error(
        "`[hook \"{name}\"]` in `{}` was changed by hand; move your lines to a section of another name and delete this one",
        path.display()
    )]
    Edited {
        /// The file.
        path: PathBuf,
        /// The section's name.
        name: String,
    },
    /// Another process changed the file after it was read for the plan.
    #[error("`{}` was changed by another process meanwhile", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

/// A planned change of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    path: PathBuf,
    before: Vec<u8>,
    after: Vec<u8>,
    summary: Vec<String>,
}

/// The hooks of ours in the configuration file.
///
/// # Errors
/// When it cannot be read.
pub fn status(path: &Path) -> Result<Vec<(Kind, Entry)>, Error> {
    Ok(config::status(&read(path)?))
}

/// Plans to write sections for `kinds` and for all events that have one.
///
/// # Errors
/// When the file cannot be read, or one of our sections was edited by hand.
pub fn plan_install(path: &Path, kinds: &[Kind], binary: Option<&Path>) -> Result<Plan, Error> {
    let before = read(path)?;
    let there = unedited(path, &before)?;
    let is_wanted = |kind: &Kind| kinds.contains(kind) || there.contains(kind);
    let wanted: Vec<Kind> = Kind::ALL.into_iter().filter(is_wanted).collect();
    let after = config::with(&before, &wanted, binary);
    let verb = |kind: &Kind| match (there.contains(kind), after == before) {
        (false, _) => "installed",
        (true, true) => "unchanged",
        (true, false) => "updated",
    };
    let summary = wanted.iter().map(|kind| format!("{kind}: {}", verb(kind))).collect();
    Ok(Plan { path: path.to_owned(), before, after, summary })
}

/// Plans the removal of our sections, which restores the previous content of the file.
///
/// # Errors
/// When the file cannot be read, or one of our sections was edited by hand.
pub fn plan_uninstall(path: &Path) -> Result<Plan, Error> {
    let before = read(path)?;
    let summary = unedited(path, &before)?.iter().map(|kind| format!("{kind}: removed")).collect();
    let after = config::without(&before);
    Ok(Plan { path: path.to_owned(), before, after, summary })
}

fn unedited(path: &Path, text: &[u8]) -> Result<Vec<Kind>, Error> {
    let edited = |kind| Error::Edited { path: path.to_owned(), name: config::name(kind) };
    let unedited = |(kind, entry): (Kind, Entry)| if entry.edited { Err(edited(kind)) } else { Ok(kind) };
    config::status(text).into_iter().map(unedited).collect()
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.before == self.after
    }

    /// Applies the plan, if the file has not changed since the plan was made.
    ///
    /// # Errors
    /// When the file has changed or cannot be written; it is left as it was.
    pub fn apply(&self) -> Result<(), Error> {
        if self.is_unchanged() {
            return Ok(());
        }
        // Like git, follow a symbolic link rather than replace it.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let lock = lock(&path)?;
        if read(&path)? != self.before {
            return Err(Error::Changed { path });
        }
        lock.replace(&path, &self.after).map_err(|source| Error::Io { path, source })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "hooks in {}:", self.path.display())?;
        if self.summary.is_empty() {
            writeln!(f, "  nothing to do")?;
        }
        self.summary.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

fn lock(config: &Path) -> Result<ConfigLock, Error> {
    let path = ConfigLock::path_of(config);
    match ConfigLock::take(config) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(Error::Locked { path }),
        Err(source) => Err(Error::Io { path, source }),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    match fs::read(path) {
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|source| Error::Io { path: path.to_owned(), source }),
    }
}
