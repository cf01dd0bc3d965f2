//! Building points: each build reads a synthetic commit with only the files that the flake needs; the id of its tree is
//! the build key. One record per system.

mod batch;
mod blame;
mod builder;
mod evaluated;
mod links;
mod log_file;
mod machines;
mod outside;
mod places;
mod reproduce;
mod run;
mod running;
mod said;
mod trial;
mod undecided;
mod untrusted;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Result;

use super::Cannot;
use super::trust::Permit;
use crate::config::{Config, Named};
use crate::context::Context;
use crate::git::commit::time_at;
use crate::git::{Oid, Repo};
use crate::lattice::{Point, Spelled};
use crate::nix::{self, Limits, Mode, StorePath};
use crate::points::census::Census;
use crate::points::content::Content;
use crate::record::{Record, Records, Verdict, Verdicts};
use crate::system::System;

pub use evaluated::{Evaluated, evaluate};
use log_file::kept_tail;
pub use log_file::last_line;
pub use places::{Flags, Places, Typed};
pub use run::run;
pub use running::RunningBuilder;
pub use trial::{Trial, plan_worktree};
pub use undecided::{NotDecided, Undecided};

/// One build: a point's content on one system.
#[derive(Debug, Clone)]
pub struct Job {
    /// The point.
    pub named: Named,
    /// The commit of its branch.
    pub commit: Oid,
    /// The build key.
    pub key: Oid,
    /// The commit that Nix is given.
    pub synthetic: Oid,
    /// The system to build for.
    pub system: System,
    /// The record that makes the build unnecessary.
    pub known: Option<Record>,
}

/// Builds to run, with the objects that they need in memory.
pub struct Plan {
    /// The builds.
    pub jobs: Vec<Job>,
    memory: Repo,
}

impl Plan {
    /// Whether every build has a result.
    pub fn is_done(&self) -> bool {
        self.jobs.iter().all(|job| job.known.is_some())
    }

