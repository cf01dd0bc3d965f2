//! Removing builds from the queue and ending the running one.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::context::Context;
use crate::lattice::Spelled;
use crate::queue::{Job, Queue};

/// How long to wait for a build to end: its runner stops Nix and writes a record.
const END_TIMEOUT: Duration = Duration::from_secs(30);

/// What happened to one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelOutcome {
    /// It was removed before it began.
    Removed,
    /// It was running and has ended.
    Ended,
    /// It was told to end but is still running.
    Stopping,
    /// The process with this id builds it in the foreground and is not interrupted.
    Foreground(u32),
}

impl CancelOutcome {
    /// What the job was doing, as a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Removed => "queued",
            Self::Ended | Self::Stopping => "building",
            Self::Foreground(_) => "foreground",
        }
    }
}

/// Cancels the background builds of `points`, or all; returns what happened to each.
///
/// # Errors
/// When the queue cannot be read or written.
pub fn cancel(context: &Context, points: Option<&[Spelled]>) -> Result<Vec<(Job, CancelOutcome)>> {
    let queue = Queue::of(&context.repo);
    let guard = queue.guard()?;
    let now = guard.snapshot()?;
    let is_meant = |job: &&Job| points.is_none_or(|points| points.contains(&job.point));
    let mut done = Vec::new();
    for job in now.jobs.iter().filter(is_meant) {
        let ended = match now.claim(job.key) {
            Some(claim) if claim.background && now.has_worker => {
                guard.request_cancel(job.key)?;
                CancelOutcome::Stopping
            }
            Some(claim) if !claim.background => {
                guard.remove(job.key)?;
                CancelOutcome::Foreground(claim.pid)
            }
            _ => {
                guard.remove(job.key)?;
                CancelOutcome::Removed
            }
        };
        done.push((job.clone(), ended));
    }
    drop(guard);
    let until = Instant::now() + END_TIMEOUT;
    for (job, ended) in done.iter_mut().filter(|(_, ended)| *ended == CancelOutcome::Stopping) {
        while Instant::now() < until && *ended == CancelOutcome::Stopping {
            let now = queue.look()?;
            if now.job(job.key).is_none() && now.claim(job.key).is_none() {
                *ended = CancelOutcome::Ended;
            } else {
                std::thread::sleep(super::POLL_INTERVAL);
            }
        }
    }
    Ok(done)
}
