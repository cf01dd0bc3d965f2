//! Conditions on the state and the age of points, for `status`, `list`, `graph` and `page`.

use std::collections::HashSet;

use anyhow::Result;

use super::point_status::PointStatus;
use crate::git::{Oid, Repo, commit, date};
use crate::lattice::Spelled;
use crate::record::{Record, Records, State};

/// Conditions on points; by default all points fulfil them.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The states of which a point must have one; empty for any.
    pub states: Vec<State>,
    /// Whether its last build must have failed, and none may have succeeded, even if it is behind now.
    pub failed: bool,
    /// The time, in seconds after 1970, since when its branch must have a new commit, or a build must have ended.
    pub since: Option<i64>,
}

impl Wanted {
    /// Whether every point fulfils the conditions.
    pub fn is_anything(&self) -> bool {
        self.states.is_empty() && !self.failed && self.since.is_none()
    }

    /// Keep only the points that fulfil the conditions.
    ///
    /// # Errors
    /// When records cannot be read.
    pub fn retain(&self, repo: &Repo, points: &mut Vec<PointStatus>) -> Result<()> {
        points.retain(|status| self.takes(status));
        let Some(since) = self.since else { return Ok(()) };
        let built = built_since(&Records::open(repo)?, since);
        let is_new = |commit: Oid| repo.commit(commit).is_ok_and(|commit| commit.time >= since);
        let is_built =
            |status: &PointStatus| status.key.is_some_and(|key| built.contains(&(key, status.named.spelled.clone())));
        points.retain(|status| is_built(status) || is_new(status.commit));
        Ok(())
    }

    fn takes(&self, status: &PointStatus) -> bool {
        (self.states.is_empty() || self.states.contains(&status.state))
            && (!self.failed || status.state_by_records() == State::Failed)
    }
}

/// The keys and points of the builds that ended since a time.
fn built_since(records: &Records<'_>, since: i64) -> HashSet<(Oid, Spelled)> {
    let (mut found, at) = (HashSet::new(), commit::time_at(since));
    #[expect(clippy::cast_possible_truncation, reason = "the length of a build in whole seconds")]
    let end = |record: &Record| date::parse(&record.started).map(|start| start + record.seconds as i64);
    records.each(&mut |record| {
        if record.started >= at || end(&record).is_some_and(|end| end >= since) {
            found.insert((record.key, record.point));
        }
    });
    found
}
