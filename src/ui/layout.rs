//! Which axes of a lattice form its tables, and their rows and columns.

use crate::config::Config;
use crate::lattice::{Coordinate, Point};

/// The axes of the tables, by their positions. Each axis is in one of the lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    titles: Vec<usize>,
    rows: Vec<usize>,
    columns: Vec<usize>,
}

/// The axes that the user wants as rows and columns, by their positions.
#[derive(Debug, Clone, Default)]
pub struct WantedAxes {
    /// The rows; `None` for all that are nothing else.
    pub rows: Option<Vec<usize>>,
    /// The columns; `None` for the usual one.
    pub columns: Option<Vec<usize>>,
}

/// An axis is wanted twice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("axis `{0}` is given twice: an axis is in the rows or in the columns")]
pub struct AxisTwice(String);

/// The place of a point in the tables: its coordinates on some axes, ordered as lattice.toml orders the values.
pub(super) type Place<'p> = Vec<Part<'p>>;

/// A coordinate with its text, which depends on the other axes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part<'p> {
    coordinate: &'p Coordinate,
    text: String,
}

impl Layout {
    /// The layout by default: a table for each value of the sets, and the architectures as its columns.
    pub fn of(config: &Config) -> Self {
        let (titles, column) = (config.title_axes(), config.column_axis());
        let rows = (0..config.lattice.axes().len()).filter(|i| !titles.contains(i) && Some(*i) != column).collect();
        Self { titles, rows, columns: column.into_iter().collect() }
    }

    /// The layout with the axes that the user wants; the other axes form the tables.
    ///
    /// # Errors
    /// When an axis is given twice.
    pub fn with(config: &Config, wanted: WantedAxes) -> Result<Self, AxisTwice> {
        let WantedAxes { rows, columns } = wanted;
        let axes = config.lattice.axes();
        let given: Vec<usize> = rows.iter().chain(&columns).flatten().copied().collect();
        if let Some((_, twice)) = given.iter().enumerate().find(|(i, axis)| given[..*i].contains(axis)) {
            return Err(AxisTwice(axes[*twice].name.to_string()));
        }
        let usual = Self::of(config);
        let others = |usual: Vec<usize>| usual.into_iter().filter(|axis| !given.contains(axis)).collect();
        let rows = rows.unwrap_or_else(|| others(usual.rows));
        let columns = columns.unwrap_or_else(|| others(usual.columns));
        let titles = (0..axes.len()).filter(|axis| !rows.contains(axis) && !columns.contains(axis)).collect();
        Ok(Self { titles, rows, columns })
    }

    /// The table of a point.
    pub(super) fn title<'p>(&self, point: &'p Point, texts: &[String]) -> Place<'p> {
        place(&self.titles, point, texts)
    }

    /// The row of a point in its table.
    pub(super) fn row<'p>(&self, point: &'p Point, texts: &[String]) -> Place<'p> {
        place(&self.rows, point, texts)
    }

    /// The row of a point without the last axis: the line of counts it belongs to.
    pub(super) fn group_of_rows<'p>(&self, point: &'p Point, texts: &[String]) -> Place<'p> {
        place(self.rows.split_last().map_or(&[], |(_, others)| others), point, texts)
    }

    /// The column of a point in its table.
    pub(super) fn column<'p>(&self, point: &'p Point, texts: &[String]) -> Place<'p> {
        place(&self.columns, point, texts)
    }
}

/// The text of a place, such as `phase1/step2`.
pub(super) fn text(place: &[Part<'_>]) -> String {
    place.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join("/")
}

fn place<'p>(axes: &[usize], point: &'p Point, texts: &[String]) -> Place<'p> {
    let part = |&axis: &usize| Part { coordinate: &point.coordinates()[axis], text: texts[axis].clone() };
    axes.iter().map(part).collect()
}
