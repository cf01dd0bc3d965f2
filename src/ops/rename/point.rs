//! `git lattice move`: another name for one point.

use anyhow::Result;

use super::former::names_before;
use super::renamer::Renamer;
use super::renaming::{Map, Renaming};
use crate::config::{Config, Named, Names};
use crate::context::Context;
use crate::git::Repo;
use crate::lattice::Point;
use crate::ops::generated::MOVE;
use crate::ops::moves::{Plan, Planner, Unwritten};
use crate::ops::{Cannot, Refusal};
use crate::points::census::Census;

/// A point to move.
#[derive(Debug, Clone)]
pub struct Request {
    /// The point.
    pub from: Point,
    /// Its new name.
    pub to: Point,
    /// Whether to delete the old branch on the remote.
    pub delete_remote: bool,
}

/// Plans to give a point another name. Nothing is written, not even an object.
///
/// # Errors
/// [`Refusal`] when the new point exists, or another one would grow on other points than before; when refs, objects or history
/// cannot be read.
pub fn plan(context: &Context, config: &Config, request: &Request) -> Result<Plan> {
    let memory = context.repo.in_memory();
    let census = Census::take(&memory, config)?;
    let Request { from, to, delete_remote } = request;
    let renaming = Renaming { old: config, new: config, map: Map::One(from, to), delete_remote: *delete_remote };
    let unwritten = if census.commit(from).is_some() {
        if census.commit(to).is_some() {
            let Names { spelled: point, branch, .. } = config.name(to).names();
            return Err(Refusal::PointExists { point, branch: branch.to_string() }.into());
        }
        let population = census.population();
        let mut points: Vec<Point> = population.points().filter(|it| from.is_at_or_below(it)).cloned().collect();
        points.sort_by_cached_key(Point::extension_key);
        Renamer::new(context, &census, &memory, &renaming, None)?.run(&points)?
    } else if was_moved(&memory, &census, &config.name(from), &config.name(to))? {
        resume(Planner::new(context, config, &census, &memory), request)?
    } else {
        return Err(Cannot::no_point(config, from).into());
    };
    Ok(unwritten.with_objects(memory))
}

/// Whether a point got its name from this other one, which is gone.
fn was_moved(repo: &Repo, census: &Census, from: &Named, to: &Named) -> Result<bool> {
    let Some(tip) = census.tip(&to.point).local else { return Ok(false) };
    Ok(names_before(repo, tip, &to.spelled)?.first().is_some_and(|before| before.spelled == from.spelled))
}

/// Plans what is left of a move that was done before: to push, and to delete the old branch on the remote.
fn resume(mut planner: Planner<'_>, Request { from, to, delete_remote }: &Request) -> Result<Unwritten> {
    let (config, census) = (planner.config, planner.census);
    for point in census.population().points().filter(|point| to.is_at_or_below(point)) {
        planner.owe(&config.name(point), &[MOVE])?;
    }
    if *delete_remote {
        planner.delete_renamed(&config.name(from))?;
    }
    planner.keep(config.name(to));
    Ok(planner.finish())
}
