//! Linked worktrees: where they are, and whether they can be used.
//!
//! `git worktree add` locks a new worktree until its files are written, so that `git worktree prune` does not remove it
//! (builtin/worktree.c). If that git is killed, the lock remains, and the worktree has no files or only some of them.

use std::fs;
use std::path::{Path, PathBuf};

use gix::worktree::Proxy;

use super::names::BranchName;
use super::{Error, Repo, Result};

/// The reason that git gives for the lock of a new worktree.
const ADDING: &str = "initializing";

/// Why a linked worktree is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// `git worktree add` is at work there, or was killed.
    Adding,
    /// The user ran `git worktree lock`.
    User,
}

impl Repo {
    /// The worktree of this repository at `dir`. A folder without `.git` is none: git would find another worktree around it.
    pub fn worktree_at(&self, dir: &Path) -> Option<PathBuf> {
        let dir = dir.canonicalize().ok()?;
        let is_own = self.workdir().is_some_and(|own| own.canonicalize().is_ok_and(|own| own == dir));
        if !is_own && !dir.join(".git").exists() {
            return None;
        }
        self.worktree_roots().filter_map(|root| root.canonicalize().ok()).find(|root| *root == dir)
    }

    /// Why the linked worktree at `root` is locked; `None` if it is not.
    pub fn worktree_lock(&self, root: &Path) -> Option<Lock> {
        // The folder may be gone.
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let is_at = |linked: &Proxy<'_>| linked.base().is_ok_and(|base| real(&base) == real(root));
        let linked = self.gix.worktrees().unwrap_or_default().into_iter().find(is_at)?;
        let reason = linked.lock_reason()?;
        // git translates the reason. In any language, the first index of a new worktree is locked while its files are written.
        let has = |file: &str| linked.git_dir().join(file).exists();
        let is_adding = reason == ADDING || (has("index.lock") && !has("index"));
        Some(if is_adding { Lock::Adding } else { Lock::User })
    }

    /// The checked-out branches of all worktrees, each with its worktree.
    ///
    /// # Errors
    /// When git fails, and [`Error::EmptyCommondir`].
    pub fn checked_out(&self) -> Result<Vec<(BranchName, PathBuf)>> {
        self.git().checked_out().map_err(|error| self.explain_list(error))
    }

    /// `git worktree list` fails if the `commondir` of one worktree is empty, as after a kill or on a full disk.
    fn explain_list(&self, error: Error) -> Error {
        let linked = fs::read_dir(self.common_dir().join("worktrees")).into_iter().flatten().flatten();
        let is_empty = |file: &PathBuf| fs::metadata(file).is_ok_and(|meta| meta.len() == 0);
        let empty = linked.map(|dir| dir.path().join("commondir")).find(is_empty);
        empty.map_or(error, |file| Error::EmptyCommondir { file })
    }
}
