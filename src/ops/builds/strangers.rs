//! What a build that somebody typed may not do where nobody vouches for the content: have Nix read this machine.

use anyhow::Result;

use super::Job;
use crate::context::Context;
use crate::ops::flake_inputs;
use crate::ops::lock::LOCK;
use crate::ops::trust::{self, Judgement};
use crate::points::content::FLAKE;

/// How a job may be evaluated.
pub(super) enum Footing {
    /// It is generated, or the user's, or trusted: as the user does it.
    Own,
    /// It is a stranger's: in a store apart ([`crate::ops::apart`]).
    Apart,
    /// Nix is not started, and why.
    Refused(String),
}

/// Finds out who vouches for a job, and what it reads of this machine.
///
/// # Errors
/// When objects cannot be read.
pub(super) fn footing(context: &Context, job: &Job) -> Result<Footing> {
    if is_vouched_for(context, job)? {
        return Ok(Footing::Own);
    }
    let repo = &context.repo;
    let tree = repo.tree_of_commit(job.commit)?;
    let Some(dir) = repo.entry_at(tree, &job.named.dir)?.filter(|entry| entry.is_tree) else {
        return Ok(Footing::Apart);
    };
    let (flake, lock) = (repo.plain_file(dir.id, FLAKE)?, repo.plain_file(dir.id, LOCK)?);
    let checked = match &flake {
        Some(flake) => flake_inputs::check(flake, lock.as_deref()).map_err(|bad| bad.to_string()),
        None => Err(format!("`{FLAKE}` is a link, which leads nobody knows where")),
    };
    Ok(checked.map_or_else(Footing::Refused, |()| Footing::Apart))
}

fn is_vouched_for(context: &Context, job: &Job) -> Result<bool> {
    let Ok(policy) = context.policy() else { return Ok(false) };
    // The policy's lattice may number its values otherwise: only the spelling is the same point in both.
    let Ok(point) = job.named.spelled.read(&policy.lattice) else { return Ok(false) };
    let judgement = trust::judge(&context.repo, &policy, &point, job.commit)?;
    Ok(matches!(judgement, Judgement::Permitted(permit) if permit.key() == job.key))
}
