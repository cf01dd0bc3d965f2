//! What an engine has to say about a place in a file.

use std::fmt;
use std::path::{Path, PathBuf};

use super::lines::Lines;
use super::rules::Edit;
use super::severity::Severity;

/// A place that belongs to a finding, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where: line and column, from 1.
    pub from: (usize, usize),
    /// Where it ends: line and column of the first character behind it.
    pub to: (usize, usize),
    /// What it is.
    pub message: String,
}

/// One thing that an engine has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file as it was named to us.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// Line and column of the first character behind it, where the engine tells.
    pub end: Option<(usize, usize)>,
    /// How much it matters.
    pub severity: Severity,
    /// The engine's name for the rule: `L01`, `W04`, `format`, `syntax`, `encoding`, `too-deep`, or `unchecked`.
    pub code: String,
    /// What is wrong, in the engine's words.
    pub message: String,
    /// A second place that belongs to it, or what the engine would write.
    pub note: Option<Note>,
    /// How to mend it without changing anything else.
    pub fix: Option<Edit>,
    /// Who says so.
    pub engine: &'static str,
}

/// The code of what could not be looked at.
const UNCHECKED: &str = "unchecked";

impl Finding {
    /// A finding at a place: line and column, from 1.
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

    /// What an engine says that should have looked at `path` and could not.
    pub(super) fn unchecked(path: &Path, engine: &'static str, why: &str) -> Self {
        let message = format!("{engine} could not check this: {why}");
        Self::at(path, (1, 1), Severity::Error, UNCHECKED, message, engine)
    }

    /// The same finding with its end at a byte offset.
    pub(super) fn until(mut self, lines: &Lines, offset: usize) -> Self {
        self.end = Some(lines.position(offset));
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, column, severity, code, message, engine, .. } = self;
        write!(f, "{}:{line}:{column}: {}: {message} [{engine} {code}]", path.display(), severity.as_str())
    }
}
