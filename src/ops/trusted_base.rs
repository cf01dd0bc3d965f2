//! The trusted base of a point: what its closure takes from outside, that is everything which is not built from source in this lattice.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::builds::{self, BuildOptions};
use super::inputs::{self, OfPoint};
use super::purity::{self, PointPurity};
use super::{Cannot, limits};
use crate::config::{Config, Input, InputKind};
use crate::context::Context;
use crate::git::Oid;
use crate::lattice::{Point, Spelled};
use crate::nix::{FixedOutput, Nix, StorePath};
use crate::points::census::Census;
use crate::points::content::Content;
use crate::record::{Attributed, Inputs, Purity, RecordedInput, Records};
use crate::sha256::Sha256;
use crate::system::System;

/// The trusted base of a point.
pub struct TrustedBase {
    /// How it was found.
    pub from: Origin,
    /// The files and trees, sources first.
    pub inputs: Vec<TrustedInput>,
    /// The number of inputs that a record had no room for.
    pub left_out: usize,
    /// The paths of machines that builders could read, by the records of the point and those below it.
    pub impure: Vec<HostPaths>,
}

/// How a trusted base was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// From the fixed-output derivations in the closure.
    Derivations,
    /// From the record of a build, since the point cannot be evaluated here.
    Record {
        /// Why not.
        why: String,
        /// Who built it, on which host, and when.
        build: String,
    },
    /// From `config.toml` of the point and of those below it.
    Config {
        /// Why the point cannot be evaluated.
        why: String,
    },
}

/// A file or tree from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedInput {
    /// A source or a seed.
    pub kind: InputKind,
    /// Its name.
    pub name: String,
    /// Its hash, if it has one.
    pub hash: Option<String>,
    /// Its size as NAR in bytes, if it is known.
    pub size: Option<u64>,
    /// Its store path, if it is known.
    pub path: Option<StorePath>,
    /// Where it is fetched from.
    pub url: Option<String>,
    /// Where it comes from, in the user's words.
    pub origin: Option<String>,
    /// What it is, in the user's words.
    pub description: Option<String>,
}

/// The paths of a machine that the builder of a point could read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPaths {
    /// The point.
    pub point: Spelled,
    /// The system.
    pub system: System,
    /// The paths.
    pub paths: BTreeSet<String>,
}

/// The sum of the known sizes, and the number of inputs whose size is not known. Records of others may name any numbers.
pub fn size_of(inputs: &[TrustedInput], left_out: usize) -> (u64, usize) {
    let known = inputs.iter().filter_map(|input| input.size).fold(0, u64::saturating_add);
    (known, inputs.iter().filter(|input| input.size.is_none()).count().saturating_add(left_out))
}

impl TrustedBase {
    /// The sum of the known sizes, and the number of inputs whose size is not known.
    pub fn size(&self) -> (u64, usize) {
        size_of(&self.inputs, self.left_out)
    }
}

/// Finds the trusted base of a point: from its derivations, else from its newest record that has one, else from `config.toml`.
///
/// # Errors
/// When the point has no branch, or neither can be read.
pub fn of(context: &Context, config: &Config, census: &Census, point: &Point) -> Result<TrustedBase> {
    let commit = census.commit(point).ok_or_else(|| Cannot::no_point(config, point))?;
    let finder = Finder { context, config, point, commit };
    let (from, mut inputs, left_out) = match finder.derivations() {
        Ok(mut inputs) => {
            finder.take_sizes(&mut inputs)?;
            (Origin::Derivations, inputs, 0)
        }
        Err(why) => finder.without_derivations(format!("{why:#}"))?,
    };
    finder.describe(&mut inputs);
    inputs.sort_by(|a, b| (a.kind, &a.name, &a.hash).cmp(&(b.kind, &b.name, &b.hash)));
    measure(&mut inputs);
    Ok(TrustedBase { from, inputs, left_out, impure: finder.impure()? })
}

/// Finds the trusted base of a point without Nix: from its newest record that has one, else from `config.toml`.
///
/// # Errors
/// When the point has no branch, or neither can be read.
pub fn without_nix(context: &Context, config: &Config, census: &Census, point: &Point) -> Result<TrustedBase> {
    let commit = census.commit(point).ok_or_else(|| Cannot::no_point(config, point))?;
    let finder = Finder { context, config, point, commit };
    let (from, mut inputs, left_out) = finder.without_derivations("Nix was not asked".to_owned())?;
    finder.describe(&mut inputs);
    inputs.sort_by(|a, b| (a.kind, &a.name, &a.hash).cmp(&(b.kind, &b.name, &b.hash)));
    Ok(TrustedBase { from, inputs, left_out, impure: finder.impure()? })
}

struct Finder<'a> {
    context: &'a Context,
    config: &'a Config,
    point: &'a Point,
    commit: Oid,
}

