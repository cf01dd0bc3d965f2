//! What is updated after the refs have moved: the files of worktrees, and the configuration of deleted branches.
//!
//! Notes of this work exist from before the refs move until it is done. If this process is killed in between, the next command that
//! writes does it.

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::git::follow::by_hand;
use crate::git::names::BranchName;
use crate::git::work::{Noted, Switch};
use crate::git::{Change, Repo};

pub(super) struct After {
    worktrees: Vec<Switch>,
    /// The deleted branches whose configuration goes.
    deleted: Vec<BranchName>,
    notes: Vec<Noted>,
}

impl After {
    /// Updates these worktrees, and removes the configuration of the branches that `deletions` delete.
    pub(super) fn of(worktrees: Vec<Switch>, deletions: &[Change]) -> Self {
        Self { worktrees, deleted: deleted(deletions), notes: Vec::new() }
    }

    /// Checks that the worktrees can be updated.
    pub(super) fn check(&self, repo: &Repo) -> Result<()> {
        for follow in &self.worktrees {
            let (worktree, branch) = (follow.worktree.display(), &follow.branch);
            let why = || format!("cannot update the files of `{worktree}`, where `{branch}` is checked out");
            repo.check_follow(follow).with_context(why)?;
        }
        Ok(())
    }

    /// Writes the notes.
    pub(super) fn note(&mut self, repo: &Repo) {
        self.notes.extend(self.worktrees.iter().filter_map(|follow| repo.note_follow(follow)));
        if !self.deleted.is_empty() {
            self.notes.extend(repo.note_deletion(&self.deleted));
        }
    }

    /// Removes the notes: the refs have not moved.
    pub(super) fn forget(&self) {
        self.notes.iter().for_each(Noted::forget);
    }

    /// Does the work. The refs have moved, so a failure is only reported.
    pub(super) fn run(self, context: &Context) {
        let Self { worktrees, deleted, notes } = self;
        worktrees.iter().for_each(|follow| update_files(context, follow));
        if !deleted.is_empty()
            && let Err(error) = context.repo.remove_branch_sections(&deleted)
        {
            let line = format!("the configuration of deleted branches (`branch.NAME.*`) stays: {error}");
            context.notices.borrow_mut().push(line);
        }
        notes.iter().for_each(Noted::forget);
    }
}

fn update_files(context: &Context, follow: &Switch) {
    if let Err(error) = context.repo.follow(follow) {
        let worktree = follow.worktree.display();
        let line = format!("the files of `{worktree}` could not be updated: {error}; `{}` does it", by_hand(follow));
        context.notices.borrow_mut().push(line);
    }
}

fn deleted(changes: &[Change]) -> Vec<BranchName> {
    let deleted = changes.iter().filter(|change| change.old.is_some() && change.new.is_none());
    deleted.filter_map(|change| BranchName::of_ref(&change.name)).collect()
}
