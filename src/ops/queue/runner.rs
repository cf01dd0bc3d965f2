//! The runner: a process for one job, so that its failure does not affect the worker.

use anyhow::{Context as _, Error, Result};

use crate::config::Config;
use crate::context::Context;
use crate::git::{Oid, parse_oid};
use crate::lattice::Point;
use crate::ops::builds::{self, BuildOptions, NotDecided};
use crate::ops::limits;
use crate::ops::trust::{self, Denial, Judgement};
use crate::process::supervised;
use crate::queue::{FailedJob, Job, Queue, RequestedBy};
use crate::record::Records;

/// Builds the job for a key; returns whether everything was built. A job that ends with an error is set aside with the
/// reason and the hints for the user.
///
/// # Errors
/// When there is no such job, it may not be built, or Nix cannot be used.
pub fn run_job(context: &Context, key: &str, hints: impl Fn(&Error) -> Vec<String>) -> Result<bool> {
    let key = parse_oid(key)?;
    let queue = Queue::of(&context.repo);
    let job = queue.job(key).with_context(|| format!("there is no job for `{key}`"))?;
    crate::process::end_children_on_signals().context("could not prepare for signals")?;
    supervised::watch().context("could not watch the worker")?;
    let result = attempt(context, &job);
    match &result {
        // The worker is gone: keep the job for the next one.
        Err(_) if supervised::is_orphaned() => {}
        Err(error) => {
            let undecided = error.downcast_ref::<NotDecided>();
            let limit = undecided.and_then(NotDecided::limit).map(|limit| limit.to_stored());
            let why = undecided.map_or_else(|| format!("{error:#}"), NotDecided::reasons);
            queue.guard()?.set_aside(&FailedJob { job, why, hints: hints(error), limit })?;
        }
        Ok(_) => queue.guard()?.remove(key)?,
    }
    result
}

fn attempt(context: &Context, job: &Job) -> Result<bool> {
    // A branch must not set its own policy: automatic builds use the lattice.toml of the base branch.
    let config = match job.asked {
        RequestedBy::Typed => context.config()?,
        RequestedBy::Checkout => context.policy()?,
    };
    let point = job.point.read(&config.lattice)?;
    let records = Records::open(&context.repo)?;
    let mut plan = builds::plan_at(context, &config, &records, &point, job.commit)?;
    anyhow::ensure!(
        plan.jobs.iter().all(|planned| planned.key == job.key),
        "lattice.toml has changed what a build of `{}` reads since it was requested",
        job.point
    );
    let options = match job.asked {
        RequestedBy::Typed => BuildOptions::typed(job.again).within(limits::background(&context.repo)?),
        // The checkout may have skipped records.
        RequestedBy::Checkout if plan.is_done() => return Ok(true),
        RequestedBy::Checkout if plan.known_failure(&records)?.is_some() => return Ok(false),
        RequestedBy::Checkout => how_permitted(context, &config, &point, job.commit)?,
    };
    let done = builds::run(context, &mut plan, &options, &mut |_| {})?;
    Ok(done.iter().all(|done| done.record.verdict.is_good()))
}

/// Judges the commit again, without limits: it may have changed since the request, or may have exceeded a limit then.
fn how_permitted(context: &Context, config: &Config, point: &Point, commit: Oid) -> Result<BuildOptions> {
    let limits = limits::background(&context.repo)?;
    match trust::judge(&context.repo, config, point, commit)? {
        Judgement::Permitted(permit) => Ok(BuildOptions::automatic(permit, limits)),
        Judgement::Denied(Denial { point, why, .. }) => {
            anyhow::bail!("`{point}` must not be built automatically: {why}")
        }
    }
}
