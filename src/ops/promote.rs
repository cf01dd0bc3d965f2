//! Promotion: opening the next phase if the records show that this one was built.

use anyhow::Result;

use super::change::{self, ChangeSet};
use super::purity::{self, PointPurity};
use super::{Cannot, Missing, Refusal};
use crate::config::{Config, Require};
use crate::context::Context;
use crate::git::repo::UNSHALLOW;
use crate::git::{Change, Oid, Repo, trailer};
use crate::lattice::order::Next;
use crate::lattice::{Lattice, Point};
use crate::points::behind;
use crate::points::census::Census;
use crate::points::content::Content;
use crate::record::{Attributed, Purity, Records, Verdict, Verdicts, evidence};
use crate::system::System;

/// A planned promotion: points to make, or a merge into the base branch.
#[derive(Debug, Clone)]
pub struct Promotion {
    /// The points to promote.
    pub from: Vec<Point>,
    /// The first steps of the next phase; empty for a merge into the base branch.
    pub targets: Vec<Point>,
    /// The unmet conditions.
    pub missing: Vec<Missing>,
}

/// Plans the promotion of `point` according to `[promote]`.
///
/// # Errors
/// [`Refusal::LastPhase`] when there is no next phase and `to_base` is false.
pub fn plan(context: &Context, config: &Config, census: &Census, point: &Point, to_base: bool) -> Result<Promotion> {
    let lattice = &config.lattice;
    let mut promotion = Promotion { from: Vec::new(), targets: Vec::new(), missing: Vec::new() };
    let memory = context.repo.in_memory();
    let records = Records::open(&context.repo)?;
    for start in lattice.variants(point, &config.promote.across) {
        if !to_base {
            let last = || Refusal::LastPhase { point: config.spell(&start).into(), base: config.base.to_string() };
            promotion.targets.push(lattice.next_phase(&start).ok_or_else(last)?);
        }
        let Some(last) = census.population().greatest_in_phase(&start).cloned() else {
            let first = lattice.first_from(&start, last_chain_axis(lattice)?).unwrap_or(start);
            promotion.missing.push(missing(config, &first, "no branch", "new"));
            continue;
        };
        if let Some(next) = unmade_step(lattice, &last)? {
            promotion.missing.push(Missing {
                command: format!("git lattice next-step {}", config.spell(&last)),
                ..missing(config, &next, "no branch", "new")
            });
        }
        promotion.missing.extend(lacking(config, census, &memory, &last)?);
        let evidence = Evidence { repo: &memory, config, census, records: &records };
        promotion.missing.extend(evidence.lacking(&last)?);
        promotion.from.push(last);
    }
    Ok(promotion)
}

fn missing(config: &Config, point: &Point, what: &str, verb: &str) -> Missing {
    let point = config.spell(point);
    Missing { command: format!("git lattice {verb} {point}"), what: what.to_owned(), point }
}

/// The point below that `point` lacks commits of, if any: what was built is not what the points below hold now.
fn lacking(config: &Config, census: &Census, repo: &Repo, point: &Point) -> Result<Option<Missing>> {
    let lacking = behind::lacking(repo, census, point)?;
    let what = |below: &Point| format!("behind `{}`", config.spell(below));
    let is_behind = lacking.points.first().map(|below| missing(config, point, &what(below), "restack"));
    let is_open = || Missing {
        point: config.spell(point),
        what: "not known whether it is behind: the clone is shallow".to_owned(),
        command: UNSHALLOW.to_owned(),
    };
    Ok(is_behind.or_else(|| lacking.is_open.then(is_open)))
}

fn last_chain_axis(lattice: &Lattice) -> Result<usize> {
    lattice
        .chain_axes()
        .last()
        .copied()
        .ok_or_else(|| Cannot::NoAxis("no axis is a chain, so there is no phase".into()).into())
}

/// The step after `last` in a listed chain, which is not made yet. An open chain has no last step.
fn unmade_step(lattice: &Lattice, last: &Point) -> Result<Option<Point>> {
    let axis = last_chain_axis(lattice)?;
    match lattice.next_on(last, axis) {
        Next::Point(next) if lattice.is_closed_at(last, axis) => Ok(Some(next)),
        _ => Ok(None),
    }
}

struct Evidence<'a> {
    repo: &'a Repo,
    config: &'a Config,
    census: &'a Census,
    records: &'a Records<'a>,
}

