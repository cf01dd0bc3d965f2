//! Estimates how long a build takes, from earlier builds.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::context::Context;
use crate::lattice::{Lattice, Point, Spelled};
use crate::nix::StorePath;
use crate::record::{Record, Records};
use crate::system::System;

/// The expected seconds for all systems of a point: the last time of the point itself, else the median of its
/// neighbours, which differ from it on one axis only.
///
/// # Errors
/// When lattice.toml or the records cannot be read.
pub(super) fn seconds(context: &Context, point: &Spelled) -> Result<Option<u64>> {
    let config = context.config()?;
    let lattice = &config.lattice;
    let own = point.read(lattice)?;
    let mut times = Times::default();
    Records::open(&context.repo)?.each(&mut |record| {
        if record.verdict.is_good() && record.took().is_some() {
            times.note(lattice, point, &own, &record);
        }
    });
    let systems = config.systems.of(lattice, &own);
    let known: Vec<f64> = systems.iter().filter_map(|system| times.on(system)).collect();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and far below the bounds")]
    let whole = |seconds: f64| seconds.ceil().max(1.0) as u64;
    Ok((!known.is_empty()).then(|| whole(known.iter().sum())))
}

#[derive(Default)]
struct Times {
    /// Times of the point itself, by system.
    own: BTreeMap<System, ByDrv>,
    near: ByDrv,
}

/// By derivation: when it was last built, and its longest time. A later build may be shorter because the output
/// existed.
type ByDrv = BTreeMap<Option<StorePath>, (String, f64)>;

impl Times {
    fn note(&mut self, lattice: &Lattice, spelled: &Spelled, own: &Point, record: &Record) {
        let times = if record.point == *spelled {
            self.own.entry(record.system.clone()).or_default()
        } else if record.point.read(lattice).is_ok_and(|other| is_near(&other, own)) {
            &mut self.near
        } else {
            return;
        };
        let (newest, longest) = times.entry(record.drv.clone()).or_default();
        if *newest < record.started {
            newest.clone_from(&record.started);
        }
        *longest = longest.max(record.seconds);
    }

    fn on(&self, system: &System) -> Option<f64> {
        let newest = self.own.get(system).and_then(|times| times.values().max_by(|a, b| a.0.cmp(&b.0)));
        newest.map(|(_, seconds)| *seconds).or_else(|| median(self.near.values().map(|(_, seconds)| *seconds)))
    }
}

fn is_near(a: &Point, b: &Point) -> bool {
    a.coordinates().iter().zip(b.coordinates()).filter(|(a, b)| a != b).count() == 1
}

fn median(all: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<_> = all.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}
