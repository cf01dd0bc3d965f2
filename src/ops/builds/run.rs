//! Running a plan: one evaluation and one call of Nix for all builds, and a record for each as soon as it has finished.

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use super::batch::Batch;
use super::builder::Builder;
use super::log_file::make_parent;
use super::machines::Prepared;
use super::reproduce;
use super::undecided::{NotDecided, Undecided};
use super::untrusted::{self, Isolation};
use super::{BuildOptions, Done, Job, Plan, Progress, link_path};
use crate::context::Context;
use crate::nix::{self, Derivation, Evaluation, Evaluator, FlakeRef, Installable, Nix};
use crate::ops::private_store;

/// Runs the builds and reports each event to `on`. A key with a record starts no Nix; the same key and system is built
/// once.
///
/// # Errors
/// When there is no usable Nix, a record cannot be written, or some builds ended without a verdict ([`NotDecided`]; the
/// others are recorded). A failed build is not an error.
pub fn run(
    context: &Context,
    plan: &mut Plan,
    options: &BuildOptions,
    on: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Done>> {
    if let Some(job) = plan.jobs.iter().find(|job| !options.allows(job)) {
        anyhow::bail!("`{}` must not be built automatically: it is not what was permitted", job.named.spelled);
    }
    let mut all: Vec<Option<Done>> = vec![None; plan.jobs.len()];
    let mut first: HashMap<_, usize> = HashMap::new();
    let (mut todo, mut again, mut checked, mut undecided) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (i, job) in plan.jobs.iter().enumerate() {
        if let Some(record) = job.known.as_ref().filter(|_| !options.is_needed(job)) {
            let done = Done::known(record);
            on(Progress::End(&done));
            all[i] = Some(done);
        } else if let Some(first) = first.insert((job.key, &job.system), i) {
            again.push((i, first));
        } else {
            todo.push(i);
        }
    }
    if !todo.is_empty() {
        let builder = Builder::new(context, options)?;
        todo.iter().try_for_each(|i| plan.memory.complete(plan.jobs[*i].key))?;
        plan.memory.keep_objects_for_nix(&builder.source)?;
        let jobs: Vec<_> = todo.iter().map(|i| &plan.jobs[*i]).collect();
        let (done, unresolved) = builder.build(&jobs, on)?;
        undecided = unresolved;
        if options.check {
            let (compared, unresolved) = reproduce::all(&builder, &jobs, &done, on)?;
            checked = compared;
            undecided.extend(unresolved);
        }
        builder.machines.push(&builder.nix, &done, on);
        todo.into_iter().zip(done).for_each(|(i, done)| all[i] = done);
    }
    for (i, first) in again {
        all[i] = all[first].as_ref().map(|done| Done::known(&done.record));
        all[i].iter().for_each(|done| on(Progress::End(done)));
    }
    if !undecided.is_empty() {
        return Err(NotDecided(undecided).into());
    }
    // Skip results that were only looked up for a comparison.
    let is_shown = |done: &Done| !options.check || done.fresh || !done.record.verdict.is_good();
    Ok(all.into_iter().flatten().filter(is_shown).chain(checked).collect())
}

impl Builder<'_> {
    /// Builds jobs, which must differ in key or system. Returns the result of each, and the jobs without a verdict.
    fn build(&self, jobs: &[&Job], on: &mut dyn FnMut(Progress<'_>)) -> Result<(Vec<Option<Done>>, Vec<Undecided>)> {
        let mut batch = Batch::new(self, jobs, on);
        let (mut able, mut untrusted, mut unbuildable, mut refused) =
            (Vec::new(), HashSet::new(), Vec::new(), Vec::new());
        for (i, job) in jobs.iter().enumerate() {
            match self.machines.capability.require(&job.system) {
                Ok(()) => match untrusted::isolation(self.context, job, self.options.is_trial)? {
                    Isolation::Refused(why) => refused.push((i, why)),
                    Isolation::PrivateStore => {
                        untrusted.insert(i);
                        able.push(i);
                    }
                    Isolation::None => able.push(i),
                },
                // The point has a result already; a missing builder only prevents the comparison.
                Err(_) if self.options.check && job.known.is_some() => batch.report(Progress::NotCompared(job)),
                Err(error) => unbuildable.push((i, error)),
            }
        }
        batch.no_builder(unbuildable);
        batch.refuse(refused);
        if !able.is_empty() {
            self.evaluate_and_realise(&able, &untrusted, &mut batch)?;
        }
        batch.finish()
    }

    fn evaluate_and_realise(&self, able: &[usize], untrusted: &HashSet<usize>, batch: &mut Batch<'_>) -> Result<()> {
        able.iter().try_for_each(|i| batch.begin(*i))?;
        let evaluations = match self.evaluate_all(able, untrusted, batch) {
            Ok(evaluations) => evaluations,
            Err(error) => return batch.interrupted(error),
        };
        let (mut places, mut what): (Vec<usize>, Vec<Derivation>) = (Vec::new(), Vec::new());
        let mut failed = Vec::new();
        for (i, evaluation) in able.iter().zip(evaluations) {
            match evaluation {
                Ok(derivation) => {
                    places.push(*i);
                    what.push(derivation);
                }
                Err(failure) => failed.push((*i, failure)),
            }
        }
        batch.evaluated(&places, &what, failed);
        let drvs: Vec<_> = what.iter().map(|one| one.drv.clone()).collect();
        let Prepared { obstacles, outside } = match self.machines.prepare(&self.nix, &drvs) {
            Ok(prepared) => prepared,
            Err(error) => return batch.interrupted(error),
        };
        batch.outside = outside;
        batch.end_unbuildable(&places, &what, &obstacles);
        let (places, what): (Vec<_>, Vec<_>) =
            places.into_iter().zip(what).filter(|(_, one)| !obstacles.contains_key(&one.drv)).unzip();
        let what: Vec<_> = what.into_iter().map(|one| batch.outside.with_calls(one)).collect();
        // Let Nix make the link of a single build. When the results are on another machine, the link would dangle.
        let is_here = !self.machines.is_elsewhere();
        let link = (is_here && what.len() == 1).then(|| link_path(&self.context.repo, batch.job(places[0])));
        link.as_deref().map(|link| make_parent(link, self.context.repo.shared())).transpose()?;
        batch.is_linked = link.is_some() || !is_here;
        match self.nix.realise(&what, link.as_deref(), &self.machines.options, &mut |step| batch.step(&places, step)) {
            Ok(()) => Ok(()),
            Err(error) => batch.interrupted(error.into()),
        }
    }

    /// Evaluates jobs, those in `untrusted` in the private store. Afterwards all derivations are in the user's store.
    pub(super) fn evaluate_all(
        &self,
        able: &[usize],
        untrusted: &HashSet<usize>,
        batch: &mut Batch<'_>,
    ) -> Result<Vec<Evaluation>> {
        let (foreign, own): (Vec<usize>, Vec<usize>) = able.iter().partition(|i| untrusted.contains(i));
        let mut found: HashMap<usize, Evaluation> = HashMap::new();
        if !foreign.is_empty() {
            let nix = private_store::nix(&self.nix, &self.context.repo)?;
            let evaluations = self.evaluate(&nix, &foreign, batch)?;
            self.copy_derivations(&nix, &evaluations)?;
            found.extend(foreign.into_iter().zip(evaluations));
        }
        if !own.is_empty() {
            let evaluations = self.evaluate(&self.nix, &own, batch)?;
            found.extend(own.into_iter().zip(evaluations));
        }
        Ok(able.iter().filter_map(|i| found.remove(i)).collect())
    }

    fn copy_derivations(&self, from: &Nix, evaluations: &[Evaluation]) -> Result<(), nix::Error> {
        let drvs: Vec<_> = evaluations.iter().flatten().map(|derivation| derivation.drv.clone()).collect();
        from.store()
            .filter(|_| !drvs.is_empty())
            .map_or(Ok(()), |store| self.nix.take(&drvs, store, &self.machines.options))
    }

    fn evaluate(&self, nix: &Nix, able: &[usize], batch: &mut Batch<'_>) -> Result<Vec<Evaluation>> {
        let (mut what, mut branches) = (Vec::new(), Vec::new());
        for job in able.iter().map(|i| batch.job(*i)) {
            let branch = self.source.branch(job.synthetic)?;
            let flake = FlakeRef::commit(self.source.path(), &job.synthetic.to_string(), &job.named.dir)?
                .on_branch(branch.name());
            what.push(Installable { flake, system: job.system.clone() });
            branches.push(branch);
        }
        let options = &self.machines.options;
        let on_event = &mut |event: &nix::Event| batch.evaluating(able, event);
        let (evaluations, evaluator) = nix.evaluate_by(Evaluator::find(), &what, options, on_event)?;
        batch.report(Progress::Evaluated { by: evaluator.name(), jobs: able.len() });
        Ok(evaluations)
    }
}
