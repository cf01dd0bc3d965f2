//! Switching a worktree, and reverting a switch that was killed or failed midway.
//!
//! git writes the files of the new branch first, then the index, then HEAD (builtin/checkout.c). If it is killed before the index is
//! written, or the disk is full, the next `git switch` treats the new files as the user's and refuses to overwrite them.

use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use gix::bstr::{BStr, BString, ByteSlice as _};
use gix::index::entry::Flags;

use super::locks::CLOCK_TOLERANCE;
use super::names::BranchName;
use super::work::{Switch, Work};
use super::{Error, Oid, Repo, Result, parse_oid};

/// Tolerance for the time of a new file: the kernel's file clock lags behind the system clock (`time`(7)).
const TICK: Duration = Duration::from_millis(20);

/// A file that differs between two commits.
struct Difference {
    path: BString,
    old: Option<Oid>,
    new: Option<Oid>,
}

/// The state of a differing file in the worktree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileState {
    Nothing,
    /// The content of the new commit, or the beginning of it.
    New,
    /// Other content.
    Other,
}

impl Repo {
    /// Switch the worktree to `branch` with `git switch`, which writes to the user's terminal.
    ///
    /// With `remote`, the branch exists only there and is created locally first. With `track` it tracks the remote branch, which git
    /// refuses if `git fetch` does not update that branch.
    ///
    /// # Errors
    /// When git cannot be started, and [`Error::SwitchStopped`]. A refusal of git returns `false`.
    pub fn switch(&self, branch: &BranchName, remote: Option<&str>, track: bool) -> Result<bool> {
        let cmd = self.git.shown().args(switch_args(branch, remote, track));
        let Some(switch) = self.planned_switch(branch, remote)? else { return Ok(cmd.show()?.success()) };
        let begun = SystemTime::now() - TICK;
        let ended = self.git.during(&Work::Switch(switch.clone()), || cmd.show())?;
        if ended.code().is_some() && !ended.success() {
            // Remaining files would block a retry. If they cannot be removed, that retry reports them.
            if self.take_back_written(&switch, switch.from, begun, false).is_ok_and(|had_written| had_written) {
                return Err(Error::SwitchStopped { branch: branch.to_string() });
            }
        }
        Ok(ended.success())
    }

    /// Switch another worktree of this repository; otherwise like [`Self::switch`].
    ///
    /// # Errors
    /// When git cannot be started.
    pub fn switch_in(&self, worktree: &Path, branch: &BranchName, remote: Option<&str>, track: bool) -> Result<bool> {
        let cmd = self.git.shown().without_git_env().cwd(worktree).args(switch_args(branch, remote, track));
        Ok(cmd.show()?.success())
    }

    /// Make a linked worktree with `git worktree add`, which writes to the user's terminal; `remote` and `track` are as for [`Self::switch`].
    ///
    /// # Errors
    /// When git cannot be started. A refusal of git returns `false`.
    pub fn add_worktree(&self, dir: &Path, branch: &BranchName, remote: Option<&str>, track: bool) -> Result<bool> {
        let cmd = self.git.shown().args(["worktree", "add"]);
        let cmd = match remote {
            Some(remote) => cmd.args([tracking(track), "-b", branch, "--"]).arg(dir).arg(branch.tracking(remote)),
            None => cmd.arg("--").arg(dir).arg(branch),
        };
        Ok(cmd.show()?.success())
    }

    fn planned_switch(&self, branch: &BranchName, remote: Option<&str>) -> Result<Option<Switch>> {
        let (worktree, from, to) = (self.workdir(), self.head()?.commit, self.tip_of(branch, remote)?);
        let switch =
            |worktree: &Path, from, to| Switch { worktree: worktree.to_owned(), branch: branch.clone(), from, to };
        Ok(worktree.zip(from).zip(to).map(|((worktree, from), to)| switch(worktree, from, to)))
    }

    /// Revert what a killed switch wrote to this worktree, unless it already wrote the index.
    ///
    /// # Errors
    /// When the commits or the index cannot be read, or a file cannot be put back.
    pub fn take_back_switch(&self, switch: &Switch, since: SystemTime) -> Result<()> {
        self.take_back_written(switch, switch.from, since - CLOCK_TOLERANCE, true).map(drop)
    }

    /// Revert what a killed update of this worktree's files wrote after its branch moved, unless it already wrote the index.
    pub(super) fn take_back_files(&self, follow: &Switch, since: SystemTime) -> Result<()> {
        self.take_back_written(follow, follow.to, since - CLOCK_TOLERANCE, true).map(drop)
    }

    /// Revert what a switch wrote since `since` if HEAD is `head`; returns whether it wrote anything. A git that only refused wrote nothing, so unless
    /// `was_killed`, missing files are restored only if another file was written.
    fn take_back_written(&self, switch: &Switch, head: Oid, since: SystemTime, was_killed: bool) -> Result<bool> {
        let Some(root) = self.workdir().filter(|root| *root == switch.worktree) else { return Ok(false) };
        if self.head()?.commit != Some(head) {
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
            has_written |= found == FileState::New;
            match (found, difference.old) {
                (FileState::New, None) => added.push(path),
                (FileState::New | FileState::Nothing, Some(_)) => lacking.push(difference.path),
                _ => {}
            }
        }
        added.iter().for_each(|path| remove_with_folders(path, root));
        if has_written {
            self.put_back(root, &lacking)?;
        }
        Ok(has_written)
    }

    /// Restore files of the worktree from the index.
    fn put_back(&self, root: &Path, paths: &[BString]) -> Result<()> {
        if paths.is_empty() {
            return Ok(());
        }
        let stdin: Vec<u8> = paths.iter().flat_map(|path| [path.as_bytes(), b"\0"].concat()).collect();
        let cmd = self.git.read().cwd(root).args(["checkout-index", "--force", "-z", "--stdin"]);
        Ok(cmd.stdin(stdin).read().map(drop)?)
    }

    fn found(&self, path: &Path, new: Option<Oid>, since: SystemTime) -> Result<FileState> {
        let Ok(meta) = fs::symlink_metadata(path) else { return Ok(FileState::Nothing) };
        let Some(new) = new.filter(|_| meta.modified().is_ok_and(|made| made >= since)) else {
            return Ok(FileState::Other);
        };
        if meta.is_symlink() {
            let is_new = fs::read_link(path)
                .is_ok_and(|target| self.blob(new).is_ok_and(|it| it == target.as_os_str().as_bytes()));
            return Ok(if is_new { FileState::New } else { FileState::Other });
        }
        if !meta.is_file() {
            return Ok(FileState::Other);
        }
        let blob = self.blob(new)?;
        let mut bytes = Vec::new();
        let read = fs::File::open(path).and_then(|file| file.take(blob.len() as u64 + 1).read_to_end(&mut bytes));
        Ok(if read.is_ok() && blob.starts_with(&bytes) { FileState::New } else { FileState::Other })
    }

    /// List the files that a switch writes or removes, without submodules.
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

/// The arguments by which git switches to a branch, which is made from the one of `remote`.
fn switch_args(branch: &BranchName, remote: Option<&str>, track: bool) -> Vec<String> {
    let args = |args: &[&str]| args.iter().map(ToString::to_string).collect();
    match remote {
        Some(remote) => args(&["switch", tracking(track), "--create", branch, &branch.tracking(remote)]),
        None => args(&["switch", "--no-guess", branch]),
    }
}

fn tracking(track: bool) -> &'static str {
    if track { "--track" } else { "--no-track" }
}

/// Remove a file and its parent directories that become empty.
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
