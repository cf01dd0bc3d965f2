//! A push that the remote refuses because another clone pushed the same points first.

use std::time::Duration;

use anyhow::Result;

use super::RemoteFailure;
use super::new::{Item, Plan};
use super::push::{Outcome, Reason};
use super::take::{self, Taking};
use crate::config::{Config, Named};
use crate::context::Context;
use crate::git::{Change, Oid, Repo};
use crate::points::divergence::{Advice, Divergence};

/// The most hints that are given.
const MAX_HINTS: usize = 3;

/// What became of the branches on which the remote has other commits.
#[derive(Debug)]
pub enum RaceOutcome {
    /// No branch of the plan was refused for that reason.
    NotRaced,
    /// All of them were moved to the remote's commits: the push can be tried again.
    Taken {
        /// The points.
        points: Vec<Named>,
        /// Whether points of the plan had grown from a replaced commit: their branches were deleted, to be made again.
        is_incomplete: bool,
    },
    /// None of them was moved: the push stays refused, with these reasons and hints.
    Left(Outcome),
}

/// Fetches the branches on which the remote has other commits, and takes its commits if they add the same points.
///
/// # Errors
/// When git cannot be run, objects cannot be read, or refs cannot be moved.
pub fn resolve(
    context: &Context,
    config: &Config,
    plan: &mut Plan,
    pushed: &Outcome,
    still: Duration,
) -> Result<RaceOutcome> {
    let (Outcome::Refused { reasons, .. }, Some(remote)) = (pushed, &config.remote) else {
        return Ok(RaceOutcome::NotRaced);
    };
    let is_raced = |item: &&Item| {
        let branch = item.named.branch.as_str();
        reasons.iter().any(|reason| reason.is_diverged() && reason.branch.as_deref() == Some(branch))
    };
    let points: Vec<_> = plan.items.iter().filter(is_raced).map(|item| item.named.clone()).collect();
    if points.is_empty() {
        return Ok(RaceOutcome::NotRaced);
    }
    let race = Race { context, repo: &context.repo, config, remote };
    let Compared { same, other, not_fetched } = race.compare(points, still)?;
    if !other.is_empty() {
        let why = not_fetched.map(|why| Reason { branch: None, why });
        return Ok(RaceOutcome::Left(refused(&reasons.iter().cloned().chain(why).collect::<Vec<_>>(), &other)));
    }
    race.take(plan, reasons, same)
}

struct Race<'a> {
    context: &'a Context,
    repo: &'a Repo,
    config: &'a Config,
    remote: &'a str,
}

/// The points on which the remote has other commits.
#[derive(Default)]
struct Compared {
    /// Those whose branch can be moved to the remote's commit.
    same: Vec<SharedPoint>,
    /// The others.
    other: Vec<(Named, Advice)>,
    /// Why the remote's commits could not be fetched.
    not_fetched: Option<RemoteFailure>,
}

/// A point that both sides added.
struct SharedPoint {
    named: Named,
    taking: Taking,
    divergence: Divergence,
}

