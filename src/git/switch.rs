//! Switching a worktree, and taking back what a git wrote that was killed or failed while it did so.
//!
//! git writes the files of the new branch first, then the index, then HEAD (builtin/checkout.c). Where it is killed before the index, or
//! the disk is full, it leaves files that the next `git switch` takes for the user's, and refuses to overwrite.

use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use gix::bstr::{BStr, BString, ByteSlice as _};
use gix::index::entry::Flags;

use super::locks::SLACK;
use super::names::BranchName;
use super::work::{Switch, Work};
use super::{Error, Oid, Repo, Result, parse_oid};

/// How much older than the clock the time of a new file may be: the kernel keeps it by its timer (`time`(7)).
const TICK: Duration = Duration::from_millis(20);

/// How a file differs between two commits.
struct Difference {
    path: BString,
    old: Option<Oid>,
    new: Option<Oid>,
}

/// What is in the worktree where a file differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    /// What git wrote for the new commit, all or the beginning of it.
    New,
    /// Something else.
    Other,
}

impl Repo {
    /// Switches the worktree to `branch` as the user would; git speaks to the user itself.
    ///
    /// A branch that only the remote has is made here first: from `remote`, the one that its points are on. With `track` it
    /// tracks that one, which git refuses where `git fetch` does not bring it.
    ///
    /// # Errors
    /// When git cannot be started, and [`Error::SwitchStopped`]; `false` when it refused.
    pub fn switch(&self, branch: &BranchName, remote: Option<&str>, track: bool) -> Result<bool> {
        let cmd = match remote {
            Some(remote) => {
                let track = if track { "--track" } else { "--no-track" };
                self.git.shown().args(["switch", track, "--create", branch, &branch.tracking(remote)])
            }
            None => self.git.shown().args(["switch", "--no-guess", branch]),
        };
        let Some(switch) = self.planned_switch(branch, remote)? else { return Ok(cmd.show()?.success()) };
        let begun = SystemTime::now() - TICK;
        let ended = self.git.during(&Work::Switch(switch.clone()), || cmd.show())?;
        if ended.code().is_some() && !ended.success() {
            // Files that stay would be in the way of the same switch. Where they cannot be removed, git says so then.
            if self.take_back_written(&switch, begun, false).is_ok_and(|had_written| had_written) {
                return Err(Error::SwitchStopped { branch: branch.to_string() });
            }
        }
        Ok(ended.success())
    }

    fn planned_switch(&self, branch: &BranchName, remote: Option<&str>) -> Result<Option<Switch>> {
        let (worktree, from, to) = (self.workdir(), self.head()?.commit, self.tip_of(branch, remote)?);
        let switch =
            |worktree: &Path, from, to| Switch { worktree: worktree.to_owned(), branch: branch.clone(), from, to };
        Ok(worktree.zip(from).zip(to).map(|((worktree, from), to)| switch(worktree, from, to)))
    }

    /// Takes back what a switch wrote into this worktree before it was killed, unless it came as far as the index.
    ///
    /// # Errors
    /// When the commits or the index cannot be read, or a file cannot be put back.
    pub fn take_back_switch(&self, switch: &Switch, since: SystemTime) -> Result<()> {
        self.take_back_written(switch, since - SLACK, true).map(drop)
    }

