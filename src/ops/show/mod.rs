//! All details of one point.

mod promotion;
pub mod times;

use std::path::PathBuf;

use anyhow::Result;

use super::addresses::Addresses;
use super::{Cannot, note};
use crate::config::{Config, Input};
use crate::context::Context;
use crate::git::Repo;
use crate::git::commit::Commit;
use crate::lattice::{Point, Spelled};
use crate::nix::FlakeRef;
use crate::note::Note;
use crate::points::behind;
use crate::points::census::Census;
use crate::points::content::{self, CONFIG, Content, Step};
use crate::points::next::{self, Action};
use crate::points::status::{self, PointStatus};
use crate::record::{Attributed, Dispute, Inputs, Record, Records, disputes};

pub use promotion::Promotion;
pub use times::Times;

/// The details of a point.
pub struct Details {
    /// Its status.
    pub status: PointStatus,
    /// What can be done next with it, the most urgent first.
    pub actions: Vec<Action>,
    /// The points below that it lacks commits of.
    pub lacks: Vec<Spelled>,
    /// Whether it may lack commits of others: a shallow clone lacks the history that tells.
    pub may_lack: bool,
    /// The notes on it.
    pub notes: Vec<Note>,
    /// What its promotion needs. Only [`details`] reads it: that takes a plan.
    pub promotion: Option<Promotion>,
    /// The tip of its branch.
    pub tip: Commit,
    /// The template that renders exactly its flake, if there is one.
    pub template: Option<String>,
    /// The blob id of its config.toml, as in the `Lattice-Config:` trailer.
    pub config_hash: Option<String>,
    /// The files in its directory, as paths from the root.
    pub files: Vec<String>,
    /// Its lower covers in the population.
    pub below: Vec<Spelled>,
    /// The point directly above it in its chain.
    pub above: Vec<Spelled>,
    /// The records of its key.
    pub records: Vec<Attributed>,
    /// How long its builds took.
    pub times: Vec<Times>,
    /// Disputes between the records, which are named by their index.
    pub disputes: Vec<Dispute>,
    /// What its closure takes from outside, by its newest record that says so.
    pub inputs: Option<Inputs>,
    /// The sources and seeds in its own `config.toml`.
    pub configured: Vec<Input>,
    /// The existing logs of its key in this clone.
    pub logs: Vec<PathBuf>,
    /// Its flake at this commit: on the remote, where it is pushed, else in this repository.
    pub flake: Option<FlakeRef>,
    /// The page of its branch on the remote's website, if it is pushed there.
    pub page: Option<String>,
}

/// Reads all details.
///
/// # Errors
/// When the point has no branch or objects cannot be read.
pub fn details(context: &Context, config: &Config, census: &Census, point: &Point) -> Result<Details> {
    let Some(status) = status::statuses_of(context, config, census, std::slice::from_ref(point))?.pop() else {
        return Err(Cannot::no_point(config, point).into());
    };
    let details = details_of(context, config, census, &Records::open(&context.repo)?, status)?;
    Ok(Details { promotion: promotion::of(context, config, point), ..details })
}

/// Reads the details of a point whose status is known, with records that are open already.
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
    let configured = step.data().and_then(|data| data.inputs().ok()).unwrap_or_default();
    let below = spelled(config, census.population().maximal_below(point));
    let addresses = Addresses::of(repo, config);
    let head = context.head_point(config)?;
    let lacking = behind::lacking(repo, census, point)?;
    Ok(Details {
        actions: next::actions(config, census, &status, head.as_ref() == Some(point)).into_iter().flatten().collect(),
        lacks: spelled(config, &lacking.points),
        may_lack: lacking.is_open,
        notes: note::of(context, config, census, std::slice::from_ref(point))?.remove(point).unwrap_or_default(),
        promotion: None,
        tip: repo.commit(status.commit)?,
        above: spelled(config, census.population().minimal_above(point)),
        times: times::of(&records, &status.systems),
        flake: flake(repo, config, &status),
        page: addresses.page(&status),
        logs: addresses.logs(&status),
        status,
        template,
        config_hash,
        files,
        below,
        records,
        disputes,
        inputs,
        configured,
    })
}

fn spelled<'p>(config: &Config, points: impl IntoIterator<Item = &'p Point>) -> Vec<Spelled> {
    points.into_iter().map(|point| config.spell(point)).collect()
}

/// The reference by which Nix alone builds the point.
pub(super) fn flake(repo: &Repo, config: &Config, status: &PointStatus) -> Option<FlakeRef> {
    let (named, rev) = (&status.named, status.commit.to_string());
    let addresses = Addresses::of(repo, config);
    let on_remote = addresses.remote_url(status).and_then(|url| FlakeRef::remote(url, &rev, &named.dir));
    let here = || FlakeRef::commit(repo.workdir().unwrap_or(repo.common_dir()), &rev, &named.dir).ok();
    Some(on_remote.or_else(here)?.on_branch(&named.branch))
}
