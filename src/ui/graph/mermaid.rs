//! The diagram for Mermaid, which GitHub, GitLab and many wikis draw.

use std::fmt::Write as _;

use super::layout::Grid;
use super::{Picture, color};
use crate::record::State;
use crate::text::is_terminal_unsafe;

/// The number of edges that Mermaid draws unless it is configured otherwise (`maxEdges`).
pub const MOST_EDGES: usize = 500;

/// A flowchart.
pub fn document(picture: &Picture<'_>) -> String {
    let mut to = format!("flowchart BT\n  base([{}])\n", label(&[&picture.config.base]));
    for part in 0..picture.diagram.parts.len() {
        let grid = Grid::of(picture, part);
        writeln!(to, "  subgraph part{part} [{}]", label(&[&grid.title])).ok();
        for at in &grid.boxes {
            let class = picture.status(at.node).state.word();
            writeln!(to, "    n{}[{}]:::{class}", at.node, label(&[&at.name, &at.state])).ok();
        }
        to.push_str("  end\n");
    }
    for (node, edge) in picture.diagram.edges() {
        let below = edge.to.map_or("base".to_owned(), |below| format!("n{below}"));
        let line = if edge.is_direct { "---" } else { "-.-" };
        writeln!(to, "  {below} {line} n{node}").ok();
    }
    let is_used = |state: &State| picture.points.iter().any(|status| status.state == *state);
    for state in State::ALL.into_iter().filter(is_used) {
        writeln!(to, "  classDef {} stroke:{},stroke-width:2px", state.word(), color(state)).ok();
    }
    to
}

/// Quotes a text of several lines. Characters with a meaning to Mermaid, Markdown or HTML become entities.
fn label(lines: &[&str]) -> String {
    let line = |line: &&str| line.chars().map(escaped).collect::<String>();
    format!("\"{}\"", lines.iter().map(line).collect::<Vec<_>>().join("<br>"))
}

fn escaped(c: char) -> String {
    match c {
        c if is_terminal_unsafe(c) => '\u{fffd}'.to_string(),
        '.' | '/' | '-' | '+' | '_' | ' ' => c.to_string(),
        c if c.is_ascii_punctuation() => format!("#{};", u32::from(c)),
        c => c.to_string(),
    }
}
