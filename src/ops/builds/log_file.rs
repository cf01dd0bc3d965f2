//! The log of one build: all of it in a file, the last lines in memory. Those of a failed build are also in a file of their own, for
//! a process that waits for its result.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::git::Shared;
use crate::nix::{Event, StorePath};

/// How many of the last lines are shown when a build fails.
const TAIL: usize = 10;
/// The maximum length of each of these lines, in characters.
const WIDTH: usize = 500;
/// How many bytes of a log are searched for its last line.
const END: u64 = 4096;

/// A log being written. Thousands may exist at once, so the file is open only between the first line and `close`.
pub(super) struct Log {
    path: PathBuf,
    file: Option<File>,
    /// The last text in the file.
    last: String,
    tail: Tail,
}

/// The last lines of a text, cut for the terminal.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail(VecDeque<String>);

impl Tail {
    pub(super) fn add(&mut self, text: &str) {
        self.0.extend(text.lines().map(shortened));
        self.0.drain(..self.0.len().saturating_sub(TAIL));
    }
}

impl Log {
    /// Creates an empty log file.
    pub(super) fn create(path: PathBuf, shared: Shared) -> Result<Self> {
        make_parent(&path, shared)?;
        shared.write(&path, b"").with_context(|| format!("could not write `{}`", path.display()))?;
        std::fs::remove_file(tail_path(&path)).ok();
        Ok(Self { path, file: None, last: String::new(), tail: Tail::default() })
    }

    /// Writes the text of an event.
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::BuildStarted { drv, machine, .. } => {
                let place = machine.as_ref().map(|machine| format!(" on {machine}")).unwrap_or_default();
                self.keep(&format!("building {drv}{place}"));
            }
            Event::LogLine { text, .. } | Event::Plain(text) => self.line(text),
            Event::Message { text, level, .. } if *level <= 3 => self.keep(text),
            _ => {}
        }
    }

    /// Writes output of the builder; its last lines are shown when the build fails.
    pub(super) fn line(&mut self, text: &str) {
        self.keep(text);
        self.tail.add(text);
    }

    /// Takes the last lines from the builder that failed. With `elsewhere`, the derivation of another build, whose log has them, this
    /// log gets them too.
    pub(super) fn end_with(&mut self, tail: Tail, elsewhere: Option<&StorePath>) {
        if let Some(drv) = elsewhere {
            self.keep(&format!("the last lines of {drv}:"));
            tail.0.iter().for_each(|line| self.keep(line));
        }
        self.tail = tail;
    }

    /// Writes why the build failed, unless Nix has said the same at the end. `shown` is the part that is shown after the last lines.
    pub(super) fn failed(&mut self, why: &str, shown: &str) {
        if !self.last.trim_end().ends_with(why.trim_end()) {
            self.keep(why);
        }
        self.tail.add(shown);
    }

    /// Writes that `output` existed already, if the log is still empty.
    pub(super) fn was_there(&mut self, output: &str) {
        if std::fs::metadata(&self.path).is_ok_and(|log| log.len() == 0) {
            self.keep(&format!("nothing was built: {output} already exists"));
        }
    }

    /// Appends to the file. Write errors are ignored: they must not stop a build that may run for days.
    fn keep(&mut self, text: &str) {
        text.clone_into(&mut self.last);
        if self.file.is_none() {
            self.file = OpenOptions::new().append(true).open(&self.path).ok();
        }
        if let Some(file) = &mut self.file {
            writeln!(file, "{text}").ok();
        }
    }

    /// Closes the file; returns its path and the last lines. A later line opens the file again.
    pub(super) fn close(&mut self) -> (PathBuf, Vec<String>) {
        self.file = None;
        (self.path.clone(), std::mem::take(&mut self.tail).0.into())
    }
}

/// Keeps the last lines of a failed build beside its log. Write errors are ignored: the log has these lines too.
pub(super) fn keep_tail(log: &Path, tail: &[String], shared: Shared) {
    let path = tail_path(log);
    if !tail.is_empty() && make_parent(&path, shared).is_ok() {
        shared.write(&path, tail.join("\n").as_bytes()).ok();
    }
}

/// The last lines of a failed build, if this clone has them.
pub(super) fn kept_tail(log: &Path) -> Vec<String> {
    let text = std::fs::read(tail_path(log)).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
}

fn tail_path(log: &Path) -> PathBuf {
    log.with_file_name("tail").join(log.file_name().unwrap_or_default())
}

/// The last line of a log that is being written; empty if there is none.
pub fn last_line(path: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let end = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(end.saturating_sub(END)))?;
        let mut bytes = Vec::new();
        file.take(END).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
}

/// Cuts a line for the terminal: the whole log may be a single line.
fn shortened(line: &str) -> String {
    match line.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{} ...", &line[..end]),
        None => line.to_owned(),
    }
}

/// Creates the parent directory of a file.
pub(super) fn make_parent(path: &Path, shared: Shared) -> Result<()> {
    let dir = path.parent().unwrap_or(path);
    shared.create_dir_all(dir).with_context(|| format!("could not make `{}`", dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Event {
        Event::Message { level: 3, text: text.to_owned(), brief: None }
    }

    #[test]
    fn cuts_long_lines_only_for_the_terminal() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::create(dir.path().join("log"), Shared::Umask).unwrap();
        log.note(&message("one will be built"));
        log.line(&"é".repeat(20_000));
        log.was_there("/nix/store/x");
        let (path, tail) = log.close();
        let whole = std::fs::read_to_string(path).unwrap();
        assert_eq!(whole, format!("one will be built\n{}\n", "é".repeat(20_000)));
        assert_eq!(tail, [format!("{} ...", "é".repeat(WIDTH))]);
    }

    #[test]
    fn writes_a_failure_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::create(dir.path().join("log"), Shared::Umask).unwrap();
        log.note(&message("error: broken"));
        log.failed("error: broken\n", "error: broken\n");
        let (path, tail) = log.close();
        assert_eq!(
            (std::fs::read_to_string(&path).unwrap().as_str(), tail.as_slice()),
            ("error: broken\n", &["error: broken".to_owned()][..])
        );
        log.failed("another", "");
        assert_eq!(log.close().1, [""; 0]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "error: broken\nanother\n");
    }

    #[test]
    fn finds_the_last_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        assert_eq!(last_line(&path), "");
        std::fs::write(&path, format!("{}\nlast\n \n", "x".repeat(10_000))).unwrap();
        assert_eq!(last_line(&path), "last");
    }

    #[test]
    fn notes_that_the_output_existed() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::create(dir.path().join("log"), Shared::Umask).unwrap();
        log.was_there("/nix/store/x");
        let (path, _) = log.close();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "nothing was built: /nix/store/x already exists\n");
    }
}
