//! Build keys of many points, for which the parts that their trees share are put together once.
//!
//! A key is the tree of the directories of a point and of all points below it ([`super::content::Content::key`]). Most of it is the same for the
//! next point of a chain: a directory whose points are all below both. What such a directory comes to is remembered with the
//! *join* of its points: all of them are at or below a point exactly if their join is.

use std::collections::HashMap;

use anyhow::Result;

use super::content::join;
use crate::config::Config;
use crate::git::tree::Entry;
use crate::git::{Oid, Repo};
use crate::lattice::Point;
use crate::lattice::branch::Segment;

/// Remembered directories; beyond that all are forgotten, since points of one chain follow each other.
const MOST: usize = 20_000;

/// Works out build keys.
pub struct Keys<'a> {
    repo: &'a Repo,
    /// Takes the trees that are only made for their ids.
    memory: Repo,
    config: &'a Config,
    known: HashMap<(Oid, String), Option<Part>>,
}

/// Directories of points within one directory, with everything else left out.
#[derive(Clone)]
struct Part {
    tree: Oid,
    /// The join of the points.
    join: Point,
    /// Whether that is one of them.
    has_join: bool,
}

impl<'a> Keys<'a> {
    /// Works out keys for `config`; nothing is written to `repo`.
    pub fn new(repo: &'a Repo, config: &'a Config) -> Self {
        Self { repo, memory: repo.in_memory(), config, known: HashMap::new() }
    }

    /// The build key of `point` in a commit's tree; `None` when the point's directory is not there.
    ///
    /// # Errors
    /// When objects cannot be read.
    pub fn key(&mut self, tree: Oid, point: &Point) -> Result<Option<Oid>> {
        if self.known.len() > MOST {
            self.known.clear();
            self.memory = self.repo.in_memory();
        }
        let mut parts = Vec::new();
        self.below(self.config.flake.segments(), tree, String::new(), point, &mut parts)?;
        if !parts.iter().any(|(_, part)| part.has_join && part.join == *point) {
            return Ok(None);
        }
        let entry = |(path, part): (String, Part)| (path, Entry { name: String::new(), id: part.tree, is_tree: true });
        let mut entries: Vec<_> = parts.into_iter().map(entry).collect();
        for path in &self.config.build.include {
            entries.extend(self.repo.content_at(tree, path)?.map(|entry| (path.clone(), entry)));
        }
        Ok(Some(self.tree_of(&entries)?))
    }

    /// Finds the largest directories under `path` whose points are all at or below `point`.
    fn below(
        &mut self,
        segments: &[Segment],
        tree: Oid,
        path: String,
        point: &Point,
        parts: &mut Vec<(String, Part)>,
    ) -> Result<()> {
        // Above a set axis are the directories of all its values, most of which have nothing to do with the point.
        if !segments.iter().any(|segment| matches!(segment, Segment::Set(_))) {
            match self.whole(segments, tree, &path)? {
                None => return Ok(()),
                Some(part) if part.join.is_at_or_below(point) => {
                    parts.push((path, part));
                    return Ok(());
                }
                Some(_) => {}
            }
        }
        let Some((segment, rest)) = segments.split_first() else { return Ok(()) };
        for entry in self.directories(segment, tree)? {
            if self.may_be_below(segment, &entry.name, point) {
                self.below(rest, entry.id, join(&path, &entry.name), point, parts)?;
            }
        }
        Ok(())
    }

    /// All points under `path`; `None` when there are none.
    fn whole(&mut self, segments: &[Segment], tree: Oid, path: &str) -> Result<Option<Part>> {
        let place = (tree, path.to_owned());
        if let Some(known) = self.known.get(&place) {
            return Ok(known.clone());
        }
        let part = if let Some((segment, rest)) = segments.split_first() {
            self.united_below(segment, rest, tree, path)?
        } else {
            let point = self.config.flake.decode(&self.config.lattice, path);
            point.map(|join| Part { tree, join, has_join: true })
        };
        self.known.insert(place, part.clone());
        Ok(part)
    }

    fn united_below(&mut self, segment: &Segment, rest: &[Segment], tree: Oid, path: &str) -> Result<Option<Part>> {
        let mut children = Vec::new();
        for entry in self.directories(segment, tree)? {
            let part = self.whole(rest, entry.id, &join(path, &entry.name))?;
            children.extend(part.map(|part| (entry.name, part)));
        }
        self.united(children)
    }

    fn united(&self, children: Vec<(String, Part)>) -> Result<Option<Part>> {
        let joined = children.iter().map(|(_, part)| part.join.clone()).reduce(|a, b| a.join(&b));
        let Some(join) = joined else { return Ok(None) };
        let has_join = children.iter().any(|(_, part)| part.has_join && part.join == join);
        let entry = |(name, part): (String, Part)| (name, Entry { name: String::new(), id: part.tree, is_tree: true });
        let tree = self.tree_of(&children.into_iter().map(entry).collect::<Vec<_>>())?;
        Ok(Some(Part { tree, join, has_join }))
    }

    /// What is included may be within a directory of points, which must be there then; else no tree is made for its id.
    fn tree_of(&self, entries: &[(String, Entry)]) -> Result<Oid> {
        let is_plain = self.config.build.include.is_empty();
        Ok(if is_plain { self.repo.tree_id(entries)? } else { self.memory.tree_of(entries)? })
    }

    /// The directories in `tree` that a segment of the pattern may stand for.
    fn directories(&self, segment: &Segment, tree: Oid) -> Result<Vec<Entry>> {
        if let Segment::Literal(name) = segment {
            let entry = self.repo.entry_at(tree, name)?.filter(|entry| entry.is_tree);
            return Ok(entry.map(|entry| Entry { name: name.clone(), ..entry }).into_iter().collect());
        }
        Ok(self.repo.entries(tree)?.into_iter().filter(|entry| entry.is_tree).collect())
    }

    fn may_be_below(&self, segment: &Segment, name: &str, point: &Point) -> bool {
        let Segment::Set(axis) = segment else { return true };
        let values = self.config.lattice.values(point).swap_remove(*axis);
        name.split('+').all(|value| values.iter().any(|own| own.as_str() == value))
    }
}
