//! What a page shows of the points, and the file that it is written to.

mod file;
mod tail;

use std::collections::BTreeMap;

use anyhow::Result;

use super::show::{self, Details};
use super::{log, note};
use crate::config::Config;
use crate::context::Context;
use crate::git::commit::time_at;
use crate::git::{Oid, Repo};
use crate::lattice::Point;
use crate::note::Note;
pub use crate::points::MANY;
use crate::points::census::Census;
use crate::points::diagram::Diagram;
use crate::points::start::Start;
use crate::points::status::{self, PointStatus, Survey};
use crate::points::wanted::Wanted;
use crate::record::{Records, State};
use crate::remote_url;

pub use file::{FILE, NotOurs, Unwritable, write};
pub use tail::Tail;

/// The most points with details if there are [`MANY`] points.
pub const MAX_DETAILS: usize = MANY;
/// The states of points that need attention, most urgent first.
const URGENT: [State; 6] =
    [State::Disputed, State::Failed, State::Building, State::Queued, State::Behind, State::NoBuilder];

/// What a page shows.
pub struct Contents {
    /// The points, and the next actions, which do not depend on HEAD.
    pub survey: Survey,
    /// Their diagram.
    pub diagram: Diagram,
    /// The points with details, in the order of the survey.
    pub details: Vec<PointDetails>,
    /// The tip of the base branch.
    pub base: Option<Oid>,
    /// When the newest commit of a point was made.
    pub newest_commit: Option<String>,
    /// When records were written last.
    pub newest_record: Option<String>,
}

/// A point with details.
pub struct PointDetails {
    /// Its position in the survey.
    pub at: usize,
    /// The details.
    pub details: Details,
    /// The notes on it, the oldest first.
    pub notes: Vec<Note>,
    /// The ends of its logs in this clone.
    pub tails: Vec<Tail>,
}

/// Reads what a page shows of the points in `which`, or of all, that are wanted.
///
/// # Errors
/// When refs, objects or records cannot be read.
pub fn contents(
    context: &Context,
    config: &Config,
    census: &Census,
    which: (Option<&[Point]>, &Wanted),
) -> Result<Contents> {
    let repo = &context.repo;
    let survey = status::survey_from(context, config, (census, Start::of(repo, config)?), which, None)?;
    let points: Vec<&Point> = survey.points.iter().map(|status| &status.named.point).collect();
    let diagram = Diagram::of(config, census.population(), &points);
    let records = Records::open(repo)?;
    let mut details = Vec::new();
    let mut notes = note::of(context, config, census, points.iter().copied())?;
    for at in detailed(&survey.points, &notes) {
        let status = survey.points[at].clone();
        let notes = notes.remove(&status.named.point).unwrap_or_default();
        let logs = status.key.map(|key| log::logs(context, key, &status.systems)).unwrap_or_default();
        let tails = logs.iter().filter_map(Tail::read).collect();
        let own = show::details_of(context, config, census, &records, status)?;
        details.push(PointDetails { at, details: own, notes, tails });
    }
    let writers = records.writers().iter().map(|writer| writer.tip);
    Ok(Contents {
        base: context.base_tip(config)?,
        newest_commit: newest(repo, survey.points.iter().map(|status| status.commit)),
        newest_record: newest(repo, writers),
        survey,
        diagram,
        details,
    })
}

/// The title of a page by default: the name of the repository, as its remote has it, else of its folder.
pub fn title(repo: &Repo, config: &Config) -> String {
    let url = config.remote.as_ref().and_then(|remote| repo.config(&format!("remote.{remote}.url")));
    if let Some(name) = url.as_deref().and_then(remote_url::repository_name) {
        return name.to_owned();
    }
    let folder = repo.workdir().unwrap_or(repo.common_dir()).file_name().unwrap_or_default().to_string_lossy();
    folder.strip_suffix(".git").unwrap_or(&folder).to_owned()
}

/// The positions of the points that get details, ascending.
fn detailed(points: &[PointStatus], notes: &BTreeMap<Point, Vec<Note>>) -> Vec<usize> {
    if points.len() <= MAX_DETAILS {
        return (0..points.len()).collect();
    }
    let urgency = |status: &PointStatus| URGENT.iter().position(|state| *state == status.state);
    let urgent = points.iter().enumerate().filter_map(|(at, status)| {
        let urgency = urgency(status).or_else(|| notes.contains_key(&status.named.point).then_some(URGENT.len()))?;
        Some((urgency, at))
    });
    let mut found: Vec<_> = urgent.collect();
    found.sort_unstable();
    found.truncate(MAX_DETAILS);
    let mut found: Vec<usize> = found.into_iter().map(|(_, at)| at).collect();
    found.sort_unstable();
    found
}

/// The time of the newest commit; commits that cannot be read are left out.
fn newest(repo: &Repo, commits: impl Iterator<Item = Oid>) -> Option<String> {
    let repo = repo.reading_once();
    commits.filter_map(|commit| repo.commit(commit).ok()).map(|commit| commit.time).max().map(time_at)
}
