//! Running the builds of a plan, one after another, and recording each as soon as it is over.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::{Done, How, Job, Plan, Progress, link_path, log_path};
use crate::context::Context;
use crate::git::commit::now;
use crate::git::source::Source;
use crate::ops::limits;
use crate::nix::{self, Capability, Event, FlakeRef, Nix, Outcome, Request};
use crate::process::leash;
use crate::record::{Output, Record, Verdict, store};

/// How many of a failing log's last lines are shown.
const TAIL: usize = 10;

/// Runs the builds and tells `on` of everything. A key that has a record starts no Nix.
///
/// # Errors
/// When there is no usable Nix, or a record cannot be written; a build that fails is no error.
pub fn run(context: &Context, plan: &mut Plan, how: &How, on: &mut dyn FnMut(Progress<'_>)) -> Result<Vec<Done>> {
    let needs_nix = plan.jobs.iter().any(|job| how.again || job.known.is_none());
    let builder = if needs_nix {
        let builder = Builder::new(context, how)?;
        plan.jobs.iter().try_for_each(|job| plan.memory.complete(job.key))?;
        plan.memory.keep_objects_for_nix(&builder.source)?;
        Some(builder)
    } else {
        None
    };
    let mut all = Vec::new();
    for job in &plan.jobs {
        let done = match (&job.known, &builder) {
            (Some(record), _) if !how.again => Done::known(record),
            (_, Some(builder)) => builder.build(job, on)?,
            (_, None) => continue,
        };
        on(Progress::End(&done));
        let is_over = done.record.verdict == Verdict::Cancelled;
        all.push(done);
        if is_over {
            break;
        }
    }
    Ok(all)
}

struct Builder<'a> {
    context: &'a Context,
    how: &'a How,
    nix: Nix,
    capability: Capability,
    source: Source,
}

impl<'a> Builder<'a> {
    fn new(context: &'a Context, how: &'a How) -> Result<Self> {
        anyhow::ensure!(
            context.repo.is_sha1(),
            "building from a SHA-256 repository is not supported: Nix cannot fetch from one"
        );
        crate::process::end_children_on_signals().context("could not prepare for Ctrl-C")?;
        let nix = Nix::find()?;
        let capability = Capability::of(&nix.settings()?);
        let source = context.repo.source()?;
        Ok(Self { context, how, nix, capability, source })
    }

