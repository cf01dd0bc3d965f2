//! Bisection: the first step of a chain that fails, from the records and from as few builds as possible.
//!
//! A step is *green* if it is built, and *red* if its build failed. A step contains the steps below it, so all of them are green if it
//! is, unless it lacks a newer commit of one. The search is by halves: between the last green and the first red step, the one in the
//! middle is built.

mod chain;

use anyhow::Result;

pub use self::chain::{Chain, Colour, Finding, Step};
use super::Cannot;
use super::builds::{self, BuildOptions, Done, Places, Progress, Typed};
use super::{limits, queue, trust};
use crate::config::Config;
use crate::context::Context;
use crate::git::Repo;
use crate::lattice::{Point, Population};
use crate::points::census::Census;
use crate::points::status::{self, PointStatus};
use crate::record::{Record, Records, State, Verdict};

/// The result of a bisection.
pub struct Bisection {
    /// The chains, in table order.
    pub chains: Vec<Chain>,
    /// The records of the builds of this run.
    pub records: Vec<Record>,
    /// Whether the user interrupted it.
    pub is_interrupted: bool,
}

/// Looks at the records only. Nothing is written.
///
/// # Errors
/// When refs, objects or records cannot be read.
pub fn look(context: &Context, config: &Config, census: &Census, points: &[Point]) -> Result<Vec<Chain>> {
    let chains = chains(census.population(), points);
    let all: Vec<Point> = chains.iter().flatten().cloned().collect();
    let survey = status::states(context, config, census, Some(&all))?;
    if let Some((point, error)) = survey.unreadable.into_iter().next() {
        return Err(error.context(format!("could not read `{}`", config.branch_of(&point))));
    }
    let records = Records::open(&context.repo)?;
    let mut found = survey.points.into_iter();
    let mut read = |chain: Vec<Point>| {
        let steps =
            found.by_ref().take(chain.len()).map(|status| step(&records, status)).collect::<Result<Vec<_>>>()?;
        let mut chain = Chain::new(steps);
        chain.imply(&context.repo)?;
        Ok(chain)
    };
    chains.into_iter().map(&mut read).collect()
}

/// Finds the first red step of each chain, and builds what is needed for it.
///
/// # Errors
/// When there is no usable Nix, records or objects cannot be read, or a build ends without a verdict.
pub fn run(
    context: &Context,
    config: &Config,
    census: &Census,
    points: &[Point],
    on: &mut dyn FnMut(Progress<'_>),
) -> Result<Bisection> {
    let mut bisection =
        Bisection { chains: look(context, config, census, points)?, records: Vec::new(), is_interrupted: false };
    loop {
        let next: Vec<Point> = bisection.chains.iter().filter_map(Chain::next).cloned().collect();
        if next.is_empty() || bisection.is_interrupted {
            return Ok(bisection);
        }
        let done = build(context, config, census, &next, on)?;
        bisection.take(&context.repo, &next, &done)?;
    }
}

impl Bisection {
    /// Takes over the results of builds.
    fn take(&mut self, repo: &Repo, built: &[Point], done: &[Done]) -> Result<()> {
        self.is_interrupted |= done.iter().any(|done| done.record.verdict == Verdict::Cancelled);
        for chain in &mut self.chains {
            chain.take(built, done);
            chain.imply(repo)?;
        }
        self.records.extend(done.iter().filter(|done| done.fresh).map(|done| done.record.clone()));
        Ok(())
    }

    /// Whether every chain has an answer.
    pub fn is_decided(&self) -> bool {
        self.chains.iter().all(|chain| matches!(chain.finding(), Finding::Green | Finding::Red { .. }))
    }
}

/// A green step to compare a red one with: the same step of another chain, else the last green one of its own.
pub fn reference<'c>(chains: &'c [Chain], own: &'c Chain, red: &Step) -> Option<&'c Step> {
    let is_beside = |step: &&Step| step.colour == Colour::Green && step.named.point.is_beside(&red.named.point);
    chains.iter().flat_map(|chain| &chain.steps).find(is_beside).or_else(|| own.last_green())
}

/// The points to search, by chain, lower ones first. A single point of a chain stands for itself and all below it.
fn chains(population: &Population, points: &[Point]) -> Vec<Vec<Point>> {
    let mut chains: Vec<(&[Point], Vec<Point>)> = Vec::new();
    let mut sorted = points.to_vec();
    sorted.sort_by_cached_key(|point| (population.chain_of(point).first().cloned(), point.extension_key()));
    sorted.dedup();
    for point in sorted {
        let chain = population.chain_of(&point);
        match chains.last_mut() {
            Some((last, selected)) if last.first() == chain.first() => selected.push(point),
            _ => chains.push((chain, vec![point])),
        }
    }
    let whole = |(chain, selected): (&[Point], Vec<Point>)| match selected.as_slice() {
        [last] => chain.iter().take_while(|point| point.is_at_or_below(last)).cloned().collect(),
        _ => selected,
    };
    chains.into_iter().map(whole).collect()
}

fn step(records: &Records<'_>, status: PointStatus) -> Result<Step> {
    let Some(key) = status.key else { return Err(Cannot::no_flake(&status.named, status.commit).into()) };
    let state = State::of(&status.verdicts, &status.systems);
    let mut step = Step::new(status.named, status.commit, key, status.systems);
    match state {
        State::Built => step.colour = Colour::Green,
        State::Failed => {
            step.colour = Colour::Red;
            let all = records.of(key, &step.named.spelled)?;
            step.error =
                all.iter().rev().filter(|record| record.verdict == Verdict::Failed).find_map(|it| it.error.clone());
        }
        State::Disputed => step.undecided = Some("it is disputed"),
        _ => {}
    }
    Ok(step)
}

/// Builds points as `git lattice build` does.
fn build(
    context: &Context,
    config: &Config,
    census: &Census,
    points: &[Point],
    on: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Done>> {
    let mut plan = builds::plan(context, config, census, points)?;
    let Typed { places, .. } =
        Places::typed(&builds::Flags::default(), &context.repo, &trust::settings(context, config)?)?;
    let options = BuildOptions::typed(false).within(limits::typed(&context.repo)?).at(places);
    queue::build(context, &mut plan, &options, on)
}
