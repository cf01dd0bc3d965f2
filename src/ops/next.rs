//! The step above a point.

use anyhow::Result;

use super::census::Census;
use super::{Cannot, Refusal};
use crate::config::Config;
use crate::lattice::order::Next;
use crate::lattice::{Kind, Lattice, Point};

/// The point one step above `point`: on the last chain axis.
///
/// # Errors
/// [`Refusal::LastStep`] at the end of a closed chain.
pub fn above(lattice: &Lattice, point: &Point) -> Result<Point> {
    let axis = *lattice
        .chain_axes()
        .last()
        .ok_or_else(|| Cannot::NoAxis("no axis is a chain, so there is no next step".into()))?;
    match lattice.next_on(point, axis) {
        Next::Point(next) => Ok(next),
        Next::End => Err(Refusal::LastStep { point: lattice.spell(point) }.into()),
    }
}

/// For every value of the axis that says the architecture: the greatest point that exists in the phase of `point`.
pub fn greatest_on_all_archs(config: &Config, census: &Census, point: &Point) -> Result<Vec<Point>> {
    let axis = config.systems.axis().ok_or_else(|| Cannot::NoAxis("no axis says the architecture".into()))?;
    Ok(variants(&config.lattice, point, &[axis])
        .iter()
        .filter_map(|p| census.population().greatest_in_phase(p).cloned())
        .collect())
}

/// `point` with every combination of single values on the set axes `axes`.
pub fn variants(lattice: &Lattice, point: &Point, axes: &[usize]) -> Vec<Point> {
    axes.iter().fold(vec![point.clone()], |points, &axis| {
        let members = match &lattice.axes()[axis].kind {
            Kind::Set(listed) => 0..u32::try_from(listed.values().len()).unwrap_or(u32::MAX),
            Kind::Chain(_) => 0..0,
        };
        points.iter().flat_map(|point| members.clone().map(|m| lattice.with_member(point, axis, m))).collect()
    })
}
