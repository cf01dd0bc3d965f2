//! What all engines together said, and what none of them looked at.

use std::fmt;
use std::path::{Path, PathBuf};

use super::engine::Engine;
use super::finding::Finding;
use super::severity::Severity;

/// Something that was not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unchecked {
    /// The engines that should have looked.
    pub engines: Vec<&'static str>,
    /// The file, when it is about one and not about all.
    pub path: Option<PathBuf>,
    /// Why it did not.
    pub why: String,
    /// Whether nothing can be said without it: the project asks for this engine.
    pub required: bool,
    /// Whether the engine was asked and failed: that is no pass.
    pub failed: bool,
}

impl fmt::Display for Unchecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engines = self.engines.join(", ");
        match &self.path {
            Some(path) => write!(f, "`{}` was not checked by {engines}: {}", path.display(), self.why),
            None => write!(f, "not checked by {engines}: {}", self.why),
        }
    }
}

/// What everything comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing but hints.
    Clean,
    /// Something is to be mended.
    Findings,
    /// An engine that had to look could not.
    CouldNotCheck,
}

impl Verdict {
    /// The word for JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Findings => "findings",
            Self::CouldNotCheck => "could-not-check",
        }
    }
}

/// What all engines had to say about some files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// What the engines that looked have found, file by file, in the order of the lines.
    pub findings: Vec<Finding>,
    /// The engines that looked at one file at least.
    pub checked: Vec<Engine>,
    /// What was not looked at, and why.
    pub unchecked: Vec<Unchecked>,
}

impl Report {
    /// The findings as people and other programs are told them: each failure of an engine is one, at the beginning of the file.
    #[must_use]
    pub fn told(&self) -> Vec<Finding> {
        let failed = self.unchecked.iter().filter(|unchecked| unchecked.failed);
        let told = failed.flat_map(|Unchecked { engines, path, why, .. }| {
            let path = path.as_deref().unwrap_or(Path::new(""));
            engines.iter().map(move |engine| Finding::unchecked(path, engine, why))
        });
        told.chain(self.findings.iter().cloned()).collect()
    }

    /// The severest finding's severity; `None` when there is no finding.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// What it comes to.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.unchecked.iter().any(|unchecked| unchecked.required || unchecked.failed) {
            return Verdict::CouldNotCheck;
        }
        if self.worst() >= Some(Severity::Warning) { Verdict::Findings } else { Verdict::Clean }
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

    pub(super) fn saw(&mut self, engine: Engine) {
        if !self.checked.contains(&engine) {
            self.checked.push(engine);
        }
    }

    pub(super) fn missed(&mut self, unchecked: Unchecked) {
        // What concerns no single file is said once; the others differ by their paths.
        if unchecked.path.is_some() || !self.unchecked.contains(&unchecked) {
            self.unchecked.push(unchecked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_engine_is_no_pass_without_its_finding() {
        let failed =
            Unchecked { engines: vec!["x"], path: None, why: "it fell".to_owned(), required: false, failed: true };
        let report = |unchecked| Report { unchecked: vec![unchecked], ..Report::default() };
        assert_eq!(report(failed.clone()).verdict(), Verdict::CouldNotCheck);
        assert_eq!(report(Unchecked { failed: false, ..failed }).verdict(), Verdict::Clean);
    }
}
