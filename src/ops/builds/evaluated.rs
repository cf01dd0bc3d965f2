//! Evaluation of points without building them.

use std::collections::HashSet;

use anyhow::{Result, bail};

use super::batch::Batch;
use super::builder::Builder;
use super::untrusted::{self, Isolation};
use super::{BuildOptions, Job, Progress, jobs_at};
use crate::config::Config;
use crate::context::Context;
use crate::git::Oid;
use crate::lattice::Point;
use crate::nix::{Derivation, Evaluation, Failure, Nix};
use crate::record::Records;

/// The derivations of points.
pub struct Evaluated {
    /// The Nix that evaluated.
    pub nix: Nix,
    /// Each point on each of its systems, in the order of the points.
    pub jobs: Vec<(Job, Derivation)>,
}

/// Evaluates points at these commits; nothing is built. Untrusted content is evaluated in the private store, as for a build.
///
/// # Errors
/// When there is no usable Nix, a commit has no flake for its point, or an evaluation fails.
pub fn evaluate(
    context: &Context,
    config: &Config,
    points: &[(Point, Oid)],
    options: &BuildOptions,
) -> Result<Evaluated> {
    let (mut memory, records) = (context.repo.in_memory(), Records::open(&context.repo)?);
    let mut jobs = Vec::new();
    for (point, commit) in points {
        jobs.extend(jobs_at(&memory, config, &records, point, *commit)?);
    }
    let builder = Builder::new(context, options)?;
    jobs.iter().try_for_each(|job| memory.complete(job.key))?;
    memory.keep_objects_for_nix(&builder.source)?;
    let derivations = builder.derivations(&jobs.iter().collect::<Vec<_>>())?;
    Ok(Evaluated { nix: builder.nix, jobs: jobs.into_iter().zip(derivations).collect() })
}

impl Builder<'_> {
    fn derivations(&self, jobs: &[&Job]) -> Result<Vec<Derivation>> {
        let mut untrusted = HashSet::new();
        for (i, job) in jobs.iter().enumerate() {
            match untrusted::isolation(self.context, job, self.options.is_trial)? {
                Isolation::None => {}
                Isolation::PrivateStore => drop(untrusted.insert(i)),
                Isolation::Refused(why) => bail!("`{}` cannot be evaluated: {why}", job.named.spelled),
            }
        }
        let mut ignored = |_: Progress<'_>| {};
        let mut batch = Batch::new(self, jobs, &mut ignored);
        let all: Vec<usize> = (0..jobs.len()).collect();
        let evaluations = self.evaluate_all(&all, &untrusted, &mut batch)?;
        let derivation = |(job, evaluation): (&&Job, Evaluation)| {
            let why = |failure: Failure| {
                let summary = failure.summary;
                anyhow::anyhow!("`{}` cannot be evaluated for {}: {summary}", job.named.spelled, job.system)
            };
            evaluation.map_err(why)
        };
        jobs.iter().zip(evaluations).map(derivation).collect()
    }
}
