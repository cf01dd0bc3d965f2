//! The runner: a process for one job, so that whatever happens to it, the worker is still there.

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::git::Repo;
use crate::ops::build::{self, How};
use crate::ops::limits;
use crate::ops::trust::{self, Denial, Judgement};
use crate::process::leash;
use crate::queue::{Asked, Job};

/// Builds the job for a key; tells whether all of it is built. What cannot be built at all is put aside with the reason.
///
/// # Errors
/// When there is no such job, it may not be built, or Nix cannot be used.
pub fn run_job(context: &Context, key: &str) -> Result<bool> {
    let key = Repo::oid(key)?;
    let queue = super::of(&context.repo);
    let job = queue.job(key).with_context(|| format!("there is no job for `{key}`"))?;
    crate::process::end_children_on_signals().context("could not prepare for signals")?;
    leash::heed().context("could not wait for the worker's word")?;
    let result = attempt(context, &job);
    match &result {
        // Without a worker the job stays, for the next one to begin again.
        Err(_) if leash::is_alone() => {}
        Err(error) => queue.guard()?.set_aside(job, format!("{error:#}"))?,
        Ok(_) => queue.guard()?.remove(key)?,
    }
    result
}

/// What was permitted when it was asked for may have moved since: it is judged once more.
fn attempt(context: &Context, job: &Job) -> Result<bool> {
    // Nobody grants himself anything: where nobody typed it the file of the base branch counts.
    let config = match job.asked {
        Asked::Typed => context.config()?,
        Asked::Checkout => context.policy()?,
    };
    let point = config.lattice.parse_point(&job.point)?;
    let limits = limits::background(&context.repo)?;
    let how = match job.asked {
        Asked::Typed => How::typed(job.again).within(limits),
        Asked::Checkout => match trust::judge(&context.repo, &config, &point, job.commit)? {
            Judgement::Permitted(permit) => How::automatic(permit, limits),
            Judgement::Denied(Denial { point, why, .. }) => {
                anyhow::bail!("`{point}` may not be built by itself: {why}")
            }
        },
    };
    let mut plan = build::plan_at(context, &config, &point, job.commit)?;
    anyhow::ensure!(
        plan.jobs.iter().all(|planned| planned.key == job.key),
        "what a build of `{}` reads was changed in lattice.toml since it was asked for",
        job.point
    );
    let done = build::run(context, &mut plan, &how, &mut |_| {})?;
    Ok(done.iter().all(|done| done.record.verdict.is_good()))
}
