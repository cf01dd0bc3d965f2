//! File locks between several git-lattice processes. The system releases a lock when its process ends, so none is left behind.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// The lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The lock file could not be used.
    #[error("could not lock `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Another process has held it too long.
    #[error("another git-lattice has held `{}` for {seconds} seconds", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// For how long.
        seconds: u64,
    },
}

impl Error {
    /// Returns what the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Busy { path, .. } => {
                Some(format!("`fuser -v {}` shows the process: wait for it, or end it", crate::process::quote(path)))
            }
            Self::Io { .. } => None,
        }
    }
}

/// Locks `file`, waiting at most `patience`. Dropping the file releases the lock.
///
/// # Errors
/// When another process holds the lock for longer.
pub fn acquire(file: File, path: &Path, patience: Duration) -> Result<File, Error> {
    let until = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(source)) => return Err(Error::Io { path: path.to_owned(), source }),
            Err(TryLockError::WouldBlock) if Instant::now() > until => {
                return Err(Error::Busy { path: path.to_owned(), seconds: age(&file) });
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(POLL_INTERVAL),
        }
    }
    // Other processes read this time for `Error::Busy`.
    file.set_modified(SystemTime::now()).ok();
    Ok(file)
}

fn age(file: &File) -> u64 {
    let taken = file.metadata().and_then(|meta| meta.modified());
    taken.ok().and_then(|time| time.elapsed().ok()).map_or(0, |age| age.as_secs())
}
