//! Nix: what it is asked, how it is run, and what its answers mean.
//!
//! A *flake ref* ([`FlakeRef`]) names a flake, an *installable* one output of it. Building makes a *derivation* (a `.drv` file in
//! the *store*) and from it its *outputs*. Nix 2.8 to today's, Lix and Determinate Nix are spoken to alike; where they differ the
//! difference stays in this shelf.

mod ask;
mod error;
mod exe;
mod flake_ref;
mod options;
mod place;
mod read;
mod run;
mod store_path;
mod user_config;
mod version;

pub use ask::capability::{Capability, Machine, NoBuilder, Who};
pub use ask::concerns::{Account, Concern, concerns};
pub use ask::evaluate::{Derivation, Evaluation, Evaluator, Installable};
pub use error::Error;
pub use exe::Nix;
pub use flake_ref::{FlakeRef, FlakeRefError};
pub use options::{Limits, Mode, Options};
pub use place::{BadPlace, Builders, NotShareable, StoreUrl};
pub use read::failure::{Failure, Kind};
pub use read::internal_json::Event;
pub use read::outcome::{Outcome, Output};
pub use read::settings::{Sandbox, Settings};
pub use run::build::Request;
pub use run::realise::Step;
pub use run::rebuild::Checked;
pub use store_path::{NotAStorePath, StorePath};
pub use version::{Flavour, Version};
