//! The live view of a run of builds on stderr.
//!
//! On a terminal it is drawn in place: totals, failures, and what each running builder does. Elsewhere it is a line when a builder
//! starts, and one when it ends.

mod lines;
mod model;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use self::lines::Lines;
use self::model::{Model, Row};
use super::{Ui, region};
use crate::lattice::Spelled;
use crate::nix::without_parameters;
use crate::ops::builds::{Done, Job, Progress, RunningBuilder};
use crate::ops::expect::Estimates;
use crate::text::terminal_safe;

/// The shortest time between two drawings.
const INTERVAL: Duration = Duration::from_millis(100);
/// The same after something else was printed in place of the view.
const AFTER_ERASED: Duration = Duration::from_millis(25);
/// Builders that run so long get an estimate. Shorter builds need not read the records for it.
const SLOW: Duration = Duration::from_secs(2);

/// Reads how long builds take.
pub type ReadEstimates<'a> = Box<dyn FnOnce(&[Spelled]) -> Option<Estimates> + 'a>;

/// A build that another process runs.
#[derive(Debug)]
pub struct Elsewhere {
    /// The point.
    pub point: Spelled,
    /// For how long it has run.
    pub time: Duration,
    /// How long it usually takes, in seconds.
    pub expected: Option<u64>,
    /// The last line of its log.
    pub last: String,
}

/// The view of a run of builds.
pub struct Live<'a> {
    ui: &'a Ui,
    model: Model,
    drawn: Option<Instant>,
    read: Option<ReadEstimates<'a>>,
    estimates: Option<Estimates>,
    /// Whether stderr also gets the results of points, since stdout does not have them as lines.
    tells_results: bool,
    is_silent: bool,
}

impl<'a> Live<'a> {
    /// The view of the builds of `needed`; more are added as they begin.
    pub fn new<'j>(ui: &'a Ui, needed: impl IntoIterator<Item = &'j Job>) -> Self {
        let model = Model::new(needed.into_iter().map(model::build).collect());
        Self { ui, model, drawn: None, read: None, estimates: None, tells_results: false, is_silent: false }
    }

    /// Shows how long builds usually take, by what `read` reads once one takes long.
    #[must_use]
    pub fn estimating(self, read: impl FnOnce(&[Spelled]) -> Option<Estimates> + 'a) -> Self {
        Self { read: Some(Box::new(read)), ..self }
    }

    /// Tells the results of points too.
    #[must_use]
    pub fn telling_results(self, tells_results: bool) -> Self {
        Self { tells_results, ..self }
    }

    /// Shows nothing.
    #[must_use]
    pub fn silent(self, is_silent: bool) -> Self {
        Self { is_silent, ..self }
    }

    /// Applies an event; [`Self::draw`] shows the result.
    pub fn apply(&mut self, progress: &Progress<'_>) {
        self.model.apply(progress);
        if !self.ui.draws && !self.is_silent {
            self.tell(progress);
        }
    }

    /// Takes over what another process does: the builds that it has not ended, and those that run.
    pub fn follow(&mut self, open: &[&Job], running: Vec<Elsewhere>) {
        let is_open = |build: &model::Build| open.iter().any(|job| model::build(job) == *build);
        self.model.ended = self.model.needed.iter().filter(|build| !is_open(build)).cloned().collect();
        self.model.running = running.into_iter().map(Row::from).collect();
        self.model.is_evaluating = false;
    }

    /// Draws the view, unless it was drawn a moment ago.
    pub fn draw(&mut self) {
        let interval = if region::is_drawn() { INTERVAL } else { AFTER_ERASED };
        if !self.ui.draws || self.is_silent || self.drawn.is_some_and(|drawn| drawn.elapsed() < interval) {
            return;
        }
        if self.model.is_over() {
            return region::erase();
        }
        self.estimate();
        let (model, color) = (&self.model, self.ui.err.color);
        region::draw(&Lines { model, now: Instant::now(), size: region::size(), color }.all(), color);
        self.drawn = Some(Instant::now());
    }

    /// Removes the view.
    pub fn clear(&self) {
        region::erase();
    }

    /// Fills in how long the builders that have run for some time usually take.
    fn estimate(&mut self) {
        let is_slow = |row: &&mut Row| row.expected.is_none() && row.since.elapsed() >= SLOW;
        for row in self.model.running.iter_mut().filter(is_slow) {
            let Some((point, system)) = &row.build else { continue };
            if let Some(read) = self.read.take() {
                let points: Vec<_> = self.model.needed.iter().map(|(point, _)| point.clone()).collect();
                self.estimates = read(&points);
            }
            row.expected = self.estimates.as_ref().and_then(|estimates| estimates.on(point, system));
        }
    }

    /// Prints a line when a builder starts and when it ends. The end of a point is its line on stdout, if it has one.
    fn tell(&self, progress: &Progress<'_>) {
        let line = match progress {
            Progress::Started(running) => started(running),
            Progress::Stopped { running, is_good: Some(is_good) } if running.own.is_none() => {
                let word = if *is_good { "built" } else { "failed" };
                format!("{word} {} in {:.1} s", running.name(), running.since.elapsed().as_secs_f64())
            }
            Progress::End(done) if self.tells_results && done.fresh => ended(done),
            _ => return,
        };
        self.ui.quote(terminal_safe(&line));
    }
}

fn started(running: &RunningBuilder<'_>) -> String {
    let machine = running.machine.as_ref().map(|machine| format!(" on {}", without_parameters(machine)));
    format!("building {}{}", running.name(), machine.unwrap_or_default())
}

fn ended(done: &Done) -> String {
    let record = &done.record;
    let time = record.took().map(|seconds| format!(" in {seconds:.1} s")).unwrap_or_default();
    format!("{} {}{time}", record.verdict.word(), record.point)
}
