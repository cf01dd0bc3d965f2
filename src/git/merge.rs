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
use gix::worktree::{Stack, stack::State};

use super::ancestry::Ancestry;
use super::{Error, Oid, Repo, Result, doing, reading};

/// How many commits of a branch are searched for the one that it grew from.
const NEAR: usize = 64;

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
        Merger(self.ancestry())
    }
}

/// Merges trees. It keeps the commits it has read.
pub struct Merger<'r>(Ancestry<'r>);

impl<'r> Merger<'r> {
    /// The history that it has read.
    pub fn ancestry(&mut self) -> &mut Ancestry<'r> {
        &mut self.0
    }

    /// Like [`Repo::merged_tree`].
    ///
    /// # Errors
    /// [`Error::Conflict`] when two commits changed the same content differently.
    pub fn merged_tree(&mut self, commits: &[Oid]) -> Result<Oid> {
        let repo = self.0.repo;
        let Some((first, rest)) = commits.split_first() else { return Ok(repo.empty_tree()) };
        let mut tree = repo.tree_of_commit(*first)?;
        let mut seen = vec![*first];
        for &commit in rest {
            let theirs = repo.tree_of_commit(commit)?;
            let base = self.base_of(commit, &seen)?;
            tree = repo.merge_trees(base, tree, theirs)?;
            seen.push(commit);
        }
        Ok(tree)
    }

    /// The tree of a merge of a lower branch into the branch of `own`; `commit` is a new commit of the lower branch, `before` the
    /// commit that it had so far.
    ///
    /// The new commits of a long chain all are above `before`: where the branch of `own` grew from it, none of them is searched for a
    /// common ancestor.
    ///
    /// # Errors
    /// [`Error::Conflict`] when both changed the same content differently.
    pub fn merged_with_moved(&mut self, own: Oid, before: Oid, commit: Oid) -> Result<Oid> {
        let repo = self.0.repo;
        let base =
            if repo.grew_from(own, before) { repo.tree_of_commit(before)? } else { self.base_of(commit, &[own])? };
        repo.merge_trees(base, repo.tree_of_commit(own)?, repo.tree_of_commit(commit)?)
    }

    /// The tree that a commit and a hypothetical merge of `others` have in common. Several best ancestors are merged as
    /// git-merge-recursive(1) does.
    fn base_of(&mut self, commit: Oid, others: &[Oid]) -> Result<Oid> {
        let repo = self.0.repo;
        let mut bases = self.0.bases(commit, others)?;
        let (first, second) = (bases.pop(), bases.pop());
        match (first, second) {
            (Some(first), Some(second)) => {
                let (mut blobs, mut renames) = (repo.blob_platform(), repo.rename_platform());
                let merged = virtual_merge_base(
                    first,
                    second,
                    bases,
                    self.0.history(),
                    &mut renames,
                    &mut blobs,
                    &repo.gix,
                    &mut |id| id.to_string(),
                    repo.merge_options()?,
                );
                merged.map(|merged| merged.tree_id).map_err(doing(format!("find where {commit} branched off")))
            }
            (Some(base), None) => repo.tree_of_commit(base),
            _ => Ok(repo.empty_tree()),
        }
    }
}

impl Repo {
    /// Whether a branch grew from `below`, and its own commits since then merged nothing but earlier commits of that lower branch. Then
    /// `below` is the only best common ancestor with any later commit of the lower branch.
    fn grew_from(&self, own: Oid, below: Oid) -> bool {
        let (mut line, mut lower, mut merged) = (vec![own], vec![below], Vec::new());
        while line.len() < NEAR {
            // A shallow clone lacks commits.
            let Ok((_, parents)) = self.links(line[line.len() - 1]) else { return false };
            let Some((first, others)) = parents.split_first() else { return false };
            merged.extend(others.iter().map(|other| (line.len(), *other)));
            line.push(*first);
            lower.extend(self.links(lower[lower.len() - 1]).ok().and_then(|(_, parents)| parents.first().copied()));
            if let Some(meeting) = line.iter().position(|commit| lower.contains(commit)) {
                let mut since = merged.iter().filter(|(at, _)| *at <= meeting).map(|(_, commit)| commit);
                let is_below = line[meeting] == below || since.clone().any(|commit| *commit == below);
                return is_below && since.all(|commit| lower.contains(commit));
            }
        }
        false
    }

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
