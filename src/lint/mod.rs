//! Looking at Nix code: its syntax by rnix, always, and its style by statix, where that is installed.
//!
//! An *engine* is what looks. A [`Report`] says what was found, and as plainly what was not looked at: a file that could
//! not be checked never counts as one that passed.

mod depth;
mod openers;
#[macro_use]
pub mod rules;
mod statix;
mod syntax;
pub mod words;

use std::fmt;
use std::path::{Path, PathBuf};

pub use statix::{Lookup, SetupError, Tools};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A suggestion.
    Hint,
    /// Works, but should be written otherwise.
    Warning,
    /// Cannot be right, or could not be checked.
    Error,
}

impl Severity {
    /// The word for people and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
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
    /// How much it matters.
    pub severity: Severity,
    /// The engine's name for the rule: `W04`, `syntax`, `encoding`, `too-deep`, or `unchecked`.
    pub code: String,
    /// What is wrong, in the engine's words.
    pub message: String,
    /// Who says so.
    pub engine: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, column, severity, code, message, engine } = self;
        write!(f, "{}:{line}:{column}: {}: {message} [{engine} {code}]", path.display(), severity.as_str())
    }
}

/// Something that checks files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// Its name.
    pub name: &'static str,
    /// Its version, where it tells.
    pub version: Option<String>,
}

/// Something that was not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unchecked {
    /// The engine that should have looked.
    pub engine: &'static str,
    /// The file, when it is about one and not about all.
    pub path: Option<PathBuf>,
    /// Why it did not.
    pub why: String,
}

impl fmt::Display for Unchecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "`{}` was not checked by {}: {}", path.display(), self.engine, self.why),
            None => write!(f, "not checked by {}: {}", self.engine, self.why),
        }
    }
}

/// What all engines had to say about some files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// What was found, file by file, in the order of the lines.
    pub findings: Vec<Finding>,
    /// The engines that looked at one file at least.
    pub checked: Vec<Engine>,
    /// What was not looked at, and why.
    pub unchecked: Vec<Unchecked>,
}

impl Report {
    /// The severest finding's severity; `None` when there is no finding.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// Takes in what was said about other files.
    pub fn extend(&mut self, other: Self) {
        self.findings.extend(other.findings);
        for engine in other.checked {
            self.saw(engine);
        }
        for unchecked in other.unchecked {
            self.missed(unchecked);
        }
    }

    fn saw(&mut self, engine: Engine) {
        if !self.checked.contains(&engine) {
            self.checked.push(engine);
        }
    }

    fn missed(&mut self, unchecked: Unchecked) {
        if !self.unchecked.contains(&unchecked) {
            self.unchecked.push(unchecked);
        }
    }
}

/// Checks one file's bytes; `path` is only how it is called in the findings.
#[must_use]
pub fn lint_text(path: &Path, bytes: &[u8], tools: &Tools) -> Report {
    let mut report = Report { checked: vec![syntax::engine()], ..Report::default() };
    report.findings = syntax::check(path, bytes);
    match (std::str::from_utf8(bytes), report.findings.is_empty()) {
        (Ok(text), true) => tools.check(path, text, &mut report),
        // statix prints nothing for text that is not UTF-8, and repeats the errors of any other.
        _ => report.missed(tools.not_asked(path, "it has syntax errors")),
    }
    report.findings.sort_by_key(|finding| (finding.line, finding.column));
    report
}

/// Checks several files, and unites what is said.
#[must_use]
pub fn lint_files<P: AsRef<Path>, B: AsRef<[u8]>>(files: impl IntoIterator<Item = (P, B)>, tools: &Tools) -> Report {
    let mut report = Report::default();
    for (path, bytes) in files {
        report.extend(lint_text(path.as_ref(), bytes.as_ref(), tools));
    }
    report
}
