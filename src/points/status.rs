//! The state of every point, from refs, commits, records and the cache.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;
use std::thread::{self, ScopedJoinHandle};

use anyhow::{Context as _, Result};

use super::activity::{Activity, View};
use super::behind::Behind;
use super::cache::{Cache, Facts, Place};
use super::census::{Census, Tip};
use super::divergence::{Advice, Divergence};
use super::keys::Keys;
use super::next::NextAction;
pub use super::point_status::PointStatus;
use super::start::Start;
use super::wanted::Wanted;
use crate::config::Config;
use crate::context::Context;
use crate::git::ancestry::Ancestry;
use crate::git::names::BranchName;
use crate::git::{Oid, Repo};
use crate::lattice::{Point, Spelled};
use crate::record::store::Scanning;
use crate::record::{Records, State, Verdicts};
use crate::system::System;

/// How many diverged branches are compared with the remote's; `sync` compares all.
const MAX_COMPARED: usize = 100;

/// The state of the points.
pub struct Survey {
    /// The requested points, in table order.
    pub points: Vec<PointStatus>,
    /// Number of points that have a branch.
    pub all: usize,
    /// Next actions: HEAD's point first, then the most urgent.
    pub next: Vec<NextAction>,
    /// The points whose branch could not be read, with the error.
    pub unreadable: Vec<(Point, anyhow::Error)>,
    /// Refs and notes that could not be read.
    pub broken: Vec<String>,
    /// Number of queued jobs without a worker, because the last worker was killed.
    pub stranded: usize,
    /// Number of note lines that are not trusted.
    pub skipped: usize,
    /// Number of points that may be behind: a shallow clone lacks the history that tells.
    pub maybe_behind: usize,
}

impl Survey {
    /// Whether these are all points that have a branch.
    pub fn is_all(&self) -> bool {
        self.points.len() == self.all
    }
}

