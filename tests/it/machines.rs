//! Building on other machines: stores and builders behind a private sshd, caches, and checks before a build starts.

#[path = "machines/cache.rs"]
mod cache;
#[path = "machines/check.rs"]
mod check;
#[path = "machines/choice.rs"]
mod choice;
#[path = "machines/evaluation.rs"]
mod evaluation;
#[path = "machines/far.rs"]
mod far;
#[path = "machines/seeds.rs"]
mod seeds;
#[path = "machines/shared.rs"]
mod shared;
#[path = "machines/sshd.rs"]
pub(crate) mod sshd;
#[path = "machines/trouble.rs"]
mod trouble;
