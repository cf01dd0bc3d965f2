//! The locks that a killed git left: which they are, and whether they are its own.
//!
//! A git that moves refs holds `NAME.lock` for each, with the new id in it; deleting one also takes `packed-refs.lock`, and reftables
//! have one lock for all, and one for each table while they are put together (refs/files-backend.c, refs/packed-backend.c,
//! reftable/stack.c). SIGKILL leaves them, and then every later git is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::repo::RefFormat;
use super::{Change, Oid, Repo, parse_oid};
use crate::process::proc;

/// A lock without content says nothing of its owner: one that is younger may be of a git at work.
pub(super) const SETTLED: Duration = Duration::from_secs(1);
/// File systems keep times less exactly than clocks do.
pub(super) const SLACK: Duration = Duration::from_secs(2);

/// A file that a git would have held for a transaction.
struct Candidate {
    path: PathBuf,
    /// What is in it; `None`: it stays empty, or anything is.
    content: Option<Oid>,
    /// Whether it is a lock for other refs too.
    is_shared: bool,
}

impl Repo {
    /// Removes the locks that a git left which began these changes at `since` and is known to have ended. A lock that may be another
    /// process' stays.
    pub fn remove_dead_locks(&self, changes: &[Change], since: SystemTime) {
        for candidate in self.candidates(changes) {
            if self.is_dead(&candidate, since) {
                fs::remove_file(&candidate.path).ok();
                // What was being written under the lock.
                if candidate.path.ends_with("packed-refs.lock") {
                    fs::remove_file(candidate.path.with_extension("new")).ok();
                }
            }
        }
    }

    fn candidates(&self, changes: &[Change]) -> Vec<Candidate> {
        let dir = self.common_dir();
        let shared = |path: &str| Candidate { path: dir.join(path), content: None, is_shared: true };
        if self.format == RefFormat::Reftable {
            let files = self.unwritten_tables().into_iter();
            return files.map(|path| Candidate { path, content: None, is_shared: true }).collect();
        }
        let lock = |change: &Change| Candidate {
            path: dir.join(format!("{}.lock", change.name)),
            content: change.new,
            is_shared: false,
        };
        let packed = changes.iter().any(|change| change.new.is_none()).then(|| shared("packed-refs.lock"));
        changes.iter().map(lock).chain(packed).chain(self.head_locks(changes)).collect()
    }

    /// A ref that a HEAD leads to is moved under that one's lock too, since it has a log of its own (refs/files-backend.c).
    fn head_locks(&self, changes: &[Change]) -> Vec<Candidate> {
        let linked = fs::read_dir(self.common_dir().join("worktrees")).into_iter().flatten().flatten();
        let dirs = linked.map(|entry| entry.path()).chain([self.common_dir().to_owned()]);
        let is_moved = |dir: &PathBuf| {
            let head = fs::read_to_string(dir.join("HEAD")).unwrap_or_default();
            let target = head.strip_prefix("ref: ").unwrap_or_default().trim_end();
            changes.iter().any(|change| change.name == target)
        };
        let lock = |dir: PathBuf| Candidate { path: dir.join("HEAD.lock"), content: None, is_shared: true };
        dirs.filter(is_moved).map(lock).collect()
    }

    fn is_dead(&self, candidate: &Candidate, since: SystemTime) -> bool {
        let Some(made) = modified(&candidate.path).filter(|made| *made + SLACK >= since) else { return false };
        let Ok(bytes) = fs::read(&candidate.path) else { return false };
        let written = str::from_utf8(&bytes).ok().and_then(|text| parse_oid(text.trim_end()).ok());
        if !candidate.is_shared && written.is_some() {
            return written == candidate.content;
        }
        if !candidate.is_shared && !bytes.is_empty() {
            return false;
        }
        let age = made.elapsed().unwrap_or_default();
        std::thread::sleep(SETTLED.saturating_sub(age));
        modified(&candidate.path) == Some(made) && self.is_quiet()
    }

    /// Whether no git is at work here, but for those that wait for this process.
    pub(super) fn is_quiet(&self) -> bool {
        let Some(Ok(processes)) = proc::folder().map(fs::read_dir) else { return false };
        let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let ours = ancestors();
        let is_here = |pid: u32| match fs::read_link(format!("/proc/{pid}/cwd")) {
            Ok(cwd) => self.surrounds(&cwd),
            // A process of another user does not say where it works; one that has ended since works nowhere.
            Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
        };
        let is_git = |pid: u32| stat(pid).is_some_and(|(name, _)| name == "git" || name.starts_with("git-remote"));
        !pids.into_iter().any(|pid| !ours.contains(&pid) && is_git(pid) && is_here(pid))
    }
}

pub(super) fn modified(path: &Path) -> Option<SystemTime> {
    fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?.modified().ok()
}

/// This process and those that wait for it: `git lattice` is started by a git.
fn ancestors() -> Vec<u32> {
    let mut found = vec![std::process::id()];
    while let Some((_, parent)) = found.last().and_then(|pid| stat(*pid)) {
        if parent == 0 || found.contains(&parent) {
            break;
        }
        found.push(parent);
    }
    found
}

/// The name and the parent of a process that runs (`proc_pid_stat`(5)).
fn stat(pid: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (head, tail) = stat.rsplit_once(')')?;
    let mut fields = tail.split_whitespace();
    fields.next().filter(|state| !matches!(*state, "Z" | "X"))?;
    Some((head.split_once('(')?.1.to_owned(), fields.next()?.parse().ok()?))
}
