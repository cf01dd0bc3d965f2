//! What is known of a run of builds while it goes on.

use super::Elsewhere;
use std::collections::HashSet;
use std::time::Instant;

use crate::lattice::Spelled;
use crate::ops::builds::{Done, Job, Progress, RunningBuilder, Undecided};
use crate::system::System;

/// The word for a build that failed.
pub(super) const FAILED: &str = "failed";

/// A build: a point on a system.
pub(super) type Build = (Spelled, String);

pub(super) fn build(job: &Job) -> Build {
    (job.named.spelled.clone(), job.system.to_string())
}

/// A run of builds.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) since: Instant,
    /// The builds that are needed.
    pub(super) needed: HashSet<Build>,
    /// Those that have ended.
    pub(super) ended: HashSet<Build>,
    pub(super) is_evaluating: bool,
    /// The builders that run, the oldest first.
    pub(super) running: Vec<Row>,
    /// The builds that failed, with the word for it and why.
    pub(super) failures: Vec<Failure>,
    /// What else Nix does.
    pub(super) doing: String,
}

/// A builder that runs.
#[derive(Debug)]
pub(super) struct Row {
    /// Tells it from others.
    pub(super) id: String,
    /// The point, or the name of the derivation.
    pub(super) name: String,
    /// The point and system, if it is the point's own derivation.
    pub(super) build: Option<(Spelled, System)>,
    pub(super) since: Instant,
    /// How long it usually takes, in seconds.
    pub(super) expected: Option<u64>,
    pub(super) machine: Option<String>,
    /// The last line of its log.
    pub(super) last: String,
}

/// A build that did not succeed.
#[derive(Debug)]
pub(super) struct Failure {
    /// Its verdict, or another word.
    pub(super) word: &'static str,
    pub(super) point: Spelled,
    pub(super) why: String,
}

impl Model {
    pub(super) fn new(needed: HashSet<Build>) -> Self {
        Self {
            since: Instant::now(),
            needed,
            ended: HashSet::new(),
            is_evaluating: true,
            running: Vec::new(),
            failures: Vec::new(),
            doing: String::new(),
        }
    }

    /// Applies an event.
    pub(super) fn apply(&mut self, progress: &Progress<'_>) {
        match progress {
            Progress::Begin(job) => self.begin(job),
            Progress::Evaluated { .. } => {
                self.is_evaluating = false;
                self.doing.clear();
            }
            Progress::Started(running) => {
                self.is_evaluating = false;
                self.doing.clear();
                self.running.push(Row::of(running));
            }
            Progress::Said { running, text } => {
                if let Some(row) = self.running.iter_mut().find(|row| row.id == running.drv.as_str())
                    && let Some(line) = text.lines().rfind(|line| !line.trim().is_empty())
                {
                    line.clone_into(&mut row.last);
                }
            }
            Progress::Stopped { running, is_good } => self.stop(running, *is_good),
            Progress::Doing(text) => (*text).clone_into(&mut self.doing),
            Progress::Pushing(to) => self.doing = format!("copying to {to}"),
            Progress::Pushed(_) => self.doing.clear(),
            Progress::End(done) => self.end(done),
            Progress::Undecided(undecided) => self.undecided(undecided),
            Progress::Waits { job, .. } => {
                self.is_evaluating = false;
                self.doing = format!("waiting for `{}`", job.named.spelled);
            }
            Progress::Tick | Progress::Kept { .. } | Progress::NotCompared(_) => {}
        }
    }

    fn begin(&mut self, job: &Job) {
        self.doing.clear();
        let build = build(job);
        // What has ended is built again, to compare.
        self.is_evaluating |= !self.ended.contains(&build);
        self.needed.insert(build);
    }

    /// Whether nothing is left to be shown.
    pub(super) fn is_over(&self) -> bool {
        self.ended.len() == self.needed.len() && self.running.is_empty() && self.doing.is_empty()
    }

    fn stop(&mut self, running: &RunningBuilder<'_>, is_good: Option<bool>) {
        let Some(at) = self.running.iter().position(|row| row.id == running.drv.as_str()) else { return };
        let row = self.running.remove(at);
        // Nix goes on with the others before it says why.
        if let (Some(false), Some((point, system))) = (is_good, row.build) {
            self.mark_ended((point.clone(), system.to_string()));
            self.failures.push(Failure { word: FAILED, point, why: row.last });
        }
    }

    fn end(&mut self, done: &Done) {
        let record = &done.record;
        let is_own =
            |row: &Row| row.build.as_ref().is_some_and(|(point, on)| (point, on) == (&record.point, &record.system));
        self.running.retain(|row| !is_own(row));
        self.failures.retain(|failure| failure.point != record.point);
        if !record.verdict.is_good() {
            let why = record.error.clone().unwrap_or_default();
            self.failures.push(Failure { word: record.verdict.word(), point: record.point.clone(), why });
        }
        self.mark_ended((record.point.clone(), record.system.to_string()));
    }

    fn undecided(&mut self, undecided: &Undecided) {
        let Undecided { point, system, why, .. } = undecided;
        self.failures.retain(|failure| failure.point != *point);
        self.failures.push(Failure { word: "unknown", point: point.clone(), why: why.clone() });
        self.mark_ended((point.clone(), system.clone()));
    }

    fn mark_ended(&mut self, build: Build) {
        if self.needed.contains(&build) {
            self.ended.insert(build);
        }
    }
}

impl From<Elsewhere> for Row {
    fn from(build: Elsewhere) -> Self {
        let Elsewhere { point, time, expected, last } = build;
        let (name, since) = (point.to_string(), Instant::now().checked_sub(time).unwrap_or_else(Instant::now));
        Self { id: name.clone(), name, build: None, since, expected, machine: None, last }
    }
}

impl Row {
    fn of(running: &RunningBuilder<'_>) -> Self {
        Self {
            id: running.drv.to_string(),
            name: running.name().to_owned(),
            build: running.own.map(|job| (job.named.spelled.clone(), job.system.clone())),
            since: running.since,
            expected: None,
            machine: running.machine.clone(),
            last: String::new(),
        }
    }
}
