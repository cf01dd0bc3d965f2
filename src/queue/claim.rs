//! Claims: which process builds what.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Queue, Result, at};
use crate::git::{Oid, Shared, hex};

/// What a process builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The process: the worker, or a build in the foreground.
    pub pid: u32,
    /// Whether it is the worker.
    pub background: bool,
    /// Since when, in milliseconds since 1970.
    pub since: u64,
    /// How many seconds it will take, by earlier records.
    #[serde(default)]
    pub expected: Option<u64>,
    /// The build keys.
    #[serde(with = "hex::list")]
    keys: Vec<Oid>,
}

impl Claim {
    pub(super) fn new(keys: &[Oid], background: bool) -> Self {
        Self { pid: std::process::id(), background, since: super::now(), expected: None, keys: keys.to_vec() }
    }

    /// Whether it is on this key.
    pub fn has(&self, key: Oid) -> bool {
        self.keys.contains(&key)
    }
}

/// A claim of ours: it stands while this value, or a process that was given its file, lives.
#[derive(Debug)]
pub struct Held {
    claim: Claim,
    path: PathBuf,
    file: File,
}

impl Held {
    pub(super) fn take(dir: &Path, shared: Shared, claim: Claim) -> Result<Self> {
        let mut number = 0;
        let (path, file) = loop {
            let path = dir.join(format!("{}-{number}.json", claim.pid));
            match shared.open(OpenOptions::new().create_new(true).read(true).write(true), &path) {
                Ok(file) => break (path, file),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(at(&path)(error)),
            }
        };
        file.lock().map_err(at(&path))?;
        let mut held = Self { claim, path, file };
        held.write()?;
        Ok(held)
    }

    /// Another handle of the locked file: whoever has it holds the claim too.
    ///
    /// # Errors
    /// When the system has no more.
    pub fn share(&self) -> Result<File> {
        self.file.try_clone().map_err(at(&self.path))
    }

    /// Says how many seconds it will take.
    ///
    /// # Errors
    /// When the queue cannot be written.
    pub fn expect(&mut self, queue: &Queue, seconds: Option<u64>) -> Result<()> {
        let _guard = queue.guard()?;
        self.claim.expected = seconds;
        self.write()
    }

    /// Gives one key back, because its build is over; whoever else asked for it is served.
    ///
    /// # Errors
    /// When the queue cannot be written.
    pub fn give_back(&mut self, queue: &Queue, key: Oid) -> Result<()> {
        let guard = queue.guard()?;
        guard.remove(key)?;
        self.claim.keys.retain(|other| *other != key);
        self.write()
    }

    /// In its place, for a lock is on the file and not on the name; only ever under the guard.
    fn write(&mut self) -> Result<()> {
        let bytes = serde_json::to_vec(&self.claim).unwrap_or_default();
        let mut write = || {
            self.file.set_len(0)?;
            self.file.rewind()?;
            self.file.write_all(&bytes)
        };
        write().map_err(at(&self.path))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        fs::remove_file(&self.path).ok();
    }
}

/// The claims that somebody holds; what the dead have left is removed. Only under the guard.
pub(super) fn living(dir: &Path) -> Result<Vec<Claim>> {
    let mut claims = Vec::new();
    for entry in fs::read_dir(dir).map_err(at(dir))? {
        let path = entry.map_err(at(dir))?.path();
        // Whoever built that may be done with it by now.
        let Ok(file) = File::open(&path) else { continue };
        if file.try_lock_shared().is_ok() {
            fs::remove_file(&path).ok();
        } else if let Some(claim) =
            super::job::read_small(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok())
        {
            claims.push(claim);
        }
    }
    Ok(claims)
}
