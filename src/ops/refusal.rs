//! Refusals, with exit code 1: the request is valid, but not possible now.

use std::path::PathBuf;

use super::remote_failure::RemoteFailure;
use crate::config;
use crate::git;
use crate::lattice::Spelled;
use crate::text::{tally, terminal_safe};

/// Why a valid request is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The branch exists with other content.
    #[error("branch `{branch}` exists with other content: {differs}")]
    OtherContent {
        /// The point.
        point: Spelled,
        /// The branch.
        branch: String,
        /// Its commit.
        existing: String,
        /// What differs, as sentences.
        differs: String,
        /// Why it differs.
        cause: Difference,
    },
    /// `lattice.toml` is only in the worktree.
    #[error("`{}` is not committed: the branch of a new point would not have it", config::FILE)]
    NotCommitted {
        /// The base branch, where it belongs.
        base: String,
    },
    /// `lattice.toml` in the worktree has the point, and the committed one does not.
    #[error(
        "`{}` has uncommitted changes: that of `{base}` does not have `{point}`, and other clones read that one",
        config::FILE
    )]
    NotDeclared {
        /// The point.
        point: Spelled,
        /// The base branch.
        base: String,
    },
    /// `lattice.toml` has other changes than the command makes.
    #[error("`{}` here is not that of `{base}`, by which the points have their names", config::FILE)]
    Uncommitted {
        /// The base branch.
        base: String,
    },
    /// A point has a value that is to be removed.
    #[error("`{point}`{} a value that would be removed from axis `{axis}`", and_others(*others))]
    ValueInUse {
        /// The axis.
        axis: String,
        /// The point.
        point: Spelled,
        /// How many other points have one.
        others: usize,
    },
    /// Another branch prevents the branch of a point.
    #[error("branch `{branch}` conflicts with the branch `{other}`: {why}")]
    InTheWay {
        /// The branch to make.
        branch: String,
        /// The existing branch.
        other: String,
        /// Why the two clash.
        why: &'static str,
    },
    /// The point to make exists.
    #[error("point `{point}` exists already: branch `{branch}`, here or on the remote")]
    PointExists {
        /// The point.
        point: Spelled,
        /// Its branch.
        branch: String,
    },
    /// A point would grow on other points than its commits say.
    #[error("`{point}` would grow on {}, and now grows on {}", points(then), points(now))]
    OtherOrder {
        /// The point, by its new name.
        point: Spelled,
        /// The points directly below it, by their new names.
        now: Vec<Spelled>,
        /// The points that would be directly below it.
        then: Vec<Spelled>,
    },
    /// A file prevents the directory of a point.
    #[error("`{dir}` cannot be made: `{path}` exists in the points below or in the base and is not a directory")]
    FileInTheWay {
        /// The point's directory.
        dir: String,
        /// The path of the file.
        path: String,
    },
    /// The point has no note.
    #[error("`{point}` has no note")]
    NoNote {
        /// The point.
        point: Spelled,
    },
    /// There is no next step.
    #[error("`{point}` is the last step of its phase")]
    LastStep {
        /// The point.
        point: String,
    },
    /// There is no next phase.
    #[error("`{point}` is in the last phase")]
    LastPhase {
        /// The point.
        point: String,
        /// The base branch, into which it can be merged.
        base: String,
    },
    /// Conditions of a promotion are not met.
    #[error("the promotion to {target} is refused: {} not met", requirements(missing.len()))]
    NotReady {
        /// The point to make or the branch to merge into.
        target: String,
        /// The unmet conditions.
        missing: Vec<Missing>,
    },
    /// The remote did not answer or refused the request.
    #[error("could not {doing} `{remote}`: {why}")]
    Remote {
        /// The request, as a verb phrase.
        doing: &'static str,
        /// The remote.
        remote: String,
        /// The reason.
        why: RemoteFailure,
    },
    /// There is no operation to undo.
    #[error("there is nothing to undo")]
    NothingToUndo,
    /// The operation is already undone or not finished.
    #[error("operation {operation} is {state}")]
    NotInForce {
        /// The operation.
        operation: String,
        /// Its state.
        state: &'static str,
        /// The operation that undid it.
        by: Option<String>,
    },
    /// The operation changed nothing in this repository.
    #[error("nothing was undone: operation {operation} deleted branches on a remote only")]
    OnlyRemote {
        /// The operation.
        operation: String,
    },
    /// Refs have moved since the operation.
    #[error("nothing was undone: {} moved since operation {operation}", have(refs))]
    Moved {
        /// The operation.
        operation: String,
        /// The refs.
        refs: Vec<String>,
    },
    /// A commit needed to undo is missing.
    #[error("nothing was undone: commit {commit} of `{name}` is no longer in this repository")]
    CommitGone {
        /// The operation.
        operation: String,
        /// The ref to set to it.
        name: String,
        /// The commit.
        commit: String,
    },
    /// A branch that undoing would move or delete is checked out.
    #[error("nothing was undone: branch `{branch}` is checked out in `{worktree}`")]
    InUse {
        /// The operation.
        operation: String,
        /// The branch.
        branch: String,
        /// The worktree.
        worktree: String,
        /// The command that leaves it.
        leave: String,
    },
    /// No point is where the command line says.
    #[error("{what}")]
    NothingThere {
        /// What is not there, as a sentence.
        what: String,
        /// The command that makes one.
        hint: Option<&'static str>,
    },
    /// Several points are where one is needed.
    #[error("{} points are directly {place} {from}", points.len())]
    SeveralThere {
        /// `above` or `below`.
        place: &'static str,
        /// The point or branch to go from.
        from: String,
        /// The points.
        points: Vec<Spelled>,
    },
    /// Another worktree has the branch checked out.
    #[error("branch `{branch}` is checked out in `{}`", terminal_safe(&worktree.to_string_lossy()))]
    UsedElsewhere {
        /// The branch.
        branch: String,
        /// The worktree.
        worktree: PathBuf,
        /// Whether the user has locked it.
        is_locked: bool,
    },
    /// A new worktree has no files, or only some of them.
    #[error("`git worktree add` has not finished in `{}`", terminal_safe(&worktree.to_string_lossy()))]
    UnfinishedWorktree {
        /// The worktree.
        worktree: PathBuf,
    },
    /// The branch is checked out, so moving it would leave that worktree out of date.
    #[error("branch `{branch}` is checked out in `{worktree}`, so it cannot be moved from here")]
    CheckedOut {
        /// The branch.
        branch: String,
        /// The worktree.
        worktree: String,
    },
}

