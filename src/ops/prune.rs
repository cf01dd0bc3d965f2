//! Pruning: deleting the branches of points that are no longer needed.
//!
//! A point *grows on* a point below it. Without names, these go, if nothing that stays grows on them:
//!
//! - *merged* points: the base branch has all their commits;
//! - *moved* points: a branch of the old name is left, and the point of the new name has all its commits;
//! - *superseded* points: the last step of their phase has all their commits, and was promoted, that is, a point of a later phase grows
//!   on it.
//!
//! Branches of old names that are no points in this lattice, since an axis or a value has another name, go as moved ones do.
//!
//! What has that last step, or the moved point, below it does not count as growing on the point.
//!
//! Named points go for any reason. The content stays in the branches above and in the history of the base; records stay too, since they
//! belong to contents.

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use super::moves::{Cause, Plan, Planner, Reason, Removal, Unpushed, Unwritten};
use super::rename::{self, Former};
use crate::config::{Config, Named};
use crate::context::Context;
use crate::git::Oid;
use crate::git::names;
use crate::lattice::{Point, Population, Spelled};
use crate::points::census::{Census, Tip};

/// What to prune.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// These points; `None` is all that are merged or superseded.
    pub points: Option<Vec<Point>>,
    /// Those of them that are named without a pattern.
    pub exact: HashSet<Point>,
    /// Named points that have no branch: an earlier command, perhaps a killed one, deleted it.
    pub absent: Vec<Point>,
    /// Whether only branches go that have old names of points.
    pub moved: bool,
    /// Whether to delete the branches on the remote too.
    pub remote: bool,
    /// Whether points go whose commits no remote branch has.
    pub force: bool,
}

/// Plans to prune points. Nothing is written.
///
/// # Errors
/// When refs, objects or history cannot be read.
pub fn plan(context: &Context, config: &Config, request: &Request) -> Result<Plan> {
    let memory = context.repo.in_memory();
    let census = Census::take(&memory, config)?;
    let planner = Planner::new(context, config, &census, &memory);
    let unwritten = Prune::new(planner, request)?.run()?;
    Ok(unwritten.with_objects(memory))
}

/// What happens to a point.
enum Decision {
    Removed(Removal),
    /// It could go, but has no local branch.
    OnlyThere,
    LeftOut(Reason),
    Stays,
}

struct Prune<'a, 'r> {
    planner: Planner<'a>,
    request: &'r Request,
    named: Option<HashSet<&'r Point>>,
    /// The points directly above each point.
    upper: HashMap<Point, Vec<Point>>,
    /// For each point that goes or could go, a point above it that stays, if any.
    stays_above: HashMap<Point, Option<Point>>,
    /// The points whose commits are all in the last step of their phase.
    in_last_step: HashSet<Point>,
    /// The ref and the tip of the base branch.
    base: Option<(String, Oid)>,
    /// The commits that the base lacks.
    not_merged: HashSet<Oid>,
    /// The commits that no remote branch has.
    unpushed: HashSet<Oid>,
    /// The tips of all points.
    tips: HashSet<Oid>,
    /// The new names of points, by their old ones.
    moved: HashMap<Spelled, Point>,
    /// The branches that have old names of points and are no points.
    former: Vec<Former>,
}

