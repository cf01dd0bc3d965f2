//! git-lattice: every build step is a branch, every branch is a reproducible flake, every result is recorded in git.
//!
//! This crate is the program `git lattice`. Its public API for other programs is [`run_nix_build`] and the [`Record`]s it
//! returns, with the types of their fields. [`run_nix_build`] builds a point's commit with Nix and records the result in git notes,
//! as `git lattice build` does. Everything else is internal and changes without notice.

mod commands;
mod library;

// Public only for our own tests and the binary.
#[doc(hidden)]
pub mod access;
#[doc(hidden)]
pub mod branch_name;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod config;
#[doc(hidden)]
pub mod context;
#[doc(hidden)]
pub mod env;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod git;
#[doc(hidden)]
pub mod hooks;
#[doc(hidden)]
pub mod journal;
#[doc(hidden)]
pub mod lattice;
#[doc(hidden)]
pub mod limit;
#[doc(hidden)]
pub mod lint;
#[doc(hidden)]
pub mod lock;
#[doc(hidden)]
pub mod nix;
#[doc(hidden)]
pub mod note;
#[doc(hidden)]
pub mod ops;
#[doc(hidden)]
pub mod points;
#[doc(hidden)]
pub mod process;
#[doc(hidden)]
pub mod queue;
#[doc(hidden)]
pub mod record;
#[doc(hidden)]
pub mod remote_url;
#[doc(hidden)]
pub mod sha256;
#[doc(hidden)]
pub mod system;
#[doc(hidden)]
pub mod template;
#[doc(hidden)]
pub mod temporary;
#[doc(hidden)]
pub mod text;
#[doc(hidden)]
pub mod threads;
#[doc(hidden)]
pub mod ui;
#[doc(hidden)]
pub mod user;

#[cfg(test)]
mod sources;

pub use config::InputKind;
pub use git::Oid;
pub use lattice::Spelled;
pub use library::{Error, run_nix_build};
pub use nix::StorePath;
pub use record::{Inputs, Output, Record, RecordedInput, Verdict};
pub use system::System;
