//! Taking turns: a plan counts only as long as no other git-lattice has made points since it was begun.
//!
//! Each process that makes points leaves another stamp in `lattice/points` in the common dir, which it holds locked meanwhile. A plan
//! whose stamp is still there chose its parents from all points that git-lattice made here.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use crate::git::{Repo, Shared};
use crate::lock::{self, Error};
use crate::record::store::random_name;

/// How long the others may take: each needs some milliseconds, unless Nix locks inputs for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a stamp begins while points are being made.
const BEGUN: char = '*';

/// Where the turns of a repository are taken.
pub(super) struct Turns {
    path: PathBuf,
    shared: Shared,
}

/// The turn of this process, which goes with the value.
pub(super) struct Turn {
    path: PathBuf,
    file: File,
}

impl Turns {
    pub(super) fn of(repo: &Repo) -> Self {
        Self { path: repo.common_dir().join("lattice").join("points"), shared: repo.shared() }
    }

    /// The stamp at this moment.
    pub(super) fn stamp(&self) -> String {
        fs::read_to_string(&self.path).unwrap_or_default()
    }

    /// Waits for the turn of this process.
    pub(super) fn take(&self) -> Result<Turn, Error> {
        let (path, dir) = (self.path.clone(), self.path.parent().unwrap_or(&self.path));
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        let open = || self.shared.create_dir_all(dir).and_then(|()| self.shared.open(&options, &self.path));
        let file = open().map_err(|source| Error::Io { path: path.clone(), source })?;
        Ok(Turn { file: lock::hold(file, &path, PATIENCE)?, path })
    }
}

impl Turn {
    /// Whether a plan that was begun at `stamp`, without the turn, knows of all points.
    pub(super) fn counts(&mut self, stamp: &str) -> Result<bool, Error> {
        let mut there = String::new();
        let read = self.file.rewind().and_then(|()| self.file.read_to_string(&mut there));
        read.map_err(|source| Error::Io { path: self.path.clone(), source })?;
        Ok(there == stamp && !stamp.starts_with(BEGUN))
    }

    /// Makes points by `deed`. What was planned before or meanwhile counts no longer, even if this process is killed on the way.
    pub(super) fn during<T>(&mut self, deed: impl FnOnce() -> T) -> Result<T, Error> {
        self.write(&format!("{BEGUN}{}", random_name()))?;
        let done = deed();
        // Where this fails, the next process plans once more; what was made is made.
        self.write(&random_name()).ok();
        Ok(done)
    }

    fn write(&mut self, stamp: &str) -> Result<(), Error> {
        let mut write = || {
            self.file.rewind()?;
            self.file.write_all(stamp.as_bytes())?;
            // Cut afterwards: on a full disk there is room for what was there already.
            self.file.set_len(stamp.len() as u64)
        };
        write().map_err(|source| Error::Io { path: self.path.clone(), source })
    }
}
