//! Protection for builds of untrusted content that the user typed: evaluation must not make Nix read files of this
//! machine.

use anyhow::Result;

use super::Job;
use crate::context::Context;
use crate::ops::flake_inputs;
use crate::ops::lock::LOCK;
use crate::ops::trust::{self, Judgement};
use crate::points::content::FLAKE;

/// Where a job may be evaluated.
pub(super) enum Isolation {
    /// In the user's store: the content is generated, the user's own, or trusted.
    None,
    /// In the private store ([`crate::ops::private_store`]): the content is untrusted.
    PrivateStore,
    /// Nowhere, for this reason.
    Refused(String),
}

/// Finds out whether a job is trusted, and whether its inputs read this machine. The changes of a trial are the user's own.
///
/// # Errors
/// When objects cannot be read.
pub(super) fn isolation(context: &Context, job: &Job, is_trial: bool) -> Result<Isolation> {
    if is_trusted(context, job, is_trial)? {
        return Ok(Isolation::None);
    }
    let repo = &context.repo;
    let tree = repo.tree_of_commit(job.commit)?;
    let Some(dir) = repo.entry_at(tree, &job.named.dir)?.filter(|entry| entry.is_tree) else {
        return Ok(Isolation::PrivateStore);
    };
    let (flake, lock) = (repo.plain_file(dir.id, FLAKE)?, repo.plain_file(dir.id, LOCK)?);
    let checked = match &flake {
        Some(flake) => flake_inputs::check(flake, lock.as_deref()).map_err(|bad| bad.to_string()),
        None => Err(format!("`{FLAKE}` is a symbolic link")),
    };
    Ok(checked.map_or_else(Isolation::Refused, |()| Isolation::PrivateStore))
}

fn is_trusted(context: &Context, job: &Job, is_trial: bool) -> Result<bool> {
    let Ok(policy) = context.policy() else { return Ok(false) };
    // The policy's lattice may number its values differently, so compare the spelling.
    let Ok(point) = job.named.spelled.read(&policy.lattice) else { return Ok(false) };
    let judgement = trust::judge(&context.repo, &policy, &point, job.commit)?;
    Ok(matches!(judgement, Judgement::Permitted(permit) if is_trial || permit.key() == job.key))
}
