//! The local queue: what is to be built in the background, and what is being built, for all worktrees of a repository.
//!
//! A *job* asks for one build key; the *spool* keeps jobs, a file each, until they are over. A *claim* says that a process is
//! building some keys: it counts only while that process holds the claim's file locked, so that nobody has to believe what a
//! process that was killed has left. The *worker* takes the jobs one after another and holds a lock of its own. Whoever looks or
//! changes anything holds the *guard*, for moments only: that is why nobody can put in a job for a worker that is just leaving.
//!
//! Under `lattice/queue` in the common dir: `lock` (the guard's), `worker`, `jobs/KEY.json`, `claims/PID-N.json`, `cancel/KEY`, and
//! `aside/NAME.json` for what came to nothing.

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
pub use job::{Aside, Asked, AtLimit, Job, now};

/// How long the guard is waited for: a process holds it for moments, unless it was stopped (Ctrl-Z).
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a checkout waits for it.
const PATIENCE_OF_CHECKOUT: Duration = Duration::from_millis(15);
/// How many jobs a checkout reads.
const JOBS_OF_CHECKOUT: usize = 256;
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// A file of the queue could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading or writing failed.
    #[error("could not use `{}`", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody holds the queue for too long.
    #[error("the queue is held by another process: `{}` is locked", path.display())]
    Busy {
        /// The lock.
        path: PathBuf,
    },
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Busy { .. } => {
                Some("a git-lattice may have been stopped in the middle (Ctrl-Z): let it go on, or end it")
            }
            Self::Io { .. } => None,
        }
    }
}

/// `Result` with this shelf's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// The queue of a repository.
#[derive(Debug, Clone)]
pub struct Queue {
    dir: PathBuf,
    shared: Shared,
}

impl Queue {
    /// The queue of a repository; nothing is made or read.
    pub fn of(repo: &Repo) -> Self {
        Self { dir: repo.common_dir().join("lattice").join("queue"), shared: repo.shared() }
    }

    /// Holds the queue, which is made where it is missing.
    ///
    /// # Errors
    /// When its folder cannot be written, or somebody holds it for too long.
    pub fn guard(&self) -> Result<Guard<'_>> {
        self.hold_within(PATIENCE)
    }

    /// [`Self::guard`] for a checkout, which waits: `None` where another process holds the queue, or there are many jobs in it.
    ///
    /// # Errors
    /// When its folder cannot be written.
    pub fn guard_for_checkout(&self) -> Result<Option<Guard<'_>>> {
        let jobs = fs::read_dir(self.dir.join("jobs")).map_or(0, |jobs| jobs.take(JOBS_OF_CHECKOUT + 1).count());
        if jobs > JOBS_OF_CHECKOUT {
            return Ok(None);
        }
        match self.hold_within(PATIENCE_OF_CHECKOUT) {
            Err(Error::Busy { .. }) => Ok(None),
            held => held.map(Some),
        }
    }

    fn hold_within(&self, patience: Duration) -> Result<Guard<'_>> {
        for name in ["jobs", "claims", "cancel", "aside"] {
            let dir = self.dir.join(name);
            self.shared.create_dir_all(&dir).map_err(at(&dir))?;
        }
        let path = self.dir.join("lock");
        let file = self.open_lock(&path)?;
        hold(&file, &path, patience)?;
        Ok(Guard::new(self, file))
    }

    /// What there is at this moment; where there never was a queue, nothing, and none is made.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub fn look(&self) -> Result<Snapshot> {
        if self.is_idle() {
            return Ok(Snapshot::default());
        }
        self.guard()?.snapshot()
    }

    /// Whether there is neither a job nor a claim, as two folders tell without any lock.
    fn is_idle(&self) -> bool {
        let is_empty =
            |name: &str| fs::read_dir(self.dir.join(name)).map_or(true, |mut entries| entries.next().is_none());
        is_empty("jobs") && is_empty("claims")
    }

    /// The job for a key.
    pub fn job(&self, key: Oid) -> Option<Job> {
        job::read(&self.job_path(key)).ok()
    }

    /// Whether somebody asked to cancel the build of a key.
    pub fn is_cancelled(&self, key: Oid) -> bool {
        self.dir.join("cancel").join(key.to_string()).exists()
    }

    /// Why the last job for a key came to nothing, if it did.
    pub fn aside(&self, key: Oid) -> Option<Aside> {
        let bytes = job::read_small(&self.dir.join("aside").join(format!("{key}.json"))).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Opens a file that is there to be locked.
    fn open_lock(&self, path: &Path) -> Result<File> {
        let mut options = OpenOptions::new();
        self.shared.open(options.create(true).truncate(false).write(true), path).map_err(at(path))
    }

    /// Writes a file so that it is seen whole or not at all.
    fn write_whole(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        temporary::replace(path, |new| self.shared.write(new, bytes)).map_err(at(path))
    }

    fn job_path(&self, key: Oid) -> PathBuf {
        self.dir.join("jobs").join(format!("{key}.json"))
    }
}

fn hold(file: &File, path: &Path, patience: Duration) -> Result<()> {
    let until = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(source)) => return Err(Error::Io { path: path.to_owned(), source }),
            Err(TryLockError::WouldBlock) if Instant::now() > until => {
                return Err(Error::Busy { path: path.to_owned() });
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK_AGAIN),
        }
    }
}

/// Removes a file; that it is not there is as good.
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
