//! Errors that prevent an operation.

use std::path::PathBuf;

use crate::config::{Config, Named, Names};
use crate::git::{Oid, Repo};
use crate::lattice::{Point, Spelled};
use crate::nix;

/// Why an operation cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum Cannot {
    /// No branch to grow from.
    #[error("the base branch `{base}` does not exist, neither here nor on the remote as last fetched")]
    NoBase {
        /// Its name.
        base: String,
        /// The command that may fetch it, if there is a remote.
        fetch: Option<String>,
    },
    /// The base branch that the user named does not exist.
    #[error("there is no branch `{base}`, neither here nor on a remote as last fetched")]
    NoSuchBase {
        /// Its name.
        base: String,
        /// Some of the branches that are no points.
        known: Vec<String>,
    },
    /// The base branch cannot be guessed.
    #[error("which branch is the base? HEAD is detached and there is no main")]
    UnknownBase,
    /// No branch can be adopted.
    #[error("no branch {}", from.as_ref().map_or("looks like a point".to_owned(), |from| format!("is of the form `{from}`")))]
    NothingToAdopt {
        /// The form of the branches, if it is known.
        from: Option<String>,
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
    /// A file was named instead of a point, probably by the shell.
    #[error("`{text}` is a file or a folder, not a point")]
    NotQuoted {
        /// What was given.
        text: String,
        /// A pattern in quotes that selects all points.
        pattern: String,
    },
    /// Points were named where a folder is expected.
    #[error("`{text}` names points, not a folder")]
    PointsForFolder {
        /// What was given.
        text: String,
    },
    /// One point is needed, and several were named.
    #[error("expected one point, but `{named}`{} names {count}", if *from_head { " with HEAD's other coordinates" } else { "" })]
    SeveralPoints {
        /// What was given.
        named: String,
        /// Whether the coordinates that were not given are those of HEAD's point.
        from_head: bool,
        /// How many points it names.
        count: usize,
        /// The first of them.
        first: String,
        /// The subcommand.
        command: String,
    },
    /// A shallow clone lacks the history that tells whether points are behind.
    #[error("this shallow clone lacks the history that tells whether `{point}`{} behind", more_are(*others))]
    HistoryCutOff {
        /// The first such point.
        point: Spelled,
        /// The number of others.
        others: usize,
    },
    /// HEAD is on no point, and no point was named.
    #[error("no point is named, and HEAD is not on the branch of a point")]
    NoHeadPoint,
    /// Nothing says where to switch to.
    #[error("expected a point, a branch or one of the words {words}")]
    NoDestination {
        /// The words.
        words: String,
    },
    /// What was given names no point, no branch, and is none of the words.
    #[error("`{text}` is not a point, a branch or one of the words {words}")]
    UnknownDestination {
        /// What was given.
        text: String,
        /// The words.
        words: String,
        /// The nearest word.
        near: Option<String>,
    },
    /// The point has no note with this id.
    #[error("`{point}` has no note `{id}`")]
    NoSuchNote {
        /// The point.
        point: Spelled,
        /// What was given.
        id: String,
    },
    /// One note is needed, and the point has several.
    #[error("`{point}` has {} notes: {}", notes.len(), listed(notes))]
    SeveralNotes {
        /// The point.
        point: Spelled,
        /// The beginning of the id of each, and its first line.
        notes: Vec<(String, String)>,
    },
    /// Nothing says what to write, and there is no terminal for an editor.
    #[error("no note is given, and there is no terminal to open an editor on")]
    NoNoteText,
    /// The editor ended with an error.
    #[error("the editor `{editor}` failed; nothing was written")]
    Editor {
        /// The editor.
        editor: String,
        /// Where its text is, if the user had changed it.
        kept: Option<PathBuf>,
    },
    /// There is no worktree to switch.
    #[error("the repository is bare: there is no worktree to switch")]
    NoWorktreeToSwitch,
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
    /// This Nix would read the repository through a clone, to which the branch's gitattributes apply.
    #[error("Nix {nix} cannot read `{path}` directly: its path has characters other than letters, digits and `-._~/`")]
    OddPath {
        /// The path of the repository.
        path: String,
        /// The version of Nix.
        nix: nix::Version,
    },
    /// The file exists already.
    #[error("`{file}` already exists")]
    Exists {
        /// The file.
        file: &'static str,
    },
    /// No recorded build lists its calls.
    #[error("no recorded build of `{point}` for {system} has an output `calls`")]
    NoCalls {
        /// The point.
        point: String,
        /// The system.
        system: String,
    },
    /// An output of a build is not in the store.
    #[error("`{path}` of `{point}` is not in the store of this machine")]
    NotInStore {
        /// The point.
        point: String,
        /// The output.
        path: String,
    },
    /// There is no worktree to read.
    #[error("the repository is bare: there is no worktree whose files could be built")]
    NoWorktree,
    /// The worktree is on a branch without the point.
    #[error("this worktree has no `{dir}/flake.nix`")]
    NotInWorktree {
        /// The point's directory.
        dir: String,
        /// The command that brings it here.
        command: String,
    },
    /// There is no worktree to write into.
    #[error("the repository is bare: there is no worktree to write `{file}` into")]
    Bare {
        /// The file.
        file: &'static str,
    },
    /// The point below needs an input that this template does not have.
    #[error(
        "template `{template}` has no nixpkgs, which the point below, `{below}`, made with `{below_template}`, needs"
    )]
    NeedsNixpkgs {
        /// The template that was asked for.
        template: &'static str,
        /// The point below.
        below: String,
        /// Its template.
        below_template: &'static str,
    },
    /// There is no such remote.
    #[error("there is no remote{}", remote.as_ref().map(|remote| format!(" `{remote}`")).unwrap_or_default())]
    NoRemote {
        /// The remote that lattice.toml names; `None` when it names none.
        remote: Option<String>,
        /// The remotes of the repository.
        known: Vec<String>,
    },
    /// The journal has no such operation.
    #[error("the journal has no operation `{0}`")]
    NoOperation(String),
    /// The journal has several such operations.
    #[error("several operations begin with `{0}`")]
    SeveralOperations(String),
    /// A git started by a killed process still runs.
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
    #[error("lattice.toml requires the linter {engines}, which did not run: {why}")]
    NoEngine {
        /// The linters.
        engines: String,
        /// Why they did not check.
        why: String,
    },
    /// The flakes of a template call no `step.nix`.
    #[error("template `{template}` has no step.nix")]
    NoStepNix {
        /// The template.
        template: &'static str,
    },
    /// A generated file failed its own check: a bug in git-lattice.
    #[error("a generated file does not pass its own check: {finding}")]
    BadOutput {
        /// The finding.
        finding: String,
    },
}

