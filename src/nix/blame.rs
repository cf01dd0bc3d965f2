//! Whose failure an error is, where many things are built by one call.
//!
//! Nix names the derivation in nearly every error. One that could not even begin has an error of its own that only counts the
//! dependencies that failed: what it failed of is the error of one of those.

use std::collections::HashMap;

use super::error::Error;
use super::failure::{Diagnosis, Failure, derivation_in};
use super::graph::{Graph, base};
use super::log::Event;
use super::store_path::StorePath;

/// The errors of one call.
#[derive(Debug, Default)]
pub(super) struct Blame {
    said: Vec<Said>,
}

#[derive(Debug)]
struct Said {
    event: Event,
    drv: Option<StorePath>,
    /// Whether it only says that something else failed.
    is_consequence: bool,
}

impl Blame {
    /// Takes note of an event.
    pub(super) fn note(&mut self, event: &Event) {
        let text = match event {
            Event::Message { level: 0, text, .. } => text,
            Event::Plain(text) if text.starts_with("error:") => text,
            _ => return,
        };
        // The last word: it repeats what everybody failed of by name alone.
        if text.starts_with("error: build of '") || text.starts_with("error: build of /") {
            return;
        }
        let is_consequence = text.contains("dependencies of derivation '") || says_dependency_failed(text);
        self.said.push(Said { event: event.clone(), drv: derivation_in(text), is_consequence });
    }

    /// The failures of those among `open` that have one. Those in `begun` may have one that names nobody.
    ///
    /// # Errors
    /// When it takes the graph to know, and `graph` has none.
    pub(super) fn failures<'g>(
        &self,
        open: &[(usize, &StorePath)],
        begun: impl Fn(usize) -> bool,
        graph: impl FnOnce() -> Result<&'g Graph, Error>,
    ) -> Result<Vec<(usize, Failure)>, Error> {
        let (mut causes, mut consequences) = (HashMap::new(), HashMap::new());
        for (n, said) in self.said.iter().enumerate() {
            let Some(drv) = &said.drv else { continue };
            let known = if said.is_consequence { &mut consequences } else { &mut causes };
            known.entry(base(drv.as_str())).or_insert(n);
        }
        let has_cause = |drv: &StorePath| causes.contains_key(base(drv.as_str()));
        let graph = if causes.is_empty() || open.iter().all(|(_, drv)| has_cause(drv)) { None } else { Some(graph()?) };
        let reached = graph.map(|graph| graph.reached(&causes)).unwrap_or_default();
        let failure = |(i, drv): &(usize, &StorePath)| {
            let name = base(drv.as_str());
            let own = consequences.get(name).copied();
            let cause = causes.get(name).or_else(|| reached.get(name)).copied();
            let unnamed = || self.unnamed().filter(|_| own.is_some() || begun(*i)).collect::<Vec<_>>();
            let all: Vec<usize> = cause.map_or_else(unnamed, |cause| vec![cause]).into_iter().chain(own).collect();
            let mut failure = Diagnosis::of_errors(all.iter().map(|n| &self.said[*n].event)).failure();
            failure.drv = failure.drv.or_else(|| Some((*drv).clone()));
            (!all.is_empty()).then_some((*i, failure))
        };
        Ok(open.iter().filter_map(failure).collect())
    }

    /// The errors that name nobody.
    fn unnamed(&self) -> impl Iterator<Item = usize> {
        self.said.iter().enumerate().filter(|(_, said)| said.drv.is_none()).map(|(n, _)| n)
    }
}

/// `Reason: 1 dependency failed.` (from 2.30)
fn says_dependency_failed(text: &str) -> bool {
    let reasons = text.lines().filter_map(|line| line.trim().strip_prefix("Reason: "));
    reasons.into_iter().any(|reason| reason.contains("dependency failed") || reason.contains("dependencies failed"))
}
