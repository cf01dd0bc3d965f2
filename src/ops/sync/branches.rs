//! Branches of points: comparing them with the remote and fast-forwarding those that are behind.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::Result;

use super::{Action, Entry, Standing, Sync};
use crate::git::names::BranchName;
use crate::git::{Change, Oid};
use crate::lattice::Point;

impl Sync<'_> {
    pub(super) fn entry(&self, point: &Point) -> Result<Entry> {
        let tip = self.census.tip(point);
        let named = self.config.name(point);
        let (name, places) = (named.branch.full_ref(), self.remote_state.pushed.as_ref());
        let pushed = places.map(|places| places.everywhere.get(&name).copied());
        let is_somewhere = places.is_some_and(|places| places.somewhere.contains(&name));
        let (local, remote) = (tip.local, self.remote_state.points.get(point).copied().or(pushed.flatten()));
        let standing = match (local, remote) {
            // The branch was deleted on the remote; only the tracking ref is left.
            (None, None) => Standing::Gone,
            (Some(_), None) if is_somewhere => Standing::OnlyHere,
            (Some(_), None) if self.remote_state.is_fresh && tip.remote.is_some() => Standing::Gone,
            (Some(_), None) => Standing::OnlyHere,
            (None, Some(_)) => Standing::OnlyThere,
            (Some(local), Some(remote)) if local == remote => Standing::Same,
            (Some(local), Some(remote)) => self.compare(local, remote)?,
        };
        let standing = match (pushed, standing) {
            // The local branch contains the fetched one. Whether to push is decided by the push URL.
            (Some(pushed), Standing::Same | Standing::Ahead) => match pushed {
                None => Standing::OnlyHere,
                pushed if pushed == local => Standing::Same,
                Some(_) => Standing::Ahead,
            },
            (_, standing) => standing,
        };
        // Only computed if it is shown: there may be a hundred thousand points without a difference.
        let is_tracked = standing != Standing::OnlyThere || self.repo.tracks(&self.remote_state.remote, &named.branch);
        Ok(Entry { named, local, remote, standing, is_tracked, action: Action::Nothing })
    }

    fn compare(&self, local: Oid, remote: Oid) -> Result<Standing> {
        if self.repo.size_of(remote).is_none() {
            return Ok(Standing::Unknown);
        }
        Ok(if self.repo.is_ancestor(remote, local)? {
            Standing::Ahead
        } else if self.repo.is_ancestor(local, remote)? {
            Standing::Behind
        } else {
            Standing::Diverged
        })
    }

    /// The fast-forwards of branches that are behind, except those checked out in a worktree.
    pub(super) fn forward(&self, entries: &mut [Entry]) -> Result<Vec<Change>> {
        let mut behind: Vec<_> = entries.iter_mut().filter(|entry| entry.standing == Standing::Behind).collect();
        if behind.is_empty() {
            return Ok(Vec::new());
        }
        let taken: HashMap<BranchName, PathBuf> = self.repo.taken_branches()?.into_iter().collect();
        let mut changes = Vec::new();
        for entry in &mut behind {
            let Some(new) = entry.remote else { continue };
            if let Some(worktree) = taken.get(&entry.named.branch) {
                entry.action = Action::CheckedOut(worktree.clone());
                continue;
            }
            entry.action = if self.how.dry_run { Action::Planned } else { Action::FastForwarded };
            changes.push(Change { name: entry.named.branch.full_ref(), old: entry.local, new: Some(new) });
        }
        Ok(changes)
    }
}