/// Why an existing branch does not hold what `new` would make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// Another template or other data was asked for.
    Asked,
    /// The files are not generated, or were edited.
    Edited,
    /// The branch does not hold the point.
    NoPoint,
}

/// One unmet condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The point.
    pub point: Spelled,
    /// What it lacks.
    pub what: String,
    /// The command that supplies it.
    pub command: String,
}

impl Refusal {
    /// Turns the error of a git command that talks to `remote` into a refusal; other errors are returned as they are.
    pub(super) fn remote(error: git::Error, doing: &'static str, remote: &str) -> anyhow::Error {
        match RemoteFailure::of(error, remote) {
            Ok(why) => Self::Remote { doing, remote: remote.to_owned(), why }.into(),
            Err(error) => error.into(),
        }
    }
}

/// `a` has, `a` and `b` have, `a` and 2 others have.
fn have(refs: &[String]) -> String {
    match refs {
        [] => "a ref has".to_owned(),
        [one] => format!("`{one}` has"),
        [one, two] => format!("`{one}` and `{two}` have"),
        [first, rest @ ..] => format!("`{first}` and {} others have", rest.len()),
    }
}

/// `a` and `b`; the base branch if there are none.
fn points(points: &[Spelled]) -> String {
    let names: Vec<_> = points.iter().map(|point| format!("`{point}`")).collect();
    if names.is_empty() { "the base branch".to_owned() } else { names.join(" and ") }
}

fn requirements(count: usize) -> String {
    tally(count, "requirement is", "requirements are")
}

/// ` has`, ` and 2 others have`.
fn and_others(count: usize) -> String {
    if count == 0 { " has".to_owned() } else { format!(" and {} have", tally(count, "other", "others")) }
}
