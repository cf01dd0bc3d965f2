//! Nix: what it is asked, how it is run, and what its answers mean.
//!
//! A *flake ref* ([`FlakeRef`]) names a flake, an *installable* one output of it. Building makes a *derivation* (a `.drv` file in
//! the *store*) and from it its *outputs*. Nix 2.8 to today's, Lix and Determinate Nix are spoken to alike; where they differ the
//! difference stays in this shelf.

mod blame;
mod build;
mod capability;
mod check;
mod concerns;
mod content;
mod copy;
mod diagnosis;
mod error;
mod eval_jobs;
mod evaluate;
mod exe;
mod failure;
mod flake_ref;
mod graph;
pub mod log;
mod needs;
mod options;
mod outcome;
mod path_info;
mod place;
mod realise;
mod settings;
mod statement;
mod store_path;
mod trouble;
mod user_config;
mod version;

pub use build::Request;
pub use capability::{Capability, Machine, NoBuilder, Who};
pub use check::Checked;
pub use concerns::{Account, Concern, concerns};
pub use error::Error;
pub use evaluate::{Derivation, Evaluation, Evaluator, Installable};
pub use exe::Nix;
pub use failure::{Failure, Kind};
pub use flake_ref::{FlakeRef, FlakeRefError};
pub use log::Event;
pub use options::{Limits, Mode, Options};
pub use outcome::{Outcome, Output};
pub use place::{BadPlace, Builders, NotShareable, StoreUrl};
pub use realise::Step;
pub use settings::{Sandbox, Settings};
pub use store_path::{NotAStorePath, StorePath};
pub use version::{Flavour, Version};
