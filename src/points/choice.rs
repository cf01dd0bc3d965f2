//! Choosing what to build by what is known of the points, and not by their names.

use std::collections::HashMap;

use anyhow::Result;

use crate::config::Config;
use crate::context::Context;
use crate::lattice::Point;
use crate::points::census::Census;
use crate::points::status::{self, PointStatus};
use crate::record::State;

/// Which points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Every one.
    All,
    /// What can be worked on now: what is not built, and rests only on what is built or on the base.
    Frontier,
    /// What failed when it was built last.
    Failed,
}

/// Those of `points` for which every one of `choices` holds, in their order.
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
    // What a point rests on may be any other one.
    let survey = status::survey(context, config, census, None)?;
    let states: HashMap<&Point, State> =
        survey.points.iter().map(|status| (&status.named.point, built(status))).collect();
    let is = |point: &Point, state: State| states.get(point) == Some(&state);
    let is_frontier = |point: &Point| {
        let rests = || census.population().maximal_below(point);
        states.contains_key(point) && !is(point, State::Built) && rests().iter().all(|below| is(below, State::Built))
    };
    let is_meant = |point: &Point| {
        choices.iter().all(|choice| match choice {
            Choice::All => true,
            Choice::Frontier => is_frontier(point),
            Choice::Failed => is(point, State::Failed),
        })
    };
    Ok(points.into_iter().filter(is_meant).collect())
}

/// What the records say of the point's content, whether or not a point below has moved on since.
fn built(status: &PointStatus) -> State {
    match status.state {
        State::Behind => State::of(&status.verdicts, &status.systems),
        state => state,
    }
}
