//! Pushing branches, all or none, with the records that they rest on, and saying what became of each.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use super::change;
use super::limits::Stalled;
use crate::git::names::{self, BranchName};
use crate::git::remote::{PushReport, Pushed};
use crate::git::{self, Repo, Result, refs};
use crate::limit::Limit;
use crate::process;
use crate::record::store::{self, NOTES};

/// What became of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The remote has all branches.
    Done(Carried),
    /// There was nothing to push, or nobody wanted to.
    Nothing,
    /// The remote has none of it.
    Refused {
        /// Why, branch by branch or at all.
        reasons: Vec<Reason>,
        /// What to do about it.
        hint: Option<String>,
        /// Whether the same push goes through once that is mended: not where the remote has other commits on the branch.
        again: bool,
    },
}

/// What became of this clone's records in a push of branches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// There are none, or the remote had them.
    Nothing,
    /// They went with the branches.
    Records,
    /// The remote did not take them, and says why; the branches went without them.
    Refused(RemoteFailure),
}

/// Why a remote did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteFailure {
    /// In the words of git or of the remote.
    Said(String),
    /// Nothing moved between here and the remote.
    Stalled(Stalled),
}

impl RemoteFailure {
    /// What git says of a refused ref, without the word that it is refused.
    pub fn refused(said: &str) -> Self {
        Self::Said(said.trim_start_matches("[rejected] ").trim_start_matches("[remote rejected] ").to_owned())
    }

    /// Why a git that asked `remote` failed.
    ///
    /// # Errors
    /// `error` itself, where it does not tell of the remote: git could not be run, or the user stopped it.
    pub fn of(error: git::Error, remote: &str) -> Result<Self> {
        match error {
            git::Error::Exe(process::Error::Failed { stderr, status, .. }) => {
                Ok(Self::Said(words(&stderr, status).join("; ")))
            }
            git::Error::Exe(process::Error::Still { limit, .. }) => {
                Ok(Self::Stalled(Stalled { remote: remote.to_owned(), limit }))
            }
            error => Err(error),
        }
    }

    /// Whether another git that moves the same refs was first, by these words of git.
    pub fn says(&self, words: &[&str]) -> bool {
        matches!(self, Self::Said(said) if words.iter().any(|word| said.contains(word)))
    }

    /// Whether another push holds what this one needs.
    pub fn is_busy(&self) -> bool {
        self.says(&BUSY)
    }

    /// What the user can do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Said(said) => lock_hint(said),
            Self::Stalled(_) => Some(Limit::Network.hint()),
        }
    }
}

impl fmt::Display for RemoteFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said(said) => f.write_str(said),
            Self::Stalled(stalled) => stalled.fmt(f),
        }
    }
}

/// Why a push did not go through, as far as one branch or one line tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The branch that was refused; `None` where it is not about one.
    pub branch: Option<String>,
    /// Why.
    pub why: RemoteFailure,
}

impl Reason {
    fn said(line: String) -> Self {
        Self { branch: None, why: RemoteFailure::Said(line) }
    }

    /// Whether the remote has commits on the branch that are not here.
    fn went_ahead(&self) -> bool {
        self.branch.is_some() && self.why.says(&["fetch first", "non-fast-forward"])
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.branch {
            Some(branch) => write!(f, "`{branch}`: {}", self.why),
            None => self.why.fmt(f),
        }
    }
}

/// How often a push is tried while others push to the same place.
const TRIES: usize = 3;
/// By these words git tells that another push holds what this one needs (receive-pack.c, refs.c).
const BUSY: [&str; 6] = [
    "atomic transaction failed",
    "failed to update ref",
    "failed to lock",
    "cannot lock ref",
    "reference already exists",
    "incorrect old value",
];

