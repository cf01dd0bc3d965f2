//! What differs between two points apart from their coordinates.

mod calls;
mod closure;

use anyhow::Result;

pub use self::calls::{Call, Calls, calls};
pub use self::closure::{Closure, ClosureChange, closures};
use super::Cannot;
use super::alike::{self, Directory, Translation};
use crate::config::{Config, Named};
use crate::context::Context;
use crate::git::show_diff::DiffFormat;
use crate::git::tree_diff::{FileChange, Leaf, LeafKind};
use crate::git::{Oid, Repo};
use crate::lattice::Point;
use crate::nix::CALLS;
use crate::points::census::Census;
use crate::points::content::FLAKE;
use crate::system::System;

/// A point at one commit.
#[derive(Debug, Clone)]
pub struct Side {
    /// The point.
    pub named: Named,
    /// The commit.
    pub commit: Oid,
}

impl Side {
    /// A point at the tip of its branch.
    ///
    /// # Errors
    /// [`Cannot::NoPoint`] when it has no branch.
    pub fn tip(config: &Config, census: &Census, point: &Point) -> Result<Self> {
        let commit = census.commit(point).ok_or_else(|| Cannot::no_point(config, point))?;
        Ok(Self { named: config.name(point), commit })
    }
}

/// The differences between two points. The objects are in memory.
pub struct Comparison {
    /// The first point.
    pub from: Side,
    /// The second point.
    pub to: Side,
    changes: Vec<FileChange>,
    memory: Repo,
}

/// What happened to a file from the first point to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileStatus {
    /// Only the second point has it.
    Added,
    /// Only the first point has it.
    Deleted,
    /// Its content or its mode differs.
    Modified,
}

impl FileStatus {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Deleted => "deleted",
            Self::Modified => "modified",
        }
    }
}

impl Comparison {
    /// Compares the directories of two points at the coordinates of the second. Nothing is written.
    ///
    /// # Errors
    /// When a commit does not have the point's directory, or objects cannot be read.
    pub fn of(context: &Context, config: &Config, from: Side, to: Side) -> Result<Self> {
        let memory = context.repo.in_memory();
        let read = |side: &Side| -> Result<Directory> {
            let found = Directory::read(&memory, config, &side.named.point, side.commit)?;
            found.ok_or_else(|| Cannot::no_flake(&side.named, side.commit).into())
        };
        let (own, other) = (read(&from)?, read(&to)?);
        let tree = at_coordinates_of(&memory, config, &own, &other)?;
        let changes = memory.file_changes(tree, other.tree)?;
        Ok(Self { from, to, changes, memory })
    }

    /// The files that differ, as paths in the points' directories.
    pub fn files(&self) -> impl Iterator<Item = (&str, FileStatus)> {
        self.changes.iter().map(|change| {
            let status = match (change.before, change.after) {
                (None, _) => FileStatus::Added,
                (_, None) => FileStatus::Deleted,
                _ => FileStatus::Modified,
            };
            (change.path.as_str(), status)
        })
    }

    /// Whether no file differs.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Lets git print the differences to stdout, those of calls as files, with its pager if `pages`.
    ///
    /// # Errors
    /// When objects cannot be read, or git fails.
    pub fn show(&self, calls: &[Calls], format: DiffFormat, color: bool, pages: bool) -> Result<()> {
        let mut changes = self.changes.clone();
        for one in calls {
            let path = if calls.len() == 1 { CALLS.to_owned() } else { format!("{}-{}", CALLS, one.to) };
            changes.extend(one.as_file(&self.memory, &path)?);
        }
        if !changes.is_empty() {
            self.memory.show_changes(&changes, format, color, pages)?;
        }
        Ok(())
    }
}

/// The builds of two points that belong together: those in the same places, or of the same system if their numbers differ.
fn pairs<'j, J>(own: &'j [J], other: &'j [J], system: impl Fn(&J) -> &System) -> impl Iterator<Item = (&'j J, &'j J)> {
    let are_as_many = own.len() == other.len();
    own.iter().enumerate().filter_map(move |(i, own)| {
        let same = || other.iter().find(|other| system(other) == system(own));
        Some((own, if are_as_many { other.get(i) } else { same() }?))
    })
}

/// The tree of `own` as it would be at the coordinates of `other`.
fn at_coordinates_of(memory: &Repo, config: &Config, own: &Directory, other: &Directory) -> Result<Oid> {
    let mut tree = own.tree;
    if let Some(template) = own.made_by {
        let flake = template.render(&other.values(config, own.inputs()))?;
        let leaf = Leaf { kind: LeafKind::File, id: memory.write_blob(flake.as_bytes())? };
        tree = memory.with_leaves(tree, [(FLAKE, Some(leaf))])?;
    }
    Ok(alike::lines_like(memory, &Translation::new(config, &own.named, &other.named), tree, other.tree)?)
}
