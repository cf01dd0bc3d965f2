//! Which changes of a point another point has already.
//!
//! A commit that carries changes names the source and its tip: `Lattice-Port: POINT@COMMIT`. So the history of a point tells up to which
//! commit it has another point's changes: that commit is the base of the next merge. It is part of the source's branch, which is never
//! rewritten, and so it is there wherever the source's branch is.
//!
//! Changes may come back, or arrive on two ways. A commit of the source that carries what the target has is therefore no change: the
//! base gets it too.

use std::collections::HashMap;
use std::rc::Rc;

use anyhow::Result;

use crate::config::Config;
use crate::git::{self, Oid, Repo, trailer};
use crate::lattice::{Point, Spelled};
use crate::ops::generated::{POINT, PORT};

/// How many commits of a branch are read.
const MAX_COMMITS: usize = 1_000;

/// The newest commit of each point whose changes a point has.
pub(super) type Has = HashMap<Point, Oid>;

/// The version of a source without the changes that the target lacks.
pub(super) struct Base {
    /// The directory of the source.
    pub(super) tree: Oid,
    /// The commit of the source that the target has; `None` if no commit made the source.
    pub(super) commit: Option<Oid>,
    /// The directories of the source after that commit, newest first.
    pub(super) newer: Vec<Oid>,
}

/// Reads the histories of points along first parents, each once.
pub(super) struct Histories<'a> {
    repo: &'a Repo,
    config: &'a Config,
    known: HashMap<(Point, Oid), Rc<History>>,
}

/// The commits of a point, newest first.
struct History {
    commits: Vec<Commit>,
    /// The commit that made the point, the last of them.
    origin: Option<Oid>,
}

struct Commit {
    id: Oid,
    parent: Option<Oid>,
    /// The source that it carries.
    carries: Option<(Point, Oid)>,
}

impl<'a> Histories<'a> {
    pub(super) fn new(repo: &'a Repo, config: &'a Config) -> Self {
        Self { repo, config, known: HashMap::new() }
    }

    /// The commit that made a point.
    ///
    /// # Errors
    /// When history cannot be read.
    pub(super) fn origin(&mut self, point: &Point, tip: Oid) -> Result<Option<Oid>> {
        Ok(self.of(point, tip)?.origin)
    }

    /// What a point has at this commit, directly or because it has another point's changes.
    ///
    /// # Errors
    /// When history cannot be read.
    pub(super) fn versions(&mut self, point: &Point, tip: Oid) -> Result<Has> {
        let mut has = Has::from([(point.clone(), tip)]);
        let mut waiting = vec![(point.clone(), tip)];
        while let Some((point, tip)) = waiting.pop() {
            let history = self.of(&point, tip)?;
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
    pub(super) fn base(&mut self, source: &Point, tip: Oid, has: &Has) -> Result<Base> {
        let history = self.of(source, tip)?;
        let known = has.get(source).copied().filter(|commit| self.is_readable(*commit));
        let Some(start) = known.or(history.origin) else {
            return Ok(Base { tree: self.repo.empty_tree(), commit: None, newer: Vec::new() });
        };
        let dir = self.config.dir_of(source);
        let mut tree = self.directory(start, &dir)?;
        let newer: Vec<_> = if self.repo.is_ancestor(start, tip)? {
            history.commits.iter().take_while(|commit| commit.id != start).collect()
        } else {
            Vec::new()
        };
        for commit in newer.iter().rev() {
            let (Some((from, version)), Some(parent)) = (&commit.carries, commit.parent) else { continue };
            if self.contains(has, from, *version)? {
                tree = self.with_change(tree, self.directory(parent, &dir)?, self.directory(commit.id, &dir)?)?;
            }
        }
        let mut newer = newer.iter().map(|commit| self.directory(commit.id, &dir)).collect::<Result<Vec<_>>>()?;
        newer.dedup();
        Ok(Base { tree, commit: Some(start), newer })
    }

    /// `tree` with the change from `before` to `after`; unchanged if that conflicts, so that the change is merged once more.
    fn with_change(&self, tree: Oid, before: Oid, after: Oid) -> Result<Oid> {
        match self.repo.merge_trees(before, tree, after) {
            Ok(changed) => Ok(changed),
            Err(git::Error::Conflict { .. }) => Ok(tree),
            Err(error) => Err(error.into()),
        }
    }

    fn directory(&self, commit: Oid, dir: &str) -> Result<Oid> {
        let found = self.repo.entry_at(self.repo.tree_of_commit(commit)?, dir)?.filter(|entry| entry.is_tree);
        Ok(found.map_or(self.repo.empty_tree(), |entry| entry.id))
    }

    /// Whether a point that has `has` has this commit of `source`.
    fn contains(&self, has: &Has, source: &Point, commit: Oid) -> Result<bool> {
        let Some(newest) = has.get(source).filter(|newest| self.is_readable(**newest)) else { return Ok(false) };
        Ok(self.is_readable(commit) && self.repo.is_ancestor(commit, *newest)?)
    }

    /// A commit is missing in a shallow clone, or if the source's branch was not fetched.
    fn is_readable(&self, commit: Oid) -> bool {
        self.repo.size_of(commit).is_some()
    }

    fn of(&mut self, point: &Point, tip: Oid) -> Result<Rc<History>> {
        let key = (point.clone(), tip);
        if let Some(known) = self.known.get(&key) {
            return Ok(Rc::clone(known));
        }
        let history = Rc::new(self.read(point, tip)?);
        self.known.insert(key, Rc::clone(&history));
        Ok(history)
    }

    fn read(&self, point: &Point, tip: Oid) -> Result<History> {
        let spelled = self.config.spell(point);
        let mut history = History { commits: Vec::new(), origin: None };
        let mut next = Some(tip);
        for _ in 0..MAX_COMMITS {
            let Some(id) = next.filter(|id| self.is_readable(*id)) else { break };
            let commit = self.repo.commit(id)?;
            let trailers = trailer::parse(&commit.message);
            let value = |key: &str| trailers.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
            let (parent, carries) = (commit.parents.first().copied(), value(PORT).and_then(|text| self.parse(text)));
            history.commits.push(Commit { id, parent, carries });
            if let Some(made) = value(POINT) {
                // If it names a point below, no commit made this one.
                history.origin = (made == spelled.as_str()).then_some(id);
                break;
            }
            next = parent;
        }
        Ok(history)
    }

    /// Parses `POINT@COMMIT`; the lattice may no longer have the point.
    fn parse(&self, text: &str) -> Option<(Point, Oid)> {
        let (point, commit) = text.rsplit_once('@')?;
        Some((Spelled::from(point).read(&self.config.lattice).ok()?, git::parse_oid(commit).ok()?))
    }
}
