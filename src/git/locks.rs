//! Stale locks of a killed git process: finding and removing them.
//!
//! A git that moves refs holds `NAME.lock` for each, which contains the new id; deleting a ref also needs `packed-refs.lock`.
//! Reftables have one lock for all, and one for each table during compaction (refs/files-backend.c, refs/packed-backend.c,
//! reftable/stack.c). They survive SIGKILL, and every later git command fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::repo::RefFormat;
use super::{Change, Oid, Repo, parse_oid};
use crate::process::proc;

/// An empty lock does not identify its owner; a younger one may belong to a running git.
pub(super) const MIN_LOCK_AGE: Duration = Duration::from_secs(1);
/// Tolerance for file times, which are less exact than the clock.
pub(super) const CLOCK_TOLERANCE: Duration = Duration::from_secs(2);

/// A lock file that a git transaction creates.
struct Candidate {
    path: PathBuf,
    /// The id in it; `None` if the lock stays empty or its content is unknown.
    content: Option<Oid>,
    /// Whether it locks other refs too.
    is_shared: bool,
}

impl Repo {
    /// Remove the locks left by a git that started these changes at `since` and is known to have ended. A lock that may belong to
    /// another process is kept.
    pub fn remove_stale_locks(&self, changes: &[Change], since: SystemTime) {
        for candidate in self.candidates(changes) {
            if self.is_stale(&candidate, since) {
                fs::remove_file(&candidate.path).ok();
                // The new file that was written under the lock.
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

    /// The HEAD locks of these changes: moving a ref that HEAD points to locks HEAD too, for its own log (refs/files-backend.c).
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

    fn is_stale(&self, candidate: &Candidate, since: SystemTime) -> bool {
        let Some(made) = modified(&candidate.path).filter(|made| *made + CLOCK_TOLERANCE >= since) else {
            return false;
        };
        let Ok(bytes) = fs::read(&candidate.path) else { return false };
        let written = str::from_utf8(&bytes).ok().and_then(|text| parse_oid(text.trim_end()).ok());
        if !candidate.is_shared && written.is_some() {
            return written == candidate.content;
        }
        if !candidate.is_shared && !bytes.is_empty() {
            return false;
        }
        let age = made.elapsed().unwrap_or_default();
        std::thread::sleep(MIN_LOCK_AGE.saturating_sub(age));
        modified(&candidate.path) == Some(made) && self.is_quiet()
    }

    /// Whether no git process runs in this repository, except ancestors of this process.
    pub(super) fn is_quiet(&self) -> bool {
        let Some(Ok(processes)) = proc::folder().map(fs::read_dir) else { return false };
        let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let ours = ancestors();
        let is_here = |pid: u32| match fs::read_link(format!("/proc/{pid}/cwd")) {
            Ok(cwd) => self.surrounds(&cwd),
            // The cwd of another user's process is not readable; a process that has ended has none.
            Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
        };
        let is_git = |pid: u32| stat(pid).is_some_and(|(name, _)| name == "git" || name.starts_with("git-remote"));
        !pids.into_iter().any(|pid| !ours.contains(&pid) && is_git(pid) && is_here(pid))
    }
}

pub(super) fn modified(path: &Path) -> Option<SystemTime> {
    fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?.modified().ok()
}

/// This process and its ancestors: `git lattice` is started by git.
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

/// The name and parent of a running process (`proc_pid_stat`(5)).
fn stat(pid: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (head, tail) = stat.rsplit_once(')')?;
    let mut fields = tail.split_whitespace();
    fields.next().filter(|state| !matches!(*state, "Z" | "X"))?;
    Some((head.split_once('(')?.1.to_owned(), fields.next()?.parse().ok()?))
}
