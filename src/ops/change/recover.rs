//! Recovery of interrupted operations: compare their refs with the journal, then finish them or roll them back.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;

use crate::git::{self, Change, Oid, Repo};
use crate::journal::{Guard, Journal, Operation};
use crate::ops::Cannot;
use crate::process::identity::ProcessState;
use crate::process::quote;

/// How long to wait for the git of a killed process. It ends soon by itself, unless a hook blocks it.
const GIT_TIMEOUT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The outcome of a recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recovery {
    /// None of its refs had moved.
    Nothing,
    /// All of its refs have moved, some of them perhaps only now.
    Finished,
    /// It could not be finished, so the moved refs were set back.
    TakenBack,
}

/// The state of a ref relative to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RefState {
    Before,
    After,
    /// A descendant of the operation's new value.
    Beyond,
    Elsewhere,
}

/// Recovers interrupted operations; returns a line for each that had changed a ref. Every command that writes calls
/// this before it reads refs.
///
/// # Errors
/// When the journal or refs cannot be used, or the git of an interrupted operation still runs.
pub fn recover(repo: &Repo) -> Result<Vec<String>> {
    let journal = Journal::of(repo);
    if !journal.exists() {
        return Ok(Vec::new());
    }
    let mut guard = journal.lock()?;
    settle_all(repo, &mut guard)
}

pub(super) fn settle_all(repo: &Repo, guard: &mut Guard<'_>) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for operation in guard.pending()? {
        let command = command(&operation);
        match settle(repo, guard, &operation)? {
            Recovery::Nothing => {}
            Recovery::Finished => lines.push(format!(
                "`{command}` was interrupted and is finished now: `git lattice undo {}` takes it back",
                operation.id
            )),
            Recovery::TakenBack => {
                lines.push(format!("`{command}` was interrupted and could not be finished: it was taken back"));
            }
        }
    }
    Ok(lines)
}

/// Finishes or rolls back an operation whose process has ended. The caller holds the journal, so no live process is
/// inside an operation.
pub(super) fn settle(repo: &Repo, guard: &mut Guard<'_>, operation: &Operation) -> Result<Recovery> {
    await_git(operation)?;
    if operation.git.state() == ProcessState::Ended {
        let since = UNIX_EPOCH + Duration::from_secs(u64::try_from(operation.time).unwrap_or_default());
        repo.remove_stale_locks(&operation.refs, since.min(SystemTime::now()));
    }
    let settled = move_rest(repo, operation)?;
    match settled {
        Recovery::Finished => guard.finish(&operation.id)?,
        Recovery::Nothing | Recovery::TakenBack => guard.discard(&operation.id)?,
    }
    Ok(settled)
}

fn await_git(operation: &Operation) -> Result<()> {
    let until = Instant::now() + GIT_TIMEOUT;
    while operation.git.state() == ProcessState::Running {
        if Instant::now() > until {
            return Err(Cannot::StillMoving { pid: operation.git.pid, command: command(operation) }.into());
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}

fn move_rest(repo: &Repo, operation: &Operation) -> Result<Recovery> {
    // Refs that were only verified do not show how far the operation got.
    let moves: Vec<_> = operation.refs.iter().filter(|change| change.old != change.new).collect();
    let standings = moves.iter().map(|change| standing(repo, change)).collect::<Result<Vec<_>>>()?;
    let is_any = |wanted| standings.contains(&wanted);
    if !is_any(RefState::After) && !is_any(RefState::Beyond) {
        return Ok(Recovery::Nothing);
    }
    if is_any(RefState::Elsewhere) {
        return take_back(repo, &moves);
    }
    let before = moves.iter().zip(&standings).filter(|(_, standing)| **standing == RefState::Before);
    let before: Vec<_> = before.map(|(change, _)| (*change).clone()).collect();
    match transact(repo, &operation.title, &before) {
        Ok(()) => Ok(Recovery::Finished),
        // On a full disk there may be room for less.
        Err(error) if is_unwritten(&error) => take_back(repo, &moves).or(Err(error)),
        Err(error) => Err(error),
    }
}

fn take_back(repo: &Repo, moves: &[&Change]) -> Result<Recovery> {
    let mut back = Vec::new();
    for change in moves {
        if standing(repo, change)? == RefState::After {
            back.push(reversed((*change).clone()));
        }
    }
    transact(repo, "lattice: take back what was interrupted", &back)?;
    Ok(Recovery::TakenBack)
}

fn is_unwritten(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(git::Error::Unwritten { .. } | git::Error::Exe(_)))
}

fn standing(repo: &Repo, change: &Change) -> Result<RefState> {
    let now = repo.find_ref(&change.name)?;
    let is_beyond = |new: Oid, now: Oid| repo.is_ancestor(new, now).unwrap_or(false);
    Ok(match (change.new, now) {
        (new, now) if now == new => RefState::After,
        (_, now) if now == change.old => RefState::Before,
        (Some(new), Some(now)) if is_beyond(new, now) => RefState::Beyond,
        _ => RefState::Elsewhere,
    })
}

fn transact(repo: &Repo, message: &str, changes: &[Change]) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    Ok(repo.begin_update(message)?.commit(changes)?)
}

/// The change that takes this one back.
pub(in crate::ops) fn reversed(Change { name, old, new }: Change) -> Change {
    Change { name, old: new, new: old }
}

/// The command line of an operation, as it would be typed.
pub(super) fn command(operation: &Operation) -> String {
    let words = operation.command.iter().map(quote);
    std::iter::once("git lattice".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}
