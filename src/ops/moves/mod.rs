//! Plans that move the branches of several points: what changes, what stays, what is left out and why.
//!
//! The new commits are in memory until the plan is applied, in one transaction. A branch that a worktree has checked out moves only
//! if that worktree is clean; its files are updated.

mod make;
mod outcome;
mod owed;
mod rename;
mod steps;
mod worktrees;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Result;

pub use self::make::make;
pub use self::outcome::{Cause, Item, Outcome, Reason, Removal, Target, Unpushed};
use self::steps::Steps;
pub(super) use self::worktrees::Worktrees;
use super::change;
use super::trust::{self, Placed};
use crate::config::{Config, Named};
use crate::context::Context;
use crate::git::checkout::State;
use crate::git::names::BranchName;
use crate::git::work::Section;
use crate::git::{Change, Oid, Repo};
use crate::lattice::{Point, Population, Spelled};
use crate::points::census::{Census, Tip};
use crate::process::quote;

/// A plan. The objects are in memory.
pub struct Plan {
    /// The points, lower ones first.
    pub items: Vec<Item>,
    memory: Repo,
    /// How many points that are not listed do not change.
    pub unchanged: usize,
    /// How many of these have no local branch, so that only a deletion on the remote removes them.
    pub only_there: usize,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    steps: Steps,
    made_here: BTreeSet<Placed>,
}

/// Makes a plan.
pub(super) struct Planner<'a> {
    pub(super) context: &'a Context,
    pub(super) config: &'a Config,
    pub(super) census: &'a Census,
    pub(super) memory: &'a Repo,
    /// The points of the census and the created ones.
    population: Cow<'a, Population>,
    /// Warnings for the user.
    pub(super) warnings: Vec<String>,
    tips: HashMap<Point, Oid>,
    left_out: HashMap<Point, Spelled>,
    items: Vec<Item>,
    unchanged: usize,
    pub(super) only_there: usize,
    steps: Steps,
    owed: Owed,
    worktrees: Worktrees,
    /// Directories that were made here, and count as such at the places where the plan puts them.
    pub(super) made_here: BTreeSet<Placed>,
}