    /// Takes back what a switch wrote from `since` on; tells whether that was anything. A git that only refused has written nothing:
    /// unless `was_killed`, files that are missing are put back only where there is another that was written.
    fn take_back_written(&self, switch: &Switch, since: SystemTime, was_killed: bool) -> Result<bool> {
        let Some(root) = self.workdir().filter(|root| *root == switch.worktree) else { return Ok(false) };
        if self.head()?.commit != Some(switch.from) {
            return Ok(false);
        }
        let index = self.index()?;
        let (mut added, mut lacking, mut has_written) = (Vec::new(), Vec::new(), was_killed);
        for difference in self.differences(switch)? {
            let entry = index.entry_by_path(difference.path.as_bstr());
            let is_sparse = entry.is_some_and(|entry| entry.flags.contains(Flags::SKIP_WORKTREE));
            if entry.map(|entry| entry.id) != difference.old || is_sparse {
                continue;
            }
            let path = root.join(OsStr::from_bytes(&difference.path));
            let found = self.found(&path, difference.new, since)?;
            has_written |= found == Found::New;
            match (found, difference.old) {
                (Found::New, None) => added.push(path),
                (Found::New | Found::Nothing, Some(_)) => lacking.push(difference.path),
                _ => {}
            }
        }
        added.iter().for_each(|path| remove_with_folders(path, root));
        if has_written {
            self.put_back(root, &lacking)?;
        }
        Ok(has_written)
    }

    /// The files of a worktree as the index has them.
    fn put_back(&self, root: &Path, paths: &[BString]) -> Result<()> {
        if paths.is_empty() {
            return Ok(());
        }
        let stdin: Vec<u8> = paths.iter().flat_map(|path| [path.as_bytes(), b"\0"].concat()).collect();
        let cmd = self.git.read().cwd(root).args(["checkout-index", "--force", "-z", "--stdin"]);
        Ok(cmd.stdin(stdin).read().map(drop)?)
    }

    fn found(&self, path: &Path, new: Option<Oid>, since: SystemTime) -> Result<Found> {
        let Ok(meta) = fs::symlink_metadata(path) else { return Ok(Found::Nothing) };
        let Some(new) = new.filter(|_| meta.modified().is_ok_and(|made| made >= since)) else {
            return Ok(Found::Other);
        };
        if meta.is_symlink() {
            let is_new = fs::read_link(path)
                .is_ok_and(|target| self.blob(new).is_ok_and(|it| it == target.as_os_str().as_bytes()));
            return Ok(if is_new { Found::New } else { Found::Other });
        }
        if !meta.is_file() {
            return Ok(Found::Other);
        }
        let blob = self.blob(new)?;
        let mut bytes = Vec::new();
        let read = fs::File::open(path).and_then(|file| file.take(blob.len() as u64 + 1).read_to_end(&mut bytes));
        Ok(if read.is_ok() && blob.starts_with(&bytes) { Found::New } else { Found::Other })
    }

    /// The files that a switch writes or removes, but for submodules.
    fn differences(&self, switch: &Switch) -> Result<Vec<Difference>> {
        let ids = [switch.from, switch.to].map(|id| id.to_string());
        let output =
            self.git.read().args(["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev"]).args(ids).read()?;
        let mut fields = output.stdout.split(|byte| *byte == 0).filter(|field| !field.is_empty());
        let mut found = Vec::new();
        while let (Some(facts), Some(path)) = (fields.next(), fields.next()) {
            // `:MODE MODE ID ID LETTER`
            let facts = String::from_utf8_lossy(facts).into_owned();
            let facts: Vec<_> = facts.trim_start_matches(':').split(' ').collect();
            let [old_mode, new_mode, old, new, ..] = facts[..] else { continue };
            if [old_mode, new_mode].contains(&"160000") {
                continue;
            }
            let id = |text: &str| parse_oid(text).ok().filter(|id| !id.is_null());
            found.push(Difference { path: BStr::new(path).to_owned(), old: id(old), new: id(new) });
        }
        Ok(found)
    }
}

/// Removes a file, and the folders above it that are empty then.
fn remove_with_folders(path: &Path, root: &Path) {
    let is_inside = |folder: &Path| {
        folder.canonicalize().is_ok_and(|real| root.canonicalize().is_ok_and(|root| real.starts_with(root)))
    };
    if !path.parent().is_some_and(is_inside) || fs::remove_file(path).is_err() {
        return;
    }
    for folder in path.ancestors().skip(1).take_while(|folder| *folder != root) {
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
}
