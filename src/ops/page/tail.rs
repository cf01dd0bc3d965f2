//! The end of a log.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use crate::ops::log::Log;
use crate::system::System;

/// How many lines are kept.
const LINES: usize = 40;
/// How many characters of a line are kept.
const WIDTH: usize = 400;
/// How many bytes are read: the lines of most logs, even if each is long.
const BYTES: u64 = 1 << 16;

/// The last lines of a log.
#[derive(Debug, PartialEq, Eq)]
pub struct Tail {
    /// The system.
    pub system: System,
    /// The lines, without the colours of a terminal.
    pub lines: Vec<String>,
    /// Whether there are earlier lines.
    pub is_cut: bool,
}

impl Tail {
    /// Reads the end of a log; `None` if it is empty or cannot be read.
    pub(super) fn read(log: &Log) -> Option<Self> {
        let mut file = File::open(&log.path).ok()?;
        let start = file.metadata().ok()?.len().saturating_sub(BYTES);
        file.seek(SeekFrom::Start(start)).ok()?;
        let mut bytes = Vec::new();
        file.take(BYTES).read_to_end(&mut bytes).ok()?;
        let (lines, is_cut) = last_lines(&bytes, start > 0);
        (!lines.is_empty()).then(|| Self { system: log.system.clone(), lines, is_cut })
    }
}

/// The last lines of this end of a file, and whether something is left out.
fn last_lines(bytes: &[u8], mut is_cut: bool) -> (Vec<String>, bool) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<&str> = text.lines().collect();
    if is_cut && lines.len() > 1 {
        // The first line may be half a line.
        lines.remove(0);
    }
    if lines.len() > LINES {
        lines.drain(..lines.len() - LINES);
        is_cut = true;
    }
    (lines.into_iter().map(shown).collect(), is_cut)
}

/// A line as a terminal shows it: without escape sequences, and only what comes after the last carriage return.
fn shown(line: &str) -> String {
    let line = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
    let plain = without_sequences(line);
    match plain.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{} ...", &plain[..end]),
        None => plain,
    }
}

/// Removes the control sequences of ECMA-48 (`ESC [`, parameters, one letter), which programs print for colours.
fn without_sequences(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.find(|c: char| ('@'..='~').contains(&c)) {
            Some(end) => plain.push_str(&part[end + 1..]),
            None => plain.push_str(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_whole_lines() {
        let text = (0..100).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
        let (lines, is_cut) = last_lines(text.as_bytes(), false);
        assert_eq!((lines.len(), lines[0].as_str(), is_cut), (LINES, "line 60", true));
        assert_eq!(last_lines(b"half\nwhole\n", true), (vec!["whole".to_owned()], true));
        assert_eq!(last_lines(b"one line", false), (vec!["one line".to_owned()], false));
        assert_eq!(last_lines(b"", false), (Vec::new(), false));
    }

    #[test]
    fn shows_lines_as_a_terminal_does() {
        assert_eq!(shown("\u{1b}[1;31merror:\u{1b}[0m broken\r"), "error: broken");
        assert_eq!(shown(" 10%\r 50%\r100%"), "100%");
        assert_eq!(shown("a\u{1b}[12"), "a12");
        assert_eq!(shown(&"é".repeat(500)), format!("{} ...", "é".repeat(WIDTH)));
        assert_eq!(last_lines(b"\xff\xfe", false).0, ["\u{fffd}\u{fffd}"]);
    }
}
