//! Nix: queries, builds, and parsing of its output.
//!
//! A *flake ref* ([`FlakeRef`]) names a flake, an *installable* one output of it. Evaluating an installable gives a *derivation* (a
//! `.drv` file in the *store*), building that gives its *outputs*. Nix 2.8 to the newest, Lix and Determinate Nix are supported; this
//! module hides their differences.

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

pub use ask::capability::{BuildMachine, Capability, Machine, NoBuilder};
pub use ask::concerns::{Account, Concern, concerns};
pub use ask::evaluate::{Derivation, Evaluation, Evaluator, Installable};
pub use ask::needs::{AbsentInput, Needs};
pub use error::Error;
pub use exe::Nix;
pub use flake_ref::{FlakeRef, FlakeRefError};
pub use options::{Limits, Mode, Options};
pub use place::{BadPlace, Builders, NotShareable, StoreUrl, without_parameters};
pub use read::failure::{BuilderTimeout, Failure, Kind};
pub use read::fixed::FixedOutput;
pub use read::graph::{CALLS, Outside};
pub use read::internal_json::{Event, Work};
pub use read::outcome::{Outcome, Output};
pub use read::settings::{Sandbox, Settings};
pub use read::trouble::{NO_BUILD_USERS, NO_SHELL};
pub use run::add::Added;
pub use run::build::Request;
pub use run::realise::{Finished, Step};
pub use run::rebuild::{Checked, Rebuilt};
pub use run::times::RunTime;
pub use store_path::{NotAStorePath, StorePath};
pub use version::{Flavour, Version};
