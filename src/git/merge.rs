//! In-memory merges of the trees of several commits.
//!
//! Attributes, merge drivers and filters are ignored: git reads attributes from the checked-out branch, which could otherwise change
//! the merge of other branches and choose which of the user's programs runs.

use gix::diff::blob::{Pipeline as DiffPipeline, Platform as DiffPlatform};
use gix::filter::plumbing::Pipeline as Filter;
use gix::merge::blob::{Pipeline, Platform};
use gix::merge::plumbing::commit::virtual_merge_base;
use gix::merge::plumbing::tree::{Options, Outcome, TreatAsUnresolved};
use gix::objs::Write as _;
use gix::revision::plumbing::merge_base::Flags;
use gix::revwalk::{Graph, graph::Commit};
use gix::worktree::{Stack, stack::State};

use super::{Error, Oid, Repo, Result, doing, reading};

impl Repo {
    /// Merge the trees of `commits` by successive three-way merges; a single commit's tree is returned unchanged.
    ///
    /// # Errors
    /// [`Error::Conflict`] when two commits changed the same content differently.
    pub fn merged_tree(&self, commits: &[Oid]) -> Result<Oid> {
        self.merger().merged_tree(commits)
    }

    /// A merger for several merges, which reads every commit only once.
    pub fn merger(&self) -> Merger<'_> {
        Merger { repo: self, graph: self.gix.revision_graph(None) }
    }
}

/// Merges trees. It keeps the commits it has read.
pub struct Merger<'r> {
    repo: &'r Repo,
    graph: Graph<'r, 'static, Commit<Flags>>,
}

impl Merger<'_> {
    /// Like [`Repo::merged_tree`].
    ///
    /// # Errors
    /// [`Error::Conflict`] when two commits changed the same content differently.
    pub fn merged_tree(&mut self, commits: &[Oid]) -> Result<Oid> {
        let Some((first, rest)) = commits.split_first() else { return Ok(self.repo.empty_tree()) };
        let mut tree = self.repo.tree_of_commit(*first)?;
        let mut seen = vec![*first];
        for &commit in rest {
            let theirs = self.repo.tree_of_commit(commit)?;
            let base = self.base_of(commit, &seen)?;
            tree = self.repo.merge_trees(base, tree, theirs)?;
            seen.push(commit);
        }
        Ok(tree)
    }

    /// The tree that a commit and a hypothetical merge of `others` have in common. Several best ancestors are merged as
    /// git-merge-recursive(1) does.
    fn base_of(&mut self, commit: Oid, others: &[Oid]) -> Result<Oid> {
        let Self { repo, graph } = self;
        let finding = || format!("find where {commit} branched off");
        let bases = repo.gix.merge_bases_many_with_graph(commit, others, graph).map_err(doing(finding()))?;
        let mut bases: Vec<Oid> = bases.into_iter().map(gix::Id::detach).collect();
        let (first, second) = (bases.pop(), bases.pop());
        match (first, second) {
            (Some(first), Some(second)) => {
                let (mut blobs, mut renames) = (repo.blob_platform(), repo.rename_platform());
                let merged = virtual_merge_base(
                    first,
                    second,
                    bases,
                    graph,
                    &mut renames,
                    &mut blobs,
                    &repo.gix,
                    &mut |id| id.to_string(),
                    repo.merge_options()?,
                );
                merged.map(|merged| merged.tree_id).map_err(doing(finding()))
            }
            (Some(base), None) => repo.tree_of_commit(base),
            _ => Ok(repo.empty_tree()),
        }
    }
}

impl Repo {
    /// Merge two trees with their common base; writes the result.
    ///
    /// # Errors
    /// [`Error::Conflict`] when both changed the same content differently.
    pub fn merge_trees(&self, base: Oid, ours: Oid, theirs: Oid) -> Result<Oid> {
        if let Some(merged) = self.merge_entries(base, ours, theirs)? {
            return Ok(merged);
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
        gix::merge::plumbing::tree(
            &base,
            &ours,
            &theirs,
            usual(),
            &self.gix,
            |bytes| self.gix.write_buf(gix::objs::Kind::Blob, bytes),
            &mut usual(),
            &mut self.rename_platform(),
            &mut self.blob_platform(),
            self.merge_options()?,
        )
        .map_err(doing("merge the points below"))
    }

    fn merge_options(&self) -> Result<Options> {
        self.gix.tree_merge_options().map(Into::into).map_err(reading("the merge configuration"))
    }

    fn blob_platform(&self) -> Platform {
        Platform::new(Pipeline::new(usual(), self.no_filter(), usual()), usual(), no_attributes(), Vec::new(), usual())
    }

    fn rename_platform(&self) -> DiffPlatform {
        let pipeline = DiffPipeline::new(usual(), self.no_filter(), Vec::new(), usual());
        DiffPlatform::new(usual(), pipeline, usual(), no_attributes())
    }

    fn no_filter(&self) -> Filter {
        Filter::new(usual(), self.gix.object_hash(), usual())
    }
}

fn no_attributes() -> Stack {
    Stack::new("", State::AttributesStack(usual()), usual(), Vec::new(), Vec::new())
}

/// The default options, as git without configuration.
fn usual<T: Default>() -> T {
    T::default()
}
