//! The refs of the writers: the local ones, and those that `git fetch` brought from remotes.
//!
//! `sync` moves a local ref forward to the fetched one. Before that the fetched one is read in its place, so the records are those
//! that `sync` would take over: a local ref counts if it has notes that the fetched one lacks.
//!
//! A writer has a ref of its own for each [`RefKind`]. All of them are below [`NOTES`], so that one refspec fetches them.

use std::collections::{BTreeMap, HashSet};

use crate::git::names::BranchName;
use crate::git::{Oid, Repo, Result};
use crate::record::budget::Budget;

/// The prefix of all writers' refs.
pub const NOTES: &str = "refs/notes/lattice/";
/// The prefix of the refs to which the records of remotes are fetched, followed by the remote.
pub(super) const FETCHED: &str = "refs/lattice/remotes/";
/// Where the refs with notes on points are, below the prefix of all refs. No writer has such a name, so a version that knows only records
/// does not take them for a writer's.
const POINT_NOTES: &str = "point-notes/";
/// The git configuration key with this clone's writer name.
pub(super) const KEY: &str = "lattice.writer";
/// What reading one commit costs of the budget of a checkout, in bytes.
const COMMIT: u64 = 4 << 10;

/// What a ref of a writer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefKind {
    /// Build records, by build key.
    Records,
    /// Notes on points, by the name of the point.
    PointNotes,
}

/// The ref of a writer for one kind, here or on a remote.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WriterRef {
    /// What it holds.
    pub kind: RefKind,
    /// The writer.
    pub writer: String,
}

impl RefKind {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Records, Self::PointNotes];

    /// Where its refs are, below the prefix of all refs.
    fn place(self) -> &'static str {
        match self {
            Self::Records => "",
            Self::PointNotes => POINT_NOTES,
        }
    }

    /// The prefix of its refs.
    pub fn prefix(self) -> String {
        format!("{NOTES}{}", self.place())
    }

    /// The ref of a writer.
    pub fn of(self, writer: &str) -> WriterRef {
        WriterRef { kind: self, writer: writer.to_owned() }
    }
}

impl WriterRef {
    /// Parses the full name of a ref; `None` if it is not a writer's.
    pub fn parse(full: &str) -> Option<Self> {
        Self::parse_below(NOTES, full)
    }

    /// Parses the full name of a ref that was fetched from a remote.
    pub fn parse_fetched(remote: &str, full: &str) -> Option<Self> {
        Self::parse_below(&fetched_under(remote), full)
    }

    fn parse_below(prefix: &str, full: &str) -> Option<Self> {
        let name = full.strip_prefix(prefix)?;
        let (kind, writer) = match name.strip_prefix(POINT_NOTES) {
            Some(writer) => (RefKind::PointNotes, writer),
            None => (RefKind::Records, name),
        };
        is_writer(writer).then(|| kind.of(writer))
    }

    /// Its full name, here and on a remote.
    pub fn full(&self) -> String {
        format!("{}{}", self.kind.prefix(), self.writer)
    }

    /// The full name of the ref to which it is fetched.
    pub fn fetched(&self, remote: &str) -> String {
        format!("{}{}{}", fetched_under(remote), self.kind.place(), self.writer)
    }
}

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

/// A notes ref that is ignored.
#[derive(Debug)]
pub struct LeftOut {
    /// Its full name; `None` if only git's message names it.
    pub notes: Option<String>,
    /// Why.
    pub why: String,
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.notes.iter().try_for_each(|notes| write!(f, "`{notes}`: "))?;
        f.write_str(&self.why)
    }
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
    /// From a local ref of a kind.
    pub(super) fn local(kind: RefKind, (notes, tip): (String, Oid)) -> Self {
        Self { name: notes.strip_prefix(&kind.prefix()).unwrap_or(&notes).to_owned(), notes, tip }
    }
}

/// Finds the refs of a kind, local and fetched, one for each writer, and those that are ignored. A ref without notes is skipped: another
/// program owns it.
///
/// # Errors
/// When refs cannot be read.
pub(super) fn find(repo: &Repo, kind: RefKind) -> Result<(Vec<Writer>, Vec<LeftOut>)> {
    let prefixes = fetched_prefixes(repo, kind);
    let listing = repo.list_refs(&[&[kind.prefix()], prefixes.as_slice()].concat())?;
    let mut broken: Vec<_> = listing.broken.into_iter().map(|why| LeftOut { notes: None, why }).collect();
    let (local, fetched): (Vec<_>, Vec<_>) = listing.refs.into_iter().partition(|(name, _)| name.starts_with(NOTES));
    let mut writers = Vec::new();
    for writer in of_kind(kind, local) {
        match repo.tree_of_commit(writer.tip) {
            Ok(_) => writers.push(writer),
            Err(error) => broken.push(LeftOut { notes: Some(writer.notes), why: error.to_string() }),
        }
    }
    let mut fetched = self::fetched(&fetched, &prefixes);
    let known: HashSet<_> = writers.iter().map(|writer| (writer.name.as_str(), writer.tip)).collect();
    fetched.retain(|writer| !known.contains(&(writer.name.as_str(), writer.tip)));
    fetched.retain(|writer| repo.tree_of_commit(writer.tip).is_ok());
    let leads_to = |old, new| repo.is_ancestor(old, new).unwrap_or(false);
    Ok((united(repo, writers, fetched, leads_to), broken))
}

/// The local refs of a kind: the others are below those of records.
pub(super) fn of_kind(kind: RefKind, refs: Vec<(String, Oid)>) -> impl Iterator<Item = Writer> {
    let others = RefKind::PointNotes.prefix();
    let is_own = move |(name, _): &(String, Oid)| kind != RefKind::Records || !name.starts_with(&others);
    refs.into_iter().filter(is_own).map(move |it| Writer::local(kind, it))
}

/// Returns the prefixes of the refs to which a kind is fetched, one for each remote. A remote whose name cannot be part of a ref has
/// none.
pub(super) fn fetched_prefixes(repo: &Repo, kind: RefKind) -> Vec<String> {
    let remotes = repo.remotes().into_iter().filter(|remote| BranchName::parse(remote).is_ok());
    remotes.map(|remote| fetched_under(&remote) + kind.place()).collect()
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
