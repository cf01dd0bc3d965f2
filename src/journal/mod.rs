//! The journal: which operations moved which refs, from what to what.
//!
//! An *operation* is what one command does to refs. Before its refs move, it is written to the journal as *pending*; afterwards
//! another line marks it as *done* or *dropped* (it did not happen). If the process is killed in between, the operation stays
//! pending, and the next command that writes works out from the refs how far it came.
//!
//! `lattice/journal/operations` in the common dir holds one JSON object per line and is append-only; a damaged line is skipped.
//! `lattice/journal/lock` is held from before the first line of an operation until after its last. So an operation that is pending
//! while this process holds the lock was left by a process that has ended. All worktrees of a repository share both files.

mod guard;
mod history;
mod line;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::git::{Repo, Shared};

pub use guard::Guard;
pub use history::{Entry, History, State};
pub use line::{Operation, Origin, Push, PushedRef};

/// How long to wait for another process's lock: an operation takes milliseconds, but git may run hooks during it.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// The size at which the journal drops old operations.
const MAX_BYTES: u64 = 1 << 20;

/// The journal could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading or writing failed.
    #[error("could not use the journal `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error("another git-lattice is moving refs in this repository: `{}` is locked", path.display())]
    Busy {
        /// The lock.
        path: PathBuf,
    },
}

impl Error {
    /// Returns what the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Busy { .. } => Some("wait until it ends, or end it; it may be stopped (Ctrl-Z), or wait for a hook"),
            Self::Io { .. } => Some("no ref was moved: git-lattice writes the journal before it moves refs"),
        }
    }
}

/// `Result` with this module's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// The journal of a repository.
#[derive(Debug, Clone)]
pub struct Journal {
    dir: PathBuf,
    most: u64,
    shared: Shared,
}

impl Journal {
    /// Returns the journal of a repository; does no I/O.
    pub fn of(repo: &Repo) -> Self {
        Self::in_dir(repo.common_dir(), repo.shared())
    }

    fn in_dir(common_dir: &Path, shared: Shared) -> Self {
        Self { dir: common_dir.join("lattice").join("journal"), most: MAX_BYTES, shared }
    }

    /// Locks the journal, creating it if it is missing.
    ///
    /// # Errors
    /// When it cannot be written, or another process holds the lock for too long.
    pub fn lock(&self) -> Result<Guard<'_>> {
        self.shared.create_dir_all(&self.dir).map_err(at(&self.dir))?;
        Guard::take(self)
    }

    /// Reads the journal; a missing one is empty.
    ///
    /// # Errors
    /// When it exists and cannot be read.
    pub fn read(&self) -> Result<History> {
        Ok(History::of(line::parse(&self.text()?)))
    }

    /// Returns whether the journal exists.
    pub fn exists(&self) -> bool {
        self.file().exists()
    }

    fn text(&self) -> Result<String> {
        let path = self.file();
        match fs::read(&path) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(at(&path)(error)),
        }
    }

    fn file(&self) -> PathBuf {
        self.dir.join("operations")
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}
