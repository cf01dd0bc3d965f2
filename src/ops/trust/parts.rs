//! The parts of a build, and which of them need a decision of the user.

use std::fmt;

use anyhow::Result;

use crate::config::{Config, StepData};
use crate::git::tree::Entry;
use crate::git::{Oid, Repo};
use crate::lattice::{Point, Population};
use crate::points::content::{self, CONFIG, Content, FLAKE, STEP};
use crate::template::Template;

/// A point's directory or a path in `[build] include` that is neither derivable nor made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// The point of the directory; `None` for a path in `[build] include`.
    pub point: Option<Point>,
    /// Its path from the root.
    pub path: String,
    /// The tree entry at the path.
    pub entry: Entry,
    /// Why it is not trusted without a decision.
    pub why: UntrustedReason,
}

/// Why something must not be built automatically.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UntrustedReason {
    /// It has a step.nix that was not written here.
    Step,
    /// Its flake.nix is not the generated one.
    Flake,
    /// It has additional files, or links.
    More,
    /// A path that builds may read was not written here.
    Included(String),
    /// The ledger cannot be read.
    Unreadable(String),
}

impl fmt::Display for UntrustedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step => f.write_str("its step.nix was not written here"),
            Self::Flake => f.write_str("its flake.nix is not what this version generates"),
            Self::More => f.write_str("it has files that are not generated"),
            Self::Included(path) => write!(f, "`{path}`, which builds may read, was not written here"),
            Self::Unreadable(why) => f.write_str(why),
        }
    }
}

/// The parts of a build of `all` in `tree` that are neither derivable nor made here.
pub(super) fn open_parts(repo: &Repo, config: &Config, tree: Oid, all: &Content) -> Result<Vec<Part>> {
    let (mut open, mut runs_something) = (Vec::new(), false);
    let there: Population = all.points.iter().map(|(below, ..)| below.clone()).collect();
    for (below, path, entry) in &all.points {
        // A flake is generated from the points below it in its own tree.
        let previous = || there.maximal_below(below).into_iter().cloned().collect::<Vec<_>>();
        let Some(why) = not_derivable(repo, config, below, &previous, entry)? else { continue };
        runs_something = true;
        let branch = config.branch_of(below).full_ref();
        if !repo.was_made_here(&branch, path, entry)? {
            open.push(Part { point: Some(below.clone()), path: path.clone(), entry: entry.clone(), why });
        }
    }
    // Generated flakes do not read included paths.
    if runs_something {
        open.extend(open_includes(repo, config, tree, all)?);
    }
    Ok(open)
}

/// Included paths that were not made here, on the branch of the point, of a point below it, or on the base.
fn open_includes(repo: &Repo, config: &Config, tree: Oid, all: &Content) -> Result<Vec<Part>> {
    let grown_from = all.points.iter().rev().map(|(point, ..)| config.branch_of(point));
    let branches: Vec<_> = grown_from.chain([config.base.clone()]).collect();
    let mut open = Vec::new();
    for path in &config.build.include {
        let Some(entry) = repo.content_at(tree, path)? else { continue };
        let mut is_ours = false;
        for branch in &branches {
            is_ours = is_ours || repo.was_made_here(&branch.full_ref(), path, &entry)?;
        }
        if !is_ours {
            open.push(Part { point: None, path: path.clone(), entry, why: UntrustedReason::Included(path.clone()) });
        }
    }
    Ok(open)
}

/// Why a directory differs from what the template `config` generates from its config.toml, byte for byte; `None` if it
/// is equal. That template runs no foreign code and has no inputs.
fn not_derivable(
    repo: &Repo,
    config: &Config,
    point: &Point,
    previous: &impl Fn() -> Vec<Point>,
    own: &Entry,
) -> Result<Option<UntrustedReason>> {
    if repo.entry_at(own.id, STEP)?.is_some() {
        return Ok(Some(UntrustedReason::Step));
    }
    let files = repo.plain_files(own.id)?;
    if files.is_none_or(|files| files != [CONFIG, FLAKE]) {
        return Ok(Some(UntrustedReason::More));
    }
    let flake = Template::Config.render(&content::flake_of(config, point, &previous(), None))?;
    let size = repo.entry_at(own.id, FLAKE)?.and_then(|entry| repo.size_of(entry.id));
    if size != u64::try_from(flake.len()).ok() || repo.file_at(own.id, FLAKE)?.as_deref() != Some(flake.as_bytes()) {
        return Ok(Some(UntrustedReason::Flake));
    }
    let data = repo.file_at(own.id, CONFIG)?.unwrap_or_default();
    Ok(StepData::parse(data).is_err().then_some(UntrustedReason::Flake))
}
