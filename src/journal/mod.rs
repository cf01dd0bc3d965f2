//! The journal: which operations moved which refs, from what to what.
//!
//! An *operation* is what one command did to refs. Before its refs move, a line says what is going to happen (*pending*); another
//! line says afterwards that it happened (*done*), or that it did not (*dropped*). A process that is killed in between leaves the
//! operation pending, and the next command that writes finds out from the refs how far it came.
//!
//! `lattice/journal/operations` in the common dir holds one JSON object per line and is only appended to; a line that cannot be read
//! costs that line. `lattice/journal/lock` is held from before the first line of an operation until after its last, so what is
//! pending while this process holds the lock was left by a process that is gone. All worktrees of a repository share the two.

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

/// How long another process may hold the journal: an operation takes some milliseconds, and hooks of git may run meanwhile.
const PATIENCE: Duration = Duration::from_secs(10);
/// The journal may become this large before old operations are dropped.
const MOST_BYTES: u64 = 1 << 20;

/// The journal could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading or writing failed.
    #[error("could not use the journal `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process holds it.
    #[error("another git-lattice is moving refs in this repository: `{}` is locked", path.display())]
    Busy {
        /// The lock.
        path: PathBuf,
    },
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Busy { .. } => Some("wait for it, or end it: it may have been stopped (Ctrl-Z), or wait for a hook"),
            Self::Io { .. } => Some("no ref was moved: every operation is written to the journal first"),
        }
    }
}

/// `Result` with this shelf's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// The journal of a repository.
#[derive(Debug, Clone)]
pub struct Journal {
    dir: PathBuf,
    most: u64,
    shared: Shared,
}

impl Journal {
    /// The journal of a repository; nothing is made or read.
    pub fn of(repo: &Repo) -> Self {
        Self::in_dir(repo.common_dir(), repo.shared())
    }

    fn in_dir(common_dir: &Path, shared: Shared) -> Self {
        Self { dir: common_dir.join("lattice").join("journal"), most: MOST_BYTES, shared }
    }

    /// Holds the journal, which is made where it is missing.
    ///
    /// # Errors
    /// When it cannot be written, or another process holds it for too long.
    pub fn hold(&self) -> Result<Guard<'_>> {
        self.shared.create_dir_all(&self.dir).map_err(at(&self.dir))?;
        Guard::take(self)
    }

    /// What the journal tells at this moment; where there is none, nothing.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(&self) -> Result<History> {
        Ok(History::of(line::parse(&self.text()?)))
    }

    /// Whether there is anything to be held.
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
