//! All changes of refs: write the objects, write the journal, move the refs in one transaction, mark the operation as
//! finished.

mod after;
mod recover;

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::git::names::BranchName;
use crate::git::work::{Rename, Section, Switch};
use crate::git::{self, Change, Oid, Repo, Transaction};
use crate::journal::{Guard, Journal, Operation, Origin, Push};
use crate::process::identity::Identity;

use after::After;
use recover::Recovery;
pub use recover::recover;
pub(super) use recover::reversed;

/// Refs that keep commits which an operation made unreachable, one ref per operation, for `undo`.
pub const KEPT: &str = "refs/lattice/journal/";

/// The changes of refs that a command makes.
pub struct ChangeSet {
    /// The reflog message. It begins with `lattice: add ` for a commit made here (`ops::trust` relies on it).
    pub title: String,
    /// The changes. One with equal old and new values only verifies a ref; git locks it like the others.
    pub changes: Vec<Change>,
    /// The repository in memory that has the new objects.
    pub objects: Option<Repo>,
    /// Where the new values come from.
    pub origin: Origin,
    /// The operation that this one undoes.
    pub undoes: Option<String>,
    /// The worktrees that have a moved branch checked out: their files are updated.
    pub worktrees: Vec<Switch>,
    /// Commits to keep for `undo`, in addition to those that the changes make unreachable here.
    pub keeps: Vec<Oid>,
    /// The worktrees that have a branch checked out which gets another name.
    pub renames: Vec<Rename>,
    /// What becomes of the configuration of deleted and renamed branches.
    pub sections: Vec<Section>,
}

impl ChangeSet {
    /// A change set whose new values were made by this command.
    pub fn made(title: impl Into<String>, changes: Vec<Change>) -> Self {
        Self {
            title: title.into(),
            changes,
            objects: None,
            origin: Origin::Made,
            undoes: None,
            worktrees: Vec::new(),
            keeps: Vec::new(),
            renames: Vec::new(),
            sections: Vec::new(),
        }
    }
}

/// Applies a change set. Returns the id of the operation, or `None` if there is nothing to change or keep.
///
/// # Errors
/// When objects or the journal cannot be written; [`git::Error::Ref`] when a ref does not have the expected value. Then
/// no ref has moved.
pub fn apply(context: &Context, mut set: ChangeSet) -> Result<Option<String>> {
    if set.changes.is_empty() && set.keeps.is_empty() {
        return Ok(None);
    }
    let repo = &context.repo;
    if let Some(objects) = &mut set.objects {
        objects.keep_objects(repo).context("could not write the new objects")?;
    }
    let journal = Journal::of(repo);
    let mut guard = journal.lock()?;
    let found = recover::settle_all(repo, &mut guard)?;
    context.notices.borrow_mut().extend(found);
    let update = repo.begin_update(&set.title)?;
    let (worktrees, renames) = (std::mem::take(&mut set.worktrees), std::mem::take(&mut set.renames));
    let mut after = After::of(worktrees, renames, std::mem::take(&mut set.sections));
    after.check(repo)?;
    let operation = operation(context, set, update.id())?;
    let forgotten = guard.begin(&operation)?;
    if let Err(error) = after.begin(repo) {
        after.cancel(repo);
        guard.discard(&operation.id)?;
        return Err(error);
    }
    match update.commit(&operation.refs) {
        // If this entry is missing, the next command derives it from the refs.
        Ok(()) => drop(guard.finish(&operation.id)),
        Err(error) => failed(repo, &mut guard, &operation, error).inspect_err(|error| {
            if !is_pending(error) {
                after.cancel(repo);
            }
        })?,
    }
    after.run(context);
    forget(repo, &forgotten);
    Ok(Some(operation.id))
}

fn operation(context: &Context, set: ChangeSet, git: u32) -> Result<Operation> {
    let id = crate::record::store::random_name()[..12].to_owned();
    let mut refs = set.changes;
    if set.origin != Origin::Tracking {
        refs.extend(keeper(&context.repo, &id, &refs, &set.keeps)?);
    }
    Ok(Operation {
        id,
        title: set.title,
        command: context.environment.command.clone(),
        time: seconds(),
        user: crate::user::name(),
        owner: Identity::own(),
        git: Identity::of(git),
        refs,
        undoes: set.undoes,
        origin: set.origin,
    })
}

