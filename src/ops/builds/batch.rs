//! The jobs of one run: the state of each, and its record when it has finished.

use std::collections::HashMap;
use std::time::Instant;

use anyhow::Result;

use super::blame::failed_below;
use super::builder::{Builder, seconds, times_of};
use super::log_file::{Log, keep_tail};
use super::machines::Obstacle;
use super::outside::Outsides;
use super::running::RunningBuilders;
use super::said::BuilderTails;
use super::undecided::Undecided;
use super::{DamagedOutput, Done, Job, Progress, links, log_path};
use crate::git::commit::now;
use crate::lattice::Spelled;
use crate::nix::{
    self, AbsentInput, Derivation, Event, Failure, Finished, NoBuilder, Outcome, RunTime, Step, StorePath,
};
use crate::process::supervised;
use crate::record::pending::{self, Recorded};
use crate::record::tried;
use crate::record::{Output, Record, Verdict};

/// All jobs of one run. A job is identified by its index in `jobs`.
pub(super) struct Batch<'a> {
    builder: &'a Builder<'a>,
    jobs: &'a [&'a Job],
    on: &'a mut dyn FnMut(Progress<'_>),
    running: HashMap<usize, Running>,
    /// The builders that Nix runs, for all jobs.
    builders: RunningBuilders<'a>,
    tails: BuilderTails,
    /// Logs, including those of finished jobs: the end of a build is seen in the store before all output of Nix is
    /// read.
    logs: HashMap<usize, Log>,
    done: Vec<Option<Done>>,
    /// The point of each derivation, by its path.
    points: HashMap<String, Spelled>,
    /// The derivation of each job.
    drvs: HashMap<usize, StorePath>,
    /// What the closures of the derivations take from outside.
    pub(super) outside: Outsides,
    /// Whether no links remain to be made: the build itself makes them, or the results are on another machine.
    pub(super) is_linked: bool,
    /// Jobs that ended without a verdict.
    undecided: Vec<Undecided>,
    /// The first error that prevented a result from being recorded.
    error: Option<anyhow::Error>,
}

