//! Checked-out branches and the state of their worktrees.

use std::path::{Path, PathBuf};

use super::names::BranchName;
use super::{Repo, Result};

/// A worktree that has a branch checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Its root.
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
        // A branch in the middle of a rebase is listed last.
        let Some((_, path)) = taken.iter().rfind(|(name, _)| name == branch) else { return Ok(None) };
        let is_here = self.workdir().is_some_and(|here| here.canonicalize().ok() == path.canonicalize().ok());
        Ok(Some(Checkout { path: path.clone(), is_here, state: self.worktree_state(path)? }))
    }

    /// The state of a worktree. What is no worktree any more is [`State::Busy`].
    ///
    /// # Errors
    /// When git cannot be run.
    pub fn worktree_state(&self, worktree: &Path) -> Result<State> {
        // Isolated, so that variables like GIT_DIR do not lead to another repository.
        let opened = gix::open_opts(worktree, gix::open::Options::isolated());
        if !worktree.join(".git").exists() || opened.map_or(true, |repo| repo.state().is_some()) {
            return Ok(State::Busy);
        }
        let cmd = self.git.read().without_git_env().env("GIT_OPTIONAL_LOCKS", "0").cwd(worktree);
        let changed =
            cmd.args(["status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty"]).read()?;
        Ok(if changed.stdout.is_empty() { State::Clean } else { State::Changed })
    }
}
