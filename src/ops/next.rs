//! The next step above a point.

use anyhow::Result;

use super::{Cannot, Refusal};
use crate::config::Config;
use crate::lattice::Point;
use crate::points::census::Census;

/// The point one step above `point`, on the last chain axis.
///
/// # Errors
/// [`Refusal::LastStep`] at the end of a closed chain.
pub fn above(config: &Config, point: &Point) -> Result<Point> {
    let lattice = &config.lattice;
    if lattice.chain_axes().is_empty() {
        return Err(Cannot::NoAxis("no axis is a chain, so there is no next step".into()).into());
    }
    lattice.next_step(point).ok_or_else(|| Refusal::LastStep { point: config.spell(point).into() }.into())
}

/// The next steps above several points.
#[derive(Debug, Default)]
pub struct NextSteps {
    /// The next steps.
    pub points: Vec<Point>,
    /// The points that have none.
    pub last: Vec<Point>,
}

/// The points one step above `from`. Points at the end of a closed chain are left out.
///
/// # Errors
/// [`Refusal::LastStep`] when no point is left.
pub fn above_all(config: &Config, from: &[Point]) -> Result<NextSteps> {
    let mut next = NextSteps::default();
    for point in from {
        match above(config, point) {
            Ok(above) => next.points.push(above),
            Err(error) if !error.is::<Refusal>() => return Err(error),
            Err(error) if from.len() == next.last.len() + 1 => return Err(error),
            Err(_) => next.last.push(point.clone()),
        }
    }
    Ok(next)
}

/// The greatest existing point in the phase of `point`, for each architecture.
pub fn greatest_on_all_archs(config: &Config, census: &Census, point: &Point) -> Result<Vec<Point>> {
    let axis = config.systems.axis().ok_or_else(|| Cannot::NoAxis("no axis names the architecture".into()))?;
    Ok(config
        .lattice
        .variants(point, &[axis])
        .iter()
        .filter_map(|p| census.population().greatest_in_phase(p).cloned())
        .collect())
}