/// The state of an unfinished job.
struct Running {
    /// When the job began.
    since: String,
    /// When the builder of the point's own derivation started.
    own: Option<(String, Instant)>,
    /// Whether a builder was started, for the point or for one below it.
    has_builder: bool,
    /// The remote builder that builds the point's own derivation.
    machine: Option<String>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(builder: &'a Builder<'a>, jobs: &'a [&'a Job], on: &'a mut dyn FnMut(Progress<'_>)) -> Self {
        let done = vec![None; jobs.len()];
        Self {
            builder,
            jobs,
            on,
            running: HashMap::new(),
            builders: RunningBuilders::default(),
            tails: BuilderTails::default(),
            logs: HashMap::new(),
            done,
            points: HashMap::new(),
            drvs: HashMap::new(),
            outside: Outsides::default(),
            is_linked: false,
            undecided: Vec::new(),
            error: None,
        }
    }

    pub(super) fn job(&self, i: usize) -> &'a Job {
        self.jobs[i]
    }

    pub(super) fn report(&mut self, progress: Progress<'_>) {
        (self.on)(progress);
    }

    /// Records `no-builder` for jobs whose own system has no builder.
    pub(super) fn no_builder(&mut self, unbuildable: Vec<(usize, NoBuilder)>) {
        let finished = unbuildable.into_iter().map(|(i, unbuildable)| {
            (self.on)(Progress::Begin(self.jobs[i]));
            let mut record = self.record(i, Verdict::NoBuilder, now(), 0.0);
            record.error = Some(unbuildable.to_string());
            (i, Done { hints: unbuildable.hints().to_vec(), ..Done::fresh(record) })
        });
        let finished = finished.collect();
        self.end(finished);
    }

    /// Reports jobs for which Nix is not started because their content is not trusted. They get no record.
    pub(super) fn refuse(&mut self, refuse: Vec<(usize, String)>) {
        for (i, why) in refuse {
            let point = &self.jobs[i].named.spelled;
            let mut hints: Vec<_> = self.lock_hint(i, &why).into_iter().collect();
            hints.push(format!("`git lattice trust {point}` shows the untrusted content, and allows it"));
            self.end_without_verdict(i, Undecided::new(self.jobs[i], format!("Nix was not started: {why}"), hints));
        }
    }

    /// Ends a job without a verdict.
    fn end_without_verdict(&mut self, i: usize, undecided: Undecided) {
        self.running.remove(&i);
        (self.on)(Progress::Undecided(&undecided));
        self.undecided.push(undecided);
    }

    /// Ends evaluated jobs that cannot be built: records `no-builder`, or no verdict where an input is missing.
    pub(super) fn end_unbuildable(
        &mut self,
        places: &[usize],
        what: &[Derivation],
        obstacles: &HashMap<StorePath, Obstacle>,
    ) {
        let mut finished = Vec::new();
        for (i, one) in places.iter().zip(what) {
            match obstacles.get(&one.drv) {
                None => {}
                Some(Obstacle::Absent(absent)) => {
                    self.end_without_verdict(*i, Undecided::of_absent(self.jobs[*i], absent));
                }
                Some(Obstacle::NoBuilder(no)) => {
                    let Some(running) = self.running.remove(i) else { continue };
                    let mut record = self.record(*i, Verdict::NoBuilder, running.since, 0.0);
                    (record.error, record.drv) = (Some(no.to_string()), Some(one.drv.clone()));
                    self.outside.note(&mut record, &one.drv);
                    finished.push((*i, Done { hints: no.hints().to_vec(), ..Done::fresh(record) }));
                }
            }
        }
        self.end(finished);
    }

    /// Starts a job: opens its log.
    pub(super) fn begin(&mut self, i: usize) -> Result<()> {
        let job = self.jobs[i];
        let repo = &self.builder.context.repo;
        let log = Log::create(log_path(repo, job.key, &job.system), repo.shared())?;
        self.logs.insert(i, log);
        self.running.insert(i, Running { since: now(), own: None, has_builder: false, machine: None });
        (self.on)(Progress::Begin(job));
        Ok(())
    }

    /// Handles an event of the evaluation. It belongs to a job only if there is a single one.
    pub(super) fn evaluating(&mut self, able: &[usize], event: &Event) {
        self.handle_event(event, if able.len() == 1 { able } else { &[] });
    }

    /// Handles the end of the evaluation: the derivations of `places`, and the jobs that failed.
    pub(super) fn evaluated(&mut self, places: &[usize], what: &[Derivation], failed: Vec<(usize, Failure)>) {
        for (i, derivation) in places.iter().zip(what) {
            self.points.insert(derivation.drv.to_string(), self.jobs[*i].named.spelled.clone());
            self.drvs.insert(*i, derivation.drv.clone());
        }
        let failed = failed.into_iter();
        let finished = failed.map(|(index, failure)| Finished { index, outcome: Outcome::Failed(failure), ran: None });
        self.handle_outcomes(finished.collect());
    }

    /// Handles a step of the builds; `places` maps its indices to jobs.
    pub(super) fn step(&mut self, places: &[usize], step: Step<'_>) {
        match step {
            Step::Event { event, about } => {
                let about: Vec<_> = about.iter().map(|n| places[*n]).collect();
                self.handle_event(event, &about);
            }
            Step::Finished(finished) => {
                let of_job = |one: Finished| Finished { index: places[one.index], ..one };
                self.handle_outcomes(finished.into_iter().map(of_job).collect());
            }
        }
    }

    fn handle_event(&mut self, event: &Event, about: &[usize]) {
        self.tails.note(event);
        let mut own = None;
        for i in about {
            self.logs.entry(*i).and_modify(|log| log.note(event));
            if matches!(event, Event::BuildStarted { drv, .. } if self.drvs.get(i) == Some(drv)) {
                own = Some(self.jobs[*i]);
            }
            let Some(running) = self.running.get_mut(i) else { continue };
            let Event::BuildStarted { drv, machine, .. } = event else { continue };
            running.has_builder = true;
            if self.points.get(drv.as_str()) == Some(&self.jobs[*i].named.spelled) {
                running.own.get_or_insert_with(|| (now(), Instant::now()));
                // A remote builder also reports its own activity, without a machine.
                running.machine = machine.clone().or(running.machine.take());
            }
        }
        let jobs: Vec<_> = about.iter().map(|i| self.jobs[*i]).collect();
        self.builders.note(event, own, &jobs, self.on);
    }

    fn handle_outcomes(&mut self, finished: Vec<Finished>) {
        let finished = self.without_damaged(finished);
        self.keep(&finished);
        self.measure(&finished);
        let done = |one: Finished| Some((one.index, self.outcome(one.index, one.outcome, one.ran)?));
        let finished = finished.into_iter().filter_map(done).collect();
        self.end(finished);
    }

    /// Drops outcomes whose outputs were not built now and whose files are gone or changed: the database of Nix still
    /// lists such paths as valid.
    fn without_damaged(&mut self, mut finished: Vec<Finished>) -> Vec<Finished> {
        // Verifying a store on another machine would read all files over the network.
        if self.builder.machines.is_elsewhere() {
            return finished;
        }
        let was_built = |i: &usize| self.running.get(i).is_some_and(|running| running.has_builder);
        let old = finished.iter().filter(|one| !was_built(&one.index));
        let paths: Vec<_> = old.flat_map(|one| outputs(&one.outcome)).collect();
        let damaged = match self.builder.nix.damaged(&paths) {
            Ok(damaged) => damaged,
            Err(error) => {
                self.error.get_or_insert(error.into());
                return Vec::new();
            }
        };
        let (running, jobs, error) = (&mut self.running, self.jobs, &mut self.error);
        finished.retain(|Finished { index: i, outcome, .. }| {
            let found = outputs(outcome).find(|path| damaged.contains(path));
            if let Some(path) = found {
                running.remove(i);
                let (point, path) = (jobs[*i].named.spelled.clone(), path.to_string());
                error.get_or_insert_with(|| DamagedOutput { point, path }.into());
            }
            found.is_none()
        });
        finished
    }

    fn keep(&mut self, finished: &[Finished]) {
        if self.is_linked {
            return;
        }
        let built = |one: &Finished| match &one.outcome {
            Outcome::Built { outputs, .. } => Some((self.jobs[one.index], outputs.clone())),
            Outcome::Failed(_) => None,
        };
        let built: Vec<_> = finished.iter().filter_map(built).collect();
        let built: Vec<_> = built.iter().map(|(job, outputs)| (*job, outputs.as_slice())).collect();
        if let Err(error) = links::keep(&self.builder.nix, &self.builder.context.repo, &built) {
            self.error.get_or_insert(error);
        }
    }

    /// Asks the store for the sizes of what finished jobs took from outside.
    fn measure(&mut self, finished: &[Finished]) {
        let drvs: Vec<_> = finished.iter().filter_map(|one| self.drvs.get(&one.index).cloned()).collect();
        self.outside.measure(&self.builder.nix, &drvs);
    }

    /// Turns an outcome into a record; `None` when it gives no verdict on the point.
    fn outcome(&mut self, i: usize, outcome: Outcome, ran: Option<RunTime>) -> Option<Done> {
        let running = self.running.remove(&i)?;
        if let Some(drv) = self.drvs.get(&i) {
            self.builders.end(drv, matches!(outcome, Outcome::Built { .. }), self.on);
        }
        let (started, seconds) = times_of(ran, running.since);
        let mut record = self.record(i, Verdict::Built, started, seconds);
        let mut hints = Vec::new();
        self.builder.machines.note_place(&mut record, running.machine.as_deref());
        let drv = self.drvs.get(&i).cloned();
        if let Some(drv) = &drv {
            self.outside.note(&mut record, drv);
            record.impure = ran.and_then(|_| self.outside.impure(drv, running.machine.as_deref()));
        }
        match outcome {
            Outcome::Built { drv, outputs } => {
                record.drv = Some(drv);
                let output =
                    |output: nix::Output| (output.name, Output { path: output.path, nar_hash: Some(output.nar_hash) });
                record.outputs = outputs.into_iter().map(output).collect();
                if let (false, Some(output)) = (running.has_builder, record.outputs.values().next()) {
                    self.logs.entry(i).and_modify(|log| log.was_there(output.path.as_str()));
                }
            }
            Outcome::Failed(failure) if failure.kind.is_of_content() || failure.kind == nix::Kind::NoBuilder => {
                let is_no_builder = failure.kind == nix::Kind::NoBuilder;
                record.verdict = if is_no_builder { Verdict::NoBuilder } else { Verdict::Failed };
                hints.extend(self.lock_hint(i, &failure.summary));
                hints.extend(AbsentInput::undeclared(&failure.detail).map(|input| input.declaring_hint()));
                self.end_log(i, &failure);
                record.error = Some(self.reason(i, &failure));
                record.drv.clone_from(&drv);
            }
            // Nix itself failed or a limit was reached: this gives no verdict on the point.
            Outcome::Failed(failure) => {
                self.logs.entry(i).and_modify(|log| log.failed(&failure.detail, ""));
                self.end_without_verdict(
                    i,
                    Undecided::of_failure(self.jobs[i], &failure, &self.builder.machines.options),
                );
                return None;
            }
        }
        let is_good = record.verdict.is_good();
        let (log, tail) = self.logs.get_mut(&i)?.close();
        if let Some(known) = self.builder.options.known_as(self.jobs[i], &record) {
            self.done[i] = Some(Done::known(known));
            return None;
        }
        if ran.is_none() && is_good && !self.builder.options.is_trial {
            self.take_over_trial(&mut record);
        }
        let tail = if is_good { Vec::new() } else { tail };
        keep_tail(&log, &tail, self.builder.context.repo.shared());
        hints.extend(unpack_hint(&tail));
        let inputs = drv.map(|drv| self.outside.paths(&drv)).unwrap_or_default();
        Some(Done { tail, log: Some(log), hints, inputs, has_run: ran.is_some(), ..Done::fresh(record) })
    }

    /// Ends the log of a failed build with what the builder that failed has printed, which may be that of another point.
    fn end_log(&mut self, i: usize, failure: &Failure) {
        let Some(log) = self.logs.get_mut(&i) else { return };
        if let Some(drv) = &failure.drv {
            let (said, is_own) = (self.tails.of(drv), self.drvs.get(&i) == Some(drv));
            if said.is_some() || !is_own {
                let elsewhere = (!is_own && said.is_some() && self.points.contains_key(drv.as_str())).then_some(drv);
                log.end_with(said.unwrap_or_default(), elsewhere);
            }
        }
        log.failed(&failure.detail, &failure.beyond_summary());
    }

    /// Takes over from a trial of the same content when and how it was built.
    fn take_over_trial(&self, record: &mut Record) {
        let Some(tried) = tried::find(&self.builder.context.repo, record) else { return };
        (record.started, record.seconds, record.impure) = (tried.started, tried.seconds, tried.impure);
        (record.nix, record.store, record.machine) = (tried.nix, tried.store, tried.machine);
    }

    fn lock_hint(&self, i: usize, error: &str) -> Option<String> {
        let dir = &self.jobs[i].named.dir;
        let hint = || format!("run `nix flake lock` in `{dir}` on the point's branch, and commit flake.lock");
        error.contains("lock file").then(hint)
    }

    /// The first error. If it happened in another point's derivation, the message names that point.
    fn reason(&self, i: usize, failure: &Failure) -> String {
        match self.failed_input(i, failure) {
            Some(point) => format!("its input `{point}` failed: {}", failure.summary),
            None => failure.summary.clone(),
        }
    }

    /// The point below whose derivation failed: one of this run, or one that is recorded.
    fn failed_input(&self, i: usize, failure: &Failure) -> Option<Spelled> {
        let (own, drv) = (&self.jobs[i].named.spelled, failure.drv.as_ref()?);
        if self.drvs.get(&i) == Some(drv) {
            return None;
        }
        let of_this_run = self.points.get(drv.as_str()).cloned();
        of_this_run.or_else(|| failed_below(self.builder.context, own, drv)).filter(|point| point != own)
    }

    /// Handles an error that ended Nix: unfinished jobs are `cancelled` when the user interrupted, else without a
    /// verdict.
    pub(super) fn interrupted(&mut self, error: anyhow::Error) -> Result<()> {
        match error.downcast::<nix::Error>()? {
            nix::Error::Interrupted { .. } => self.cancelled(),
            error => {
                for i in self.unfinished() {
                    self.end_without_verdict(i, Undecided::of_error(self.jobs[i], &error));
                }
                Ok(())
            }
        }
    }

    fn unfinished(&self) -> Vec<usize> {
        let mut unfinished: Vec<usize> = self.running.keys().copied().collect();
        unfinished.sort_unstable();
        unfinished
    }

    fn cancelled(&mut self) -> Result<()> {
        // The worker was killed. That is no cancellation: the next worker builds the job again.
        anyhow::ensure!(!supervised::is_orphaned(), "the worker is gone");
        for i in self.unfinished() {
            let Some(drv) = self.drvs.get(&i) else { continue };
            if self.builders.has_failed(drv) {
                self.end_without_verdict(i, Undecided::of_stopped(self.jobs[i], "the builder"));
            } else if self.builders.may_have_failed(drv) {
                self.end_without_verdict(i, Undecided::of_stopped(self.jobs[i], "the builder or another one"));
            }
        }
        let mut unfinished: Vec<_> = self.running.drain().collect();
        unfinished.sort_unstable_by_key(|(i, _)| *i);
        let cancelled = |(i, running): (usize, Running)| {
            let (started, seconds) =
                running.own.map_or((running.since, 0.0), |(started, clock)| (started, seconds(clock.elapsed())));
            let record = self.record(i, Verdict::Cancelled, started, seconds);
            let job = self.jobs[i];
            let log = log_path(&self.builder.context.repo, job.key, &job.system);
            (i, Done { log: Some(log), ..Done::fresh(record) })
        };
        let cancelled = unfinished.into_iter().map(cancelled).collect();
        self.end(cancelled);
        Ok(())
    }

    /// Records finished jobs in one write, then reports them.
    fn end(&mut self, finished: Vec<(usize, Done)>) {
        let records: Vec<_> = finished.iter().map(|(_, done)| done.record.clone()).collect();
        if records.is_empty() {
            return;
        }
        if self.builder.options.is_trial {
            let built: Vec<_> = records.into_iter().filter(|record| record.impure.is_some()).collect();
            if !built.is_empty() {
                tried::remember(&self.builder.context.repo, &built);
            }
        } else {
            match pending::append(&self.builder.context.repo, &records) {
                Ok(Recorded::InNotes) => {}
                Ok(Recorded::Kept { file, why }) => (self.on)(Progress::Kept { file: &file, why: &why }),
                Err(error) => drop(self.error.get_or_insert(error.into())),
            }
        }
        for (i, done) in finished {
            (self.on)(Progress::End(&done));
            self.done[i] = Some(done);
        }
    }

    /// Returns the results and the jobs without a verdict. An error in recording is returned only here, so that no
    /// other result is lost.
    pub(super) fn finish(self) -> Result<(Vec<Option<Done>>, Vec<Undecided>)> {
        self.error.map_or(Ok((self.done, self.undecided)), Err)
    }

    fn record(&self, i: usize, verdict: Verdict, started: String, seconds: f64) -> Record {
        self.builder.record(self.jobs[i], verdict, started, seconds)
    }
}

fn outputs(outcome: &Outcome) -> impl Iterator<Item = &StorePath> {
    let outputs = match outcome {
        Outcome::Built { outputs, .. } => outputs.as_slice(),
        Outcome::Failed(_) => &[],
    };
    outputs.iter().map(|output| &output.path)
}

/// What to do about an archive that Nix does not unpack: its message speaks of a channel.
fn unpack_hint(said: &[String]) -> Option<String> {
    let is_flat = said.iter().any(|line| line.contains("channel tarball '") && line.contains("more than one file"));
    let hint =
        "Nix unpacks archives with one folder at the top; without `unpack` in config.toml, step.nix gets the archive";
    is_flat.then(|| hint.to_owned())
}
