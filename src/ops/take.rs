//! Moving local branches to the remote's commits, where both sides added the same point.

use std::path::PathBuf;

use anyhow::Result;

use super::change::{self, ChangeSet};
use crate::context::Context;
use crate::git::names::BranchName;
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

    /// Moves the worktree, if there is one; `false` if git refuses.
    fn move_worktree(&self, repo: &Repo, from: Oid, to: Oid) -> Result<bool> {
        let Some(worktree) = &self.worktree else { return Ok(true) };
        Ok(repo.move_checkout(worktree, &self.branch, from, to)?)
    }
}

/// Branches whose worktrees were moved already.
#[derive(Debug)]
pub struct Prepared {
    moved: Vec<Taking>,
    /// The branches whose worktree git refused to move, because an untracked file is in the way.
    pub left: Vec<BranchName>,
}

/// Moves the worktrees of the branches. They go first: if this process is killed in between, `git status` shows the remote's content
/// as changes, and nothing is lost.
///
/// # Errors
/// When git cannot be started; then no worktree has moved.
pub fn prepare(repo: &Repo, takings: Vec<Taking>) -> Result<Prepared> {
    let mut prepared = Prepared { moved: Vec::new(), left: Vec::new() };
    for taking in takings {
        match taking.move_worktree(repo, taking.ours, taking.theirs) {
            Ok(true) => prepared.moved.push(taking),
            Ok(false) => prepared.left.push(taking.branch),
            Err(error) => {
                prepared.cancel(repo);
                return Err(error);
            }
        }
    }
    Ok(prepared)
}

impl Prepared {
    /// Moves the branches, and makes `others` in the same transaction.
    ///
    /// # Errors
    /// Those of [`change::apply`]; then no branch and no worktree has moved.
    pub fn apply(self, context: &Context, others: Vec<Change>) -> Result<()> {
        let title = if self.moved.is_empty() { "sync: fast-forward" } else { "sync: take the remote's commits" };
        let changes = self.moved.iter().map(Taking::change).chain(others).collect();
        let applied = change::apply(context, ChangeSet { origin: Origin::Received, ..ChangeSet::made(title, changes) });
        if applied.is_err() {
            self.cancel(&context.repo);
        }
        applied.map(drop)
    }

    /// Moves the worktrees back.
    pub fn cancel(self, repo: &Repo) {
        for taking in self.moved {
            // There is an error already that says more.
            taking.move_worktree(repo, taking.theirs, taking.ours).ok();
        }
    }
}
