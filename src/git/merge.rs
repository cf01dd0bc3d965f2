//! In-memory merges of the trees of several commits.
//!
//! Attributes, merge drivers and filters are ignored: git reads attributes from the checked-out branch, which could otherwise change
//! the merge of other branches and choose which of the user's programs runs.

use gix::diff::blob::{Pipeline as DiffPipeline, Platform as DiffPlatform};
use gix::filter::plumbing::Pipeline as Filter;
use gix::merge::blob::{Pipeline, Platform};
use gix::merge::plumbing::tree::{Outcome, TreatAsUnresolved};
use gix::objs::Write as _;
use gix::worktree::{Stack, stack::State};

use super::{Error, Oid, Repo, Result, doing, reading};

impl Repo {
    /// Merge the trees of `commits` by successive three-way merges; a single commit's tree is returned unchanged.
    ///
    /// # Errors
    /// [`Error::Conflict`] when two commits changed the same content differently.
    pub fn merged_tree(&self, commits: &[Oid]) -> Result<Oid> {
        let Some((first, rest)) = commits.split_first() else { return Ok(self.empty_tree()) };
        let mut tree = self.tree_of_commit(*first)?;
        let mut seen = vec![*first];
        for &commit in rest {
            let theirs = self.tree_of_commit(commit)?;
            // The best base of this commit and a hypothetical merge of the previous ones: git-merge-base(1).
            let bases =
                self.gix.merge_bases_many(commit, &seen).map_err(doing(format!("find where {commit} branched off")))?;
            let base = bases.first().map_or(Ok(self.empty_tree()), |base| self.tree_of_commit(base.detach()))?;
            tree = self.merge_trees(base, tree, theirs)?;
            seen.push(commit);
        }
        Ok(tree)
    }

    /// Merge two trees with their common base; writes the result.
    ///
    /// # Errors
    /// [`Error::Conflict`] when both changed the same content differently.
    pub fn merge_trees(&self, base: Oid, ours: Oid, theirs: Oid) -> Result<Oid> {
        if base == ours || ours == theirs {
            return Ok(theirs);
        }
        if base == theirs {
            return Ok(ours);
        }
        let mut merged = self.merged(base, ours, theirs)?;
        if merged.has_unresolved_conflicts(TreatAsUnresolved::git()) {
            let mut paths: Vec<_> =
                merged.conflicts.iter().map(|conflict| conflict.ours.location().to_string()).collect();
            paths.sort();
            paths.dedup();
            return Err(Error::Conflict { paths });
        }
        let write = |tree: &gix::objs::Tree| self.gix.write(tree);
        merged.tree.write(write).map_err(doing("write the merged tree"))
    }

    fn merged(&self, base: Oid, ours: Oid, theirs: Oid) -> Result<Outcome<'_>> {
        let options = self.gix.tree_merge_options().map_err(reading("the merge configuration"))?;
        let filter = || Filter::new(usual(), self.gix.object_hash(), usual());
        let mut blobs =
            Platform::new(Pipeline::new(usual(), filter(), usual()), usual(), no_attributes(), Vec::new(), usual());
        let mut renames = DiffPlatform::new(
            usual(),
            DiffPipeline::new(usual(), filter(), Vec::new(), usual()),
            usual(),
            no_attributes(),
        );
        gix::merge::plumbing::tree(
            &base,
            &ours,
            &theirs,
            usual(),
            &self.gix,
            |bytes| self.gix.write_buf(gix::objs::Kind::Blob, bytes),
            &mut usual(),
            &mut renames,
            &mut blobs,
            options.into(),
        )
        .map_err(doing("merge the points below"))
    }
}

fn no_attributes() -> Stack {
    Stack::new("", State::AttributesStack(usual()), usual(), Vec::new(), Vec::new())
}

/// The default options, as git without configuration.
fn usual<T: Default>() -> T {
    T::default()
}
