//! Bringing points and records to the remote and from it: one look, one fetch, one ref transaction, one push.
//!
//! Nothing is ever forced or overwritten. What the remote has lands under `refs/remotes/REMOTE/` and, for records, under
//! `refs/lattice/remotes/REMOTE/`; only what is behind moves forward from there.

mod branches;
mod records;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use super::RemoteFailure;
use super::change::{self, ChangeSet};
use super::limits;
use super::{Cannot, Refusal};
use crate::config::{Config, Named};
use crate::context::Context;
use crate::git::names;
use crate::git::remote::{PushPlaces, Pushed};
use crate::git::{self, Change, Oid, Repo};
use crate::journal::Origin;
use crate::lattice::Point;
use crate::points::census::{self, Census};
use crate::record::kept;
use crate::record::store::{self, NOTES};

pub use records::{Own, RecordsReport};

/// How often it is tried while another process moves the same refs.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(40);
/// What `git fetch` says when another process moves the same refs (refs/files-backend.c, lockfile.c).
const RACES: [&str; 3] = ["cannot lock ref", "Unable to create", "unable to update local ref"];

/// How to go about it.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// Only say what would be done.
    pub dry_run: bool,
    /// Whether the remote is asked and fetched from.
    pub fetch: bool,
    /// Whether the remote is pushed to.
    pub push: bool,
}

/// What the remote has: now, or as last fetched.
#[derive(Debug, Default)]
pub struct There {
    remote: String,
    points: HashMap<Point, Oid>,
    writers: BTreeMap<String, Oid>,
    /// Notes refs whose names no clone makes.
    strange: usize,
    is_fresh: bool,
    /// What is where it is pushed to, if that is elsewhere.
    pushed: Option<PushPlaces>,
}

/// How a point's branch here stands to the one there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The same.
    Same,
    /// Only here.
    OnlyHere,
    /// Only there.
    OnlyThere,
    /// It was there, and is not any more.
    Gone,
    /// Here is more.
    Ahead,
    /// There is more.
    Behind,
    /// Each has something that the other has not.
    Diverged,
    /// There is something that was not fetched yet: behind or diverged.
    Unknown,
}

/// What was done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Nothing.
    Nothing,
    /// It would be pushed, or moved forward, if this were no dry run.
    Would,
    /// The remote has it now.
    Pushed,
    /// The branch here was moved forward.
    FastForwarded,
    /// Not moved: this worktree has it checked out.
    CheckedOut(PathBuf),
    /// The remote did not take it, and says why.
    Refused(RemoteFailure),
}

/// One point.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The point.
    pub named: Named,
    /// Its commit here, before.
    pub local: Option<Oid>,
    /// Its commit there, before.
    pub remote: Option<Oid>,
    /// How the two stand.
    pub standing: Standing,
    /// Whether an ordinary `git fetch` knows it, and so `git switch`.
    pub is_tracked: bool,
    /// What was done.
    pub deed: Deed,
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    /// The remote.
    pub remote: String,
    /// Point by point.
    pub points: Vec<Entry>,
    /// The records.
    pub records: RecordsReport,
    /// What the remote's hooks said when it refused something.
    pub said: Vec<String>,
}

impl Report {
    /// Whether everything is where it should be, as far as that is for this command to say.
    pub fn is_fine(&self) -> bool {
        let is_bad = |entry: &Entry| entry.standing == Standing::Diverged || matches!(entry.deed, Deed::Refused(_));
        !self.points.iter().any(is_bad) && !matches!(self.records.own, Own::Refused(_))
    }
}

/// Looks what the remote has; without `fetch`, what it had when it was last asked.
///
/// # Errors
/// [`Cannot::NoRemote`] when there is none, [`Refusal::Remote`] when it cannot be reached.
pub fn look(context: &Context, config: &Config, fetch: bool) -> Result<There> {
    let repo = &context.repo;
    let Some(remote) = config.remote.clone() else { return Err(Cannot::NoRemote { remote: None }.into()) };
    if !repo.remotes().contains(&remote) {
        return Err(Cannot::NoRemote { remote: Some(remote) }.into());
    }
    let mut there = There { is_fresh: fetch, ..There::default() };
    let under = census::directory_of(config.branch.prefix());
    let refs = if fetch {
        let patterns = [names::heads_under(under) + "*", format!("{NOTES}*")];
        let still = limits::network(repo)?;
        let refs = repo
            .git()
            .remote_refs(&remote, &patterns, still)
            .map_err(|error| Refusal::remote(error, "ask", &remote))?;
        let pushed = repo.push_refs(&remote, &patterns, &refs, still);
        there.pushed = pushed.map_err(|error| Refusal::remote(error, "ask the push URL of", &remote))?;
        refs
    } else {
        last_known(repo, &remote, under)?
    };
    for (name, id) in refs {
        if let Some(branch) = names::short(&name) {
            there.points.extend(config.branch.decode(&config.lattice, branch).map(|point| (point, id)));
        } else if let Some(writer) = name.strip_prefix(NOTES) {
            if store::is_writer(writer) {
                there.writers.insert(writer.to_owned(), id);
            } else {
                there.strange += 1;
            }
        }
    }
    Ok(There { remote, ..there })
}

