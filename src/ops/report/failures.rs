//! Why builds failed.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use crate::git::Repo;
use crate::lattice::Spelled;
use crate::ops::builds;
use crate::points::status::PointStatus;
use crate::record::{Attributed, Verdict};
use crate::system::System;
use crate::text::{terminal_safe, without_escapes};

/// The most lines of a log.
const MAX_LINES: usize = 20;
/// The longest line in characters.
const MAX_LINE: usize = 300;
/// How much of the end of a log is read, in bytes.
const MAX_BYTES: u64 = 64 << 10;

/// A failed build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The point.
    pub point: Spelled,
    /// The system.
    pub system: System,
    /// The first line of the error.
    pub error: Option<String>,
    /// When the build started.
    pub started: String,
    /// The last lines of the log, if this clone has it.
    pub log: Vec<String>,
}

/// The failed builds of a point: the newest on each of its systems that is not built.
pub(super) fn of(repo: &Repo, status: &PointStatus, records: &[Attributed]) -> Vec<Failure> {
    let failed = status.systems.iter().filter(|system| status.verdicts.get(system) == Some(Verdict::Failed));
    let failure = |system: &System| {
        let mut own = records.iter().rev().map(|attributed| &attributed.record);
        let record = own.find(|it| it.system == *system && it.verdict == Verdict::Failed)?;
        let log = status.key.map(|key| builds::log_path(repo, key, system));
        Some(Failure {
            point: status.named.spelled.clone(),
            system: system.clone(),
            error: record.error.clone(),
            started: record.started.clone(),
            log: log.map(|log| tail(&log)).unwrap_or_default(),
        })
    };
    failed.filter_map(failure).collect()
}

/// The last lines of a file, without colours; none if it cannot be read.
fn tail(path: &Path) -> Vec<String> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(MAX_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(MAX_LINES)..].iter().map(|line| shortened(&plain(line))).collect()
}

/// A line as a terminal shows it: a progress bar overwrites what was before.
fn plain(line: &str) -> String {
    let shown = line.trim_end().rsplit('\r').next().unwrap_or_default();
    terminal_safe(&without_escapes(shown))
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(MAX_LINE) {
        Some((end, _)) => format!("{} ...", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_is_short_and_plain() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("log");
        let lines: Vec<_> = (0..100).map(|n| format!("\u{1b}[31mline {n}\u{1b}[0m")).collect();
        let long = "é".repeat(1000);
        std::fs::write(&file, format!("{}\n10%\r20%\r30%\n{long}\n\u{202e}end", lines.join("\n"))).unwrap();
        let tail = tail(&file);
        assert_eq!((tail.len(), tail[0].as_str()), (MAX_LINES, "line 83"));
        assert_eq!(tail[MAX_LINES - 3], "30%");
        assert_eq!(tail[MAX_LINES - 2], format!("{} ...", "é".repeat(MAX_LINE)));
        assert_eq!(tail[MAX_LINES - 1], "\u{fffd}end");
        assert!(super::tail(&dir.path().join("absent")).is_empty());
    }
}
