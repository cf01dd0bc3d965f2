//! The machines used by one run of builds: the options for Nix, which systems can be built, and where results are
//! copied.

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;

use super::outside::{Host, Outsides};
use super::places::Places;
use super::{Done, Progress, Pushed};
use crate::nix::{
    self, AbsentInput, Capability, Mode, Nix, NoBuilder, Options, Outside, Sandbox, StorePath, StoreUrl,
    without_parameters,
};
use crate::ops::limits;
use crate::process::{self, quote};
use crate::record::Record;
use crate::system::System;

/// Why a derivation cannot be built.
pub(super) enum Obstacle {
    /// No machine builds for a system that it needs.
    NoBuilder(NoBuilder),
    /// These inputs are not in the store.
    Absent(Vec<AbsentInput>),
}

/// The machines, according to the user's Nix configuration and the places of this run.
pub(super) struct Machines {
    /// Options for every Nix command of this run.
    pub(super) options: Options,
    /// Which systems can be built, and by which machine.
    pub(super) capability: Capability,
    places: Places,
    signs: bool,
    host: Host,
}

/// What is known of derivations before they are built.
#[derive(Default)]
pub(super) struct Prepared {
    /// Why some cannot be built.
    pub(super) obstacles: HashMap<StorePath, Obstacle>,
    /// What they take from outside.
    pub(super) outside: Outsides,
}

impl Machines {
    /// Reads the settings of Nix.
    ///
    /// # Errors
    /// When the settings cannot be read.
    pub(super) fn new(nix: &Nix, mode: Mode, places: Places) -> Result<Self> {
        let mut settings = nix.settings()?;
        let mut options = Options::new(mode);
        if let Some(builders) = &places.builders {
            builders.as_str().clone_into(&mut settings.builders);
            options.settings.push(("builders".to_owned(), builders.as_str().to_owned()));
        }
        if !places.substituters.is_empty() {
            let urls: Vec<&str> = places.substituters.iter().map(StoreUrl::as_str).collect();
            options.settings.push(("extra-substituters".to_owned(), urls.join(" ")));
        }
        if let Some(store) = &places.store {
            store.as_str().clone_into(&mut settings.store);
        }
        options.store.clone_from(&places.store);
        if matches!(options.mode, Mode::Automatic(_)) {
            settings.sandbox = Sandbox::On;
        }
        let (capability, host, signs) = (Capability::of(&settings), Host::of(&settings), settings.signs);
        Ok(Self { options, capability, places, signs, host })
    }

    /// What builders of this machine can read of it; `None` if builds are on another one.
    pub(super) fn host(&self) -> Option<Host> {
        (!self.is_elsewhere()).then(|| self.host.clone())
    }

