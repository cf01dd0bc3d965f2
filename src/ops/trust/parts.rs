//! The parts of a build, and which of them need a decision of the user.

use anyhow::Result;

use super::origin;
use super::part::{Part, UntrustedReason};
use crate::config::{Config, StepData};
use crate::git::tree::Entry;
use crate::git::{Oid, Repo};
use crate::lattice::{Point, Population};
use crate::points::content::{self, CONFIG, Content, FLAKE, STEP};
use crate::template::{FlakeInputs, Template};

/// The parts of a build of `all` in the commit `tip` that are neither derivable nor made here.
pub(super) fn open_parts(repo: &Repo, config: &Config, tip: Oid, all: &Content) -> Result<Vec<Part>> {
    let (mut open, mut runs_something) = (Vec::new(), false);
    let there: Population = all.points.iter().map(|(below, ..)| below.clone()).collect();
    for (below, path, entry) in &all.points {
        // A flake is generated from the points below it in its own tree.
        let previous = || there.maximal_below(below).into_iter().cloned().collect::<Vec<_>>();
        let Some(why) = not_derivable(repo, config, below, &previous, entry)? else { continue };
        runs_something = true;
        let part = Part { point: Some(below.clone()), path: path.clone(), entry: entry.clone(), tip, why };
        if !origin::is_own(repo, config, all, &part)? {
            open.push(part);
        }
    }
    // Generated flakes do not read included paths.
    if runs_something {
        open.extend(open_includes(repo, config, tip, all)?);
    }
    Ok(open)
}

/// Included paths that were not made here, on the branch of the point, of a point below it, or on the base.
fn open_includes(repo: &Repo, config: &Config, tip: Oid, all: &Content) -> Result<Vec<Part>> {
    let tree = repo.tree_of_commit(tip)?;
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
            let why = UntrustedReason::Included(path.clone());
            open.push(Part { point: None, path: path.clone(), entry, tip, why });
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
    let flake = Template::Config.render(&content::flake_of(config, point, &previous(), FlakeInputs::default()))?;
    let size = repo.entry_at(own.id, FLAKE)?.and_then(|entry| repo.size_of(entry.id));
    if size != u64::try_from(flake.len()).ok() || repo.file_at(own.id, FLAKE)?.as_deref() != Some(flake.as_bytes()) {
        return Ok(Some(UntrustedReason::Flake));
    }
    let data = repo.file_at(own.id, CONFIG)?.unwrap_or_default();
    Ok(StepData::parse(data).is_err().then_some(UntrustedReason::Flake))
}
