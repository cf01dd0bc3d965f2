//! The worker: one per repository, in a session of its own and out of everybody's way. It takes the newest job, lets a runner
//! build it, and leaves when there is no more.

use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::expect;
use crate::context::Context;
use crate::ops::unfinished;
use crate::process::Cmd;
use crate::process::leash::{self, Leashed};
use crate::queue::{Aside, Held, Job, Next, Queue};
use crate::record::kept;

/// How soon a request to cancel is seen. That a runner has ended is known at once.
const POLL: Duration = Duration::from_millis(200);
/// How long a runner may take to end its Nix and write down that it was cancelled.
const PATIENCE: Duration = Duration::from_secs(15);

/// Works until the queue is empty; where there is a worker already, not at all.
///
/// # Errors
/// When the queue cannot be used, or no runner can be started; the jobs stay for the next worker.
pub fn work(context: &Context) -> Result<()> {
    let queue = Queue::of(&context.repo);
    let Some(lock) = queue.guard()?.become_worker()? else { return Ok(()) };
    leash::lower_priority();
    // What cannot be put right or written now stays for the next time.
    unfinished::settle(&context.repo).ok();
    kept::flush(&context.repo).ok();
    loop {
        let guard = queue.guard()?;
        let next = guard.next()?;
        if matches!(next, Next::Nothing) {
            // In this order: whoever puts in a job either still finds us here, or finds no worker.
            drop(lock);
            drop(guard);
            return Ok(());
        }
        drop(guard);
        match next {
            Next::Build(job, held) => build(context, &queue, &job, held)?,
            Next::Worn(job) => give_up(&queue, job)?,
            Next::Wait | Next::Nothing => std::thread::sleep(POLL),
        }
    }
}

fn build(context: &Context, queue: &Queue, job: &Job, mut held: Held) -> Result<()> {
    // The worker may have been there for days.
    context.forget_config();
    // Only for people to look at: a build does not wait for a guess.
    held.expect(queue, expect::seconds(context, &job.point).ok().flatten())?;
    let program = std::env::current_exe().context("could not find this program")?;
    let worktree = Path::new(&job.worktree);
    let cwd = if worktree.is_dir() { worktree } else { context.repo.common_dir() };
    let cmd = Cmd::new(program).args(["hook", "build", &job.key.to_string()]).cwd(cwd);
    let mut runner = cmd.spawn_leashed(held.share()?)?;
    let status = supervise(queue, job, &mut runner)?;
    runner.end_group();
    // One that was killed said nothing of its job: it is begun again, but not for ever.
    if status.code().is_some() || queue.is_cancelled(job.key) {
        queue.guard()?.remove(job.key)?;
    }
    Ok(())
}

fn supervise(queue: &Queue, job: &Job, runner: &mut Leashed) -> Result<ExitStatus> {
    let mut patience = None;
    loop {
        if let Some(status) = runner.wait(POLL) {
            return status.context("could not wait for a build");
        }
        match patience {
            None if queue.is_cancelled(job.key) => {
                runner.stop();
                patience = Some(Instant::now() + PATIENCE);
            }
            Some(until) if Instant::now() > until => runner.kill(),
            _ => {}
        }
    }
}

/// A job whose runner was killed again and again is not begun once more. That says nothing about its content: there is no record.
fn give_up(queue: &Queue, job: Job) -> Result<()> {
    let why = format!("it was begun {} times, and each time the process that built it was killed", job.tries);
    Ok(queue.guard()?.set_aside(&Aside { job, why, limit: None })?)
}
