//! The worktrees that have branches checked out.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::Result;

use crate::git::checkout::State;
use crate::git::names::BranchName;
use crate::git::work::Switch;
use crate::git::{Change, Repo};

/// The branches that are in use, read when the first is asked for.
#[derive(Default)]
pub(in crate::ops) struct Worktrees {
    taken: Option<HashMap<BranchName, Use>>,
}

/// Where a branch is used.
struct Use {
    place: PathBuf,
    /// Whether the branch may move: the worktree is clean. `None` before it was looked at.
    may_move: Option<bool>,
}

impl Worktrees {
    /// The worktree because of which a branch cannot move.
    ///
    /// # Errors
    /// When git cannot be run.
    pub(in crate::ops) fn blocking(&mut self, repo: &Repo, branch: &BranchName) -> Result<Option<PathBuf>> {
        let Some(used) = self.taken(repo)?.get_mut(branch) else { return Ok(None) };
        let may_move = match used.may_move {
            Some(known) => known,
            None => *used.may_move.insert(repo.worktree_state(&used.place)? == State::Clean),
        };
        Ok((!may_move).then(|| used.place.clone()))
    }

    /// The worktree that has a branch checked out, or rebases or bisects it.
    ///
    /// # Errors
    /// When git cannot be run.
    pub(in crate::ops) fn place(&mut self, repo: &Repo, branch: &BranchName) -> Result<Option<PathBuf>> {
        Ok(self.taken(repo)?.get(branch).map(|used| used.place.clone()))
    }

    fn taken(&mut self, repo: &Repo) -> Result<&mut HashMap<BranchName, Use>> {
        match &mut self.taken {
            Some(taken) => Ok(taken),
            none => Ok(none.insert(read(repo)?)),
        }
    }

    /// The worktrees whose files these changes update.
    pub(in crate::ops) fn moved(&self, changes: &[Change]) -> Vec<Switch> {
        let follow = |change: &Change| {
            let branch = BranchName::of_ref(&change.name)?;
            let used = self.taken.as_ref()?.get(&branch)?;
            Some(Switch { worktree: used.place.clone(), branch, from: change.old?, to: change.new? })
        };
        changes.iter().filter_map(follow).collect()
    }
}

fn read(repo: &Repo) -> Result<HashMap<BranchName, Use>> {
    let mut taken: HashMap<BranchName, Use> = HashMap::new();
    let checked_out = repo.checked_out()?;
    for (branch, place) in &checked_out {
        // git allows a second worktree on the same branch only if forced: only one could be updated.
        let is_shared = checked_out.iter().filter(|(other, _)| other == branch).count() > 1;
        let may_move = is_shared.then_some(false);
        taken.insert(branch.clone(), Use { place: place.clone(), may_move });
    }
    for (branch, place) in repo.detached_branches() {
        // Detached by a rebase or bisect: git sets the branch to its own result in the end.
        taken.entry(branch).or_insert(Use { place, may_move: Some(false) });
    }
    Ok(taken)
}
