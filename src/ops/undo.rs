//! Undoing an operation: restores exactly its refs, and only if each still has the value that the operation gave it.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Result;

use super::RemoteFailure;
use super::change::{self, ChangeSet, KEPT};
use super::limits;
use super::moves::Worktrees;
use super::push::update_tracking;
use super::{Cannot, Refusal};
use crate::context::Context;
use crate::git::checkout;
use crate::git::names::{self, BranchName, RENAMED};
use crate::git::work::Switch;
use crate::git::{Change, Oid, Repo};
use crate::journal::{Entry, History, Journal, Operation, Origin, State};

/// A planned undo.
pub struct Undo {
    /// The operation.
    pub operation: Operation,
    /// The changes of local refs.
    pub changes: Vec<Change>,
    /// The changes of remote refs to which the operation was pushed.
    pub pushed: Vec<Pushed>,
    title: String,
    /// The deletion of the keeping ref, whose commits become reachable again.
    kept: Option<Change>,
    /// The worktrees that have a branch checked out which moves back.
    worktrees: Vec<Switch>,
}

/// The change of a ref on a remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The remote.
    pub remote: String,
    /// The change of the ref.
    pub change: Change,
}

/// Plans to undo the operation whose id begins with `wanted`, else the newest that is not undone.
///
/// # Errors
/// [`Refusal`] when a ref has moved since or is checked out, or when a commit is missing.
pub fn plan(context: &Context, wanted: Option<&str>) -> Result<Undo> {
    let repo = &context.repo;
    let history = Journal::of(repo).read()?;
    let entry = choose(&history, wanted)?;
    let operation = &entry.operation;
    let mut refs: Vec<_> = operation.moves(KEPT).collect();
    // Markers of old names go when the remote has deleted their branches.
    let is_swept =
        |change: &&Change| change.name.starts_with(RENAMED) && matches!(repo.find_ref(&change.name), Ok(None));
    refs.retain(|change| !(change.new.is_some() && is_swept(change)));
    check_unmoved(repo, operation, &refs)?;
    let changes: Vec<_> = refs.iter().map(|change| change::reversed((*change).clone())).collect();
    check_objects(repo, operation, &changes)?;
    let worktrees = check_unused(repo, operation, &changes)?;
    let kept = format!("{KEPT}{}", operation.id);
    let kept = repo.find_ref(&kept)?.map(|old| Change { name: kept, old: Some(old), new: None });
    let pushed = pushed(repo, &history, entry, &refs)?;
    Ok(Undo { operation: operation.clone(), title: title(&history, operation), changes, pushed, kept, worktrees })
}

fn choose<'h>(history: &'h History, wanted: Option<&str>) -> Result<&'h Entry> {
    let Some(wanted) = wanted else {
        let newest = history.shown().find(|entry| entry.state == State::Done);
        return newest.ok_or_else(|| Refusal::NothingToUndo.into());
    };
    let found = history.find(wanted);
    let entry = match found.as_slice() {
        [one] => *one,
        [] => return Err(Cannot::NoOperation(wanted.to_owned()).into()),
        _ => return Err(Cannot::SeveralOperations(wanted.to_owned()).into()),
    };
    if entry.state != State::Done {
        let (operation, by) = (entry.operation.id.clone(), entry.undone_by.clone());
        return Err(Refusal::NotInForce { operation, state: entry.state.word(), by }.into());
    }
    Ok(entry)
}

fn check_unmoved(repo: &Repo, operation: &Operation, refs: &[&Change]) -> Result<()> {
    let mut moved = Vec::new();
    for change in refs {
        if repo.find_ref(&change.name)? != change.new {
            moved.push(names::shown(&change.name).to_owned());
        }
    }
    if moved.is_empty() { Ok(()) } else { Err(Refusal::Moved { operation: operation.id.clone(), refs: moved }.into()) }
}

