//! What the closures of derivations take from outside: for their records, and to copy it where it is needed.

use std::collections::HashMap;

use anyhow::Result;

use crate::nix::{CALLS, Derivation, FixedOutput, Nix, Outside, Sandbox, Settings, StorePath};
use crate::record::{self, Inputs, Record, RecordedInput};

/// What each derivation takes from outside.
#[derive(Default)]
pub(super) struct Outsides {
    of: HashMap<StorePath, Outside>,
    /// The paths of this machine that every builder here can read; `None` if builds are on another machine.
    host: Option<Host>,
    /// The sizes of the inputs that the store has.
    sizes: HashMap<StorePath, Option<u64>>,
}

/// How far builders of this machine are kept from its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// The paths in the sandbox; `/` without one.
    paths: Vec<String>,
    /// Whether a derivation can leave the sandbox.
    is_relaxed: bool,
}

impl Host {
    pub(super) fn of(settings: &Settings) -> Self {
        Self { paths: settings.host_paths(), is_relaxed: settings.sandbox == Sandbox::Relaxed }
    }

    fn paths_for(&self, outside: &Outside) -> Vec<String> {
        if self.is_relaxed && outside.leaves_sandbox {
            return vec!["/".to_owned()];
        }
        let mut paths: Vec<_> = self.paths.iter().chain(&outside.host_paths).cloned().collect();
        paths.sort();
        paths.dedup();
        record::host_paths(paths)
    }
}

impl Outsides {
    pub(super) fn new(of: HashMap<StorePath, Outside>, host: Option<Host>) -> Self {
        Self { of, host, sizes: HashMap::new() }
    }

    /// Reads the closures of derivations and the sizes of what they take.
    ///
    /// # Errors
    /// When the derivations cannot be read.
    pub(super) fn read(nix: &Nix, drvs: &[StorePath], host: Option<Host>) -> Result<Self> {
        let mut outsides = Self::new(nix.outside(drvs)?, host);
        outsides.measure(nix, drvs);
        Ok(outsides)
    }

    /// Asks the store for the sizes of the inputs of these derivations, as far as they are not known. Errors are ignored: records
    /// are complete without sizes.
    pub(super) fn measure(&mut self, nix: &Nix, drvs: &[StorePath]) {
        if self.host.is_none() {
            return;
        }
        let inputs = drvs.iter().filter_map(|drv| self.of.get(drv)).flat_map(|outside| &outside.inputs);
        let paths = inputs.filter_map(|input| input.path.as_ref()).filter(|path| !self.sizes.contains_key(path));
        let paths: Vec<_> = paths.cloned().collect();
        if !paths.is_empty() {
            self.sizes.extend(nix.nar_sizes(&paths).unwrap_or_default());
        }
    }

    /// The derivation with its output `calls` to be built too, if it has one.
    pub(super) fn with_calls(&self, mut derivation: Derivation) -> Derivation {
        let calls = self.of.get(&derivation.drv).and_then(|outside| outside.calls.clone());
        if let Some(path) = calls.filter(|path| derivation.outputs.iter().all(|(_, known)| known != path)) {
            derivation.outputs.push((CALLS.to_owned(), path));
        }
        derivation
    }

    /// The store paths of a derivation's inputs that the store has.
    pub(super) fn paths(&self, drv: &StorePath) -> Vec<StorePath> {
        let inputs = self.of.get(drv).into_iter().flat_map(|outside| &outside.inputs);
        inputs.filter_map(|input| input.path.clone()).filter(|path| self.sizes.contains_key(path)).collect()
    }

    /// Sets the inputs of a record.
    pub(super) fn note(&self, record: &mut Record, drv: &StorePath) {
        let input = |FixedOutput { kind, name, hash, path, .. }: &FixedOutput| RecordedInput {
            kind: *kind,
            name: name.clone(),
            hash: hash.clone(),
            size: path.as_ref().and_then(|path| self.sizes.get(path).copied().flatten()),
        };
        record.inputs = self.of.get(drv).map(|outside| Inputs::new(outside.inputs.iter().map(input)));
    }

    /// The paths of this machine that the builder of a derivation could read; `None` if it ran on another machine.
    pub(super) fn impure(&self, drv: &StorePath, machine: Option<&str>) -> Option<Vec<String>> {
        let host = self.host.as_ref().filter(|_| machine.is_none())?;
        Some(host.paths_for(self.of.get(drv)?))
    }
}
