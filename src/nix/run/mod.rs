//! Runs Nix: build, rebuild, copy, add.

pub(super) mod add;
pub(super) mod build;
pub(super) mod copy;
mod log_files;
pub(super) mod realise;
pub(super) mod rebuild;
pub(super) mod times;
