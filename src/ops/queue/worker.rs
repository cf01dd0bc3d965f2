//! The worker: one process per repository, in a session of its own and with low priority. It runs the newest job in a
//! runner, and exits when the queue is empty.

use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::lattice::Spelled;
use crate::ops::expect::Estimates;
use crate::ops::unfinished;
use crate::process::Cmd;
use crate::process::supervised::{self, SupervisedChild};
use crate::queue::{FailedJob, Held, Job, Next, Queue};
use crate::record::pending;

/// How often to look for requests to cancel. The end of a runner is noticed at once.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// How long a cancelled runner may take to stop Nix and write a record.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(15);

/// Works until the queue is empty; returns at once if there is another worker.
///
/// # Errors
/// When the queue cannot be used, or no runner can be started; the jobs stay for the next worker.
pub fn work(context: &Context) -> Result<()> {
    let queue = Queue::of(&context.repo);
    let Some(lock) = queue.guard()?.become_worker()? else { return Ok(()) };
    supervised::lower_priority();
    // Errors are ignored: the next command tries again.
    unfinished::settle(&context.repo).ok();
    pending::flush(&context.repo).ok();
    loop {
        let guard = queue.guard()?;
        let next = guard.next()?;
        if matches!(next, Next::Nothing) {
            // Release the worker lock first: a process that queues a job then either sees this worker take it, or sees
            // no worker.
            drop(lock);
            drop(guard);
            return Ok(());
        }
        drop(guard);
        match next {
            Next::Build(job, held) => build(context, &queue, &job, held)?,
            Next::RetriesExhausted(job) => give_up(&queue, job)?,
            Next::Wait | Next::Nothing => std::thread::sleep(POLL_INTERVAL),
        }
    }
}

fn build(context: &Context, queue: &Queue, job: &Job, mut held: Held) -> Result<()> {
    // The worker may have run for days.
    context.forget_config();
    // The estimate is only displayed: ignore errors.
    held.set_expected(queue, expected(context, &job.point).ok().flatten())?;
    let program = std::env::current_exe().context("could not find this program")?;
    let worktree = Path::new(&job.worktree);
    let cwd = if worktree.is_dir() { worktree } else { context.repo.common_dir() };
    let cmd = Cmd::new(program).args(["hook", "build", &job.key.to_string()]).cwd(cwd);
    let mut runner = cmd.spawn_supervised(held.share()?)?;
    let status = supervise(queue, job, &mut runner)?;
    runner.end_group();
    // A killed runner has no result: its job is tried again, a limited number of times.
    if status.code().is_some() || queue.is_cancelled(job.key) {
        queue.guard()?.remove(job.key)?;
    }
    Ok(())
}

/// How long the build of a point takes on all its systems.
fn expected(context: &Context, point: &Spelled) -> Result<Option<u64>> {
    let config = context.config()?;
    let systems = config.systems.of(&config.lattice, &point.read(&config.lattice)?);
    Ok(Estimates::read(context, [point])?.on_all(point, &systems))
}

fn supervise(queue: &Queue, job: &Job, runner: &mut SupervisedChild) -> Result<ExitStatus> {
    let mut patience = None;
    loop {
        if let Some(status) = runner.wait(POLL_INTERVAL) {
            return status.context("could not wait for a build");
        }
        match patience {
            None if queue.is_cancelled(job.key) => {
                runner.stop();
                patience = Some(Instant::now() + CANCEL_TIMEOUT);
            }
            Some(until) if Instant::now() > until => runner.kill(),
            _ => {}
        }
    }
}

/// Sets aside a job whose runner was killed too often. That is no verdict on its content, so there is no record.
fn give_up(queue: &Queue, job: Job) -> Result<()> {
    let why = format!("it was started {} times, and its build process was killed each time", job.tries);
    let hints = vec![format!("`git lattice build {}` builds it in the foreground, which shows more", job.point)];
    Ok(queue.guard()?.set_aside(&FailedJob { job, why, hints, limit: None })?)
}
