//! Which changes of a point another point has already.
//!
//! A commit that carries changes names the source and its tip: `Lattice-Port: POINT@COMMIT`. So the history of a point tells up to which
//! commit it has another point's changes: that commit is the base of the next merge. It is part of the source's branch, which is never
//! rewritten, and so it is there wherever the source's branch is.
//!
//! Changes may come back, or arrive on two ways. A commit of the source that carries what the target has is therefore no change: the
//! base gets it too.
//!
//! Points are known by their names, also by those that they had before they were moved.

use std::collections::HashMap;
use std::rc::Rc;

use anyhow::Result;

use crate::config::{Config, Named};
use crate::git::{self, Oid, Repo, trailer};
use crate::lattice::Spelled;
use crate::ops::generated::{MOVE, POINT, PORT};

/// How many commits of a branch are read.
const MAX_COMMITS: usize = 1_000;

/// The newest commit of each point whose changes a point has.
pub(super) type Has = HashMap<Spelled, Oid>;

/// The version of a source without the changes that the target lacks.
pub(super) struct Base {
    /// The directory of the source.
    pub(super) tree: Oid,
    /// The commit of the source that the target has, and the name that the source had; `None` if no commit made the source.
    pub(super) at: Option<(Oid, Named)>,
    /// The directories of the source after that commit, newest first.
    pub(super) newer: Vec<Oid>,
}

/// Reads the histories of points along first parents, each once.
pub(super) struct Histories<'a> {
    repo: &'a Repo,
    config: &'a Config,
    known: HashMap<(Spelled, Oid), Rc<History>>,
}

/// The commits of a point, newest first.
struct History {
    commits: Vec<Commit>,
    /// The names of the point, the present one first.
    names: Vec<Spelled>,
    /// Whether the last commit made the point.
    is_whole: bool,
}

struct Commit {
    id: Oid,
    /// The name of the point at this commit; `None` if the lattice no longer has it.
    named: Option<Named>,
    /// The source that it carries.
    carries: Option<(Spelled, Oid)>,
}

impl History {
    fn origin(&self) -> Option<&Commit> {
        self.commits.last().filter(|_| self.is_whole)
    }
}

impl<'a> Histories<'a> {
    pub(super) fn new(repo: &'a Repo, config: &'a Config) -> Self {
        Self { repo, config, known: HashMap::new() }
    }

    /// The commit that made a point, and the name that it gave it.
    ///
    /// # Errors
    /// When history cannot be read.
    pub(super) fn origin(&mut self, point: &Named, tip: Oid) -> Result<Option<(Oid, Named)>> {
        let history = self.of(&point.spelled, tip)?;
        Ok(history.origin().and_then(|commit| Some((commit.id, commit.named.clone()?))))
    }

    /// What a point has at this commit, directly or because it has another point's changes.
    ///
    /// # Errors
    /// When history cannot be read.
    pub(super) fn versions(&mut self, point: &Named, tip: Oid) -> Result<Has> {
        let mut has = Has::new();
        let mut waiting = vec![(point.spelled.clone(), tip)];
        while let Some((point, tip)) = waiting.pop() {
            let history = self.of(&point, tip)?;
            has.extend(history.names.iter().map(|name| (name.clone(), tip)));
            for (source, commit) in history.commits.iter().filter_map(|commit| commit.carries.as_ref()) {
                if self.is_readable(*commit) && !self.contains(&has, source, *commit)? {
                    has.insert(source.clone(), *commit);
                    waiting.push((source.clone(), *commit));
                }
            }
        }
        Ok(has)
    }

