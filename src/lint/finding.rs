//! Findings of engines.

use std::fmt;
use std::path::{Path, PathBuf};

use super::lines::Lines;
use super::rules::Edit;
use super::severity::Severity;

/// A second place that belongs to a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The start: line and column, 1-based.
    pub from: (usize, usize),
    /// The end: line and column of the first character after it.
    pub to: (usize, usize),
    /// The description of the place.
    pub message: String,
}

/// A problem that an engine found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The path of the file, as given by the caller.
    pub path: PathBuf,
    /// The line, 1-based.
    pub line: usize,
    /// The column in characters, 1-based.
    pub column: usize,
    /// Line and column of the first character after it, if the engine reports it.
    pub end: Option<(usize, usize)>,
    /// The severity.
    pub severity: Severity,
    /// The code of the rule: `L01`, `W04`, `format`, `syntax`, `encoding`, `too-deep`, or `unchecked`.
    pub code: String,
    /// The message of the engine.
    pub message: String,
    /// A second place, or what the engine suggests.
    pub note: Option<Note>,
    /// An edit that fixes it without side effects.
    pub fix: Option<Edit>,
    /// The name of the engine.
    pub engine: &'static str,
}

/// The code for a file that an engine could not check.
const UNCHECKED: &str = "unchecked";

impl Finding {
    /// Makes a finding at a line and column, both 1-based.
    pub(super) fn at(
        path: &Path,
        (line, column): (usize, usize),
        severity: Severity,
        code: impl Into<String>,
        message: impl Into<String>,
        engine: &'static str,
    ) -> Self {
        let (path, code, message) = (path.to_owned(), code.into(), message.into());
        Self { path, line, column, end: None, severity, code, message, note: None, fix: None, engine }
    }

    /// Makes the finding for an engine that failed to check `path`.
    pub(super) fn unchecked(path: &Path, engine: &'static str, why: &str) -> Self {
        let message = format!("{engine} could not check this: {why}");
        Self::at(path, (1, 1), Severity::Error, UNCHECKED, message, engine)
    }

    /// The engine and the code of the rule: `[statix W04]`, or `[format]` where both are the same.
    pub fn rule(&self) -> String {
        if self.code == self.engine { format!("[{}]", self.code) } else { format!("[{} {}]", self.engine, self.code) }
    }

    /// Sets the end to a byte offset.
    pub(super) fn until(mut self, lines: &Lines, offset: usize) -> Self {
        self.end = Some(lines.position(offset));
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, column, severity, message, .. } = self;
        write!(f, "{}:{line}:{column}: {}: {message} {}", path.display(), severity.as_str(), self.rule())
    }
}
