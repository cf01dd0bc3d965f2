//! Builds one flake for one system.

use std::path::PathBuf;

use super::realise::Step;
use crate::nix::ask::evaluate::Installable;
use crate::nix::error::Error;
use crate::nix::exe::Nix;
use crate::nix::flake_ref::FlakeRef;
use crate::nix::options::{Mode, Options};
use crate::nix::read::internal_json::Event;
use crate::nix::read::outcome::Outcome;
use crate::system::System;

/// What to build, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// The flake.
    pub flake: FlakeRef,
    /// The system, as in `packages.SYSTEM.default`.
    pub system: System,
    /// The link that keeps the output from garbage collection; its directory must exist.
    pub out_link: Option<PathBuf>,
    /// Who asked for the build, and the settings.
    pub options: Options,
}

impl Request {
    /// Creates a request without an out-link.
    pub fn new(flake: FlakeRef, system: System, mode: Mode) -> Self {
        Self { flake, system, out_link: None, options: Options::new(mode) }
    }
}

impl Nix {
    /// Builds `request` and passes all events to `on_event`.
    ///
    /// # Errors
    /// When nix could not be run or was interrupted.
    pub fn build(&self, request: &Request, on_event: &mut dyn FnMut(&Event)) -> Result<Outcome, Error> {
        let what = Installable { flake: request.flake.clone(), system: request.system.clone() };
        let mut built = Vec::new();
        for evaluated in self.evaluate(&[what], &request.options, on_event)? {
            let derivation = match evaluated {
                Ok(derivation) => derivation,
                Err(failure) => return Ok(Outcome::Failed(failure)),
            };
            let on = &mut |step: Step<'_>| match step {
                Step::Event { event, .. } => on_event(event),
                Step::Finished(finished) => built.extend(finished.into_iter().map(|finished| finished.outcome)),
            };
            self.realise(&[derivation], request.out_link.as_deref(), &request.options, on)?;
        }
        built.pop().ok_or_else(|| Error::unreadable("store --realise", &"it is empty"))
    }
}