    /// Why an automatic build would fail again according to the records, if so.
    ///
    /// # Errors
    /// When records cannot be read.
    pub fn known_failure(&self, records: &Records<'_>) -> Result<Option<&'static str>> {
        for job in self.jobs.iter().filter(|job| job.known.is_none()) {
            match Verdicts::of(&records.of(job.key, &job.named.spelled)?).get(&job.system) {
                Some(Verdict::Failed) => {
                    return Ok(Some("this content failed before; `git lattice build` tries again"));
                }
                Some(Verdict::NoBuilder) => {
                    return Ok(Some("no builder was found for it; `git lattice build` looks again"));
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

/// The result of copying to a cache.
#[derive(Debug)]
pub struct Pushed {
    /// The cache, without the parameters of its URL.
    pub to: String,
    /// How many store paths were copied, without their dependencies.
    pub paths: usize,
    /// Why copying failed.
    pub failed: Option<nix::Error>,
    /// Hints: the command that tries again, or a warning that copies are unsigned.
    pub hints: Vec<String>,
}

/// An event during a run of builds.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A build begins.
    Begin(&'a Job),
    /// The evaluation has ended.
    Evaluated {
        /// The program that evaluated.
        by: &'static str,
        /// How many builds were to be evaluated.
        jobs: usize,
    },
    /// A builder has started.
    Started(&'a RunningBuilder<'a>),
    /// A builder has printed something.
    Said {
        /// The builder.
        running: &'a RunningBuilder<'a>,
        /// A line, or several.
        text: &'a str,
    },
    /// A builder has stopped.
    Stopped {
        /// The builder.
        running: &'a RunningBuilder<'a>,
        /// Whether it succeeded, as Nix counts it, if known. The result of a point comes with [`Progress::End`].
        is_good: Option<bool>,
    },
    /// Nix does something else, such as fetching a file.
    Doing(&'a str),
    /// Nothing happens; time passes.
    Tick,
    /// Another process builds the job; this one waits for it.
    Waits {
        /// The job.
        job: &'a Job,
        /// Whether the background worker builds it.
        background: bool,
        /// How long it has waited.
        seconds: u64,
    },
    /// A build has finished and is recorded.
    End(&'a Done),
    /// A build ended without a verdict and has no record.
    Undecided(&'a Undecided),
    /// Results could not be written to the notes and are kept in a file.
    Kept {
        /// The file.
        file: &'a Path,
        /// Why the notes could not be written.
        why: &'a str,
    },
    /// Results are being copied to this cache.
    Pushing(&'a str),
    /// Copying has ended.
    Pushed(&'a Pushed),
    /// The job cannot be rebuilt for comparison on any machine.
    NotCompared(&'a Job),
}

/// A finished build.
#[derive(Debug, Clone)]
pub struct Done {
    /// Its record, made now or earlier.
    pub record: Record,
    /// Whether it was built in this run.
    pub fresh: bool,
    /// Whether its own builder ran in this run. The record may have no seconds all the same: its end may not be known.
    pub has_run: bool,
    /// The last lines of the log of a failed build.
    pub tail: Vec<String>,
    /// The log file; `None` when nothing ran.
    pub log: Option<PathBuf>,
    /// Hints for the user.
    pub hints: Vec<String>,
    /// The store paths of the sources and seeds that its closure has.
    pub inputs: Vec<StorePath>,
}

impl Done {
    /// The result of an earlier build.
    pub fn known(record: &Record) -> Self {
        Self { fresh: false, ..Self::fresh(record.clone()) }
    }

    /// The result of a build that another process ran, with what this clone has of the log of a failure.
    pub fn of_other(repo: &Repo, record: &Record) -> Self {
        let log = log_path(repo, record.key, &record.system);
        let written = || std::fs::metadata(&log).ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok();
        // An older log is of another build: the newest one was on another machine.
        let is_its_own = |written: Duration| time_at(written.as_secs().cast_signed()) >= record.started;
        if record.verdict.is_good() || !written().is_some_and(is_its_own) {
            return Self::known(record);
        }
        Self { tail: kept_tail(&log), log: Some(log), ..Self::known(record) }
    }

    /// The result of a build in this run.
    fn fresh(record: Record) -> Self {
        Self { record, fresh: true, has_run: false, tail: Vec::new(), log: None, hints: Vec::new(), inputs: Vec::new() }
    }
}

/// The files of an output that Nix lists as built are gone or changed. This gives no verdict on the point.
#[derive(Debug, thiserror::Error)]
#[error("Nix lists `{path}` of `{point}` as built, but its files are missing or changed")]
pub struct DamagedOutput {
    /// The point.
    pub point: Spelled,
    /// The output.
    pub path: String,
}

impl DamagedOutput {
    /// The command that repairs it.
    pub fn hint(&self) -> String {
        format!("`nix-store --repair-path {}` builds it again; run it as root if a daemon owns the store", self.path)
    }
}

/// Options of a run of builds.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    again: bool,
    check: bool,
    mode: Mode,
    places: Option<Places>,
    /// What an automatic build may build; `None` for a build that the user typed.
    permit: Option<Permit>,
    /// Whether the jobs are of the worktree's files: results are not recorded.
    is_trial: bool,
}

impl BuildOptions {
    /// A build that the user typed; `again` builds even what has a record.
    pub fn typed(again: bool) -> Self {
        Self { again, check: false, mode: Mode::Typed, places: None, permit: None, is_trial: false }
    }

    /// A build of a [`Trial`], which is not recorded.
    pub fn trial() -> Self {
        Self { is_trial: true, ..Self::typed(false) }
    }

    /// Sets the machines; the default is the user's own configuration.
    #[must_use]
    pub fn at(self, places: Places) -> Self {
        Self { places: Some(places), ..self }
    }

    /// Sets whether to build each result a second time and compare.
    #[must_use]
    pub fn checking(self, check: bool) -> Self {
        Self { check, ..self }
    }

    /// Whether each result is built a second time and compared.
    pub fn compares(&self) -> bool {
        self.check
    }

    /// The existing record that equals `record`, when the job is built only for a comparison.
    fn known_as<'j>(&self, job: &'j Job, record: &Record) -> Option<&'j Record> {
        let says_the_same = |known: &&Record| known.drv == record.drv && known.outputs == record.outputs;
        job.known.as_ref().filter(|_| self.check && !self.again && record.verdict.is_good()).filter(says_the_same)
    }

    /// Sets limits for Nix.
    #[must_use]
    pub fn within(mut self, limits: Limits) -> Self {
        if limits != Limits::NONE {
            self.mode = Mode::Bounded(limits);
        }
        self
    }

    /// Whether the job must be built.
    pub fn is_needed(&self, job: &Job) -> bool {
        self.again || self.check || job.known.is_none()
    }

    /// An automatic build: with a permit and limits.
    pub fn automatic(permit: Permit, limits: Limits) -> Self {
        let (mode, permit) = (Mode::Automatic(limits), Some(permit));
        Self { mode, permit, ..Self::typed(false) }
    }

    /// Whether the job may be built; a permit is for one build key.
    fn allows(&self, job: &Job) -> bool {
        self.permit.is_none_or(|permit| permit.key() == job.key)
    }
}

/// Plans the builds of points that have a branch.
///
/// # Errors
/// When a point has no branch, its branch has no flake, or objects cannot be read.
pub fn plan(context: &Context, config: &Config, census: &Census, points: &[Point]) -> Result<Plan> {
    let memory = context.repo.in_memory();
    let records = Records::open(&context.repo)?;
    let mut jobs = Vec::new();
    for point in points {
        let Some(commit) = census.commit(point) else { return Err(Cannot::no_point(config, point).into()) };
        jobs.extend(jobs_at(&memory, config, &records, point, commit)?);
    }
    Ok(Plan { jobs, memory })
}

/// Plans the builds of one point at one commit, which may be older than the tip of its branch.
///
/// # Errors
/// When the commit holds no flake for the point, or objects cannot be read.
pub fn plan_at(context: &Context, config: &Config, records: &Records<'_>, point: &Point, commit: Oid) -> Result<Plan> {
    let memory = context.repo.in_memory();
    let jobs = jobs_at(&memory, config, records, point, commit)?;
    Ok(Plan { jobs, memory })
}

fn jobs_at(memory: &Repo, config: &Config, records: &Records<'_>, point: &Point, commit: Oid) -> Result<Vec<Job>> {
    jobs_in(memory, config, records, point, commit, memory.tree_of_commit(commit)?)
}

fn jobs_in(
    memory: &Repo,
    config: &Config,
    records: &Records<'_>,
    point: &Point,
    commit: Oid,
    tree: Oid,
) -> Result<Vec<Job>> {
    let content = Content::find(memory, config, tree, point)?;
    let named = config.name(point);
    let has_flake = match content.own(point) {
        Some(own) => memory.entry_at(own.id, crate::points::content::FLAKE)?.is_some(),
        None => false,
    };
    if !has_flake {
        return Err(Cannot::no_flake(&named, commit).into());
    }
    let key = content.key(memory, config, tree)?;
    let synthetic = memory.make_synthetic_commit(key)?;
    let known = records.of(key, &named.spelled)?;
    let built = |system: &System| {
        let counts = |record: &&Record| record.system == *system && record.verdict.is_good();
        known.iter().rev().find(counts).cloned()
    };
    let job = |system: System| Job { named: named.clone(), commit, key, synthetic, known: built(&system), system };
    Ok(config.systems.of(&config.lattice, point).into_iter().map(job).collect())
}

/// Paths in `[build] include` that are submodules: a build cannot read them.
///
/// # Errors
/// When objects cannot be read.
pub fn submodules<'a>(repo: &Repo, config: &'a Config, plan: &Plan) -> Result<Vec<&'a str>> {
    let trees: HashSet<_> = plan.jobs.iter().map(|job| job.commit).collect();
    let trees = trees.into_iter().map(|commit| repo.tree_of_commit(commit)).collect::<Result<Vec<_>, _>>()?;
    let mut found = Vec::new();
    for path in &config.build.include {
        for tree in &trees {
            if found.last() != Some(&path.as_str()) && repo.is_submodule(*tree, path)? {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// The log file of the last build of a key on a system.
pub fn log_path(repo: &Repo, key: Oid, system: &System) -> PathBuf {
    repo.common_dir().join("lattice").join("log").join(format!("{key}-{system}.log"))
}

/// The link that protects an output from garbage collection.
fn link_path(repo: &Repo, job: &Job) -> PathBuf {
    repo.common_dir().join("lattice").join("result").join(format!("{}-{}", job.key, job.system))
}
