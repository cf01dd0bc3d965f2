//! The old and the new names of points, and what must hold of them.

use anyhow::Result;

use crate::config::Config;
use crate::git::{Oid, Repo};
use crate::lattice::{Point, Population};
use crate::ops::Refusal;
use crate::ops::new::Names;
use crate::points::census::Census;

/// The names before and after.
pub(in crate::ops) struct Renaming<'a> {
    /// The lattice before.
    pub(in crate::ops) old: &'a Config,
    /// The lattice afterwards.
    pub(in crate::ops) new: &'a Config,
    /// The new names of points.
    pub(in crate::ops) map: Map<'a>,
    /// Whether to delete the old branches on the remote.
    pub(in crate::ops) delete_remote: bool,
}

/// The new names of points.
pub(in crate::ops) enum Map<'a> {
    /// This point becomes that one.
    One(&'a Point, &'a Point),
    /// All points keep their positions; axes and values have other names.
    Positions,
    /// All points keep their values, except on this axis, which goes.
    Values {
        /// The position of the axis.
        without: Option<usize>,
    },
}

impl Renaming<'_> {
    /// The new name of a point; `None` if it has none.
    pub(super) fn target(&self, point: &Point) -> Option<Point> {
        match self.map {
            Map::One(from, to) => Some(if point == from { to } else { point }.clone()),
            Map::Positions => Some(point.clone()),
            Map::Values { without } => {
                let texts = self.old.lattice.texts(point).into_iter().enumerate();
                let texts: Vec<_> = texts.filter(|(i, _)| Some(*i) != without).map(|(_, text)| text).collect();
                self.new.lattice.point_of(&texts).ok()
            }
        }
    }

    /// Checks that each point grows on the same points as before: the commits say so.
    pub(super) fn check_order(&self, census: &Census) -> Result<()> {
        let population = census.population();
        let renamed = population.points().filter_map(|point| self.target(point)).collect::<Population>();
        for point in population.points() {
            let Some(target) = self.target(point) else { continue };
            let mut now: Vec<Point> =
                population.maximal_below(point).into_iter().filter_map(|below| self.target(below)).collect();
            now.sort();
            let then = renamed.maximal_below(&target);
            if now.iter().ne(then.iter().copied()) {
                let names = |points: &mut dyn Iterator<Item = &Point>| {
                    points.map(|point| self.new.spell(point)).collect::<Vec<_>>()
                };
                let (now, then) = (names(&mut now.iter()), names(&mut then.into_iter()));
                return Err(Refusal::OtherOrder { point: self.new.spell(&target), now, then }.into());
            }
        }
        Ok(())
    }

    /// Checks that the new branches can be made.
    pub(super) fn check_free(&self, repo: &Repo, census: &Census, points: &[Point]) -> Result<()> {
        let mut targets = Vec::new();
        for point in points {
            let (named, target) = (self.old.name(point), self.target(point).map(|target| self.new.name(&target)));
            targets.extend(target.filter(|target| target.branch != named.branch).map(|target| (point, target)));
        }
        let branches: Vec<_> = targets.iter().map(|(_, target)| target.branch.clone()).collect();
        let names = Names::near(repo, &branches)?;
        for (point, target) in &targets {
            let there = self.new.remote.as_ref().map(|remote| repo.tracking_tip(&target.branch, remote)).transpose()?;
            let own = census.commit(point);
            // The remote may still have the branch from before it had another name.
            let is_ours = |there: Oid| own.map_or(Ok(false), |own| repo.is_ancestor(there, own));
            let is_elsewhere = there.flatten().map_or(Ok(false), |there| is_ours(there).map(|is_ours| !is_ours))?;
            if is_elsewhere || repo.branch_tip(&target.branch)?.is_some() {
                let (point, branch) = (target.spelled.clone(), target.branch.to_string());
                return Err(Refusal::PointExists { point, branch }.into());
            }
            names.check(&target.branch)?;
        }
        Ok(())
    }
}
