//! Pushing branches atomically, together with this clone's records.

use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, fs};

use super::change;
use super::remote_failure::{RemoteFailure, missing_remote_hints, stderr_lines};
use crate::config::{self, Config};
use crate::git::names::{self, BranchName};
use crate::git::remote::{PushRefs, PushReport, Pushed, few_upstreams};
use crate::git::work::Noted;
use crate::git::{self, Change, Oid, Repo, Result, Transaction};
use crate::process;
use crate::record::store::{self, RefKind, WriterRef};

/// The result of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The remote has all branches.
    Done(PushedRecords),
    /// There was nothing to push, or pushing was not wanted.
    Nothing,
    /// The remote took nothing.
    Refused {
        /// The reasons, for single branches or for the whole push.
        reasons: Vec<Reason>,
        /// Hints for the user.
        hints: Vec<String>,
        /// Whether the same push can succeed later; not if the remote has other commits on the branch.
        again: bool,
    },
}

/// What happened to this clone's records and notes in a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushedRecords {
    /// There are none, or the remote had them already.
    Nothing,
    /// Those of these kinds were pushed with the branches.
    Pushed(Vec<RefKind>),
    /// The remote refused them; the branches were pushed without those of these kinds.
    Refused(Vec<RefKind>, RemoteFailure),
}

/// One reason why a push failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The refused branch; `None` if the reason concerns the whole push.
    pub branch: Option<String>,
    /// The reason.
    pub why: RemoteFailure,
}

impl Reason {
    fn from_line(line: String) -> Self {
        Self { branch: None, why: RemoteFailure::Message(line) }
    }

    /// Whether the remote has commits on the branch that are missing here.
    pub fn is_diverged(&self) -> bool {
        self.branch.is_some() && self.why.is_diverged()
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

/// How often to try while other processes push to the same refs.
const TRIES: usize = 3;

impl Outcome {
    /// Whether the push succeeded.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

/// What to push.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// The branches to push.
    pub branches: &'a [BranchName],
    /// The branches to delete on the remote, each with the value that it must have there.
    pub deleted: &'a [Change],
    /// Those of the branches that get the remote's as upstream, unless they are many.
    pub upstreams: &'a [BranchName],
    /// The operation that deletes the branches, for `undo --remote`.
    pub operation: Option<&'a str>,
}

/// Pushes and deletes branches on `remote`; gives up when no data moves for `still`
/// ([`limits::network`](super::limits::network)).
///
/// # Errors
/// Only when git cannot be run; an unreachable remote is an [`Outcome::Refused`].
pub fn push(repo: &Repo, remote: &str, request: &Request<'_>, still: Duration) -> Result<Outcome> {
    let Request { branches, deleted, .. } = *request;
    let is_owed = unpushed(repo).exists();
    if branches.is_empty() && deleted.is_empty() && !is_owed {
        return Ok(Outcome::Nothing);
    }
    let known = repo.remotes();
    if !known.iter().any(|name| name == remote) {
        return Ok(Outcome::Refused {
            reasons: vec![Reason::from_line(format!("there is no remote `{remote}`"))],
            hints: missing_remote_hints(Some(remote), &known),
            again: true,
        });
    }
    let notes = if branches.is_empty() && !is_owed { Vec::new() } else { own_notes(repo)? };
    if branches.is_empty() && deleted.is_empty() && notes.is_empty() {
        return Ok(Outcome::Nothing);
    }
    let pushed = Push { repo, remote, request, notes: &notes, still }.run()?;
    if pushed.is_done() && is_owed {
        fs::remove_file(unpushed(repo)).ok();
    }
    Ok(pushed)
}

struct Push<'a> {
    repo: &'a Repo,
    remote: &'a str,
    request: &'a Request<'a>,
    /// The refs of this clone's records and notes.
    notes: &'a [String],
    still: Duration,
}

impl Push<'_> {
    /// Pushes, and sets the upstreams that git does not: it sets those of all pushed branches, or none.
    fn run(&self) -> Result<Outcome> {
        let Self { repo, remote, .. } = *self;
        let upstreams = few_upstreams(self.request.upstreams);
        if upstreams.is_empty() || upstreams.len() == self.request.branches.len() {
            return self.attempts();
        }
        let noted = repo.note_upstreams(remote, upstreams);
        let pushed = self.attempts()?;
        if pushed.is_done() {
            repo.finish_upstreams(remote, upstreams)?;
        }
        noted.iter().for_each(Noted::forget);
        Ok(pushed)
    }

