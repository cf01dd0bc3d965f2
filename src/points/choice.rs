//! Selection of points by state instead of by name.

use std::collections::HashMap;

use anyhow::Result;

use crate::config::Config;
use crate::context::Context;
use crate::lattice::Point;
use crate::points::census::Census;
use crate::points::status;
use crate::record::State;

/// A condition on the state of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Every point.
    All,
    /// Points that can be worked on now: not built, while all their lower covers are built.
    Frontier,
    /// Points without a `built` record whose last build failed.
    Failed,
}

/// Return those of `points` that fulfil all `choices`, in the same order.
///
/// # Errors
/// When refs, objects or records cannot be read.
pub fn choose(
    context: &Context,
    config: &Config,
    census: &Census,
    points: Vec<Point>,
    choices: &[Choice],
) -> Result<Vec<Point>> {
    if choices.iter().all(|choice| *choice == Choice::All) {
        return Ok(points);
    }
    // The lower covers of a point may be any other points, so survey all of them.
    let survey = status::states(context, config, census, None)?;
    let states: HashMap<&Point, State> =
        survey.points.iter().map(|status| (&status.named.point, status.state_by_records())).collect();
    let is = |point: &Point, state: State| states.get(point) == Some(&state);
    let is_frontier = |point: &Point| {
        let covers = || census.population().maximal_below(point);
        states.contains_key(point) && !is(point, State::Built) && covers().iter().all(|below| is(below, State::Built))
    };
    let is_selected = |point: &Point| {
        choices.iter().all(|choice| match choice {
            Choice::All => true,
            Choice::Frontier => is_frontier(point),
            Choice::Failed => is(point, State::Failed),
        })
    };
    Ok(points.into_iter().filter(is_selected).collect())
}
