//! Checked-out branches: the state of their worktree, and moving it with the branch.

use std::path::{Path, PathBuf};

use super::names::BranchName;
use super::work::{Switch, Work};
use super::{Oid, Repo, Result};

/// A worktree that has a branch checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Its root; the git directory if a rebase or bisect of the branch is in progress.
    pub path: PathBuf,
    /// Whether it is the current worktree.
    pub is_here: bool,
    /// Whether it has changes, or a merge or rebase in progress.
    pub state: State,
}

/// The state of a worktree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No tracked file has changes.
    Clean,
    /// Tracked files have changes.
    Changed,
    /// A merge, rebase or similar operation is in progress.
    Busy,
}

impl Repo {
    /// Find the worktree that has `branch` checked out. `taken` are the branches in use ([`Self::taken_branches`]).
    ///
    /// # Errors
    /// When git fails.
    pub fn checkout_of(&self, branch: &BranchName, taken: &[(BranchName, PathBuf)]) -> Result<Option<Checkout>> {
        let mut paths: Vec<_> = taken.iter().filter(|(name, _)| name == branch).map(|(_, path)| path).collect();
        // A branch in the middle of a rebase is listed with a git directory.
        paths.sort_by_key(|path| path.join(".git").exists());
        let Some(path) = paths.first() else { return Ok(None) };
        let is_here = self.workdir().is_some_and(|here| here.canonicalize().ok() == path.canonicalize().ok());
        Ok(Some(Checkout { path: (*path).clone(), is_here, state: self.state_of(path)? }))
    }

    fn state_of(&self, worktree: &Path) -> Result<State> {
        // Isolated, so that variables like GIT_DIR do not lead to another repository.
        let opened = gix::open_opts(worktree, gix::open::Options::isolated());
        if !worktree.join(".git").exists() || opened.map_or(true, |repo| repo.state().is_some()) {
            return Ok(State::Busy);
        }
        let cmd = self.git.read().without_git_env().env("GIT_OPTIONAL_LOCKS", "0").cwd(worktree);
        let changed = cmd.args(["status", "--porcelain", "--untracked-files=no"]).read()?;
        Ok(if changed.stdout.is_empty() { State::Clean } else { State::Changed })
    }

    /// Change the files and the index of a clean worktree from one commit to another; its branch is moved by the caller. Returns
    /// `false` if git refuses, because an untracked file is in the way.
    ///
    /// # Errors
    /// When git cannot be started.
    pub fn move_checkout(&self, worktree: &Path, branch: &BranchName, from: Oid, to: Oid) -> Result<bool> {
        let switch = Switch { worktree: worktree.to_owned(), branch: branch.clone(), from, to };
        let cmd = self.git.read().without_git_env().env("GIT_NO_REPLACE_OBJECTS", "1").cwd(worktree);
        let cmd = cmd.args(["read-tree", "-m", "-u"]);
        let cmd = cmd.args([from, to].map(|id| id.to_string()));
        Ok(self.git.during(&Work::Switch(switch), || cmd.answer())?.status.success())
    }
}