impl Finder<'_> {
    fn derivations(&self) -> Result<Vec<TrustedInput>> {
        let options = BuildOptions::typed(false).within(limits::typed(&self.context.repo)?);
        let point = (self.point.clone(), self.commit);
        let evaluated = builds::evaluate(self.context, self.config, &[point], &options)?;
        let drvs: Vec<_> = evaluated.jobs.iter().map(|(_, derivation)| derivation.drv.clone()).collect();
        let outside = evaluated.nix.outside(&drvs)?;
        let inputs: BTreeSet<_> = outside.into_values().flat_map(|outside| outside.inputs).collect();
        Ok(inputs.into_iter().map(TrustedInput::from).collect())
    }

    /// Takes the sizes that the newest record has: the store may have lost the files.
    fn take_sizes(&self, inputs: &mut [TrustedInput]) -> Result<()> {
        let Some((_, recorded)) = self.recorded()? else { return Ok(()) };
        for input in inputs {
            let is_same = |it: &&RecordedInput| it.kind == input.kind && Some(&it.hash) == input.hash.as_ref();
            input.size = recorded.listed.iter().find(is_same).and_then(|it| it.size);
        }
        Ok(())
    }

    fn without_derivations(&self, why: String) -> Result<(Origin, Vec<TrustedInput>, usize)> {
        if let Some((build, Inputs { listed, left_out })) = self.recorded()? {
            let inputs = listed.into_iter().map(TrustedInput::from).collect();
            return Ok((Origin::Record { why, build }, inputs, left_out));
        }
        let inputs: BTreeMap<_, _> = self.configured()?.into_iter().map(|input| (identity(&input), input)).collect();
        Ok((Origin::Config { why }, inputs.into_values().map(TrustedInput::from).collect(), 0))
    }

    /// The newest record of the point's key that names inputs.
    fn recorded(&self) -> Result<Option<(String, Inputs)>> {
        let memory = self.context.repo.in_memory();
        let tree = memory.tree_of_commit(self.commit)?;
        let key = Content::find(&memory, self.config, tree, self.point)?.key(&memory, self.config, tree)?;
        let records = Records::open(&self.context.repo)?;
        let all = records.attributed(key, &self.config.spell(self.point))?;
        let newest = all.into_iter().rev().find_map(|Attributed { record, .. }| {
            let build = format!("{}@{} of {}", record.user, record.host, record.started);
            Some((build, record.inputs?))
        });
        Ok(newest)
    }

    /// The inputs in `config.toml` of the point and of those below it.
    fn configured(&self) -> Result<Vec<Input>> {
        let tree = self.context.repo.tree_of_commit(self.commit)?;
        let all = inputs::of_points(&self.context.repo, self.config, tree, self.point)?;
        Ok(all.into_iter().flat_map(|OfPoint { inputs, .. }| inputs).collect())
    }

    /// Adds what `config.toml` says about inputs that a derivation or record names.
    fn describe(&self, inputs: &mut [TrustedInput]) {
        let configured = self.configured().unwrap_or_default();
        let known: BTreeMap<_, _> = configured.iter().map(|input| (identity(input), input)).collect();
        for input in inputs {
            let Some(words) = known.get(&(input.kind, input.name.clone(), input.hash.clone())) else { continue };
            input.origin.clone_from(&words.origin);
            input.description.clone_from(&words.description);
            input.url = input.url.take().or_else(|| words.urls.first().cloned());
        }
    }

    fn impure(&self) -> Result<Vec<HostPaths>> {
        let memory = self.context.repo.in_memory();
        let records = Records::open(&self.context.repo)?;
        let tree = memory.tree_of_commit(self.commit)?;
        let chain = purity::of_chain(&memory, self.config, &records, tree, self.point)?;
        let impure = chain.into_iter().filter_map(|PointPurity { point, system, purity }| match purity {
            Purity::Impure(paths) => Some(HostPaths { point, system, paths }),
            Purity::Pure | Purity::Unknown => None,
        });
        Ok(impure.collect())
    }
}

/// Asks the store for sizes; without Nix, those in a record remain.
fn measure(inputs: &mut [TrustedInput]) {
    let paths: Vec<_> = inputs.iter().filter_map(|input| input.path.clone()).collect();
    if paths.is_empty() {
        return;
    }
    let Ok(sizes) = Nix::find().and_then(|nix| nix.nar_sizes(&paths)) else { return };
    for input in inputs {
        let size = input.path.as_ref().and_then(|path| sizes.get(path).copied().flatten());
        input.size = size.or(input.size);
    }
}

fn identity(input: &Input) -> (InputKind, String, Option<String>) {
    (input.kind, input.name.clone(), input.hash.map(|hash| hash.to_string()))
}

impl From<FixedOutput> for TrustedInput {
    fn from(output: FixedOutput) -> Self {
        let FixedOutput { kind, name, hash, url, path, .. } = output;
        Self { kind, name, hash: Some(hash), size: None, path, url, origin: None, description: None }
    }
}

impl From<RecordedInput> for TrustedInput {
    fn from(RecordedInput { kind, name, hash, size }: RecordedInput) -> Self {
        let path = Sha256::parse(&hash).and_then(|hash| inputs::store_path(kind, &name, hash));
        Self { kind, name, hash: Some(hash), size, path, url: None, origin: None, description: None }
    }
}

impl From<Input> for TrustedInput {
    fn from(input: Input) -> Self {
        let Input { kind, name, hash, urls, origin, description, .. } = input;
        let path = hash.and_then(|hash| inputs::store_path(kind, &name, hash));
        let (hash, url) = (hash.map(|hash| hash.to_string()), urls.into_iter().next());
        Self { kind, name, hash, size: None, path, url, origin, description }
    }
}
