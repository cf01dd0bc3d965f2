//! Which commits contain which, for many questions about the same history.

use std::collections::{HashMap, HashSet};

use gix::revision::plumbing::merge_base::Flags;
use gix::revwalk::{Graph, graph::Commit};

use super::{Oid, Repo, Result, doing};

/// A graph of commits; it keeps those that it has read.
pub(super) type History<'r> = Graph<'r, 'r, Commit<Flags>>;

/// How many commits are searched before git's algorithm for merge bases is used, which costs more to start.
const NEAR: usize = 16;
/// How many commits a graph keeps: each search clears the marks of all of them.
const MAX_COMMITS: usize = 4096;

/// Answers whether commits contain others. It keeps its answers and the commits that it has read.
pub struct Ancestry<'r> {
    pub(super) repo: &'r Repo,
    history: History<'r>,
    known: HashMap<(Oid, Oid), bool>,
}

impl Repo {
    /// Answers several questions about the history of this repository.
    pub fn ancestry(&self) -> Ancestry<'_> {
        Ancestry { repo: self, history: self.history(), known: HashMap::new() }
    }

    fn history(&self) -> History<'_> {
        // git's commit-graph file only saves time.
        let file = self.commit_graph.get_or_init(|| self.gix.commit_graph_if_enabled().ok().flatten());
        self.gix.revision_graph(file.as_ref())
    }
}

impl<'r> Ancestry<'r> {
    /// Whether `ancestor` is reachable from `commit`, or equal to it.
    ///
    /// # Errors
    /// When history cannot be read.
    pub fn contains(&mut self, commit: Oid, ancestor: Oid) -> Result<bool> {
        let contains = match self.near(commit, ancestor)? {
            Some(contains) => contains,
            None => self.bases(ancestor, &[commit])?.contains(&ancestor),
        };
        self.known.insert((commit, ancestor), contains);
        Ok(contains)
    }

    /// Like [`Self::contains`]. An unreadable ancestor counts as contained: it is reported separately.
    ///
    /// # Errors
    /// When history cannot be read.
    pub fn contains_readable(&mut self, commit: Oid, ancestor: Oid) -> Result<bool> {
        Ok(self.known.get(&(commit, ancestor)).copied().unwrap_or_default()
            || self.repo.commit(ancestor).is_err()
            || self.contains(commit, ancestor)?)
    }

    /// Like [`Self::contains_readable`]; `None` if a shallow clone lacks the history that tells.
    ///
    /// # Errors
    /// When history cannot be read.
    pub fn contains_if_known(&mut self, commit: Oid, ancestor: Oid) -> Result<Option<bool>> {
        if self.contains_readable(commit, ancestor)? {
            return Ok(Some(true));
        }
        Ok(if self.repo.is_shallow() && self.may_contain(commit, ancestor) { None } else { Some(false) })
    }

    /// Whether the history of `commit` ends at commits that are missing and may contain `ancestor`. Those that are missing below
    /// `ancestor` cannot contain it.
    fn may_contain(&self, commit: Oid, ancestor: Oid) -> bool {
        let mut seen = HashSet::new();
        self.reaches_missing(ancestor, &mut seen);
        self.reaches_missing(commit, &mut seen)
    }

    /// Whether a commit is missing among the ancestors of `start` that are not `seen`.
    fn reaches_missing(&self, start: Oid, seen: &mut HashSet<Oid>) -> bool {
        let (mut waiting, mut is_missing) = (vec![start], false);
        while let Some(commit) = waiting.pop() {
            if !seen.insert(commit) {
                continue;
            }
            match self.repo.links(commit) {
                Ok((_, parents)) => waiting.extend(parents),
                Err(_) => is_missing = true,
            }
        }
        is_missing
    }

    /// The answer of the next commits: points are mostly asked about in order, so that the one below is known.
    fn near(&self, commit: Oid, ancestor: Oid) -> Result<Option<bool>> {
        let (mut waiting, mut seen) = (vec![commit], HashSet::from([commit]));
        while let Some(next) = waiting.pop() {
            match self.known.get(&(next, ancestor)) {
                Some(true) => return Ok(Some(true)),
                Some(false) => continue,
                None if next == ancestor => return Ok(Some(true)),
                None if seen.len() > NEAR => return Ok(None),
                None => {}
            }
            // A shallow clone lacks commits.
            let parents = match self.repo.links(next) {
                Ok((_, parents)) => parents,
                Err(_) if next != commit => return Ok(None),
                Err(error) => return Err(error),
            };
            if parents.contains(&ancestor) {
                return Ok(Some(true));
            }
            waiting.extend(parents.into_iter().rev().filter(|parent| seen.insert(*parent)));
        }
        Ok(Some(false))
    }

    /// The best common ancestors of a commit and a hypothetical merge of `others`.
    ///
    /// # Errors
    /// When history cannot be read.
    pub(super) fn bases(&mut self, commit: Oid, others: &[Oid]) -> Result<Vec<Oid>> {
        let gix = &self.repo.gix;
        let bases = gix.merge_bases_many_with_graph(commit, others, self.history());
        let bases = bases.map_err(doing(format!("find where {commit} branched off")))?;
        Ok(bases.into_iter().map(gix::Id::detach).collect())
    }

    /// The commits read so far, if they are not too many.
    pub(super) fn history(&mut self) -> &mut History<'r> {
        if self.history.len() > MAX_COMMITS {
            self.history = self.repo.history();
        }
        &mut self.history
    }
}
