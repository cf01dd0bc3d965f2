//! The answers "no": what was asked is understood and possible in general, but not now.

use super::remote_failure::RemoteFailure;
use crate::git;
use crate::lattice::Spelled;

/// The answer is no: what was asked is understood and possible in general, but not now.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The branch is there and holds something else.
    #[error("branch `{branch}` exists with other content: it is at {existing}, and this would make {new} ({differs})")]
    OtherContent {
        /// The branch.
        branch: String,
        /// Where it is.
        existing: String,
        /// The commit that this command would have made.
        new: String,
        /// Which files differ.
        differs: String,
    },
    /// A branch is where a point's branch would have to be.
    #[error("branch `{branch}` cannot be made: `{other}` is in the way ({why})")]
    InTheWay {
        /// The branch to be made.
        branch: String,
        /// The one that is there.
        other: String,
        /// Why the two cannot be together.
        why: &'static str,
    },
    /// A file is where the point's directory would have to be.
    #[error("`{dir}` cannot be made: `{path}` is there in the points below or in the base, and is no directory")]
    FileInTheWay {
        /// The point's directory.
        dir: String,
        /// What is there.
        path: String,
    },
    /// There is nothing after this point.
    #[error("`{point}` is the last step of its phase")]
    LastStep {
        /// The point.
        point: String,
    },
    /// There is nothing above this point.
    #[error("`{point}` is in the last phase there is")]
    LastPhase {
        /// The point.
        point: String,
        /// The base branch, where its work can go.
        base: String,
    },
    /// What a promotion asks for is not there.
    #[error("the promotion to {target} is refused: {} missing", things(missing.len()))]
    NotReady {
        /// The point or branch to be made.
        target: String,
        /// What is missing, point by point.
        missing: Vec<Missing>,
    },
    /// The remote did not answer, or did not do what it was asked.
    #[error("could not {doing} `{remote}`: {why}")]
    Remote {
        /// What was asked.
        doing: &'static str,
        /// The remote.
        remote: String,
        /// Why.
        why: RemoteFailure,
    },
    /// No operation can be undone.
    #[error("there is nothing to undo")]
    NothingToUndo,
    /// The operation is not in force, so it cannot be undone.
    #[error("operation {operation} is {state}")]
    NotInForce {
        /// The operation.
        operation: String,
        /// Where it stands.
        state: &'static str,
        /// The operation that took it back.
        by: Option<String>,
    },
    /// Refs are not what the operation made them.
    #[error("nothing was undone: {} moved since operation {operation}", have(refs))]
    Moved {
        /// The operation.
        operation: String,
        /// The refs.
        refs: Vec<String>,
    },
    /// A commit that undoing needs is gone.
    #[error("nothing was undone: commit {commit} of `{name}` is not in this repository any more")]
    CommitGone {
        /// The operation.
        operation: String,
        /// The ref that would get it.
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
        /// Where.
        worktree: String,
        /// The command that leaves it.
        leave: String,
    },
    /// The branch is checked out somewhere, and moving it would pull the ground from under that worktree.
    #[error("branch `{branch}` is checked out in `{worktree}`, so it cannot be moved from here")]
    CheckedOut {
        /// The branch.
        branch: String,
        /// Where.
        worktree: String,
    },
}

/// One condition that is not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The point.
    pub point: Spelled,
    /// What it lacks.
    pub what: String,
    /// The command that would supply it.
    pub command: String,
}

impl Refusal {
    /// That `remote` did not do what git was to ask of it; `error` itself, where it does not tell of the remote.
    pub(super) fn remote(error: git::Error, doing: &'static str, remote: &str) -> anyhow::Error {
        match RemoteFailure::of(error, remote) {
            Ok(why) => Self::Remote { doing, remote: remote.to_owned(), why }.into(),
            Err(error) => error.into(),
        }
    }
}

/// `a` has, `a` and 2 others have.
fn have(refs: &[String]) -> String {
    match refs {
        [] => "a ref has".to_owned(),
        [one] => format!("`{one}` has"),
        [one, two] => format!("`{one}` and `{two}` have"),
        [first, rest @ ..] => format!("`{first}` and {} others have", rest.len()),
    }
}

fn things(count: usize) -> String {
    if count == 1 { "one thing is".to_owned() } else { format!("{count} things are") }
}
