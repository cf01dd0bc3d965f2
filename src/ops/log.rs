//! Logs of a point's last build, and following them while they grow.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, Result};

use super::builds;
use crate::context::Context;
use crate::git::Oid;
use crate::queue::{Claim, Job, Queue, Snapshot};
use crate::record::{Record, Records};
use crate::system::System;

/// How often a growing log is read.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// By how many milliseconds a file's time may precede its build: file systems use a coarser clock.
const CLOCK_TOLERANCE_MS: u64 = 10;

/// The log of a build key on one system.
#[derive(Debug, Clone)]
pub struct Log {
    /// The system.
    pub system: System,
    /// The file, which may not exist yet.
    pub path: PathBuf,
}

/// An event while following.
#[derive(Debug)]
pub enum Step<'a> {
    /// The build waits in the queue.
    Waits {
        /// How many jobs come first.
        before: usize,
    },
    /// The following text is from this system's log.
    Of(&'a System),
    /// Text of the log: complete lines, except perhaps the last.
    Text(&'a str),
}

/// The logs of a key on these systems, whether they exist or not.
pub fn logs(context: &Context, key: Oid, systems: &[System]) -> Vec<Log> {
    let log = |system: &System| Log { system: system.clone(), path: builds::log_path(&context.repo, key, system) };
    systems.iter().map(log).collect()
}

/// The newest record of a key on each of these systems.
///
/// # Errors
/// When the records cannot be read.
pub fn results(context: &Context, key: Oid, point: &str, systems: &[System]) -> Result<Vec<Record>> {
    let records = Records::open(&context.repo)?.of(key, point)?;
    let newest = |system: &System| records.iter().rev().find(|record| record.system == *system).cloned();
    Ok(systems.iter().filter_map(newest).collect())
}

/// Follows the logs of a key until its build has ended; if none is queued or running, shows the existing logs. Returns
/// `false` if the job waits and there is no worker.
///
/// # Errors
/// When the queue or a log cannot be read.
pub fn follow(context: &Context, key: Oid, logs: &[Log], on: &mut dyn FnMut(Step<'_>)) -> Result<bool> {
    let mut reader = Reader { tails: logs.iter().map(Tail::new).collect(), shown: None };
    let mut is_said = false;
    loop {
        let now = Queue::of(&context.repo).look()?;
        // Read the queue before the logs: when no process writes any more, the logs are then read to the end.
        match (now.claim(key), now.job(key)) {
            (Some(claim), _) => reader.read(Some(claim), on)?,
            (None, Some(_)) if !now.has_worker => {
                reader.read(None, on)?;
                return Ok(false);
            }
            (None, Some(_)) => {
                if !is_said {
                    on(Step::Waits { before: before(&now, key) });
                    is_said = true;
                }
            }
            (None, None) => {
                reader.read(None, on)?;
                reader.end(on);
                return Ok(true);
            }
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// How many jobs come first: newer ones, and the running one.
fn before(now: &Snapshot, key: Oid) -> usize {
    let own = now.jobs.iter().position(|job| job.key == key).unwrap_or_default();
    let goes_first = |(i, job): &(usize, &Job)| *i < own || now.claim(job.key).is_some();
    now.jobs.iter().enumerate().filter(goes_first).count()
}

/// Reads several logs as one stream, and reports when the system changes.
struct Reader<'a> {
    tails: Vec<Tail<'a>>,
    shown: Option<usize>,
}

impl Reader<'_> {
    fn read(&mut self, claim: Option<&Claim>, on: &mut dyn FnMut(Step<'_>)) -> Result<()> {
        let several = self.tails.len() > 1;
        for (i, tail) in self.tails.iter_mut().enumerate() {
            let text = tail.more(claim)?;
            if text.is_empty() {
                continue;
            }
            if several && self.shown != Some(i) {
                on(Step::Of(&tail.log.system));
            }
            self.shown = Some(i);
            on(Step::Text(&text));
        }
        Ok(())
    }

    /// Shows last lines without a newline: their writer was killed.
    fn end(&mut self, on: &mut dyn FnMut(Step<'_>)) {
        for tail in &mut self.tails {
            if !tail.rest.is_empty() {
                on(Step::Text(&String::from_utf8_lossy(&std::mem::take(&mut tail.rest))));
            }
        }
    }
}

/// One log and the position up to which it was read.
struct Tail<'a> {
    log: &'a Log,
    at: u64,
    rest: Vec<u8>,
}

impl<'a> Tail<'a> {
    fn new(log: &'a Log) -> Self {
        Self { log, at: 0, rest: Vec::new() }
    }

    /// The complete lines since the last call; while a build runs, not the log of an older build.
    fn more(&mut self, claim: Option<&Claim>) -> Result<String> {
        let mut file = match File::open(&self.log.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
            Err(error) => return Err(error).with_context(|| format!("could not read `{}`", self.log.path.display())),
        };
        let facts = file.metadata().context("could not read a log")?;
        if claim.is_some_and(|claim| written(&facts) + CLOCK_TOLERANCE_MS < claim.since) {
            return Ok(String::new());
        }
        if facts.len() < self.at {
            (self.at, self.rest) = (0, Vec::new());
        }
        file.seek(SeekFrom::Start(self.at))
            .and_then(|_| file.read_to_end(&mut self.rest))
            .context("could not read a log")?;
        self.at = file.stream_position().context("could not read a log")?;
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = self.rest.drain(..whole).collect();
        Ok(String::from_utf8_lossy(&lines).into_owned())
    }
}

fn written(facts: &fs::Metadata) -> u64 {
    let since = facts.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}
