//! Where a point comes from: the commit that made it, and the base branch's past.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::config;
use crate::git::commit::Commit;
use crate::git::{Oid, Repo, Result, trailer};

/// How many of a branch's commits are looked through for the one that made it.
const MOST: usize = 1_000;

/// The commit that made a point: the last on the first-parent way from its tip that says so.
///
/// # Errors
/// When history cannot be read.
pub(super) fn origin(repo: &Repo, tip: &Commit, point: &str) -> Result<Option<Commit>> {
    let mut commit = tip.clone();
    for _ in 0..MOST {
        if let Some(made) = value(&commit, "Lattice-Point") {
            // The commit of a point below: this branch has none of its own.
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

/// Whether nothing is known of a commit because a shallow clone ends before it.
pub(super) fn is_cut(repo: &Repo, commit: Oid) -> bool {
    repo.is_shallow() && repo.size_of(commit).is_none()
}

/// The commit that says that it made a point and brought `dir`, and the point that it says.
///
/// # Errors
/// When history cannot be read.
pub(super) fn maker(repo: &Repo, tip: &Commit, dir: &str) -> Result<Option<(Commit, String)>> {
    let mut commit = tip.clone();
    for _ in 0..MOST {
        let parent = commit.parents.first().filter(|parent| !is_cut(repo, **parent));
        let parent = parent.map(|parent| repo.commit(*parent)).transpose()?;
        if let Some(said) = value(&commit, "Lattice-Point") {
            let has = |commit: &Commit| repo.entry_at(commit.tree, dir).map(|entry| entry.is_some());
            let is_new = has(&commit)? && !parent.as_ref().map_or(Ok(false), has)?;
            let said = said.to_owned();
            return Ok(is_new.then_some((commit, said)));
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

/// Every `lattice.toml` that the base branch has had, found as far back as somebody asks.
pub(super) struct Tomls {
    state: Mutex<State>,
}

struct State {
    known: HashSet<Option<Oid>>,
    next: Vec<Oid>,
    seen: HashSet<Oid>,
}

impl Tomls {
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

/// Looks at one commit more; `false` when there is none.
fn step(state: &mut MutexGuard<'_, State>, repo: &Repo) -> Result<bool> {
    let Some(id) = state.next.pop() else { return Ok(false) };
    // Where a shallow clone ends nothing more is known.
    if state.seen.insert(id)
        && let Ok(commit) = repo.commit(id)
    {
        let toml = repo.entry_at(commit.tree, config::FILE)?.map(|entry| entry.id);
        state.known.insert(toml);
        state.next.extend(commit.parents.iter().rev());
    }
    Ok(true)
}