impl Cannot {
    /// The point has no branch.
    pub fn no_point(config: &Config, point: &Point) -> Self {
        let Names { spelled, branch, .. } = config.name(point).names();
        Self::NoPoint { point: spelled.into(), branch: branch.to_string() }
    }

    /// The branch of a point does not hold its directory.
    pub fn no_flake(named: &Named, commit: Oid) -> Self {
        Self::NoFlake { branch: named.branch.to_string(), commit: short(commit), dir: named.dir.clone() }
    }

    /// The base branch does not exist here.
    pub(super) fn no_base(repo: &Repo, config: &Config, base: &str) -> Self {
        let remote = config.remote.as_ref().filter(|remote| repo.remotes().contains(remote));
        let fetch = remote.map(|remote| repo.fetch_command(remote, Some(base)));
        Self::NoBase { base: base.to_owned(), fetch }
    }
}

fn more_are(others: usize) -> String {
    match others {
        0 => " is".to_owned(),
        1 => " and one more point are".to_owned(),
        others => format!(" and {others} more points are"),
    }
}

/// Formats notes for a message: their ids, and what they say.
fn listed(notes: &[(String, String)]) -> String {
    notes.iter().map(|(id, line)| format!("`{id}` ({})", shortened(line))).collect::<Vec<_>>().join(", ")
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}

/// Abbreviates an id without the object database: the objects of a plan are in memory only.
pub(super) fn short(id: Oid) -> String {
    id.to_hex_with_len(10).to_string()
}
