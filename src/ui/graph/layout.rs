//! The grid of a part of a diagram: points with equal sets are a column, points with equal chain values are a row.
//!
//! A lattice needs no general layout. Points with equal sets form a chain, so a column has no two points that are not above each other,
//! and its edges are straight. An edge to another column leads to a point with fewer values. Only points of the own column can be
//! in the way down to the row above that point, but those are not: one of them would lie between both. So no edge crosses a box.

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

impl Grid {
    /// The grid of the part at this position.
    pub(super) fn of(picture: &Picture<'_>, part: usize) -> Self {
        let nodes = &picture.diagram.parts[part];
        let columns = distinct(nodes, |node| Column::of(picture.point(node)));
        let rows = distinct(nodes, |node| row(picture.point(node)));
        let names = Names::of(picture, nodes);
        let place = |&node: &usize| {
            let (point, status) = (picture.point(node), picture.status(node));
            let column = Column::of(point);
            let (name, label) = names.of_node(picture, node);
            NodeBox {
                node,
                column: columns.partition_point(|other| *other < column),
                row: rows.partition_point(|other| *other < row(point)),
                name: format!("{} {name}", picture::mark(status.state, false).0),
                state: format!("{label}{}{}", if label.is_empty() { "" } else { " " }, picture.word(node)),
            }
        };
        let boxes = nodes.iter().map(place).collect();
        Self { title: names.title, columns: columns.len(), rows: rows.len(), boxes }
    }

    /// The box of a node.
    pub(super) fn node(&self, node: usize) -> Option<&NodeBox> {
        self.boxes.binary_search_by_key(&node, |it| it.node).ok().map(|at| &self.boxes[at])
    }
}

/// The different values of the nodes, ascending.
fn distinct<T: Ord>(nodes: &[usize], value: impl Fn(usize) -> T) -> Vec<T> {
    nodes.iter().map(|&node| value(node)).collect::<BTreeSet<T>>().into_iter().collect()
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
