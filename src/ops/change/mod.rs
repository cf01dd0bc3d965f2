//! The one door for changes of refs: the objects are kept, the journal is written, the refs move in one transaction, and the journal
//! says that they did.

mod recover;

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::git::names::BranchName;
use crate::git::{self, Change, Oid, Repo, Transaction};
use crate::journal::{Guard, Journal, Operation, Origin, Push};
use crate::process::identity::Identity;

use recover::Settled;
pub use recover::recover;
pub(super) use recover::reversed;

/// Where commits are kept that an operation took from their refs, one ref per operation: `undo` needs them.
pub const KEPT: &str = "refs/lattice/journal/";

/// What a command is going to do to refs.
pub struct ChangeSet {
    /// What it does, in one line: the reflog's message. That of a commit made here begins with `lattice: add ` (`ops::trust`).
    pub title: String,
    /// The refs. One whose values are the same must not move: git locks it like the others, so the journal knows of it too.
    pub changes: Vec<Change>,
    /// The repository in memory that has the new objects.
    pub objects: Option<Repo>,
    /// Where the new values come from.
    pub origin: Origin,
    /// The operation that is taken back.
    pub undoes: Option<String>,
}

impl ChangeSet {
    /// Changes to values that were made here.
    pub fn made(title: impl Into<String>, changes: Vec<Change>) -> Self {
        Self { title: title.into(), changes, objects: None, origin: Origin::Made, undoes: None }
    }
}

/// Applies a change set; gives the id of the operation, or nothing where there was nothing to do.
///
/// # Errors
/// When objects or the journal cannot be written, and [`git::Error::Ref`] when a ref is not what it should be; then no ref has moved.
pub fn apply(context: &Context, mut set: ChangeSet) -> Result<Option<String>> {
    if set.changes.is_empty() {
        return Ok(None);
    }
    let repo = &context.repo;
    if let Some(objects) = &mut set.objects {
        objects.keep_objects(repo).context("could not write the new objects")?;
    }
    let journal = Journal::of(repo);
    let mut guard = journal.hold()?;
    let found = recover::settle_all(repo, &mut guard)?;
    context.notices.borrow_mut().extend(found);
    let update = repo.begin_update(&set.title)?;
    let operation = operation(context, set, update.id())?;
    let forgotten = guard.begin(&operation)?;
    match update.commit(&operation.refs) {
        // Where this line is missing, the refs tell the next command.
        Ok(()) => drop(guard.finish(&operation.id)),
        Err(error) => failed(repo, &mut guard, &operation, error)?,
    }
    forget(repo, &forgotten);
    Ok(Some(operation.id))
}

fn operation(context: &Context, set: ChangeSet, git: u32) -> Result<Operation> {
    let id = crate::record::store::random_name()[..12].to_owned();
    let mut refs = set.changes;
    if set.origin != Origin::Tracking {
        refs.extend(keeper(&context.repo, &id, &refs)?);
    }
    Ok(Operation {
        id,
        title: set.title,
        command: context.environment.command.clone(),
        time: seconds(),
        user: crate::env::user().unwrap_or_else(|| rustix::process::getuid().as_raw().to_string()),
        owner: Identity::own(),
        git: Identity::of(git),
        refs,
        undoes: set.undoes,
        origin: set.origin,
    })
}

/// The ref that keeps the commits which no ref leads to after these changes.
fn keeper(repo: &Repo, id: &str, changes: &[Change]) -> Result<Option<Change>> {
    let is_lost = |change: &&Change| match (change.old, change.new) {
        (Some(old), Some(new)) => !repo.is_ancestor(old, new).unwrap_or(false),
        (old, _) => old.is_some(),
    };
    let lost = changes.iter().filter(|change| !change.name.starts_with(KEPT)).filter(is_lost);
    let lost: BTreeSet<Oid> = lost.filter_map(|change| change.old).filter(|old| repo.commit(*old).is_ok()).collect();
    if lost.is_empty() {
        return Ok(None);
    }
    let mut memory = repo.in_memory();
    let new = memory.make_keeping_commit(&lost.into_iter().collect::<Vec<_>>())?;
    memory.keep_objects(repo)?;
    Ok(Some(Change { name: format!("{KEPT}{id}"), old: None, new: Some(new) }))
}

/// What git refused has moved nothing. A git that was killed may have moved some refs: then the rest is moved too.
fn failed(repo: &Repo, guard: &mut Guard<'_>, operation: &Operation, error: git::Error) -> Result<()> {
    if let git::Error::Ref { .. } | git::Error::Locked { .. } | git::Error::Unwritten { .. } = error {
        guard.discard(&operation.id)?;
        return Err(error.into());
    }
    // Where this fails, it stays pending, and the next command tries again.
    match recover::settle(repo, guard, operation)? {
        Settled::Finished => Ok(()),
        Settled::Nothing | Settled::TakenBack => Err(error.into()),
    }
}

/// Notes what a push did to a remote's refs, for `undo --remote`. Where that fails, undo only knows what the refs tell.
pub fn note_push(repo: &Repo, remote: &str, refs: Vec<Change>) {
    if refs.is_empty() {
        return;
    }
    if let Ok(mut guard) = Journal::of(repo).hold() {
        guard.pushed(Push { remote: remote.to_owned(), refs }).ok();
    }
}

/// What pushing these branches is going to change on a remote, as far as is known here.
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

/// Lets go of what was kept for operations that the journal does not tell of any more. Failing that costs disk space only.
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