impl<'a, 'r> Prune<'a, 'r> {
    fn new(planner: Planner<'a>, request: &'r Request) -> Result<Self> {
        let Planner { context, config, census, memory, .. } = planner;
        let population = census.population();
        let upper = upper(population);
        let all = |point: &Point| [census.tip(point).local, census.tip(point).remote];
        let tips: HashSet<Oid> = population.points().flat_map(all).flatten().collect();
        let former = if request.points.is_none() { rename::former(&context.repo, config, census)? } else { Vec::new() };
        let named: Option<HashSet<&Point>> = request.points.as_ref().map(|points| points.iter().collect());
        let is_wanted = |point: &&Point| named.as_ref().is_none_or(|named| named.contains(*point));
        let wanted = population.points().filter(is_wanted);
        let wanted = wanted.map(|point| census.tip(point)).chain(former.iter().map(|former| former.tip));
        let tips_to_delete: Vec<Oid> = wanted.flat_map(|tip| deleted_tips(tip, request)).collect();
        let base = base(context, config)?;
        let not_merged = match &base {
            Some((_, tip)) => memory.lacking(&tips_to_delete, &[*tip])?,
            None => tips.clone(),
        };
        let others = population.points().filter(|point| !is_wanted(point)).filter_map(|point| census.commit(point));
        let unpushed =
            memory.lacking(&tips_to_delete, &safe(context, others.chain(base.iter().map(|(_, tip)| *tip)))?)?;
        let (stays_above, in_last_step, moved) = (HashMap::new(), HashSet::new(), moved(&planner)?);
        Ok(Self {
            planner,
            request,
            named,
            upper,
            stays_above,
            in_last_step,
            base,
            not_merged,
            unpushed,
            tips,
            moved,
            former,
        })
    }

    /// Whether the user named a point.
    fn names(&self, point: &Point) -> bool {
        self.named.as_ref().is_some_and(|named| named.contains(point))
    }

    /// Decides from the upper points down, since a point depends on those above it.
    fn run(mut self) -> Result<Unwritten> {
        let mut points: Vec<Point> = self.planner.census.population().points().cloned().collect();
        points.sort_by_cached_key(Point::extension_key);
        let mut decided = Vec::new();
        for point in points.into_iter().rev() {
            let named = self.planner.config.name(&point);
            let decision = self.decide(&named)?;
            if let Decision::Removed(_) | Decision::OnlyThere = decision {
                let above = self.growing(&point, |_| true);
                self.stays_above.insert(point, above);
            }
            decided.push((named, decision));
        }
        for (named, decision) in decided.into_iter().rev() {
            match decision {
                Decision::Removed(removal) => self.remove(named, removal),
                Decision::LeftOut(reason) => self.planner.leave_out(named, reason),
                Decision::OnlyThere if self.request.exact.contains(&named.point) => {
                    self.planner.leave_out(named, Reason::OnlyThere);
                }
                Decision::OnlyThere => self.planner.count_only_there(),
                Decision::Stays => self.planner.count(),
            }
        }
        for former in std::mem::take(&mut self.former) {
            self.prune_former(former)?;
        }
        for point in &self.request.absent {
            self.planner.keep(self.planner.config.name(point));
        }
        Ok(self.planner.finish())
    }

    /// Plans to delete a branch that has an old name of a point, unless the point itself goes.
    fn prune_former(&mut self, Former { named, tip }: Former) -> Result<()> {
        if self.stays_above.contains_key(&named.point) {
            return Ok(());
        }
        if tip.local.is_none() && !self.request.remote {
            self.planner.only_there += 1;
            return Ok(());
        }
        if let Some(reason) = self.checked_out(&named)? {
            self.planner.leave_branch_out(named, tip, reason);
            return Ok(());
        }
        let cause = Cause::Moved(self.planner.config.spell(&named.point));
        let unpushed = self.unpushed(&cause, tip)?;
        if let Some(unpushed) = unpushed.clone().filter(|_| !self.request.force) {
            self.planner.leave_branch_out(named, tip, Reason::Unpushed(unpushed));
            return Ok(());
        }
        self.planner.rely_on_point(&named.point);
        let removal = self.removal(cause, tip, unpushed);
        self.planner.remove(named, tip, removal);
        Ok(())
    }

    fn removal(&self, cause: Cause, tip: Tip, unpushed: Option<Unpushed>) -> Removal {
        let is_remote = self.request.remote && tip.remote.is_some();
        let stays_on_remote = !is_remote && tip.remote.is_some();
        Removal { cause, is_local: tip.local.is_some(), is_remote, stays_on_remote, unpushed }
    }

