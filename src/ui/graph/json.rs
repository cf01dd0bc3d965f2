//! The diagram as JSON.

use serde::{Serialize, Serializer};

use super::Picture;
use crate::branch_name::BranchName;
use crate::lattice::Spelled;
use crate::points::diagram::Edge;
use crate::record::State;

/// The document of `graph --format json`. Nodes are formatted while they are written.
#[derive(Serialize)]
pub struct GraphView<'a> {
    base: &'a BranchName,
    head: Option<Spelled>,
    nodes: Nodes<'a>,
}

struct Nodes<'a>(Picture<'a>, Vec<usize>);

#[derive(Serialize)]
struct NodeView<'a> {
    point: Spelled,
    branch: BranchName,
    commit: String,
    state: State,
    rank: usize,
    part: usize,
    below: Edges<'a>,
}

struct Edges<'a>(Picture<'a>, &'a [Edge]);

#[derive(Serialize)]
struct EdgeView {
    /// `None` is the base branch.
    point: Option<Spelled>,
    direct: bool,
}

impl<'a> GraphView<'a> {
    /// The view of a diagram.
    pub fn of(picture: Picture<'a>) -> Self {
        let mut parts = vec![0; picture.points.len()];
        for (part, nodes) in picture.diagram.parts.iter().enumerate() {
            nodes.iter().for_each(|node| parts[*node] = part);
        }
        Self {
            base: &picture.config.base,
            head: picture.head.map(|point| picture.config.spell(point)),
            nodes: Nodes(picture, parts),
        }
    }
}

impl Serialize for Nodes<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(picture, parts) = self;
        to.collect_seq(picture.diagram.nodes.iter().enumerate().map(|(at, node)| {
            let status = picture.status(at);
            NodeView {
                point: picture.spelled(at),
                branch: picture.config.branch_of(picture.point(at)),
                commit: status.commit.to_string(),
                state: status.state,
                rank: node.rank,
                part: parts[at],
                below: Edges(*picture, &node.below),
            }
        }))
    }
}

impl Serialize for Edges<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let view = |edge: &Edge| EdgeView { point: edge.to.map(|node| self.0.spelled(node)), direct: edge.is_direct };
        to.collect_seq(self.1.iter().map(view))
    }
}
