//! What was made in this clone, as the logs of its refs tell: they are written here alone, and nobody can push one.

use super::tree::Entry;
use super::{Oid, Repo, Result};

/// How many of a ref's last moves are looked at.
const MOVES: usize = 200;
/// What a ref's log says where a commit was made here, and not fetched, pulled, merged, rebased or copied (git-reflog(1)).
const MADE_HERE: [&str; 4] = [ADDED, "commit: ", "commit (initial): ", "commit (amend): "];
/// What the log says where a point was added: by a command, which keeps what is there already.
const ADDED: &str = "lattice: add ";

impl Repo {
    /// Whether a commit that was made in this clone brought exactly `entry` to `path` on the ref of this full name.
    ///
    /// It did when the commit has the entry, and neither one of its parents nor the ref before had it: whoever amends or merges
    /// another's commit makes a new one, and brings nothing that was not there. What was added by a command to a directory that was
    /// there may hold files of another, which nobody looked at.
    ///
    /// # Errors
    /// When objects cannot be read.
    pub fn was_made_here(&self, name: &str, path: &str, entry: &Entry) -> Result<bool> {
        let moves = self.reflog(name, MOVES)?;
        for (i, (commit, message)) in moves.iter().enumerate() {
            if !MADE_HERE.iter().any(|made| message.starts_with(made)) {
                continue;
            }
            // A commit that was amended away may have been collected since.
            let Ok(made) = self.commit(*commit) else { continue };
            let before = made.parents.iter().chain(moves.get(i + 1).map(|(older, _)| older));
            let kept = || message.starts_with(ADDED) && self.any_has(&made.parents, path);
            if self.holds(made.tree, path, entry)? && !self.any_holds(before, path, entry) && !kept() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a tree has exactly this at a path.
    ///
    /// # Errors
    /// When objects cannot be read.
    pub fn holds(&self, tree: Oid, path: &str, entry: &Entry) -> Result<bool> {
        Ok(self.entry_at(tree, path)?.is_some_and(|found| found.id == entry.id && found.is_tree == entry.is_tree))
    }

    /// Whether one of these commits has anything at a path; one that cannot be read may have.
    fn any_has(&self, commits: &[Oid], path: &str) -> bool {
        let has = |commit: &Oid| self.tree_of_commit(*commit).and_then(|tree| self.entry_at(tree, path));
        commits.iter().any(|commit| has(commit).map_or(true, |entry| entry.is_some()))
    }

    /// A commit that cannot be read may have it.
    fn any_holds<'a>(&self, mut commits: impl Iterator<Item = &'a Oid>, path: &str, entry: &Entry) -> bool {
        commits.any(|commit| {
            let tree = self.tree_of_commit(*commit);
            tree.and_then(|tree| self.holds(tree, path, entry)).unwrap_or(true)
        })
    }
}
