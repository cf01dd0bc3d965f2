//! Restacking: merging what moved in lower points into the points above them. Nothing is rewritten: each point gets a merge commit on
//! top of its own.

use std::cmp::Reverse;
use std::collections::HashSet;

use anyhow::Result;

use super::Cannot;
use super::generated::RESTACK;
use super::moves::{Plan, Planner, Reason, Unwritten};
use crate::config::{Config, Named};
use crate::context::Context;
use crate::git::identity::Identity;
use crate::git::merge::Merger;
use crate::git::{self, Oid, trailer};
use crate::lattice::{Point, Population};
use crate::points::behind::Behind;
use crate::points::census::{Census, Tip};

/// What to restack.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// These points and those below them; `None` is all.
    pub points: Option<Vec<Point>>,
    /// Whether to merge the base branch into the lowest points.
    pub base: bool,
}

/// Plans to restack points. Nothing is written, not even an object.
///
/// # Errors
/// When refs, objects or history cannot be read.
pub fn plan(context: &Context, config: &Config, request: &Request) -> Result<Plan> {
    let memory = context.repo.in_memory();
    let census = Census::take(&memory, config)?;
    let unwritten = restack(Planner::new(context, config, &census, &memory), request)?;
    Ok(unwritten.with_objects(memory))
}

fn restack(planner: Planner<'_>, request: &Request) -> Result<Unwritten> {
    let Planner { context, config, census, memory, .. } = planner;
    let points = points(census, request.points.as_deref());
    let mut merger = memory.merger();
    let contains = |point: &Point, tip: Oid| match census.commit(point) {
        Some(own) => Ok(merger.ancestry().contains_if_known(own, tip)?),
        None => Ok(Some(true)),
    };
    let behind = Behind::find(census, points.iter(), contains)?;
    if let [first, others @ ..] = behind.unknown().as_slice() {
        return Err(Cannot::HistoryCutOff { point: config.spell(first), others: others.len() }.into());
    }
    let base = if request.base { Some(base_tip(context, config)?) } else { None };
    let identity = memory.identity()?;
    let mut restack = Restack { planner, merger, identity, behind, base, is_asked: true };
    let named: HashSet<&Point> = request.points.iter().flatten().collect();
    for point in &points {
        restack.look_at(point, named.contains(point))?;
    }
    Ok(restack.planner.finish())
}

/// The points to look at, lower ones first.
fn points(census: &Census, named: Option<&[Point]>) -> Vec<Point> {
    let population = census.population();
    let mut points: Vec<Point> = match named {
        None => population.points().cloned().collect(),
        Some(named) => with_all_below(population, named).into_iter().cloned().collect(),
    };
    points.sort_by_cached_key(Point::extension_key);
    points
}

/// These points and all below them. The greatest come first: what is below a point that is there already is there too.
fn with_all_below<'p>(population: &'p Population, named: &'p [Point]) -> HashSet<&'p Point> {
    let mut named: Vec<&Point> = named.iter().collect();
    named.sort_by_cached_key(|point| Reverse(point.extension_key()));
    let mut all = HashSet::new();
    for point in named {
        if all.insert(point) {
            all.extend(population.below(point));
        }
    }
    all
}

fn base_tip(context: &Context, config: &Config) -> Result<Oid> {
    let missing = || Cannot::no_base(&context.repo, config, &config.base).into();
    context.base_tip(config)?.ok_or_else(missing)
}

/// Merges what moved into the points above.
pub(super) struct Restack<'a> {
    pub(super) planner: Planner<'a>,
    merger: Merger<'a>,
    identity: Identity,
    behind: Behind<'a>,
    /// The commit to merge into the lowest points.
    base: Option<Oid>,
    /// Whether the user asked for the merges, and they do not only follow from other moves.
    is_asked: bool,
}

/// A commit to merge, and where it comes from.
struct Source {
    commit: Oid,
    /// The point or branch, for the trailer.
    name: String,
    /// The branch, for a merge by hand.
    branch: String,
    /// The point below.
    point: Option<Point>,
    /// The commit that this point had before the plan moved it.
    before: Option<Oid>,
}

impl<'a> Restack<'a> {
    /// Restacks only what the plan itself moves.
    pub(super) fn of_moved(planner: Planner<'a>) -> Result<Self> {
        let behind = Behind::find(planner.census, std::iter::empty(), |_, _| Ok(Some(true)))?;
        let (memory, merger) = (planner.memory, planner.memory.merger());
        Ok(Self { planner, merger, identity: memory.identity()?, behind, base: None, is_asked: false })
    }

