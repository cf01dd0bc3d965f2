//! git-lattice: every build step is a branch, every branch is a reproducible flake, every result is recorded in git.

pub mod cli;
mod commands;
pub mod config;
pub mod context;
pub mod env;
pub mod error;
pub mod git;
pub mod hooks;
pub mod lattice;
pub mod lint;
pub mod nix;
pub mod ops;
pub mod process;
pub mod record;
pub mod system;
pub mod template;
pub mod ui;
