//! The commits that give points other names.

use anyhow::Result;

use super::renaming::Renaming;
use super::tree::{Renamed, Rewriter};
use crate::config::{Named, StepData};
use crate::context::Context;
use crate::git::ancestry::Ancestry;
use crate::git::identity::Identity;
use crate::git::{Oid, Repo, trailer};
use crate::lattice::Point;
use crate::ops::check::is_hand_written;
use crate::ops::generated::{self, MOVE, POINT};
use crate::ops::moves::{Planner, Reason, Target, Unwritten};
use crate::points::census::Census;
use crate::points::content::{CONFIG, FLAKE};

/// Makes a plan from a renaming.
pub(in crate::ops) struct Renamer<'a> {
    planner: Planner<'a>,
    renaming: &'a Renaming<'a>,
    rewriter: Rewriter<'a>,
    ancestry: Ancestry<'a>,
    identity: Identity,
    /// The trailer of commits on points that keep their names.
    cause: Option<(&'static str, String)>,
    /// Whether a point that this worktree has checked out is left out.
    stays_here: bool,
}

impl<'a> Renamer<'a> {
    pub(in crate::ops) fn new(
        context: &'a Context,
        census: &'a Census,
        memory: &'a Repo,
        renaming: &'a Renaming<'a>,
        cause: Option<(&'static str, String)>,
    ) -> Result<Self> {
        let planner = Planner::new(context, renaming.old, census, memory);
        let rewriter = Rewriter::new(memory, renaming);
        let (ancestry, identity) = (memory.ancestry(), memory.identity()?);
        Ok(Self { planner, renaming, rewriter, ancestry, identity, cause, stays_here: false })
    }

    /// Leaves a point out that this worktree has checked out: the command changes another file in it.
    pub(in crate::ops) fn staying_here(self) -> Self {
        Self { stays_here: true, ..self }
    }

    /// Plans the new names of these points, lower ones first; they must contain all points above each of them.
    pub(in crate::ops) fn run(mut self, points: &[Point]) -> Result<Unwritten> {
        self.renaming.check_free(self.planner.memory, self.planner.census, points)?;
        self.renaming.check_order(self.planner.census)?;
        for point in points {
            self.look_at(point)?;
        }
        self.planner.made_here = self.rewriter.made_here;
        Ok(self.planner.finish_whole())
    }

    fn look_at(&mut self, point: &Point) -> Result<()> {
        let Renaming { old, new, delete_remote, .. } = *self.renaming;
        let named = old.name(point);
        let (Some(tip), Some(target)) = (self.planner.census.commit(point), self.renaming.target(point)) else {
            return Ok(());
        };
        let target = new.name(&target);
        let before = self.planner.memory.tree_of_commit(tip)?;
        let covers = self.planner.census.population().maximal_below(point);
        let renamed = self.rewriter.rewrite(before, point, &covers)?;
        if renamed.tree == before && target.names() == named.names() {
            self.planner.count();
            return Ok(());
        }
        if let Some(reason) = self.obstacle(&named, tip)? {
            self.planner.leave_out(named, reason);
            return Ok(());
        }
        if renamed.generated.is_none() {
            self.warn(&named, tip, before)?;
        }
        let commit = self.commit(&named, &target, tip, &renamed)?;
        if target.names() == named.names() {
            let brings = self.brings(point);
            return self.planner.move_to(named, commit, brings);
        }
        let has_remote = self.planner.census.tip(point).remote.is_some() && target.branch != named.branch;
        let (is_remote, stays_on_remote) = (has_remote && delete_remote, has_remote && !delete_remote);
        self.planner.rename(named, Target { named: target, commit, is_remote, stays_on_remote })
    }

    /// What the commit on a point brings that keeps its name: the points below with other names, else new flakes.
    fn brings(&self, point: &Point) -> Vec<String> {
        let Renaming { old, new, .. } = self.renaming;
        let below = self.planner.census.population().below(point).into_iter();
        let targets = below.filter_map(|below| Some((old.spell(below), new.spell(&self.renaming.target(below)?))));
        let renamed: Vec<String> = targets.filter(|(old, new)| old != new).map(|(_, new)| new.into()).collect();
        if renamed.is_empty() { vec![FLAKE.to_owned()] } else { renamed }
    }

    /// Why a point cannot get another name now.
    fn obstacle(&mut self, named: &Named, tip: Oid) -> Result<Option<Reason>> {
        let Planner { census, config, .. } = self.planner;
        if self.planner.is_diverged(&named.point)? {
            return Ok(Some(Reason::Diverged));
        }
        for below in census.population().maximal_below(&named.point) {
            if let Some(commit) = census.commit(below)
                && self.ancestry.contains_if_known(tip, commit)? == Some(false)
            {
                return Ok(Some(Reason::Behind(config.spell(below))));
            }
        }
        if self.stays_here
            && let Some(place) = self.planner.place(named)?
            && self.planner.context.repo.workdir() == Some(&place)
        {
            let leave = self.planner.leave(&place)?;
            return Ok(Some(Reason::CheckedOut { place, leave }));
        }
        self.planner.in_use(named)
    }

    /// Warns of a flake that moves as it is.
    fn warn(&mut self, named: &Named, tip: Oid, tree: Oid) -> Result<()> {
        let memory = self.planner.memory;
        let Some(flake) = memory.file_at(tree, &named.path(FLAKE))? else { return Ok(()) };
        let is_by_hand = is_hand_written(memory, &named.spelled, tip, &flake)?;
        let why = if is_by_hand { "is hand-written" } else { "is not what a template of this version makes" };
        let line = format!("`{}` {why}: it stays as it is, with its coordinates and paths", named.path(FLAKE));
        self.planner.warnings.push(line);
        Ok(())
    }

    fn commit(&mut self, named: &Named, target: &Named, tip: Oid, renamed: &Renamed) -> Result<Oid> {
        let Planner { census, memory, .. } = self.planner;
        let covers = census.population().maximal_below(&named.point);
        let moved: Vec<&Point> = covers.into_iter().filter(|below| self.planner.has_moved(below)).collect();
        let parents: Vec<Oid> =
            std::iter::once(tip).chain(moved.iter().filter_map(|below| self.planner.tip(below))).collect();
        let mut trailers = Vec::new();
        if target.spelled == named.spelled {
            trailers.extend(self.cause.clone());
            trailers.extend(moved.iter().filter_map(|below| self.moved(below)));
        } else {
            trailers.extend(self.moved(&named.point));
            trailers.push((POINT, target.spelled.to_string()));
        }
        trailers.extend(self.generated([named, target], tip, renamed)?);
        let subject = if target.spelled == named.spelled {
            format!("build(lattice): update {}", named.spelled)
        } else {
            format!("build(lattice): move {} to {}", named.spelled, target.spelled)
        };
        let message = trailer::message(&subject, "", &trailers);
        Ok(memory.make_commit(&self.identity, &message, renamed.tree, &parents)?)
    }

    /// The trailer of a point that gets another name.
    fn moved(&self, point: &Point) -> Option<(&'static str, String)> {
        let target = self.renaming.target(point)?;
        let (old, new) = (self.renaming.old.spell(point), self.renaming.new.spell(&target));
        (old != new).then(|| (MOVE, format!("{old} -> {new}")))
    }

    /// The trailers about the flake of a point: what made it now, else what made it once.
    fn generated(
        &self,
        [named, target]: [&Named; 2],
        tip: Oid,
        renamed: &Renamed,
    ) -> Result<Vec<(&'static str, String)>> {
        let memory = self.planner.memory;
        let Some(template) = renamed.generated else {
            return Ok(generated::recorded(memory, tip, Some(&named.spelled))?.into_iter().collect());
        };
        let data = memory.file_at(renamed.tree, &target.path(CONFIG))?.map(StepData::parse).and_then(Result::ok);
        Ok(data.map(|data| generated::trailers(memory, template, &data)).transpose()?.into_iter().flatten().collect())
    }
}
