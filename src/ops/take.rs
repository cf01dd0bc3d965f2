//! Moving local branches to the remote's commits, where both sides added the same point.

use std::path::PathBuf;

use anyhow::Result;

use super::change::{self, ChangeSet};
use crate::context::Context;
use crate::git::names::BranchName;
use crate::git::work::Switch;
use crate::git::{Change, Oid, Repo};
use crate::journal::Origin;
use crate::points::divergence::Divergence;

/// A branch to move to the remote's commit.
#[derive(Debug, Clone)]
pub struct Taking {
    /// The branch.
    pub branch: BranchName,
    /// Its local commit.
    pub ours: Oid,
    theirs: Oid,
    /// The worktree to move with it.
    worktree: Option<PathBuf>,
}

impl Taking {
    /// Plans to move a diverged branch; `None` if its commits would be lost or a worktree is in the way.
    pub fn of(divergence: &Divergence, branch: &BranchName, ours: Oid) -> Option<Self> {
        let worktree = divergence.checkout_to_move().map(|checkout| checkout.path.clone());
        let taking = Self { branch: branch.clone(), ours, theirs: divergence.theirs(), worktree };
        divergence.can_be_taken().then_some(taking)
    }

    fn change(&self) -> Change {
        Change { name: self.branch.full_ref(), old: Some(self.ours), new: Some(self.theirs) }
    }

    /// The update of the worktree's files, if there is one.
    fn follow(&self) -> Option<Switch> {
        let Self { branch, ours, theirs, worktree } = self.clone();
        Some(Switch { worktree: worktree?, branch, from: ours, to: theirs })
    }

    /// Whether git can update the files of the worktree: no untracked file is in the way.
    pub fn is_possible(&self, repo: &Repo) -> bool {
        self.follow().is_none_or(|follow| repo.check_follow(&follow).is_ok())
    }
}

/// Moves the branches and the files of their worktrees, and makes `others` in the same transaction.
///
/// # Errors
/// Those of [`change::apply`]; then no branch has moved.
pub fn apply(context: &Context, takings: &[Taking], others: Vec<Change>) -> Result<()> {
    let title = if takings.is_empty() { "sync: fast-forward" } else { "sync: take the remote's commits" };
    let changes = takings.iter().map(Taking::change).chain(others).collect();
    let worktrees = takings.iter().filter_map(Taking::follow).collect();
    let set = ChangeSet { origin: Origin::Received, worktrees, ..ChangeSet::made(title, changes) };
    change::apply(context, set).map(drop)
}
