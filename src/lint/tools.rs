//! The linters of others: looked for once, recognised by what they say of themselves, and asked where they are there.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::deadnix::Deadnix;
use super::report::{Report, Unchecked};
use super::statix::Statix;
use super::{Engine, Settings, deadnix, engine, statix};

/// Nothing that looks at one file takes longer; a commit waits for it.
const LIMIT: Duration = Duration::from_secs(30);

/// Where the linters and their configuration come from.
#[derive(Debug, Clone, Default)]
pub struct Lookup {
    /// The program to use instead of the `statix` on PATH.
    pub statix: Option<PathBuf>,
    /// The program to use instead of the `deadnix` on PATH.
    pub deadnix: Option<PathBuf>,
    /// The text of the project's `statix.toml`, where it has one.
    pub statix_toml: Option<Vec<u8>>,
    /// What the project asks for.
    pub settings: Settings,
    /// The time that a linter has for one call, instead of half a minute.
    pub limit: Option<Duration>,
}

/// The folder that linters are given could not be made.
#[derive(Debug, thiserror::Error)]
#[error("could not write what the linters are given into the temporary folder")]
pub struct SetupError(#[from] io::Error);

/// The linters that are there, looked for once.
#[derive(Debug)]
pub struct Tools {
    pub(super) settings: Settings,
    statix: Result<Statix, String>,
    deadnix: Result<Deadnix, String>,
}

impl Tools {
    /// Looks for the linters. That one is missing, or another program, is no error: every report says so.
    ///
    /// # Errors
    /// When what they need cannot be written.
    pub fn find(lookup: &Lookup) -> Result<Self, SetupError> {
        let limit = lookup.limit.unwrap_or(LIMIT);
        let statix = match statix::recognise(lookup.statix.as_deref(), limit) {
            Ok(found) => Statix::new(found, lookup.statix_toml.as_deref())?.probed(),
            Err(why) => Err(why),
        };
        let deadnix = deadnix::recognise(lookup.deadnix.as_deref(), limit);
        Ok(Self { settings: lookup.settings.clone(), statix, deadnix })
    }

    /// No linters but the embedded ones; reports give `why`.
    #[must_use]
    pub fn embedded_only(why: &str) -> Self {
        Self { settings: Settings::default(), statix: Err(why.to_owned()), deadnix: Err(why.to_owned()) }
    }

    /// The same with what the project asks for.
    #[must_use]
    pub fn with_settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// Each of the others' linters: who it is, or why it cannot be asked.
    pub fn others(&self) -> [(&'static str, Result<Engine, &str>); 2] {
        [
            (engine::STATIX, self.statix.as_ref().map(Statix::engine).map_err(String::as_str)),
            (engine::DEADNIX, self.deadnix.as_ref().map(Deadnix::engine).map_err(String::as_str)),
        ]
    }

    /// Lets statix look at `text`, which must have no syntax error, and adds what it says. Says what is not there.
    pub(super) fn check(&self, path: &Path, text: &str, report: &mut Report) {
        match &self.statix {
            Ok(statix) => match statix.look(path, text) {
                Ok(findings) => {
                    report.findings.extend(findings);
                    report.saw(statix.engine());
                }
                Err(why) => self.failed(path, engine::STATIX, why, report),
            },
            Err(missing) => report.missed(self.missing(engine::STATIX, missing)),
        }
        if let Err(missing) = &self.deadnix {
            report.missed(self.missing(engine::DEADNIX, missing));
        }
    }

    /// What deadnix says about these files, each with the number that it came with.
    pub(super) fn dead_code(&self, files: &[(usize, &Path, &str)]) -> Vec<(usize, Report)> {
        let Ok(deadnix) = &self.deadnix else { return Vec::new() };
        let answers = deadnix.look(files).into_iter().zip(files);
        let report = |(answer, &(i, path, _)): (deadnix::Answer, &(usize, &Path, &str))| {
            let mut report = Report::default();
            match answer {
                Ok(findings) => {
                    report.findings = findings;
                    report.saw(deadnix.engine());
                }
                Err(why) => self.failed(path, engine::DEADNIX, why, &mut report),
            }
            (i, report)
        };
        answers.map(report).collect()
    }

    /// Says that a file was shown to nobody but rnix, since it does not parse.
    pub(super) fn not_asked(&self, path: &Path, why: &str, report: &mut Report) {
        let mut engines = vec![engine::RULES, engine::FORMAT];
        for (name, missing) in
            [(engine::STATIX, self.statix.as_ref().err()), (engine::DEADNIX, self.deadnix.as_ref().err())]
        {
            match missing {
                None => engines.push(name),
                Some(missing) => report.missed(self.missing(name, missing)),
            }
        }
        report.missed(Unchecked {
            engines,
            path: Some(path.to_owned()),
            why: why.to_owned(),
            required: false,
            failed: false,
        });
    }

    /// Says that an embedded engine has no opinion on a file.
    pub(super) fn gave_up(&self, path: &Path, engine: &'static str, why: String, report: &mut Report) {
        let required = self.settings.requires(engine);
        report.missed(Unchecked { engines: vec![engine], path: Some(path.to_owned()), why, required, failed: false });
    }

    /// Says that an engine was asked about a file and failed.
    fn failed(&self, path: &Path, engine: &'static str, why: String, report: &mut Report) {
        let required = self.settings.requires(engine);
        report.missed(Unchecked { engines: vec![engine], path: Some(path.to_owned()), why, required, failed: true });
    }

    fn missing(&self, engine: &'static str, why: &str) -> Unchecked {
        let required = self.settings.requires(engine);
        Unchecked { engines: vec![engine], path: None, why: why.to_owned(), required, failed: false }
    }
}
