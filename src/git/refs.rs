//! Refs: listing them by prefix, and updating several in one transaction with expected old values.
//!
//! Writes use one `git update-ref --stdin`: gix does not detect a conflict of `a` with `a/b` in packed-refs, does not run the
//! reference-transaction hook, does not fsync, and cannot write reftables.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gix::bstr::ByteSlice;

use super::effort::PROGRAM;
use super::listing::Listing;
use super::names::BranchName;
use super::repo::RefFormat;
use super::work::{Moves, Work};
use super::{Error, Oid, Repo, Result, doing, parse_oid, reading};
use crate::process::{self, Output};

/// An update of one ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The full name.
    pub name: String,
    /// The expected old value; `None` if it must not exist.
    pub old: Option<Oid>,
    /// The new value; `None` deletes the ref. A value equal to `old` only verifies it.
    pub new: Option<Oid>,
}

/// Ref updates that are applied atomically.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// The reflog message.
    pub message: String,
    /// The changes.
    pub changes: Vec<Change>,
}

/// Whether a directory contains more than `most` entries at any depth.
fn has_more_entries(folder: &Path, most: usize) -> bool {
    let (mut folders, mut seen) = (vec![folder.to_owned()], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            seen += 1;
            if seen > most {
                return true;
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    false
}

impl Repo {
    /// List the refs whose full names begin with one of `prefixes`, which end in `/`.
    ///
    /// # Errors
    /// When the ref store cannot be read at all.
    pub fn list_refs(&self, prefixes: &[String]) -> Result<Listing> {
        if self.format == RefFormat::Reftable {
            return self.git.list_refs(prefixes);
        }
        let mut listing = Listing::default();
        let platform = self.gix.references().map_err(doing("open the refs"))?;
        for prefix in prefixes {
            for item in platform.prefixed(prefix.as_str()).map_err(doing(format!("list `{prefix}`")))? {
                listing.take(item.map_err(|error| error.to_string()));
            }
        }
        listing.refs.sort();
        listing.refs.dedup();
        Ok(listing)
    }

    /// List the refs whose full names begin with `prefix`; `None` if there are more than `most`, without reading many more.
    ///
    /// # Errors
    /// When the ref store cannot be read at all.
    pub fn list_few_refs(&self, prefix: &str, most: usize) -> Result<Option<Listing>> {
        if self.format == RefFormat::Reftable {
            return self.git.list_few_refs(prefix, most);
        }
        // gix reads and sorts a whole directory before it returns the first ref.
        if has_more_entries(&self.common_dir().join(prefix), most) {
            return Ok(None);
        }
        let platform = self.gix.references().map_err(doing("open the refs"))?;
        let mut listing = Listing::default();
        for (i, item) in platform.prefixed(prefix).map_err(doing(format!("list `{prefix}`")))?.enumerate() {
            if i >= most {
                return Ok(None);
            }
            listing.take(item.map_err(|error| error.to_string()));
        }
        Ok(Some(listing))
    }

    /// Find the object id of the ref with this full name.
    ///
    /// # Errors
    /// When it exists and cannot be read.
    pub fn find_ref(&self, name: &str) -> Result<Option<Oid>> {
        if self.format == RefFormat::Reftable {
            return self.git.find_ref(name);
        }
        let found = self.gix.try_find_reference(name).map_err(reading(format!("`{name}`")))?;
        // `try_find_reference` also tries refs/heads/NAME and similar names.
        let Some(mut found) = found.filter(|found| found.name().as_bstr() == name) else { return Ok(None) };
        found.follow_to_object().map(|id| Some(id.detach())).map_err(reading(format!("`{name}`")))
    }

    /// The tip of a local branch.
    ///
    /// # Errors
    /// When its ref is there and cannot be read.
    pub fn branch_tip(&self, branch: &BranchName) -> Result<Option<Oid>> {
        self.find_ref(&branch.full_ref())
    }

    /// The tip of the remote-tracking branch of `remote`.
    ///
    /// # Errors
    /// When its ref is there and cannot be read.
    pub fn tracking_tip(&self, branch: &BranchName, remote: &str) -> Result<Option<Oid>> {
        self.find_ref(&branch.tracking(remote))
    }

    /// The tip of the local branch, else of the remote-tracking branch of `remote`.
    ///
    /// # Errors
    /// When its ref is there and cannot be read.
    pub fn tip_of(&self, branch: &BranchName, remote: Option<&str>) -> Result<Option<Oid>> {
        if let Some(tip) = self.branch_tip(branch)? {
            return Ok(Some(tip));
        }
        remote.map_or(Ok(None), |remote| self.tracking_tip(branch, remote))
    }

    /// The full name of a symbolic ref's target; `None` if it does not exist or is not symbolic.
    ///
    /// # Errors
    /// When it exists and cannot be read.
    pub fn symbolic_ref(&self, name: &str) -> Result<Option<String>> {
        if self.format == RefFormat::Reftable {
            return self.git.symbolic_ref(name);
        }
        let found = self.gix.try_find_reference(name).map_err(reading(format!("`{name}`")))?;
        let target = found
            .as_ref()
            .and_then(|found| found.target().try_name().map(|name| name.as_bstr().to_str_lossy().into_owned()));
        Ok(target)
    }

    /// Apply a transaction that is not part of a journal operation.
    ///
    /// # Errors
    /// [`Error::Ref`] with the ref and whether another process moved it first.
    pub fn apply(&self, Transaction { message, changes }: &Transaction) -> Result<()> {
        let update = self.begin_update(message)?;
        let names = changes.iter().map(|change| change.name.clone()).collect();
        let moves = Moves { names, deletes: changes.iter().any(|change| change.new.is_none()) };
        to_result(self.git.during(&Work::Move(moves), || update.finish(changes)))
    }

    /// Start the git process that will move refs; it changes nothing until [`Update::commit`].
    ///
    /// # Errors
    /// When git cannot be started.
    pub fn begin_update(&self, message: &str) -> Result<Update> {
        let args = ["update-ref", "--no-deref", "-m", message, "--create-reflog", "--stdin", "-z"];
        Ok(Update { git: self.git.read().args(args).spawn_with_open_stdin()?, null: Oid::null(self.gix.object_hash()) })
    }

    /// Read the last `most` entries of a ref's reflog, newest first: the new id and the message.
    ///
    /// # Errors
    /// When the reflog exists and cannot be read.
    pub fn reflog(&self, name: &str, most: usize) -> Result<Vec<(Oid, String)>> {
        if self.format == RefFormat::Reftable {
            self.effort.charge(PROGRAM)?;
            return self.git.reflog(name, most);
        }
        let path = self.common_dir().join("logs").join(name);
        let Ok(text) = tail_of(&path, most) else { return Ok(Vec::new()) };
        let parse = |line: &[u8]| {
            let line = line.to_str_lossy();
            let (head, message) = line.split_once('\t')?;
            Some((parse_oid(head.split(' ').nth(1)?).ok()?, message.to_owned()))
        };
        Ok(text.lines().rev().take(most).filter_map(parse).collect())
    }
}

/// A running `git update-ref` that waits for its transaction.
pub struct Update {
    git: process::PendingInput,
    null: Oid,
}

impl Update {
    /// The process id of git.
    pub fn id(&self) -> u32 {
        self.git.id()
    }

    /// Apply the changes atomically.
    ///
    /// # Errors
    /// [`Error::Ref`], [`Error::Locked`] and [`Error::Unwritten`] when git failed before it moved a ref. [`Error::Exe`] otherwise: then
    /// some refs may have moved, and locks may remain.
    pub fn commit(self, changes: &[Change]) -> Result<()> {
        to_result(self.finish(changes))
    }

    fn finish(self, changes: &[Change]) -> process::Result<Output> {
        let lines: String = changes.iter().map(|change| line(change, self.null)).collect();
        self.git.finish(format!("start\0{lines}prepare\0commit\0").as_bytes())
    }
}

fn to_result(ended: process::Result<Output>) -> Result<()> {
    match ended {
        Ok(_) => Ok(()),
        // git acknowledges each completed command.
        Err(process::Error::Failed { stdout, stderr, status, .. })
            if status.code().is_some() && !stdout.contains_str("prepare: ok") =>
        {
            Err(parse_refusal(&String::from_utf8_lossy(&stderr)))
        }
        Err(error) => Err(error.into()),
    }
}

/// One command of `update-ref --stdin -z`; a null id stands for a missing ref.
fn line(Change { name, old, new }: &Change, null: Oid) -> String {
    match (new, old) {
        (Some(new), Some(old)) if new == old => format!("verify {name}\0{old}\0"),
        (Some(new), old) => format!("update {name}\0{new}\0{}\0", old.unwrap_or(null)),
        (None, Some(old)) => format!("delete {name}\0{old}\0"),
        (None, None) => format!("verify {name}\0{null}\0"),
    }
}

/// git's messages for files that cannot be written; the first includes no reason.
const UNWRITTEN: [&str; 5] =
    ["couldn't write", "No space left on device", "quota exceeded", "Read-only file system", "Permission denied"];

/// Read the end of a file: enough for its last `most` lines if none is longer than one kilobyte.
fn tail_of(path: &Path, most: usize) -> std::io::Result<Vec<u8>> {
    let mut file = std::fs::File::open(path)?;
    let room = u64::try_from(most).unwrap_or(u64::MAX).saturating_mul(1024);
    let start = file.metadata()?.len().saturating_sub(room);
    file.seek(SeekFrom::Start(start))?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    if start > 0 {
        // The first line is incomplete.
        let first = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |end| end + 1);
        text.drain(..first);
    }
    Ok(text)
}

/// Parse an error of `git update-ref` from its English message (refs.c, refs/files-backend.c).
fn parse_refusal(stderr: &str) -> Error {
    let text = stderr.trim().trim_start_matches("fatal: ").trim_start_matches("prepare: ");
    let Some(name) = text.split('\'').nth(1).map(str::to_owned) else {
        let (name, why) = ("git update-ref".to_owned(), format!("failed: {}", text.replace('\n', ", ")));
        return Error::Ref { name, why, raced: false };
    };
    if let Some(lock) = lock_file(text) {
        return Error::Locked { name, age: age(&lock), lock };
    }
    if UNWRITTEN.iter().any(|words| text.contains(words)) {
        return Error::Unwritten { name, why: text.replace('\n', ", ") };
    }
    let raced = text.contains("reference already exists") || text.contains("but expected")
        // Garbage collection removed the object before a ref pointed to it; a retry writes it again.
        || text.contains("nonexistent object");
    let why = if raced { "was moved by another process at the same time".to_owned() } else { text.replace('\n', ", ") };
    Error::Ref { name, why, raced }
}

/// The lock file in an error of git: `Unable to create 'PATH': File exists` (lockfile.c).
pub fn lock_file(text: &str) -> Option<PathBuf> {
    let (_, rest) = text.split_once("Unable to create '")?;
    rest.split_once("': File exists").map(|(path, _)| path.into())
}

/// The age of a file, formatted.
fn age(path: &Path) -> String {
    let modified = std::fs::metadata(path).and_then(|meta| meta.modified());
    let seconds = modified.ok().and_then(|time| time.elapsed().ok()).unwrap_or(Duration::ZERO).as_secs();
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_begins_with_a_complete_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let lines = format!("{:>99}\n", "x").repeat(1000);
        std::fs::write(file.path(), &lines).unwrap();
        let text = String::from_utf8(tail_of(file.path(), 3).unwrap()).unwrap();
        assert!(lines.ends_with(&text) && text.len() == 3000 && text.starts_with(' '), "{}", text.len());
        assert_eq!(tail_of(file.path(), 1000).unwrap(), lines.as_bytes());
    }

    #[test]
    fn lock_file_is_parsed() {
        let error = parse_refusal(
            "fatal: prepare: cannot lock ref 'refs/heads/a': Unable to create '/it's/a.lock': File exists.\n\nAnother git process",
        );
        assert!(
            matches!(&error, Error::Locked { name, lock, .. } if name == "refs/heads/a" && lock == Path::new("/it's/a.lock")),
            "{error}"
        );
    }

    #[test]
    fn full_disk_is_unwritten() {
        for text in ["couldn't write '/a.lock'", "Unable to create '/a.lock': Read-only file system"] {
            let error = parse_refusal(&format!("fatal: prepare: cannot update ref 'refs/heads/a': {text}"));
            assert!(matches!(&error, Error::Unwritten { name, .. } if name == "refs/heads/a"), "{error}");
        }
    }

    #[test]
    fn lost_race_is_recognized() {
        let raced = |text: &str| matches!(parse_refusal(text), Error::Ref { raced: true, .. });
        assert!(raced("fatal: prepare: cannot lock ref 'refs/heads/a': reference already exists"));
        assert!(raced("fatal: prepare: cannot lock ref 'refs/heads/a': is at 1 but expected 2"));
        assert!(!raced(
            "fatal: prepare: cannot lock ref 'refs/heads/a': 'refs/heads/a/b' exists; cannot create 'refs/heads/a'"
        ));
    }
}
