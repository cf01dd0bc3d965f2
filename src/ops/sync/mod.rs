//! Synchronising points, records and notes with the remote: list its refs, fetch, one ref transaction, push.
//!
//! Nothing is forced or overwritten. Branches are fetched to `refs/remotes/REMOTE/`, records to
//! `refs/lattice/remotes/REMOTE/`; from there local refs are only fast-forwarded.

mod branches;
mod records;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use super::RemoteFailure;
use super::change::{self, ChangeSet};
use super::limits;
use super::refspec;
use super::{Cannot, Refusal};
use crate::config::{Config, Named};
use crate::context::Context;
use crate::git::names::{self, BranchName};
use crate::git::remote::{PushPlaces, Pushed};
use crate::git::{self, Change, Oid, Repo};
use crate::journal::Origin;
use crate::lattice::Point;
use crate::points::census::{self, Census};
use crate::points::divergence::Advice;
use crate::record::pending;
use crate::record::store::{self, NOTES, RefKind, WriterRef};

pub use records::{KindReport, OwnRecords, RecordsReport};

/// How often to try while another process moves the same refs.
const TRIES: u32 = 8;
const RETRY_DELAY: Duration = Duration::from_millis(40);
/// Messages of `git fetch` when another process moves the same refs (refs/files-backend.c, lockfile.c).
const RACE_MESSAGES: [&str; 3] = ["cannot lock ref", "Unable to create", "unable to update local ref"];

/// Options of a synchronisation.
#[derive(Debug, Clone, Copy)]
pub struct SyncOptions {
    /// Whether to only report what would be done.
    pub dry_run: bool,
    /// Whether to list the remote's refs and fetch.
    pub fetch: bool,
    /// Whether to push.
    pub push: bool,
}

/// The refs of the remote: current ones, or as last fetched.
#[derive(Debug, Default)]
pub struct RemoteState {
    remote: String,
    points: HashMap<Point, Oid>,
    writers: BTreeMap<WriterRef, Oid>,
    /// How many notes refs have names that are not writers.
    strange: usize,
    /// The deletions of markers of renamed branches that the remote does not have any more.
    stale: Vec<Change>,
    is_fresh: bool,
    /// The refs at the push URLs, if they differ from the fetch URL.
    pushed: Option<PushPlaces>,
}

/// A local branch compared with the one on the remote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BranchComparison {
    /// Both are equal.
    Same,
    /// It exists only here.
    OnlyHere,
    /// It exists only on the remote.
    OnlyThere,
    /// It was deleted on the remote.
    Gone,
    /// The local branch has more commits.
    Ahead,
    /// The remote has more commits.
    Behind,
    /// Each has commits that the other lacks.
    Diverged,
    /// Behind or diverged: the remote's commit is not fetched yet.
    Unknown,
}

/// What was done with a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// It would be pushed or fast-forwarded without `dry_run`.
    Planned,
    /// It was pushed.
    Pushed,
    /// The local branch was fast-forwarded.
    FastForwarded,
    /// The local branch was moved to the remote's commit, which adds the same point.
    Taken,
    /// It was not moved because this worktree has it checked out.
    CheckedOut(PathBuf),
    /// The remote refused it.
    Refused(RemoteFailure),
}

/// The result for one point.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The point.
    pub named: Named,
    /// Its local commit before.
    pub local: Option<Oid>,
    /// Its commit on the remote before.
    pub remote: Option<Oid>,
    /// The comparison.
    pub standing: BranchComparison,
    /// Whether the remote's fetch refspecs cover it, so that `git switch` finds it.
    pub is_tracked: bool,
    /// What was done.
    pub action: Action,
    /// How to bring the two sides together, if they have diverged and the branch was not moved.
    pub advice: Option<Advice>,
}

/// The result of a synchronisation.
#[derive(Debug)]
pub struct Report {
    /// The remote.
    pub remote: String,
    /// The points.
    pub points: Vec<Entry>,
    /// The records.
    pub records: RecordsReport,
    /// Messages of the remote's hooks, if something was refused.
    pub messages: Vec<String>,
    /// The refspec by which `git fetch` brings records, if it was added.
    pub refspec: Option<String>,
}

impl Report {
    /// Whether nothing diverged and nothing was refused.
    pub fn is_fine(&self) -> bool {
        let is_bad = |entry: &Entry| entry.advice.is_some() || matches!(entry.action, Action::Refused(_));
        let is_refused = |kind: RefKind| matches!(self.records.of(kind).own, OwnRecords::Refused(_));
        !self.points.iter().any(is_bad) && !RefKind::ALL.into_iter().any(is_refused)
    }
}

