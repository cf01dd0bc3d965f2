//! The diagram for Graphviz.

use std::fmt::Write as _;

use super::layout::Grid;
use super::{Picture, color};
use crate::text::terminal_safe;

/// The base branch: no point has a name with a colon.
const BASE: &str = "base:";

/// A document in the DOT language.
pub fn document(picture: &Picture<'_>) -> String {
    let mut to = "digraph lattice {\n  rankdir=BT;\n  edge [dir=none];\n  \
                  node [shape=box, style=rounded, fontname=\"monospace\"];\n"
        .to_owned();
    let base = &picture.config.base;
    writeln!(to, "  {} [label={}, style=filled, width=3];", id(BASE), label(base)).ok();
    for part in 0..picture.diagram.parts.len() {
        let grid = Grid::of(picture, part);
        writeln!(
            to,
            "  subgraph cluster_{part} {{\n    label={};\n    labelloc=b;\n    color=gray;",
            label(&grid.title)
        )
        .ok();
        for at in &grid.boxes {
            let (text, status) = (format!("{}\n{}", at.name, at.state), picture.status(at.node));
            let (point, width) = (id(&picture.spelled(at.node)), if picture.is_head(at.node) { 3 } else { 1 });
            let (label, color) = (label(&text), color(status.state));
            writeln!(
                to,
                "    {point} [label={label}, color=\"{color}\", penwidth={width}, class=\"{}\"];",
                status.state.word()
            )
            .ok();
        }
        to.push_str("  }\n");
    }
    for (node, edge) in picture.diagram.edges() {
        let below = edge.to.map_or(BASE.to_owned(), |below| picture.spelled(below).into());
        let style = if edge.is_direct { "" } else { " [style=dashed]" };
        writeln!(to, "  {} -> {}{style};", id(&below), id(&picture.spelled(node))).ok();
    }
    to + "}\n"
}

/// Quotes a name. Of a text of several lines, each is centered.
fn id(text: &str) -> String {
    let lines: Vec<_> =
        text.lines().map(|line| terminal_safe(line).replace('\\', "\\\\").replace('"', "\\\"")).collect();
    format!("\"{}\"", lines.join("\\n"))
}

/// Quotes a text that is shown: Graphviz reads entities of HTML in it.
fn label(text: &str) -> String {
    id(&text.replace('&', "&amp;"))
}
