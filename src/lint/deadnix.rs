//! deadnix, where it is installed: names that are bound and never used. One process looks at many files.

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

/// So many files a process: their names fit on any command line.
const AT_ONCE: usize = 500;

/// What it says about one file, or why that is no answer.
pub(super) type Answer = Result<Vec<Finding>, String>;

#[derive(Debug)]
pub(super) struct Deadnix {
    program: Program,
}

/// One line of its output: a file that has something.
#[derive(Deserialize)]
struct File {
    file: PathBuf,
    results: Vec<Unused>,
}

#[derive(Deserialize)]
struct Unused {
    message: String,
    /// It reports files that it could not read or parse as a message without a place, and leaves with 0.
    line: Option<usize>,
    column: Option<usize>,
    #[serde(rename = "endColumn")]
    end_column: Option<usize>,
}

/// The program and its version, or why there is none.
pub(super) fn recognise(given: Option<&Path>, limit: Duration) -> Result<Deadnix, String> {
    let mut program = Program::find(engine::DEADNIX, given, limit)?;
    let help = program.tell(&["--help"])?;
    if !help.contains("--output-format") || !help.contains("json") {
        return Err(program.stranger());
    }
    let version = program.tell(&["--version"]).unwrap_or_default();
    program.version = version.strip_prefix("deadnix ").map(|version| version.trim().to_owned());
    Ok(Deadnix { program })
}

impl Deadnix {
    pub(super) fn engine(&self) -> Engine {
        Engine { name: engine::DEADNIX, version: self.program.version.clone() }
    }

    /// An answer for each file. It reads files only, so that the bytes are put into some of our own.
    pub(super) fn look(&self, files: &[(usize, &Path, &str)]) -> Vec<Answer> {
        let answers = |files: &[(usize, &Path, &str)]| {
            self.some(files).unwrap_or_else(|why| files.iter().map(|_| Err(why.clone())).collect())
        };
        files.chunks(AT_ONCE).flat_map(answers).collect()
    }

    fn some(&self, files: &[(usize, &Path, &str)]) -> Result<Vec<Answer>, String> {
        let folder = Folder::make();
        let folder = folder.map_err(|error| format!("its files could not be written: {error}"))?;
        let names = write(&folder, files).map_err(|error| format!("its files could not be written: {error}"))?;
        let cmd = Cmd::new(&self.program.path).args(["--output-format", "json", "--"]).args(&names);
        let output = within(cmd.cwd(folder.path()).env("NO_COLOR", "1"), self.program.limit);
        let mut said = judge(&output.map_err(|error| error.to_string())?)?;
        let answers = files.iter().zip(&names).map(|((_, path, text), name)| {
            said.remove(name).map_or_else(|| Ok(Vec::new()), |unused| findings(path, text, &unused))
        });
        let answers = answers.collect();
        if said.is_empty() { Ok(answers) } else { Err("it speaks of files that it was not given".to_owned()) }
    }
}

fn write(folder: &Folder, files: &[(usize, &Path, &str)]) -> std::io::Result<Vec<PathBuf>> {
    let write = |(i, (_, _, text)): (usize, &(usize, &Path, &str))| {
        let path = folder.path().join(format!("{i}.nix"));
        fs::write(&path, text).map(|()| path)
    };
    files.iter().enumerate().map(write).collect()
}

/// What it said, file by file. It ends with 0 whatever it found.
fn judge(output: &Output) -> Result<HashMap<PathBuf, Vec<Unused>>, String> {
    let stderr = output.error_text();
    if !stderr.is_empty() {
        return Err(format!("it said `{}`", stderr.lines().next().unwrap_or_default()));
    }
    if !output.status.success() {
        return Err(format!("it ended with {}", output.status));
    }
    let mut said: HashMap<PathBuf, Vec<Unused>> = HashMap::new();
    for file in serde_json::Deserializer::from_slice(&output.stdout).into_iter::<File>() {
        let file = file.map_err(|error| format!("its output was not understood: {error}"))?;
        said.entry(file.file).or_default().extend(file.results);
    }
    Ok(said)
}

fn findings(path: &Path, text: &str, unused: &[Unused]) -> Answer {
    let lines = Lines::of(text);
    let finding = |unused: &Unused| {
        let (Some(line @ 1..), Some(column @ 1..)) = (unused.line, unused.column) else {
            return Err(format!("it said `{}`", unused.message.lines().next().unwrap_or_default()));
        };
        let at = (line, lines.column(line, column));
        let finding = Finding::at(path, at, Severity::Warning, codes::DEAD_CODE, &unused.message, engine::DEADNIX);
        let end = unused.end_column.map(|column| (line, lines.column(line, column)));
        Ok(Finding { end, ..finding })
    };
    unused.iter().map(finding).collect()
}