/// Lists the remote's refs; without `fetch`, as last fetched.
///
/// # Errors
/// [`Cannot::NoRemote`] when there is no remote, [`Refusal::Remote`] when it cannot be reached.
pub fn look(context: &Context, config: &Config, fetch: bool) -> Result<RemoteState> {
    let repo = &context.repo;
    let known = repo.remotes();
    let Some(remote) = config.remote.clone() else { return Err(Cannot::NoRemote { remote: None, known }.into()) };
    if !known.contains(&remote) {
        return Err(Cannot::NoRemote { remote: Some(remote), known }.into());
    }
    let mut remote_state = RemoteState { is_fresh: fetch, ..RemoteState::default() };
    let under = census::directory_of(config.branch.prefix());
    let refs = if fetch {
        let patterns = [names::heads_under(under) + "*", format!("{NOTES}*")];
        let still = limits::network(repo)?;
        let refs = repo
            .git()
            .remote_refs(&remote, &patterns, still)
            .map_err(|error| Refusal::remote(error, "query", &remote))?;
        let pushed = repo.push_refs(&remote, &patterns, &refs, still);
        remote_state.pushed = pushed.map_err(|error| Refusal::remote(error, "query the push URL of", &remote))?;
        refs
    } else {
        last_known(repo, &remote, under)?
    };
    let renamed = census::renamed(repo, &remote, under)?;
    if fetch && !renamed.is_empty() {
        let is_there = |branch: &BranchName| Ok(refs.contains_key(&branch.full_ref()));
        remote_state.stale = census::stale_markers(repo, &remote, under, is_there)?;
    }
    for (name, id) in refs {
        if let Some(branch) = names::short(&name) {
            // A renamed branch is listed only if it is a local branch too.
            if renamed.get(branch) == Some(&id) && repo.branch_tip(&BranchName::known(branch))?.is_none() {
                continue;
            }
            remote_state.points.extend(config.branch.decode(&config.lattice, branch).map(|point| (point, id)));
        } else if let Some(writer) = WriterRef::parse(&name) {
            remote_state.writers.insert(writer, id);
        } else if name.starts_with(NOTES) {
            remote_state.strange += 1;
        }
    }
    Ok(RemoteState { remote, ..remote_state })
}

/// The remote's refs as last fetched, by their names on the remote.
fn last_known(repo: &Repo, remote: &str, under: &str) -> git::Result<HashMap<String, Oid>> {
    let notes = store::fetched_under(remote);
    let listing = repo.list_refs(&[names::tracking_under(remote, under), notes.clone()])?;
    let name = |name: &str| match (names::short_tracking(name, remote), name.strip_prefix(&notes)) {
        (Some(branch), _) => Some(names::heads_under(branch)),
        (_, Some(writer)) => Some(format!("{NOTES}{writer}")),
        _ => None,
    };
    Ok(listing.refs.iter().filter_map(|(full, id)| Some((name(full)?, *id))).collect())
}

impl RemoteState {
    /// The points that have a branch on the remote.
    pub fn points(&self) -> impl Iterator<Item = &Point> {
        self.points.keys()
    }
}

/// Synchronises `points` and all records.
///
/// # Errors
/// [`Refusal::Remote`] when fetching fails; a refused push is in the report.
pub fn sync(
    context: &Context,
    config: &Config,
    census: &Census,
    remote_state: RemoteState,
    points: &[Point],
    options: SyncOptions,
) -> Result<Report> {
    let mut result = sync_once(context, config, census, remote_state, points, options);
    for tried in 1..TRIES {
        let Err(error) = &result else { break };
        if !is_lost_race(error) {
            break;
        }
        std::thread::sleep(RETRY_DELAY * tried);
        let (census, remote_state) = (Census::take(&context.repo, config)?, look(context, config, options.fetch)?);
        result = sync_once(context, config, &census, remote_state, points, options);
    }
    let mut report = result?;
    if options.fetch && !options.dry_run {
        // If it cannot be written, the next `sync` tries again.
        report.refspec = refspec::add_once(&context.repo, &report.remote).unwrap_or_default();
    }
    Ok(report)
}

/// Whether another process moved the same refs first.
fn is_lost_race(error: &anyhow::Error) -> bool {
    let is_ours = matches!(error.downcast_ref(), Some(git::Error::Ref { raced: true, .. } | git::Error::Locked { .. }));
    let is_git_s =
        matches!(error.downcast_ref(), Some(Refusal::Remote { why, .. }) if why.contains_any(&RACE_MESSAGES));
    is_ours || is_git_s
}

