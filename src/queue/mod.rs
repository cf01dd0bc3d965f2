//! The local build queue, shared by all worktrees of a repository.
//!
//! A *job* is a request to build one key; the *spool* stores each job in a file until it ends. A *claim* says that a process is
//! building some keys. It is valid only while that process keeps the claim's file locked, so a killed process leaves no valid
//! claim. The *worker* builds the jobs one after another and holds a lock of its own. Every process that reads or changes the
//! queue holds the *guard* for a short time, so no job can be added for a worker that is about to exit.
//!
//! Files under `lattice/queue` in the common dir: `lock` (the guard), `worker`, `jobs/KEY.json`, `claims/PID-N.json`,
//! `cancel/KEY`, and `aside/NAME.json` for jobs that did not succeed.

mod claim;
mod guard;
mod job;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::git::{Oid, Repo, Shared};
use crate::temporary;

pub use claim::{Claim, Held};
pub use guard::{Guard, Next, Put, Snapshot};
pub use job::{AtLimit, FailedJob, Job, RequestedBy, now};

/// How long to wait for the guard. It is held briefly, unless its process was suspended (Ctrl-Z).
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a checkout waits for the guard.
const CHECKOUT_LOCK_TIMEOUT: Duration = Duration::from_millis(15);
/// Maximum number of jobs in the queue for a checkout to read it.
const MAX_CHECKOUT_JOBS: usize = 256;
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// A file of the queue could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading or writing failed.
    #[error("could not use `{}`", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Another process has held the lock for too long.
    #[error("another process is using the queue: `{}` is locked", path.display())]
    Busy {
        /// The lock file.
        path: PathBuf,
    },
}

impl Error {
    /// What the user can do about the error.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Busy { .. } => {
                Some("a git-lattice process may be suspended (Ctrl-Z): resume it with `fg`, or end it")
            }
            Self::Io { .. } => None,
        }
    }
}

/// `Result` with the queue's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// The queue of a repository.
#[derive(Debug, Clone)]
pub struct Queue {
    dir: PathBuf,
    shared: Shared,
}

impl Queue {
    /// Name the queue of a repository, without reading or creating files.
    pub fn of(repo: &Repo) -> Self {
        Self { dir: repo.common_dir().join("lattice").join("queue"), shared: repo.shared() }
    }

    /// Lock the queue, and create it if it is missing.
    ///
    /// # Errors
    /// When its directory cannot be written, or another process holds the lock for too long.
    pub fn guard(&self) -> Result<Guard<'_>> {
        self.lock_within(LOCK_TIMEOUT)
    }

    /// Like [`Self::guard`], but fast enough for a checkout: `None` if the queue is locked or has many jobs.
    ///
    /// # Errors
    /// When its folder cannot be written.
    pub fn guard_for_checkout(&self) -> Result<Option<Guard<'_>>> {
        let jobs = fs::read_dir(self.dir.join("jobs")).map_or(0, |jobs| jobs.take(MAX_CHECKOUT_JOBS + 1).count());
        if jobs > MAX_CHECKOUT_JOBS {
            return Ok(None);
        }
        match self.lock_within(CHECKOUT_LOCK_TIMEOUT) {
            Err(Error::Busy { .. }) => Ok(None),
            held => held.map(Some),
        }
    }

    fn lock_within(&self, timeout: Duration) -> Result<Guard<'_>> {
        for name in ["jobs", "claims", "cancel", "aside"] {
            let dir = self.dir.join(name);
            self.shared.create_dir_all(&dir).map_err(at(&dir))?;
        }
        let path = self.dir.join("lock");
        let file = self.open_lock(&path)?;
        lock_within(&file, &path, timeout)?;
        Ok(Guard::new(self, file))
    }

    /// Read the queue. A missing queue reads as empty and is not created.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub fn look(&self) -> Result<Snapshot> {
        if self.is_idle() {
            return Ok(Snapshot::default());
        }
        self.guard()?.snapshot()
    }

    /// Whether there are no jobs and no claims; reads two directories without a lock.
    fn is_idle(&self) -> bool {
        let is_empty =
            |name: &str| fs::read_dir(self.dir.join(name)).map_or(true, |mut entries| entries.next().is_none());
        is_empty("jobs") && is_empty("claims")
    }

    /// Read the job for a key.
    pub fn job(&self, key: Oid) -> Option<Job> {
        job::read(&self.job_path(key)).ok()
    }

    /// Whether a cancel request exists for a key.
    pub fn is_cancelled(&self, key: Oid) -> bool {
        self.dir.join("cancel").join(key.to_string()).exists()
    }

    /// Read why the last job for a key did not succeed, if it did not.
    pub fn aside(&self, key: Oid) -> Option<FailedJob> {
        let bytes = job::read_small(&self.dir.join("aside").join(format!("{key}.json"))).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Open a lock file, and create it if it is missing.
    fn open_lock(&self, path: &Path) -> Result<File> {
        let mut options = OpenOptions::new();
        self.shared.open(options.create(true).truncate(false).write(true), path).map_err(at(path))
    }

    /// Replace a file atomically.
    fn write_atomically(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        temporary::replace(path, |new| self.shared.write(new, bytes)).map_err(at(path))
    }

    fn job_path(&self, key: Oid) -> PathBuf {
        self.dir.join("jobs").join(format!("{key}.json"))
    }
}

fn lock_within(file: &File, path: &Path, timeout: Duration) -> Result<()> {
    let until = Instant::now() + timeout;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(source)) => return Err(Error::Io { path: path.to_owned(), source }),
            Err(TryLockError::WouldBlock) if Instant::now() > until => {
                return Err(Error::Busy { path: path.to_owned() });
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(POLL_INTERVAL),
        }
    }
}

/// Remove a file. A missing file is not an error.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}
