//! Plans that give points other names.

use anyhow::Result;

use super::{Item, Outcome, Planner, Reason, Target, Unwritten};
use crate::config::Named;
use crate::git::Change;
use crate::git::work::{Rename, Section, Switch};
use crate::lattice::Point;
use crate::points::census::Tip;

impl Planner<'_> {
    /// Plans another name for a point; the branch moves only if it keeps its name. Leaves the point out if an untracked file is in the
    /// way.
    ///
    /// # Errors
    /// When git cannot be run, or refs or trees cannot be read.
    pub(in crate::ops) fn rename(&mut self, named: Named, target: Target) -> Result<()> {
        let (from, to) = (self.census.commit(&named.point), target.commit);
        if let Some((worktree, path)) = self.untracked(&named, from, to)? {
            self.leave_out(named, Reason::Untracked { worktree, path });
            return Ok(());
        }
        self.tips.insert(named.point.clone(), to);
        self.steps.push.push(target.named.branch.clone());
        if target.named.branch == named.branch {
            let local = self.census.tip(&named.point).local;
            self.steps.changes.push(Change { name: named.branch.full_ref(), old: local, new: Some(to) });
        } else {
            self.rename_branch(&named, &target)?;
        }
        self.items.push(Item { named, from, outcome: Outcome::Renamed(target) });
        Ok(())
    }

    fn rename_branch(&mut self, named: &Named, target: &Target) -> Result<()> {
        let (old, branch, to) = (named.branch.clone(), target.named.branch.clone(), target.commit);
        self.steps.changes.push(Change { name: branch.full_ref(), old: None, new: Some(to) });
        if let Some(from) = self.census.tip(&named.point).local {
            self.steps.changes.push(Change { name: old.full_ref(), old: Some(from), new: None });
            self.steps.sections.push(Section { branch: old.clone(), new: Some(branch.clone()) });
            if let Some(worktree) = self.worktrees.place(&self.context.repo, &old)? {
                let switch = Switch { worktree, branch: branch.clone(), from, to };
                self.steps.renames.push(Rename { switch, old });
            }
        }
        self.mark(named, target)
    }

    /// Marks the old branch on the remote, which then is no point of its own ([`crate::points::census`]), and deletes it there if that is
    /// wanted. A branch of the new name that was marked before is a point again.
    fn mark(&mut self, named: &Named, target: &Target) -> Result<()> {
        let Some(remote) = &self.config.remote else { return Ok(()) };
        let repo = &self.context.repo;
        if let Some(there) = self.census.tip(&named.point).remote {
            let name = named.branch.renamed(remote);
            let old = repo.find_ref(&name)?;
            self.steps.changes.push(Change { name, old, new: Some(there) });
            self.steps.contained.insert(named.branch.tracking(remote), there);
            if target.is_remote {
                self.steps.delete.push(Change { name: named.branch.full_ref(), old: Some(there), new: None });
            }
        }
        let name = target.named.branch.renamed(remote);
        if let Some(old) = repo.find_ref(&name)? {
            self.steps.changes.push(Change { name, old: Some(old), new: None });
        }
        Ok(())
    }

    /// Plans to delete the branch of a point on the remote, if the point has another name here.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub(in crate::ops) fn delete_renamed(&mut self, named: &Named) -> Result<()> {
        let Some(remote) = &self.config.remote else { return Ok(()) };
        let repo = &self.context.repo;
        let marked = repo.find_ref(&named.branch.renamed(remote))?;
        if let Some(there) = repo.tracking_tip(&named.branch, remote)?.filter(|there| Some(*there) == marked) {
            self.steps.delete.push(Change { name: named.branch.full_ref(), old: Some(there), new: None });
        }
        Ok(())
    }

    /// Finishes a plan of which a part is of no use: if a point is left out, nothing else is done.
    pub(in crate::ops) fn finish_whole(mut self) -> Unwritten {
        let is_left_out = |item: &Item| matches!(item.outcome, Outcome::LeftOut(_));
        if self.items.iter().any(is_left_out) {
            self.items.retain(is_left_out);
            self.steps = super::steps::Steps::default();
        }
        self.finish()
    }

    /// Whether a point has commits of its remote branch that were not merged.
    pub(in crate::ops) fn is_diverged(&self, point: &Point) -> Result<bool> {
        let Tip { local: Some(local), remote: Some(remote) } = self.census.tip(point) else { return Ok(false) };
        Ok(local != remote && self.memory.size_of(remote).is_some() && !self.memory.is_ancestor(remote, local)?)
    }
}