fn sync_once(
    context: &Context,
    config: &Config,
    census: &Census,
    remote_state: RemoteState,
    points: &[Point],
    options: SyncOptions,
) -> Result<Report> {
    if !options.dry_run {
        pending::flush(&context.repo).ok();
    }
    let sync = Sync { context, repo: &context.repo, config, census, remote_state, options };
    let mut tracked = last_known(sync.repo, &sync.remote_state.remote, census::directory_of(config.branch.prefix()))?;
    if options.fetch && !options.dry_run {
        sync.fetch(points, &tracked)?;
        sync.apply("sync: forget old names", sync.remote_state.stale.clone(), Origin::Tracking)?;
        tracked = last_known(sync.repo, &sync.remote_state.remote, census::directory_of(config.branch.prefix()))?;
    }
    let mut entries = points.iter().map(|point| sync.entry(point)).collect::<Result<Vec<_>>>()?;
    let (mut records, mut changes) = sync.others_records(&tracked)?;
    let taken = sync.taken_branches(&entries)?;
    changes.extend(sync.forward(&mut entries, &taken));
    sync.take(&mut entries, &taken, changes)?;
    sync.own_records(&mut records)?;
    let messages = sync.push(&mut entries, &mut records)?;
    Ok(Report { remote: sync.remote_state.remote, points: entries, records, messages, refspec: None })
}

struct Sync<'a> {
    context: &'a Context,
    repo: &'a Repo,
    config: &'a Config,
    census: &'a Census,
    remote_state: RemoteState,
    options: SyncOptions,
}

/// The result of one push.
struct PushAttempt {
    /// Each ref by its full name, with the reason if it was refused.
    refs: Vec<(String, Option<RemoteFailure>)>,
    /// Messages of the remote's hooks.
    messages: Vec<String>,
}

