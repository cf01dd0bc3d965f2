//! What a plan does to refs, worktrees and the remote.

use std::collections::BTreeMap;

use crate::git::names::BranchName;
use crate::git::work::{Rename, Section, Switch};
use crate::git::{Change, Oid, Repo};
use crate::ops::change::ChangeSet;

#[derive(Default)]
pub(super) struct Steps {
    pub(super) changes: Vec<Change>,
    /// Refs that do not move, with the values they must still have.
    pub(super) contained: BTreeMap<String, Oid>,
    /// The worktrees whose files change.
    pub(super) worktrees: Vec<Switch>,
    /// The worktrees whose branch gets another name.
    pub(super) renames: Vec<Rename>,
    /// The branches that are deleted or get another name.
    pub(super) sections: Vec<Section>,
    /// The branches to push: the moved ones, and those that they contain.
    pub(super) push: Vec<BranchName>,
    /// The branches to delete on the remote, with the values that they have there.
    pub(super) delete: Vec<Change>,
}

impl Steps {
    /// The changes of refs and worktrees, which are taken, with the objects that they need.
    pub(super) fn take_changes(&mut self, title: &str, objects: Repo) -> ChangeSet {
        let contained = std::mem::take(&mut self.contained).into_iter();
        let verified = contained.map(|(name, id)| Change { name, old: Some(id), new: Some(id) });
        let changes = std::mem::take(&mut self.changes).into_iter().chain(verified).collect();
        ChangeSet {
            objects: Some(objects),
            worktrees: std::mem::take(&mut self.worktrees),
            keeps: self.delete.iter().filter_map(|change| change.old).collect(),
            renames: std::mem::take(&mut self.renames),
            sections: std::mem::take(&mut self.sections),
            ..ChangeSet::made(title, changes)
        }
    }
}
