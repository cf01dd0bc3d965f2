//! The log of one build: the whole in a file, its last lines at hand.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::nix::Event;

/// How many of a failing log's last lines are shown.
const TAIL: usize = 10;

/// A log that is written. The file is open only while there is something to write: there may be thousands.
pub(super) struct Log {
    path: PathBuf,
    file: Option<File>,
    tail: VecDeque<String>,
}

impl Log {
    /// Begins an empty one.
    pub(super) fn create(path: PathBuf) -> Result<Self> {
        make_parent(&path)?;
        File::create(&path).with_context(|| format!("could not write `{}`", path.display()))?;
        Ok(Self { path, file: None, tail: VecDeque::new() })
    }

    /// Writes down what an event says to people.
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

    /// A line of the builder's own, to be shown when it fails.
    pub(super) fn line(&mut self, text: &str) {
        self.keep(text);
        for line in text.lines() {
            self.tail.push_back(line.to_owned());
        }
        while self.tail.len() > TAIL {
            self.tail.pop_front();
        }
    }

    /// A log that cannot be written is no reason to stop a build of two days.
    fn keep(&mut self, text: &str) {
        if self.file.is_none() {
            self.file = OpenOptions::new().append(true).open(&self.path).ok();
        }
        if let Some(file) = &mut self.file {
            writeln!(file, "{text}").ok();
        }
    }

    /// Closes the file, which a late line opens again: where it is, and its last lines.
    pub(super) fn close(&mut self) -> (PathBuf, Vec<String>) {
        self.file = None;
        (self.path.clone(), std::mem::take(&mut self.tail).into())
    }
}

/// Makes the directory that a file is to be in.
pub(super) fn make_parent(path: &Path) -> Result<()> {
    let dir = path.parent().unwrap_or(path);
    std::fs::create_dir_all(dir).with_context(|| format!("could not make `{}`", dir.display()))
}
