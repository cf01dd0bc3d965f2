//! Attributes errors to derivations when one call builds many.
//!
//! Nearly every error of Nix names its derivation. A derivation whose dependency failed has an error that only counts the failed
//! dependencies; its cause is the error of one of them.

use std::collections::HashMap;

use super::diagnosis::{Cause, Diagnosis};
use super::failure::{Failure, Kind};
use super::graph::{Graph, base};
use super::trouble::Trouble;
use crate::nix::error::Error;
use crate::nix::exe::Nix;
use crate::nix::store_path::StorePath;

/// Returns the failures of those among `open` that failed. The others were not started or were stopped with the rest: a remote store
/// stops at the first failure.
///
/// # Errors
/// When the graph is needed and cannot be read.
pub(in crate::nix) fn failures<'g>(
    diagnosis: &Diagnosis,
    open: &[(usize, &StorePath)],
    graph: impl FnOnce() -> Result<&'g Graph, Error>,
) -> Result<Vec<(usize, Failure)>, Error> {
    let mut causes = diagnosis.causes();
    causes.sort_by_key(|cause| cause.kind.rank());
    let first = |causes: &[Cause], name: &str| causes.iter().position(|cause| base(cause.drv.as_str()) == name);
    let is_own = |drv: &StorePath| first(&causes, base(drv.as_str())).is_some();
    // If only one is open, it needs everything that was started.
    let is_needed = open.len() > 1 && !causes.is_empty() && !open.iter().all(|(_, drv)| is_own(drv));
    let places: HashMap<&str, usize> =
        causes.iter().enumerate().rev().map(|(n, cause)| (base(cause.drv.as_str()), n)).collect();
    let reached = if is_needed { graph()?.reached(&places) } else { HashMap::new() };
    let cause_of = |drv: &StorePath| {
        let name = base(drv.as_str());
        let below = reached.get(name).copied().or_else(|| (open.len() == 1 && !causes.is_empty()).then_some(0));
        first(&causes, name).into_iter().chain(below).min().map(|n| &causes[n])
    };
    let failure = |(i, drv): &(usize, &StorePath)| match cause_of(drv) {
        Some(cause) => Some((*i, diagnosis.failure_of(cause, drv))),
        None => diagnosis.has_effect_on(drv).then(|| (*i, diagnosis.trouble())),
    };
    Ok(open.iter().filter_map(failure).collect())
}

impl Nix {
    /// Turns failed fetches into trouble: they say nothing about the content, since the network may be down.
    ///
    /// # Errors
    /// When the derivations cannot be read.
    pub(in crate::nix) fn without_fetches(&self, diagnosis: &Diagnosis, failures: &mut [Failure]) -> Result<(), Error> {
        let is_build = |failure: &&mut Failure| failure.kind == Kind::Build;
        let mut built: Vec<_> = failures.iter_mut().filter(is_build).collect();
        let drvs: Vec<_> = built.iter().filter_map(|failure| failure.drv.clone()).collect();
        if drvs.is_empty() {
            return Ok(());
        }
        let graph = self.graph(&drvs)?;
        for failure in &mut built {
            let Some(drv) = failure.drv.as_ref().filter(|drv| graph.is_fixed(drv)) else { continue };
            let last = diagnosis.last_line(drv).map(|line| format!(": {line}")).unwrap_or_default();
            failure.summary = format!("`{}` could not be fetched{last}", drv.name().trim_end_matches(".drv"));
            (failure.kind, failure.trouble) = (Kind::Trouble, Some(Trouble::Fetch));
        }
        Ok(())
    }
}