impl Sync<'_> {
    fn fetch(&self, points: &[Point], tracked: &HashMap<String, Oid>) -> Result<()> {
        let remote = &self.remote_state.remote;
        let mut refspecs = Vec::new();
        for (point, id) in points.iter().filter_map(|point| self.remote_state.points.get(point).map(|id| (point, id))) {
            let branch = self.config.branch_of(point);
            let name = branch.full_ref();
            if tracked.get(&name) != Some(id) {
                refspecs.push(format!("+{name}:{}", branch.tracking(remote)));
            }
        }
        for (writer, id) in &self.remote_state.writers {
            let name = writer.full();
            if tracked.get(&name) != Some(id) {
                refspecs.push(format!("+{name}:{}", writer.fetched(remote)));
            }
        }
        if refspecs.is_empty() {
            return Ok(());
        }
        self.repo
            .git()
            .fetch(remote, &refspecs, limits::network(self.repo)?)
            .map_err(|error| Refusal::remote(error, "fetch from", remote))
    }

    /// Applies changes in one transaction, unless this is a dry run. The message must not begin with that of a commit
    /// made here (`ops::trust`).
    fn apply(&self, message: &str, changes: Vec<Change>, origin: Origin) -> Result<()> {
        if self.options.dry_run {
            return Ok(());
        }
        change::apply(self.context, ChangeSet { origin, ..ChangeSet::made(message, changes) }).map(drop)
    }

    /// Pushes branches that are only here or ahead, and this clone's records. Returns the messages of the remote's
    /// hooks if something was refused.
    fn push(&self, entries: &mut [Entry], records: &mut RecordsReport) -> Result<Vec<String>> {
        let is_due = |entry: &Entry| matches!(entry.standing, BranchComparison::OnlyHere | BranchComparison::Ahead);
        if self.options.dry_run || !self.options.push {
            let due = entries.iter_mut().filter(|entry| self.options.push && is_due(entry));
            due.for_each(|entry| entry.action = Action::Planned);
            return Ok(Vec::new());
        }
        let mut names: Vec<_> =
            entries.iter().filter(|entry| is_due(entry)).map(|entry| entry.named.branch.full_ref()).collect();
        let notes = records.to_push();
        names.extend(notes.iter().map(|(_, name)| name.clone()));
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let due = entries.iter().filter(|entry| is_due(entry)).map(|entry| &entry.named.branch);
        let changes = change::push_changes(self.repo, &self.remote_state.remote, due)?;
        let report = self.push_names(&names, &notes)?;
        let mut refused: HashMap<String, Option<RemoteFailure>> = HashMap::new();
        for (name, why) in report.refs {
            // With several push URLs, one refusal is enough.
            let known = refused.entry(name).or_default();
            *known = known.take().or(why);
        }
        let outcome = |name: &str| match refused.get(name) {
            Some(None) => Ok(()),
            Some(Some(why)) => Err(why.clone()),
            None => Err(RemoteFailure::Message("git did not report its status".to_owned())),
        };
        for entry in entries.iter_mut().filter(|entry| is_due(entry)) {
            entry.action = outcome(&entry.named.branch.full_ref()).map_or_else(Action::Refused, |()| Action::Pushed);
        }
        let is_there = |change: &Change| outcome(&change.name).is_ok();
        change::note_push(self.repo, &self.remote_state.remote, changes.into_iter().filter(is_there).collect(), None);
        for (kind, name) in notes {
            records.of_mut(kind).own = outcome(&name).map_or_else(OwnRecords::Refused, |()| OwnRecords::Pushed);
        }
        self.remember(entries, records)?;
        Ok(if refused.values().any(Option::is_some) { report.messages } else { Vec::new() })
    }

    fn push_names(&self, names: &[String], notes: &[(RefKind, String)]) -> Result<PushAttempt> {
        let is_notes = |name: &String| notes.iter().any(|(_, notes)| notes == name);
        let mut report = self.attempt(names)?;
        for tried in 1..TRIES {
            let busy = report.refs.iter().any(|(_, why)| why.as_ref().is_some_and(RemoteFailure::is_busy));
            // A server may refuse the whole push because of the notes refs.
            let all = tried == 1
                && names.len() > notes.len()
                && !notes.is_empty()
                && report.refs.iter().all(|(_, why)| matches!(why, Some(RemoteFailure::Message(_))));
            if busy {
                std::thread::sleep(RETRY_DELAY * tried);
            } else if !all {
                break;
            }
            let again = report.refs.iter().filter(|(_, why)| why.is_some()).map(|(name, _)| name.clone());
            let again: Vec<_> = again.filter(|name| busy || !is_notes(name)).collect();
            let second = self.attempt(&again)?;
            report.refs.retain(|(name, _)| !again.contains(name));
            report.refs.extend(second.refs);
        }
        Ok(report)
    }

    /// Pushes once. If the push fails before any ref (pre-push hook, lost connection), each ref gets that reason.
    fn attempt(&self, names: &[String]) -> Result<PushAttempt> {
        let remote = &self.remote_state.remote;
        match self.repo.git().push_each(remote, names, limits::network(self.repo)?) {
            Ok(report) => {
                let outcome = |pushed: Pushed| (pushed.name, pushed.refused.as_deref().map(RemoteFailure::refused));
                Ok(PushAttempt { refs: report.refs.into_iter().map(outcome).collect(), messages: report.messages })
            }
            Err(error) => {
                let why = RemoteFailure::of(error, remote)?;
                let refs = names.iter().map(|name| (name.clone(), Some(why.clone()))).collect();
                Ok(PushAttempt { refs, messages: Vec::new() })
            }
        }
    }

    /// Updates the tracking refs after a push where git did not: a bare clone has no refspecs for them.
    fn remember(&self, entries: &[Entry], records: &RecordsReport) -> Result<()> {
        let remote = &self.remote_state.remote;
        let pushed = entries.iter().filter(|entry| entry.action == Action::Pushed);
        let mut wanted: Vec<_> =
            pushed.filter_map(|entry| Some((entry.named.branch.tracking(remote), entry.local?))).collect();
        for kind in RefKind::ALL {
            let own = records.of(kind);
            if let (OwnRecords::Pushed, Some(writer), Some(id)) = (&own.own, records.own_ref(kind), own.own_id) {
                wanted.push((writer.fetched(remote), id));
            }
        }
        let listing = self.repo.list_refs(&[names::tracking_under(remote, ""), store::fetched_under(remote)])?;
        let there: HashMap<_, _> = listing.refs.into_iter().collect();
        let change = |(name, new): (String, Oid)| Change { old: there.get(&name).copied(), name, new: Some(new) };
        let changes: Vec<_> = wanted.into_iter().map(change).filter(|change| change.old != change.new).collect();
        // Another process that fetched in between has at least these values.
        match self.apply("sync: push", changes, Origin::Tracking) {
            Err(error) if matches!(error.downcast_ref(), Some(git::Error::Ref { .. } | git::Error::Locked { .. })) => {
                Ok(())
            }
            done => done,
        }
    }
}
