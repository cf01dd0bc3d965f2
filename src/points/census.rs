//! The census: the points that have a local branch or a remote-tracking branch.
//!
//! `git lattice move` gives a point another name, and leaves the branch of the old name on the remote unless it is asked to delete it.
//! A marker (`refs/lattice/renamed/`) says so: the remote's branch is no point of its own, as long as it has the commit that was moved
//! and there is no local branch of that name.

use std::collections::BTreeSet;

use foldhash::HashMap;

use crate::config::Config;
use crate::git::names::{self, BranchName};
use crate::git::{Change, Oid, Repo, Result};
use crate::lattice::{Point, Population};

/// Above this number of directories, listing all refs is faster.
const MAX_PREFIXES: usize = 64;

/// The commits of a point's branch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tip {
    /// The local branch.
    pub local: Option<Oid>,
    /// The remote-tracking branch.
    pub remote: Option<Oid>,
}

impl Tip {
    /// The local commit, else the remote's.
    pub fn commit(&self) -> Option<Oid> {
        self.local.or(self.remote)
    }

    /// Whether the remote has the local commit.
    pub fn is_pushed(&self) -> bool {
        self.remote.is_some() && self.local.is_none_or(|local| Some(local) == self.remote)
    }
}

/// The points that have a branch.
#[derive(Debug, Default)]
pub struct Census {
    tips: HashMap<Point, Tip>,
    population: Population,
    /// Refs that could not be read.
    pub broken: Vec<String>,
}

impl Census {
    /// List all points that have a branch.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub fn take(repo: &Repo, config: &Config) -> Result<Self> {
        Self::under(repo, config, &[directory_of(config.branch.prefix())])
    }

    /// List `points` and the points below them, without reading all refs of a large lattice.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub fn around(repo: &Repo, config: &Config, points: &[Point]) -> Result<Self> {
        let prefixes: BTreeSet<_> =
            points.iter().map(|point| config.branch.prefix_below(&config.lattice, point)).collect();
        if prefixes.len() > MAX_PREFIXES {
            return Self::take(repo, config);
        }
        let directories: BTreeSet<_> = prefixes.iter().map(|prefix| directory_of(prefix)).collect();
        Self::under(repo, config, &directories.into_iter().collect::<Vec<_>>())
    }

    fn under(repo: &Repo, config: &Config, directories: &[&str]) -> Result<Self> {
        let mut census = Self::default();
        let mut prefixes: Vec<_> = directories.iter().map(|dir| names::heads_under(dir)).collect();
        if let Some(remote) = &config.remote {
            prefixes.extend(directories.iter().map(|dir| names::tracking_under(remote, dir)));
            prefixes.extend(directories.iter().map(|dir| names::renamed_under(remote, dir)));
        }
        let listing = repo.list_refs(&prefixes)?;
        census.broken = listing.broken;
        // Refs are sorted nearly as points are.
        let (mut points, mut renamed) = (Vec::new(), Vec::new());
        for (name, id) in listing.refs {
            let marked = config.remote.as_ref().and_then(|remote| names::short_renamed(&name, remote));
            if let Some(branch) = marked {
                renamed.extend(config.branch.decode(&config.lattice, branch).map(|point| (point, id)));
                continue;
            }
            let (branch, is_local) = match (names::short(&name), &config.remote) {
                (Some(branch), _) => (branch, true),
                (None, Some(remote)) => (names::short_tracking(&name, remote).unwrap_or_default(), false),
                (None, None) => continue,
            };
            if let Some(point) = config.branch.decode(&config.lattice, branch) {
                points.push(point.clone());
                let tip = census.tips.entry(point).or_default();
                *(if is_local { &mut tip.local } else { &mut tip.remote }) = Some(id);
            }
        }
        renamed.iter().for_each(|(point, id)| census.hide(point, *id));
        points.retain(|point| census.tips.contains_key(point));
        census.population = points.into_iter().collect();
        Ok(census)
    }

    /// Leave out a point that is only on the remote, at a commit that has another name here.
    fn hide(&mut self, point: &Point, commit: Oid) {
        if self.tips.get(point) == Some(&Tip { local: None, remote: Some(commit) }) {
            self.tips.remove(point);
        }
    }

    /// The points.
    pub fn population(&self) -> &Population {
        &self.population
    }

    /// The commits of a point's branch; both are `None` if it has no branch.
    pub fn tip(&self, point: &Point) -> Tip {
        self.tips.get(point).copied().unwrap_or_default()
    }

    /// The commit of a point's branch.
    pub fn commit(&self, point: &Point) -> Option<Oid> {
        self.tip(point).commit()
    }

    /// Add a point that exists on the remote and was not fetched yet.
    pub fn add(&mut self, point: Point) {
        self.tips.entry(point.clone()).or_default();
        self.population.insert(point);
    }

    /// Add a point as if it had a local branch, for planning.
    pub fn assume_branch(&mut self, point: &Point, commit: Oid) {
        self.tips.entry(point.clone()).or_default().local = Some(commit);
        self.population.insert(point.clone());
    }
}

/// The remote's branches under a directory that have another name here: each with the commit that was moved.
///
/// # Errors
/// When refs cannot be read.
pub fn renamed(repo: &Repo, remote: &str, directory: &str) -> Result<HashMap<String, Oid>> {
    let listing = repo.list_refs(&[names::renamed_under(remote, directory)])?;
    let branch = |(name, id): (String, Oid)| Some((names::short_renamed(&name, remote)?.to_owned(), id));
    Ok(listing.refs.into_iter().filter_map(branch).collect())
}

/// The deletions of the markers under a directory whose branches the remote does not have any more.
///
/// # Errors
/// When refs cannot be read.
pub fn stale_markers(
    repo: &Repo,
    remote: &str,
    directory: &str,
    is_there: impl Fn(&BranchName) -> Result<bool>,
) -> Result<Vec<Change>> {
    let mut stale = Vec::new();
    for (branch, id) in renamed(repo, remote, directory)? {
        let branch = BranchName::known(&branch);
        if !is_there(&branch)? {
            stale.push(Change { name: branch.renamed(remote), old: Some(id), new: None });
        }
    }
    Ok(stale)
}

/// The directory part of a prefix (`feature/` of `feature/x-`): refs are listed by directory.
pub(crate) fn directory_of(prefix: &str) -> &str {
    &prefix[..prefix.rfind('/').map_or(0, |at| at + 1)]
}