    /// Pushes; tries again while other processes push to the same refs.
    fn attempts(&self) -> Result<Outcome> {
        let Self { repo, remote, notes, still, .. } = *self;
        let Request { branches, upstreams, .. } = *self.request;
        let changes = change::push_changes(repo, remote, branches.iter())?;
        let mut deleted = self.request.deleted.to_vec();
        let mut tried = 1;
        loop {
            let refs = PushRefs { branches, deleted: &deleted, notes, upstreams };
            let (reasons, carried) = push_once(repo, remote, &refs, still)?;
            if reasons.is_empty() {
                self.note(changes)?;
                return Ok(Outcome::Done(carried));
            }
            let is_retry = self.drop_missing(&mut deleted, &reasons)?;
            if is_retry && branches.is_empty() && deleted.is_empty() {
                self.note(changes)?;
                return Ok(Outcome::Done(PushedRecords::Nothing));
            }
            if !is_retry && (tried == TRIES || !reasons.iter().any(|reason| reason.why.is_busy())) {
                return Ok(self.refused(reasons));
            }
            if !is_retry {
                // If the other process pushed the same, the next try finds everything up to date.
                std::thread::sleep(Duration::from_millis(100));
                tried += 1;
            }
        }
    }

    /// Records the push, whose new values of branches are `changes`.
    fn note(&self, changes: Vec<Change>) -> Result<()> {
        let Self { repo, remote, .. } = *self;
        let Request { deleted, operation, .. } = *self.request;
        // git leaves a tracking ref that no refspec of the remote maps.
        update_tracking(repo, remote, deleted, "lattice: deleted on the remote")?;
        change::note_push(repo, remote, changes, None);
        change::note_push(repo, remote, deleted.to_vec(), operation);
        Ok(())
    }

    /// Drops the deletions of branches that the remote does not have: a killed push deleted them. Returns whether there were any.
    fn drop_missing(&self, deleted: &mut Vec<Change>, reasons: &[Reason]) -> Result<bool> {
        if !reasons.iter().any(|reason| reason.why.is_stale()) {
            return Ok(false);
        }
        let names: Vec<_> = deleted.iter().map(|change| change.name.clone()).collect();
        let Ok(there) = self.repo.git().remote_refs(self.remote, &names, self.still) else { return Ok(false) };
        let before = deleted.len();
        deleted.retain(|change| there.contains_key(&change.name));
        Ok(deleted.len() < before)
    }

    fn refused(&self, reasons: Vec<Reason>) -> Outcome {
        let Self { repo, remote, notes, .. } = *self;
        let mut refused = reasons.iter().filter_map(|reason| reason.branch.as_ref()).peekable();
        if refused.peek().is_some() && refused.all(|name| notes.contains(name)) {
            mark_records_unpushed(repo);
        }
        let diverged = reasons.iter().any(Reason::is_diverged);
        let is_stale = reasons.iter().any(|reason| reason.why.is_stale());
        let hint = if diverged {
            Some(join_hint(repo, remote, first_ahead(self.request.branches, &reasons)))
        } else if is_stale {
            Some("`git lattice sync` fetches what the remote has now; then run the same command again".to_owned())
        } else {
            let is_of_all = reasons.iter().all(|reason| reason.branch.is_none());
            reasons.iter().find_map(|reason| reason.why.hint()).or_else(|| is_of_all.then(|| unreachable_hint(remote)))
        };
        Outcome::Refused { reasons, hints: hint.into_iter().collect(), again: !diverged }
    }
}

