//! Diagrams of points in several languages.

pub mod dot;
pub mod json;
mod layout;
pub mod mermaid;
pub mod svg;
pub mod text;

use crate::config::Config;
use crate::lattice::{Point, Spelled};
use crate::points::diagram::Diagram;
use crate::points::status::PointStatus;
use crate::record::State;
use crate::ui::picture;

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

    /// The state of a node with all marks that `status` has.
    fn marked(&self, node: usize) -> String {
        let status = self.status(node);
        format!("{}{}", status.state.word(), picture::flags(status, self.is_head(node), self.config.remote.is_some()))
    }

    /// The name of a node's point.
    fn spelled(&self, node: usize) -> Spelled {
        self.config.spell(self.point(node))
    }
}

/// The colour of a state where a document has no style sheet, legible on white and on dark backgrounds.
fn color(state: State) -> &'static str {
    match state {
        State::New => "#8c959f",
        State::Built => "#00966f",
        State::Failed => "#d9534f",
        State::NoBuilder | State::Behind => "#b58105",
        State::Queued | State::Building => "#3a87c8",
        State::Disputed => "#c04f9b",
    }
}
