//! Making points: first all checks and objects in memory, then writing the objects and one ref transaction.

mod draft;
mod grow;
mod names;
mod plan;
mod plan_lock;

use anyhow::Result;

pub(super) use self::draft::Drafter;
use self::grow::Planner;
pub(super) use self::grow::skip_warning;
pub(super) use self::names::Names;
pub use self::plan::{Creation, Item, Plan, Request};
pub(super) use self::plan_lock::{PlanLock, PlanLockGuard};
use super::Refusal;
use super::change::{self, ChangeSet};
use crate::config::{self, Config, Named};
use crate::context::Context;
use crate::git::{self, Change};
use crate::lattice::Point;
use crate::points::census::Census;

/// Plans the points of a request. Nothing is written, not even an object.
///
/// # Errors
/// [`Refusal`](super::Refusal) when a branch is in the way or holds something else; errors of configuration and templates.
pub fn plan(context: &Context, config: &Config, request: &Request) -> Result<Plan> {
    let memory = context.repo.in_memory();
    let census = Census::around(&memory, config, &request.points)?;
    let mut planner = Planner::new(context, config, request, &memory, census)?;
    let mut points = request.points.clone();
    points.sort_by_cached_key(Point::extension_key);
    points.dedup();
    let items = points.iter().map(|point| planner.item(point)).collect::<Result<Vec<_>>>()?;
    let unwritten = planner.finish(items);
    Ok(unwritten.with_objects(memory))
}

/// Checks that the base branch or HEAD has a `lattice.toml`: other clones and the hooks read it from there.
pub(super) fn check_committed(context: &Context, config: &Config) -> Result<()> {
    let Some(base) = context.base_tip(config)? else { return Ok(()) };
    for commit in [Some(base), context.repo.head()?.commit].into_iter().flatten() {
        if context.repo.entry_at(context.repo.tree_of_commit(commit)?, config::FILE)?.is_some() {
            return Ok(());
        }
    }
    Err(Refusal::NotCommitted { base: config.base.to_string() }.into())
}

/// Checks that the committed `lattice.toml` has the points too: the one in the worktree may have uncommitted values, of which other
/// clones would not know.
fn check_declared(context: &Context, config: &Config, points: &[Point]) -> Result<()> {
    if context.repo.edited_file(config::FILE)?.is_none() {
        return Ok(());
    }
    let Ok(committed) = context.policy() else { return Ok(()) };
    let is_unknown = |named: &Named| committed.branch.decode(&committed.lattice, &named.branch).is_none();
    match points.iter().map(|point| config.name(point)).find(is_unknown) {
        Some(named) => Err(Refusal::NotDeclared { point: named.spelled.clone(), base: config.base.to_string() }.into()),
        None => Ok(()),
    }
}

/// Makes the points of a plan: writes the objects, then applies one ref transaction.
///
/// # Errors
/// When objects cannot be written or another process moved a ref ([`git::Error::Ref`]); then no ref has moved.
pub fn apply(context: &Context, plan: &mut Plan) -> Result<()> {
    let changes = plan.changes();
    if changes.is_empty() {
        return Ok(());
    }
    let first = plan.items.iter().find(|item| item.creation.is_some()).map_or("", |item| &item.named.spelled);
    let objects = std::mem::replace(&mut plan.memory, context.repo.in_memory());
    let is_made = |name: &String| changes.iter().any(|change| change.name == *name);
    let parents = plan.tips.iter().filter(|(name, _)| !is_made(name));
    let verified = parents.map(|(name, id)| Change { name: name.clone(), old: Some(*id), new: Some(*id) });
    let verified: Vec<_> = verified.collect();
    let title = format!("lattice: add {first}");
    let set = ChangeSet { objects: Some(objects), ..ChangeSet::made(title, [changes, verified].concat()) };
    change::apply(context, set).map(drop)
}

/// Plans and applies; plans again if another process made points in between or won a race. Returns the applied plan
/// with the result of `check` on its texts; `check` runs before any ref moves, and again only if the texts change.
///
/// # Errors
/// Those of [`plan()`] and [`apply`].
pub fn make<C>(
    context: &Context,
    config: &Config,
    request: &Request,
    check: impl Fn(&Plan) -> Result<C>,
) -> Result<(Plan, C)> {
    const TRIES: usize = 5;
    check_committed(context, config)?;
    check_declared(context, config, &request.points)?;
    let plan_lock = PlanLock::of(&context.repo);
    let (mut turn, mut tried) = (None, 1);
    let mut looked: Option<(Vec<(String, String)>, C)> = None;
    loop {
        let stamp = plan_lock.stamp();
        let mut plan = plan(context, config, request)?;
        let checked = match looked.take() {
            Some((texts, checked)) if texts == plan.texts => checked,
            _ => check(&plan)?,
        };
        if plan.changes().is_empty() {
            return Ok((plan, checked));
        }
        // Keep the lock from the first attempt on, so that the second plan is current.
        let is_first = turn.is_none();
        let held = match turn.take() {
            Some(held) => turn.insert(held),
            None => turn.insert(plan_lock.take()?),
        };
        if !is_first || held.is_current(&stamp)? {
            match held.run(|| apply(context, &mut plan))? {
                Ok(()) => return Ok((plan, checked)),
                Err(error) if tried < TRIES && is_lost_race(&error) => tried += 1,
                Err(error) => return Err(error),
            }
        }
        looked = Some((plan.texts, checked));
    }
}

fn is_lost_race(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(git::Error::Ref { raced: true, .. } | git::Error::Locked { .. }))
}
