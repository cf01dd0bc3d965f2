//! Builds in the foreground. If another process builds the same key, they wait and use its result.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use anyhow::{Context as _, Result, bail};

use crate::context::Context;
use crate::git::{Oid, Repo};
use crate::ops::builds::{self, BuildOptions, Done, Job, Plan, Progress, RunningBuilder};
use crate::process;
use crate::queue::{Claim, Held, Queue, Snapshot};
use crate::record::{Record, Records, Verdict};

/// Runs the builds of a plan like [`builds::run`]; each key is built by one process at a time.
///
/// # Errors
/// When there is no usable Nix, or the queue or the records cannot be used. A failed build is not an error.
pub fn build(
    context: &Context,
    plan: &mut Plan,
    options: &BuildOptions,
    on: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Done>> {
    let queue = Queue::of(&context.repo);
    let before = records(&context.repo, &plan.jobs)?;
    let (mut rest, mut all) = (std::mem::take(&mut plan.jobs), Vec::new());
    while !rest.is_empty() {
        let wanted = keys(rest.iter().filter(|job| options.is_needed(job)));
        let (held, busy) = queue.guard()?.claim(&wanted)?;
        let (later, now) = rest.into_iter().partition(|job| busy.contains(&job.key));
        plan.jobs = now;
        all.extend(run(context, &queue, held, plan, options, on)?);
        rest = later;
        if all.iter().any(|done| done.record.verdict == Verdict::Cancelled) {
            break;
        }
        rest = others(context, rest, options, &before, &mut all, on)?;
    }
    Ok(all)
}

/// Runs the claimed builds, and releases each key as soon as its last system is done.
fn run(
    context: &Context,
    queue: &Queue,
    mut held: Held,
    plan: &mut Plan,
    options: &BuildOptions,
    on: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Done>> {
    let mut open: HashMap<Oid, usize> = HashMap::new();
    for job in plan.jobs.iter().filter(|job| options.is_needed(job)) {
        *open.entry(job.key).or_default() += 1;
    }
    builds::run(context, plan, options, &mut |progress| {
        if let Progress::Started(RunningBuilder { own: Some(job), .. }) = &progress {
            held.start(queue, job.key).ok();
        }
        if let Progress::End(done) = &progress
            && let Some(left) = open.get_mut(&done.record.key).filter(|_| done.fresh)
        {
            *left = left.saturating_sub(1);
            if *left == 0 {
                // Write errors are ignored: the result is recorded, and the worker reports problems of the queue.
                held.release(queue, done.record.key).ok();
            }
        }
        on(progress);
    })
}

/// Waits for the processes that build `jobs` and uses their results. Returns the jobs without a result; with `--check`
/// all of them, since another process did not compare.
fn others(
    context: &Context,
    jobs: Vec<Job>,
    options: &BuildOptions,
    before: &HashMap<Oid, Vec<Record>>,
    all: &mut Vec<Done>,
    on: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Job>> {
    for key in keys(jobs.iter()) {
        let Some(job) = jobs.iter().find(|job| job.key == key) else { continue };
        wait(context, job, on)?;
    }
    if options.compares() {
        return Ok(jobs);
    }
    let after = records(&context.repo, &jobs)?;
    let mut left = Vec::new();
    for job in jobs {
        let is_old = |record: &&Record| before.get(&job.key).is_some_and(|old| old.contains(record));
        let fits = |record: &&Record| record.system == job.system && record.verdict != Verdict::Cancelled;
        match after.get(&job.key).and_then(|new| new.iter().rev().find(|record| fits(record) && !is_old(record))) {
            Some(record) => {
                let done = Done::of_other(&context.repo, record);
                on(Progress::End(&done));
                all.push(done);
            }
            None => left.push(job),
        }
    }
    Ok(left)
}

fn wait(context: &Context, job: &Job, on: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
    // After Ctrl-C the caller still says what has happened.
    process::end_children_on_signals().context("could not prepare for Ctrl-C")?;
    let queue = Queue::of(&context.repo);
    let mut is_said = false;
    let builder = |now: &Snapshot| now.claim(job.key).cloned();
    while let Some(claim) = builder(&queue.look()?) {
        if !is_said {
            let Claim { background, since, .. } = claim;
            on(Progress::Waits { job, background, seconds: crate::queue::now().saturating_sub(since) / 1000 });
            is_said = true;
        }
        if process::is_ending() {
            bail!("interrupted while another process builds `{}`, which goes on", job.named.spelled);
        }
        on(Progress::Tick);
        std::thread::sleep(super::POLL_INTERVAL);
    }
    Ok(())
}

fn keys<'j>(jobs: impl Iterator<Item = &'j Job>) -> Vec<Oid> {
    let mut keys: Vec<Oid> = jobs.map(|job| job.key).collect();
    keys.sort();
    keys.dedup();
    keys
}

fn records(repo: &Repo, jobs: &[Job]) -> Result<HashMap<Oid, Vec<Record>>> {
    let records = Records::open(repo)?;
    let mut found = HashMap::new();
    for job in jobs {
        if let Entry::Vacant(free) = found.entry(job.key) {
            free.insert(records.of(job.key, &job.named.spelled)?);
        }
    }
    Ok(found)
}
