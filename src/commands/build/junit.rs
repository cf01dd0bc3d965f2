//! `--junit FILE`

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Arg, ArgMatches, ValueHint};

use crate::commands::Session;
use crate::ops::builds::{Job, Progress};
use crate::temporary;
use crate::ui::junit::Report;

/// The file and what it gets.
pub(super) struct Junit {
    path: PathBuf,
    report: Report,
}

pub(super) fn arg() -> Arg {
    Arg::new("junit")
        .long("junit")
        .value_name("FILE")
        .value_parser(clap::value_parser!(PathBuf))
        .value_hint(ValueHint::FilePath)
        .conflicts_with_all(["background", "wait", "cancel"])
        .help("Write the results to this file as JUnit XML too")
}

impl Junit {
    /// The file that the arguments name; nothing is written yet.
    ///
    /// # Errors
    /// When it cannot be written: that must not come out after hours of building.
    pub(super) fn read(session: &Session, args: &ArgMatches, jobs: &[Job]) -> Result<Option<Self>> {
        let Some(path) = args.get_one::<PathBuf>("junit") else { return Ok(None) };
        let path = session.environment.cwd.join(path);
        check(&path).with_context(|| could_not(&path))?;
        Ok(Some(Self { path, report: Report::new(jobs) }))
    }

    pub(super) fn apply(&mut self, progress: &Progress<'_>) {
        self.report.apply(progress);
    }

    /// Writes the file. `error` is what ended the run.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, error: Option<&anyhow::Error>) -> Result<()> {
        let xml = self.report.xml(error.map(|error| format!("{error:#}")).as_deref());
        let written = if is_special(&self.path) {
            fs::write(&self.path, xml)
        } else {
            temporary::rewrite(&self.path, xml.as_bytes())
        };
        written.with_context(|| could_not(&self.path))
    }
}

fn could_not(path: &Path) -> String {
    format!("could not write `{}`", path.display())
}

/// Whether this is something like a pipe or `/dev/null`, which stays what it is.
fn is_special(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| !meta.is_file())
}

/// Creates a file beside this one and removes it, which is what replacing it needs.
fn check(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    // Opening a pipe waits for its reader.
    if is_special(path) {
        return Ok(());
    }
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let beside = path.with_file_name(temporary::unique_name());
    File::create_new(&beside)?;
    fs::remove_file(&beside)
}
