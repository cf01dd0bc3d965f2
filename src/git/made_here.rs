//! Detection of content created in this clone, from its reflogs: they are local, so a remote cannot write them.

use super::tree::Entry;
use super::{Oid, Repo, Result};

/// Number of reflog entries to search.
const MAX_MOVES: usize = 200;
/// Reflog messages of commits created here, not fetched, pulled, merged, rebased or copied (git-reflog(1)).
const MADE_HERE: [&str; 4] = [ADDED, "commit: ", "commit (initial): ", "commit (amend): "];
/// The reflog message of a command that adds a point, which keeps existing files.
const ADDED: &str = "lattice: add ";

/// The commit by which this clone introduced an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MadeHere {
    /// The commit.
    pub commit: Oid,
    /// Whether a command added a point, so that the user may not have seen what it took from other points.
    pub adds_point: bool,
}

impl Repo {
    /// Whether a commit created in this clone introduced exactly `entry` at `path` on the ref with this full name.
    ///
    /// # Errors
    /// When objects cannot be read.
    pub fn was_made_here(&self, name: &str, path: &str, entry: &Entry) -> Result<bool> {
        Ok(self.made_here(name, path, entry)?.is_some())
    }

    /// The commit created in this clone that introduced exactly `entry` at `path` on the ref with this full name.
    ///
    /// The commit must have the entry, while its parents and the ref's previous value do not: amending or merging another author's
    /// commit also creates a commit, but introduces nothing. If a command added a point to an existing directory, the directory may
    /// contain another author's files that the user never saw, so it does not count.
    ///
    /// # Errors
    /// When objects cannot be read.
    pub fn made_here(&self, name: &str, path: &str, entry: &Entry) -> Result<Option<MadeHere>> {
        let moves = self.reflog(name, MAX_MOVES)?;
        for (i, (commit, message)) in moves.iter().enumerate() {
            if !MADE_HERE.iter().any(|made| message.starts_with(made)) {
                continue;
            }
            // An amended commit may have been garbage-collected.
            let Ok(made) = self.commit(*commit) else { continue };
            let before = made.parents.iter().chain(moves.get(i + 1).map(|(older, _)| older));
            let kept = || message.starts_with(ADDED) && self.any_has(&made.parents, path);
            if self.holds(made.tree, path, entry)? && !self.any_holds(before, path, entry) && !kept() {
                return Ok(Some(MadeHere { commit: *commit, adds_point: message.starts_with(ADDED) }));
            }
        }
        Ok(None)
    }

    /// Whether a tree has exactly this entry at a path.
    ///
    /// # Errors
    /// When objects cannot be read.
    pub fn holds(&self, tree: Oid, path: &str, entry: &Entry) -> Result<bool> {
        Ok(self.entry_at(tree, path)?.is_some_and(|found| found.id == entry.id && found.is_tree == entry.is_tree))
    }

    /// Whether one of these commits has any entry at a path; an unreadable commit counts as yes.
    fn any_has(&self, commits: &[Oid], path: &str) -> bool {
        let has = |commit: &Oid| self.tree_of_commit(*commit).and_then(|tree| self.entry_at(tree, path));
        commits.iter().any(|commit| has(commit).map_or(true, |entry| entry.is_some()))
    }

    /// Whether one of these commits has exactly this entry at a path; an unreadable commit counts as yes.
    fn any_holds<'a>(&self, mut commits: impl Iterator<Item = &'a Oid>, path: &str, entry: &Entry) -> bool {
        commits.any(|commit| {
            let tree = self.tree_of_commit(*commit);
            tree.and_then(|tree| self.holds(tree, path, entry)).unwrap_or(true)
        })
    }
}
