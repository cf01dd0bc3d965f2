//! What is updated before and after the refs move: worktrees, and the configuration of deleted and renamed branches.
//!
//! Notes of this work exist from before the refs move until it is done. If this process is killed in between, the next command that
//! writes does it.

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::git::Repo;
use crate::git::follow::by_hand;
use crate::git::work::{Noted, Rename, Section, Switch};

pub(super) struct After {
    worktrees: Vec<Switch>,
    renames: Vec<Rename>,
    sections: Vec<Section>,
    notes: Vec<Noted>,
}

impl After {
    pub(super) fn of(worktrees: Vec<Switch>, renames: Vec<Rename>, sections: Vec<Section>) -> Self {
        Self { worktrees, renames, sections, notes: Vec::new() }
    }

    /// Checks that the worktrees can be updated.
    pub(super) fn check(&self, repo: &Repo) -> Result<()> {
        for follow in self.switches() {
            let (worktree, branch) = (follow.worktree.display(), &follow.branch);
            let why = || format!("cannot update the files of `{worktree}`, where `{branch}` is checked out");
            repo.check_follow(follow).with_context(why)?;
        }
        Ok(())
    }

    /// Writes the notes, and detaches HEAD where its branch is deleted.
    pub(super) fn begin(&mut self, repo: &Repo) -> Result<()> {
        self.notes.extend(self.worktrees.iter().filter_map(|follow| repo.note_follow(follow)));
        self.notes.extend(self.renames.iter().filter_map(|rename| repo.note_rename(rename)));
        if !self.sections.is_empty() {
            self.notes.extend(repo.note_sections(&self.sections));
        }
        self.renames.iter().try_for_each(|rename| Ok(repo.detach_head(rename)?))
    }

    /// Undoes [`Self::begin`]: the refs have not moved.
    pub(super) fn cancel(&self, repo: &Repo) {
        // What fails stays noted for the next command.
        if self.renames.iter().all(|rename| repo.attach_head(rename).is_ok()) {
            self.notes.iter().for_each(Noted::forget);
        }
    }

    /// Does the work. The refs have moved, so a failure is only reported.
    pub(super) fn run(self, context: &Context) {
        let repo = &context.repo;
        let report = |line: String| context.notices.borrow_mut().push(line);
        for rename in &self.renames {
            let Rename { switch, .. } = rename;
            if let Err(error) = repo.attach_head(rename) {
                let (worktree, branch) = (switch.worktree.display(), &switch.branch);
                report(format!("`{worktree}` could not be put on branch `{branch}`: {error}; `git switch` does it"));
            }
        }
        for follow in self.switches() {
            if let Err(error) = repo.follow(follow) {
                let (worktree, command) = (follow.worktree.display(), by_hand(follow));
                report(format!("the files of `{worktree}` could not be updated: {error}; `{command}` does it"));
            }
        }
        if !self.sections.is_empty()
            && let Err(error) = repo.change_sections(&self.sections)
        {
            report(format!("the configuration of branches (`branch.NAME.*`) stays as it was: {error}"));
        }
        self.notes.iter().for_each(Noted::forget);
    }

    fn switches(&self) -> impl Iterator<Item = &Switch> {
        self.worktrees.iter().chain(self.renames.iter().map(|rename| &rename.switch))
    }
}
