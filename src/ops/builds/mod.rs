//! Building points: a synthetic commit of only what the flake reads, its tree's id as the key, one record per system.

mod builder;
mod links;
mod log_file;
mod machines;
mod many;
mod places;
mod reproduce;
mod run;
mod strangers;
mod undecided;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Cannot;
use super::trust::Permit;
use crate::config::{Config, Named};
use crate::context::Context;
use crate::git::{Oid, Repo};
use crate::lattice::{Point, Spelled};
use crate::nix::{self, Event, Limits, Mode};
use crate::points::census::Census;
use crate::points::content::Content;
use crate::record::{Record, Records, Verdict, Verdicts};
use crate::system::System;

pub use places::{Flags, Places, Typed};
pub use run::run;
pub use undecided::{NotDecided, Undecided};

/// One build: a point's content on one system.
#[derive(Debug, Clone)]
pub struct Job {
    /// The point.
    pub named: Named,
    /// Its branch's commit.
    pub commit: Oid,
    /// The build key.
    pub key: Oid,
    /// The commit that Nix is given.
    pub synthetic: Oid,
    /// For which system.
    pub system: System,
    /// The record that makes the build needless.
    pub known: Option<Record>,
}

/// Builds that are to be done; the objects that they need are in memory.
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

    /// What the records say against building this again unasked, if they do.
    ///
    /// # Errors
    /// When records cannot be read.
    pub fn hopeless(&self, records: &Records<'_>) -> Result<Option<&'static str>> {
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

/// What became of copying the results.
#[derive(Debug)]
pub struct Pushed {
    /// The cache, without the parameters of its URL.
    pub to: String,
    /// How many store paths were to be copied, not counting what they need.
    pub paths: usize,
    /// Why they are not there.
    pub failed: Option<nix::Error>,
    /// What to say about it: the command to try again, or that other machines refuse unsigned copies.
    pub hints: Vec<String>,
}

/// What happens while building.
#[derive(Debug)]
pub enum Progress<'a> {
    /// The work on a build begins.
    Begin(&'a Job),
    /// Everything is evaluated that could be.
    Evaluated {
        /// By which program.
        by: &'static str,
        /// How many builds were to be evaluated.
        jobs: usize,
    },
    /// Nix says something.
    Said {
        /// What.
        event: &'a Event,
        /// About which builds, as far as it can be told.
        jobs: &'a [&'a Job],
    },
    /// Somebody else builds it, and is waited for.
    Waits {
        /// What is waited for.
        job: &'a Job,
        /// Whether the background worker builds it.
        background: bool,
        /// For how long already.
        seconds: u64,
    },
    /// A build is over, and recorded.
    End(&'a Done),
    /// A build came to no answer, and has no record.
    Undecided(&'a Undecided),
    /// Results could not be recorded yet, and are kept.
    Kept {
        /// Where.
        file: &'a Path,
        /// Why.
        why: &'a str,
    },
    /// What was built is copied to this cache.
    Pushing(&'a str),
    /// It was copied, or not.
    Pushed(&'a Pushed),
    /// It was not built once more to compare, for that is possible neither here nor with a builder.
    NotCompared(&'a Job),
}

/// A build that is over.
#[derive(Debug, Clone)]
pub struct Done {
    /// What was recorded, now or earlier.
    pub record: Record,
    /// Whether it was built just now.
    pub fresh: bool,
    /// The last lines of the log of a failed build.
    pub tail: Vec<String>,
    /// Where the whole log is; `None` where nothing ran.
    pub log: Option<PathBuf>,
    /// What to do about it.
    pub hints: Vec<String>,
}

impl Done {
    /// What an earlier build came to.
    pub fn known(record: &Record) -> Self {
        Self { record: record.clone(), fresh: false, tail: Vec::new(), log: None, hints: Vec::new() }
    }
}

/// An output that Nix takes for built is gone or changed: that says nothing about the point.
#[derive(Debug, thiserror::Error)]
#[error("Nix has `{path}` of `{point}` written down as built, and the files are gone or changed")]
pub struct Damaged {
    /// The point.
    pub point: Spelled,
    /// The output.
    pub path: String,
}

impl Damaged {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        format!("`nix-store --repair-path {}` builds it again; where a daemon owns the store, as root", self.path)
    }
}

/// How to build.
#[derive(Debug, Clone)]
pub struct How {
    again: bool,
    check: bool,
    mode: Mode,
    places: Option<Places>,
    /// What may be built where nobody typed it.
    permit: Option<Permit>,
}

impl How {
    /// Because the user typed it; `again` builds even what has a record.
    pub fn typed(again: bool) -> Self {
        Self { again, check: false, mode: Mode::Typed, places: None, permit: None }
    }

    /// The same on other machines; without them, those of the user's own configuration.
    #[must_use]
    pub fn at(self, places: Places) -> Self {
        Self { places: Some(places), ..self }
    }

    /// The same, and once more what is built, to compare.
    #[must_use]
    pub fn checking(self, check: bool) -> Self {
        Self { check, ..self }
    }

    /// Whether what is built is built once more, to compare.
    pub fn compares(&self) -> bool {
        self.check
    }

    /// The record that says the same already, where a build is only made to be compared with.
    fn known_as<'j>(&self, job: &'j Job, record: &Record) -> Option<&'j Record> {
        let says_the_same = |known: &&Record| known.drv == record.drv && known.outputs == record.outputs;
        job.known.as_ref().filter(|_| self.check && !self.again && record.verdict.is_good()).filter(says_the_same)
    }

    /// The same within limits.
    #[must_use]
    pub fn within(mut self, limits: Limits) -> Self {
        if limits != Limits::NONE {
            self.mode = Mode::Bounded(limits);
        }
        self
    }

    /// Whether a job is to be built at all.
    pub fn is_needed(&self, job: &Job) -> bool {
        self.again || self.check || job.known.is_none()
    }

    /// Because something happened: only with a permit, and within limits.
    pub fn automatic(permit: Permit, limits: Limits) -> Self {
        Self { again: false, check: false, mode: Mode::Automatic(limits), places: None, permit: Some(permit) }
    }

    /// Whether a job may be run like this: a permit is for one content.
    fn allows(&self, job: &Job) -> bool {
        self.permit.is_none_or(|permit| permit.key() == job.key)
    }
}

/// Plans the builds of points that have a branch.
///
/// # Errors
/// When a point has no branch, its branch holds no flake, or objects cannot be read.
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

/// Plans the builds of one point at one commit, which need not be its branch's tip any more.
///
/// # Errors
/// When the commit holds no flake for the point, or objects cannot be read.
pub fn plan_at(context: &Context, config: &Config, records: &Records<'_>, point: &Point, commit: Oid) -> Result<Plan> {
    let memory = context.repo.in_memory();
    let jobs = jobs_at(&memory, config, records, point, commit)?;
    Ok(Plan { jobs, memory })
}

fn jobs_at(memory: &Repo, config: &Config, records: &Records<'_>, point: &Point, commit: Oid) -> Result<Vec<Job>> {
    let tree = memory.tree_of_commit(commit)?;
    let content = Content::find(memory, config, tree, point)?;
    let named = config.name(point);
    let has_flake = match content.own(point) {
        Some(own) => memory.entry_at(own.id, crate::points::content::FLAKE)?.is_some(),
        None => false,
    };
    if !has_flake {
        return Err(Cannot::no_flake(named, commit).into());
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

/// What `[build] include` names and a build cannot read: a submodule is a commit of another repository.
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

/// Where the log of the last build of a key on a system is kept.
pub fn log_path(repo: &Repo, key: Oid, system: &System) -> PathBuf {
    repo.common_dir().join("lattice").join("log").join(format!("{key}-{system}.log"))
}

/// Where the link is that keeps an output from garbage collection.
fn link_path(repo: &Repo, job: &Job) -> PathBuf {
    repo.common_dir().join("lattice").join("result").join(format!("{}-{}", job.key, job.system))
}
