//! Checking the lattice: branch, directory, files, trailers and history of every point must agree.
//!
//! Reads only refs and objects, so it works in a bare repository and in CI.

mod files;
mod finding;
mod foreign;
mod hand_written;
mod history;
mod inputs;
mod point;
mod refs;
mod report;
mod subject;
mod text;
mod words;

pub(super) use hand_written::is_hand_written;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Mutex;

use anyhow::Result;

use crate::config::Config;
use crate::context::Context;
use crate::lattice::Point;
use crate::points::census::Census;
use crate::threads;

use self::subject::{Baseline, Checked};

pub use finding::{Code, Finding};
pub use report::Report;

/// Checks the points in `which`; without it, all points and everything that belongs to no point.
///
/// # Errors
/// When refs cannot be listed.
pub fn check(context: &Context, config: &Config, census: &Census, which: Option<&[Point]>) -> Result<Report> {
    let base = context.base_tip(config)?;
    let baseline = Baseline {
        config,
        census,
        base,
        tomls: history::TomlHistory::new(base),
        without_names: Mutex::new(HashSet::new()),
    };
    let all: Vec<&Point> =
        which.map_or_else(|| census.population().points().collect(), |points| points.iter().collect());
    let checked = check_points(context, &baseline, &all);
    let mut report = Report { points: all.len(), ..Report::default() };
    if which.is_none() {
        let lost = checked.iter().flat_map(|checked| &checked.lost);
        refs::check(context, &baseline, lost, &mut report)?;
    }
    report.findings.extend(cycles(config, &checked));
    report.findings.extend(inputs::disagreements(config, &checked));
    report.findings.extend(checked.into_iter().flat_map(|checked| checked.findings));
    Ok(report)
}

/// Checks points on all cores; the results are in the order of `points`.
fn check_points(context: &Context, baseline: &Baseline<'_>, points: &[&Point]) -> Vec<Checked> {
    /// For fewer points, a thread costs more than it saves.
    const BATCH: usize = 64;
    let start = || point::Checker::new(context.repo.in_memory(), baseline);
    threads::on_all_cores(points, BATCH, start, |checker, point| checker.check(point))
}

/// Cycles of points that take each other as inputs, each cycle once.
fn cycles(config: &Config, checked: &[Checked]) -> Vec<Finding> {
    let edges: BTreeMap<&Point, &BTreeSet<Point>> =
        checked.iter().filter(|it| !it.takes.is_empty()).map(|it| (&it.point, &it.takes)).collect();
    let mut done: BTreeSet<&Point> = BTreeSet::new();
    let mut found = Vec::new();
    for &start in edges.keys() {
        let Some(circle) = circle_through(start, &edges, &done) else { continue };
        let spelled: Vec<_> = circle.iter().map(|point| config.spell(point)).collect();
        let message = format!(
            "depends on itself: {}",
            spelled.iter().chain(spelled.first()).cloned().collect::<Vec<_>>().join(" -> ")
        );
        let branch = config.branch_of(start);
        found.push(Finding::new(Code::Cycle, &branch, message).of(&spelled[0]));
        done.extend(circle);
    }
    found
}

/// A path from `start` back to itself that avoids `done`, if there is one.
fn circle_through<'a>(
    start: &'a Point,
    edges: &BTreeMap<&'a Point, &'a BTreeSet<Point>>,
    done: &BTreeSet<&Point>,
) -> Option<Vec<&'a Point>> {
    let (mut path, mut seen) = (vec![(start, edges.get(start)?.iter())], BTreeSet::from([start]));
    while let Some((_, next)) = path.last_mut() {
        match next.next() {
            Some(point) if point == start => return Some(path.into_iter().map(|(point, _)| point).collect()),
            Some(point) if !done.contains(point) => {
                if let Some(taken) = edges.get(point).filter(|_| seen.insert(point)) {
                    path.push((point, taken.iter()));
                }
            }
            Some(_) => {}
            None => drop(path.pop()),
        }
    }
    None
}
