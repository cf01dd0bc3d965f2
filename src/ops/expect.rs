//! Estimates how long builds take, from earlier builds.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;

use crate::context::Context;
use crate::lattice::{Coordinate, Lattice, Point, Spelled};
use crate::nix::StorePath;
use crate::record::{Record, Records};
use crate::system::System;

/// The times of earlier builds of some points and their neighbours, which differ from them on one axis only.
#[derive(Debug, Default)]
pub struct Estimates {
    /// Times of the points themselves, by system.
    own: HashMap<Spelled, BTreeMap<System, ByDrv>>,
    /// Times of the points on each line, which stands for points that differ on one axis only.
    near: HashMap<Line, HashMap<Spelled, ByDrv>>,
    lines: HashMap<Spelled, Vec<Line>>,
}

/// The coordinates of points that differ on one axis only: that axis, and the coordinates on the others.
type Line = (usize, Vec<Coordinate>);

/// By derivation: when it was last built, and its longest time. A later build may be shorter because the output
/// existed.
type ByDrv = BTreeMap<Option<StorePath>, (String, f64)>;

impl Estimates {
    /// Reads the times that tell how long the builds of `points` take.
    ///
    /// # Errors
    /// When lattice.toml or the records cannot be read.
    pub fn read<'p>(context: &Context, points: impl IntoIterator<Item = &'p Spelled>) -> Result<Self> {
        let config = context.config()?;
        let mut estimates = Self::default();
        for point in points {
            estimates.want(&config.lattice, point)?;
        }
        Records::open(&context.repo)?.each(&mut |record| {
            if record.verdict.is_good() && record.took().is_some() {
                estimates.note(&config.lattice, &record);
            }
        });
        Ok(estimates)
    }

    fn want(&mut self, lattice: &Lattice, point: &Spelled) -> Result<()> {
        let lines = lines(&point.read(lattice)?);
        self.near.extend(lines.iter().map(|line| (line.clone(), HashMap::new())));
        self.own.insert(point.clone(), BTreeMap::new());
        self.lines.insert(point.clone(), lines);
        Ok(())
    }

    fn note(&mut self, lattice: &Lattice, record: &Record) {
        let Ok(point) = record.point.read(lattice) else { return };
        if let Some(own) = self.own.get_mut(&record.point) {
            add(own.entry(record.system.clone()).or_default(), record);
        }
        for line in lines(&point) {
            if let Some(near) = self.near.get_mut(&line) {
                add(near.entry(record.point.clone()).or_default(), record);
            }
        }
    }

    /// The expected seconds of a point on one system: the last time of the point itself, else the median of its neighbours.
    pub fn on(&self, point: &Spelled, system: &System) -> Option<u64> {
        self.seconds(point, system).map(whole)
    }

    /// The expected seconds of a point on all these systems together.
    pub fn on_all(&self, point: &Spelled, systems: &[System]) -> Option<u64> {
        let known: Vec<f64> = systems.iter().filter_map(|system| self.seconds(point, system)).collect();
        (!known.is_empty()).then(|| whole(known.iter().sum()))
    }

    fn seconds(&self, point: &Spelled, system: &System) -> Option<f64> {
        let own = self.own.get(point).and_then(|own| own.get(system));
        let newest = own.and_then(|times| times.values().max_by(|a, b| a.0.cmp(&b.0)));
        newest.map(|(_, seconds)| *seconds).or_else(|| self.of_neighbours(point))
    }

    fn of_neighbours(&self, point: &Spelled) -> Option<f64> {
        let near = self.lines.get(point)?.iter().filter_map(|line| self.near.get(line)).flatten();
        let mut by_drv: BTreeMap<_, f64> = BTreeMap::new();
        for (drv, (_, seconds)) in near.filter(|(other, _)| *other != point).flat_map(|(_, times)| times) {
            let longest = by_drv.entry(drv).or_default();
            *longest = longest.max(*seconds);
        }
        median(by_drv.into_values())
    }
}

fn add(times: &mut ByDrv, record: &Record) {
    let (newest, longest) = times.entry(record.drv.clone()).or_default();
    if *newest < record.started {
        newest.clone_from(&record.started);
    }
    *longest = longest.max(record.seconds);
}

fn lines(point: &Point) -> Vec<Line> {
    let all = point.coordinates();
    let without = |axis: usize| all.iter().enumerate().filter(|(i, _)| *i != axis).map(|(_, it)| it.clone()).collect();
    (0..all.len()).map(|axis| (axis, without(axis))).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and far below the bounds")]
fn whole(seconds: f64) -> u64 {
    seconds.ceil().max(1.0) as u64
}

fn median(all: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<_> = all.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}
