//! How long a build will take, by what earlier ones took.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::context::Context;
use crate::lattice::{Lattice, Point};
use crate::record::{Record, Records};

/// How many seconds all systems of a point will take: what the point itself took last, else what its neighbours took, those
/// that differ from it on one axis only.
///
/// # Errors
/// When lattice.toml or the records cannot be read.
pub(super) fn seconds(context: &Context, point: &str) -> Result<Option<u64>> {
    let config = context.config()?;
    let lattice = &config.lattice;
    let own = lattice.parse_point(point)?;
    let mut times = Times::default();
    Records::open(&context.repo)?.each(&mut |record| {
        if record.verdict.is_good() && record.seconds > 0.0 {
            times.note(lattice, point, &own, &record);
        }
    });
    let systems = config.systems.of(lattice, &own);
    let known: Vec<f64> = systems.iter().filter_map(|system| times.on(system.as_str())).collect();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and far below the bounds")]
    let whole = |seconds: f64| seconds.ceil().max(1.0) as u64;
    Ok((!known.is_empty()).then(|| whole(known.iter().sum())))
}

#[derive(Default)]
struct Times {
    /// The newest of the point itself, system by system: when, and how long.
    own: BTreeMap<String, (String, f64)>,
    near: Vec<f64>,
}

impl Times {
    fn note(&mut self, lattice: &Lattice, spelled: &str, own: &Point, record: &Record) {
        if record.point == spelled {
            let newest = self.own.entry(record.system.clone()).or_default();
            if newest.0 <= record.started {
                *newest = (record.started.clone(), record.seconds);
            }
        } else if lattice.parse_point(&record.point).is_ok_and(|other| is_near(&other, own)) {
            self.near.push(record.seconds);
        }
    }

    fn on(&self, system: &str) -> Option<f64> {
        self.own.get(system).map(|(_, seconds)| *seconds).or_else(|| median(&self.near))
    }
}

fn is_near(a: &Point, b: &Point) -> bool {
    a.coordinates().iter().zip(b.coordinates()).filter(|(a, b)| a != b).count() == 1
}

fn median(all: &[f64]) -> Option<f64> {
    let mut sorted = all.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}
