//! Putting right what gits left that were killed at their work, or whose git-lattice was.

use std::time::Duration;

use anyhow::Result;

use crate::git::Repo;
use crate::git::work::{Unfinished, Work};

/// A git whose git-lattice was killed ends by itself in moments, unless it speaks to a slow remote.
const PATIENCE: Duration = Duration::from_secs(5);

/// Puts right what was left by processes that have ended. What a git still works on is left for the next time.
///
/// # Errors
/// When the repository cannot be read or written.
pub fn settle(repo: &Repo) -> Result<()> {
    repo.unfinished_work().iter().try_for_each(|unfinished| settle_one(repo, unfinished))
}

/// The same for gits of this process: it is about to end.
///
/// # Errors
/// When the repository cannot be read or written.
pub fn settle_own(repo: &Repo) -> Result<()> {
    repo.own_unfinished_work().iter().try_for_each(|unfinished| settle_one(repo, unfinished))
}

fn settle_one(repo: &Repo, unfinished: &Unfinished) -> Result<()> {
    let Unfinished { work, since, .. } = unfinished;
    let Some(work) = work else {
        unfinished.forget();
        return Ok(());
    };
    // Another worktree has an index and a HEAD of its own.
    if is_elsewhere(repo, work) || !repo.remove_remains(work, *since, PATIENCE) {
        return Ok(());
    }
    match work {
        Work::Push(remote, Some(branch)) => repo.finish_upstream(remote, branch)?,
        Work::Switch(switch) => repo.take_back_switch(switch, *since)?,
        _ => {}
    }
    unfinished.forget();
    Ok(())
}

fn is_elsewhere(repo: &Repo, work: &Work) -> bool {
    matches!(work, Work::Switch(switch) if repo.workdir() != Some(&switch.worktree) && switch.worktree.exists())
}
