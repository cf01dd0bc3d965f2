//! The guard: looking at the queue and changing it, one process at a time.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::claim::{self, Claim, Held};
use super::job::{self, Aside, Job};
use super::{Queue, Result, at, remove};
use crate::git::Oid;

/// The queue, held.
#[derive(Debug)]
pub struct Guard<'q> {
    queue: &'q Queue,
    /// The lock goes with the file.
    _lock: File,
}

/// What there is at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The jobs, the newest first; those that are being built among them.
    pub jobs: Vec<Job>,
    /// What is being built.
    pub claims: Vec<Claim>,
    /// Whether there is a worker.
    pub has_worker: bool,
}

/// What became of a job that was put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is in the queue.
    Queued,
    /// It was there already, and is the newest now.
    Renewed,
    /// Its key is being built.
    Building,
}

/// What the worker does next.
#[derive(Debug)]
pub enum Next {
    /// This job, which is claimed.
    Build(Job, Held),
    /// This job has been begun too often; it is no longer in the queue.
    Worn(Job),
    /// What there is to build, others are building.
    Wait,
    /// There is nothing.
    Nothing,
}

impl Snapshot {
    /// The job for a key.
    pub fn job(&self, key: Oid) -> Option<&Job> {
        self.jobs.iter().find(|job| job.key == key)
    }

    /// The claim on a key.
    pub fn claim(&self, key: Oid) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.has(key))
    }

    /// Whether jobs wait and no worker is there to take them.
    pub fn is_stranded(&self) -> bool {
        !self.jobs.is_empty() && !self.has_worker
    }
}

impl<'q> Guard<'q> {
    pub(super) fn new(queue: &'q Queue, lock: File) -> Self {
        Self { queue, _lock: lock }
    }

    /// What there is. A job that cannot be read is put aside.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot> {
        Ok(Snapshot { jobs: self.jobs()?, claims: claim::living(&self.dir("claims"))?, has_worker: self.has_worker()? })
    }

    fn jobs(&self) -> Result<Vec<Job>> {
        let dir = self.dir("jobs");
        let mut jobs = Vec::new();
        for entry in fs::read_dir(&dir).map_err(at(&dir))? {
            let path = entry.map_err(at(&dir))?.path();
            match job::read(&path) {
                Ok(job) => jobs.push(job),
                // What somebody was writing when he was killed.
                Err(_) if path.extension().is_none_or(|extension| extension != "json") => drop(fs::remove_file(&path)),
                Err(_) => self.put_away(&path)?,
            }
        }
        jobs.sort_by(|a, b| b.queued.cmp(&a.queued).then_with(|| a.point.cmp(&b.point)));
        Ok(jobs)
    }

    /// A file that is no job is kept for whoever wonders.
    fn put_away(&self, path: &Path) -> Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        fs::rename(path, self.dir("aside").join(format!("{name}.unreadable"))).map_err(at(path))
    }

    /// Puts a job in, the newest now.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn put(&self, job: Job) -> Result<Put> {
        let path = self.queue.job_path(job.key);
        if claim::living(&self.dir("claims"))?.iter().any(|claim| claim.has(job.key)) {
            return Ok(Put::Building);
        }
        let (job, put) = match job::read(&path) {
            Ok(older) => (job.renewed(&older), Put::Renewed),
            Err(_) => (job, Put::Queued),
        };
        remove(&self.dir("aside").join(format!("{}.json", job.key)))?;
        self.withdraw_cancel(job.key)?;
        self.queue.write_whole(&path, &serde_json::to_vec(&job).unwrap_or_default())?;
        Ok(put)
    }

    /// Takes a job and what was asked about it out of the queue.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn remove(&self, key: Oid) -> Result<()> {
        self.withdraw_cancel(key)?;
        remove(&self.queue.job_path(key))
    }

    /// Takes a job out of the queue and keeps why it came to nothing.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn set_aside(&self, aside: &Aside) -> Result<()> {
        let key = aside.job.key;
        let path = self.dir("aside").join(format!("{key}.json"));
        self.queue.write_whole(&path, &serde_json::to_vec(aside).unwrap_or_default())?;
        self.remove(key)
    }

    /// Asks the worker to end the build of a key.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn ask_to_cancel(&self, key: Oid) -> Result<()> {
        let path = self.dir("cancel").join(key.to_string());
        self.queue.shared.write(&path, b"").map_err(at(&path))
    }

    fn withdraw_cancel(&self, key: Oid) -> Result<()> {
        remove(&self.dir("cancel").join(key.to_string()))
    }

    /// Claims those of `keys` that nobody builds, and names the others.
    ///
    /// # Errors
    /// When the claim cannot be written.
    pub fn claim(&self, keys: &[Oid]) -> Result<(Held, Vec<Oid>)> {
        let dir = self.dir("claims");
        let others = claim::living(&dir)?;
        let is_built = |key: &Oid| others.iter().any(|claim| claim.has(*key));
        let (busy, free): (Vec<Oid>, Vec<Oid>) = keys.iter().copied().partition(is_built);
        Ok((Held::take(&dir, self.queue.shared, Claim::new(&free, false))?, busy))
    }

    /// What the worker does next: the newest job that nobody builds, which counts as begun from now on.
    ///
    /// # Errors
    /// When the spool cannot be read or written.
    pub fn next(&self) -> Result<Next> {
        let Snapshot { jobs, claims, .. } = self.snapshot()?;
        if jobs.is_empty() {
            return Ok(Next::Nothing);
        }
        let is_free = |job: &Job| !claims.iter().any(|claim| claim.has(job.key));
        let Some(mut job) = jobs.into_iter().find(is_free) else { return Ok(Next::Wait) };
        if job.is_worn() {
            self.remove(job.key)?;
            return Ok(Next::Worn(job));
        }
        let held = Held::take(&self.dir("claims"), self.queue.shared, Claim::new(&[job.key], true))?;
        job.tries += 1;
        self.queue.write_whole(&self.queue.job_path(job.key), &serde_json::to_vec(&job).unwrap_or_default())?;
        Ok(Next::Build(job, held))
    }

    /// The worker's lock, unless there is a worker.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn become_worker(&self) -> Result<Option<File>> {
        let path = self.dir("worker");
        let mut file = self.queue.open_lock(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(at(&path)(error)),
        }
        let pid = std::process::id();
        file.set_len(0).and_then(|()| writeln!(file, "{pid}")).map_err(at(&path))?;
        Ok(Some(file))
    }

    /// Whether there is a worker.
    ///
    /// # Errors
    /// When its lock cannot be looked at.
    pub fn has_worker(&self) -> Result<bool> {
        let path = self.dir("worker");
        match File::open(&path).map(|file| file.try_lock_shared()) {
            Ok(Ok(())) => Ok(false),
            Ok(Err(TryLockError::WouldBlock)) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Ok(Err(TryLockError::Error(error))) | Err(error) => Err(at(&path)(error)),
        }
    }

    fn dir(&self, name: &str) -> PathBuf {
        self.queue.dir.join(name)
    }
}