    /// Whether the results stay on another machine, so that a local link to them would dangle.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.places.store.is_some() || self.capability.store.is_some()
    }

    /// Copies derivations to the store in which they are built, and finds out which cannot be built: they, or a missing dependency,
    /// need a system without a builder or an input that is not there.
    ///
    /// # Errors
    /// When Nix fails, or the store cannot be reached.
    pub(super) fn prepare(&self, nix: &Nix, drvs: &[StorePath]) -> Result<Prepared> {
        if drvs.is_empty() {
            return Ok(Prepared::default());
        }
        if let Some(store) = &self.places.store {
            nix.send(drvs, store, &self.options)?;
        }
        // A remote store does not report the systems that it can build.
        if self.capability.store.is_some() {
            let outside = nix.outside(drvs)?;
            self.send_inputs(nix, &outside)?;
            return Ok(Prepared { outside: Outsides::new(outside, self.host()), ..Prepared::default() });
        }
        let (mut obstacles, mut outside) = (HashMap::new(), HashMap::new());
        for (drv, needs) in nix.needs(drvs, &self.options)? {
            outside.insert(drv.clone(), needs.outside);
            obstacles.extend(self.obstacle(needs.systems, needs.absent).map(|obstacle| (drv, obstacle)));
        }
        Ok(Prepared { obstacles, outside: Outsides::new(outside, self.host()) })
    }

    /// Copies inputs that Nix cannot fetch from the user's store to the one in which derivations are built.
    fn send_inputs(&self, nix: &Nix, outside: &HashMap<StorePath, Outside>) -> Result<()> {
        let Some(store) = &self.places.store else { return Ok(()) };
        let inputs = outside.values().flat_map(|outside| &outside.inputs).filter(|input| input.is_to_be_added);
        let paths: BTreeSet<_> = inputs.filter_map(|input| input.path.clone()).collect();
        if paths.is_empty() {
            return Ok(());
        }
        let here: Vec<_> = nix.nar_sizes(&paths)?.into_keys().collect();
        if here.is_empty() { Ok(()) } else { Ok(nix.push(&here, None, store, &self.options)?) }
    }

    fn obstacle(&self, systems: BTreeSet<System>, absent: BTreeSet<AbsentInput>) -> Option<Obstacle> {
        let no_builder = systems.into_iter().find_map(|system| self.capability.require(&system).err());
        let absent = (!absent.is_empty()).then(|| Obstacle::Absent(absent.into_iter().collect()));
        no_builder.map(Obstacle::NoBuilder).or(absent)
    }

    /// Whether a build for `system` can be repeated and compared. Nix does that locally or in the store, never on a
    /// remote builder.
    pub(super) fn can_compare(&self, system: &System) -> bool {
        self.capability.store.is_some() || self.capability.here.contains(system)
    }

    /// Sets the store and the machine of a record; `machine` is the remote builder that Nix reported.
    pub(super) fn note_place(&self, record: &mut Record, machine: Option<&str>) {
        let store = self.places.store.as_ref().map(StoreUrl::as_str).or(self.capability.store.as_deref());
        record.store = store.map(without_parameters).map(str::to_owned);
        record.machine = machine.map(without_parameters).map(str::to_owned);
    }

    /// Copies the new results with their closures to the cache for this run, if there is one, and what they took from outside: another
    /// machine that builds upon them needs it too.
    pub(super) fn push(&self, nix: &Nix, done: &[Option<Done>], on: &mut dyn FnMut(Progress<'_>)) {
        let Some(to) = &self.places.push_cache else { return };
        let fresh = done.iter().flatten().filter(|done| done.fresh && done.record.verdict.is_good());
        let of = |done: &Done| {
            let outputs = done.record.outputs.values().map(|output| output.path.clone());
            outputs.chain(done.inputs.clone()).collect::<Vec<_>>()
        };
        let paths: BTreeSet<StorePath> = fresh.flat_map(of).collect();
        let paths: Vec<StorePath> = paths.into_iter().collect();
        if paths.is_empty() {
            return;
        }
        on(Progress::Pushing(to.bare()));
        let failed = nix.push(&paths, self.places.store.as_ref(), to, &self.options).err();
        let hints = match &failed {
            Some(nix::Error::Process(process::Error::Stalled { limit, .. })) => {
                vec![self.copy_hint(to, &paths), limits::hint_for_network(*limit)]
            }
            Some(_) => vec![self.copy_hint(to, &paths)],
            None => self.unsigned_hint(to).into_iter().collect(),
        };
        on(Progress::Pushed(&Pushed { to: to.bare().to_owned(), paths: paths.len(), failed, hints }));
    }

    fn copy_hint(&self, to: &StoreUrl, paths: &[StorePath]) -> String {
        let from = self.places.store.as_ref().map(|url| format!("--from {} ", quote(url.as_str()))).unwrap_or_default();
        let paths: Vec<&str> = paths.iter().map(StorePath::as_str).collect();
        format!(
            "the results are recorded; `nix copy {from}--to {} {}` copies them",
            quote(to.as_str()),
            paths.join(" ")
        )
    }

    /// A hint that the copies have no signature: clients accept paths from a remote cache only with one.
    fn unsigned_hint(&self, to: &StoreUrl) -> Option<String> {
        let is_signed = self.signs || to.as_str().contains("secret-key") || to.is_remote();
        (!is_signed).then(|| {
            format!(
                "copied without a signature, so other machines refuse it: add `?secret-key=FILE` to {}, or `secret-key-files` to nix.conf",
                to.bare()
            )
        })
    }
}