/// What is known about points that do not change.
#[derive(Default)]
struct Owed {
    /// Whether the push of these points is due.
    known: HashMap<Point, bool>,
    /// Points that are pushed, with the trailers that a commit of this command has.
    asked: HashMap<Point, &'static [&'static str]>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(context: &'a Context, config: &'a Config, census: &'a Census, memory: &'a Repo) -> Self {
        Self {
            context,
            config,
            census,
            memory,
            population: Cow::Borrowed(census.population()),
            warnings: Vec::new(),
            tips: HashMap::new(),
            left_out: HashMap::new(),
            items: Vec::new(),
            unchanged: 0,
            only_there: 0,
            steps: Steps::default(),
            owed: Owed::default(),
            worktrees: Worktrees::default(),
            made_here: BTreeSet::new(),
        }
    }

    /// The points after the plan.
    pub(super) fn population(&self) -> &Population {
        &self.population
    }

    /// The commit of a point after the planned moves.
    pub(super) fn tip(&self, point: &Point) -> Option<Oid> {
        self.tips.get(point).copied().or_else(|| self.census.commit(point))
    }

    /// Whether the plan moves or creates a point.
    pub(super) fn has_moved(&self, point: &Point) -> bool {
        self.tips.contains_key(point)
    }

    /// The point because of which `point` must be left out: it is left out itself.
    pub(super) fn left_out(&self, point: &Point) -> Option<&Spelled> {
        self.left_out.get(point)
    }

    /// Why the branch of a point cannot move.
    ///
    /// # Errors
    /// When git cannot be run.
    pub(super) fn in_use(&mut self, named: &Named) -> Result<Option<Reason>> {
        let worktree = self.worktrees.blocking(&self.context.repo, &named.branch)?;
        Ok(worktree.map(Reason::InUse))
    }

    /// Plans to move the branch of a point to a commit in memory. Leaves it out if an untracked file is in the way.
    ///
    /// # Errors
    /// When git cannot be run, or trees cannot be read.
    pub(super) fn move_to(&mut self, named: Named, to: Oid, brings: Vec<String>) -> Result<()> {
        self.place_at(named, to, brings, false)
    }

    /// Like [`Self::move_to`], to a commit that only merges the points below.
    ///
    /// # Errors
    /// Those of [`Self::move_to`].
    pub(super) fn restack_to(&mut self, named: Named, to: Oid, brings: Vec<String>) -> Result<()> {
        self.place_at(named, to, brings, true)
    }

    fn place_at(&mut self, named: Named, to: Oid, brings: Vec<String>, is_restack: bool) -> Result<()> {
        let from = self.census.commit(&named.point);
        if let Some((worktree, path)) = self.untracked(&named, from, to)? {
            self.leave_out(named, Reason::Untracked { worktree, path });
            return Ok(());
        }
        if self.has_moved(&named.point) {
            self.tips.insert(named.point.clone(), to);
            self.move_on(&named, to, brings, is_restack);
            return Ok(());
        }
        let Tip { local, .. } = self.census.tip(&named.point);
        self.tips.insert(named.point.clone(), to);
        self.steps.changes.push(Change { name: named.branch.full_ref(), old: local, new: Some(to) });
        self.steps.push.push(named.branch.clone());
        self.items.push(Item { named, from, outcome: Outcome::Moved { to, brings, is_restack } });
        Ok(())
    }

    /// The worktree that has the branch checked out, and an untracked file in it that the new commit would replace.
    fn untracked(&mut self, named: &Named, from: Option<Oid>, to: Oid) -> Result<Option<(PathBuf, String)>> {
        let Some(from) = from else { return Ok(None) };
        let Some(worktree) = self.worktrees.place(&self.context.repo, &named.branch)? else { return Ok(None) };
        let [before, after] = [self.memory.tree_of_commit(from)?, self.memory.tree_of_commit(to)?];
        let added = self.memory.file_changes(before, after)?.into_iter().filter(|change| change.before.is_none());
        let in_the_way = added.map(|change| change.path).find(|path| is_there(&worktree.join(path)));
        Ok(in_the_way.map(|path| (worktree, path)))
    }

    /// Plans the branch of a point that has none; points above it that are looked at later have it as a cover.
    pub(super) fn create(&mut self, named: Named, to: Oid, brings: Vec<String>) {
        self.tips.insert(named.point.clone(), to);
        self.population.to_mut().insert(named.point.clone());
        self.steps.changes.push(Change { name: named.branch.full_ref(), old: None, new: Some(to) });
        self.steps.push.push(named.branch.clone());
        self.items.push(Item { named, from: None, outcome: Outcome::Created { to, brings } });
    }

    /// Plans a second commit on a point that the plan moves or creates already.
    fn move_on(&mut self, named: &Named, to: Oid, brings: Vec<String>, is_restack: bool) {
        let name = named.branch.full_ref();
        let changes = self.steps.changes.iter_mut().rev().filter(|change| change.name == name);
        changes.take(1).for_each(|change| change.new = Some(to));
        let Some(item) = self.items.iter_mut().rev().find(|item| item.named.point == named.point) else { return };
        let outcome = &mut item.outcome;
        if let Outcome::Moved { is_restack: was_restack, .. } = outcome {
            *was_restack = *was_restack && is_restack;
        }
        if let Outcome::Moved { to: last, brings: all, .. } | Outcome::Created { to: last, brings: all } = outcome {
            *last = to;
            let new: Vec<_> = brings.into_iter().filter(|it| !all.contains(it)).collect();
            all.extend(new);
        }
    }

    /// The plan holds only as long as a ref has this value.
    pub(super) fn rely_on(&mut self, name: String, id: Oid) {
        self.steps.contained.insert(name, id);
    }

    /// The plan holds only as long as the branch of a point, which it does not change, has its commit.
    pub(super) fn rely_on_point(&mut self, point: &Point) {
        let branch = self.config.branch_of(point);
        match (self.census.tip(point), &self.config.remote) {
            (Tip { local: Some(local), .. }, _) => self.rely_on(branch.full_ref(), local),
            (Tip { remote: Some(there), .. }, Some(remote)) => self.rely_on(branch.tracking(remote), there),
            _ => {}
        }
    }

    /// The worktree that uses the branch of a point.
    ///
    /// # Errors
    /// When git cannot be run.
    pub(super) fn place(&mut self, named: &Named) -> Result<Option<PathBuf>> {
        self.worktrees.place(&self.context.repo, &named.branch)
    }

    /// The command that leaves the branch which is checked out in this worktree, or shows what is in progress in it.
    ///
    /// # Errors
    /// When git cannot be run.
    pub(super) fn leave(&mut self, place: &Path) -> Result<String> {
        let (repo, base) = (&self.context.repo, &self.config.base);
        if repo.worktree_state(place)? == State::Busy {
            return Ok(format!("git -C {} status", quote(place)));
        }
        if repo.workdir() == Some(place) {
            let is_free = repo.branch_tip(base)?.is_some() && self.worktrees.place(repo, base)?.is_none();
            return Ok(format!("git switch {}", if is_free { quote(base) } else { "--detach".to_owned() }));
        }
        Ok(format!("git -C {} switch --detach", quote(place)))
    }

    /// Plans to delete the branches of a point, which have these commits.
    pub(super) fn remove(&mut self, named: Named, Tip { local, remote }: Tip, removal: Removal) {
        let name = named.branch.full_ref();
        if removal.is_local {
            self.steps.changes.push(Change { name: name.clone(), old: local, new: None });
            self.steps.sections.push(Section { branch: named.branch.clone(), new: None });
        }
        if let (Some(there), Some(remote)) = (remote.filter(|_| removal.is_remote), &self.config.remote) {
            self.steps.contained.insert(named.branch.tracking(remote), there);
            self.steps.delete.push(Change { name, old: Some(there), new: None });
        }
        self.items.push(Item { from: local.or(remote), named, outcome: Outcome::Removed(removal) });
    }

    /// Leaves a point out.
    pub(super) fn leave_out(&mut self, named: Named, reason: Reason) {
        let from = self.census.commit(&named.point);
        let below = if let Reason::Above(below) = &reason { below.clone() } else { named.spelled.clone() };
        // A point that the plan moves already is not missing for those above it.
        if !self.has_moved(&named.point) {
            self.left_out.insert(named.point.clone(), below);
        }
        self.items.push(Item { named, from, outcome: Outcome::LeftOut(reason) });
    }

    /// Leaves a branch out that is no point and has these commits.
    pub(super) fn leave_branch_out(&mut self, named: Named, tip: Tip, reason: Reason) {
        self.items.push(Item { from: tip.commit(), named, outcome: Outcome::LeftOut(reason) });
    }

    /// Lists a point that does not change, unless the plan moves it already.
    pub(super) fn keep(&mut self, named: Named) {
        if self.has_moved(&named.point) {
            return;
        }
        let from = self.census.commit(&named.point);
        self.items.push(Item { named, from, outcome: Outcome::Unchanged });
    }

    /// Counts a point that does not change.
    pub(super) fn count(&mut self) {
        self.unchanged += 1;
    }

    /// Counts a point that does not change, since only the remote has it.
    pub(super) fn count_only_there(&mut self) {
        self.unchanged += 1;
        self.only_there += 1;
    }

    /// A new commit contains the commit of this point, which the plan does not move: its ref must stay as it is, and the remote must
    /// get it too.
    pub(super) fn contain(&mut self, point: &Point) {
        let tip = self.census.tip(point);
        let Some(local) = tip.local.filter(|_| !self.has_moved(point)) else { return };
        let branch = self.config.branch_of(point);
        if self.steps.contained.insert(branch.full_ref(), local).is_none() && !tip.is_pushed() {
            self.steps.push.push(branch);
        }
    }

    pub(super) fn finish(self) -> Unwritten {
        let Self { items, unchanged, only_there, warnings, mut steps, worktrees, made_here, .. } = self;
        steps.push.sort();
        steps.push.dedup();
        steps.worktrees = worktrees.moved(&steps.changes);
        Unwritten { items, unchanged, only_there, warnings, steps, made_here }
    }
}

