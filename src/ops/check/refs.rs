//! Checks that belong to no single point: unreadable refs, branches that resemble points, directories without a branch.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::finding::{Code, Finding};
use super::report::Report;
use super::subject::Baseline;
use crate::config::Config;
use crate::context::Context;
use crate::git::names::{self, HEADS};
use crate::git::{Oid, Repo};
use crate::lattice::Point;
use crate::lattice::branch::Segment;
use crate::ops::note;
use crate::ops::records;
use crate::ops::rename::{self, Former};
use crate::points::{census, content};
use crate::process;
use crate::record::store::Problem;

/// Runs these checks; `lost` are directories of points without a branch, found in branches of other points.
///
/// # Errors
/// When refs cannot be listed.
pub(super) fn check<'a>(
    context: &Context,
    baseline: &Baseline<'_>,
    lost: impl Iterator<Item = &'a (Point, String)>,
    report: &mut Report,
) -> Result<()> {
    let (repo, config) = (&context.repo, baseline.config);
    let remotes = config.remote.as_ref().map(|remote| names::tracking_under(remote, ""));
    let prefixes: Vec<String> = std::iter::once(HEADS.to_owned()).chain(remotes).collect();
    let mut listing = repo.list_refs(&prefixes)?;
    if let Some(remote) = &config.remote {
        let renamed = census::renamed(repo, remote, "")?;
        let is_renamed = |name: &str, id: &Oid| {
            names::short_tracking(name, remote).is_some_and(|branch| renamed.get(branch) == Some(id))
        };
        listing.refs.retain(|(name, id)| !is_renamed(name, id));
    }
    report.branches = listing.refs.len();
    let broken = |text: &String| {
        Finding::new(Code::BrokenRef, "refs", format!("has an unreadable ref: {text}")).repaired_by("git fsck")
    };
    report.findings.extend(listing.broken.iter().map(broken));
    report
        .findings
        .extend(listing.refs.iter().filter_map(|(name, id)| missing_commit(repo, baseline, &prefixes, name, *id)));
    let short =
        |name: &String| prefixes.iter().find_map(|prefix| name.strip_prefix(prefix.as_str())).map(str::to_owned);
    let branches: BTreeSet<String> = listing.refs.iter().filter_map(|(name, _)| short(name)).collect();
    report.findings.extend(same_but_case(&branches, &|branch| rename(&listing.refs, branch)));
    let former = rename::former(repo, config, baseline.census)?;
    report.findings.extend(old_names(config, &former));
    let former: BTreeSet<&str> = former.iter().map(|former| former.named.branch.as_str()).collect();
    let others = branches.iter().filter(|branch| !former.contains(branch.as_str()));
    report.findings.extend(others.filter_map(|branch| lookalike(config, branch)).map(|(branch, why)| {
        let message = format!("looks like a point but is not one: {why}");
        Finding { command: rename(&listing.refs, branch), ..Finding::new(Code::Lookalike, branch, message) }
    }));
    report.findings.extend(without_branch(repo, baseline, lost)?);
    let invalid =
        |problem: &Problem| Finding::new(Code::Record, &problem.notes, format!("has an invalid entry: {problem}"));
    report.findings.extend(records::examine(context, config, baseline.census)?.problems.iter().map(invalid));
    report.findings.extend(note::examine(repo, Some(&config.lattice))?.problems.iter().map(invalid));
    Ok(())
}

/// Finds branches that are the same on a case-insensitive file system.
fn same_but_case(branches: &BTreeSet<String>, rename: &dyn Fn(&str) -> Option<String>) -> Vec<Finding> {
    let mut folded: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for branch in branches {
        folded.entry(branch.to_lowercase()).or_default().push(branch);
    }
    let finding = |names: Vec<&String>| {
        let others = names[1..].iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let message = format!("differs from {others} only in letter case: some file systems treat them as the same");
        let command = names.iter().find_map(|name| rename(name));
        Finding { command, ..Finding::new(Code::Case, names[0], message) }
    };
    folded.into_values().filter(|names| names.len() > 1).map(finding).collect()
}

/// The branches that have old names of points, in one finding.
fn old_names(config: &Config, former: &[Former]) -> Option<Finding> {
    let first = former.first()?;
    let (branch, new) = (&first.named.branch, config.spell(&first.named.point));
    let others = match former.len() - 1 {
        0 => String::new(),
        1 => "; another branch has an old name too".to_owned(),
        others => format!("; {others} other branches have old names too"),
    };
    let remote = if former.iter().any(|former| former.tip.remote.is_some()) { " --remote" } else { "" };
    let finding = Finding::new(Code::OldName, branch, format!("has an old name of the point `{new}`{others}"));
    Some(finding.repaired_by(format!("git lattice prune --moved{remote}")))
}

