//! The grid of a part of a diagram: points with equal sets are a column, points with equal chain values are a row.
//!
//! A lattice needs no general layout. Points with equal sets form a chain, so any two points of a column are comparable, and edges within
//! a column are straight. An edge to another column ends at a point with fewer values. It runs down its own column first. A box of this
//! column on its way would be a point between its two ends, and then the edge would not exist. So no edge crosses a box.

use std::collections::BTreeSet;

use super::Picture;
use crate::lattice::{Coordinate, Point};
use crate::ui::picture;

/// The grid of a part.
pub(super) struct Grid {
    /// What its points have in common.
    pub(super) title: String,
    /// The number of columns.
    pub(super) columns: usize,
    /// The number of rows; row 0 is the lowest.
    pub(super) rows: usize,
    /// The boxes in the order of the part's nodes.
    pub(super) boxes: Vec<NodeBox>,
}

/// A node in the grid.
pub(super) struct NodeBox {
    pub(super) node: usize,
    pub(super) column: usize,
    pub(super) row: usize,
    /// The mark and the chain values, such as `✓ phase0/step1`.
    pub(super) name: String,
    /// The values of the column and the state, such as `aarch64 built`.
    pub(super) state: String,
}

/// The place of a column: for each set axis the mean position of its values, so that a join comes between the columns that it joins.
/// The values themselves tell columns apart whose means are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Column<'a>(Vec<u64>, Vec<&'a Coordinate>);

/// The place of a row: chain values, then the number of values on the set axes. What is below another point is in a lower row.
type Row = (Vec<u64>, usize);

/// The columns and rows of points.
struct Places {
    columns: usize,
    rows: usize,
    /// The column and the row of each point.
    at: Vec<(usize, usize)>,
}

impl Places {
    fn of(points: &[&Point]) -> Self {
        let columns = distinct(points.iter().map(|point| Column::of(point)));
        let rows = distinct(points.iter().map(|point| row(point)));
        let place = |point: &&Point| {
            let (column, row) = (Column::of(point), row(point));
            (columns.partition_point(|other| *other < column), rows.partition_point(|other| *other < row))
        };
        Self { columns: columns.len(), rows: rows.len(), at: points.iter().map(place).collect() }
    }
}

impl Grid {
    /// The grid of the part at this position.
    pub(super) fn of(picture: &Picture<'_>, part: usize) -> Self {
        let nodes = &picture.diagram.parts[part];
        let places = Places::of(&nodes.iter().map(|&node| picture.point(node)).collect::<Vec<_>>());
        let names = Names::of(picture, nodes);
        let place = |(&node, &(column, row)): (&usize, &(usize, usize))| {
            let (name, label) = names.of_node(picture, node);
            let state = format!("{label}{}{}", if label.is_empty() { "" } else { " " }, picture.word(node));
            let name = format!("{} {name}", picture::mark(picture.status(node).state, false).0);
            NodeBox { node, column, row, name, state }
        };
        let boxes = nodes.iter().zip(&places.at).map(place).collect();
        Self { title: names.title, columns: places.columns, rows: places.rows, boxes }
    }

    /// The box of a node.
    pub(super) fn node(&self, node: usize) -> Option<&NodeBox> {
        self.boxes.binary_search_by_key(&node, |it| it.node).ok().map(|at| &self.boxes[at])
    }
}

/// The different values, ascending.
fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.collect::<BTreeSet<T>>().into_iter().collect()
}

impl<'a> Column<'a> {
    fn of(point: &'a Point) -> Self {
        let sets: Vec<_> = point.coordinates().iter().filter(|it| matches!(it, Coordinate::Members(_))).collect();
        Self(sets.iter().map(|set| mean(set)).collect(), sets)
    }
}

/// The mean position of the values, in fractions that tell all means of small sets apart.
fn mean(set: &Coordinate) -> u64 {
    match set {
        Coordinate::Members(members) => {
            let (sum, count) =
                members.iter().fold((0, 0), |(sum, count), member| (sum + u64::from(*member), count + 1));
            (sum << 20) / count.max(1)
        }
        Coordinate::Rank(_) => 0,
    }
}

fn row(point: &Point) -> Row {
    let (sizes, ranks, _) = point.extension_key();
    (ranks, sizes)
}

/// How the points of a part are called: what all of them have in common is in its title.
struct Names {
    title: String,
    /// The chain axes.
    chains: Vec<usize>,
    /// The set axes on which the points differ.
    sets: Vec<usize>,
}

impl Names {
    fn of(picture: &Picture<'_>, nodes: &[usize]) -> Self {
        let lattice = &picture.config.lattice;
        let chains = lattice.chain_axes();
        let differs = |axis: &usize| {
            let value = |node: &usize| &picture.point(*node).coordinates()[*axis];
            nodes.iter().any(|node| value(node) != value(&nodes[0]))
        };
        let all_sets = (0..lattice.axes().len()).filter(|axis| !chains.contains(axis));
        let (sets, common): (Vec<usize>, Vec<usize>) = all_sets.partition(differs);
        let first = lattice.texts(picture.point(nodes[0]));
        Self { title: joined(&first, &common), chains, sets }
    }

    /// The name of a node, and the label of its column.
    fn of_node(&self, picture: &Picture<'_>, node: usize) -> (String, String) {
        let texts = picture.config.lattice.texts(picture.point(node));
        (joined(&texts, &self.chains), joined(&texts, &self.sets))
    }
}

fn joined(texts: &[String], axes: &[usize]) -> String {
    axes.iter().map(|&axis| texts[axis].as_str()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::points::diagram::samples::{config, points};
    use crate::points::diagram::{Diagram, Edge};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn no_edge_crosses_a_box(points in points()) {
            let diagram = Diagram::of(config(), &points.iter().cloned().collect(), &points.iter().collect::<Vec<_>>());
            let at = Places::of(&points.iter().collect::<Vec<_>>()).at;
            for (from, Edge { to, .. }) in diagram.edges() {
                let (column, row) = at[from];
                let end = to.map(|to| at[to].1);
                prop_assert!(end < Some(row), "an edge should go down");
                let is_crossed = |&(other, between): &(usize, usize)| other == column && between < row && Some(between) > end;
                prop_assert!(!at.iter().any(is_crossed), "{from} to {to:?}: {at:?}");
            }
        }

        #[test]
        fn no_two_boxes_have_one_place(points in points()) {
            let at = Places::of(&points.iter().collect::<Vec<_>>()).at;
            prop_assert_eq!(at.iter().collect::<BTreeSet<_>>().len(), points.len());
        }
    }
}
