//! The sources and seeds that commits name.

use std::collections::HashSet;

use anyhow::{Context as _, Result};

use crate::config::{Config, Input, InputKind, Named, StepData};
use crate::context::Context;
use crate::env;
use crate::git::{Oid, Repo};
use crate::lattice::Point;
use crate::nix::{AbsentInput, Nix, StorePath};
use crate::points::content::{CONFIG, Content, Step};
use crate::sha256::Sha256;

/// The inputs of one point.
pub(in crate::ops) struct OfPoint {
    pub(in crate::ops) named: Named,
    pub(in crate::ops) inputs: Vec<Input>,
}

/// The inputs of a point and of those below it, as the tree of its commit has them.
///
/// # Errors
/// When objects cannot be read, or a table is no input.
pub(in crate::ops) fn of_points(repo: &Repo, config: &Config, tree: Oid, point: &Point) -> Result<Vec<OfPoint>> {
    let content = Content::find(repo, config, tree, point)?;
    let inputs = content.points.iter().map(|(point, ..)| {
        let named = config.name(point);
        let step = Step::read(repo, &content, point)?;
        let inputs = step.data().map(StepData::inputs).transpose();
        let inputs = inputs.with_context(|| format!("{CONFIG} of `{}`", named.spelled))?;
        Ok(OfPoint { named, inputs: inputs.unwrap_or_default() })
    });
    inputs.collect()
}

/// The inputs without URL of HEAD's point and of those below it.
#[derive(Default)]
pub(in crate::ops) struct AtHead {
    /// Their number.
    pub(in crate::ops) count: usize,
    /// Those that are not in the store, with the lowest point that has each.
    pub(in crate::ops) absent: Vec<(Named, AbsentInput)>,
}

/// Looks for the inputs of HEAD's point, which Nix cannot fetch; there are none if HEAD is on no point.
///
/// # Errors
/// When objects cannot be read, a table is no input, or Nix fails.
pub(in crate::ops) fn at_head(context: &Context, config: &Config, nix: &Nix) -> Result<AtHead> {
    let needed = without_url(context, config)?;
    if needed.is_empty() {
        return Ok(AtHead::default());
    }
    let paths: Vec<_> =
        needed.iter().map(|(_, Input { kind, name, hash, .. })| store_path(*kind, name, (*hash)?)).collect();
    let there = nix.nar_sizes(paths.iter().flatten())?;
    let count = needed.len();
    let is_absent = |path: &Option<StorePath>| path.as_ref().is_none_or(|path| !there.contains_key(path));
    let absent = needed.into_iter().zip(paths).filter(|(_, path)| is_absent(path));
    let of_input = |Input { kind, name, hash, .. }: Input| AbsentInput { kind, name, has_hash: hash.is_some() };
    Ok(AtHead { count, absent: absent.map(|((named, input), _)| (named, of_input(input))).collect() })
}

/// The inputs without URL of HEAD's point and of those below it, each with the lowest point that has it: the points above inherit
/// its `config.toml`.
fn without_url(context: &Context, config: &Config) -> Result<Vec<(Named, Input)>> {
    let (repo, head) = (&context.repo, context.repo.head()?);
    let (Some(point), Some(commit)) = (context.head_point(config)?, head.commit) else { return Ok(Vec::new()) };
    let (mut seen, mut needed) = (HashSet::new(), Vec::new());
    for OfPoint { named, inputs } in of_points(repo, config, repo.tree_of_commit(commit)?, &point)? {
        for input in inputs.into_iter().filter(|input| input.urls.is_empty()) {
            if seen.insert((input.kind, input.name.clone(), input.hash)) {
                needed.push((named.clone(), input));
            }
        }
    }
    Ok(needed)
}

/// The store path of an input.
pub(in crate::ops) fn store_path(kind: InputKind, name: &str, hash: Sha256) -> Option<StorePath> {
    StorePath::of_fixed(&env::nix_store_dir(), name, hash, kind.is_tree()).ok()
}