    /// Plans to restack a point. All points below it must have been looked at.
    pub(super) fn look_at(&mut self, point: &Point, is_named: bool) -> Result<()> {
        let named = self.planner.config.name(point);
        let Some((own, sources)) = self.sources(&named)? else { return Ok(()) };
        if sources.is_empty() {
            self.planner.owe(&named, if self.is_asked { &[RESTACK] } else { &[] })?;
            if is_named {
                self.planner.keep(named);
            }
            return Ok(());
        }
        let below = sources.iter().filter_map(|source| source.point.as_ref());
        if let Some(left_out) = below.clone().find_map(|point| self.planner.left_out(point)) {
            let reason = Reason::Above(left_out.clone());
            self.planner.leave_out(named, reason);
            return Ok(());
        }
        if let Some(reason) = self.planner.in_use(&named)? {
            self.planner.leave_out(named, reason);
            return Ok(());
        }
        let parents: Vec<Oid> = std::iter::once(own).chain(sources.iter().map(|source| source.commit)).collect();
        let merged = match sources.as_slice() {
            [Source { commit, before: Some(before), .. }] => self.merger.merged_with_moved(own, *before, *commit),
            _ => self.merger.merged_tree(&parents),
        };
        match merged {
            Ok(tree) => self.commit(named, tree, &parents, sources),
            Err(git::Error::Conflict { paths }) => {
                let branches = sources.into_iter().map(|source| source.branch).collect();
                self.planner.leave_out(named, Reason::Conflict { paths, branches });
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn commit(&mut self, named: Named, tree: Oid, parents: &[Oid], sources: Vec<Source>) -> Result<()> {
        let subject = format!("build(lattice): restack {}", named.spelled);
        let trailers: Vec<_> = sources.iter().map(|source| (RESTACK, source.name.clone())).collect();
        let message = trailer::message(&subject, "", &trailers);
        let commit = self.planner.memory.make_commit(&self.identity, &message, tree, parents)?;
        sources.iter().filter_map(|source| source.point.as_ref()).for_each(|point| self.planner.contain(point));
        self.planner.restack_to(named, commit, sources.into_iter().map(|source| source.name).collect())
    }

    /// The commit to merge into, and the commits that it lacks; `None` if the point has no branch.
    fn sources(&mut self, named: &Named) -> Result<Option<(Oid, Vec<Source>)>> {
        let Self { planner, merger, behind, base, .. } = self;
        let Planner { config, census, memory, .. } = &*planner;
        let tip = census.tip(&named.point);
        let Some(mut own) = tip.commit() else { return Ok(None) };
        let covers = planner.population().maximal_below(&named.point);
        let mut sources = Vec::new();
        if let Tip { local: Some(local), remote: Some(remote) } = tip
            && local != remote
            && memory.size_of(remote).is_some()
            && !memory.is_ancestor(remote, local)?
        {
            if memory.is_ancestor(local, remote)? {
                own = remote;
            } else {
                let name = format!("{}/{}", config.remote.as_deref().unwrap_or_default(), named.branch);
                sources.push(Source::of_branch(remote, name));
            }
        }
        let is_behind = behind.has(&named.point);
        for cover in &covers {
            let Some(commit) = planner.tip(cover) else { continue };
            let has_moved = planner.has_moved(cover);
            let is_left_out = is_behind && planner.left_out(cover).is_some();
            if has_moved || is_left_out || (is_behind && !merger.ancestry().contains_readable(own, commit)?) {
                let below = config.name(cover).names();
                let (name, branch) = (below.spelled.into(), below.branch.to_string());
                let before = census.commit(cover).filter(|_| has_moved);
                sources.push(Source { commit, name, branch, point: Some((*cover).clone()), before });
            }
        }
        if let Some(base) = base.filter(|_| covers.is_empty())
            && !memory.is_ancestor(base, own)?
        {
            sources.push(Source::of_branch(base, config.base.to_string()));
        }
        Ok(Some((own, sources)))
    }
}

impl Source {
    /// A branch that is no point below.
    fn of_branch(commit: Oid, branch: String) -> Self {
        Self { commit, name: branch.clone(), branch, point: None, before: None }
    }
}
