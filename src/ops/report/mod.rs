//! What a reviewer of a change has to know about points. It reads no clock and asks no Nix: the same refs, records and logs give the same
//! report.

mod failures;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::show::{self, times};
use super::trusted_base::{self, HostPaths, TrustedInput};
use super::{Cannot, note};
use crate::config::{Config, InputKind};
use crate::context::Context;
use crate::git::Oid;
use crate::lattice::{Point, Population, Spelled};
use crate::nix::FlakeRef;
use crate::note::Note;
use crate::points;
use crate::points::census::Census;
use crate::points::status::{self, PointStatus};
use crate::record::{Attributed, Dispute, Record, Records, State, disputes};
use crate::system::System;

pub use failures::Failure;

/// Above this number of points, they are counted instead of listed.
pub const MANY: usize = 50;
/// The most failures and the most disputed points that are described.
const MAX_DESCRIBED: usize = 20;
/// The most points whose trusted base is given.
const MAX_ENDS: usize = 10;

/// How the points of a report were chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The user named them.
    Named,
    /// HEAD's point, and those below it that the base branch does not have.
    Head,
    /// All points: HEAD is not on one.
    All,
}

/// A report.
pub struct Report {
    /// How the points were chosen.
    pub choice: Choice,
    /// The commit of the base branch.
    pub base: Option<Oid>,
    /// The points.
    pub rows: Vec<Row>,
    /// The failed builds, and the number of points with others.
    pub failures: (Vec<Failure>, usize),
    /// The disputed points, and the number of others.
    pub disputes: (Vec<Disputed>, usize),
    /// The notes on the points.
    pub notes: Vec<(Spelled, Vec<Note>)>,
    /// What the points take from outside.
    pub outside: Outside,
    /// The maximal points, with the flake on the remote by which Nix alone builds them.
    pub ends: Vec<(PointStatus, Option<FlakeRef>)>,
    /// The points whose branch could not be read, with the error.
    pub unreadable: Vec<(Point, anyhow::Error)>,
    /// Refs that could not be read.
    pub broken: Vec<String>,
}

/// A point.
pub struct Row {
    /// Its status.
    pub status: PointStatus,
    /// How long its newest builds took, by system, also failed ones; empty above [`points::MANY`] points.
    pub times: Vec<(System, f64)>,
}

/// A disputed point.
pub struct Disputed {
    /// The point.
    pub point: Spelled,
    /// Its records.
    pub records: Vec<Attributed>,
    /// Its disputes.
    pub disputes: Vec<Dispute>,
}

/// The trusted base of the maximal points.
#[derive(Default)]
pub struct Outside {
    /// The files and trees, sources first.
    pub inputs: Vec<TrustedInput>,
    /// The number of inputs that records had no room for.
    pub left_out: usize,
    /// The paths of machines that builders could read.
    pub impure: Vec<HostPaths>,
    /// The number of maximal points that were not looked at.
    pub others: usize,
    /// The number of points of which only config.toml tells: they were not built yet, or by an older version.
    pub unbuilt: usize,
}

/// Returns the points of a report if the user names none: HEAD's point and those below it that the base branch does not have, else all.
///
/// # Errors
/// When HEAD, refs or history cannot be read.
pub fn default_points(context: &Context, config: &Config, census: &Census) -> Result<(Choice, Vec<Point>)> {
    let population = census.population();
    let head = context.head_point(config)?.filter(|head| population.contains(head));
    let Some(head) = head else { return Ok((Choice::All, population.points().cloned().collect())) };
    let base = context.base_tip(config)?;
    let mut ancestry = context.repo.ancestry();
    let mut points = Vec::new();
    for point in population.below(&head) {
        let is_in_base = match (base, census.commit(point)) {
            (Some(base), Some(tip)) => ancestry.contains_readable(base, tip)?,
            _ => false,
        };
        if !is_in_base {
            points.push(point.clone());
        }
    }
    points.push(head);
    Ok((Choice::Head, points))
}

