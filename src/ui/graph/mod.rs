//! Diagrams of points in several languages.

mod layout;
pub mod svg;

use crate::config::Config;
use crate::lattice::Point;
use crate::points::diagram::Diagram;
use crate::points::status::PointStatus;

/// What a diagram shows.
#[derive(Clone, Copy)]
pub struct Picture<'a> {
    /// The lattice.
    pub config: &'a Config,
    /// The points.
    pub points: &'a [PointStatus],
    /// The diagram of these points.
    pub diagram: &'a Diagram,
    /// The point of HEAD.
    pub head: Option<&'a Point>,
}

impl<'a> Picture<'a> {
    /// The status of a node.
    fn status(&self, node: usize) -> &'a PointStatus {
        &self.points[node]
    }

    /// The point of a node.
    fn point(&self, node: usize) -> &'a Point {
        &self.status(node).named.point
    }

    /// Whether a node is the point of HEAD.
    fn is_head(&self, node: usize) -> bool {
        self.head == Some(self.point(node))
    }

    /// The state of a node as a word, with `*` at the point of HEAD.
    fn word(&self, node: usize) -> String {
        let word = self.status(node).state.word();
        if self.is_head(node) { format!("{word} *") } else { word.to_owned() }
    }
}
