//! What a build that somebody typed may not do where nobody vouches for the content: have Nix read this machine.

use anyhow::Result;

use super::Job;
use crate::context::Context;
use crate::lint::inputs;
use crate::ops::content::FLAKE;
use crate::ops::lock::LOCK;
use crate::ops::trust::{self, Judgement};

/// Why Nix is not started for a job; `None` where it can be.
///
/// # Errors
/// When objects cannot be read.
pub(super) fn refusal(context: &Context, job: &Job) -> Result<Option<String>> {
    let repo = &context.repo;
    let tree = repo.tree_of_commit(job.commit)?;
    let Some(dir) = repo.entry_at(tree, &job.dir)?.filter(|entry| entry.is_tree) else { return Ok(None) };
    let (flake, lock) = (repo.plain_file(dir.id, FLAKE)?, repo.plain_file(dir.id, LOCK)?);
    let checked = match &flake {
        Some(flake) => inputs::check(flake, lock.as_deref()).map_err(|bad| bad.to_string()),
        None => Err(format!("`{FLAKE}` is a link, which leads nobody knows where")),
    };
    match checked {
        Err(why) if !is_vouched_for(context, job)? => Ok(Some(why)),
        _ => Ok(None),
    }
}

fn is_vouched_for(context: &Context, job: &Job) -> Result<bool> {
    let Ok(policy) = context.policy() else { return Ok(false) };
    let Ok(point) = policy.lattice.parse_point(&job.point) else { return Ok(false) };
    let judgement = trust::judge(&context.repo, &policy, &point, job.commit)?;
    Ok(matches!(judgement, Judgement::Permitted(permit) if permit.key() == job.key))
}
