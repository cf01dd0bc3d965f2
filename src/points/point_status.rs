//! The status of one point.

use std::rc::Rc;

use super::activity::Activity;
use crate::config::Named;
use crate::git::Oid;
use crate::record::{State, Verdicts};
use crate::system::System;

/// The status of a point.
#[derive(Debug, Clone)]
pub struct PointStatus {
    /// The point.
    pub named: Named,
    /// The commit of its branch.
    pub commit: Oid,
    /// That commit's parents.
    pub parents: Rc<[Oid]>,
    /// The build key; `None` if the branch does not contain the point's directory.
    pub key: Option<Oid>,
    /// The systems it builds for.
    pub systems: Rc<[System]>,
    /// The verdicts of its records, per system.
    pub verdicts: Rc<Verdicts>,
    /// Those of its systems on which it is disputed.
    pub disputed: Vec<System>,
    /// The overall state, from the verdicts or the queue activity.
    pub state: State,
    /// Activity in the queue or in another process.
    pub activity: Option<Activity>,
    /// Whether the remote has the commit.
    pub pushed: bool,
    /// The command that brings the branch and the remote's together, if they have diverged. Only a survey fills it in.
    pub reconcile: Option<Box<str>>,
}

impl PointStatus {
    /// Those of its systems that were built with files of the machine, and never without.
    pub fn impure(&self) -> impl Iterator<Item = &System> {
        self.systems.iter().filter(|system| self.verdicts.is_impure(system))
    }

    /// The state of the point's content by its records, ignoring newer commits of points below.
    pub fn state_by_records(&self) -> State {
        match self.state {
            State::Behind => State::of(&self.verdicts, &self.systems),
            state => state,
        }
    }
}
