//! Recovery after a git process, or the git-lattice that started it, was killed.

use std::time::Duration;

use anyhow::Result;

use crate::git::Repo;
use crate::git::work::{Unfinished, Work};

/// How long to wait for a git whose git-lattice was killed: it ends soon, unless it talks to a slow remote.
const GIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Recovers the work of processes that have ended. Work of a running git is left for the next time.
///
/// # Errors
/// When the repository cannot be read or written.
pub fn settle(repo: &Repo) -> Result<()> {
    repo.unfinished_work().iter().try_for_each(|unfinished| settle_one(repo, unfinished))
}

/// Like [`settle`], for git processes started by this process, before it exits.
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
    // Another worktree has its own index and HEAD.
    if is_elsewhere(repo, work) || !repo.remove_remains(work, *since, GIT_TIMEOUT) {
        return Ok(());
    }
    match work {
        Work::Push(remote, branches) => repo.finish_upstreams(remote, branches)?,
        Work::Switch(switch) => repo.take_back_switch(switch, *since)?,
        Work::Follow(follow) => repo.finish_follow(follow, *since)?,
        Work::Rename(rename) => repo.finish_rename(rename, *since)?,
        Work::Sections(sections) => repo.change_sections(sections)?,
        _ => {}
    }
    unfinished.forget();
    Ok(())
}

fn is_elsewhere(repo: &Repo, work: &Work) -> bool {
    matches!(work, Work::Switch(switch) | Work::Follow(switch) if repo.workdir() != Some(&switch.worktree) && switch.worktree.exists())
}
