//! Queries: which machines can build, what flakes evaluate to, what derivations need.

pub(super) mod capability;
pub(super) mod closure;
pub(super) mod concerns;
pub(super) mod eval_jobs;
pub(super) mod evaluate;
pub(super) mod needs;