    fn decide(&mut self, named: &Named) -> Result<Decision> {
        let (point, tip) = (&named.point, self.planner.census.tip(&named.point));
        let last = self.last_step(point, tip)?;
        if self.named.is_some() && !self.names(point) {
            return Ok(Decision::Stays);
        }
        let found = self.cause(named, tip, last)?;
        let found = found.filter(|(cause, _)| !self.request.moved || matches!(cause, Cause::Moved(_)));
        let Some((cause, heir)) = found else { return Ok(Decision::Stays) };
        if let Some(above) = self.growing(point, |above| heir.as_ref().is_none_or(|heir| !heir.is_at_or_below(above))) {
            let reason = Reason::GrownOn(self.planner.config.spell(&above));
            return Ok(if self.names(point) { Decision::LeftOut(reason) } else { Decision::Stays });
        }
        if tip.local.is_none() && !self.request.remote {
            return Ok(Decision::OnlyThere);
        }
        if let Some(reason) = self.checked_out(named)? {
            return Ok(Decision::LeftOut(reason));
        }
        let unpushed = self.unpushed(&cause, tip)?;
        if let Some(unpushed) = unpushed.clone().filter(|_| !self.request.force) {
            return Ok(Decision::LeftOut(Reason::Unpushed(unpushed)));
        }
        Ok(Decision::Removed(self.removal(cause, tip, unpushed)))
    }

    /// Why a point can go, and the point that takes its place.
    fn cause(&self, named: &Named, tip: Tip, last: Option<Point>) -> Result<Option<(Cause, Option<Point>)>> {
        let config = self.planner.config;
        if deleted_tips(tip, self.request).all(|tip| !self.not_merged.contains(&tip)) {
            return Ok(Some((Cause::Merged(config.base.clone()), None)));
        }
        if let Some(target) = self.moved.get(&named.spelled)
            && self.is_contained(tip, &[target])?
            && !self.stays_above.contains_key(target)
        {
            return Ok(Some((Cause::Moved(config.spell(target)), Some(target.clone()))));
        }
        if let Some(last) = last.filter(|last| self.is_promoted(last)) {
            return Ok(Some((Cause::Superseded(config.spell(&last)), Some(last))));
        }
        Ok(self.names(&named.point).then_some((Cause::Named, None)))
    }