/// Updates the tracking refs after these changes of a remote's branches, as a successful push does.
///
/// # Errors
/// When refs cannot be read or moved.
pub(super) fn update_tracking(repo: &Repo, remote: &str, changes: &[Change], message: &str) -> Result<()> {
    let mut tracking = Vec::new();
    for change in changes {
        let Some(branch) = BranchName::of_ref(&change.name) else { continue };
        let old = repo.tracking_tip(&branch, remote)?;
        tracking.push(Change { name: branch.tracking(remote), old, new: change.new });
    }
    tracking.retain(|change| change.old != change.new);
    if tracking.is_empty() {
        return Ok(());
    }
    repo.apply(&Transaction { message: message.to_owned(), changes: tracking })
}

/// Whether the remote, as last fetched, lacks the `lattice.toml` of the base branch, by which other clones find the points.
///
/// # Errors
/// When refs or objects cannot be read.
pub fn lacks_lattice(repo: &Repo, config: &Config, remote: &str) -> Result<bool> {
    let file = |tip: Option<Oid>| -> Result<Option<Oid>> {
        let Some(tip) = tip else { return Ok(None) };
        Ok(repo.entry_at(repo.tree_of_commit(tip)?, config::FILE)?.map(|entry| entry.id))
    };
    let here = file(repo.branch_tip(&config.base)?)?;
    Ok(here.is_some() && here != file(repo.tracking_tip(&config.base, remote)?)?)
}

/// The file that exists while a remote has the branches of a push and lacks the records, which a lock was in the way of: then there is
/// no branch to push any more.
fn unpushed(repo: &Repo) -> PathBuf {
    repo.common_dir().join("lattice").join("records").join("unpushed")
}

/// Creates that file. Errors are ignored: `git lattice sync` pushes the records too.
fn mark_records_unpushed(repo: &Repo) {
    let (file, shared) = (unpushed(repo), repo.shared());
    shared.create_dir_all(file.parent().unwrap_or(&file)).and_then(|()| shared.write(&file, b"")).ok();
}

/// The refs of this clone's records and notes, as far as it has any.
fn own_notes(repo: &Repo) -> Result<Vec<String>> {
    let Some(writer) = store::known_writer(repo)? else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for name in RefKind::ALL.map(|kind| kind.of(&writer).full()) {
        names.extend(repo.find_ref(&name)?.map(|_| name));
    }
    Ok(names)
}

/// Pushes once; if the remote refuses the records, once more without them. Returns the reasons why branches were
/// refused, or records for which a lock is in the way.
fn push_once(repo: &Repo, remote: &str, refs: &PushRefs<'_>, still: Duration) -> Result<(Vec<Reason>, PushedRecords)> {
    let notes = refs.notes;
    let mut tried = attempt(repo, remote, refs, still)?;
    let why = tried.as_ref().ok().and_then(|report| of_notes(report, notes)?.refused.as_ref());
    // The connection broke off: the records were not refused.
    if why.is_some_and(|why| has_broken_off(why)) {
        tried = attempt(repo, remote, refs, still)?;
    }
    let report = match tried {
        Ok(report) => report,
        Err(reasons) => return Ok((reasons, PushedRecords::Nothing)),
    };
    let own = of_notes(&report, notes).cloned();
    let has_refused_branch = report.refs.iter().any(|pushed| !notes.contains(&pushed.name) && pushed.refused.is_some());
    let why = match own {
        Some(Pushed { refused: None, same: false, .. }) => {
            let is_new = |name: &&String| report.refs.iter().any(|pushed| pushed.name == **name && !pushed.same);
            let pushed = PushedRecords::Pushed(kinds(notes.iter().filter(is_new)));
            return Ok((refusals(report, notes), pushed));
        }
        // "atomic" means that the ref was refused because of another one.
        Some(Pushed { refused: Some(why), .. }) if !(has_refused_branch && why.contains("atomic")) => why,
        _ => return Ok((refusals(report, notes), PushedRecords::Nothing)),
    };
    let why = RemoteFailure::refused(&why);
    if why.is_busy() {
        return Ok((refusals(report, &[]), PushedRecords::Nothing));
    }
    let without = PushRefs { notes: &[], ..*refs };
    let is_done = refs.branches.is_empty() && refs.deleted.is_empty();
    let reasons = if is_done { Vec::new() } else { push_once(repo, remote, &without, still)?.0 };
    Ok((reasons, PushedRecords::Refused(kinds(notes), why)))
}

