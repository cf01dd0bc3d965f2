//! The directories of adopted branches: where their flakes are, and who wrote them.

use anyhow::Result;

use super::branch::Reading;
use crate::config::{DEFAULT_FLAKE, Named};
use crate::git::{self, Oid, Repo};
use crate::points::content::{FLAKE, join};
use crate::template;
use crate::threads;

/// How many branches decide where the flakes are.
const SAMPLE: usize = 64;
/// How many branches a thread takes at a time.
const BATCH: usize = 64;

/// What the directory of an adopted point holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A flake that git-lattice generated.
    Generated,
    /// A flake that it did not.
    HandWritten,
    /// The branch has no flake in the point's directory.
    NoFlake,
}

impl Standing {
    /// The name, as in the output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::HandWritten => "hand-written",
            Self::NoFlake => "no-flake",
        }
    }
}

/// The pattern of directories: the folder at the root in which most of a sample of branches have their flakes, and all axes.
/// `flakes` if there is none. Branches that cannot be read are skipped.
pub(super) fn pattern(repo: &Repo, readings: &[Reading<'_>], axes: &[String]) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    let step = readings.len().div_ceil(SAMPLE).max(1);
    for reading in readings.iter().step_by(step) {
        for root in roots(repo, reading).unwrap_or_default() {
            match counts.iter_mut().find(|(known, _)| *known == root) {
                Some((_, count)) => *count += 1,
                None => counts.push((root, 1)),
            }
        }
    }
    let most = counts.into_iter().rev().max_by_key(|(_, count)| *count);
    let root = most.map_or_else(|| DEFAULT_FLAKE.to_owned(), |(root, _)| root);
    join(&root, &axes.join("/"))
}

/// The folders at the root of a branch in which it has a flake at its coordinates; an empty name is the root itself.
fn roots(repo: &Repo, reading: &Reading<'_>) -> git::Result<Vec<String>> {
    let tree = repo.tree_of_commit(reading.tip)?;
    let path = join(&reading.texts.join("/"), FLAKE);
    let is_flake = |tree: Oid| git::Result::Ok(repo.entry_at(tree, &path)?.is_some_and(|entry| !entry.is_tree));
    let mut found: Vec<String> = if is_flake(tree)? { vec![String::new()] } else { Vec::new() };
    for folder in repo.entries(tree)?.into_iter().filter(|entry| entry.is_tree) {
        if is_flake(folder.id)? {
            found.push(folder.name);
        }
    }
    Ok(found)
}

/// What the directory of each point holds, read on all cores.
pub(super) fn standings(repo: &Repo, points: &[(Named, Oid)]) -> Vec<Result<Standing>> {
    threads::on_all_cores(points, BATCH, || repo.in_memory(), |repo, (named, tip)| standing(repo, named, *tip))
}

fn standing(repo: &Repo, named: &Named, tip: Oid) -> Result<Standing> {
    match repo.file_at(repo.tree_of_commit(tip)?, &named.names().path(FLAKE)) {
        Ok(None) => Ok(Standing::NoFlake),
        Ok(Some(flake)) if template::is_marked(&flake) => Ok(Standing::Generated),
        // No template makes a file that exceeds the size limit.
        Ok(Some(_)) | Err(git::Error::TooLarge(_)) => Ok(Standing::HandWritten),
        Err(error) => Err(error.into()),
    }
}
