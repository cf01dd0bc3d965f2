//! Records that could not be written to the notes, kept in files until they can.
//!
//! Each failed write leaves a file of lines in `lattice/records` in the common dir. The next command that records adds them to the
//! notes under a lock. A line that the note already has is skipped: a killed process wrote it and did not remove the file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::store::{self, random_name};
use super::{Record, line};
use crate::git::{Repo, Result};
use crate::{lock, temporary};

const ENDING: &str = "jsonl";
const LOCK: &str = "lock";
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// The result of writing records.
#[derive(Debug)]
pub enum Recorded {
    /// They are in the notes.
    InNotes,
    /// They are kept in a file until they can be written.
    Kept {
        /// The file.
        file: PathBuf,
        /// Why the notes could not be written.
        why: String,
    },
}

/// The records could neither be written to the notes nor kept in a file.
#[derive(Debug, thiserror::Error)]
#[error("could not record the result or save it in `{}` ({kept}); the record is: {lines}", file.display())]
pub struct SaveError {
    /// The records, one line each.
    pub lines: String,
    /// The file that could not be written.
    pub file: PathBuf,
    kept: io::Error,
    source: Box<crate::git::Error>,
}

impl SaveError {
    /// Returns what the user can do about it.
    pub fn hint(&self) -> String {
        format!("write the line that begins with `{{` into `{}`: the next build records it", self.file.display())
    }
}

/// Appends records to the notes on their keys under this clone's ref, after records that were kept earlier. Keeps them in a file if
/// the notes cannot be written.
///
/// # Errors
/// When they cannot be kept either.
pub fn append(repo: &Repo, records: &[Record]) -> std::result::Result<Recorded, SaveError> {
    flush(repo)
        .and_then(|_| store::write(repo, records))
        .map_or_else(|source| keep(repo, records, source), |()| Ok(Recorded::InNotes))
}

/// Writes records to a new file.
fn keep(repo: &Repo, records: &[Record], source: crate::git::Error) -> std::result::Result<Recorded, SaveError> {
    let lines: Vec<u8> = records.iter().flat_map(line::of).collect();
    let file = folder(repo).join(format!("{}.{ENDING}", random_name()));
    match write(repo, &file, &lines) {
        Ok(()) => Ok(Recorded::Kept { file, why: chain(&source) }),
        Err(kept) => {
            let lines = String::from_utf8_lossy(&lines).trim_end().to_owned();
            Err(SaveError { lines, file, kept, source: Box::new(source) })
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}

/// Writes a file atomically and syncs it to disk.
fn write(repo: &Repo, path: &Path, lines: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    repo.shared().create_dir_all(folder)?;
    temporary::sweep(folder);
    temporary::replace(path, |new| {
        let mut file = repo.shared().open(OpenOptions::new().create_new(true).write(true), new)?;
        file.write_all(lines)?;
        file.sync_all()
    })
}

/// Moves kept records into the notes; returns how many were written.
///
/// # Errors
/// When they cannot be written; they stay in their files.
pub fn flush(repo: &Repo) -> Result<usize> {
    if files(repo).is_empty() {
        return Ok(0);
    }
    let Some(_held) = try_lock(repo) else { return Ok(0) };
    let mut written = 0;
    for file in files(repo) {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let records: Option<Vec<Record>> = text.lines().map(line::read_kept).collect();
        // Leave a file with an invalid line as it is: its user can repair it.
        let Some(records) = records else { continue };
        let mut new = Vec::new();
        for record in records {
            if !is_there(repo, &record)? {
                new.push(record);
            }
        }
        if !new.is_empty() {
            store::write(repo, &new)?;
        }
        written += new.len();
        fs::remove_file(&file).ok();
    }
    Ok(written)
}

/// Returns whether this clone's notes already have exactly this record.
fn is_there(repo: &Repo, record: &Record) -> Result<bool> {
    let Some(writer) = store::known_writer(repo)? else { return Ok(false) };
    let Some(notes) = repo.find_ref(&format!("{}{writer}", store::NOTES))? else { return Ok(false) };
    let Some(blob) = repo.note(notes, record.key)? else { return Ok(false) };
    let (text, line) = (repo.blob(blob)?, line::of(record));
    Ok(text.split(|byte| *byte == b'\n').any(|there| there == line.trim_ascii_end()))
}

/// Takes the lock; `None` if another process holds it.
fn try_lock(repo: &Repo) -> Option<File> {
    let path = folder(repo).join(LOCK);
    let file = repo.shared().open(OpenOptions::new().create(true).truncate(false).write(true), &path).ok()?;
    lock::acquire(file, &path, LOCK_TIMEOUT).ok()
}

fn files(repo: &Repo) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(repo)).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == ENDING)).collect()
}

fn folder(repo: &Repo) -> PathBuf {
    repo.common_dir().join("lattice").join("records")
}
