//! Rows of `git lattice list`: points with no more than what is asked for, since commits cost more than refs, and records and
//! history more than commits.

use anyhow::Result;

use super::cache::Facts;
use super::census::Census;
use super::point_status::PointStatus;
use super::status;
use super::wanted::Wanted;
use crate::config::Config;
use crate::context::Context;
use crate::lattice::Point;
use crate::record::State;

/// What is read of each point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Its refs, which the census has.
    Refs,
    /// Its commit and the trees in it.
    Commit,
    /// Its records, the queue and the points below.
    State,
}

/// A point, and what was read of it.
#[derive(Debug, Clone)]
pub struct Row {
    /// The point.
    pub point: Point,
    /// Its key and parents, from [`Depth::Commit`] on.
    pub facts: Option<Facts>,
    /// Its state, at [`Depth::State`].
    pub state: Option<State>,
}

/// The rows, and what they lack.
#[derive(Debug, Default)]
pub struct Rows {
    /// The rows in the order of the points.
    pub rows: Vec<Row>,
    /// The points whose branch could not be read, with the error.
    pub unreadable: Vec<(Point, anyhow::Error)>,
    /// Refs and notes that could not be read.
    pub broken: Vec<String>,
}

impl Rows {
    /// Read the rows of those of `points` that are wanted. Conditions on the state need [`Depth::State`].
    ///
    /// # Errors
    /// When refs, objects or records cannot be read.
    pub fn read(
        context: &Context,
        config: &Config,
        census: &Census,
        points: Vec<Point>,
        (depth, wanted): (Depth, &Wanted),
    ) -> Result<Self> {
        if depth == Depth::State || !wanted.is_anything() {
            return Self::states(context, config, census, &points, wanted);
        }
        let mut rows = Self { broken: census.broken.clone(), ..Self::default() };
        if depth == Depth::Refs {
            rows.rows = points.into_iter().map(|point| Row { point, facts: None, state: None }).collect();
            return Ok(rows);
        }
        for (point, facts) in status::facts(context, config, census, points) {
            match facts {
                Ok(facts) => rows.rows.push(Row { point, facts: Some(facts), state: None }),
                Err(error) => rows.unreadable.push((point, error)),
            }
        }
        Ok(rows)
    }

    fn states(context: &Context, config: &Config, census: &Census, points: &[Point], wanted: &Wanted) -> Result<Self> {
        let is_all = points.len() == census.population().len();
        let mut survey = status::states(context, config, census, (!is_all).then_some(points))?;
        wanted.retain(&context.repo, &mut survey.points)?;
        let row = |status: PointStatus| Row {
            point: status.named.point,
            facts: Some(Facts { key: status.key, parents: status.parents }),
            state: Some(status.state),
        };
        let rows = survey.points.into_iter().map(row).collect();
        Ok(Self { rows, unreadable: survey.unreadable, broken: survey.broken })
    }
}
