//! Refs: listing them by prefix, and moving several in one transaction that states what it expects.
//!
//! Writing goes through one `git update-ref --stdin`: gix would not see a clash of `a` with `a/b` in packed-refs, runs no
//! reference-transaction hook, does no fsync, and cannot write reftables.

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

/// What is to become of a ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The full name.
    pub name: String,
    /// What it must be before; `None`: it must not exist.
    pub old: Option<Oid>,
    /// What it is to be; `None`: it is deleted. The same as before: it must not move.
    pub new: Option<Oid>,
}

/// Changes that happen together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// The reflog's message.
    pub message: String,
    /// The changes.
    pub changes: Vec<Change>,
}

/// Whether a folder holds more than `most` files and folders, at any depth.
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
    /// The refs whose full names begin with one of `prefixes`, which end in `/`.
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

    /// The refs whose full names begin with `prefix`, unless there are more than `most`: then `None`, and hardly more were looked at.
    ///
    /// # Errors
    /// When the ref store cannot be read at all.
    pub fn list_few_refs(&self, prefix: &str, most: usize) -> Result<Option<Listing>> {
        if self.format == RefFormat::Reftable {
            return self.git.list_few_refs(prefix, most);
        }
        // gix reads a folder whole, to sort it, before it gives the first ref.
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

    /// What the ref of this full name points at.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn find_ref(&self, name: &str) -> Result<Option<Oid>> {
        if self.format == RefFormat::Reftable {
            return self.git.find_ref(name);
        }
        let found = self.gix.try_find_reference(name).map_err(reading(format!("`{name}`")))?;
        // `try_find_reference` also tries refs/heads/NAME and its like.
        let Some(mut found) = found.filter(|found| found.name().as_bstr() == name) else { return Ok(None) };
        found.follow_to_object().map(|id| Some(id.detach())).map_err(reading(format!("`{name}`")))
    }

    /// Where a branch is here.
    ///
    /// # Errors
    /// When its ref is there and cannot be read.
    pub fn branch_tip(&self, branch: &BranchName) -> Result<Option<Oid>> {
        self.find_ref(&branch.full_ref())
    }

    /// Where a branch of `remote` was at the last fetch.
    ///
    /// # Errors
    /// When its ref is there and cannot be read.
    pub fn tracking_tip(&self, branch: &BranchName, remote: &str) -> Result<Option<Oid>> {
        self.find_ref(&branch.tracking(remote))
    }

    /// Where a branch is: here, else on `remote` as last fetched.
    ///
    /// # Errors
    /// When its ref is there and cannot be read.
    pub fn tip_of(&self, branch: &BranchName, remote: Option<&str>) -> Result<Option<Oid>> {
        if let Some(tip) = self.branch_tip(branch)? {
            return Ok(Some(tip));
        }
        remote.map_or(Ok(None), |remote| self.tracking_tip(branch, remote))
    }

    /// What the symbolic ref of this full name leads to, as a full name; `None` when there is none.
    ///
    /// # Errors
    /// When it is there and cannot be read.
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

    /// Applies a transaction that is no operation of the journal.
    ///
    /// # Errors
    /// [`Error::Ref`], naming the ref and whether another process was first.
    pub fn apply(&self, Transaction { message, changes }: &Transaction) -> Result<()> {
        let update = self.begin_update(message)?;
        let names = changes.iter().map(|change| change.name.clone()).collect();
        let moves = Moves { names, deletes: changes.iter().any(|change| change.new.is_none()) };
        judged(self.git.during(&Work::Move(moves), || update.finish(changes)))
    }

    /// Starts the git that will move refs, with the reflog's message; it changes nothing until [`Update::commit`].
    ///
    /// # Errors
    /// When git cannot be started.
    pub fn begin_update(&self, message: &str) -> Result<Update> {
        let args = ["update-ref", "--no-deref", "-m", message, "--create-reflog", "--stdin", "-z"];
        Ok(Update { git: self.git.read().args(args).begin()?, null: Oid::null(self.gix.object_hash()) })
    }

    /// The newest lines of a ref's reflog: old id, new id, message; newest first.
    ///
    /// # Errors
    /// When the reflog is there and cannot be read.
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

/// A `git update-ref` that waits for its transaction.
pub struct Update {
    git: process::Begun,
    null: Oid,
}

impl Update {
    /// The process id of git.
    pub fn id(&self) -> u32 {
        self.git.id()
    }

    /// Makes the changes, all or none.
    ///
    /// # Errors
    /// [`Error::Ref`], [`Error::Locked`] and [`Error::Unwritten`] when git refused before it had moved anything; [`Error::Exe`] when it ended otherwise:
    /// then some refs may have moved, and locks may be left.
    pub fn commit(self, changes: &[Change]) -> Result<()> {
        judged(self.finish(changes))
    }

    fn finish(self, changes: &[Change]) -> process::Result<Output> {
        let lines: String = changes.iter().map(|change| line(change, self.null)).collect();
        self.git.finish(format!("start\0{lines}prepare\0commit\0").as_bytes())
    }
}

