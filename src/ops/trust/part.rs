//! A part of a build that needs a decision, and the commit that wrote it.

use std::fmt;

use anyhow::Result;

use crate::git::tree::Entry;
use crate::git::{Oid, Repo};
use crate::lattice::Point;

/// How many commits are searched for the one that wrote a part.
const COMMITS: usize = 1000;
/// A point's directory or a path in `[build] include` that is neither derivable nor made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// The point of the directory; `None` for a path in `[build] include`.
    pub point: Option<Point>,
    /// Its path from the root.
    pub path: String,
    /// The tree entry at the path.
    pub entry: Entry,
    /// The commit in whose history it was written.
    pub tip: Oid,
    /// Why it is not trusted without a decision.
    pub why: UntrustedReason,
}

/// Why something must not be built automatically.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UntrustedReason {
    /// It has a step.nix that was not written here.
    Step,
    /// Its flake.nix is not the generated one.
    Flake,
    /// It has additional files, or links.
    More,
    /// A path that builds may read was not written here.
    Included(String),
    /// The ledger cannot be read.
    Unreadable(String),
}

impl fmt::Display for UntrustedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step => f.write_str("its step.nix was not written here"),
            Self::Flake => f.write_str("its flake.nix is not what this version generates"),
            Self::More => f.write_str("it has files that are not generated"),
            Self::Included(path) => write!(f, "`{path}`, which builds may read, was not written here"),
            Self::Unreadable(why) => f.write_str(why),
        }
    }
}

/// The commit that wrote a part: following parents with the same entry, the first commit without such a parent. `None` beyond the
/// search limit or the end of a shallow clone.
pub(super) fn writer(repo: &Repo, Part { tip, path, entry, .. }: &Part) -> Result<Option<Oid>> {
    let mut at = *tip;
    for _ in 0..COMMITS {
        let mut same = None;
        for parent in repo.commit(at)?.parents {
            let Ok(tree) = repo.tree_of_commit(parent) else { return Ok(None) };
            if repo.holds(tree, path, entry)? {
                same = Some(parent);
                break;
            }
        }
        match same {
            Some(parent) => at = parent,
            None => return Ok(Some(at)),
        }
    }
    Ok(None)
}