/// What these refs of writers hold.
fn kinds<'n>(names: impl IntoIterator<Item = &'n String>) -> Vec<RefKind> {
    names.into_iter().filter_map(|name| WriterRef::parse(name)).map(|own| own.kind).collect()
}

/// The result for these refs: the reason why one was refused, else one that was pushed, else one that the remote had already.
fn of_notes<'r>(report: &'r PushReport, notes: &[String]) -> Option<&'r Pushed> {
    let rank = |pushed: &&Pushed| match &pushed.refused {
        Some(why) if !why.contains("atomic") => 0,
        Some(_) => 1,
        None => 2 + u8::from(pushed.same),
    };
    report.refs.iter().filter(|pushed| notes.contains(&pushed.name)).min_by_key(rank)
}

/// Whether the push broke off before the remote judged the ref, for example because its disk is full (receive-pack.c,
/// send-pack.c).
fn has_broken_off(why: &str) -> bool {
    ["unpacker error", "failed to report status"].iter().any(|words| why.contains(words))
}

/// Runs `git push` once; the inner error has the reasons if no ref was reached.
fn attempt(
    repo: &Repo,
    remote: &str,
    refs: &PushRefs<'_>,
    still: Duration,
) -> Result<std::result::Result<PushReport, Vec<Reason>>> {
    match repo.git().push(remote, refs, still) {
        Ok(report) => Ok(Ok(report)),
        Err(git::Error::Exe(process::Error::Failed { stderr, status, .. })) => {
            Ok(Err(stderr_lines(&stderr, status).into_iter().map(Reason::from_line).collect()))
        }
        Err(error) => RemoteFailure::of(error, remote).map(|why| Err(vec![Reason { branch: None, why }])),
    }
}

/// The reasons why refs but for `notes` were refused; empty on success.
fn refusals(report: PushReport, notes: &[String]) -> Vec<Reason> {
    let branches = report.refs.into_iter().filter(|pushed| !notes.contains(&pushed.name));
    let refusal = |Pushed { name, refused, .. }: Pushed| {
        let branch = names::shown(&name).to_owned();
        refused.map(|why| Reason { branch: Some(branch), why: RemoteFailure::refused(&why) })
    };
    let mut refused: Vec<_> = branches.filter_map(refusal).collect();
    if !refused.is_empty() {
        refused.extend(report.messages.into_iter().map(|line| Reason::from_line(format!("the remote said: {line}"))));
    }
    refused
}

/// The first branch on which the remote has other commits.
fn first_ahead<'a>(branches: &'a [BranchName], reasons: &'a [Reason]) -> &'a str {
    let ahead = reasons.iter().find(|reason| reason.is_diverged());
    ahead.and_then(|reason| reason.branch.as_deref()).or(branches.first().map(BranchName::as_str)).unwrap_or_default()
}

/// The commands that show why no ref reached the remote.
fn unreachable_hint(remote: &str) -> String {
    let remote = process::quote(remote);
    format!("`git remote -v` shows the URL of `{remote}`; to see whether it answers: `git ls-remote {remote}`")
}

/// The command that merges the remote's commits, without which no push can succeed.
fn join_hint(repo: &Repo, remote: &str, branch: &str) -> String {
    let fetch = repo.fetch_command(remote, Some(branch));
    let (own, theirs) = (process::quote(branch), process::quote(format!("{remote}/{branch}")));
    let remote = process::quote(remote);
    format!(
        "`{fetch} && git switch {own} && git merge {theirs} && git push {remote} {own}` merges the two and pushes the result"
    )
}
