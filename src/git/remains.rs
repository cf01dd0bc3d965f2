//! Leftovers of a killed git, by kind of work: locks and partially written files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::Repo;
use super::locks::{CLOCK_TOLERANCE, MIN_LOCK_AGE, modified};
use super::names;
use super::repo::RefFormat;
use super::work::{Rename, Unfinished, Work};
use crate::temporary;

const POLL_INTERVAL: Duration = Duration::from_millis(50);

impl Repo {
    /// Unfinished work of git commands whose git-lattice process has ended.
    pub fn unfinished_work(&self) -> Vec<Unfinished> {
        self.git.notes.as_ref().map(|notes| notes.unfinished(temporary::is_dead)).unwrap_or_default()
    }

    /// Unfinished work of this process. Call it only after its git commands ended.
    pub fn own_unfinished_work(&self) -> Vec<Unfinished> {
        self.git.notes.as_ref().map(|notes| notes.unfinished(temporary::is_own)).unwrap_or_default()
    }

    /// Remove the leftovers of a killed git that was started for `work` at `since`. Wait at most `timeout` for other git processes
    /// in this repository; if they still run, remove nothing and return `false`.
    pub fn remove_remains(&self, work: &Work, since: SystemTime, timeout: Duration) -> bool {
        let until = Instant::now() + timeout;
        loop {
            let found = self.remains(work, since);
            if found.is_empty() {
                return true;
            }
            if found.iter().all(|path| is_settled(path)) && self.is_quiet() {
                found.iter().for_each(|path| remove(path));
                return true;
            }
            if Instant::now() > until {
                return false;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// Existing leftovers of such a git that are not older than it.
    fn remains(&self, work: &Work, since: SystemTime) -> Vec<PathBuf> {
        let common = self.common_dir();
        let config = [common.join("config.lock")];
        let mut found = match work {
            Work::Configure | Work::Sections(_) => config.to_vec(),
            // Deleting a branch also rewrites packed-refs.
            Work::Push(remote, _) => [&config[..], &self.tracking_locks(remote), &self.packed_files()].concat(),
            Work::Fetch(remote) => {
                // A fetch ends with maintenance (git-maintenance(1)).
                let more = ["shallow.lock", "objects/maintenance.lock"].map(|name| common.join(name)).to_vec();
                [self.tracking_locks(remote), self.packed_files(), more, self.unwritten_objects()].concat()
            }
            Work::Move(moves) => {
                let own = moves.names.iter().map(|name| common.join(format!("{name}.lock")));
                let packed = if moves.deletes { self.packed_files() } else { Vec::new() };
                own.chain(packed).collect()
            }
            Work::Switch(switch) | Work::Follow(switch) | Work::Rename(Rename { switch, .. }) => {
                let branch = common.join(format!("{}.lock", switch.branch.full_ref()));
                let own = files_in(self.gix.git_dir(), &is_lock);
                [&config[..], &own, &self.packed_files(), &[branch]].concat()
            }
        };
        if self.format == RefFormat::Reftable {
            found.extend(self.unwritten_tables());
        }
        found.retain(|path| modified(path).is_some_and(|made| made + CLOCK_TOLERANCE >= since));
        found.sort();
        found.dedup();
        found
    }

    /// Locks of reftables and partially written tables (reftable/stack.c).
    pub(super) fn unwritten_tables(&self) -> Vec<PathBuf> {
        files_in(&self.common_dir().join("reftable"), &|name| is_lock(name) || name.contains(".temp."))
    }

    /// The locks of refs that follow those of a remote: branches, and records and notes. A push moves them too.
    fn tracking_locks(&self, remote: &str) -> Vec<PathBuf> {
        let followers = [names::tracking_under(remote, ""), format!("refs/lattice/remotes/{remote}")];
        followers.iter().flat_map(|prefix| files_below(&self.common_dir().join(prefix), &is_lock)).collect()
    }

    /// Files used to rewrite packed-refs (refs/packed-backend.c).
    fn packed_files(&self) -> Vec<PathBuf> {
        ["packed-refs.lock", "packed-refs.new"].map(|name| self.common_dir().join(name)).to_vec()
    }

    /// Temporary files of unpack-objects and index-pack (object-file.c, builtin/index-pack.c).
    fn unwritten_objects(&self) -> Vec<PathBuf> {
        let is_temporary_file = |name: &str| name.starts_with("tmp_") && !name.contains("lattice-");
        files_below(&self.common_dir().join("objects"), &is_temporary_file)
    }
}

fn is_lock(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending == "lock")
}

fn is_settled(path: &Path) -> bool {
    modified(path).is_none_or(|made| made.elapsed().is_ok_and(|age| age >= MIN_LOCK_AGE))
}

fn remove(path: &Path) {
    fs::remove_file(path).ok();
}

fn files_in(dir: &Path, is_wanted: &dyn Fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter(|it| it.file_name().to_str().is_some_and(is_wanted)).map(|it| it.path()).collect()
}

fn files_below(dir: &Path, is_wanted: &dyn Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found = files_in(dir, is_wanted);
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(files_below(&entry.path(), is_wanted));
        }
    }
    found
}