/// Survey the points in `which`, or all points, that are wanted; [`Start::with_census`] saves time.
///
/// # Errors
/// When refs or objects cannot be read.
pub fn survey(
    context: &Context,
    config: &Config,
    from: (&Census, Start<'_>),
    wanted: (Option<&[Point]>, &Wanted),
) -> Result<Survey> {
    survey_from(context, config, from, wanted, context.head_point(config)?.as_ref())
}

/// Like [`survey`], with the next actions of a user at `head` instead of those at the checked-out point.
///
/// # Errors
/// When refs or objects cannot be read.
pub fn survey_from(
    context: &Context,
    config: &Config,
    from: (&Census, Start<'_>),
    (which, wanted): (Option<&[Point]>, &Wanted),
    head: Option<&Point>,
) -> Result<Survey> {
    let census = from.0;
    let mut survey = look(context, config, from, which, true)?;
    wanted.retain(&context.repo, &mut survey.points)?;
    survey.next = NextAction::of_points(config, census, &survey.points, head);
    Ok(survey)
}

/// Survey the points in `which`, or all points, without next actions and without comparing diverged branches.
///
/// # Errors
/// When refs or objects cannot be read.
pub fn states(context: &Context, config: &Config, census: &Census, which: Option<&[Point]>) -> Result<Survey> {
    look(context, config, (census, Start::of(&context.repo, config)?), which, false)
}

fn look(
    context: &Context,
    config: &Config,
    (census, start): (&Census, Start<'_>),
    which: Option<&[Point]>,
    compares: bool,
) -> Result<Survey> {
    let repo = &context.repo;
    let Start { cache, records, scanning } = start;
    let queue = View::take(repo)?;
    let stranded = queue.jobs_without_worker();
    let reader = repo.reading_once();
    let mut surveyor = Surveyor::new(repo, &reader, (config, census), cache, queue);
    let tip = |point| Some((point, census.tip(point))).filter(|(_, tip)| tip.commit().is_some());
    let all: Vec<(&Point, Tip)> = match which {
        Some(points) => points.iter().filter_map(tip).collect(),
        None => census.population().points().filter_map(tip).collect(),
    };
    let facts = match scanning {
        Some(scanning) => surveyor.facts_with_records(&all, &records, scanning),
        None => surveyor.facts_of(&all),
    };
    surveyor.skipped = surveyor.cache.skipped();
    let (mut points, mut unreadable) = (Vec::with_capacity(all.len()), Vec::new());
    for ((point, tip), facts) in all.into_iter().zip(facts) {
        match facts {
            Ok(facts) => points.extend(surveyor.look_at(point, tip, facts, compares)),
            Err(error) => unreadable.push((point.clone(), error)),
        }
    }
    let maybe_behind = surveyor.mark_behind(&mut points)?;
    let skipped = surveyor.skipped;
    surveyor.cache.save();
    let broken = [census.broken.as_slice(), &records.broken()].concat();
    Ok(Survey {
        points,
        all: census.population().len(),
        next: Vec::new(),
        unreadable,
        broken,
        stranded,
        skipped,
        maybe_behind,
    })
}

/// Get the facts of points that have a branch, each with the error if its commit cannot be read. Records are not read.
pub fn facts(context: &Context, config: &Config, census: &Census, points: Vec<Point>) -> Vec<(Point, Result<Facts>)> {
    let (repo, cache) = (&context.repo, Cache::load(&context.repo, config));
    let reader = repo.reading_once();
    let mut surveyor = Surveyor::new(repo, &reader, (config, census), cache, View::default());
    let mut found = Vec::with_capacity(points.len());
    for point in points {
        let Some(commit) = census.commit(&point) else { continue };
        let facts = surveyor.facts(&point, &config.spell(&point), commit);
        found.push((point, facts));
    }
    surveyor.cache.save();
    found
}

/// Get the status of one point without the cache, which takes longer to load than one point to compute.
///
/// # Errors
/// When refs or objects cannot be read.
pub fn status_of(context: &Context, config: &Config, point: &Point) -> Result<Option<PointStatus>> {
    let census = Census::around(&context.repo, config, std::slice::from_ref(point))?;
    Ok(statuses_of(context, config, &census, std::slice::from_ref(point))?.pop())
}

/// Like [`status_of`] for a few points of a census; points without a branch are omitted.
///
/// # Errors
/// When refs or objects cannot be read.
pub fn statuses_of(context: &Context, config: &Config, census: &Census, points: &[Point]) -> Result<Vec<PointStatus>> {
    let (repo, cache) = (&context.repo, Cache::empty(&context.repo, config));
    let queue = View::take(repo)?;
    let mut surveyor = Surveyor::new(repo, repo, (config, census), cache, queue);
    let records = Records::open(repo)?;
    let mut found = Vec::new();
    for point in points {
        let tip = census.tip(point);
        let Some(commit) = tip.commit() else { continue };
        let spelled = config.spell(point);
        let facts = surveyor.facts(point, &spelled, commit)?;
        if let Some(key) = facts.key {
            let own = records.of(key, &spelled)?;
            surveyor.cache.put_verdicts(key, spelled.clone(), Verdicts::of(&own));
        }
        found.push(surveyor.status(point, &spelled, (tip, commit), facts));
    }
    surveyor.mark_behind(&mut found)?;
    Ok(found)
}

/// The command that fetches the remote's points in a single-branch clone, where a plain `git fetch` does not.
pub fn fetch_of_others(context: &Context, config: &Config) -> Option<String> {
    let (repo, remote) = (&context.repo, config.remote.as_ref()?);
    let is_narrow = repo.remotes().contains(remote) && !repo.tracks(remote, "*");
    is_narrow.then(|| repo.fetch_command(remote, None))
}

struct Surveyor<'a> {
    repo: &'a Repo,
    /// A view of `repo` for commits and trees that are read once.
    reader: &'a Repo,
    keys: Keys<'a>,
    ancestry: Ancestry<'a>,
    config: &'a Config,
    census: &'a Census,
    cache: Cache,
    queue: View,
    /// The last point, and its systems.
    systems: Option<(Point, Rc<[System]>)>,
    skipped: usize,
    /// The branches in use, if they were needed.
    taken: Option<Vec<(BranchName, PathBuf)>>,
    /// How many branches have diverged from the remote's.
    diverged: usize,
}

impl<'a> Surveyor<'a> {
    fn new(
        repo: &'a Repo,
        reader: &'a Repo,
        (config, census): (&'a Config, &'a Census),
        cache: Cache,
        queue: View,
    ) -> Self {
        let (keys, ancestry) = (Keys::new(reader, config), repo.ancestry());
        Self {
            repo,
            reader,
            keys,
            ancestry,
            config,
            census,
            cache,
            queue,
            systems: None,
            skipped: 0,
            taken: None,
            diverged: 0,
        }
    }

    /// Compute the facts of points that have a branch.
    fn facts_of(&mut self, points: &[(&Point, Tip)]) -> Vec<Result<Facts>> {
        let facts = |(point, tip): &(&Point, Tip)| {
            let commit = tip.commit().with_context(|| format!("`{}` has no branch", self.config.spell(point)))?;
            self.facts(point, &self.config.spell(point), commit)
        };
        points.iter().map(facts).collect()
    }

    /// Like [`Self::facts_of`], while another thread reads records: both take about as long.
    fn facts_with_records(
        &mut self,
        points: &[(&Point, Tip)],
        records: &Records<'_>,
        mut scanning: Scanning,
    ) -> Vec<Result<Facts>> {
        let lattice = &self.config.lattice;
        let facts = thread::scope(|scope| {
            // Without a thread, `finish_scan` reads all.
            let reader = thread::Builder::new().spawn_scoped(scope, || scanning.read_packed(lattice));
            let facts = self.facts_of(points);
            if let Ok(Err(panic)) = reader.map(ScopedJoinHandle::join) {
                std::panic::resume_unwind(panic);
            }
            facts
        });
        self.cache.take_scan(records, records.finish_scan(scanning, lattice));
        facts
    }

    fn look_at(&mut self, point: &Point, tip: Tip, facts: Facts, compares: bool) -> Option<PointStatus> {
        let status = self.status(point, &self.config.spell(point), (tip, tip.commit()?), facts);
        // `sync` reports what cannot be read.
        let reconcile = if compares { self.reconcile(point, tip).unwrap_or_default() } else { None };
        Some(PointStatus { reconcile, ..status })
    }

    fn status(
        &mut self,
        point: &Point,
        spelled: &Spelled,
        (tip, commit): (Tip, Oid),
        Facts { key, parents }: Facts,
    ) -> PointStatus {
        let systems = self.systems(point);
        let (verdicts, strangers) =
            key.map_or_else(|| (self.cache.nothing(), 0), |key| self.cache.verdicts(key, spelled));
        self.skipped += strangers;
        let disputed: Vec<_> = systems.iter().filter(|system| verdicts.is_disputed(system)).cloned().collect();
        let activity = key.and_then(|key| self.queue.of(key));
        let state = activity.map_or_else(|| State::of(&verdicts, &systems), Activity::state);
        PointStatus {
            named: self.config.name(point),
            commit,
            parents,
            key,
            systems,
            verdicts,
            disputed,
            state,
            activity,
            pushed: tip.is_pushed(),
            reconcile: None,
        }
    }

    /// The command that brings a point's branch and the remote's together, if they have diverged.
    fn reconcile(&mut self, point: &Point, tip: Tip) -> Result<Option<Box<str>>> {
        let (Some(ours), Some(theirs), Some(remote)) = (tip.local, tip.remote, &self.config.remote) else {
            return Ok(None);
        };
        if ours == theirs || self.contains(ours, theirs)? != Some(false) || self.contains(theirs, ours)? != Some(false)
        {
            return Ok(None);
        }
        self.diverged += 1;
        let named = self.config.name(point);
        if self.diverged > MAX_COMPARED {
            return Ok(Some(Advice::to_sync(&named).command.into()));
        }
        let taken = match &self.taken {
            Some(taken) => taken,
            None => self.taken.insert(self.repo.taken_branches()?),
        };
        let divergence = Divergence::of(self.repo, self.config, &named, (ours, theirs), taken)?;
        Ok(Some(divergence.advice(self.repo, remote).command.into()))
    }

    /// The systems of a point, shared with the previous point if they are equal.
    fn systems(&mut self, point: &Point) -> Rc<[System]> {
        let (config, shares) = (self.config, |last: &Point| self.config.systems.are_shared(last, point));
        if !self.systems.as_ref().is_some_and(|(last, _)| shares(last)) {
            self.systems = Some((point.clone(), config.systems.of(&config.lattice, point).into()));
        }
        self.systems.as_ref().map(|(_, systems)| Rc::clone(systems)).unwrap_or_default()
    }

    fn facts(&mut self, point: &Point, spelled: &Spelled, commit: Oid) -> Result<Facts> {
        let place = Place { point: spelled.clone(), commit };
        if let Some(facts) = self.cache.facts(&place) {
            return Ok(facts.clone());
        }
        let (tree, parents) = self.reader.links(commit)?;
        let key = self.keys.key(tree, point)?;
        let facts = Facts { key, parents: parents.into() };
        self.cache.put_facts(place, facts.clone());
        Ok(facts)
    }

    /// Set the state of the points that lack commits of points below. Activity and contradicting records have priority.
    /// Returns the number of points that may be behind.
    fn mark_behind(&mut self, points: &mut [PointStatus]) -> Result<usize> {
        let population = self.census.population();
        let behind = if points.len() == population.len() {
            self.behind(population.points(), points)?
        } else {
            let mut all: BTreeSet<&Point> = BTreeSet::new();
            for point in points.iter().rev().map(|status| &status.named.point) {
                // What is below a point that is there already is there too.
                if all.insert(point) {
                    all.extend(population.below(point));
                }
            }
            self.behind(all.iter().copied(), points)?
        };
        let maybe = points.iter().filter(|status| behind.may_be(&status.named.point)).count();
        for status in points {
            if status.activity.is_none() && status.state != State::Disputed && behind.has(&status.named.point) {
                status.state = State::Behind;
            }
        }
        Ok(maybe)
    }

    /// Those of `all` that are behind. `known` has the parents of some of them; where both are in table order, these save reading
    /// the commits.
    fn behind<'p>(
        &mut self,
        all: impl Iterator<Item = &'p Point> + Clone,
        known: &[PointStatus],
    ) -> Result<Behind<'_>> {
        let census = self.census;
        let mut at = 0;
        Behind::find(census, all, |point, tip| {
            at += known[at..].iter().take_while(|status| status.named.point < *point).count();
            let parents = known.get(at).filter(|status| status.named.point == *point).map(|status| &status.parents);
            if parents.is_some_and(|parents| parents.contains(&tip)) {
                return Ok(Some(true));
            }
            census.commit(point).map_or(Ok(Some(true)), |commit| self.contains(commit, tip))
        })
    }

    fn contains(&mut self, commit: Oid, ancestor: Oid) -> Result<Option<bool>> {
        if let Some(known) = self.cache.contains(commit, ancestor) {
            return Ok(Some(known));
        }
        // An unreadable point is reported separately, is not `behind`, and makes none above it `behind`.
        if self.repo.commit(ancestor).is_err() || self.repo.commit(commit).is_err() {
            return Ok(Some(true));
        }
        let found = self.ancestry.contains_if_known(commit, ancestor)?;
        if let Some(found) = found {
            self.cache.put_contains(commit, ancestor, found);
        }
        Ok(found)
    }
}
