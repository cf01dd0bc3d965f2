//! The guard: exclusive access to the queue.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::claim::{self, Claim, Held};
use super::job::{self, FailedJob, Job};
use super::{Queue, Result, at, remove};
use crate::git::Oid;

/// Exclusive access to the queue until dropped.
#[derive(Debug)]
pub struct Guard<'q> {
    queue: &'q Queue,
    /// Closing the file releases the lock.
    _lock: File,
}

/// The contents of the queue at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// All jobs, newest first, including those being built.
    pub jobs: Vec<Job>,
    /// The claims of live processes.
    pub claims: Vec<Claim>,
    /// Whether a worker is running.
    pub has_worker: bool,
}

/// The result of [`Guard::put`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The job was added.
    Queued,
    /// The job existed already and is now the newest.
    Renewed,
    /// Its key is being built; no job was added.
    Building,
}

/// The next action of the worker.
#[derive(Debug)]
pub enum Next {
    /// Build this job, which is now claimed.
    Build(Job, Held),
    /// Fail this job, which was started too often. It was removed from the queue.
    RetriesExhausted(Job),
    /// Wait: other processes are building all jobs.
    Wait,
    /// Exit: the queue is empty.
    Nothing,
}

impl Snapshot {
    /// Find the job for a key.
    pub fn job(&self, key: Oid) -> Option<&Job> {
        self.jobs.iter().find(|job| job.key == key)
    }

    /// Find the claim on a key.
    pub fn claim(&self, key: Oid) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.has(key))
    }

    /// Whether jobs are waiting while no worker is running.
    pub fn is_stranded(&self) -> bool {
        !self.jobs.is_empty() && !self.has_worker
    }
}

impl<'q> Guard<'q> {
    pub(super) fn new(queue: &'q Queue, lock: File) -> Self {
        Self { queue, _lock: lock }
    }

    /// Read jobs, claims and worker state. Job files that cannot be parsed are moved to `aside/`.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot> {
        Ok(Snapshot {
            jobs: self.jobs()?,
            claims: claim::live_claims(&self.dir("claims"))?,
            has_worker: self.has_worker()?,
        })
    }

    fn jobs(&self) -> Result<Vec<Job>> {
        let dir = self.dir("jobs");
        let mut jobs = Vec::new();
        for entry in fs::read_dir(&dir).map_err(at(&dir))? {
            let path = entry.map_err(at(&dir))?.path();
            match job::read(&path) {
                Ok(job) => jobs.push(job),
                // A temporary file of a process that was killed.
                Err(_) if path.extension().is_none_or(|extension| extension != "json") => drop(fs::remove_file(&path)),
                Err(_) => self.quarantine(&path)?,
            }
        }
        jobs.sort_by(|a, b| b.queued.cmp(&a.queued).then_with(|| a.point.cmp(&b.point)));
        Ok(jobs)
    }

    /// Move a file that is not a valid job to `aside/`, so that the user can inspect it.
    fn quarantine(&self, path: &Path) -> Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        fs::rename(path, self.dir("aside").join(format!("{name}.unreadable"))).map_err(at(path))
    }

    /// Add a job as the newest, or renew the existing job for its key.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn put(&self, job: Job) -> Result<Put> {
        let path = self.queue.job_path(job.key);
        if claim::live_claims(&self.dir("claims"))?.iter().any(|claim| claim.has(job.key)) {
            return Ok(Put::Building);
        }
        let (job, put) = match job::read(&path) {
            Ok(older) => (job.renewed(&older), Put::Renewed),
            Err(_) => (job, Put::Queued),
        };
        remove(&self.dir("aside").join(format!("{}.json", job.key)))?;
        self.withdraw_cancel(job.key)?;
        self.queue.write_atomically(&path, &serde_json::to_vec(&job).unwrap_or_default())?;
        Ok(put)
    }

    /// Remove a job and its cancel request from the queue.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn remove(&self, key: Oid) -> Result<()> {
        self.withdraw_cancel(key)?;
        remove(&self.queue.job_path(key))
    }

    /// Move a job from the queue to `aside/`, with the reason why it did not succeed.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn set_aside(&self, aside: &FailedJob) -> Result<()> {
        let key = aside.job.key;
        let path = self.dir("aside").join(format!("{key}.json"));
        self.queue.write_atomically(&path, &serde_json::to_vec(aside).unwrap_or_default())?;
        self.remove(key)
    }

    /// Ask the worker to stop the build of a key.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn request_cancel(&self, key: Oid) -> Result<()> {
        let path = self.dir("cancel").join(key.to_string());
        self.queue.shared.write(&path, b"").map_err(at(&path))
    }

    fn withdraw_cancel(&self, key: Oid) -> Result<()> {
        remove(&self.dir("cancel").join(key.to_string()))
    }

    /// Claim those of `keys` that no other process is building, and return the others.
    ///
    /// # Errors
    /// When the claim cannot be written.
    pub fn claim(&self, keys: &[Oid]) -> Result<(Held, Vec<Oid>)> {
        let dir = self.dir("claims");
        let others = claim::live_claims(&dir)?;
        let is_claimed = |key: &Oid| others.iter().any(|claim| claim.has(*key));
        let (busy, free): (Vec<Oid>, Vec<Oid>) = keys.iter().copied().partition(is_claimed);
        Ok((Held::take(&dir, self.queue.shared, Claim::new(&free, false))?, busy))
    }

    /// Choose the worker's next action. The newest unclaimed job is claimed and its start is counted.
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
        if job.has_exhausted_retries() {
            self.remove(job.key)?;
            return Ok(Next::RetriesExhausted(job));
        }
        let held = Held::take(&self.dir("claims"), self.queue.shared, Claim::new(&[job.key], true))?;
        job.tries += 1;
        self.queue.write_atomically(&self.queue.job_path(job.key), &serde_json::to_vec(&job).unwrap_or_default())?;
        Ok(Next::Build(job, held))
    }

    /// Take the worker's lock; `None` if a worker is running.
    ///
    /// # Errors
    /// When the lock file cannot be opened or written.
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

    /// Whether a worker is running.
    ///
    /// # Errors
    /// When the worker's lock file cannot be opened.
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
