//! Switching the worktree to a branch, for `switch` and for the commands that end on the point they made.

use anyhow::Result;

use super::session::Session;
use crate::git::names::BranchName;
use crate::ui::{Ui, terminal_safe};

/// A remote that has a branch which is not here yet.
pub(in crate::commands) struct Origin<'c> {
    pub(in crate::commands) remote: &'c str,
    /// Whether `git fetch` updates the branch, so that it can be tracked.
    pub(in crate::commands) tracks: bool,
}

/// The remote from which a branch is made; `None` if the branch is here.
pub(in crate::commands) fn origin<'s>(session: &'s Session, branch: &BranchName) -> Result<Option<Origin<'s>>> {
    let (repo, config) = (&session.context()?.repo, session.config()?);
    if repo.branch_tip(branch)?.is_some() {
        return Ok(None);
    }
    Ok(config.remote.as_deref().map(|remote| Origin { remote, tracks: repo.tracks(remote, branch) }))
}

/// Switches the worktree to a branch, which may be only on the remote; `false` if git refuses, with its message printed.
pub(in crate::commands) fn to(session: &Session, branch: &BranchName) -> Result<bool> {
    let (context, config) = (session.context()?, session.config()?);
    let origin = origin(session, branch)?;
    let from = context.head_point(config)?.map(|point| config.name(&point));
    let changed = from.as_ref().map(|from| context.repo.git().uncommitted(&from.dir)).transpose()?.unwrap_or_default();
    let (remote, track) = origin.map_or((None, false), |origin| (Some(origin.remote), origin.tracks));
    if !context.repo.switch(branch, remote, track)? {
        return Ok(false);
    }
    if let Some((from, changed)) = from.zip(changed.split_first()) {
        warn_of_changes(&session.ui, &from.branch, changed);
    }
    Ok(true)
}

/// Warns of uncommitted changes to the directory of the point that was left: `git switch` carries them along.
fn warn_of_changes(ui: &Ui, from: &BranchName, (first, others): (&String, &[String])) {
    let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    ui.warn(format!("uncommitted changes of `{from}` came along: `{}`{more}", terminal_safe(first)));
    ui.hint(format!("`git switch {from}` takes them back, to be committed there"));
}
