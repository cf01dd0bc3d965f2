//! Derivations and outputs that differ between two points, by Nix.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Result;

use super::Side;
use crate::config::Config;
use crate::context::Context;
use crate::nix::{Derivation, Nix, StorePath};
use crate::ops::alike::Translation;
use crate::ops::builds::{self, BuildOptions, Job};
use crate::ops::limits;
use crate::system::System;

/// What differs between two points on one system each.
#[derive(Debug, Clone)]
pub struct Closure {
    /// The system of the first point.
    pub from: System,
    /// The system of the second point.
    pub to: System,
    /// Derivations and sources that a build needs.
    pub derivations: Vec<ClosureChange>,
    /// The outputs and what they refer to, by content; `None` if they are not in this machine's store for both points.
    pub outputs: Option<Vec<ClosureChange>>,
}

/// Store paths of one name that differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosureChange {
    /// The name, at the coordinates of the second point.
    pub name: String,
    /// Those that only the first point needs.
    pub from: Vec<StorePath>,
    /// Those that only the second point needs.
    pub to: Vec<StorePath>,
}

/// Compares what two points need, system by system: evaluates both, and looks into the store. Nothing is built.
///
/// # Errors
/// When there is no usable Nix, or an evaluation fails.
pub fn closures(context: &Context, config: &Config, from: &Side, to: &Side) -> Result<Vec<Closure>> {
    let options = BuildOptions::typed(false).within(limits::typed(&context.repo)?);
    let points = [from, to].map(|side| (side.named.point.clone(), side.commit));
    let evaluated = builds::evaluate(context, config, &points, &options)?;
    let names = Translation::new(config, &from.named, &to.named);
    let systems = config.systems.of(&config.lattice, &from.named.point);
    let (own, other) = evaluated.jobs.split_at(systems.len());
    super::pairs(own, other, |(job, _)| &job.system).map(|pair| compare(&evaluated.nix, &names, pair)).collect()
}

type Evaluated = (Job, Derivation);

fn compare(nix: &Nix, names: &Translation, (own, other): (&Evaluated, &Evaluated)) -> Result<Closure> {
    let derivations = differences(names, nix.closure(&own.1.drv)?, nix.closure(&other.1.drv)?, &HashMap::new());
    let outputs = match (closure_of_outputs(nix, &own.1)?, closure_of_outputs(nix, &other.1)?) {
        (Some(own), Some(other)) => {
            let contents = nix.nar_hashes(own.iter().chain(&other))?;
            Some(differences(names, own, other, &contents))
        }
        _ => None,
    };
    Ok(Closure { from: own.0.system.clone(), to: other.0.system.clone(), derivations, outputs })
}

/// The closure of a derivation's outputs; `None` if they are not in the store.
fn closure_of_outputs(nix: &Nix, derivation: &Derivation) -> Result<Option<Vec<StorePath>>> {
    let paths: Vec<_> = derivation.outputs.iter().map(|(_, path)| path).collect();
    if nix.nar_hashes(paths.iter().copied())?.len() < paths.len() {
        return Ok(None);
    }
    let mut all = Vec::new();
    for path in paths {
        all.extend(nix.closure(path)?);
    }
    Ok(Some(all))
}

/// The paths that only one side has, by name; paths of the same name and with the same content are equal.
fn differences(
    names: &Translation,
    own: Vec<StorePath>,
    other: Vec<StorePath>,
    contents: &HashMap<StorePath, String>,
) -> Vec<ClosureChange> {
    let mut by_name: BTreeMap<String, [BTreeSet<StorePath>; 2]> = BTreeMap::new();
    for path in own {
        by_name.entry(names.translate(path.name())).or_default()[0].insert(path);
    }
    for path in other {
        by_name.entry(path.name().to_owned()).or_default()[1].insert(path);
    }
    let content = |path: &StorePath| contents.get(path).cloned().unwrap_or_else(|| path.to_string());
    let change = |(name, [own, other]): (String, [BTreeSet<StorePath>; 2])| {
        let [ours, theirs] = [&own, &other].map(|paths| paths.iter().map(content).collect::<BTreeSet<_>>());
        let from: Vec<_> = own.into_iter().filter(|path| !theirs.contains(&content(path))).collect();
        let to: Vec<_> = other.into_iter().filter(|path| !ours.contains(&content(path))).collect();
        (!from.is_empty() || !to.is_empty()).then_some(ClosureChange { name, from, to })
    };
    by_name.into_iter().filter_map(change).collect()
}