/// Why a branch whose name resembles a point's is not one.
fn lookalike<'a>(config: &Config, branch: &'a String) -> Option<(&'a String, String)> {
    let why = match config.branch.read(&config.lattice, branch) {
        Some(Ok(_)) => None,
        Some(Err(error)) => Some(error.to_string()),
        None => near_miss(config, branch),
    };
    why.map(|why| (branch, why))
}

/// The command that renames a branch; only a local branch can be renamed.
fn rename(refs: &[(String, Oid)], branch: &str) -> Option<String> {
    let here = names::heads_under(branch);
    refs.iter().any(|(name, _)| *name == here).then(|| format!("git branch -m {} NEW-NAME", process::quote(branch)))
}

/// Finds a ref whose commit is missing, unless it is reported with its point.
fn missing_commit(repo: &Repo, baseline: &Baseline<'_>, prefixes: &[String], name: &str, id: Oid) -> Option<Finding> {
    let (config, short) = (baseline.config, prefixes.iter().find_map(|prefix| name.strip_prefix(prefix.as_str()))?);
    let is_reported = || {
        let point = config.branch.decode(&config.lattice, short);
        point.is_some_and(|point| baseline.census.commit(&point) == Some(id))
    };
    if repo.size_of(id).is_some() || is_reported() {
        return None;
    }
    let command = format!("git update-ref -d {} {id}", process::quote(name));
    Some(Finding::new(Code::BrokenRef, name, format!("is at {id}, which is missing")).repaired_by(command))
}

/// Why a name that has the pattern's prefix and contains a value of the lattice does not match the pattern.
fn near_miss(config: &Config, branch: &str) -> Option<String> {
    let rest = branch.strip_prefix(config.branch.prefix()).filter(|_| !config.branch.prefix().is_empty())?;
    let values = |axis: &crate::lattice::Axis| {
        axis.listed().is_some_and(|all| rest.split('/').any(|part| all.iter().any(|value| value.as_str() == part)))
    };
    if !config.lattice.axes().iter().any(values) {
        return None;
    }
    let (parts, expected) = (branch.split('/').count(), config.branch.segments().len());
    let shape = config.branch.as_str();
    Some(if parts == expected {
        format!("it is not of the form `{shape}`")
    } else {
        format!("it has {parts} parts between `/`, and `{shape}` has {expected}")
    })
}

/// Finds directories whose points have no branch: `lost` in points' branches, and those on the base branch.
fn without_branch<'a>(
    repo: &Repo,
    baseline: &Baseline<'_>,
    lost: impl Iterator<Item = &'a (Point, String)>,
) -> Result<Vec<Finding>> {
    let population = baseline.census.population();
    let mut lost: BTreeMap<String, Point> = lost.map(|(point, dir)| (dir.clone(), point.clone())).collect();
    if let Some(base) = baseline.base {
        let all = all_directories(repo, baseline.config, repo.tree_of_commit(base)?)?;
        lost.extend(all.into_iter().filter(|(point, _)| !population.contains(point)).map(|(point, dir)| (dir, point)));
    }
    let finding = |(dir, point): (String, Point)| {
        let branch = baseline.config.branch_of(&point);
        let message = format!("is the directory of a point that has no branch `{branch}`");
        let command = format!("git log --all --oneline -- {dir}");
        Finding::new(Code::NoBranch, dir, message).of(&baseline.config.spell(&point)).repaired_by(command)
    };
    Ok(lost.into_iter().map(finding).collect())
}

/// All point directories in a tree.
fn all_directories(repo: &Repo, config: &Config, tree: Oid) -> Result<Vec<(Point, String)>> {
    let mut level = vec![(String::new(), tree)];
    for segment in config.flake.segments() {
        let mut next = Vec::new();
        for (path, tree) in level {
            for entry in repo.entries(tree)?.into_iter().filter(|entry| entry.is_tree) {
                if !matches!(segment, Segment::Literal(name) if *name != entry.name) {
                    next.push((content::join(&path, &entry.name), entry.id));
                }
            }
        }
        level = next;
    }
    let point = |(dir, _): (String, _)| config.flake.decode(&config.lattice, &dir).map(|point| (point, dir));
    Ok(level.into_iter().filter_map(point).collect())
}
