//! Running a plan: one evaluation and one call of Nix for all builds, and a record for each as soon as it has finished.

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use super::builder::Builder;
use super::log_file::make_parent;
use super::many::Many;
use super::reproduce;
use super::strangers::{self, Footing};
use super::undecided::{NotDecided, Undecided};
use super::{Done, How, Job, Plan, Progress, link_path};
use crate::context::Context;
use crate::nix::{self, Derivation, Evaluation, Evaluator, FlakeRef, Installable, Nix};
use crate::ops::apart;

/// Runs the builds and reports each event to `on`. A key with a record starts no Nix; the same key and system is built
/// once.
///
/// # Errors
/// When there is no usable Nix, a record cannot be written, or some builds ended without a verdict ([`NotDecided`]; the
/// others are recorded). A failed build is not an error.
pub fn run(context: &Context, plan: &mut Plan, how: &How, on: &mut dyn FnMut(Progress<'_>)) -> Result<Vec<Done>> {
    if let Some(job) = plan.jobs.iter().find(|job| !how.allows(job)) {
        anyhow::bail!("`{}` may not be built by itself: it is not what was permitted", job.named.spelled);
    }
    let mut all: Vec<Option<Done>> = vec![None; plan.jobs.len()];
    let mut first: HashMap<_, usize> = HashMap::new();
    let (mut todo, mut again, mut checked, mut undecided) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (i, job) in plan.jobs.iter().enumerate() {
        if let Some(record) = job.known.as_ref().filter(|_| !how.is_needed(job)) {
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
        let builder = Builder::new(context, how)?;
        todo.iter().try_for_each(|i| plan.memory.complete(plan.jobs[*i].key))?;
        plan.memory.keep_objects_for_nix(&builder.source)?;
        let jobs: Vec<_> = todo.iter().map(|i| &plan.jobs[*i]).collect();
        let (done, open) = builder.build(&jobs, on)?;
        undecided = open;
        if how.check {
            let (compared, open) = reproduce::all(&builder, &jobs, &done, on)?;
            checked = compared;
            undecided.extend(open);
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
    let is_told = |done: &Done| !how.check || done.fresh || !done.record.verdict.is_good();
    Ok(all.into_iter().flatten().filter(is_told).chain(checked).collect())
}

impl Builder<'_> {
    /// Builds jobs, which must differ in key or system. Returns the result of each, and the jobs without a verdict.
    fn build(&self, jobs: &[&Job], on: &mut dyn FnMut(Progress<'_>)) -> Result<(Vec<Option<Done>>, Vec<Undecided>)> {
        let mut many = Many::new(self, jobs, on);
        let (mut able, mut apart, mut nobody, mut refused) = (Vec::new(), HashSet::new(), Vec::new(), Vec::new());
        for (i, job) in jobs.iter().enumerate() {
            match self.machines.capability.require(&job.system) {
                Ok(()) => match strangers::footing(self.context, job)? {
                    Footing::Refused(why) => refused.push((i, why)),
                    Footing::Apart => {
                        apart.insert(i);
                        able.push(i);
                    }
                    Footing::Own => able.push(i),
                },
                // The point has a result already; a missing builder only prevents the comparison.
                Err(_) if self.how.check && job.known.is_some() => many.tell(Progress::NotCompared(job)),
                Err(no) => nobody.push((i, no)),
            }
        }
        many.no_builder(nobody);
        many.refused(refused);
        if !able.is_empty() {
            self.evaluate_and_realise(&able, &apart, &mut many)?;
        }
        many.finish()
    }

    fn evaluate_and_realise(&self, able: &[usize], apart: &HashSet<usize>, many: &mut Many<'_>) -> Result<()> {
        able.iter().try_for_each(|i| many.begin(*i))?;
        let evaluations = match self.evaluate_all(able, apart, many) {
            Ok(evaluations) => evaluations,
            Err(error) => return many.interrupted(error),
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
        many.evaluated(&places, &what, failed);
        let drvs: Vec<_> = what.iter().map(|one| one.drv.clone()).collect();
        let nobody = match self.machines.prepare(&self.nix, &drvs) {
            Ok(nobody) => nobody,
            Err(error) => return many.interrupted(error),
        };
        many.nobody_after_all(&places, &what, &nobody);
        let (places, what): (Vec<_>, Vec<_>) =
            places.into_iter().zip(what).filter(|(_, one)| !nobody.contains_key(&one.drv)).unzip();
        // Let Nix make the link of a single build. When the results are on another machine, the link would dangle.
        let is_here = !self.machines.is_elsewhere();
        let link = (is_here && what.len() == 1).then(|| link_path(&self.context.repo, many.job(places[0])));
        link.as_deref().map(|link| make_parent(link, self.context.repo.shared())).transpose()?;
        many.is_linked = link.is_some() || !is_here;
        match self.nix.realise(&what, link.as_deref(), &self.machines.options, &mut |step| many.step(&places, step)) {
            Ok(()) => Ok(()),
            Err(error) => many.interrupted(error.into()),
        }
    }

    /// Evaluates jobs, those in `apart` in the private store. Afterwards all derivations are in the user's store.
    fn evaluate_all(&self, able: &[usize], apart: &HashSet<usize>, many: &mut Many<'_>) -> Result<Vec<Evaluation>> {
        let (foreign, own): (Vec<usize>, Vec<usize>) = able.iter().partition(|i| apart.contains(i));
        let mut found: HashMap<usize, Evaluation> = HashMap::new();
        if !foreign.is_empty() {
            let nix = apart::nix(&self.nix, &self.context.repo)?;
            let evaluations = self.evaluate(&nix, &foreign, many)?;
            self.take(&nix, &evaluations)?;
            found.extend(foreign.into_iter().zip(evaluations));
        }
        if !own.is_empty() {
            let evaluations = self.evaluate(&self.nix, &own, many)?;
            found.extend(own.into_iter().zip(evaluations));
        }
        Ok(able.iter().filter_map(|i| found.remove(i)).collect())
    }

    fn take(&self, from: &Nix, evaluations: &[Evaluation]) -> Result<(), nix::Error> {
        let drvs: Vec<_> = evaluations.iter().flatten().map(|derivation| derivation.drv.clone()).collect();
        from.store()
            .filter(|_| !drvs.is_empty())
            .map_or(Ok(()), |store| self.nix.take(&drvs, store, &self.machines.options))
    }

    fn evaluate(&self, nix: &Nix, able: &[usize], many: &mut Many<'_>) -> Result<Vec<Evaluation>> {
        let (mut what, mut branches) = (Vec::new(), Vec::new());
        for job in able.iter().map(|i| many.job(*i)) {
            let branch = self.source.branch(job.synthetic)?;
            let flake = FlakeRef::commit(self.source.path(), &job.synthetic.to_string(), &job.named.dir)?
                .on_branch(branch.name());
            what.push(Installable { flake, system: job.system.clone() });
            branches.push(branch);
        }
        let options = &self.machines.options;
        let said = &mut |event: &nix::Event| many.evaluating(able, event);
        let (evaluations, evaluator) = nix.evaluate_by(Evaluator::find(), &what, options, said)?;
        many.tell(Progress::Evaluated { by: evaluator.name(), jobs: able.len() });
        Ok(evaluations)
    }
}