    /// Whether one of these points has all commits that would be deleted with a point.
    fn is_contained(&self, tip: Tip, points: &[&Point]) -> Result<bool> {
        let Planner { census, memory, .. } = self.planner;
        for tip in deleted_tips(tip, self.request) {
            let mut is_contained = false;
            for commit in points.iter().filter_map(|point| census.commit(point)) {
                is_contained = is_contained || memory.is_ancestor(tip, commit)?;
            }
            if !is_contained {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A point that stays, grows on this one and counts.
    fn growing(&self, point: &Point, counts: impl Fn(&Point) -> bool) -> Option<Point> {
        let above = self.upper.get(point).into_iter().flatten();
        let staying = above.filter_map(|above| match self.stays_above.get(above) {
            None => Some(above.clone()),
            Some(beyond) => beyond.clone(),
        });
        staying.filter(|above| counts(above)).min()
    }

    /// The last step of the point's phase, if the point is another one whose commits are all in that step.
    fn last_step(&mut self, point: &Point, tip: Tip) -> Result<Option<Point>> {
        let census = self.planner.census;
        let last_of = |point: &Point| census.population().greatest_in_phase(point);
        let Some(last) = last_of(point).filter(|last| *last != point) else { return Ok(None) };
        // What a step contains is in the last step, if that step is.
        let upper = self.upper.get(point).into_iter().flatten();
        let later = upper.filter(|above| self.in_last_step.contains(*above) && last_of(above) == Some(last));
        let containing: Vec<&Point> = later.chain([last]).collect();
        if !self.is_contained(tip, &containing)? {
            return Ok(None);
        }
        self.in_last_step.insert(point.clone());
        Ok(Some(last.clone()))
    }

    /// Whether a point of a later phase grows on this last step of its phase, which stays.
    fn is_promoted(&self, last: &Point) -> bool {
        let upper = self.upper.get(last).into_iter().flatten();
        !self.stays_above.contains_key(last) && upper.into_iter().any(|above| !above.shares_phase(last))
    }

    fn checked_out(&mut self, named: &Named) -> Result<Option<Reason>> {
        let Some(place) = self.planner.place(named)? else { return Ok(None) };
        let leave = self.planner.leave(&place)?;
        Ok(Some(Reason::CheckedOut { place, leave }))
    }

    /// The commits of a point that no remote branch has.
    fn unpushed(&self, cause: &Cause, tip: Tip) -> Result<Option<Unpushed>> {
        let Planner { context, memory, .. } = self.planner;
        let Some(tip) = tip.local.filter(|tip| self.unpushed.contains(tip)) else { return Ok(None) };
        // Without a remote, what a branch that stays has is safe.
        if context.repo.remotes().is_empty() && *cause != Cause::Named {
            return Ok(None);
        }
        let (mut commits, mut next) = (0, Some(tip));
        while let Some(commit) = next.filter(|commit| self.unpushed.contains(commit)) {
            if commit != tip && self.tips.contains(&commit) {
                break;
            }
            commits += 1;
            next = memory.links(commit)?.1.first().copied();
        }
        Ok(Some(Unpushed { commits, tip }))
    }

    fn remove(&mut self, named: Named, removal: Removal) {
        let census = self.planner.census;
        match &removal.cause {
            Cause::Merged(_) => self.base.iter().for_each(|(name, tip)| self.planner.rely_on(name.clone(), *tip)),
            Cause::Superseded(_) => {
                let last = census.population().greatest_in_phase(&named.point);
                last.into_iter().for_each(|last| self.planner.rely_on_point(last));
            }
            Cause::Moved(_) => {
                let target = self.moved.get(&named.spelled);
                target.into_iter().for_each(|target| self.planner.rely_on_point(target));
            }
            Cause::Named => {}
        }
        let tip = census.tip(&named.point);
        self.planner.remove(named, tip, removal);
    }
}

/// The points directly above each point.
fn upper(population: &Population) -> HashMap<Point, Vec<Point>> {
    let mut upper: HashMap<Point, Vec<Point>> = HashMap::new();
    for point in population.points() {
        for below in population.maximal_below(point) {
            upper.entry(below.clone()).or_default().push(point.clone());
        }
    }
    upper
}

/// The points that have another name than before, by their old names.
fn moved(planner: &Planner<'_>) -> Result<HashMap<Spelled, Point>> {
    let Planner { config, census, memory, .. } = planner;
    let mut moved = HashMap::new();
    for point in census.population().points() {
        let Some(tip) = census.commit(point) else { continue };
        let before = rename::names_before(memory, tip, &config.spell(point))?;
        moved.extend(before.into_iter().map(|before| (before.spelled, point.clone())));
    }
    Ok(moved)
}

/// The tips of a point that are deleted, or could be.
fn deleted_tips(tip: Tip, request: &Request) -> impl Iterator<Item = Oid> {
    tip.local.into_iter().chain(tip.remote.filter(|_| request.remote || tip.local.is_none()))
}

/// The ref and the tip of the base branch: the local branch, else the remote's.
fn base(context: &Context, config: &Config) -> Result<Option<(String, Oid)>> {
    let Some(tip) = context.base_tip(config)? else { return Ok(None) };
    let is_here = context.repo.branch_tip(&config.base)?.is_some();
    let remote = config.remote.as_deref().filter(|_| !is_here);
    let name = remote.map_or_else(|| config.base.full_ref(), |remote| config.base.tracking(remote));
    Ok(Some((name, tip)))
}

/// The tips whose commits are safe: those of all remote branches; in a repository without remotes, those of `others`, the base and the
/// points that stay in any case.
fn safe(context: &Context, others: impl Iterator<Item = Oid>) -> Result<Vec<Oid>> {
    if context.repo.remotes().is_empty() {
        return Ok(others.collect());
    }
    let listing = context.repo.list_refs(&[names::REMOTES.to_owned()])?;
    Ok(listing.refs.into_iter().map(|(_, id)| id).collect())
}