fn check_objects(repo: &Repo, operation: &Operation, changes: &[Change]) -> Result<()> {
    let is_gone = |change: &&Change| change.new.is_some_and(|id| repo.size_of(id).is_none());
    match changes.iter().find(is_gone) {
        Some(Change { name, new: Some(new), .. }) => {
            let (operation, name) = (operation.id.clone(), names::shown(name).to_owned());
            Err(Refusal::CommitGone { operation, name, commit: new.to_string() }.into())
        }
        _ => Ok(()),
    }
}

/// Checks that no branch which is checked out is deleted, which would leave its worktree without one, or moves where the worktree is
/// not clean. Returns the worktrees whose files change.
fn check_unused(repo: &Repo, operation: &Operation, changes: &[Change]) -> Result<Vec<Switch>> {
    let mut worktrees = Worktrees::default();
    for change in changes {
        let Some(branch) = BranchName::of_ref(&change.name) else { continue };
        let is_moved = change.old.is_some() && change.new.is_some();
        let place = if is_moved { worktrees.blocking(repo, &branch)? } else { worktrees.place(repo, &branch)? };
        let Some(worktree) = place else { continue };
        let is_here = repo.workdir().is_some_and(|here| is_same(here, &worktree));
        let leave = match repo.worktree_state(&worktree)? {
            checkout::State::Busy => format!("git -C {} status", quoted(&worktree)),
            _ if is_here => leave(repo, changes)?,
            _ => format!("git -C {} switch --detach", quoted(&worktree)),
        };
        let worktree = worktree.display().to_string();
        return Err(
            Refusal::InUse { operation: operation.id.clone(), branch: branch.to_string(), worktree, leave }.into()
        );
    }
    Ok(worktrees.moved(changes))
}

fn is_same(a: &Path, b: &Path) -> bool {
    a.canonicalize().ok() == b.canonicalize().ok()
}

fn quoted(path: &Path) -> String {
    crate::process::quote(path)
}

/// The command that leaves the checked-out branch: to the previous branch, unless the undo deletes that too.
fn leave(repo: &Repo, changes: &[Change]) -> Result<String> {
    let before = repo.git().previous_branch()?;
    let stays = |name: &String| !changes.iter().any(|change| change.name == *name && change.new.is_none());
    Ok(if before.is_some_and(|name| stays(&name)) { "git switch -" } else { "git switch --detach" }.to_owned())
}

/// The reflog message. An undo of an undo recreates branches whose reflog is lost, so it repeats the original message,
/// which marks them as made here (`ops::trust`).
fn title(history: &History, operation: &Operation) -> String {
    let Some(undone) = &operation.undoes else { return format!("undo: {}", operation.title) };
    let first = history.entries.iter().find(|entry| entry.operation.id == *undone);
    first.map_or_else(|| "redo".to_owned(), |entry| entry.operation.title.clone())
}

fn pushed(repo: &Repo, history: &History, entry: &Entry, refs: &[&Change]) -> Result<Vec<Pushed>> {
    let remotes = repo.remotes();
    let mut found = Vec::new();
    for Change { name, old, new } in refs.iter().copied() {
        let Some(branch) = BranchName::of_ref(name) else { continue };
        let there = |remote: &str| repo.tracking_tip(&branch, remote);
        let change = |new: Option<Oid>, old: Option<Oid>| Change { name: name.clone(), old, new };
        if let Some((remote, before)) = history.pushed(entry, name, *new) {
            if there(remote)? != before {
                found.push(Pushed { remote: remote.to_owned(), change: change(before, *new) });
            }
        } else if entry.operation.origin == Origin::Made && old.is_none() {
            // The user pushed the branch with git. The operation created it, so the remote did not have it before.
            for remote in &remotes {
                if there(remote)? == *new {
                    found.push(Pushed { remote: remote.clone(), change: change(None, *new) });
                }
            }
        }
    }
    // Branches that were only on the remote.
    for (remote, pushed) in history.pushed_by(entry).filter(|(_, pushed)| !refs.iter().any(|it| it.name == pushed.name))
    {
        let Some(branch) = BranchName::of_ref(&pushed.name) else { continue };
        if repo.tracking_tip(&branch, remote)? == pushed.new {
            let change = change::reversed(pushed.clone());
            found.push(Pushed { remote: remote.to_owned(), change });
        }
    }
    Ok(found)
}

