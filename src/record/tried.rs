//! The results of the last trial that ran a builder. They are no records; the build of the same content, which finds the output in the
//! store, takes over when and how it was built.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::{Record, line};
use crate::git::Repo;
use crate::temporary;

/// Remembers results instead of those of the trial before. Write failures are ignored: then a record lacks these details.
pub fn remember(repo: &Repo, results: &[Record]) {
    let lines: Vec<u8> = results.iter().flat_map(line::of).collect();
    let file = file(repo);
    let write = || -> io::Result<()> {
        let folder = file.parent().unwrap_or(&file);
        repo.shared().create_dir_all(folder)?;
        temporary::sweep(folder);
        temporary::replace(&file, |new| {
            repo.shared().open(OpenOptions::new().create_new(true).write(true), new)?.write_all(&lines)
        })
    };
    write().ok();
}

/// The result with the same content, derivation and outputs, if the last trial has one.
pub fn find(repo: &Repo, like: &Record) -> Option<Record> {
    let bytes = fs::read(file(repo)).ok()?;
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut results = lines.filter_map(|line| line::read(like.key, line).ok());
    results.find(|it| {
        it.point == like.point && it.system == like.system && it.drv == like.drv && it.outputs == like.outputs
    })
}

fn file(repo: &Repo) -> PathBuf {
    repo.common_dir().join("lattice").join("tried")
}
