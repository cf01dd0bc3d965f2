//! Jobs: requests to build a key.

use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize};

use crate::git::size::read_at_most;
use crate::git::{Oid, hex};
use crate::lattice::Spelled;
use crate::limit::Limit;

/// How often a job is started before it counts as failed.
const MAX_TRIES: u32 = 3;

/// What requested a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestedBy {
    /// A hook; needs a permit.
    Checkout,
    /// The user, with `build --background`.
    Typed,
}

/// A request to build one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The point.
    pub point: Spelled,
    /// The build key.
    #[serde(with = "hex")]
    pub key: Oid,
    /// The commit that contains the point.
    #[serde(with = "hex")]
    pub commit: Oid,
    /// What requested it.
    pub asked: RequestedBy,
    /// Time of the last request, in milliseconds since 1970.
    pub queued: u64,
    /// Number of requests.
    #[serde(default)]
    pub asks: u32,
    /// Number of times the build was started.
    #[serde(default)]
    pub tries: u32,
    /// Whether to build even if a record exists.
    #[serde(default)]
    pub again: bool,
    /// The worktree that requested it.
    #[serde(default)]
    pub worktree: String,
}

impl Job {
    /// Create a job requested now.
    pub fn new(point: Spelled, key: Oid, commit: Oid, asked: RequestedBy) -> Self {
        Self { point, key, commit, asked, queued: now(), asks: 1, tries: 0, again: false, worktree: String::new() }
    }

    /// Whether the build was started `MAX_TRIES` times without finishing.
    pub fn has_exhausted_retries(&self) -> bool {
        self.tries >= MAX_TRIES
    }

    /// Merge with an older request for the same key: `Typed` and `again` are kept if either request has them.
    pub(super) fn renewed(self, older: &Self) -> Self {
        let typed = self.asked == RequestedBy::Typed || older.asked == RequestedBy::Typed;
        Self {
            asked: if typed { RequestedBy::Typed } else { RequestedBy::Checkout },
            asks: older.asks.saturating_add(1),
            again: self.again || older.again,
            ..self
        }
    }
}

/// A job that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedJob {
    /// The job.
    pub job: Job,
    /// The reason.
    pub why: String,
    /// What the user can do about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// The limit that stopped it: under the same limit it would fail again.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "if_known")]
    pub limit: Option<AtLimit>,
}

/// A limit that stopped a job, and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtLimit {
    /// Which limit.
    #[serde(rename = "key")]
    pub which: Limit,
    /// Its value, in seconds or bytes.
    pub amount: u64,
}

/// The current time in milliseconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// Read an unknown limit, written by another version, as `None`.
fn if_known<'de, D: Deserializer<'de>>(from: D) -> Result<Option<AtLimit>, D::Error> {
    Ok(serde_json::from_value(serde_json::Value::deserialize(from)?).ok())
}

/// Read a job; its file must be named after its key.
pub(super) fn read(path: &Path) -> io::Result<Job> {
    let job: Job = serde_json::from_slice(&read_small(path)?)?;
    if path.file_stem().is_some_and(|stem| stem == job.key.to_string().as_str()) {
        Ok(job)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "it is named for another key"))
    }
}

/// Maximum size of a queue file. Written files have some hundred bytes and a path.
const MAX_FILE_SIZE: u64 = 64 << 10;

/// Read a queue file of at most [`MAX_FILE_SIZE`] bytes.
pub(super) fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = read_at_most(&std::fs::File::open(path)?, MAX_FILE_SIZE)?;
    bytes.map_err(|size| io::Error::new(io::ErrorKind::FileTooLarge, format!("it has {size} bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_limit_reads_as_none() {
        let id = "1".repeat(40);
        let aside = |limit: &str| {
            let job = format!(r#"{{"point":"a/b","key":"{id}","commit":"{id}","asked":"typed","queued":1}}"#);
            serde_json::from_str::<FailedJob>(&format!(r#"{{"job":{job},"why":"x","limit":{limit}}}"#)).unwrap().limit
        };
        let known = AtLimit { which: Limit::Log, amount: 5 };
        assert_eq!(aside(r#"{"key":"lattice.limit.log","amount":5}"#), Some(known));
        assert_eq!(serde_json::to_string(&known).unwrap(), r#"{"key":"lattice.limit.log","amount":5}"#);
        assert_eq!(aside(r#"{"key":"lattice.limit.patience","amount":5}"#), None);
    }
}
