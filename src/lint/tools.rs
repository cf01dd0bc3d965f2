//! The external linters, statix and deadnix: finds them once, identifies them by their help text, and runs them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::deadnix::Deadnix;
use super::report::{Report, Unchecked};
use super::statix::Statix;
use super::{Engine, Settings, deadnix, engine, statix};

/// Time limit for one call; a commit waits for it.
const LIMIT: Duration = Duration::from_secs(30);

/// Options for finding the linters.
#[derive(Debug, Clone, Default)]
pub struct Lookup {
    /// The program to use instead of the `statix` on PATH.
    pub statix: Option<PathBuf>,
    /// The program to use instead of the `deadnix` on PATH.
    pub deadnix: Option<PathBuf>,
    /// The project's `statix.toml`, if it has one.
    pub statix_toml: Option<Vec<u8>>,
    /// The lint settings of the project.
    pub settings: Settings,
    /// The time limit for one call; 30 seconds by default.
    pub limit: Option<Duration>,
}

/// The folder with the configuration of the linters could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write the configuration of the linters to the temporary folder")]
pub struct SetupError(#[from] io::Error);

/// The external linters that were found, or why they cannot be used.
#[derive(Debug)]
pub struct Tools {
    pub(super) settings: Settings,
    statix: Result<Statix, String>,
    deadnix: Result<Deadnix, String>,
    /// Whether the reasons against a linter are this machine's.
    is_lasting: bool,
}

impl Tools {
    /// Finds the linters. A missing linter, or another program of its name, is not an error: each report mentions it.
    ///
    /// # Errors
    /// When their configuration cannot be written.
    pub fn find(lookup: &Lookup) -> Result<Self, SetupError> {
        let limit = lookup.limit.unwrap_or(LIMIT);
        let statix = match statix::recognise(lookup.statix.as_deref(), limit) {
            Ok(found) => Statix::new(found, lookup.statix_toml.as_deref())?.probed(),
            Err(why) => Err(why),
        };
        let deadnix = deadnix::recognise(lookup.deadnix.as_deref(), limit);
        Ok(Self { settings: lookup.settings.clone(), statix, deadnix, is_lasting: true })
    }

    /// Uses only the embedded engines; reports give `why` as the reason.
    #[must_use]
    pub fn embedded_only(why: &str) -> Self {
        let missing = || why.to_owned();
        Self { settings: Settings::default(), statix: Err(missing()), deadnix: Err(missing()), is_lasting: false }
    }

    /// Replaces the lint settings of the project.
    #[must_use]
    pub fn with_settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// The external linters: the engine, or why it cannot be used.
    pub fn external(&self) -> [(&'static str, Result<Engine, &str>); 2] {
        [
            (engine::STATIX, self.statix.as_ref().map(Statix::engine).map_err(String::as_str)),
            (engine::DEADNIX, self.deadnix.as_ref().map(Deadnix::engine).map_err(String::as_str)),
        ]
    }

    /// Runs statix on `text`, which must have no syntax errors, and adds its findings. Adds missing linters to `unchecked`.
    pub(super) fn check(&self, path: &Path, text: &str, report: &mut Report) {
        match &self.statix {
            Ok(statix) => match statix.check(path, text) {
                Ok(findings) => {
                    report.findings.extend(findings);
                    report.add_checked(statix.engine());
                }
                Err(why) => self.failed(path, engine::STATIX, why, report),
            },
            Err(missing) => report.add_unchecked(self.missing(engine::STATIX, missing)),
        }
        if let Err(missing) = &self.deadnix {
            report.add_unchecked(self.missing(engine::DEADNIX, missing));
        }
    }

    /// Runs deadnix on these files; returns a report for each, with the number that it was passed with.
    pub(super) fn dead_code(&self, files: &[(usize, &Path, &str)]) -> Vec<(usize, Report)> {
        let Ok(deadnix) = &self.deadnix else { return Vec::new() };
        let answers = deadnix.check(files).into_iter().zip(files);
        let report = |(answer, &(i, path, _)): (deadnix::FileResult, &(usize, &Path, &str))| {
            let mut report = Report::default();
            match answer {
                Ok(findings) => {
                    report.findings = findings;
                    report.add_checked(deadnix.engine());
                }
                Err(why) => self.failed(path, engine::DEADNIX, why, &mut report),
            }
            (i, report)
        };
        answers.map(report).collect()
    }

    /// Records that only rnix checked a file, since it does not parse.
    pub(super) fn skip_unparsed(&self, path: &Path, why: &str, report: &mut Report) {
        let mut engines = vec![engine::RULES, engine::FORMAT];
        for (name, missing) in
            [(engine::STATIX, self.statix.as_ref().err()), (engine::DEADNIX, self.deadnix.as_ref().err())]
        {
            match missing {
                None => engines.push(name),
                Some(missing) => report.add_unchecked(self.missing(name, missing)),
            }
        }
        report.add_unchecked(Unchecked {
            engines,
            path: Some(path.to_owned()),
            why: why.to_owned(),
            required: false,
            failed: false,
            lasting: false,
        });
    }

    /// Records that an embedded engine cannot check a file. It does not count as failed.
    pub(super) fn embedded_skipped(&self, path: &Path, engine: &'static str, why: String, report: &mut Report) {
        let required = self.settings.requires(engine);
        report.add_unchecked(Unchecked {
            engines: vec![engine],
            path: Some(path.to_owned()),
            why,
            required,
            failed: false,
            lasting: false,
        });
    }

    /// Records that an engine failed on a file.
    fn failed(&self, path: &Path, engine: &'static str, why: String, report: &mut Report) {
        let required = self.settings.requires(engine);
        report.add_unchecked(Unchecked {
            engines: vec![engine],
            path: Some(path.to_owned()),
            why,
            required,
            failed: true,
            lasting: false,
        });
    }

    fn missing(&self, engine: &'static str, why: &str) -> Unchecked {
        let required = self.settings.requires(engine);
        Unchecked {
            engines: vec![engine],
            path: None,
            why: why.to_owned(),
            required,
            failed: false,
            lasting: self.is_lasting,
        }
    }
}
