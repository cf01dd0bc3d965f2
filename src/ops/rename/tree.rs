//! Trees with other names: the directories of points at their new places, with their generated flakes rendered for the new coordinates.
//!
//! A point has copies of all directories below it, so a chain of N points has N * N / 2 of them. Most points only add their own
//! directory to the tree of a point below: then the new tree is that of the point below with one more directory.

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;

use super::renaming::Renaming;
use crate::git::tree::File;
use crate::git::tree_diff::FileChange;
use crate::git::{Oid, Repo};
use crate::lattice::{Point, Population};
use crate::ops::trust::{self, Placed};
use crate::points::content::{self, Content, FLAKE, Step};
use crate::template::Template;

/// A point's tree with other names.
#[derive(Clone, Copy)]
pub(super) struct Renamed {
    /// The tree.
    pub(super) tree: Oid,
    /// The template and the data of the point's own flake; `None` if it was not generated and is as it was.
    pub(super) generated: Option<Template>,
}

/// Renames trees. A directory that several trees have is read once.
pub(super) struct Rewriter<'a> {
    memory: &'a Repo,
    renaming: &'a Renaming<'a>,
    known: HashMap<Known, (Oid, Option<Template>)>,
    /// The directories that were made here, at their old and their new places.
    pub(super) made_here: BTreeSet<Placed>,
    /// The points whose trees have their directories and keep the order: all points in a tree grow on the same ones as before.
    bases: HashMap<Point, Base>,
}

/// A tree to which those of the points above only add directories.
#[derive(Clone, Copy)]
struct Base {
    before: Oid,
    after: Oid,
}

/// What the new directory of a point depends on.
#[derive(PartialEq, Eq, Hash)]
struct Known {
    point: Point,
    /// The tree of its directory.
    tree: Oid,
    /// The points that its flake takes, by their new names.
    takes: Vec<Point>,
}

impl<'a> Rewriter<'a> {
    pub(super) fn new(memory: &'a Repo, renaming: &'a Renaming<'a>) -> Self {
        Self { memory, renaming, known: HashMap::new(), made_here: BTreeSet::new(), bases: HashMap::new() }
    }

    /// Renames the directories of a point and of the points below it, of which `covers` are the greatest. These must have been renamed
    /// before.
    pub(super) fn rewrite(&mut self, tree: Oid, point: &Point, covers: &[&Point]) -> Result<Renamed> {
        for cover in covers {
            if let Some(renamed) = self.rewrite_on(cover, tree, point)? {
                self.bases.insert(point.clone(), Base { before: tree, after: renamed.tree });
                return Ok(renamed);
            }
        }
        self.rewrite_whole(tree, point)
    }

    /// Renames a tree that only adds the directory of the point to the tree of this cover; `None` if it is another one.
    fn rewrite_on(&mut self, cover: &Point, tree: Oid, point: &Point) -> Result<Option<Renamed>> {
        let Renaming { old, new, .. } = *self.renaming;
        let (Some(base), Some(target)) = (self.bases.get(cover).copied(), self.renaming.target(point)) else {
            return Ok(None);
        };
        let Some(below) = self.renaming.target(cover).filter(|below| below.is_below(&target)) else { return Ok(None) };
        let (dir, below_dir) = (old.dir_of(point), old.dir_of(cover));
        let Some(own) = self.memory.entry_at(tree, &dir)?.filter(|own| own.is_tree) else { return Ok(None) };
        let Some(entry) = self.memory.entry_at(base.before, &below_dir)? else { return Ok(None) };
        let inside = format!("{dir}/");
        let is_own = |change: &FileChange| change.before.is_none() && change.path.starts_with(&inside);
        if self.memory.entry_at(base.before, &dir)?.is_some()
            || !self.memory.file_changes(base.before, tree)?.iter().all(is_own)
        {
            return Ok(None);
        }
        // All other points in the tree are below the cover.
        let points = vec![(cover.clone(), below_dir, entry), (point.clone(), dir, own.clone())];
        let (id, generated) = self.directory(&Content { points }, (point, own.id), &target, vec![below])?;
        let tree = self.memory.with_directories(base.after, &[], &[(new.dir_of(&target), id)])?;
        Ok(Some(Renamed { tree, generated }))
    }

    fn rewrite_whole(&mut self, tree: Oid, point: &Point) -> Result<Renamed> {
        let Renaming { old, new, .. } = *self.renaming;
        let content = Content::find(self.memory, old, tree, point)?;
        let there: Population = content.points.iter().map(|(point, ..)| point.clone()).collect();
        let names: HashMap<&Point, Point> =
            content.points.iter().filter_map(|(point, ..)| Some((point, self.renaming.target(point)?))).collect();
        let renamed: Population = names.values().cloned().collect();
        let (mut gone, mut put, mut generated) = (Vec::new(), Vec::new(), None);
        let mut is_base = content.own(point).is_some();
        for (below, dir, entry) in &content.points {
            let Some(target) = names.get(below) else { continue };
            let takes: Vec<Point> = renamed.maximal_below(target).into_iter().cloned().collect();
            let mut took: Vec<_> = there.maximal_below(below).into_iter().filter_map(|it| names.get(it)).collect();
            took.sort();
            is_base = is_base && takes.iter().eq(took);
            let (id, template) = self.directory(&content, (below, entry.id), target, takes)?;
            if below == point {
                generated = template;
            }
            let target = new.dir_of(target);
            if target == *dir && id == entry.id {
                continue;
            }
            if target != *dir {
                gone.push(dir.clone());
            }
            put.push((target, id));
        }
        let after = if put.is_empty() { tree } else { self.memory.with_directories(tree, &gone, &put)? };
        if is_base && names.len() == content.points.len() {
            self.bases.insert(point.clone(), Base { before: tree, after });
        }
        Ok(Renamed { tree: after, generated })
    }

    /// The directory of a point at its new coordinates, where its flake takes other points; and the template of the flake.
    fn directory(
        &mut self,
        content: &Content,
        (point, tree): (&Point, Oid),
        target: &Point,
        takes: Vec<Point>,
    ) -> Result<(Oid, Option<Template>)> {
        let key = Known { point: point.clone(), tree, takes };
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let Renaming { old, new, .. } = *self.renaming;
        let step = Step::read(self.memory, content, point)?;
        let template = content::generated_by(self.memory, old, content, point, &step)?;
        let found = match template {
            None => (tree, None),
            Some(template) => {
                let inputs = step.data().map(|data| data.flake_inputs.clone()).unwrap_or_default();
                let flake = template.render(&content::flake_of(new, target, &key.takes, inputs))?;
                let file = File { path: FLAKE.to_owned(), bytes: flake.into_bytes() };
                (self.memory.with_files(tree, &[file])?, Some(template))
            }
        };
        if trust::is_made_here(self.memory, old, point, tree)? {
            let before = Placed { path: old.dir_of(point), tree };
            self.made_here.extend([before, Placed { path: new.dir_of(target), tree: found.0 }]);
        }
        self.known.insert(key, found);
        Ok(found)
    }
}
