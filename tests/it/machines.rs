//! Building on other machines: stores and builders behind a private sshd, caches, and what is known before anything is started.

#[path = "machines/sshd.rs"]
pub(crate) mod sshd;
