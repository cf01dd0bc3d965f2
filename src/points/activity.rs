//! What the queue says of points: which wait, and which are being built.

use crate::git::{Oid, Repo};
use crate::queue::{Queue, Result, Snapshot, now};
use crate::record::State;

/// What is going on with a key. Times are in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// It waits its turn.
    Queued {
        /// For so long.
        seconds: u64,
    },
    /// It is being built.
    Building {
        /// For so long.
        seconds: u64,
        /// How long it will take in all, by earlier records.
        expected: Option<u64>,
    },
}

impl Activity {
    /// The state that it gives a point.
    pub fn state(self) -> State {
        match self {
            Self::Queued { .. } => State::Queued,
            Self::Building { .. } => State::Building,
        }
    }

    /// For how long, in seconds.
    pub fn seconds(self) -> u64 {
        match self {
            Self::Queued { seconds } | Self::Building { seconds, .. } => seconds,
        }
    }

    /// How many seconds it will take in all, by earlier records.
    pub fn expected(self) -> Option<u64> {
        match self {
            Self::Queued { .. } => None,
            Self::Building { expected, .. } => expected,
        }
    }
}

/// The queue at one moment.
#[derive(Debug, Default)]
pub struct View {
    snapshot: Snapshot,
    now: u64,
}

impl View {
    /// Looks at the queue.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn take(repo: &Repo) -> Result<Self> {
        Ok(Self { snapshot: Queue::of(repo).look()?, now: now() })
    }

    /// What is going on with a key.
    pub fn of(&self, key: Oid) -> Option<Activity> {
        let since = |time: u64| self.now.saturating_sub(time) / 1000;
        if let Some(claim) = self.snapshot.claim(key) {
            return Some(Activity::Building { seconds: since(claim.since), expected: claim.expected });
        }
        self.snapshot.job(key).map(|job| Activity::Queued { seconds: since(job.queued) })
    }

    /// How many jobs wait that no worker will take, because the last one was killed.
    pub fn stranded(&self) -> usize {
        if self.snapshot.is_stranded() { self.snapshot.jobs.len() } else { 0 }
    }
}
