//! All details of one point.

use std::path::PathBuf;

use anyhow::Result;

use super::Cannot;
use super::builds;
use crate::config::Config;
use crate::context::Context;
use crate::git::Repo;
use crate::lattice::{Point, Spelled};
use crate::nix::FlakeRef;
use crate::points::census::Census;
use crate::points::content::{self, CONFIG, Content, Step};
use crate::points::status::{self, PointStatus};
use crate::record::{Attributed, Dispute, Inputs, Record, Records, disputes};

/// The details of a point.
pub struct Details {
    /// Its status.
    pub status: PointStatus,
    /// The template that renders exactly its flake, if there is one.
    pub template: Option<String>,
    /// The blob id of its config.toml, as in the `Lattice-Config:` trailer.
    pub config_hash: Option<String>,
    /// The files in its directory, as paths from the root.
    pub files: Vec<String>,
    /// Its lower covers in the population.
    pub below: Vec<Spelled>,
    /// The records of its key.
    pub records: Vec<Attributed>,
    /// Contradictions between the records, which are named by their index.
    pub disputes: Vec<Dispute>,
    /// What its closure takes from outside, by its newest record that says so.
    pub inputs: Option<Inputs>,
    /// The number of sources and seeds in its own `config.toml`.
    pub configured: usize,
    /// The existing logs of its key in this clone.
    pub logs: Vec<PathBuf>,
    /// Its flake at this commit: on the remote, where it is pushed, else in this repository.
    pub flake: Option<FlakeRef>,
}

/// Reads all details.
///
/// # Errors
/// When the point has no branch or objects cannot be read.
pub fn details(context: &Context, config: &Config, census: &Census, point: &Point) -> Result<Details> {
    let Some(status) = status::statuses_of(context, config, census, std::slice::from_ref(point))?.pop() else {
        return Err(Cannot::no_point(config, point).into());
    };
    details_of(context, config, census, &Records::open(&context.repo)?, status)
}

/// Reads all details of a point whose status is known, with records that are open already.
///
/// # Errors
/// When objects cannot be read.
pub fn details_of(
    context: &Context,
    config: &Config,
    census: &Census,
    records: &Records<'_>,
    status: PointStatus,
) -> Result<Details> {
    let (repo, point) = (&context.repo, &status.named.point);
    let tree = repo.tree_of_commit(status.commit)?;
    let found = Content::find(repo, config, tree, point)?;
    let step = Step::read(repo, &found, point)?;
    let template =
        content::generated_by(repo, config, &found, point, &step)?.map(|template| template.name().to_owned());
    let dir = config.dir_of(point);
    let (mut files, mut config_hash) = (Vec::new(), None);
    if let Some(own) = found.own(point) {
        files = repo.entries(own.id)?.into_iter().map(|entry| format!("{dir}/{}", entry.name)).collect();
        config_hash = repo.entry_at(own.id, CONFIG)?.map(|entry| entry.id.to_string());
    }
    let records = match status.key {
        Some(key) => records.attributed(key, &config.spell(point))?,
        None => Vec::new(),
    };
    let all: Vec<Record> = records.iter().map(|attributed| attributed.record.clone()).collect();
    let is_own = |dispute: &Dispute| status.disputed.contains(&dispute.system);
    let disputes = disputes(&all).into_iter().filter(is_own).collect();
    let inputs = all.iter().rev().find_map(|record| record.inputs.clone());
    let configured = step.data().and_then(|data| data.inputs().ok()).map_or(0, |inputs| inputs.len());
    let below = census.population().maximal_below(point).into_iter().map(|below| config.spell(below)).collect();
    let log = |key| status.systems.iter().map(move |system| builds::log_path(repo, key, system));
    let logs = status.key.into_iter().flat_map(log).filter(|log| log.exists()).collect();
    let flake = flake(repo, config, &status);
    Ok(Details { status, template, config_hash, files, below, records, disputes, inputs, configured, logs, flake })
}

/// The reference by which Nix alone builds the point.
fn flake(repo: &Repo, config: &Config, status: &PointStatus) -> Option<FlakeRef> {
    let (named, rev) = (&status.named, status.commit.to_string());
    let remote = config.remote.as_ref().filter(|_| status.pushed);
    let url = remote.and_then(|remote| repo.config(&format!("remote.{remote}.url")));
    let on_remote = url.and_then(|url| FlakeRef::remote(&url, &rev, &named.dir));
    let here = || FlakeRef::commit(repo.workdir().unwrap_or(repo.common_dir()), &rev, &named.dir).ok();
    Some(on_remote.or_else(here)?.on_branch(&named.branch))
}
