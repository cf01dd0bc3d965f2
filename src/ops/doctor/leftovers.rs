//! Leftovers of interrupted commands, and the disk use of the clone.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};

use super::{Line, Repair};
use crate::context::Context;
use crate::env;
use crate::git::names::BranchName;
use crate::git::{Change, Repo, Transaction, pack, work};
use crate::hooks::dir;
use crate::journal::{Journal, Operation};
use crate::ops::{change, unfinished};
use crate::points::census;
use crate::process::identity::ProcessState;
use crate::process::proc;
use crate::{temporary, text};

/// A git lock older than this is reported: git holds one that long only while it waits for the user.
const STALE: Duration = Duration::from_secs(600);
/// The size of logs, links and objects for Nix above which a warning is given.
const LARGE: u64 = 1 << 30;
/// Files of unfinished git operations: file, operation, and the commands that end it.
const UNFINISHED: [(&str, &str, &str); 6] = [
    ("MERGE_HEAD", "a merge", "git merge --continue` or `git merge --abort"),
    ("rebase-merge", "a rebase", "git rebase --continue` or `git rebase --abort"),
    ("rebase-apply", "a rebase", "git rebase --continue` or `git rebase --abort"),
    ("CHERRY_PICK_HEAD", "a cherry-pick", "git cherry-pick --continue` or `git cherry-pick --abort"),
    ("REVERT_HEAD", "a revert", "git revert --continue` or `git revert --abort"),
    ("BISECT_LOG", "a bisection", "git bisect reset"),
];

pub(super) fn examine(repo: &Repo, installed: &[PathBuf]) -> Vec<Line> {
    let dirs = git_dirs(repo);
    let mut lines = locks(repo, &dirs);
    lines.extend(under_way(&dirs));
    lines.extend(dead_files(repo, installed));
    lines.extend(not_directories(repo));
    lines.push(disk(repo));
    lines
}

/// Operations of killed processes that the next command will recover.
pub(super) fn killed(repo: &Repo) -> Vec<Line> {
    let line = |message: String| Line::warning("interrupted", message).repair(Repair::Settle);
    let history = Journal::of(repo).read().unwrap_or_default();
    let is_over = |operation: &&Operation| operation.owner.state() == ProcessState::Ended;
    let pending = history.pending().filter(is_over).map(|it| format!("`{}` was killed while refs moved", it.title));
    let work = repo.unfinished_work().into_iter().filter_map(|unfinished| unfinished.work);
    pending.chain(work.map(|work| format!("a git was killed while it {work}"))).map(line).collect()
}

/// Recovers interrupted operations, as every command that writes does first.
///
/// # Errors
/// When the journal, refs or files cannot be used.
pub(super) fn settle(context: &Context) -> Result<()> {
    let found = change::recover(&context.repo)?;
    context.notices.borrow_mut().extend(found);
    unfinished::settle(&context.repo)
}

