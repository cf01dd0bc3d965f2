//! Branches of points: comparing them with the remote and moving those that are behind or add the same point.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::Result;

use super::{Action, BranchComparison, Entry, Sync};
use crate::git::names::BranchName;
use crate::git::{Change, Oid};
use crate::lattice::Point;
use crate::ops::take::{self, Taking};
use crate::points::divergence::Divergence;

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
            (None, None) => BranchComparison::Gone,
            (Some(_), None) if is_somewhere => BranchComparison::OnlyHere,
            (Some(_), None) if self.remote_state.is_fresh && tip.remote.is_some() => BranchComparison::Gone,
            (Some(_), None) => BranchComparison::OnlyHere,
            (None, Some(_)) => BranchComparison::OnlyThere,
            (Some(local), Some(remote)) if local == remote => BranchComparison::Same,
            (Some(local), Some(remote)) => self.compare(local, remote)?,
        };
        let standing = match (pushed, standing) {
            // The local branch contains the fetched one. Whether to push is decided by the push URL.
            (Some(pushed), BranchComparison::Same | BranchComparison::Ahead) => match pushed {
                None => BranchComparison::OnlyHere,
                pushed if pushed == local => BranchComparison::Same,
                Some(_) => BranchComparison::Ahead,
            },
            (_, standing) => standing,
        };
        // Only computed if it is shown: there may be a hundred thousand points without a difference.
        let is_tracked =
            standing != BranchComparison::OnlyThere || self.repo.tracks(&self.remote_state.remote, &named.branch);
        Ok(Entry { named, local, remote, standing, is_tracked, action: Action::Nothing, advice: None })
    }

    fn compare(&self, local: Oid, remote: Oid) -> Result<BranchComparison> {
        if self.repo.size_of(remote).is_none() {
            return Ok(BranchComparison::Unknown);
        }
        Ok(if self.repo.is_ancestor(remote, local)? {
            BranchComparison::Ahead
        } else if self.repo.is_ancestor(local, remote)? {
            BranchComparison::Behind
        } else {
            BranchComparison::Diverged
        })
    }

    /// The branches in use, with their worktrees, if a branch is to be moved.
    pub(super) fn taken_branches(&self, entries: &[Entry]) -> Result<Vec<(BranchName, PathBuf)>> {
        let moves = |entry: &Entry| matches!(entry.standing, BranchComparison::Behind | BranchComparison::Diverged);
        if entries.iter().any(moves) { Ok(self.repo.taken_branches()?) } else { Ok(Vec::new()) }
    }

    /// The fast-forwards of branches that are behind, except those checked out in a worktree.
    pub(super) fn forward(&self, entries: &mut [Entry], taken: &[(BranchName, PathBuf)]) -> Vec<Change> {
        let taken: HashMap<&BranchName, &PathBuf> = taken.iter().map(|(branch, path)| (branch, path)).collect();
        let mut changes = Vec::new();
        for entry in entries.iter_mut().filter(|entry| entry.standing == BranchComparison::Behind) {
            let Some(new) = entry.remote else { continue };
            if let Some(worktree) = taken.get(&entry.named.branch) {
                entry.action = Action::CheckedOut((*worktree).clone());
                continue;
            }
            entry.action = if self.options.dry_run { Action::Planned } else { Action::FastForwarded };
            changes.push(Change { name: entry.named.branch.full_ref(), old: entry.local, new: Some(new) });
        }
        changes
    }

    /// Makes these changes, and moves diverged branches whose point is the same on the remote to the remote's commit. The
    /// others get an advice.
    pub(super) fn take(
        &self,
        entries: &mut [Entry],
        taken: &[(BranchName, PathBuf)],
        changes: Vec<Change>,
    ) -> Result<()> {
        let (mut diverged, mut takings) = (Vec::new(), Vec::new());
        for entry in entries.iter_mut().filter(|entry| entry.standing == BranchComparison::Diverged) {
            let (Some(ours), Some(theirs)) = (entry.local, entry.remote) else { continue };
            let found = Divergence::of(self.repo, self.config, &entry.named, (ours, theirs), taken)?;
            match Taking::of(&found, &entry.named.branch, ours).filter(|_| !self.is_pushed_elsewhere(entry)) {
                Some(taking) => {
                    takings.push(taking);
                    entry.action = if self.options.dry_run { Action::Planned } else { Action::Taken };
                }
                None => entry.advice = Some(found.advice(self.repo, &self.remote_state.remote)),
            }
            diverged.push((entry, found));
        }
        if self.options.dry_run {
            return Ok(());
        }
        let (takings, blocked): (Vec<_>, Vec<_>) = takings.into_iter().partition(|it| it.is_possible(self.repo));
        take::apply(self.context, &takings, changes)?;
        let is_blocked = |entry: &Entry| blocked.iter().any(|taking: &Taking| taking.branch == entry.named.branch);
        for (entry, found) in diverged.into_iter().filter(|(entry, _)| is_blocked(entry)) {
            entry.action = Action::Nothing;
            entry.advice = Some(found.blocked().advice(self.repo, &self.remote_state.remote));
        }
        Ok(())
    }

    /// Whether a push URL that differs from the fetch URL has the branch: the local commit may have been pushed there.
    fn is_pushed_elsewhere(&self, entry: &Entry) -> bool {
        let places = self.remote_state.pushed.as_ref();
        places.is_some_and(|places| places.somewhere.contains(&entry.named.branch.full_ref()))
    }
}
