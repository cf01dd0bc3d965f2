//! Merging the trees of several commits in memory.

use super::{Error, Oid, Repo, Result, doing, reading};

impl Repo {
    /// The tree in which all of `commits` are merged: the tree of the only one, or three-way merges one after another.
    ///
    /// # Errors
    /// [`Error::Conflict`] when they changed the same thing differently.
    pub fn merged_tree(&self, commits: &[Oid]) -> Result<Oid> {
        let Some((first, rest)) = commits.split_first() else { return Ok(self.empty_tree()) };
        let mut tree = self.tree_of_commit(*first)?;
        let mut seen = vec![*first];
        for &commit in rest {
            let theirs = self.tree_of_commit(commit)?;
            // The best base between this one and a (hypothetical) merge of those before: git-merge-base(1).
            let bases =
                self.gix.merge_bases_many(commit, &seen).map_err(doing(format!("find where {commit} branched off")))?;
            let base = bases.first().map_or(Ok(self.empty_tree()), |base| self.tree_of_commit(base.detach()))?;
            tree = self.merge_trees(base, tree, theirs)?;
            seen.push(commit);
        }
        Ok(tree)
    }

    fn merge_trees(&self, base: Oid, ours: Oid, theirs: Oid) -> Result<Oid> {
        if base == ours || ours == theirs {
            return Ok(theirs);
        }
        if base == theirs {
            return Ok(ours);
        }
        let options = self.gix.tree_merge_options().map_err(reading("the merge configuration"))?;
        let labels = gix::merge::blob::builtin_driver::text::Labels::default();
        let mut merged =
            self.gix.merge_trees(base, ours, theirs, labels, options).map_err(doing("merge the points below"))?;
        if merged.has_unresolved_conflicts(gix::merge::tree::TreatAsUnresolved::git()) {
            let mut paths: Vec<_> =
                merged.conflicts.iter().map(|conflict| conflict.ours.location().to_string()).collect();
            paths.sort();
            paths.dedup();
            return Err(Error::Conflict { paths });
        }
        merged.tree.write().map(gix::Id::detach).map_err(doing("write the merged tree"))
    }
}
