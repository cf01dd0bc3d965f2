//! Runs Nix: build, rebuild, copy, add.

pub(super) mod add;
pub(super) mod build;
pub(super) mod copy;
pub(super) mod realise;
pub(super) mod rebuild;
pub(super) mod times;
