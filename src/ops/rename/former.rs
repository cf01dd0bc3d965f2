//! Old names of points: those that they had before they got other ones, and branches that still have them.
//!
//! The commits say so, in every clone: the commit that gives a point its name has the old one in a trailer, and its first parent is the
//! tip that the branch of the old name had.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::config::{Config, Named, Names};
use crate::git::names::{self, BranchName};
use crate::git::{Oid, Repo, trailer};
use crate::lattice::{Point, Spelled};
use crate::ops::generated::{MOVE, POINT};
use crate::points::census::{Census, Tip, directory_of};

/// How many commits of a branch are searched for those that gave the point its names.
const MAX_COMMITS: usize = 1_000;

/// A name that a point had before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ops) struct Before {
    /// The name.
    pub(in crate::ops) spelled: Spelled,
    /// The last commit by that name.
    pub(in crate::ops) tip: Oid,
}

/// A branch that has an old name of a point.
#[derive(Debug, Clone)]
pub(in crate::ops) struct Former {
    /// The point as it is named now, with the spelling and the branch that it had.
    pub(in crate::ops) named: Named,
    /// Its commits, all of which the point has.
    pub(in crate::ops) tip: Tip,
}

/// The names that the point of a branch had before, the last one first.
///
/// # Errors
/// When history cannot be read.
pub(in crate::ops) fn names_before(repo: &Repo, tip: Oid, name: &Spelled) -> Result<Vec<Before>> {
    let (mut found, mut next, mut name) = (Vec::new(), Some(tip), name.clone());
    for _ in 0..MAX_COMMITS {
        // A shallow clone ends here.
        let Some(id) = next.filter(|id| repo.size_of(*id).is_some()) else { break };
        let commit = repo.commit(id)?;
        next = commit.parents.first().copied();
        let trailers = trailer::parse(&commit.message);
        if !trailers.iter().any(|(key, _)| *key == POINT) {
            continue;
        }
        let names = trailers.iter().find(|(key, _)| *key == MOVE).and_then(|(_, names)| names.split_once(" -> "));
        let (Some((old, _)), Some(tip)) = (names.filter(|(_, new)| name == **new), next) else { break };
        name = old.into();
        found.push(Before { spelled: name.clone(), tip });
    }
    Ok(found)
}

/// The branches, here and on the remote, that are not points and have old names of points.
///
/// # Errors
/// When refs or history cannot be read.
pub(in crate::ops) fn former(repo: &Repo, config: &Config, census: &Census) -> Result<Vec<Former>> {
    let mut branches = candidates(repo, config, census)?;
    let mut found = Vec::new();
    for point in census.population().points() {
        if branches.is_empty() {
            break;
        }
        let Some(tip) = census.commit(point) else { continue };
        for before in names_before(repo, tip, &config.spell(point))? {
            let Some((branch, tip)) = branches.remove(&before.spelled) else { continue };
            if has_all(repo, before.tip, tip)? {
                found.push(Former { named: named(config, point, before.spelled, branch), tip });
            }
        }
    }
    found.sort_by(|a, b| a.named.branch.cmp(&b.named.branch));
    Ok(found)
}

/// The branches that have the form of points' branches and are not points, by their coordinates.
fn candidates(repo: &Repo, config: &Config, census: &Census) -> Result<BTreeMap<Spelled, (BranchName, Tip)>> {
    let directory = directory_of(config.branch.prefix());
    let there = config.remote.as_ref().map(|remote| names::tracking_under(remote, directory));
    let prefixes: Vec<String> = std::iter::once(names::heads_under(directory)).chain(there).collect();
    let mut branches: BTreeMap<Spelled, (BranchName, Tip)> = BTreeMap::new();
    for (name, id) in repo.list_refs(&prefixes)?.refs {
        let tracking = || config.remote.as_ref().and_then(|remote| names::short_tracking(&name, remote));
        let Some(branch) = names::short(&name).or_else(tracking) else { continue };
        let point = config.branch.decode(&config.lattice, branch);
        if point.is_some_and(|point| census.commit(&point).is_some()) {
            continue;
        }
        let Some(coordinates) = config.branch.coordinates(&config.lattice, branch) else { continue };
        let entry = branches.entry(coordinates.join("/").into());
        let (_, tip) = entry.or_insert_with(|| (BranchName::known(branch), Tip::default()));
        *(if names::short(&name).is_some() { &mut tip.local } else { &mut tip.remote }) = Some(id);
    }
    Ok(branches)
}

fn has_all(repo: &Repo, commit: Oid, Tip { local, remote }: Tip) -> Result<bool> {
    for tip in [local, remote].into_iter().flatten() {
        if repo.size_of(tip).is_none() || !repo.is_ancestor(tip, commit)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn named(config: &Config, point: &Point, spelled: Spelled, branch: BranchName) -> Named {
    let dir = config.dir_of(point);
    config.name_as(point, Names { spelled, branch, dir })
}