    fn build(&self, job: &Job, on: &mut dyn FnMut(Progress<'_>)) -> Result<Done> {
        let (started, clock) = (now(), Instant::now());
        on(Progress::Begin(job));
        let mut done = if let Err(nobody) = self.capability.require(&job.system) {
            let mut record = self.record(job, Verdict::NoBuilder, started);
            record.error = Some(nobody.to_string());
            Done { record, fresh: true, tail: Vec::new(), log: None, hints: nobody.hints().to_vec() }
        } else {
            self.run(job, started, on)?
        };
        done.record.seconds = (clock.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        store::append(&self.context.repo, std::slice::from_ref(&done.record)).context("could not record the result")?;
        Ok(done)
    }

    fn run(&self, job: &Job, started: String, on: &mut dyn FnMut(Progress<'_>)) -> Result<Done> {
        let (link, path) = (link_path(&self.context.repo, job), log_path(&self.context.repo, job.key, &job.system));
        let mut log = Log::create(&path)?;
        make_parent(&link)?;
        let branch = self.source.branch(job.synthetic)?;
        let flake =
            FlakeRef::commit(self.source.path(), &job.synthetic.to_string(), &job.dir)?.on_branch(branch.name());
        let mut request = Request::new(flake, job.system.clone(), self.how.mode.clone());
        request.out_link = Some(link);
        let outcome = self.nix.build(&request, &mut |event| {
            log.note(event);
            on(Progress::Said(event));
        });
        let mut done = Done {
            record: self.record(job, Verdict::Built, started),
            fresh: true,
            tail: Vec::new(),
            log: Some(path),
            hints: Vec::new(),
        };
        match outcome {
            Ok(Outcome::Built { drv, outputs }) => {
                done.record.drv = Some(drv.to_string());
                let output = |output: nix::Output| {
                    (output.name, Output { path: output.path.to_string(), nar_hash: Some(output.nar_hash) })
                };
                done.record.outputs = outputs.into_iter().map(output).collect();
            }
            // Nix itself could not work: that says nothing about the point.
            Ok(Outcome::Failed(failure)) if failure.kind == nix::Kind::Trouble => {
                anyhow::bail!("Nix could not build `{}`: {}", job.point, failure.summary)
            }
            Ok(Outcome::Failed(failure)) => {
                let hit = limits::reached(&failure, &request.options);
                let no_builder = failure.kind == nix::Kind::NoBuilder;
                done.record.verdict = if no_builder { Verdict::NoBuilder } else { Verdict::Failed };
                done.record.drv = failure.drv.map(|drv| drv.to_string());
                if failure.summary.contains("lock file") {
                    done.hints.push(format!(
                        "run `nix flake lock` in `{}` on the point's branch, and commit flake.lock",
                        job.dir
                    ));
                }
                done.hints.extend(hit.as_ref().map(limits::Reached::hint));
                done.record.error = Some(hit.map_or(failure.summary, |hit| hit.to_string()));
                log.line(&failure.detail);
                done.tail = log.tail();
            }
            // Nobody cancelled it: the worker was killed, and the next one begins again.
            Err(nix::Error::Interrupted { .. }) if leash::is_alone() => anyhow::bail!("the worker is gone"),
            Err(nix::Error::Interrupted { .. }) => done.record.verdict = Verdict::Cancelled,
            Err(error) => return Err(error.into()),
        }
        Ok(done)
    }

    fn record(&self, job: &Job, verdict: Verdict, started: String) -> Record {
        Record {
            point: job.point.clone(),
            key: job.key.to_string(),
            commit: job.commit.to_string(),
            system: job.system.to_string(),
            verdict,
            drv: None,
            outputs: std::collections::BTreeMap::new(),
            error: None,
            nix: Some(self.nix.version().to_string()),
            started,
            seconds: 0.0,
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            user: crate::env::user().unwrap_or_else(|| rustix::process::getuid().as_raw().to_string()),
        }
    }
}

/// The whole log of a build, in a file, and its last lines.
struct Log {
    file: File,
    tail: std::collections::VecDeque<String>,
}

impl Log {
    fn create(path: &Path) -> Result<Self> {
        make_parent(path)?;
        let file = File::create(path).with_context(|| format!("could not write `{}`", path.display()))?;
        Ok(Self { file, tail: std::collections::VecDeque::new() })
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::BuildStarted { drv, machine, .. } => {
                let place = machine.as_ref().map(|machine| format!(" on {machine}")).unwrap_or_default();
                self.keep(&format!("building {drv}{place}"));
            }
            Event::LogLine { text, .. } | Event::Plain(text) => self.line(text),
            Event::Message { text, level, .. } if *level <= 3 => self.keep(text),
            _ => {}
        }
    }

    /// A line of the builder's own, to be shown when it fails.
    fn line(&mut self, text: &str) {
        self.keep(text);
        for line in text.lines() {
            self.tail.push_back(line.to_owned());
        }
        while self.tail.len() > TAIL {
            self.tail.pop_front();
        }
    }

    /// A log that cannot be written is no reason to stop a build of two days.
    fn keep(&mut self, text: &str) {
        writeln!(self.file, "{text}").ok();
    }

    fn tail(&self) -> Vec<String> {
        self.tail.iter().cloned().collect()
    }
}

fn make_parent(path: &Path) -> Result<()> {
    let dir = path.parent().unwrap_or(path);
    std::fs::create_dir_all(dir).with_context(|| format!("could not make `{}`", dir.display()))
}
