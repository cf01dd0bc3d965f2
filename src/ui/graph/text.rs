//! The diagram for terminals: upper points first, in the style of `git log --graph`.

use renderdag::{Ancestor, GraphRowRenderer, Renderer};

use super::Picture;
use crate::points::diagram::{Edge, Node};
use crate::record::State;
use crate::text::tally;
use crate::ui::wrap::columns;
use crate::ui::{Screen, Tone, paint, picture};

/// The fewest points of a run that are folded into one line.
const RUN: usize = 3;
/// The states whose points are always shown.
const NOTABLE: [State; 3] = [State::Failed, State::Disputed, State::Behind];

/// A node; `None` is the base branch.
type Place = Option<usize>;

/// A line of the diagram: a node, or several of a chain that are folded, from the top down.
struct Line {
    nodes: Vec<usize>,
}

/// The diagram, line by line. With `folds`, points in the middle of a chain that are in the same state are counted.
pub fn lines(picture: &Picture<'_>, folds: bool, screen: Screen) -> Vec<String> {
    let output = GraphRowRenderer::new().output().with_min_row_height(0);
    let text = if screen.ascii {
        draw(picture, folds, screen, output.build_ascii())
    } else {
        draw(picture, folds, screen, output.build_box_drawing())
    };
    text.lines().map(str::to_owned).collect()
}

fn draw(picture: &Picture<'_>, folds: bool, screen: Screen, mut to: impl Renderer<Place, Output = String>) -> String {
    let mut text = String::new();
    for line in rows(picture, folds) {
        let (Some(first), Some(last)) = (line.nodes.first(), line.nodes.last()) else { continue };
        let below = || picture.diagram.nodes[*last].below.iter().map(ancestor).collect();
        let room = screen.width.map(|width| width.saturating_sub(drawn(to.width(Some(&Some(*first)), Some(&below())))));
        let (glyph, message) = line.words(picture, screen, room.unwrap_or(usize::MAX));
        text += &to.next_row(Some(*first), below(), glyph, message);
    }
    let glyph = if screen.ascii { "o" } else { "◆" };
    text += &to.next_row(None, Vec::new(), glyph.to_owned(), picture.config.base.to_string());
    text
}

/// The columns of a graph on the screen, and the space after it.
fn drawn(width: u64) -> usize {
    usize::try_from(width).unwrap_or(usize::MAX).saturating_add(1)
}

fn ancestor(edge: &Edge) -> Ancestor<Place> {
    if edge.is_direct { Ancestor::Parent(edge.to) } else { Ancestor::Ancestor(edge.to) }
}

impl Line {
    /// The glyph and the text: on two lines if they need more than `room` columns.
    fn words(&self, picture: &Picture<'_>, screen: Screen, room: usize) -> (String, String) {
        let status = picture.status(self.nodes[0]);
        let (mark, tone) = picture::mark(status.state, screen.ascii);
        let toned = |text: &str| paint(text, tone, screen.color);
        if self.nodes.len() > 1 {
            let glyph = paint(if screen.ascii { ":" } else { "⋮" }, Tone::Faint, screen.color);
            let count = tally(self.nodes.len(), "point", "points");
            return (glyph, toned(&format!("{count} {}", status.state.word())));
        }
        let (point, word) = (picture.config.spell(&status.named.point), picture.marked(self.nodes[0]));
        let gap = if columns(&point) + 1 + columns(&word) <= room { " " } else { "\n  " };
        (toned(mark), format!("{}{gap}{}", &*point, toned(&word)))
    }
}

/// The lines, from the top down.
fn rows(picture: &Picture<'_>, folds: bool) -> Vec<Line> {
    let above = covered(&picture.diagram.nodes);
    let mut lines: Vec<Line> = Vec::new();
    for node in order(&picture.diagram.nodes, above.clone()) {
        let is_inner = |node: usize| is_inner(picture, &above, node);
        match lines.last_mut() {
            Some(line) if folds && is_inner(node) && line.goes_on(picture, node) && is_inner(line.nodes[0]) => {
                line.nodes.push(node);
            }
            _ => lines.push(Line { nodes: vec![node] }),
        }
    }
    lines.into_iter().flat_map(Line::unless_short).collect()
}

impl Line {
    /// Whether `node` is directly below it, and in the same state.
    fn goes_on(&self, picture: &Picture<'_>, node: usize) -> bool {
        let last = self.nodes[self.nodes.len() - 1];
        let edge = Edge { to: Some(node), is_direct: true };
        picture.diagram.nodes[last].below == [edge] && picture.status(last).state == picture.status(node).state
    }

    /// A line for each node of a run that is short.
    fn unless_short(self) -> Vec<Self> {
        if self.nodes.len() >= RUN {
            return vec![self];
        }
        self.nodes.into_iter().map(|node| Self { nodes: vec![node] }).collect()
    }
}

/// Whether a node is in the middle of a chain, and nothing about it is notable.
fn is_inner(picture: &Picture<'_>, above: &[usize], node: usize) -> bool {
    let covers = &picture.diagram.nodes[node].below;
    let is_plain = !picture.is_head(node) && !NOTABLE.contains(&picture.status(node).state);
    above[node] == 1 && is_plain && matches!(covers[..], [Edge { to: Some(_), is_direct: true }])
}

/// The number of nodes directly above each node.
fn covered(nodes: &[Node]) -> Vec<usize> {
    let mut above = vec![0; nodes.len()];
    nodes.iter().flat_map(Node::covers).for_each(|cover| above[cover] += 1);
    above
}

/// The nodes from the top down: each after all that are above it, and chains in one piece.
fn order(nodes: &[Node], mut above: Vec<usize>) -> Vec<usize> {
    let mut order = Vec::with_capacity(nodes.len());
    let mut ready: Vec<usize> = (0..nodes.len()).rev().filter(|node| above[*node] == 0).collect();
    while let Some(node) = ready.pop() {
        order.push(node);
        for cover in nodes[node].covers() {
            above[cover] -= 1;
            if above[cover] == 0 {
                ready.push(cover);
            }
        }
    }
    order
}
