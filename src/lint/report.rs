//! The combined report of all engines, with what was not checked.

use std::fmt;
use std::path::{Path, PathBuf};

use super::engine::Engine;
use super::finding::Finding;
use super::severity::Severity;

/// Something that was not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unchecked {
    /// The engines that did not check it.
    pub engines: Vec<&'static str>,
    /// The file; `None` if it applies to all files.
    pub path: Option<PathBuf>,
    /// The reason.
    pub why: String,
    /// Whether the project requires the engine.
    pub required: bool,
    /// Whether the engine ran and failed, so that the file has not passed.
    pub failed: bool,
    /// Whether the reason is this machine's, so that it holds for other files too.
    pub lasting: bool,
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

/// The result of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No findings, or only hints.
    Clean,
    /// There are warnings or errors.
    Findings,
    /// A required engine is missing, or an engine failed.
    CouldNotCheck,
}

impl Verdict {
    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Findings => "findings",
            Self::CouldNotCheck => "could-not-check",
        }
    }
}

/// The findings of all engines in some files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The findings, by file and sorted by line.
    pub findings: Vec<Finding>,
    /// The engines that checked at least one file.
    pub checked: Vec<Engine>,
    /// What was not checked, and why.
    pub unchecked: Vec<Unchecked>,
}

impl Report {
    /// The findings for output. Each failure of an engine is added as a finding at the start of the file.
    #[must_use]
    pub fn all_findings(&self) -> Vec<Finding> {
        let failed = self.unchecked.iter().filter(|unchecked| unchecked.failed);
        let failures = failed.flat_map(|Unchecked { engines, path, why, .. }| {
            let path = path.as_deref().unwrap_or(Path::new(""));
            engines.iter().map(move |engine| Finding::unchecked(path, engine, why))
        });
        failures.chain(self.findings.iter().cloned()).collect()
    }

    /// The names of the engines that checked at least one file, separated by commas.
    #[must_use]
    pub fn checked_by(&self) -> String {
        self.checked.iter().map(|engine| engine.name).collect::<Vec<_>>().join(", ")
    }

    /// The names of the engines that checked no file, separated by commas; `None` if all of them did.
    #[must_use]
    pub fn not_checked_by(&self) -> Option<String> {
        let of_all = self.unchecked.iter().filter(|unchecked| unchecked.path.is_none());
        let names: Vec<_> = of_all.flat_map(|unchecked| unchecked.engines.iter().copied()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// The highest severity; `None` if there are no findings.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// The result.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.unchecked.iter().any(|unchecked| unchecked.required || unchecked.failed) {
            return Verdict::CouldNotCheck;
        }
        if self.worst() >= Some(Severity::Warning) { Verdict::Findings } else { Verdict::Clean }
    }

    /// Adds the report about other files.
    pub fn extend(&mut self, other: Self) {
        self.findings.extend(other.findings);
        for engine in other.checked {
            self.add_checked(engine);
        }
        for unchecked in other.unchecked {
            self.add_unchecked(unchecked);
        }
    }

    pub(super) fn add_checked(&mut self, engine: Engine) {
        if !self.checked.contains(&engine) {
            self.checked.push(engine);
        }
    }

    pub(super) fn add_unchecked(&mut self, unchecked: Unchecked) {
        // Entries without a path may repeat; entries with one differ by their paths.
        if unchecked.path.is_some() || !self.unchecked.contains(&unchecked) {
            self.unchecked.push(unchecked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_engine_never_passes() {
        let failed = Unchecked {
            engines: vec!["x"],
            path: None,
            why: "it panicked".to_owned(),
            required: false,
            failed: true,
            lasting: false,
        };
        let report = |unchecked| Report { unchecked: vec![unchecked], ..Report::default() };
        assert_eq!(report(failed.clone()).verdict(), Verdict::CouldNotCheck);
        assert_eq!(report(Unchecked { failed: false, ..failed }).verdict(), Verdict::Clean);
    }
}
