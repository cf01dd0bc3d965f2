//! The deeds. They return values and print nothing; first a plan, then its application.

pub mod apart;
pub mod build;
pub mod change;
pub mod check;
pub mod doctor;
pub mod hook;
pub mod hooks;
pub mod init;
pub mod limits;
pub mod lint;
pub mod lock;
pub mod log;
pub mod new;
pub mod next;
pub mod promote;
pub mod push;
pub mod queue;
pub mod records;
pub mod show;
pub mod sync;
pub mod trust;
pub mod undo;
pub mod unfinished;

use crate::config::{Config, Named};
use crate::git::{self, Oid, Repo};
use crate::lattice::Point;

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
        missing: Vec<promote::Missing>,
    },
    /// The remote did not answer, or did not do what it was asked.
    #[error("could not {doing} `{remote}`: {why}")]
    Remote {
        /// What was asked.
        doing: &'static str,
        /// The remote.
        remote: String,
        /// Why.
        why: push::RemoteFailure,
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

/// It could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Cannot {
    /// No branch to grow from.
    #[error("the base branch `{base}` does not exist, neither here nor on the remote as last fetched")]
    NoBase {
        /// Its name.
        base: String,
        /// The command that may bring it, where there is a remote.
        fetch: Option<String>,
    },
    /// No commit to grow from.
    #[error("the repository has no commit yet")]
    NoCommit,
    /// The point is not in the population.
    #[error("point `{point}` has no branch `{branch}`, neither here nor on the remote as last fetched")]
    NoPoint {
        /// The point.
        point: String,
        /// Its branch.
        branch: String,
    },
    /// HEAD is on no point, and no point was named.
    #[error("no point was named, and HEAD is not on the branch of one")]
    NoHeadPoint,
    /// The branch does not hold the point's directory.
    #[error("branch `{branch}` ({commit}) has no `{dir}/flake.nix`")]
    NoFlake {
        /// The branch.
        branch: String,
        /// Where it is.
        commit: String,
        /// Where the flake should be.
        dir: String,
    },
    /// This Nix would read the repository through a clone, in which attributes of the branch count.
    #[error("Nix {nix} cannot read `{path}` as it is: the path has other characters than letters, digits and `-._~/`")]
    OddPath {
        /// The repository for Nix.
        path: String,
        /// Which Nix.
        nix: crate::nix::Version,
    },
    /// The file is there already.
    #[error("`{file}` is there already")]
    Exists {
        /// Which.
        file: &'static str,
    },
    /// There is no worktree to write into.
    #[error("the repository is bare: there is no worktree to write `{file}` into")]
    Bare {
        /// Which.
        file: &'static str,
    },
    /// The data for the template `rust` is missing.
    #[error("template `rust` needs `version` and `hash` under `[rust]` in config.toml")]
    NoRust,
    /// The point below needs an input that this template does not have.
    #[error(
        "template `{template}` has no inputs, and the point below, `{below}`, is made with `{below_template}`, which needs nixpkgs"
    )]
    NeedsNixpkgs {
        /// The template that was asked for.
        template: &'static str,
        /// The point below.
        below: String,
        /// Its template.
        below_template: &'static str,
    },
    /// There is no remote to exchange anything with.
    #[error("there is no remote{}", remote.as_ref().map(|remote| format!(" `{remote}`")).unwrap_or_default())]
    NoRemote {
        /// The one that lattice.toml names; `None` when it says nowhere.
        remote: Option<String>,
    },
    /// The journal has no such operation.
    #[error("the journal has no operation `{0}`")]
    NoOperation(String),
    /// The journal has several such operations.
    #[error("several operations begin with `{0}`")]
    SeveralOperations(String),
    /// A git that a killed process had started still runs.
    #[error("git (process {pid}) of the interrupted `{command}` is still moving refs")]
    StillMoving {
        /// Its process id.
        pid: u32,
        /// The command that started it.
        command: String,
    },
    /// Nothing was selected.
    #[error("`{0}` selects no point that has a branch")]
    NothingSelected(String),
    /// The lattice has no axis of the needed kind.
    #[error("{0}")]
    NoAxis(String),
    /// A linter that the project requires is not there.
    #[error("`lint.require` asks for {engines}, which did not check: {why}")]
    NoEngine {
        /// Which.
        engines: String,
        /// Why it did not.
        why: String,
    },
    /// A generated file did not pass its own check: a fault of git-lattice.
    #[error("a generated file does not pass its own check: {finding}")]
    BadOutput {
        /// What was found.
        finding: String,
    },
}

impl Refusal {
    /// That `remote` did not do what git was to ask of it; `error` itself, where it does not tell of the remote.
    fn remote(error: git::Error, doing: &'static str, remote: &str) -> anyhow::Error {
        match push::RemoteFailure::of(error, remote) {
            Ok(why) => Self::Remote { doing, remote: remote.to_owned(), why }.into(),
            Err(error) => error.into(),
        }
    }
}

impl Cannot {
    /// That a point has no branch.
    pub fn no_point(config: &Config, point: &Point) -> Self {
        let Named { spelled, branch, .. } = config.name(point);
        Self::NoPoint { point: spelled.into(), branch: branch.to_string() }
    }

    /// That the branch of a point does not hold its directory.
    pub fn no_flake(named: Named, commit: Oid) -> Self {
        Self::NoFlake { branch: named.branch.to_string(), commit: short(commit), dir: named.dir }
    }

    /// That the branch `base` to grow from is not here.
    fn no_base(repo: &Repo, config: &Config, base: &str) -> Self {
        let remote = config.remote.as_ref().filter(|remote| repo.remotes().contains(remote));
        let fetch = remote.map(|remote| repo.fetch_command(remote, Some(base)));
        Self::NoBase { base: base.to_owned(), fetch }
    }
}

/// The first characters of an id, for messages of plans whose objects are in memory only.
fn short(id: Oid) -> String {
    id.to_hex_with_len(10).to_string()
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
