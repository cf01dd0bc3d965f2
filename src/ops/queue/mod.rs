//! Background builds: the queue, its worker and runners, and how foreground builds share it.

mod cancel;
mod foreground;
mod runner;
mod worker;

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::config::Named;
use crate::context::Context;
use crate::git::{Oid, Repo};
use crate::process::Cmd;
use crate::queue::{Guard, Job, Put, Queue, RequestedBy, Snapshot};
use crate::record::pending;

pub use cancel::{CancelOutcome, cancel};
pub use foreground::build;
pub use runner::run_job;
pub use worker::work;

/// How often a waiting process reads the queue.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How long to wait for a worker to start.
const START: Duration = Duration::from_secs(30);
/// When to try to start a worker again.
const RESTART_INTERVAL: Duration = Duration::from_secs(2);

/// A request to build a point in the background.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRequest {
    /// The point.
    pub named: Named,
    /// The build key.
    pub key: Oid,
    /// The commit that holds it.
    pub commit: Oid,
}

/// Options of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestOptions {
    /// The source of the request.
    pub asked: RequestedBy,
    /// Whether to build even what has a record.
    pub again: bool,
    /// Whether to replace requests of older checkouts.
    pub supersede: bool,
}

/// Queues jobs, to be built in the order of `requests`, and starts a worker if there is none. Returns at once.
///
/// # Errors
/// When the queue cannot be written, or this program cannot be started a second time.
pub fn put(context: &Context, requests: &[BuildRequest], options: RequestOptions) -> Result<Vec<Put>> {
    let queue = Queue::of(&context.repo);
    put_with_guard(context, queue.guard()?, requests, options)
}

/// Like [`put`], for a checkout: returns `None` when another process holds the queue, or when the queue is long.
///
/// # Errors
/// Those of [`put`].
pub fn try_put(context: &Context, requests: &[BuildRequest], options: RequestOptions) -> Result<Option<Vec<Put>>> {
    let queue = Queue::of(&context.repo);
    queue.guard_for_checkout()?.map(|guard| put_with_guard(context, guard, requests, options)).transpose()
}

fn put_with_guard(
    context: &Context,
    guard: Guard<'_>,
    requests: &[BuildRequest],
    options: RequestOptions,
) -> Result<Vec<Put>> {
    let worktree = context.repo.workdir().unwrap_or(context.repo.common_dir()).to_string_lossy().into_owned();
    if options.supersede {
        supersede(&guard, requests)?;
    }
    // Compute all times from one reading of the clock: writing a job takes longer than the difference between two.
    let now = crate::queue::now();
    let put = |(i, request): (usize, &BuildRequest)| {
        let mut job = Job::new(request.named.spelled.clone(), request.key, request.commit, options.asked);
        job.queued = now.saturating_sub(u64::try_from(i).unwrap_or(u64::MAX));
        (job.again, job.worktree) = (options.again, worktree.clone());
        guard.put(job)
    };
    let done = requests.iter().enumerate().map(put).collect::<Result<Vec<_>, _>>()?;
    let has_worker = guard.has_worker()?;
    drop(guard);
    if !has_worker {
        start_worker(&context.repo)?;
    }
    Ok(done)
}

/// Removes or ends the builds of older checkouts; builds that the user typed stay.
fn supersede(guard: &Guard<'_>, requests: &[BuildRequest]) -> Result<()> {
    let snapshot = guard.snapshot()?;
    let is_old =
        |job: &&Job| job.asked == RequestedBy::Checkout && requests.iter().all(|request| request.key != job.key);
    for job in snapshot.jobs.iter().filter(is_old) {
        match snapshot.claim(job.key) {
            Some(claim) if claim.background => guard.request_cancel(job.key)?,
            _ => guard.remove(job.key)?,
        }
    }
    Ok(())
}

/// Starts a worker if jobs wait and there is none because the last one was killed.
///
/// # Errors
/// When the queue cannot be read, or this program cannot be started a second time.
pub fn resume(context: &Context) -> Result<()> {
    // Errors are ignored: the next command tries again.
    pending::flush(&context.repo).ok();
    if Queue::of(&context.repo).look()?.is_stranded() { start_worker(&context.repo) } else { Ok(()) }
}

/// Starts a worker; a second one exits at once.
fn start_worker(repo: &Repo) -> Result<()> {
    start_background(repo, &["worker"], repo.common_dir())
}

/// Starts `git lattice hook ARGUMENTS` in the background.
///
/// # Errors
/// When this program cannot be started a second time.
pub(super) fn start_background(repo: &Repo, args: &[&str], cwd: &Path) -> Result<()> {
    let program = std::env::current_exe().context("could not find this program")?;
    let log = log_path(repo)?;
    Cmd::new(program).arg("hook").args(args).cwd(cwd).spawn_detached(Some(&log))?;
    Ok(())
}

/// The log of the worker and its runners for their own errors.
///
/// # Errors
/// When the file or its directory cannot be made.
pub fn log_path(repo: &Repo) -> Result<PathBuf> {
    let dir = repo.common_dir().join("lattice").join("log");
    repo.shared().create_dir_all(&dir).with_context(|| format!("could not make `{}`", dir.display()))?;
    let log = dir.join("background.log");
    let open = repo.shared().open(OpenOptions::new().append(true).create(true), &log);
    open.with_context(|| format!("could not write `{}`", log.display()))?;
    Ok(log)
}

/// Waits until no key of `keys` is queued or being built; starts workers as needed and passes each snapshot to `on`.
///
/// # Errors
/// When the queue cannot be read, or no worker starts.
pub fn wait(context: &Context, keys: &[Oid], on: &mut dyn FnMut(&Snapshot)) -> Result<()> {
    let queue = Queue::of(&context.repo);
    let mut starter = Starter::default();
    loop {
        let now = queue.look()?;
        if keys.iter().all(|key| now.job(*key).is_none() && now.claim(*key).is_none()) {
            return Ok(());
        }
        starter.restart_if_needed(context, &now)?;
        on(&now);
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Starts workers if jobs wait without one, for a limited time.
#[derive(Default)]
struct Starter {
    stranded: Option<Instant>,
    started: Option<Instant>,
}

impl Starter {
    fn restart_if_needed(&mut self, context: &Context, now: &Snapshot) -> Result<()> {
        if !now.is_stranded() {
            *self = Self::default();
            return Ok(());
        }
        let since = *self.stranded.get_or_insert_with(Instant::now);
        if since.elapsed() > START {
            let log = log_path(&context.repo)?;
            anyhow::bail!("the background worker does not start; `{}` may show why", log.display());
        }
        if self.started.is_none_or(|started| started.elapsed() > RESTART_INTERVAL) {
            start_worker(&context.repo)?;
            self.started = Some(Instant::now());
        }
        Ok(())
    }
}