impl Race<'_> {
    fn compare(&self, points: Vec<Named>, still: Duration) -> Result<Compared> {
        let mut compared = Compared::default();
        // What is pushed to another URL cannot be fetched from there.
        let has_push_url = self.repo.has_push_url(self.remote);
        compared.not_fetched = if has_push_url { None } else { self.fetch(&points, still)? };
        if has_push_url || compared.not_fetched.is_some() {
            compared.other.extend(points.into_iter().map(|named| (named.clone(), Advice::to_sync(&named))));
            return Ok(compared);
        }
        let taken = self.repo.taken_branches()?;
        for named in points {
            let tips = self.repo.branch_tip(&named.branch)?.zip(self.repo.tracking_tip(&named.branch, self.remote)?);
            let Some((ours, theirs)) = tips.filter(|(ours, theirs)| !self.contains(*theirs, *ours)) else {
                compared.other.push((named.clone(), Advice::to_sync(&named)));
                continue;
            };
            let divergence = Divergence::of(self.repo, self.config, &named, (ours, theirs), &taken)?;
            match Taking::of(&divergence, &named.branch, ours) {
                Some(taking) => compared.same.push(SharedPoint { named, taking, divergence }),
                None => compared.other.push((named, divergence.advice(self.repo, self.remote))),
            }
        }
        Ok(compared)
    }

    fn contains(&self, commit: Oid, ancestor: Oid) -> bool {
        self.repo.is_ancestor(ancestor, commit).unwrap_or(true)
    }

    /// Fetches the branches; returns why that failed, if it did.
    fn fetch(&self, points: &[Named], still: Duration) -> Result<Option<RemoteFailure>> {
        let refspec = |named: &Named| format!("+{}:{}", named.branch.full_ref(), named.branch.tracking(self.remote));
        let refspecs: Vec<_> = points.iter().map(refspec).collect();
        match self.repo.git().fetch(self.remote, &refspecs, still) {
            Ok(()) => Ok(None),
            Err(error) => Ok(Some(RemoteFailure::of(error, self.remote)?)),
        }
    }

    /// Moves the branches to the remote's commits, and deletes those of the plan that had grown from the replaced ones.
    fn take(&self, plan: &mut Plan, reasons: &[Reason], same: Vec<SharedPoint>) -> Result<RaceOutcome> {
        if let Some(left) = same.iter().find(|same| !same.taking.is_possible(self.repo)) {
            let advice = left.divergence.clone().blocked().advice(self.repo, self.remote);
            return Ok(RaceOutcome::Left(refused(reasons, &[(left.named.clone(), advice)])));
        }
        // As the push would have done; first, because a kill after the branch has moved leaves nothing to push.
        for same in &same {
            self.repo.set_upstream(self.remote, &same.named.branch)?;
        }
        let above = self.grown_from(plan, &same)?;
        let is_incomplete = !above.is_empty();
        let takings: Vec<_> = same.iter().map(|same| same.taking.clone()).collect();
        take::apply(self.context, &takings, above)?;
        for same in &same {
            plan.exists_at(&same.named.branch, same.divergence.theirs());
        }
        Ok(RaceOutcome::Taken { points: same.into_iter().map(|same| same.named).collect(), is_incomplete })
    }

    /// The deletion of the branches that the plan made on top of a commit that is replaced.
    fn grown_from(&self, plan: &Plan, same: &[SharedPoint]) -> Result<Vec<Change>> {
        let mut deletions = Vec::new();
        for item in plan.items.iter().filter(|item| item.creation.is_some()) {
            let is_replaced = same.iter().any(|same| same.named.branch == item.named.branch);
            let grew = |same: &SharedPoint| self.repo.is_ancestor(same.taking.ours, item.commit);
            if is_replaced || !same.iter().map(grew).collect::<Result<Vec<_>, _>>()?.contains(&true) {
                continue;
            }
            deletions.push(Change { name: item.named.branch.full_ref(), old: Some(item.commit), new: None });
        }
        Ok(deletions)
    }
}

/// The refused push with the advices in place of git's reasons.
fn refused(reasons: &[Reason], advices: &[(Named, Advice)]) -> Outcome {
    let reason = |reason: &Reason| {
        let is_of = |(named, _): &&(Named, Advice)| reason.branch.as_deref() == Some(named.branch.as_str());
        let advice = advices.iter().find(is_of).filter(|_| reason.is_diverged());
        let why = advice.map(|(_, advice)| RemoteFailure::Message(advice.what.clone()));
        Reason { branch: reason.branch.clone(), why: why.unwrap_or_else(|| reason.why.clone()) }
    };
    let hints = advices.iter().take(MAX_HINTS).map(|(_, advice)| advice.hint()).collect();
    Outcome::Refused { reasons: reasons.iter().map(reason).collect(), hints, again: false }
}
