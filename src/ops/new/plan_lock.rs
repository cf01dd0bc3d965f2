//! A lock for making points: a plan is valid only if no other process has made points since the plan began.
//!
//! Each process that makes points locks `lattice/points` in the common dir and writes a new stamp into it. If the stamp
//! is unchanged since a plan began, the plan has seen all points that git-lattice made in this repository.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use crate::git::{Repo, Shared};
use crate::lock::{self, Error};
use crate::record::store::random_name;

/// How long to wait for other processes: each needs milliseconds, unless Nix locks inputs.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// The first character of a stamp while points are being made.
const IN_PROGRESS: char = '*';

/// The lock file of a repository.
pub(in crate::ops) struct PlanLock {
    path: PathBuf,
    shared: Shared,
}

/// The lock held by this process, released on drop.
pub(in crate::ops) struct PlanLockGuard {
    path: PathBuf,
    file: File,
}

impl PlanLock {
    pub(in crate::ops) fn of(repo: &Repo) -> Self {
        Self { path: repo.common_dir().join("lattice").join("points"), shared: repo.shared() }
    }

    /// The current stamp.
    pub(in crate::ops) fn stamp(&self) -> String {
        fs::read_to_string(&self.path).unwrap_or_default()
    }

    /// Waits for the lock.
    pub(in crate::ops) fn take(&self) -> Result<PlanLockGuard, Error> {
        let (path, dir) = (self.path.clone(), self.path.parent().unwrap_or(&self.path));
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        let open = || self.shared.create_dir_all(dir).and_then(|()| self.shared.open(&options, &self.path));
        let file = open().map_err(|source| Error::Io { path: path.clone(), source })?;
        Ok(PlanLockGuard { file: lock::acquire(file, &path, LOCK_TIMEOUT)?, path })
    }
}

impl PlanLockGuard {
    /// Whether a plan begun at `stamp`, before the lock was taken, has seen all points.
    pub(in crate::ops) fn is_current(&mut self, stamp: &str) -> Result<bool, Error> {
        let mut there = String::new();
        let read = self.file.rewind().and_then(|()| self.file.read_to_string(&mut there));
        read.map_err(|source| Error::Io { path: self.path.clone(), source })?;
        Ok(there == stamp && !stamp.starts_with(IN_PROGRESS))
    }

    /// Makes points with `action`. Plans begun earlier become invalid, even if this process is killed meanwhile.
    pub(in crate::ops) fn run<T>(&mut self, action: impl FnOnce() -> T) -> Result<T, Error> {
        self.write(&format!("{IN_PROGRESS}{}", random_name()))?;
        let done = action();
        // If this fails, the next process only plans once more.
        self.write(&random_name()).ok();
        Ok(done)
    }

    fn write(&mut self, stamp: &str) -> Result<(), Error> {
        let mut write = || {
            self.file.rewind()?;
            self.file.write_all(stamp.as_bytes())?;
            // Truncate after writing: on a full disk the existing bytes can still be overwritten.
            self.file.set_len(stamp.len() as u64)
        };
        write().map_err(|source| Error::Io { path: self.path.clone(), source })
    }
}