/// A plan without its objects, which the planner reads.
pub(super) struct Unwritten {
    items: Vec<Item>,
    unchanged: usize,
    only_there: usize,
    warnings: Vec<String>,
    steps: Steps,
    made_here: BTreeSet<Placed>,
}

impl Unwritten {
    pub(super) fn with_objects(self, memory: Repo) -> Plan {
        let Self { items, unchanged, only_there, warnings, steps, made_here } = self;
        Plan { items, memory, unchanged, only_there, warnings, steps, made_here }
    }
}

impl Plan {
    /// The points that move or are created.
    pub fn moved(&self) -> Vec<Point> {
        let is_moved = |outcome: &Outcome| matches!(outcome, Outcome::Moved { .. } | Outcome::Created { .. });
        let moved = self.items.iter().filter(|item| is_moved(&item.outcome));
        moved.map(|item| item.named.point.clone()).collect()
    }

    /// Whether points are created, or get other names.
    fn creates(&self) -> bool {
        self.items.iter().any(|item| matches!(item.outcome, Outcome::Created { .. } | Outcome::Renamed(_)))
    }

    /// Whether nothing was left out.
    pub fn is_complete(&self) -> bool {
        !self.items.iter().any(|item| matches!(item.outcome, Outcome::LeftOut(_)))
    }

    /// The branches to push.
    pub fn to_push(&self) -> &[BranchName] {
        &self.steps.push
    }

    /// The branches to delete on the remote, with the values that they have there.
    pub fn to_delete(&self) -> &[Change] {
        &self.steps.delete
    }

    /// Whether the plan changes something.
    fn is_empty(&self) -> bool {
        !self.items.iter().any(|item| !matches!(item.outcome, Outcome::Unchanged | Outcome::LeftOut(_)))
    }

    /// Moves the branches; returns the id of the operation, or `None` if nothing moves.
    ///
    /// # Errors
    /// When objects cannot be written, or a ref has another value than planned ([`crate::git::Error::Ref`]); then no ref has moved.
    pub fn apply(&mut self, context: &Context, title: &str) -> Result<Option<String>> {
        if self.is_empty() {
            return Ok(None);
        }
        let objects = std::mem::replace(&mut self.memory, context.repo.in_memory());
        // Before the refs move: if this process is killed in between, the trees are known and no branch has them.
        trust::carry(&context.repo, &self.made_here);
        change::apply(context, self.steps.take_changes(title, objects))
    }
}

/// Whether a new file would replace something here.
fn is_there(path: &Path) -> bool {
    match path.symlink_metadata() {
        Ok(_) => true,
        // A file stands where a folder is needed.
        Err(error) => error.kind() == ErrorKind::NotADirectory,
    }
}
