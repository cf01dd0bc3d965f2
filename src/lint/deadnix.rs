//! Runs deadnix, if it is installed: it finds names that are bound and never used. One process checks many files.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::lines::Lines;
use super::program::{Program, within};
use super::{Engine, Finding, Severity, codes, engine};
use crate::process::{Cmd, Output};
use crate::temporary::Folder;

/// Files per process: their names fit on any command line.
const FILES_PER_RUN: usize = 500;

/// The findings in one file, or why the file was not checked.
pub(super) type FileResult = Result<Vec<Finding>, String>;

#[derive(Debug)]
pub(super) struct Deadnix {
    program: Program,
}

/// One line of its output: a file with findings.
#[derive(Deserialize)]
struct File {
    file: PathBuf,
    results: Vec<Unused>,
}

#[derive(Deserialize)]
struct Unused {
    message: String,
    /// Missing if it cannot read or parse the file; the exit status is 0 then, too.
    line: Option<usize>,
    column: Option<usize>,
    #[serde(rename = "endColumn")]
    end_column: Option<usize>,
}

/// Finds the program and its version, or returns why it cannot be used.
pub(super) fn recognise(given: Option<&Path>, limit: Duration) -> Result<Deadnix, String> {
    let mut program = Program::find(engine::DEADNIX, given, limit)?;
    let help = program.output_of(&["--help"])?;
    if !help.contains("--output-format") || !help.contains("json") {
        return Err(program.wrong_program());
    }
    let version = program.output_of(&["--version"]).unwrap_or_default();
    program.version = version.strip_prefix("deadnix ").map(|version| version.trim().to_owned());
    Ok(Deadnix { program })
}

impl Deadnix {
    pub(super) fn engine(&self) -> Engine {
        Engine { name: engine::DEADNIX, version: self.program.version.clone() }
    }

    /// Checks files; returns one answer per file. deadnix reads only files, so the texts are written to temporary ones.
    pub(super) fn check(&self, files: &[(usize, &Path, &str)]) -> Vec<FileResult> {
        let answers = |files: &[(usize, &Path, &str)]| {
            self.check_chunk(files).unwrap_or_else(|why| files.iter().map(|_| Err(why.clone())).collect())
        };
        files.chunks(FILES_PER_RUN).flat_map(answers).collect()
    }

    fn check_chunk(&self, files: &[(usize, &Path, &str)]) -> Result<Vec<FileResult>, String> {
        let folder = Folder::make();
        let folder = folder.map_err(|error| format!("could not write its input files: {error}"))?;
        let names = write(&folder, files).map_err(|error| format!("could not write its input files: {error}"))?;
        let cmd = Cmd::new(&self.program.path).args(["--output-format", "json", "--"]).args(&names);
        let output = within(cmd.cwd(folder.path()).env("NO_COLOR", "1"), self.program.limit);
        let mut found = judge(&output.map_err(|error| error.to_string())?)?;
        let answers = files.iter().zip(&names).map(|((_, path, text), name)| {
            found.remove(name).map_or_else(|| Ok(Vec::new()), |unused| findings(path, text, &unused))
        });
        let answers = answers.collect();
        if found.is_empty() { Ok(answers) } else { Err("it reported files that it was not given".to_owned()) }
    }
}

fn write(folder: &Folder, files: &[(usize, &Path, &str)]) -> std::io::Result<Vec<PathBuf>> {
    let write = |(i, (_, _, text)): (usize, &(usize, &Path, &str))| {
        let path = folder.path().join(format!("{i}.nix"));
        fs::write(&path, text).map(|()| path)
    };
    files.iter().enumerate().map(write).collect()
}

/// Parses its output, by file. The exit status is 0 with and without findings.
fn judge(output: &Output) -> Result<HashMap<PathBuf, Vec<Unused>>, String> {
    let stderr = output.error_text();
    if !stderr.is_empty() {
        return Err(format!("it printed `{}`", stderr.lines().next().unwrap_or_default()));
    }
    if !output.status.success() {
        return Err(format!("it ended with {}", output.status));
    }
    let mut found: HashMap<PathBuf, Vec<Unused>> = HashMap::new();
    for file in serde_json::Deserializer::from_slice(&output.stdout).into_iter::<File>() {
        let file = file.map_err(|error| format!("its output was not understood: {error}"))?;
        found.entry(file.file).or_default().extend(file.results);
    }
    Ok(found)
}

fn findings(path: &Path, text: &str, unused: &[Unused]) -> FileResult {
    let lines = Lines::of(text);
    let finding = |unused: &Unused| {
        let (Some(line @ 1..), Some(column @ 1..)) = (unused.line, unused.column) else {
            return Err(format!("it printed `{}`", unused.message.lines().next().unwrap_or_default()));
        };
        let at = (line, lines.column(line, column));
        let finding = Finding::at(path, at, Severity::Warning, codes::DEAD_CODE, &unused.message, engine::DEADNIX);
        let end = unused.end_column.map(|column| (line, lines.column(line, column)));
        Ok(Finding { end, ..finding })
    };
    unused.iter().map(finding).collect()
}
