//! Claims: which process builds which keys.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Queue, Result, at};
use crate::git::{Oid, Shared, hex};

/// The build keys that one process is building.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Process id of the worker or of a foreground build.
    pub pid: u32,
    /// Whether the process is the worker.
    pub background: bool,
    /// Start time, in milliseconds since 1970.
    pub since: u64,
    /// Expected duration in seconds, estimated from earlier records.
    #[serde(default)]
    pub expected: Option<u64>,
    /// The build keys.
    #[serde(with = "hex::list")]
    keys: Vec<Oid>,
    /// When the builders of a foreground build started, by key, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    started: BTreeMap<String, u64>,
}

impl Claim {
    pub(super) fn new(keys: &[Oid], background: bool) -> Self {
        let (pid, since, started) = (std::process::id(), super::now(), BTreeMap::new());
        Self { pid, background, since, expected: None, keys: keys.to_vec(), started }
    }

    /// When the build of `key` started, in milliseconds since 1970; `None` while it waits for builds of the same command.
    pub fn started(&self, key: Oid) -> Option<u64> {
        if self.background { Some(self.since) } else { self.started.get(&key.to_string()).copied() }
    }

    /// Whether the claim includes `key`.
    pub fn has(&self, key: Oid) -> bool {
        self.keys.contains(&key)
    }
}

/// A claim of this process. It is released when this value is dropped and no child holds a shared handle.
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

    /// Duplicate the handle of the locked file; a child that inherits it holds the claim too.
    ///
    /// # Errors
    /// When the handle cannot be duplicated.
    pub fn share(&self) -> Result<File> {
        self.file.try_clone().map_err(at(&self.path))
    }

    /// Store the expected duration in seconds.
    ///
    /// # Errors
    /// When the queue cannot be written.
    pub fn set_expected(&mut self, queue: &Queue, seconds: Option<u64>) -> Result<()> {
        let _guard = queue.guard()?;
        self.claim.expected = seconds;
        self.write()
    }

    /// Store that the builder of a key starts now.
    ///
    /// # Errors
    /// When the queue cannot be written.
    pub fn start(&mut self, queue: &Queue, key: Oid) -> Result<()> {
        let _guard = queue.guard()?;
        self.claim.started.entry(key.to_string()).or_insert_with(super::now);
        self.write()
    }

    /// Release one key after its build ended, and remove its job: the build serves every request for the key.
    ///
    /// # Errors
    /// When the queue cannot be written.
    pub fn release(&mut self, queue: &Queue, key: Oid) -> Result<()> {
        let guard = queue.guard()?;
        guard.remove(key)?;
        self.claim.keys.retain(|other| *other != key);
        self.claim.started.remove(&key.to_string());
        self.write()
    }

    /// Rewrite the file in place: the lock belongs to the inode, so the file must not be replaced. Call with the guard held.
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

/// List the claims of live processes and remove stale ones. Call with the guard held.
pub(super) fn live_claims(dir: &Path) -> Result<Vec<Claim>> {
    let mut claims = Vec::new();
    for entry in fs::read_dir(dir).map_err(at(dir))? {
        let path = entry.map_err(at(dir))?.path();
        // The build may have ended since the directory was read.
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