/// Removes files and folders of processes that have ended.
///
/// # Errors
/// When a file cannot be removed; a missing file is not an error.
pub(super) fn remove(files: &[PathBuf]) -> Result<()> {
    for file in files {
        let is_folder = fs::symlink_metadata(file).is_ok_and(|meta| meta.is_dir());
        match if is_folder { fs::remove_dir_all(file) } else { fs::remove_file(file) } {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("could not remove `{}`", file.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Markers of renamed branches that the remote, as last fetched, does not have any more.
pub(super) fn markers(context: &Context) -> Option<Line> {
    let (repo, config) = (&context.repo, context.config().ok()?);
    let remote = config.remote.as_ref()?;
    let is_there = |branch: &BranchName| Ok(repo.tracking_tip(branch, remote)?.is_some());
    let stale = census::stale_markers(repo, remote, "", is_there).unwrap_or_default();
    let first = stale.first()?.name.clone();
    let message = format!("{} that `{remote}` does not have: `{first}`", marks(stale.len()));
    Some(Line::warning("leftovers", message).repair(Repair::Forget(stale)))
}

fn marks(count: usize) -> String {
    text::tally(count, "ref marks a renamed branch", "refs mark renamed branches")
}

/// Deletes refs that are of no use.
///
/// # Errors
/// When a ref has moved in the meantime.
pub(super) fn forget(repo: &Repo, refs: &[Change]) -> Result<()> {
    let message = "lattice: forget old names".to_owned();
    Ok(repo.apply(&Transaction { message, changes: refs.to_vec() })?)
}

/// The common directory and the git directory of each linked worktree.
fn git_dirs(repo: &Repo) -> Vec<PathBuf> {
    let worktrees = fs::read_dir(repo.common_dir().join("worktrees"));
    let linked = worktrees.into_iter().flatten().flatten().map(|entry| entry.path());
    std::iter::once(repo.common_dir().to_owned()).chain(linked).collect()
}

fn locks(repo: &Repo, dirs: &[PathBuf]) -> Vec<Line> {
    let mut found = Vec::new();
    for dir in dirs {
        let here = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
        found.extend(here.filter(|path| is_lock(path)));
    }
    walk(&repo.common_dir().join("refs"), &mut |path| {
        if is_lock(path) {
            found.push(path.to_owned());
        }
    });
    let (booted, now) = (boot_time(), SystemTime::now());
    let mut lines = Vec::new();
    let mut dead = Vec::new();
    for path in found {
        let Ok(modified) = fs::metadata(&path).and_then(|data| data.modified()) else { continue };
        let age = now.duration_since(modified).unwrap_or_default();
        // A lock older than the last boot belongs to no running process.
        if booted.is_some_and(|booted| modified < booted) {
            dead.push((path, age));
        } else if age > STALE {
            let message = format!("`{}` has been there for {}", path.display(), span(age));
            let remedy = format!("check that no git is running here, then `rm {}`", crate::process::quote(&path));
            lines.push(Line::error("locks", message).remedy(remedy));
        }
    }
    lines.extend(dead.into_iter().map(|(path, age)| {
        let message =
            format!("`{}` has been there for {}, from before this machine was started", path.display(), span(age));
        Line::error("locks", message).repair(Repair::Remove(vec![path]))
    }));
    if lines.is_empty() { vec![Line::ok("locks", "no stale ones")] } else { lines }
}

fn is_lock(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "lock") && path.is_file()
}

fn under_way(dirs: &[PathBuf]) -> Vec<Line> {
    let mut lines = Vec::new();
    for dir in dirs {
        for (name, what, way) in UNFINISHED {
            if dir.join(name).exists() {
                let message = format!("{what} is not finished (`{}`)", dir.join(name).display());
                lines.push(Line::warning("operations", message).remedy(format!("`{way}`")));
            }
        }
    }
    if lines.is_empty() { vec![Line::ok("operations", "none is unfinished")] } else { lines }
}

/// Temporary files of git-lattice processes that were killed.
fn dead_files(repo: &Repo, installed: &[PathBuf]) -> Option<Line> {
    let common = repo.common_dir();
    let lattice = common.join("lattice");
    let is_dead = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        temporary::is_dead(&name) || pid_in_name(&name).is_some_and(|pid| !is_alive(pid))
    };
    let mut dead = Vec::new();
    walk(&lattice, &mut |path| {
        // Work notes have similar names and are needed for recovery.
        if is_dead(path) && !work::is_note(path) {
            dead.push(path.to_owned());
        }
    });
    dead.extend(folders(repo).iter().chain(installed).flat_map(|dir| temporary::dead_in(dir)));
    dead.extend(pack::remains(&common.join("objects")));
    dead.extend(in_worktree(repo));
    dead.extend(temporary::dead_folders());
    // The hooks folder may be in the worktree.
    dead.sort();
    dead.dedup();
    let first = dead.first()?.display();
    let message = match dead.len() {
        1 => format!("1 file of processes that were killed: `{first}`"),
        count => format!("{count} files of processes that were killed: `{first}` and others"),
    };
    Some(Line::warning("leftovers", message).repair(Repair::Remove(dead)))
}

/// Folders outside of `lattice` in which files are replaced: objects, hooks, and the user's own for the trust file and the
/// configuration of Nix.
fn folders(repo: &Repo) -> Vec<PathBuf> {
    let common = repo.common_dir();
    let hooks = dir::find(repo.git().program().as_os_str(), repo.workdir().unwrap_or(common));
    let hooks = hooks.map_or_else(|_| common.join("hooks"), |found| found.path);
    let homes = [env::state_home(), env::cache_home()].into_iter().flatten();
    [common.join("objects"), hooks].into_iter().chain(homes.map(|home| home.join("git-lattice"))).collect()
}

/// Files that killed processes left in the worktree, beside lattice.toml and the files that `lint --fix` writes.
fn in_worktree(repo: &Repo) -> Vec<PathBuf> {
    let Some(root) = repo.workdir() else { return Vec::new() };
    let args = ["ls-files", "--others", "--full-name", "-z", "--", ":(top,glob)**/.*lattice-*"];
    let listed = repo.git().read().args(args).read().map(|output| output.stdout).unwrap_or_default();
    let paths = listed.split(|byte| *byte == 0).map(|name| root.join(OsStr::from_bytes(name)));
    let is_dead = |path: &PathBuf| path.file_name().and_then(OsStr::to_str).is_some_and(temporary::is_dead);
    paths.filter(is_dead).collect()
}

/// The process id in the name of a temporary file of version 0.1 or older: `<commit>-<pid>` for a branch that Nix
/// reads, `NAME.new<pid>` for a file being written.
fn pid_in_name(name: &str) -> Option<u32> {
    let of_branch = || {
        let (commit, pid) = name.rsplit_once('-')?;
        (matches!(commit.len(), 40 | 64) && commit.bytes().all(|b| b.is_ascii_hexdigit())).then_some(pid)
    };
    let of_file = || name.rsplit_once(".new").map(|(_, pid)| pid);
    of_branch().or_else(of_file)?.parse().ok()
}

fn is_alive(pid: u32) -> bool {
    // Without a /proc for our process ids, no process is known to be dead.
    proc::folder().is_none_or(|folder| folder.join(pid.to_string()).exists())
}

/// Paths of ours that exist and are not directories, so that nothing can be queued, logged or kept.
fn not_directories(repo: &Repo) -> Vec<Line> {
    const FOLDERS: [&str; 10] = [
        "lattice",
        "lattice/queue",
        "lattice/queue/jobs",
        "lattice/queue/claims",
        "lattice/queue/cancel",
        "lattice/queue/aside",
        "lattice/log",
        "lattice/source",
        "lattice/result",
        "lattice/roots",
    ];
    let not_directory = |name: &str| {
        let path = repo.common_dir().join(name);
        let is_other = fs::symlink_metadata(&path).is_ok() && !path.is_dir();
        is_other.then(|| {
            let topic = if name.contains("queue") { "queue" } else { "folders" };
            let message = format!("`{}` is not a directory, so nothing can be stored there", path.display());
            Line::error(topic, message).remedy(format!("`rm {}`", crate::process::quote(&path)))
        })
    };
    FOLDERS.into_iter().filter_map(not_directory).collect()
}

fn disk(repo: &Repo) -> Line {
    let lattice = repo.common_dir().join("lattice");
    let size = |name: &str| {
        let mut bytes = 0;
        walk(&lattice.join(name), &mut |path| bytes += fs::symlink_metadata(path).map_or(0, |data| data.len()));
        bytes
    };
    let (logs, source) = (size("log"), size("source"));
    let links = fs::read_dir(lattice.join("result")).map_or(0, Iterator::count);
    let message =
        format!("logs {}, objects for Nix {}, {links} links to results", text::size(logs), text::size(source));
    if logs + source < LARGE {
        return Line::ok("disk", message);
    }
    let way = format!("logs and objects can be removed: `rm -r {}`", crate::process::quote(lattice.join("log")));
    Line::warning("disk", message).remedy(way)
}

/// Calls `on_file` for every file below `dir`, without following links.
fn walk(dir: &Path, on_file: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path(), on_file),
            Ok(_) => on_file(&entry.path()),
            Err(_) => {}
        }
    }
}

/// The boot time: `btime` in `proc_stat(5)`; `None` if there is no such file.
fn boot_time() -> Option<SystemTime> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let seconds = stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

fn span(age: Duration) -> String {
    match age.as_secs() {
        seconds if seconds < 3600 => format!("{} minutes", seconds / 60),
        seconds if seconds < 48 * 3600 => format!("{} hours", seconds / 3600),
        seconds => format!("{} days", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_pid_in_a_file_name() {
        assert_eq!(pid_in_name(&format!("{}-17", "a".repeat(40))), Some(17));
        assert_eq!(
            (pid_in_name("config.new18"), pid_in_name("step-19"), pid_in_name("config")),
            (Some(18), None, None)
        );
    }

    #[test]
    fn formats_ages() {
        assert_eq!(span(Duration::from_secs(3 * 86400)), "3 days");
    }
}
