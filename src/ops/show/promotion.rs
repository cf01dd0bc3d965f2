//! What `git lattice promote` would say about a point.

use crate::config::Config;
use crate::context::Context;
use crate::lattice::Point;
use crate::ops::promote;
use crate::ops::{Missing, Refusal};
use crate::points::census::Census;

/// The promotion of the phase of a point.
#[derive(Debug, Clone)]
pub struct Promotion {
    /// The points to make, or the base branch.
    pub targets: Vec<String>,
    /// Whether it was done before: the points exist, or the base branch has the commits.
    pub is_done: bool,
    /// The unmet conditions.
    pub missing: Vec<Missing>,
    /// The command that promotes.
    pub command: String,
}

/// Finds it; `None` if the lattice has no phases, or something cannot be read.
pub(super) fn of(context: &Context, config: &Config, point: &Point) -> Option<Promotion> {
    let variants = config.lattice.variants(point, &config.promote.across);
    let census = Census::around(&context.repo, config, &variants).ok()?;
    let plan = |to_base| promote::plan(context, config, &census, point, to_base);
    let to_base = matches!(plan(false), Err(error) if is_last_phase(&error));
    let plan = plan(to_base).ok()?;
    let spelled = config.spell(point);
    Some(if to_base {
        Promotion {
            targets: vec![config.base.to_string()],
            is_done: is_merged(context, config, &census, &plan.from),
            missing: plan.missing,
            command: format!("git lattice promote --to base {spelled}"),
        }
    } else {
        Promotion {
            is_done: plan.targets.iter().all(|target| census.commit(target).is_some()),
            targets: plan.targets.iter().map(|target| config.spell(target).into()).collect(),
            missing: plan.missing,
            command: format!("git lattice promote {spelled}"),
        }
    })
}

fn is_last_phase(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Refusal::LastPhase { .. }))
}

fn is_merged(context: &Context, config: &Config, census: &Census, points: &[Point]) -> bool {
    let Ok(Some(base)) = context.base_tip(config) else { return false };
    let is_in_base =
        |point: &Point| census.commit(point).is_some_and(|tip| context.repo.is_ancestor(tip, base).unwrap_or(false));
    !points.is_empty() && points.iter().all(is_in_base)
}
