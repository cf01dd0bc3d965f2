//! The refs of the writers: the local ones, and those that `git fetch` brought from remotes.
//!
//! `sync` moves a local ref forward to the fetched one. Before that the fetched one is read in its place, so the records are those
//! that `sync` would take over: a local ref counts if it has notes that the fetched one lacks.

use std::collections::BTreeMap;

use crate::git::names::BranchName;
use crate::git::{Oid, Repo};
use crate::record::budget::Budget;

/// The prefix of all writers' refs.
pub const NOTES: &str = "refs/notes/lattice/";
/// The prefix of the refs to which the records of remotes are fetched, followed by the remote.
pub(super) const FETCHED: &str = "refs/lattice/remotes/";
/// The git configuration key with this clone's writer name.
pub(super) const KEY: &str = "lattice.writer";
/// What reading one commit costs of the budget of a checkout, in bytes.
const COMMIT: u64 = 4 << 10;

/// The ref from which a writer's records are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// The writer's name.
    pub name: String,
    /// The full name of the ref.
    pub notes: String,
    /// Its commit.
    pub tip: Oid,
}

/// Returns whether a name is valid for a writer.
pub fn is_writer(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric())
}

/// Returns the prefix of the refs to which the records of a remote are fetched.
pub fn fetched_under(remote: &str) -> String {
    format!("{FETCHED}{remote}/")
}

/// Returns the name that this clone writes under, without starting git.
pub(super) fn own_name(repo: &Repo) -> Option<String> {
    repo.config(KEY).filter(|name| is_writer(name))
}

impl Writer {
    /// From a local ref.
    pub(super) fn local((notes, tip): (String, Oid)) -> Self {
        Self { name: notes.strip_prefix(NOTES).unwrap_or(&notes).to_owned(), notes, tip }
    }
}

/// Returns the prefixes of the refs to which records are fetched, one for each remote. A remote whose name cannot be part of a ref has
/// none.
pub(super) fn fetched_prefixes(repo: &Repo) -> Vec<String> {
    let remotes = repo.remotes();
    remotes.iter().filter(|remote| BranchName::parse(remote).is_ok()).map(|remote| fetched_under(remote)).collect()
}

/// Returns the writers of refs below these prefixes. The remote may have other refs there; `sync` counts them.
pub(super) fn fetched(refs: &[(String, Oid)], prefixes: &[String]) -> Vec<Writer> {
    let writer = |(notes, tip): &(String, Oid)| {
        let name = prefixes.iter().find_map(|prefix| notes.strip_prefix(prefix.as_str()))?;
        is_writer(name).then(|| Writer { name: name.to_owned(), notes: notes.clone(), tip: *tip })
    };
    refs.iter().filter_map(writer).collect()
}

/// Chooses one ref for each writer, sorted by name. `leads_to` returns whether the second commit has all notes of the first.
pub(super) fn united(
    repo: &Repo,
    local: Vec<Writer>,
    fetched: Vec<Writer>,
    leads_to: impl Fn(Oid, Oid) -> bool,
) -> Vec<Writer> {
    if fetched.is_empty() {
        return local;
    }
    // Only this clone writes under its own name.
    let own = own_name(repo);
    let mut writers: BTreeMap<String, Writer> = local.into_iter().map(|it| (it.name.clone(), it)).collect();
    for new in fetched {
        let is_newer = match writers.get(&new.name) {
            Some(known) => own.as_ref() != Some(&new.name) && known.tip != new.tip && leads_to(known.tip, new.tip),
            None => true,
        };
        if is_newer {
            writers.insert(new.name.clone(), new);
        }
    }
    writers.into_values().collect()
}

/// Returns whether `old` is reached from `new` along first parents, within the budget of a checkout: notes have a linear history.
pub(super) fn leads_to_within(repo: &Repo, budget: &Budget, old: Oid, new: Oid) -> bool {
    let mut commit = new;
    while budget.take(COMMIT) {
        let parents = repo.links(commit).map(|(_, parents)| parents).unwrap_or_default();
        match parents.first() {
            Some(parent) if *parent == old => return true,
            Some(parent) => commit = *parent,
            None => return false,
        }
    }
    false
}
