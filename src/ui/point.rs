//! JSON views of a survey and its points.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::{Serialize, Serializer};

use crate::branch_name::BranchName;
use crate::config::{Config, Names};
use crate::git::Oid;
use crate::lattice::{Point, Spelled};
use crate::note::Note;
use crate::points::next::{Action, NextAction};
use crate::points::status::{PointStatus, Survey};
use crate::record::{State, Verdicts};
use crate::system::System;

/// The document of `status --json`. Points are formatted while they are written.
#[derive(Serialize)]
pub struct SurveyView<'a> {
    base: &'a BranchName,
    points: Points<'a>,
    next: Next<'a>,
    skipped_records: usize,
    maybe_behind: usize,
}

struct Points<'a>(&'a Config, &'a [PointStatus], &'a Notes);

struct Next<'a>(&'a Config, &'a Survey);

/// The notes of the points that have any.
type Notes = BTreeMap<Point, Vec<Note>>;

/// A point in `status --json` and `show --json`.
#[derive(Serialize)]
pub struct PointView<'a> {
    point: Spelled,
    axes: Axes<'a>,
    branch: BranchName,
    #[serde(serialize_with = "text")]
    commit: Oid,
    flake: String,
    systems: Texts<'a, System>,
    parents: Texts<'a, Oid>,
    key: Option<Text<Oid>>,
    state: State,
    activity: Option<ActivityView>,
    pushed: bool,
    verdicts: VerdictsView<'a>,
    disputed: Texts<'a, System>,
    impure: Impure<'a>,
    notes: &'a [Note],
}

#[derive(Serialize)]
struct ActivityView {
    seconds: u64,
    expected: Option<u64>,
}

#[derive(Serialize)]
struct NextView {
    action: Action,
    point: Spelled,
    command: String,
}

struct Axes<'a>(&'a Config, Spelled);

struct VerdictsView<'a>(&'a Verdicts);

struct Impure<'a>(&'a PointStatus);

struct Text<T>(T);

struct Texts<'a, T>(&'a [T]);

impl<'a> SurveyView<'a> {
    /// The view of a survey, with the notes of the points that have any.
    pub fn of(config: &'a Config, survey: &'a Survey, notes: &'a Notes) -> Self {
        Self {
            base: &config.base,
            points: Points(config, &survey.points, notes),
            next: Next(config, survey),
            skipped_records: survey.skipped,
            maybe_behind: survey.maybe_behind,
        }
    }
}

impl<'a> PointView<'a> {
    /// The view of one point.
    pub fn of(config: &'a Config, status: &'a PointStatus, notes: &'a [Note]) -> Self {
        // Of many points the names would fill the memory.
        let Names { spelled, branch, dir } = status.named.names();
        Self {
            axes: Axes(config, spelled.clone()),
            point: spelled,
            branch,
            commit: status.commit,
            flake: dir,
            systems: Texts(&status.systems),
            parents: Texts(&status.parents),
            key: status.key.map(Text),
            state: status.state,
            activity: status.activity.map(|it| ActivityView { seconds: it.seconds(), expected: it.expected() }),
            pushed: status.pushed,
            verdicts: VerdictsView(&status.verdicts),
            disputed: Texts(&status.disputed),
            impure: Impure(status),
            notes,
        }
    }
}

impl NextView {
    fn of(config: &Config, survey: &Survey, next: NextAction) -> Self {
        let status = &survey.points[next.at];
        let point = config.spell(&status.named.point);
        Self { action: next.action, point, command: next.action.command(config, status) }
    }
}

impl Serialize for Points<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(config, points, notes) = self;
        let notes = |status: &PointStatus| notes.get(&status.named.point).map_or(&[][..], Vec::as_slice);
        to.collect_seq(points.iter().map(|status| PointView::of(config, status, notes(status))))
    }
}

impl Serialize for Next<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.1.next.iter().map(|next| NextView::of(self.0, self.1, *next)))
    }
}

impl Serialize for Axes<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.lattice.axes().iter().map(|axis| axis.name.as_str()).zip(self.1.split('/')))
    }
}

impl Serialize for VerdictsView<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|it| (it.system.as_str(), it.verdict)))
    }
}

impl Serialize for Impure<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.impure().map(Text))
    }
}

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        text(&self.0, to)
    }
}

impl<T: Display> Serialize for Texts<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(Text))
    }
}

fn text<S: Serializer>(shown: &impl Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(shown)
}
