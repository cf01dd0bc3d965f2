//! Next actions for the points of a survey.

use serde::Serialize;

use super::census::Census;
use super::point_status::PointStatus;
use crate::config::Config;
use crate::lattice::Point;
use crate::record::State;

/// A kind of action, most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The records contradict each other: show them.
    Settle,
    /// The build failed: show it.
    Mend,
    /// The branch and the remote's have diverged: bring them together.
    Reconcile,
    /// Points below have commits that this one lacks: merge them, here and everywhere.
    Restack,
    /// There is no record: build the point.
    Build,
    /// The point is built and the greatest of its chain: create the next step.
    NextStep,
    /// The point is built and its phase may be complete: open the next phase.
    Promote,
    /// One of its systems has no builder: show the point.
    FindBuilder,
    /// The remote does not have the commit: push it.
    Push,
}

/// An action for a point. The order puts HEAD's point first, then the most urgent action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NextAction {
    /// Whether HEAD is not on the point's branch.
    pub is_elsewhere: bool,
    /// The action.
    pub action: Action,
    /// The index of the point in the survey.
    pub at: usize,
}

impl NextAction {
    /// List the actions for these points: HEAD's point first, then the most urgent.
    pub(super) fn of_points(
        config: &Config,
        census: &Census,
        points: &[PointStatus],
        head: Option<&Point>,
    ) -> Vec<Self> {
        let mut found = Vec::new();
        for (at, status) in points.iter().enumerate() {
            let is_elsewhere = head != Some(&status.named.point);
            let actions = actions(config, census, status, !is_elsewhere).into_iter().flatten();
            found.extend(actions.map(|action| Self { is_elsewhere, action, at }));
        }
        found.sort_unstable();
        // One command does it for all points.
        let mut restacks = 0;
        found.retain(|next| next.action != Action::Restack || std::mem::replace(&mut restacks, 1) == 0);
        found
    }
}

impl Action {
    /// The command that performs the action or shows what is wrong.
    pub fn command(self, config: &Config, status: &PointStatus) -> String {
        let verb = match self {
            Self::Settle | Self::Mend | Self::FindBuilder => "show",
            Self::Build => "build",
            Self::NextStep => "next-step",
            Self::Promote => "promote",
            Self::Reconcile | Self::Push => "sync",
            Self::Restack => return "git lattice restack".to_owned(),
        };
        match &status.reconcile {
            Some(command) if self == Self::Reconcile => command.to_string(),
            _ => format!("git lattice {verb} {}", config.spell(&status.named.point)),
        }
    }

    /// The command that does the same for all points, if there is one.
    pub fn command_for_all(self) -> Option<&'static str> {
        match self {
            Self::Build => Some("git lattice build --all"),
            Self::FindBuilder => Some("git lattice doctor"),
            Self::Push => Some("git lattice sync"),
            Self::Settle | Self::Mend | Self::Reconcile | Self::Restack | Self::NextStep | Self::Promote => None,
        }
    }

    /// The command for a user who sees the point in `git lattice show`: where [`Self::command`] shows it, the one that comes after.
    pub fn command_in_show(self, config: &Config, status: &PointStatus) -> String {
        let spelled = config.spell(&status.named.point);
        match self {
            Self::Mend => format!("git lattice log {spelled}"),
            Self::Settle => format!("git lattice build --check {spelled}"),
            Self::FindBuilder => "git lattice doctor".to_owned(),
            Self::Restack => format!("git lattice restack {spelled}"),
            _ => self.command(config, status),
        }
    }
}

/// The actions for one point; `is_head` says whether its branch is checked out.
pub fn actions(config: &Config, census: &Census, status: &PointStatus, is_head: bool) -> [Option<Action>; 3] {
    let (lattice, point) = (&config.lattice, &status.named.point);
    let goes_on = || census.population().greatest_of_chain(point) == Some(point);
    let (first, second) = match status.state {
        State::Failed => (Some(Action::Mend), None),
        State::Disputed => (Some(Action::Settle), None),
        State::New => (Some(Action::Build), None),
        State::NoBuilder => (Some(Action::FindBuilder), None),
        State::Built if goes_on() => {
            let has_step = lattice.next_step(point).is_some();
            // Only the user knows whether a numbered phase is complete, so offer the next phase only at HEAD's point.
            let has_phase = (is_head || !has_step) && lattice.next_phase(point).is_some();
            (has_step.then_some(Action::NextStep), has_phase.then_some(Action::Promote))
        }
        State::Behind => (Some(Action::Restack), None),
        State::Built | State::Queued | State::Building => (None, None),
    };
    let push = if status.reconcile.is_some() { Action::Reconcile } else { Action::Push };
    [first, second, (!status.pushed && config.remote.is_some()).then_some(push)]
}