impl Undo {
    /// Undoes pushes, remote by remote, only if the remote still has the pushed values; returns the changes made.
    fn undo_pushes(&self, repo: &Repo) -> Result<HashMap<String, Vec<Change>>> {
        let mut remotes: HashMap<String, Vec<Change>> = HashMap::new();
        for Pushed { remote, change } in &self.pushed {
            remotes.entry(remote.clone()).or_default().push(change.clone());
        }
        let still = limits::network(repo)?;
        for (remote, changes) in &remotes {
            let doing = "undo the push on";
            let report = repo.git().push_leased(remote, changes, still);
            let report = report.map_err(|error| Refusal::remote(error, doing, remote))?;
            let Some(why) = report.refs.iter().find_map(|pushed| pushed.refused.as_deref()) else { continue };
            if is_restored(repo, remote, changes)? {
                update_tracking(repo, remote, changes, "undo: taken back before")?;
                continue;
            }
            let lines = std::iter::once(RemoteFailure::refused(why).to_string()).chain(report.messages);
            let why = RemoteFailure::Message(lines.collect::<Vec<_>>().join("; "));
            return Err(Refusal::Remote { doing, remote: remote.clone(), why }.into());
        }
        Ok(remotes)
    }

    /// Restores the refs, with `with_remotes` first those of remotes; returns the id of the new operation.
    ///
    /// # Errors
    /// [`Refusal::Remote`] when a remote has other values or cannot be reached, and [`Refusal::Moved`] when another
    /// process moved a ref first; then no local ref has moved.
    pub fn apply(self, context: &Context, with_remotes: bool) -> Result<String> {
        let repo = &context.repo;
        if self.changes.is_empty() && !with_remotes {
            return Err(Refusal::OnlyRemote { operation: self.operation.id }.into());
        }
        let taken = if with_remotes { self.undo_pushes(repo)? } else { HashMap::new() };
        // What stays on the remote may need the kept commits later.
        let kept = self.kept.filter(|_| with_remotes || self.pushed.is_empty());
        let changes: Vec<_> = self.changes.into_iter().chain(kept).collect();
        let first = changes.first().map(|change| names::shown(&change.name).to_owned());
        let (undoes, worktrees) = (Some(self.operation.id.clone()), self.worktrees);
        let deleted = taken.values().flatten().filter(|change| change.new.is_none());
        let keeps = deleted.filter_map(|change| change.old).collect();
        let set = ChangeSet { undoes, worktrees, keeps, ..ChangeSet::made(self.title, changes) };
        match change::apply(context, set) {
            Ok(id) => {
                let note = |(remote, changes): (String, _)| change::note_push(repo, &remote, changes, id.as_deref());
                taken.into_iter().for_each(note);
                Ok(id.unwrap_or_default())
            }
            Err(error) if is_raced(&error) => {
                Err(error.context(Refusal::Moved { operation: self.operation.id, refs: first.into_iter().collect() }))
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether a remote has the restored values already, from an undo that was killed.
fn is_restored(repo: &Repo, remote: &str, changes: &[Change]) -> Result<bool> {
    let names: Vec<_> = changes.iter().map(|change| change.name.clone()).collect();
    let there = repo.git().remote_refs(remote, &names, limits::network(repo)?)?;
    Ok(changes.iter().all(|change| there.get(&change.name).copied() == change.new))
}

fn is_raced(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(crate::git::Error::Ref { raced: true, .. }))
}
