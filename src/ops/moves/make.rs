//! Planning and applying, again if another process was faster.

use anyhow::Result;

use super::Plan;
use crate::context::Context;
use crate::git;
use crate::ops::new::{PlanLock, PlanLockGuard};

/// Plans and applies; plans again if another process moved a branch or made points in between.
///
/// # Errors
/// Those of `plan` and [`Plan::apply`].
pub fn make(context: &Context, title: &str, plan: impl Fn() -> Result<Plan>) -> Result<(Plan, Option<String>)> {
    const TRIES: usize = 5;
    let lock = PlanLock::of(&context.repo);
    let mut turn = None;
    for _ in 1..TRIES {
        match attempt(context, title, &lock, &mut turn, &plan) {
            Err(error) if is_lost_race(&error) => {}
            Ok(None) => {}
            Ok(Some(done)) => return Ok(done),
            Err(error) => return Err(error),
        }
    }
    let mut planned = plan()?;
    planned.apply(context, title).map(|operation| (planned, operation))
}

/// Plans and applies once. A plan that creates points is applied only if it has seen all points; otherwise the lock is kept, so that the
/// next plan has, and `None` returned.
fn attempt(
    context: &Context,
    title: &str,
    lock: &PlanLock,
    turn: &mut Option<PlanLockGuard>,
    plan: impl Fn() -> Result<Plan>,
) -> Result<Option<(Plan, Option<String>)>> {
    let stamp = lock.stamp();
    let mut planned = plan()?;
    if !planned.creates() {
        let operation = planned.apply(context, title)?;
        return Ok(Some((planned, operation)));
    }
    let is_first = turn.is_none();
    let held = match turn {
        Some(held) => held,
        None => turn.insert(lock.take()?),
    };
    if is_first && !held.is_current(&stamp)? {
        return Ok(None);
    }
    let operation = held.run(|| planned.apply(context, title))??;
    Ok(Some((planned, operation)))
}

fn is_lost_race(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(git::Error::Ref { raced: true, .. } | git::Error::Locked { .. }))
}
