//! Where the step.nix of a point comes from: a new point takes over that of the point below, which the user may not have read. It
//! is permitted only as far as that is, also after the point below has changed.

use anyhow::Result;

use super::carried;
use super::part::{Part, UntrustedReason, writer};
use crate::config::Config;
use crate::git::tree::Entry;
use crate::git::{Oid, Repo};
use crate::lattice::Point;
use crate::points::content::{CONFIG, Content, STEP};
use crate::template::Template;

/// Whether a directory was made here, and with it the step.nix that it took over. What is in the content `all` is judged itself.
///
/// # Errors
/// When objects cannot be read.
pub(super) fn is_own(repo: &Repo, config: &Config, all: &Content, part: &Part) -> Result<bool> {
    Ok(was_made_here(repo, config, all, part)? || carried::has(repo, part))
}

fn was_made_here(repo: &Repo, config: &Config, all: &Content, part: &Part) -> Result<bool> {
    let Some(point) = &part.point else { return Ok(false) };
    let Some(made) = repo.made_here(&config.branch_of(point).full_ref(), &part.path, &part.entry)? else {
        return Ok(false);
    };
    if !made.adds_point {
        return Ok(true);
    }
    match taken_from(repo, config, made.commit, part)? {
        Some(source) => Ok(is_judged(all, &source) || is_own(repo, config, all, &source)?),
        None => Ok(true),
    }
}

/// Whether the directory of a point, in this version, was made here, together with the step.nix that it took over.
///
/// # Errors
/// When objects cannot be read.
pub(in crate::ops) fn is_made_here(repo: &Repo, config: &Config, point: &Point, tree: Oid) -> Result<bool> {
    let entry = Entry { name: String::new(), id: tree, is_tree: true };
    let (path, why) = (config.dir_of(point), UntrustedReason::Step);
    let part = Part { point: Some(point.clone()), path, entry, tip: tree, why };
    is_own(repo, config, &Content { points: Vec::new() }, &part)
}

/// Whether the config.toml of `point` was written here, or taken over from a point below whose config.toml was written here.
///
/// # Errors
/// When objects cannot be read.
pub(in crate::ops) fn is_own_config(repo: &Repo, config: &Config, content: &Content, point: &Point) -> Result<bool> {
    let Some((path, entry)) = config_of(repo, content, point)? else { return Ok(false) };
    let Some(made) = repo.made_here(&config.branch_of(point).full_ref(), &path, &entry)? else { return Ok(false) };
    if !made.adds_point {
        return Ok(true);
    }
    for below in content.previous(point) {
        if config_of(repo, content, &below)?.is_some_and(|(_, found)| found.id == entry.id) {
            return is_own_config(repo, config, content, &below);
        }
    }
    Ok(true)
}

fn config_of(repo: &Repo, content: &Content, point: &Point) -> Result<Option<(String, Entry)>> {
    let Some((_, dir, tree)) = content.points.iter().find(|(found, ..)| found == point) else { return Ok(None) };
    Ok(repo.entry_at(tree.id, CONFIG)?.map(|entry| (format!("{dir}/{CONFIG}"), entry)))
}

/// Adds the directories that `open` ones took their step.nix from, as they were then: a signature of the new point does not cover it.
///
/// # Errors
/// When objects cannot be read.
pub(super) fn with_sources(repo: &Repo, config: &Config, all: &Content, open: Vec<Part>) -> Result<Vec<Part>> {
    let (mut found, mut todo) = (open.clone(), open);
    while let Some(part) = todo.pop() {
        let Some(wrote) = writer(repo, &part)? else { continue };
        let Some(source) = taken_from(repo, config, wrote, &part)? else { continue };
        if !is_judged(all, &source) && !is_own(repo, config, all, &source)? {
            todo.push(source.clone());
            found.push(source);
        }
    }
    Ok(found)
}

/// Whether the same directory is in the content that is judged.
fn is_judged(all: &Content, part: &Part) -> bool {
    all.points.iter().any(|(_, path, entry)| *path == part.path && entry.id == part.entry.id)
}

/// The directory of a point below whose step.nix the commit `wrote` copied when it made this one.
fn taken_from(repo: &Repo, config: &Config, wrote: Oid, part: &Part) -> Result<Option<Part>> {
    let Some(point) = &part.point else { return Ok(None) };
    let Some(step) = repo.entry_at(part.entry.id, STEP)?.filter(|step| !is_starter(repo, step.id)) else {
        return Ok(None);
    };
    for parent in repo.commit(wrote)?.parents {
        let tree = repo.tree_of_commit(parent)?;
        // Another commit made the directory.
        if repo.entry_at(tree, &part.path)?.is_some() {
            return Ok(None);
        }
        let below = Content::find(repo, config, tree, point)?;
        if let Some(source) = with_step(repo, &below, point, step.id)? {
            return Ok(Some(Part { tip: parent, ..source }));
        }
    }
    Ok(None)
}

/// The directory directly below `point` that has this step.nix.
fn with_step(repo: &Repo, below: &Content, point: &Point, step: Oid) -> Result<Option<Part>> {
    let covers = below.previous(point);
    for (cover, path, entry) in below.points.iter().filter(|(cover, ..)| covers.contains(cover)) {
        if repo.entry_at(entry.id, STEP)?.is_some_and(|found| found.id == step) {
            let (point, path, entry) = (Some(cover.clone()), path.clone(), entry.clone());
            return Ok(Some(Part { point, path, entry, tip: step, why: UntrustedReason::Step }));
        }
    }
    Ok(None)
}

fn is_starter(repo: &Repo, step: Oid) -> bool {
    Template::starters().filter_map(|starter| repo.blob_id(starter.as_bytes()).ok()).any(|starter| starter == step)
}
