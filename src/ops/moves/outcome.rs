//! The points of a plan: what happens to each, and why it is left out.

use std::path::PathBuf;

use crate::config::Named;
use crate::git::Oid;
use crate::git::names::BranchName;
use crate::lattice::Spelled;

/// One point of a plan.
#[derive(Debug, Clone)]
pub struct Item {
    /// The point.
    pub named: Named,
    /// Its commit before; `None` if it had no branch.
    pub from: Option<Oid>,
    /// What happens to it.
    pub outcome: Outcome,
}

/// What happens to a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its branch moves to a new commit.
    Moved {
        /// The commit.
        to: Oid,
        /// What the commit brings in: points, branches or files.
        brings: Vec<String>,
        /// Whether the commit only merges the points below.
        is_restack: bool,
    },
    /// It had no branch and gets one.
    Created {
        /// The commit.
        to: Oid,
        /// What it holds: points, branches or files.
        brings: Vec<String>,
    },
    /// It gets another name.
    Renamed(Target),
    /// Its branch is deleted.
    Removed(Removal),
    /// Nothing changes.
    Unchanged,
    /// It is left out.
    LeftOut(Reason),
}

/// Why a point is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Both sides changed the same content.
    Conflict {
        /// The paths.
        paths: Vec<String>,
        /// The branches to merge by hand.
        branches: Vec<String>,
    },
    /// This point below it is left out.
    Above(Spelled),
    /// Its content is not as the command needs it.
    Unusable(String),
    /// Changes of another point do not apply: both sides changed the same content.
    Rejected {
        /// The paths.
        paths: Vec<String>,
        /// The command that applies them in a worktree, with conflict markers, if there is one.
        apply: Option<String>,
        /// The command that commits the result, so that it counts as applied.
        record: String,
    },
    /// A worktree has its branch checked out and is not clean, or is rebasing or bisecting it.
    InUse(PathBuf),
    /// A file that git does not track is where the new commit has one.
    Untracked {
        /// The worktree.
        worktree: PathBuf,
        /// The file.
        path: String,
    },
    /// This worktree has its branch checked out, which would leave it without one.
    CheckedOut {
        /// The worktree.
        place: PathBuf,
        /// The command that leaves the branch.
        leave: String,
    },
    /// It lacks commits of this point below it.
    Behind(Spelled),
    /// The branch on the remote has commits that it lacks.
    Diverged,
    /// This point above it stays, and grows on it.
    GrownOn(Spelled),
    /// No remote branch has all its commits.
    Unpushed(Unpushed),
    /// It has no local branch, and nothing is to be deleted on the remote.
    OnlyThere,
}

/// The new name of a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The name.
    pub named: Named,
    /// The commit.
    pub commit: Oid,
    /// Whether the old branch on the remote is deleted.
    pub is_remote: bool,
    /// Whether the remote keeps the old branch.
    pub stays_on_remote: bool,
}

/// How a point is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Why.
    pub cause: Cause,
    /// Whether the local branch is deleted.
    pub is_local: bool,
    /// Whether the branch on the remote is deleted.
    pub is_remote: bool,
    /// Whether the remote keeps the branch.
    pub stays_on_remote: bool,
    /// The commits that no remote branch has.
    pub unpushed: Option<Unpushed>,
}

/// Why a point is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// All its commits are in this branch, the base.
    Merged(BranchName),
    /// It has this other name now.
    Moved(Spelled),
    /// This later step of its phase contains it, and was promoted.
    Superseded(Spelled),
    /// The user named it.
    Named,
}

/// Commits of a point that no remote branch has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpushed {
    /// How many; those of points below do not count.
    pub commits: usize,
    /// The last one.
    pub tip: Oid,
}
