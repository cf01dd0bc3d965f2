//! Jobs: what is to be built, and who asked.

use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize};

use crate::git::size::read_at_most;
use crate::git::{Oid, hex};
use crate::lattice::Spelled;
use crate::limit::Limit;

/// How often a job is begun before it counts as failed.
pub(super) const TRIES: u32 = 3;

/// Who asked for a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// A hook: only with a permit.
    Checkout,
    /// The user, by `build --background`.
    Typed,
}

/// One key that is to be built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The point.
    pub point: Spelled,
    /// The build key.
    #[serde(with = "hex")]
    pub key: Oid,
    /// The commit that holds it.
    #[serde(with = "hex")]
    pub commit: Oid,
    /// Who asked.
    pub asked: Asked,
    /// When it was last asked for, in milliseconds since 1970.
    pub queued: u64,
    /// How often it was asked for.
    #[serde(default)]
    pub asks: u32,
    /// How often it was begun.
    #[serde(default)]
    pub tries: u32,
    /// Whether it is built even where it has a record.
    #[serde(default)]
    pub again: bool,
    /// The worktree from which it was asked for.
    #[serde(default)]
    pub worktree: String,
}

impl Job {
    /// A job that was asked for just now.
    pub fn new(point: Spelled, key: Oid, commit: Oid, asked: Asked) -> Self {
        Self { point, key, commit, asked, queued: now(), asks: 1, tries: 0, again: false, worktree: String::new() }
    }

    /// Whether it was begun so often without an end that it is not begun again.
    pub fn is_worn(&self) -> bool {
        self.tries >= TRIES
    }

    /// Asked for once more: as new, and with all that either asked for.
    pub(super) fn renewed(self, older: &Self) -> Self {
        let typed = self.asked == Asked::Typed || older.asked == Asked::Typed;
        Self {
            asked: if typed { Asked::Typed } else { Asked::Checkout },
            asks: older.asks.saturating_add(1),
            again: self.again || older.again,
            ..self
        }
    }
}

/// A job that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aside {
    /// The job.
    pub job: Job,
    /// Why.
    pub why: String,
    /// The limit that ended it: within the same it would come to the same.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "if_known")]
    pub limit: Option<AtLimit>,
}

/// A limit that ended a job, and how much it allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtLimit {
    /// Which.
    #[serde(rename = "key")]
    pub which: Limit,
    /// Seconds or bytes.
    pub amount: u64,
}

/// Milliseconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// A limit of another version is none.
fn if_known<'de, D: Deserializer<'de>>(from: D) -> Result<Option<AtLimit>, D::Error> {
    Ok(serde_json::from_value(serde_json::Value::deserialize(from)?).ok())
}

/// Reads a job whose file is named for its key.
pub(super) fn read(path: &Path) -> io::Result<Job> {
    let job: Job = serde_json::from_slice(&read_small(path)?)?;
    if path.file_stem().is_some_and(|stem| stem == job.key.to_string().as_str()) {
        Ok(job)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "it is named for another key"))
    }
}

/// How long a file of the queue may be: what is written here has some hundred bytes, and a path.
const MOST_FILE: u64 = 64 << 10;

/// The bytes of a file of the queue.
pub(super) fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = read_at_most(&std::fs::File::open(path)?, MOST_FILE)?;
    bytes.map_err(|size| io::Error::new(io::ErrorKind::FileTooLarge, format!("it has {size} bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_another_version_is_none() {
        let id = "1".repeat(40);
        let aside = |limit: &str| {
            let job = format!(r#"{{"point":"a/b","key":"{id}","commit":"{id}","asked":"typed","queued":1}}"#);
            serde_json::from_str::<Aside>(&format!(r#"{{"job":{job},"why":"x","limit":{limit}}}"#)).unwrap().limit
        };
        let known = AtLimit { which: Limit::Log, amount: 5 };
        assert_eq!(aside(r#"{"key":"lattice.limit.log","amount":5}"#), Some(known));
        assert_eq!(serde_json::to_string(&known).unwrap(), r#"{"key":"lattice.limit.log","amount":5}"#);
        assert_eq!(aside(r#"{"key":"lattice.limit.patience","amount":5}"#), None);
    }
}
