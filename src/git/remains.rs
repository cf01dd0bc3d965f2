//! What a killed git leaves: locks, and files that were being written. Each kind of work has its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::Repo;
use super::locks::{SETTLED, SLACK, modified};
use super::names;
use super::repo::RefFormat;
use super::work::{Unfinished, Work};
use crate::temporary;

const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl Repo {
    /// What gits of processes that have ended did not finish.
    pub fn unfinished_work(&self) -> Vec<Unfinished> {
        self.git.notes.as_ref().map(|notes| notes.unfinished(temporary::is_dead)).unwrap_or_default()
    }

    /// What gits of this process did not finish. Only gits that have ended may be asked about.
    pub fn own_unfinished_work(&self) -> Vec<Unfinished> {
        self.git.notes.as_ref().map(|notes| notes.unfinished(temporary::is_own)).unwrap_or_default()
    }

    /// Removes what the killed git left that was started for `work` at `since`. Waits for other gits that are at work here as long as
    /// `patience`; `false` when they still are, and then nothing is removed.
    pub fn remove_remains(&self, work: &Work, since: SystemTime, patience: Duration) -> bool {
        let until = Instant::now() + patience;
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
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// What there is that such a git would have left, and that is not older than it.
    fn remains(&self, work: &Work, since: SystemTime) -> Vec<PathBuf> {
        let common = self.common_dir();
        let config = [common.join("config.lock")];
        let mut found = match work {
            Work::Configure => config.to_vec(),
            // A branch that the push deletes goes from the packed refs too.
            Work::Push(remote, _) => [&config[..], &self.tracking_locks(remote), &self.packed()].concat(),
            Work::Fetch(remote) => {
                let records = files_below(&common.join("refs/lattice/remotes").join(remote), &is_lock);
                // A fetch ends with maintenance (git-maintenance(1)).
                let more = ["shallow.lock", "objects/maintenance.lock"].map(|name| common.join(name)).to_vec();
                [self.tracking_locks(remote), records, self.packed(), more, self.unwritten_objects()].concat()
            }
            Work::Move(moves) => {
                let own = moves.names.iter().map(|name| common.join(format!("{name}.lock")));
                let packed = if moves.deletes { self.packed() } else { Vec::new() };
                own.chain(packed).collect()
            }
            Work::Switch(switch) => {
                let branch = common.join(format!("{}.lock", switch.branch.full_ref()));
                let own = files_in(self.gix.git_dir(), &is_lock);
                [&config[..], &own, &self.packed(), &[branch]].concat()
            }
        };
        if self.format == RefFormat::Reftable {
            found.extend(self.unwritten_tables());
        }
        found.retain(|path| modified(path).is_some_and(|made| made + SLACK >= since));
        found.sort();
        found.dedup();
        found
    }

    /// The locks of reftables, and tables that were being written (reftable/stack.c).
    pub(super) fn unwritten_tables(&self) -> Vec<PathBuf> {
        files_in(&self.common_dir().join("reftable"), &|name| is_lock(name) || name.contains(".temp."))
    }

    fn tracking_locks(&self, remote: &str) -> Vec<PathBuf> {
        files_below(&self.common_dir().join(names::tracking_under(remote, "")), &is_lock)
    }

    /// What is used to rewrite packed refs (refs/packed-backend.c).
    fn packed(&self) -> Vec<PathBuf> {
        ["packed-refs.lock", "packed-refs.new"].map(|name| self.common_dir().join(name)).to_vec()
    }

    /// What unpack-objects and index-pack were writing (object-file.c, builtin/index-pack.c).
    fn unwritten_objects(&self) -> Vec<PathBuf> {
        let is_gits = |name: &str| name.starts_with("tmp_") && !name.contains("lattice-");
        files_below(&self.common_dir().join("objects"), &is_gits)
    }
}

fn is_lock(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending == "lock")
}

fn is_settled(path: &Path) -> bool {
    modified(path).is_none_or(|made| made.elapsed().is_ok_and(|age| age >= SETTLED))
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