/// Makes a report.
///
/// # Errors
/// When refs, records or notes cannot be read.
pub fn make(context: &Context, config: &Config, census: &Census, choice: Choice, points: &[Point]) -> Result<Report> {
    let survey = status::states(context, config, census, Some(points))?;
    let records = Records::open(&context.repo)?;
    let reader = Reader { context, config, census, records: &records };
    let ends = ends(&survey.points);
    let outside = reader.outside(&ends)?;
    let are_timed = survey.points.len() <= points::MANY;
    let failures = described(&survey.points, State::Failed, |status| {
        Ok(failures::of(&context.repo, status, &reader.records_of(status)?))
    })?;
    let disputes = described(&survey.points, State::Disputed, |status| Ok(vec![reader.disputed(status)?]))?;
    let mut rows = Vec::with_capacity(survey.points.len());
    for status in survey.points {
        let times = if are_timed { times::newest(&reader.records_of(&status)?, &status.systems) } else { Vec::new() };
        rows.push(Row { status, times });
    }
    let notes = note::of(context, config, census, points)?;
    Ok(Report {
        choice,
        base: context.base_tip(config)?,
        rows,
        failures,
        disputes,
        notes: notes.into_iter().map(|(point, notes)| (config.spell(&point), notes)).collect(),
        outside,
        ends: ends
            .into_iter()
            .map(|status| {
                let flake = reader.flake(&status);
                (status, flake)
            })
            .collect(),
        unreadable: survey.unreadable,
        broken: survey.broken,
    })
}

struct Reader<'a> {
    context: &'a Context,
    config: &'a Config,
    census: &'a Census,
    records: &'a Records<'a>,
}

impl Reader<'_> {
    fn records_of(&self, status: &PointStatus) -> Result<Vec<Attributed>> {
        let Some(key) = status.key else { return Ok(Vec::new()) };
        Ok(self.records.attributed(key, &status.named.spelled)?)
    }

    /// The flake on the remote. A reviewer has no access to this clone.
    fn flake(&self, status: &PointStatus) -> Option<FlakeRef> {
        status.pushed.then(|| show::flake(&self.context.repo, self.config, status)).flatten()
    }

    fn disputed(&self, status: &PointStatus) -> Result<Disputed> {
        let records = self.records_of(status)?;
        let all: Vec<Record> = records.iter().map(|attributed| attributed.record.clone()).collect();
        let own = disputes(&all).into_iter().filter(|dispute| status.disputed.contains(&dispute.system));
        Ok(Disputed { point: status.named.spelled.clone(), disputes: own.collect(), records })
    }

    fn outside(&self, ends: &[PointStatus]) -> Result<Outside> {
        let mut outside = Outside { others: ends.len().saturating_sub(MAX_ENDS), ..Outside::default() };
        let mut inputs: BTreeMap<(InputKind, String, Option<String>), TrustedInput> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for status in ends.iter().take(MAX_ENDS) {
            let found = match trusted_base::without_nix(self.context, self.config, self.census, &status.named.point) {
                Ok(found) => found,
                // A branch without its directory has no trusted base.
                Err(error) if error.is::<Cannot>() || status.key.is_none() => continue,
                Err(error) => return Err(error),
            };
            outside.unbuilt += usize::from(matches!(found.from, trusted_base::Origin::Config { .. }));
            outside.left_out = outside.left_out.saturating_add(found.left_out);
            let own = found.inputs.into_iter();
            inputs.extend(own.map(|input| ((input.kind, input.name.clone(), input.hash.clone()), input)));
            let is_new = |host: &HostPaths| seen.insert((host.point.clone(), host.system.clone()));
            outside.impure.extend(found.impure.into_iter().filter(is_new));
        }
        outside.inputs = inputs.into_values().collect();
        Ok(outside)
    }
}

/// Describes the first points in a state by their records, and counts the others.
fn described<T>(
    points: &[PointStatus],
    state: State,
    describe: impl Fn(&PointStatus) -> Result<Vec<T>>,
) -> Result<(Vec<T>, usize)> {
    let is_wanted = |status: &&PointStatus| status.state_by_records() == state;
    let all: Vec<_> = points.iter().filter(is_wanted).collect();
    let mut found = Vec::new();
    for status in all.iter().take(MAX_DESCRIBED) {
        found.extend(describe(status)?);
    }
    Ok((found, all.len().saturating_sub(MAX_DESCRIBED)))
}

/// The maximal points.
fn ends(points: &[PointStatus]) -> Vec<PointStatus> {
    let population: Population = points.iter().map(|status| status.named.point.clone()).collect();
    let is_end = |status: &&PointStatus| population.minimal_above(&status.named.point).is_empty();
    points.iter().filter(is_end).cloned().collect()
}