    /// The base for merging `source` at `tip` into a point that has `has`.
    ///
    /// # Errors
    /// When history or objects cannot be read.
    pub(super) fn base(&mut self, source: &Named, tip: Oid, has: &Has) -> Result<Base> {
        let history = self.of(&source.spelled, tip)?;
        let known = history.names.iter().find_map(|name| Some((name, has.get(name).copied()?)));
        let known = known.filter(|(_, commit)| self.is_readable(*commit));
        let known = known.and_then(|(name, commit)| Some((commit, self.name(name)?)));
        let origin = || history.origin().and_then(|commit| Some((commit.id, commit.named.clone()?)));
        let Some((start, named)) = known.or_else(origin) else {
            return Ok(Base { tree: self.repo.empty_tree(), at: None, newer: Vec::new() });
        };
        let mut tree = self.directory(start, Some(&named))?;
        let newer = if self.repo.is_ancestor(start, tip)? {
            history.commits.iter().position(|commit| commit.id == start).unwrap_or(history.commits.len())
        } else {
            0
        };
        for (at, commit) in history.commits.iter().enumerate().take(newer).rev() {
            let (Some((from, version)), Some(before)) = (&commit.carries, history.commits.get(at + 1)) else {
                continue;
            };
            if self.contains(has, from, *version)? {
                tree = self.with_change(tree, self.directory_of(before)?, self.directory_of(commit)?)?;
            }
        }
        let newer = history.commits.iter().take(newer).map(|commit| self.directory_of(commit));
        let mut newer = newer.collect::<Result<Vec<_>>>()?;
        newer.dedup();
        Ok(Base { tree, at: Some((start, named)), newer })
    }

    /// `tree` with the change from `before` to `after`; unchanged if that conflicts, so that the change is merged once more.
    fn with_change(&self, tree: Oid, before: Oid, after: Oid) -> Result<Oid> {
        match self.repo.merge_trees(before, tree, after) {
            Ok(changed) => Ok(changed),
            Err(git::Error::Conflict { .. }) => Ok(tree),
            Err(error) => Err(error.into()),
        }
    }

    fn directory_of(&self, commit: &Commit) -> Result<Oid> {
        self.directory(commit.id, commit.named.as_ref())
    }

    fn directory(&self, commit: Oid, named: Option<&Named>) -> Result<Oid> {
        let Some(named) = named else { return Ok(self.repo.empty_tree()) };
        let found = self.repo.entry_at(self.repo.tree_of_commit(commit)?, &named.dir)?.filter(|entry| entry.is_tree);
        Ok(found.map_or(self.repo.empty_tree(), |entry| entry.id))
    }

    /// Whether a point that has `has` has this commit of `source`.
    fn contains(&self, has: &Has, source: &Spelled, commit: Oid) -> Result<bool> {
        let Some(newest) = has.get(source).filter(|newest| self.is_readable(**newest)) else { return Ok(false) };
        Ok(self.is_readable(commit) && self.repo.is_ancestor(commit, *newest)?)
    }

    /// A commit is missing in a shallow clone, or if the source's branch was not fetched.
    fn is_readable(&self, commit: Oid) -> bool {
        self.repo.size_of(commit).is_some()
    }

    /// The point with this name; the lattice may no longer have it.
    fn name(&self, spelled: &Spelled) -> Option<Named> {
        spelled.read(&self.config.lattice).ok().map(|point| self.config.name(&point))
    }

    fn of(&mut self, point: &Spelled, tip: Oid) -> Result<Rc<History>> {
        let key = (point.clone(), tip);
        if let Some(known) = self.known.get(&key) {
            return Ok(Rc::clone(known));
        }
        let history = Rc::new(self.read(point, tip)?);
        self.known.insert(key, Rc::clone(&history));
        Ok(history)
    }

    fn read(&self, point: &Spelled, tip: Oid) -> Result<History> {
        let (mut name, mut named) = (point.clone(), self.name(point));
        let mut history = History { commits: Vec::new(), names: vec![name.clone()], is_whole: false };
        let mut next = Some(tip);
        for _ in 0..MAX_COMMITS {
            let Some(id) = next.filter(|id| self.is_readable(*id)) else { break };
            let commit = self.repo.commit(id)?;
            let trailers = trailer::parse(&commit.message);
            let value = |key: &str| trailers.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
            history.commits.push(Commit { id, named: named.clone(), carries: value(PORT).and_then(carried) });
            next = commit.parents.first().copied();
            match (value(POINT), value(MOVE).and_then(|names| names.split_once(" -> "))) {
                (None, _) => {}
                // A point below: no commit made this one.
                (Some(made), _) if name != *made => break,
                (Some(_), Some((old, _))) => {
                    name = old.into();
                    named = self.name(&name);
                    history.names.push(name.clone());
                }
                (Some(_), None) => {
                    history.is_whole = true;
                    break;
                }
            }
        }
        Ok(history)
    }
}

/// Parses `POINT@COMMIT`.
fn carried(text: &str) -> Option<(Spelled, Oid)> {
    let (point, commit) = text.rsplit_once('@')?;
    Some((point.into(), git::parse_oid(commit).ok()?))
}