/// The remote's refs as last fetched, by the names that they have there.
fn last_known(repo: &Repo, remote: &str, under: &str) -> git::Result<HashMap<String, Oid>> {
    let notes = tracking(remote);
    let listing = repo.list_refs(&[names::tracking_under(remote, under), notes.clone()])?;
    let name = |name: &str| match (names::short_tracking(name, remote), name.strip_prefix(&notes)) {
        (Some(branch), _) => Some(names::heads_under(branch)),
        (_, Some(writer)) => Some(format!("{NOTES}{writer}")),
        _ => None,
    };
    Ok(listing.refs.iter().filter_map(|(full, id)| Some((name(full)?, *id))).collect())
}

/// Where the remote's records are kept as they were last seen.
fn tracking(remote: &str) -> String {
    format!("refs/lattice/remotes/{remote}/")
}

impl There {
    /// The points that have a branch there.
    pub fn points(&self) -> impl Iterator<Item = &Point> {
        self.points.keys()
    }
}

/// Brings `points` and all records up to date, here and there.
///
/// # Errors
/// [`Refusal::Remote`] when the remote cannot be fetched from; a refused push is in the report.
pub fn sync(
    context: &Context,
    config: &Config,
    census: &Census,
    there: There,
    points: &[Point],
    how: How,
) -> Result<Report> {
    let mut result = once(context, config, census, there, points, how);
    for tried in 1..TRIES {
        let Err(error) = &result else { break };
        if !lost_a_race(error) {
            break;
        }
        std::thread::sleep(PAUSE * tried);
        let (census, there) = (Census::take(&context.repo, config)?, look(context, config, how.fetch)?);
        result = once(context, config, &census, there, points, how);
    }
    result
}

/// Whether another git that moves the same refs was first, here or while it fetched.
fn lost_a_race(error: &anyhow::Error) -> bool {
    let is_ours = matches!(error.downcast_ref(), Some(git::Error::Ref { raced: true, .. } | git::Error::Locked { .. }));
    let is_git_s = matches!(error.downcast_ref(), Some(Refusal::Remote { why, .. }) if why.says(&RACES));
    is_ours || is_git_s
}

fn once(
    context: &Context,
    config: &Config,
    census: &Census,
    there: There,
    points: &[Point],
    how: How,
) -> Result<Report> {
    if !how.dry_run {
        kept::flush(&context.repo).ok();
    }
    let sync = Sync { context, repo: &context.repo, config, census, there, how };
    let mut tracked = last_known(sync.repo, &sync.there.remote, census::directory_of(config.branch.prefix()))?;
    if how.fetch && !how.dry_run {
        sync.fetch(points, &tracked)?;
        tracked = last_known(sync.repo, &sync.there.remote, census::directory_of(config.branch.prefix()))?;
    }
    let mut entries = points.iter().map(|point| sync.entry(point)).collect::<Result<Vec<_>>>()?;
    let (mut records, mut changes) = sync.others_records(&tracked)?;
    changes.extend(sync.forward(&mut entries)?);
    sync.apply("sync: fast-forward", changes, Origin::Received)?;
    sync.own_records(&mut records)?;
    let said = sync.push(&mut entries, &mut records)?;
    Ok(Report { remote: sync.there.remote, points: entries, records, said })
}

struct Sync<'a> {
    context: &'a Context,
    repo: &'a Repo,
    config: &'a Config,
    census: &'a Census,
    there: There,
    how: How,
}

/// What one push came to.
struct Tried {
    /// Each ref by its full name, and why it was refused where it was.
    refs: Vec<(String, Option<RemoteFailure>)>,
    /// What the remote's hooks said.
    said: Vec<String>,
}

