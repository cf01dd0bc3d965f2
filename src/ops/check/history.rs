//! History of a point and of the base branch: the commit that made the point, and past versions of lattice.toml.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::config;
use crate::git::commit::Commit;
use crate::git::{Oid, Repo, Result, trailer};

/// How many commits of a branch are searched for the one that made the point.
const MAX_COMMITS: usize = 1_000;

/// The commit that made a point: the first commit with a `Lattice-Point:` trailer, along first parents from the tip.
///
/// # Errors
/// When history cannot be read.
pub(super) fn origin(repo: &Repo, tip: &Commit, point: &str) -> Result<Option<Commit>> {
    let mut commit = tip.clone();
    for _ in 0..MAX_COMMITS {
        if let Some(made) = value(&commit, "Lattice-Point") {
            // If it names a point below, this branch has no such commit of its own.
            return Ok((made == point).then_some(commit));
        }
        match commit.parents.first() {
            Some(parent) if is_cut(repo, *parent) => break,
            Some(parent) => commit = repo.commit(*parent)?,
            None => break,
        }
    }
    Ok(None)
}

/// Whether a commit is missing because the clone is shallow.
pub(super) fn is_cut(repo: &Repo, commit: Oid) -> bool {
    repo.is_shallow() && repo.size_of(commit).is_none()
}

/// The commit that has a `Lattice-Point:` trailer and added `dir`, with the point that the trailer names.
///
/// # Errors
/// When history cannot be read.
pub(super) fn adding_commit(repo: &Repo, tip: &Commit, dir: &str) -> Result<Option<(Commit, String)>> {
    let mut commit = tip.clone();
    for _ in 0..MAX_COMMITS {
        let parent = commit.parents.first().filter(|parent| !is_cut(repo, **parent));
        let parent = parent.map(|parent| repo.commit(*parent)).transpose()?;
        if let Some(named_point) = value(&commit, "Lattice-Point") {
            let has = |commit: &Commit| repo.entry_at(commit.tree, dir).map(|entry| entry.is_some());
            let is_new = has(&commit)? && !parent.as_ref().map_or(Ok(false), has)?;
            let named_point = named_point.to_owned();
            return Ok(is_new.then_some((commit, named_point)));
        }
        match parent {
            Some(parent) => commit = parent,
            None => break,
        }
    }
    Ok(None)
}

/// The value of a trailer.
pub(super) fn value<'a>(commit: &'a Commit, key: &str) -> Option<&'a str> {
    trailer::parse(&commit.message).into_iter().find(|(name, _)| *name == key).map(|(_, value)| value)
}

/// All versions of `lattice.toml` on the base branch; history is read only as far as needed.
pub(super) struct TomlHistory {
    state: Mutex<State>,
}

struct State {
    known: HashSet<Option<Oid>>,
    next: Vec<Oid>,
    seen: HashSet<Oid>,
}

impl TomlHistory {
    pub(super) fn new(base: Option<Oid>) -> Self {
        let state = State { known: HashSet::new(), next: base.into_iter().collect(), seen: HashSet::new() };
        Self { state: Mutex::new(state) }
    }

    /// Whether the base branch ever had this file.
    ///
    /// # Errors
    /// When history cannot be read.
    pub(super) fn had(&self, repo: &Repo, toml: Oid) -> Result<bool> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.known.contains(&Some(toml)) {
            if !step(&mut state, repo)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Reads one more commit; `false` when none is left.
fn step(state: &mut MutexGuard<'_, State>, repo: &Repo) -> Result<bool> {
    let Some(id) = state.next.pop() else { return Ok(false) };
    // A shallow clone ends here.
    if state.seen.insert(id)
        && let Ok(commit) = repo.commit(id)
    {
        let toml = repo.entry_at(commit.tree, config::FILE)?.map(|entry| entry.id);
        state.known.insert(toml);
        state.next.extend(commit.parents.iter().rev());
    }
    Ok(true)
}