fn judged(ended: process::Result<Output>) -> Result<()> {
    match ended {
        Ok(_) => Ok(()),
        // git answers each command once it is done.
        Err(process::Error::Failed { stdout, stderr, status, .. })
            if status.code().is_some() && !stdout.contains_str("prepare: ok") =>
        {
            Err(refused(&String::from_utf8_lossy(&stderr)))
        }
        Err(error) => Err(error.into()),
    }
}

/// One command of `update-ref --stdin -z`; a null id stands for a ref that is not there.
fn line(Change { name, old, new }: &Change, null: Oid) -> String {
    match (new, old) {
        (Some(new), Some(old)) if new == old => format!("verify {name}\0{old}\0"),
        (Some(new), old) => format!("update {name}\0{new}\0{}\0", old.unwrap_or(null)),
        (None, Some(old)) => format!("delete {name}\0{old}\0"),
        (None, None) => format!("verify {name}\0{null}\0"),
    }
}

/// How git words it that a file cannot be written; the first gives no reason.
const UNWRITTEN: [&str; 5] =
    ["couldn't write", "No space left on device", "quota exceeded", "Read-only file system", "Permission denied"];

/// The end of a file of lines: enough for the last `most` of them, none of which has more than a kilobyte of its own.
fn tail_of(path: &Path, most: usize) -> std::io::Result<Vec<u8>> {
    let mut file = std::fs::File::open(path)?;
    let room = u64::try_from(most).unwrap_or(u64::MAX).saturating_mul(1024);
    let start = file.metadata()?.len().saturating_sub(room);
    file.seek(SeekFrom::Start(start))?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    if start > 0 {
        // The first line is not whole.
        let first = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |end| end + 1);
        text.drain(..first);
    }
    Ok(text)
}

/// The kinds of refusal of `git update-ref`, told apart by its English messages (refs.c, refs/files-backend.c).
fn refused(stderr: &str) -> Error {
    let text = stderr.trim().trim_start_matches("fatal: ").trim_start_matches("prepare: ");
    let Some(name) = text.split('\'').nth(1).map(str::to_owned) else {
        let (name, why) = ("git update-ref".to_owned(), format!("said: {}", text.replace('\n', ", ")));
        return Error::Ref { name, why, raced: false };
    };
    if let Some(lock) = lock_file(text) {
        return Error::Locked { name, age: age(&lock), lock };
    }
    if UNWRITTEN.iter().any(|words| text.contains(words)) {
        return Error::Unwritten { name, why: text.replace('\n', ", ") };
    }
    let raced = text.contains("reference already exists") || text.contains("but expected")
        // A collection of garbage took the object before a ref led to it: made again, it is there.
        || text.contains("nonexistent object");
    let why = if raced { "was moved by somebody else at the same time".to_owned() } else { text.replace('\n', ", ") };
    Error::Ref { name, why, raced }
}

/// The lock that is in git's way: `Unable to create 'PATH': File exists` (lockfile.c).
pub fn lock_file(text: &str) -> Option<PathBuf> {
    let (_, rest) = text.split_once("Unable to create '")?;
    rest.split_once("': File exists").map(|(path, _)| path.into())
}

/// How old a file is, for people.
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
    fn the_end_of_a_long_file_begins_with_a_whole_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let lines = format!("{:>99}\n", "x").repeat(1000);
        std::fs::write(file.path(), &lines).unwrap();
        let text = String::from_utf8(tail_of(file.path(), 3).unwrap()).unwrap();
        assert!(lines.ends_with(&text) && text.len() == 3000 && text.starts_with(' '), "{}", text.len());
        assert_eq!(tail_of(file.path(), 1000).unwrap(), lines.as_bytes());
    }

    #[test]
    fn a_lock_is_named() {
        let said = refused(
            "fatal: prepare: cannot lock ref 'refs/heads/a': Unable to create '/it's/a.lock': File exists.\n\nAnother git process",
        );
        assert!(
            matches!(&said, Error::Locked { name, lock, .. } if name == "refs/heads/a" && lock == Path::new("/it's/a.lock")),
            "{said}"
        );
    }

    #[test]
    fn a_full_disk_is_no_refusal() {
        for said in ["couldn't write '/a.lock'", "Unable to create '/a.lock': Read-only file system"] {
            let said = refused(&format!("fatal: prepare: cannot update ref 'refs/heads/a': {said}"));
            assert!(matches!(&said, Error::Unwritten { name, .. } if name == "refs/heads/a"), "{said}");
        }
    }

    #[test]
    fn a_lost_race_is_told_from_other_refusals() {
        let raced = |text: &str| matches!(refused(text), Error::Ref { raced: true, .. });
        assert!(raced("fatal: prepare: cannot lock ref 'refs/heads/a': reference already exists"));
        assert!(raced("fatal: prepare: cannot lock ref 'refs/heads/a': is at 1 but expected 2"));
        assert!(!raced(
            "fatal: prepare: cannot lock ref 'refs/heads/a': 'refs/heads/a/b' exists; cannot create 'refs/heads/a'"
        ));
    }
}