impl Evidence<'_> {
    /// What `point` lacks to count as built on the systems that the policy names.
    fn lacking(&self, point: &Point) -> Result<Vec<Missing>> {
        let Config { lattice, promote, systems, .. } = self.config;
        let Some(commit) = self.census.commit(point) else {
            return Ok(vec![missing(self.config, point, "no branch", "new")]);
        };
        let tree = self.repo.tree_of_commit(commit)?;
        let content = Content::find(self.repo, self.config, tree, point)?;
        if content.own(point).is_none() {
            return Ok(vec![missing(self.config, point, "its branch has no flake", "show")]);
        }
        let spelled = self.config.spell(point);
        let attributed = self.records.attributed(content.key(self.repo, self.config, tree)?, &spelled)?;
        let records: Vec<_> = attributed.iter().map(|attributed| attributed.record.clone()).collect();
        let known = PointRecords { verdicts: Verdicts::of(&records), attributed, require: promote.require };
        let asked = if promote.systems.is_empty() { systems.of(lattice, point) } else { promote.systems.clone() };
        let lack = |Shortfall { what, command }| Missing { point: spelled.clone(), what, command };
        let mut lacking: Vec<_> =
            asked.iter().flat_map(|system| known.shortfalls(&spelled, system)).map(lack).collect();
        if promote.require.pure {
            lacking.extend(self.impure(tree, point)?);
        }
        Ok(lacking)
    }

    /// Those of `point` and the points below it that are not known to be pure. A point that is not built is not known to be pure either.
    fn impure(&self, tree: Oid, point: &Point) -> Result<Vec<Missing>> {
        let chain = purity::of_chain(self.repo, self.config, self.records, tree, point)?;
        let missing = chain.into_iter().filter_map(|PointPurity { point, system, purity }| {
            let what = match purity {
                Purity::Pure => return None,
                Purity::Unknown => format!("not known to be pure on {system}"),
                Purity::Impure(paths) => format!("built with {} of the machine on {system}", purity::listed(&paths)),
            };
            // The rest of the line is a shell comment.
            let command = format!("git lattice build {point} --check  # with only `/bin/sh` in `sandbox-paths`");
            Some(Missing { point, what, command })
        });
        Ok(missing.collect())
    }
}

/// The records of a point's key and the requirements of the policy.
struct PointRecords {
    verdicts: Verdicts,
    attributed: Vec<Attributed>,
    require: Require,
}

/// What is missing on a system, and the command that supplies it.
struct Shortfall {
    what: String,
    command: String,
}

impl PointRecords {
    fn shortfalls(&self, point: &str, system: &System) -> Vec<Shortfall> {
        let lack = |what: String, command: String| Shortfall { what, command };
        if self.verdicts.is_disputed(system) {
            return vec![lack(format!("disputed on {system}"), format!("git lattice show {point}"))];
        }
        let again = format!("git lattice build {point} --again");
        let what = match self.verdicts.get(system) {
            Some(Verdict::Built | Verdict::Reproduced) => return self.unmet_requirements(point, system),
            Some(Verdict::Failed) => format!("failed on {system}"),
            Some(Verdict::NoBuilder) => format!("no builder for {system}"),
            Some(Verdict::Cancelled) => format!("cancelled on {system}"),
            Some(Verdict::Differs) => format!("not reproducible on {system}"),
            None => return vec![lack(format!("not built on {system}"), format!("git lattice build {point}"))],
        };
        vec![lack(what, again)]
    }

    /// Unmet requirements of `[promote] require`, for a system that is built.
    fn unmet_requirements(&self, point: &str, system: &System) -> Vec<Shortfall> {
        let mut lacks = Vec::new();
        if self.require.reproduced && self.verdicts.get(system) != Some(Verdict::Reproduced) {
            let command = format!("git lattice build {point} --check");
            lacks.push(Shortfall { what: format!("not reproduced on {system}"), command });
        }
        let (asked, hosts) = (self.require.hosts, evidence::hosts(&self.attributed, system));
        if (hosts as u64) < asked {
            // The rest of the line is a shell comment.
            let command = format!("git lattice build {point} --again  # on another host, then `git lattice sync`");
            lacks.push(Shortfall { what: format!("built on {hosts} of {asked} hosts for {system}"), command });
        }
        lacks
    }
}

/// Merges the promoted points into the base branch without touching the worktree.
///
/// Returns the commit and whether it is new.
///
/// # Errors
/// [`Refusal::CheckedOut`] when a worktree has the base branch checked out; merge conflicts; a lost race.
pub fn into_base(
    context: &Context,
    config: &Config,
    census: &Census,
    from: &[Point],
    reason: Option<&str>,
    dry_run: bool,
) -> Result<(Oid, bool)> {
    let Some(base) = context.base_tip(config)? else {
        return Err(Cannot::no_base(&context.repo, config, &config.base).into());
    };
    let memory = context.repo.in_memory();
    let tips: Vec<_> = from.iter().filter_map(|point| census.commit(point)).collect();
    let mut parents = vec![base];
    for tip in tips {
        if !memory.is_ancestor(tip, base)? {
            parents.push(tip);
        }
    }
    if parents.len() == 1 {
        return Ok((base, false));
    }
    let checked_out = context.repo.checked_out()?;
    if let Some((branch, worktree)) = checked_out.into_iter().find(|(branch, _)| *branch == config.base) {
        return Err(Refusal::CheckedOut { branch: branch.to_string(), worktree: worktree.display().to_string() }.into());
    }
    let tree = memory.merged_tree(&parents)?;
    let spelled: Vec<_> = from.iter().map(|point| config.spell(point)).collect();
    let mut trailers: Vec<_> = spelled.iter().map(|point| ("Lattice-Point", point.to_string())).collect();
    trailers.extend(reason.map(|reason| ("Lattice-Override", reason.split_whitespace().collect::<Vec<_>>().join(" "))));
    let message = trailer::message(
        &format!("build(lattice): promote {} into {}", spelled.join(", "), config.base),
        "",
        &trailers,
    );
    let new = memory.make_commit(&memory.identity()?, &message, tree, &parents)?;
    if !dry_run {
        let name = config.base.full_ref();
        let change = Change { old: context.repo.find_ref(&name)?.map(|_| base), name, new: Some(new) };
        let set = ChangeSet::made(format!("lattice: promote into {}", config.base), vec![change]);
        change::apply(context, ChangeSet { objects: Some(memory), ..set })?;
    }
    Ok((new, true))
}
