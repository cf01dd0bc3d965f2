//! Queue activity of points: which are waiting and which are being built.

use crate::git::{Oid, Repo};
use crate::queue::{Queue, Result, Snapshot, now};
use crate::record::State;

/// Queue activity of a build key. Times are in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Waiting in the queue.
    Queued {
        /// For so long.
        seconds: u64,
    },
    /// Being built.
    Building {
        /// For so long.
        seconds: u64,
        /// Expected total duration, estimated from earlier records.
        expected: Option<u64>,
    },
}

impl Activity {
    /// The state of a point with this activity.
    pub fn state(self) -> State {
        match self {
            Self::Queued { .. } => State::Queued,
            Self::Building { .. } => State::Building,
        }
    }

    /// Seconds since it was queued or the build started.
    pub fn seconds(self) -> u64 {
        match self {
            Self::Queued { seconds } | Self::Building { seconds, .. } => seconds,
        }
    }

    /// Expected total duration in seconds, estimated from earlier records.
    pub fn expected(self) -> Option<u64> {
        match self {
            Self::Queued { .. } => None,
            Self::Building { expected, .. } => expected,
        }
    }
}

/// A snapshot of the queue.
#[derive(Debug, Default)]
pub struct View {
    snapshot: Snapshot,
    now: u64,
}

impl View {
    /// Read the queue.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn take(repo: &Repo) -> Result<Self> {
        Ok(Self { snapshot: Queue::of(repo).look()?, now: now() })
    }

    /// The activity of a key, if any.
    pub fn of(&self, key: Oid) -> Option<Activity> {
        let since = |time: u64| self.now.saturating_sub(time) / 1000;
        if let Some(claim) = self.snapshot.claim(key) {
            return Some(match claim.started(key) {
                Some(started) => Activity::Building { seconds: since(started), expected: claim.expected },
                None => Activity::Queued { seconds: since(claim.since) },
            });
        }
        self.snapshot.job(key).map(|job| Activity::Queued { seconds: since(job.queued) })
    }

    /// Number of jobs that wait without a worker, because the last worker was killed.
    pub fn jobs_without_worker(&self) -> usize {
        if self.snapshot.is_stranded() { self.snapshot.jobs.len() } else { 0 }
    }
}
