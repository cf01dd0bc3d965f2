//! Build keys of many points; shared subtrees are computed once.
//!
//! A key is the commit's tree reduced to the directories of a point and of all points below it ([`super::content::Content::key`]).
//! Most directories are the same for the next point of a chain. So each directory is cached with the last point for which nothing
//! had to be removed: nothing has to be removed for any point above that one either.

use std::cell::OnceCell;

use anyhow::Result;
use foldhash::HashMap;

use crate::config::Config;
use crate::git::directory::{Directories, Directory};
use crate::git::{Oid, Repo};
use crate::lattice::Point;
use crate::lattice::branch::Segment;

/// Maximum number of cached directories; above it the cache is cleared, since points of one chain follow each other.
const MAX_PLACES: usize = 20_000;

/// Computes build keys.
pub struct Keys<'a> {
    /// Holds trees that are created only for their ids.
    memory: Repo,
    repo: &'a Repo,
    config: &'a Config,
    known: Place,
    /// Number of places below `known`.
    places: usize,
}

/// A path that can lead to points.
#[derive(Default)]
struct Place {
    below: HashMap<String, Place>,
    /// The point with this directory, if any; decoded on first use.
    own: OnceCell<Option<Point>>,
    seen: Option<Box<Seen>>,
}

/// A directory in which all points are at or below `point`.
struct Seen {
    tree: Oid,
    point: Point,
    part: Part,
}

/// The part of a directory that belongs to a point and the points below it.
#[derive(Clone, Copy)]
struct Part {
    /// Its tree; `None` if it is empty.
    tree: Option<Oid>,
    /// Whether it contains the directory of the point itself.
    has_own: bool,
    /// Whether no other point had to be removed.
    is_all: bool,
}

/// A walk through a commit's tree.
struct Walk<'a> {
    repo: &'a Repo,
    config: &'a Config,
    point: &'a Point,
    /// The point's coordinates.
    texts: Vec<String>,
    path: String,
    places: usize,
    /// Whether to write the trees.
    writes: bool,
}

impl<'a> Keys<'a> {
    /// Prepare to compute keys for `config`; nothing is written to `repo`.
    pub fn new(repo: &'a Repo, config: &'a Config) -> Self {
        Self { memory: repo.in_memory(), repo, config, known: Place::default(), places: 0 }
    }

    /// Compute the build key of `point` in a commit's tree; `None` if the point's directory does not exist.
    ///
    /// # Errors
    /// When objects cannot be read.
    pub fn key(&mut self, tree: Oid, point: &Point) -> Result<Option<Oid>> {
        if self.places > MAX_PLACES {
            (self.known, self.places, self.memory) = (Place::default(), 0, self.repo.in_memory());
        }
        let include = &self.config.build.include;
        let mut walk = Walk {
            repo: if include.is_empty() { self.repo } else { &self.memory },
            config: self.config,
            point,
            texts: self.config.lattice.texts(point),
            path: String::new(),
            places: self.places,
            writes: !include.is_empty(),
        };
        let part = walk.part(&mut self.known, self.config.flake.segments(), tree)?;
        self.places = walk.places;
        let Some(key) = part.tree.filter(|_| part.has_own) else { return Ok(None) };
        let mut included = Vec::new();
        for path in include {
            included.extend(self.memory.content_at(tree, path)?.map(|entry| (path.clone(), entry)));
        }
        Ok(Some(if included.is_empty() { key } else { self.memory.with_entries(key, &included)? }))
    }
}

impl Walk<'_> {
    /// Compute the part of `tree`, the directory at `self.path`.
    fn part(&mut self, place: &mut Place, segments: &[Segment], tree: Oid) -> Result<Part> {
        let Some((segment, rest)) = segments.split_first() else { return Ok(self.own(place, tree)) };
        if let Some(seen) = place.seen.as_ref().filter(|seen| seen.tree == tree) {
            if seen.point == *self.point {
                return Ok(seen.part);
            } else if seen.point.is_at_or_below(self.point) {
                return Ok(Part { has_own: false, ..seen.part });
            }
        }
        let part = self.union(place, (segment, rest), &self.repo.directory(tree)?)?;
        place.seen = part.is_all.then(|| Box::new(Seen { tree, point: self.point.clone(), part }));
        Ok(part)
    }

    fn union(
        &mut self,
        place: &mut Place,
        (segment, rest): (&Segment, &[Segment]),
        whole: &Directory<'_>,
    ) -> Result<Part> {
        let (mut left, mut has_own, mut is_all) = (Directories::default(), false, true);
        for entry in whole.entries() {
            let entry = entry?;
            let Some(name) = entry.name.filter(|_| entry.is_tree) else { continue };
            match segment {
                Segment::Literal(literal) if literal != name => continue,
                Segment::Set(axis) if !self.is_within(*axis, name) => {
                    is_all = false;
                    continue;
                }
                _ => {}
            }
            let part = self.part_at(place, name, rest, entry.id)?;
            (has_own, is_all) = (has_own || part.has_own, is_all && part.is_all);
            part.tree.into_iter().for_each(|id| left.push(name, id));
        }
        let tree = match () {
            () if left.is_empty() => None,
            () if self.writes => Some(self.repo.write(left, whole)?),
            () => Some(self.repo.id_of(left, whole)?),
        };
        Ok(Part { tree, has_own, is_all })
    }

    fn part_at(&mut self, place: &mut Place, name: &str, rest: &[Segment], tree: Oid) -> Result<Part> {
        if !place.below.contains_key(name) {
            place.below.insert(name.to_owned(), Place::default());
            self.places += 1;
        }
        let end = self.path.len();
        if end > 0 {
            self.path.push('/');
        }
        self.path.push_str(name);
        let part = match place.below.get_mut(name) {
            Some(below) => self.part(below, rest, tree),
            None => Ok(Part { tree: None, has_own: false, is_all: true }),
        };
        self.path.truncate(end);
        part
    }

    /// The part of a directory at the depth of points.
    fn own(&self, place: &Place, tree: Oid) -> Part {
        let decode = || self.config.flake.decode(&self.config.lattice, &self.path);
        match place.own.get_or_init(decode) {
            None => Part { tree: None, has_own: false, is_all: true },
            Some(own) if own.is_at_or_below(self.point) => {
                Part { tree: Some(tree), has_own: own == self.point, is_all: true }
            }
            Some(_) => Part { tree: None, has_own: false, is_all: false },
        }
    }

    /// Whether an entry can contain points at or below the point. This skips other components and architectures: most of a large tree.
    fn is_within(&self, axis: usize, name: &str) -> bool {
        name.split('+').all(|value| self.texts[axis].split('+').any(|own| own == value))
    }
}
