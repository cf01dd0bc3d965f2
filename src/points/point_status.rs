//! What is known of one point.

use std::rc::Rc;

use super::activity::Activity;
use crate::config::Named;
use crate::git::Oid;
use crate::record::{State, Verdicts};
use crate::system::System;

/// What is known of a point.
#[derive(Debug, Clone)]
pub struct PointStatus {
    /// The point.
    pub named: Named,
    /// Its branch's commit.
    pub commit: Oid,
    /// That commit's parents.
    pub parents: Rc<[Oid]>,
    /// The build key; `None` when the branch does not hold the point's directory.
    pub key: Option<Oid>,
    /// The systems that it builds for.
    pub systems: Rc<[System]>,
    /// What counts of its records, system by system.
    pub verdicts: Rc<Verdicts>,
    /// The systems of its own whose records contradict each other.
    pub disputed: Vec<System>,
    /// What that comes to, or what is going on.
    pub state: State,
    /// What is going on in the background or by another process.
    pub activity: Option<Activity>,
    /// Whether the remote has it.
    pub pushed: bool,
}
