//! Detects branches that change the directories of other points.
//!
//! A branch inherits these directories from the branches below it and from the base. If one differs from all of them,
//! it was changed on this branch: the flake then imports other content than the records of that point describe.

use std::collections::HashMap;

use anyhow::Result;

use super::finding::{Code, Finding};
use super::subject::{Baseline, Subject};
use crate::git::commit::Commit;
use crate::git::{Oid, Repo};
use crate::lattice::branch::Segment;
use crate::points::content;
use crate::process;

/// Finds the directories of other points that the branch changes.
pub(super) fn changes(
    repo: &Repo,
    baseline: &Baseline<'_>,
    subject: &Subject<'_>,
    tip: &Commit,
    origin: Option<&Commit>,
) -> Result<Vec<Finding>> {
    let made_from = origin.map(|origin| origin.parents.clone()).unwrap_or_default();
    // Usually nothing has changed since, and history need not be read.
    if !made_from.is_empty() && differing(repo, baseline, subject, &made_from)?.is_empty() {
        return Ok(Vec::new());
    }
    differing(repo, baseline, subject, &[sources(repo, baseline, subject, tip)?, made_from].concat())
}

/// Finds the directories of other points that differ from those in all of `commits`.
fn differing(repo: &Repo, baseline: &Baseline<'_>, subject: &Subject<'_>, commits: &[Oid]) -> Result<Vec<Finding>> {
    let Some(source) = commits.first() else { return Ok(Vec::new()) };
    // Commits missing from a shallow clone may have had any content.
    if commits.iter().any(|commit| super::history::is_cut(repo, *commit)) {
        return Ok(Vec::new());
    }
    let trees = commits.iter().map(|commit| repo.tree_of_commit(*commit)).collect::<Result<Vec<_>, _>>()?;
    let mut walk = Walk { repo, baseline, subject, source: *source, found: Vec::new() };
    walk.descend(baseline.config.flake.segments(), subject.tree, &trees, "")?;
    Ok(walk.found)
}

/// The commits from which the branch has other points' directories: its merge bases with its lower covers and the base.
fn sources(repo: &Repo, baseline: &Baseline<'_>, subject: &Subject<'_>, tip: &Commit) -> Result<Vec<Oid>> {
    let below = baseline.census.population().maximal_below(&subject.named.point);
    let mut commits = Vec::new();
    for other in below.into_iter().filter_map(|cover| baseline.census.commit(cover)).chain(baseline.base) {
        let shared = if tip.parents.contains(&other) { Some(other) } else { repo.merge_base(tip.id, other)? };
        commits.extend(shared);
    }
    Ok(commits)
}

struct Walk<'a> {
    repo: &'a Repo,
    baseline: &'a Baseline<'a>,
    subject: &'a Subject<'a>,
    source: Oid,
    found: Vec<Finding>,
}

impl Walk<'_> {
    /// Compares a directory with that of each source; descends only if it differs from all of them.
    fn descend(&mut self, segments: &[Segment], tree: Oid, sources: &[Oid], path: &str) -> Result<()> {
        if sources.contains(&tree) {
            return Ok(());
        }
        let Some((segment, rest)) = segments.split_first() else {
            self.report(path, !sources.is_empty());
            return Ok(());
        };
        let known = self.directories(sources)?;
        for entry in self.repo.entries(tree)?.into_iter().filter(|entry| entry.is_tree) {
            if matches!(segment, Segment::Literal(name) if *name != entry.name) {
                continue;
            }
            let there = known.get(&entry.name).map(Vec::as_slice).unwrap_or_default();
            self.descend(rest, entry.id, there, &content::join(path, &entry.name))?;
        }
        Ok(())
    }

    /// The subdirectories of all `trees`, by name.
    fn directories(&self, trees: &[Oid]) -> Result<HashMap<String, Vec<Oid>>> {
        let mut found: HashMap<String, Vec<Oid>> = HashMap::new();
        for tree in trees {
            for entry in self.repo.entries(*tree)?.into_iter().filter(|entry| entry.is_tree) {
                found.entry(entry.name).or_default().push(entry.id);
            }
        }
        Ok(found)
    }

    fn report(&mut self, path: &str, was_there: bool) {
        let config = self.baseline.config;
        let Some(point) = config.flake.decode(&config.lattice, path).filter(|point| point != &self.subject.named.point)
        else {
            return;
        };
        // The directory of a point without a branch is reported as `NoBranch`.
        if self.baseline.census.commit(&point).is_none() {
            return;
        }
        let (name, verb) = (config.spell(&point), if was_there { "changes" } else { "adds" });
        let message = format!("{verb} `{path}`, the directory of `{name}`: its records are about other content");
        let (branch, source) = (&self.subject.named.branch, self.repo.short(self.source));
        let command = format!("git diff {source} {} -- {}", process::quote(branch), process::quote(path));
        self.found.push(Finding::new(Code::ForeignChange, branch, message).repaired_by(command));
    }
}