impl Sync<'_> {
    fn fetch(&self, points: &[Point], tracked: &HashMap<String, Oid>) -> Result<()> {
        let remote = &self.there.remote;
        let mut refspecs = Vec::new();
        for (point, id) in points.iter().filter_map(|point| self.there.points.get(point).map(|id| (point, id))) {
            let branch = self.config.branch_of(point);
            let name = branch.full_ref();
            if tracked.get(&name) != Some(id) {
                refspecs.push(format!("+{name}:{}", branch.tracking(remote)));
            }
        }
        for (writer, id) in &self.there.writers {
            let name = format!("{NOTES}{writer}");
            if tracked.get(&name) != Some(id) {
                refspecs.push(format!("+{name}:{}{writer}", tracking(remote)));
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

    /// The one transaction of a step; nothing in a dry run. The message must not begin as that of a commit made here does
    /// (`ops::trust`).
    fn apply(&self, message: &str, changes: Vec<Change>, origin: Origin) -> Result<()> {
        if self.how.dry_run {
            return Ok(());
        }
        change::apply(self.context, ChangeSet { origin, ..ChangeSet::made(message, changes) }).map(drop)
    }

    /// Pushes what is only here or ahead, and this clone's records; gives what the remote's hooks said of a refusal.
    fn push(&self, entries: &mut [Entry], records: &mut RecordsReport) -> Result<Vec<String>> {
        let is_due = |entry: &Entry| matches!(entry.standing, Standing::OnlyHere | Standing::Ahead);
        if self.how.dry_run || !self.how.push {
            let due = entries.iter_mut().filter(|entry| self.how.push && is_due(entry));
            due.for_each(|entry| entry.deed = Deed::Would);
            return Ok(Vec::new());
        }
        let mut names: Vec<_> =
            entries.iter().filter(|entry| is_due(entry)).map(|entry| entry.named.branch.full_ref()).collect();
        let notes = records.to_push();
        names.extend(notes.clone());
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let due = entries.iter().filter(|entry| is_due(entry)).map(|entry| &entry.named.branch);
        let changes = change::push_changes(self.repo, &self.there.remote, due)?;
        let report = self.push_names(&names, notes.as_deref())?;
        let mut refused: HashMap<String, Option<RemoteFailure>> = HashMap::new();
        for (name, why) in report.refs {
            // With several push URLs each has its say, and one that refuses is enough.
            let known = refused.entry(name).or_default();
            *known = known.take().or(why);
        }
        let outcome = |name: &str| match refused.get(name) {
            Some(None) => Ok(()),
            Some(Some(why)) => Err(why.clone()),
            None => Err(RemoteFailure::Said("git said nothing of it".to_owned())),
        };
        for entry in entries.iter_mut().filter(|entry| is_due(entry)) {
            entry.deed = outcome(&entry.named.branch.full_ref()).map_or_else(Deed::Refused, |()| Deed::Pushed);
        }
        let is_there = |change: &Change| outcome(&change.name).is_ok();
        change::note_push(self.repo, &self.there.remote, changes.into_iter().filter(is_there).collect());
        if let Some(name) = notes {
            records.own = outcome(&name).map_or_else(Own::Refused, |()| Own::Pushed);
        }
        self.remember(entries, records)?;
        Ok(if refused.values().any(Option::is_some) { report.said } else { Vec::new() })
    }

    fn push_names(&self, names: &[String], notes: Option<&str>) -> Result<Tried> {
        let mut report = self.attempt(names)?;
        for tried in 1..TRIES {
            let busy = report.refs.iter().any(|(_, why)| why.as_ref().is_some_and(RemoteFailure::is_busy));
            // A server may turn down a whole push because of the one notes ref in it.
            let all = tried == 1
                && names.len() > 1
                && notes.is_some()
                && report.refs.iter().all(|(_, why)| matches!(why, Some(RemoteFailure::Said(_))));
            if busy {
                std::thread::sleep(PAUSE * tried);
            } else if !all {
                break;
            }
            let again = report.refs.iter().filter(|(_, why)| why.is_some()).map(|(name, _)| name.clone());
            let again: Vec<_> = again.filter(|name| busy || Some(name.as_str()) != notes).collect();
            let second = self.attempt(&again)?;
            report.refs.retain(|(name, _)| !again.contains(name));
            report.refs.extend(second.refs);
        }
        Ok(report)
    }

    /// One push; where it came to no ref at all (a hook of this clone, a remote that went away), each is refused for that.
    fn attempt(&self, names: &[String]) -> Result<Tried> {
        let remote = &self.there.remote;
        match self.repo.git().push_each(remote, names, limits::network(self.repo)?) {
            Ok(report) => {
                let outcome = |pushed: Pushed| (pushed.name, pushed.refused.as_deref().map(RemoteFailure::refused));
                Ok(Tried { refs: report.refs.into_iter().map(outcome).collect(), said: report.said })
            }
            Err(error) => {
                let why = RemoteFailure::of(error, remote)?;
                let refs = names.iter().map(|name| (name.clone(), Some(why.clone()))).collect();
                Ok(Tried { refs, said: Vec::new() })
            }
        }
    }

    /// Notes that the remote has now what was pushed, where git did not do so itself (a bare clone has no refspecs for it).
    fn remember(&self, entries: &[Entry], records: &RecordsReport) -> Result<()> {
        let remote = &self.there.remote;
        let pushed = entries.iter().filter(|entry| entry.deed == Deed::Pushed);
        let mut wanted: Vec<_> =
            pushed.filter_map(|entry| Some((entry.named.branch.tracking(remote), entry.local?))).collect();
        if let (Own::Pushed, Some(writer), Some(id)) = (&records.own, &records.writer, records.own_id) {
            wanted.push((format!("{}{writer}", tracking(remote)), id));
        }
        let listing = self.repo.list_refs(&[names::tracking_under(remote, ""), tracking(remote)])?;
        let there: HashMap<_, _> = listing.refs.into_iter().collect();
        let change = |(name, new): (String, Oid)| Change { old: there.get(&name).copied(), name, new: Some(new) };
        let changes: Vec<_> = wanted.into_iter().map(change).filter(|change| change.old != change.new).collect();
        // Whoever fetched in between knows at least as much.
        match self.apply("sync: push", changes, Origin::Tracking) {
            Err(error) if matches!(error.downcast_ref(), Some(git::Error::Ref { .. } | git::Error::Locked { .. })) => {
                Ok(())
            }
            done => done,
        }
    }
}
