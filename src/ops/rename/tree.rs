//! Trees with other names: the directories of points at their new places, with their generated flakes rendered for the new coordinates.

use std::collections::HashMap;

use anyhow::Result;

use super::renaming::Renaming;
use crate::git::tree::File;
use crate::git::{Oid, Repo};
use crate::lattice::{Point, Population};
use crate::points::content::{self, Content, FLAKE, Step};
use crate::template::Template;

/// A point's tree with other names.
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
        Self { memory, renaming, known: HashMap::new() }
    }

    /// Renames the directories of a point and of the points below it.
    pub(super) fn rewrite(&mut self, tree: Oid, point: &Point) -> Result<Renamed> {
        let Renaming { old, new, .. } = *self.renaming;
        let content = Content::find(self.memory, old, tree, point)?;
        let names: HashMap<&Point, Point> =
            content.points.iter().filter_map(|(point, ..)| Some((point, self.renaming.target(point)?))).collect();
        let renamed: Population = names.values().cloned().collect();
        let (mut gone, mut put, mut generated) = (Vec::new(), Vec::new(), None);
        for (below, dir, entry) in &content.points {
            let Some(target) = names.get(below) else { continue };
            let takes = renamed.maximal_below(target).into_iter().cloned().collect();
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
        let tree = if put.is_empty() { tree } else { self.memory.with_directories(tree, &gone, &put)? };
        Ok(Renamed { tree, generated })
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
                let nixpkgs = step.data().and_then(|data| data.nixpkgs_path.clone());
                let flake = template.render(&content::flake_of(new, target, &key.takes, nixpkgs))?;
                let file = File { path: FLAKE.to_owned(), bytes: flake.into_bytes() };
                (self.memory.with_files(tree, &[file])?, Some(template))
            }
        };
        self.known.insert(key, found);
        Ok(found)
    }
}