impl Outcome {
    /// Whether the remote has what it should have.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

/// Pushes `branches` to `remote`, and gives up when nothing moves for `still` ([`limits::network`](super::limits::network)).
///
/// # Errors
/// Only when git cannot be run; an unreachable remote is an [`Outcome::Refused`].
pub fn push(repo: &Repo, remote: &str, branches: &[BranchName], still: Duration) -> Result<Outcome> {
    if branches.is_empty() {
        return Ok(Outcome::Nothing);
    }
    if !repo.remotes().iter().any(|name| name == remote) {
        let hint = format!("`git remote add {remote} URL` adds it; `remote = \"\"` in lattice.toml means nowhere");
        return Ok(Outcome::Refused {
            reasons: vec![Reason::said(format!("there is no remote `{remote}`"))],
            hint: Some(hint),
            again: true,
        });
    }
    let notes = own_notes(repo)?;
    let changes = change::push_changes(repo, remote, branches.iter())?;
    let mut tried = 1;
    loop {
        let (reasons, carried) = once(repo, remote, branches, notes.as_deref(), still)?;
        let is_busy = reasons.iter().any(|reason| reason.why.is_busy());
        if reasons.is_empty() {
            change::note_push(repo, remote, changes);
            return Ok(Outcome::Done(carried));
        }
        if !is_busy || tried == TRIES {
            let diverged = reasons.iter().any(Reason::went_ahead);
            let known = || reasons.iter().find_map(|reason| reason.why.hint());
            let joined = diverged.then(|| join_hint(repo, remote, first_ahead(branches, &reasons)));
            let hint = joined.or_else(known);
            return Ok(Outcome::Refused { reasons, hint, again: !diverged });
        }
        // When the other one pushed the same, the next try finds everything up to date.
        std::thread::sleep(Duration::from_millis(100));
        tried += 1;
    }
}

/// The ref of this clone's records, if it has any.
fn own_notes(repo: &Repo) -> Result<Option<String>> {
    let Some(writer) = store::known_writer(repo)? else { return Ok(None) };
    let name = format!("{NOTES}{writer}");
    Ok(repo.find_ref(&name)?.map(|_| name))
}

/// Pushes once; where the remote takes no records, once more without them. Gives why it did not take the branches.
fn once(
    repo: &Repo,
    remote: &str,
    branches: &[BranchName],
    notes: Option<&str>,
    still: Duration,
) -> Result<(Vec<Reason>, Carried)> {
    let report = match attempt(repo, remote, branches, notes, still)? {
        Ok(report) => report,
        Err(reasons) => return Ok((reasons, Carried::Nothing)),
    };
    let own = report.refs.iter().find(|pushed| Some(pushed.name.as_str()) == notes);
    let carried = match own {
        Some(Pushed { refused: None, same: false, .. }) => Carried::Records,
        // What is kept back for another ref's sake says so: then it is a branch that is refused.
        Some(Pushed { refused: Some(why), .. }) if !why.contains("atomic") => {
            let why = RemoteFailure::refused(why);
            let (reasons, _) = once(repo, remote, branches, None, still)?;
            return Ok((reasons, Carried::Refused(why)));
        }
        _ => Carried::Nothing,
    };
    Ok((refusals(report, notes), carried))
}

/// One `git push`; where it did not come to any ref, why.
fn attempt(
    repo: &Repo,
    remote: &str,
    branches: &[BranchName],
    notes: Option<&str>,
    still: Duration,
) -> Result<std::result::Result<PushReport, Vec<Reason>>> {
    match repo.git().push(remote, branches, notes, still) {
        Ok(report) => Ok(Ok(report)),
        Err(git::Error::Exe(process::Error::Failed { stderr, status, .. })) => {
            Ok(Err(words(&stderr, status).into_iter().map(Reason::said).collect()))
        }
        Err(error) => RemoteFailure::of(error, remote).map(|why| Err(vec![Reason { branch: None, why }])),
    }
}

/// Why the remote did not take the branches; empty when it has them now.
fn refusals(report: PushReport, notes: Option<&str>) -> Vec<Reason> {
    let branches = report.refs.into_iter().filter(|pushed| Some(pushed.name.as_str()) != notes);
    let refusal = |Pushed { name, refused, .. }: Pushed| {
        let branch = names::shown(&name).to_owned();
        refused.map(|why| Reason { branch: Some(branch), why: RemoteFailure::refused(&why) })
    };
    let mut refused: Vec<_> = branches.filter_map(refusal).collect();
    if !refused.is_empty() {
        refused.extend(report.said.into_iter().map(|line| Reason::said(format!("the remote said: {line}"))));
    }
    refused
}

/// The lines that git said; that it said nothing, where it did not.
fn words(stderr: &[u8], status: ExitStatus) -> Vec<String> {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if lines.is_empty() { vec![format!("git ended with {status}")] } else { lines }
}

/// What to do about a lock in the remote's repository, where what it said names one. Only a remote on this machine shows
/// whether the lock is still there.
pub fn lock_hint(said: &str) -> Option<String> {
    let lock: PathBuf = refs::lock_file(said)?.components().collect();
    let (shown, rm) = (lock.display(), process::quote(&lock));
    Some(if lock.exists() {
        format!("if no git is at work there any more, one was killed: `rm {rm}`")
    } else {
        format!(
            "if no git is at work on the remote any more, one was killed there: its administrator can remove `{shown}`"
        )
    })
}

/// The branch of which the remote has other commits.
fn first_ahead<'a>(branches: &'a [BranchName], reasons: &'a [Reason]) -> &'a str {
    let ahead = reasons.iter().find(|reason| reason.went_ahead());
    ahead.and_then(|reason| reason.branch.as_deref()).unwrap_or(&branches[0])
}

/// How both sides come together: no push brings there what lacks the remote's commits.
fn join_hint(repo: &Repo, remote: &str, branch: &str) -> String {
    let fetch = repo.fetch_command(remote, Some(branch));
    let (own, theirs) = (process::quote(branch), process::quote(format!("{remote}/{branch}")));
    format!(
        "`{fetch}`, then `git switch {own} && git merge {theirs}` joins the two, and `git lattice sync` pushes them"
    )
}