/// The ref that keeps commits which are unreachable after these changes, and `others`.
fn keeper(repo: &Repo, id: &str, changes: &[Change], others: &[Oid]) -> Result<Option<Change>> {
    let is_lost = |change: &&Change| match (change.old, change.new) {
        (Some(old), Some(new)) => !repo.is_ancestor(old, new).unwrap_or(false),
        (old, _) => old.is_some(),
    };
    let lost = changes.iter().filter(|change| !change.name.starts_with(KEPT)).filter(is_lost);
    let lost = lost.filter_map(|change| change.old).chain(others.iter().copied());
    let lost: BTreeSet<Oid> = lost.filter(|old| repo.commit(*old).is_ok()).collect();
    if lost.is_empty() {
        return Ok(None);
    }
    let mut memory = repo.in_memory();
    let new = memory.make_keeping_commit(&lost.into_iter().collect::<Vec<_>>())?;
    memory.keep_objects(repo)?;
    Ok(Some(Change { name: format!("{KEPT}{id}"), old: None, new: Some(new) }))
}

/// The context of an error that left an operation half done.
#[derive(Debug, thiserror::Error)]
#[error("the operation was cut off: the next git-lattice command that writes finishes it")]
struct Pending;

/// Whether an operation that failed with this error stays in the journal, and the next command that writes finishes it or takes it back.
/// What belongs to it must stay until then.
pub(super) fn is_pending(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Pending>().is_some()
}

/// Handles a failed update. A refused update moved no ref. A killed git may have moved some: move the rest.
fn failed(repo: &Repo, guard: &mut Guard<'_>, operation: &Operation, error: git::Error) -> Result<()> {
    if let git::Error::Ref { .. } | git::Error::Locked { .. } | git::Error::Unwritten { .. } = error {
        guard.discard(&operation.id)?;
        return Err(error.into());
    }
    match recover::settle(repo, guard, operation).context(Pending)? {
        Recovery::Finished => Ok(()),
        Recovery::Nothing | Recovery::TakenBack => Err(error.into()),
    }
}

/// Records in the journal what a push changed on a remote, for `undo --remote`; `operation` if all of that belongs to it, also refs
/// that the operation did not move here. Errors are ignored: undo then uses the refs alone.
pub fn note_push(repo: &Repo, remote: &str, refs: Vec<Change>, operation: Option<&str>) {
    if refs.is_empty() {
        return;
    }
    if let Ok(mut guard) = Journal::of(repo).lock() {
        let (remote, operation) = (remote.to_owned(), operation.map(str::to_owned));
        guard.pushed(Push { remote, refs, operation }).ok();
    }
}

/// The changes on a remote that pushing these branches will make, according to the tracking refs.
///
/// # Errors
/// When refs cannot be read.
pub fn push_changes<'b>(
    repo: &Repo,
    remote: &str,
    branches: impl Iterator<Item = &'b BranchName>,
) -> git::Result<Vec<Change>> {
    let change = |branch: &BranchName| {
        let (old, new) = (repo.tracking_tip(branch, remote)?, repo.branch_tip(branch)?);
        Ok(Change { name: branch.full_ref(), old, new })
    };
    let changes = branches.map(change).collect::<git::Result<Vec<_>>>()?;
    Ok(changes.into_iter().filter(|change| change.old != change.new).collect())
}

/// Deletes the keeping refs of operations that left the journal. Errors are ignored: they cost only disk space.
fn forget(repo: &Repo, ids: &[String]) {
    let deletion = |id: &String| {
        let name = format!("{KEPT}{id}");
        let old = repo.find_ref(&name).ok().flatten()?;
        Some(Change { name, old: Some(old), new: None })
    };
    let changes: Vec<_> = ids.iter().filter_map(deletion).collect();
    if !changes.is_empty() {
        repo.apply(&Transaction { message: "lattice: forget old operations".to_owned(), changes }).ok();
    }
}

fn seconds() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    i64::try_from(now).unwrap_or(i64::MAX)
}
