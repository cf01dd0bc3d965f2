//! Building points: a synthetic commit of only what the flake reads, its tree's id as the key, one record per system.

mod run;

use std::path::PathBuf;

use anyhow::Result;

use super::Cannot;
use super::census::Census;
use super::content::Content;
use super::trust::Permit;
use crate::config::Config;
use crate::context::Context;
use crate::git::{Oid, Repo};
use crate::lattice::Point;
use crate::nix::{Event, Limits, Mode};
use crate::record::{Record, Records};
use crate::system::System;

pub use run::run;

/// One build: a point's content on one system.
#[derive(Debug, Clone)]
pub struct Job {
    /// The point as it is written.
    pub point: String,
    /// Its directory.
    pub dir: String,
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

/// What happens while building.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A build begins.
    Begin(&'a Job),
    /// Nix says something about it.
    Said(&'a Event),
    /// It is over.
    End(&'a Done),
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

/// How to build.
#[derive(Debug, Clone)]
pub struct How {
    again: bool,
    mode: Mode,
}

impl How {
    /// Because the user typed it; `again` builds even what has a record.
    pub fn typed(again: bool) -> Self {
        Self { again, mode: Mode::Typed }
    }

    /// Because something happened: only with a permit, and within limits.
    pub fn automatic(_permit: Permit, limits: Limits) -> Self {
        Self { again: false, mode: Mode::Automatic(limits) }
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
        let branch = config.branch.encode(&config.lattice, point);
        let spelled = config.lattice.spell(point);
        let Some(commit) = census.commit(point) else { return Err(Cannot::NoPoint { point: spelled, branch }.into()) };
        jobs.extend(jobs_at(&memory, config, &records, point, commit)?);
    }
    Ok(Plan { jobs, memory })
}

/// Plans the builds of one point at one commit, which need not be its branch's tip any more.
///
/// # Errors
/// When the commit holds no flake for the point, or objects cannot be read.
pub fn plan_at(context: &Context, config: &Config, point: &Point, commit: Oid) -> Result<Plan> {
    let memory = context.repo.in_memory();
    let records = Records::open(&context.repo)?;
    let jobs = jobs_at(&memory, config, &records, point, commit)?;
    Ok(Plan { jobs, memory })
}

fn jobs_at(memory: &Repo, config: &Config, records: &Records<'_>, point: &Point, commit: Oid) -> Result<Vec<Job>> {
    let tree = memory.tree_of_commit(commit)?;
    let content = Content::find(memory, config, tree, point)?;
    let dir = config.flake.encode(&config.lattice, point);
    let has_flake = match content.own(point) {
        Some(own) => memory.entry_at(own.id, super::content::FLAKE)?.is_some(),
        None => false,
    };
    if !has_flake {
        let branch = config.branch.encode(&config.lattice, point);
        return Err(Cannot::NoFlake { branch, commit: super::short(commit), dir }.into());
    }
    let key = content.key(memory, config, tree)?;
    let synthetic = memory.make_synthetic_commit(key)?;
    let spelled = config.lattice.spell(point);
    let known = records.of(key, &spelled)?;
    let built = |system: &System| {
        let counts = |record: &&Record| record.system == system.as_str() && record.verdict.is_good();
        known.iter().rev().find(counts).cloned()
    };
    let job = |system: System| {
        let (point, dir, known) = (spelled.clone(), dir.clone(), built(&system));
        Job { point, dir, commit, key, synthetic, system, known }
    };
    Ok(config.systems.of(&config.lattice, point).into_iter().map(job).collect())
}

/// Where the log of the last build of a key on a system is kept.
pub fn log_path(repo: &Repo, key: Oid, system: &System) -> PathBuf {
    repo.common_dir().join("lattice").join("log").join(format!("{key}-{system}.log"))
}

/// Where the link is that keeps an output from garbage collection.
fn link_path(repo: &Repo, job: &Job) -> PathBuf {
    repo.common_dir().join("lattice").join("result").join(format!("{}-{}", job.key, job.system))
}
