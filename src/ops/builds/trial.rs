//! Trials: builds of a step's files as the worktree has them, before they are committed.

use anyhow::Result;

use super::{Plan, jobs_in};
use crate::config::Config;
use crate::context::Context;
use crate::git::{Head, Oid, Repo};
use crate::lattice::Point;
use crate::ops::Cannot;
use crate::points::content::{Content, FLAKE};
use crate::record::Records;

/// The builds of a point as the worktree has it.
pub struct Trial {
    /// The builds. Their commit is HEAD.
    pub plan: Plan,
    /// Whether the worktree's files differ from those of HEAD.
    pub is_changed: bool,
}

/// Plans the builds of a point from the files of this worktree: its directory, those of the points below it, and the paths of
/// `[build] include`. Ignored files do not count. Records do not count either: Nix takes what its store has.
///
/// # Errors
/// When there is no worktree or commit, the worktree does not have the point's flake, or git fails.
pub fn plan_worktree(context: &Context, config: &Config, point: &Point) -> Result<Trial> {
    let repo = &context.repo;
    let named = config.name(point);
    let root = repo.workdir().ok_or(Cannot::NoWorktree)?;
    let Head { branch, commit } = repo.head()?;
    let commit = commit.ok_or(Cannot::NoCommit)?;
    if !root.join(&named.dir).join(FLAKE).is_file() {
        let is_here = branch.as_ref() == Some(&named.branch);
        let command =
            if is_here { format!("git restore {}", named.dir) } else { format!("git switch {}", named.branch) };
        return Err(Cannot::NotInWorktree { dir: named.dir.clone(), command }.into());
    }
    let memory = repo.in_memory();
    let committed = memory.tree_of_commit(commit)?;
    let known = Content::find(&memory, config, committed, point)?;
    let tree = repo.tree_of_worktree(commit, &paths(repo, config, &known, &named.dir, committed)?)?;
    let mut jobs = jobs_in(&memory, config, &Records::open(repo)?, point, commit, tree)?;
    // A record may be of another machine; Nix knows what this one has.
    jobs.iter_mut().for_each(|job| job.known = None);
    let key = known.key(&memory, config, committed)?;
    let is_changed = jobs.iter().any(|job| job.key != key);
    Ok(Trial { plan: Plan { jobs, memory }, is_changed })
}

/// The paths that the build reads and that HEAD or the worktree has.
fn paths(repo: &Repo, config: &Config, known: &Content, own: &str, committed: Oid) -> Result<Vec<String>> {
    let mut paths: Vec<String> = known.points.iter().map(|(_, dir, _)| dir.clone()).collect();
    if !paths.iter().any(|dir| dir == own) {
        paths.push(own.to_owned());
    }
    for path in &config.build.include {
        let is_here = repo.workdir().is_some_and(|root| root.join(path).symlink_metadata().is_ok());
        if is_here || repo.entry_at(committed, path)?.is_some() {
            paths.push(path.clone());
        }
    }
    Ok(paths)
}
