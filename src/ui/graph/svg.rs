//! Diagrams as SVG: a box for each point, layered from the base branch up.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::Picture;
use super::layout::{Grid, NodeBox};
use crate::record::State;
use crate::text::terminal_safe;

/// The style of all diagrams. An HTML page has it once.
pub const STYLE: &str = include_str!("style.css");

/// The width of a character of the monospaced font.
const CHAR: usize = 8;
/// The same of a title.
const TITLE_CHAR: usize = 10;
/// The height of a box, which has two lines.
const BOX: usize = 40;
/// The space between two rows, two columns and two parts.
const GAP: usize = 24;
/// The space beside the texts of a box.
const PAD: usize = 10;
/// The space above a part for its title.
const TITLE: usize = 28;
/// The height of the bar of the base branch.
const BAR: usize = 28;

/// The link of a node, by its position.
pub type Link<'l> = &'l dyn Fn(usize) -> Option<String>;

/// A part with its place: `left` and `floor` are those of the lowest row.
struct Placed {
    grid: Grid,
    columns: Vec<Column>,
    left: usize,
    floor: usize,
}

/// The boxes of a column: where they begin, from the left end of the part, and their width.
struct Column {
    left: usize,
    wide: usize,
}

/// A file of its own, with the style and a background.
pub fn document(picture: &Picture<'_>) -> String {
    drawing(picture, &(0..picture.diagram.parts.len()).collect::<Vec<_>>(), &|_| None, true)
}

/// An element for an HTML page that has the [`STYLE`]: some parts of the diagram, by their positions.
pub fn element(picture: &Picture<'_>, parts: &[usize], link: Link<'_>) -> String {
    drawing(picture, parts, link, false)
}

fn drawing(picture: &Picture<'_>, parts: &[usize], link: Link<'_>, is_file: bool) -> String {
    let grids = parts.iter().map(|&part| Placed::unplaced(Grid::of(picture, part))).collect();
    let shelves = shelves(grids, picture.config.base.width() * CHAR + 2 * PAD);
    let width = shelves.iter().map(Shelf::end).max().unwrap_or(0) + GAP;
    let height = shelves.last().map_or(0, |shelf| shelf.floor + GAP + BAR) + GAP;
    let mut to = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"lattice-graph\" role=\"graphics-document\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\">\n<title>{} points</title>\n",
        shelves.iter().flat_map(|shelf| &shelf.parts).map(|part| part.grid.boxes.len()).sum::<usize>(),
    );
    if is_file {
        write!(to, "<style>\n{STYLE}</style>\n<rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n").ok();
    }
    for shelf in &shelves {
        shelf.draw(&mut to, picture, link);
    }
    to + "</svg>\n"
}

/// Parts beside each other on one base.
#[derive(Default)]
struct Shelf {
    parts: Vec<Placed>,
    floor: usize,
    /// The width that the name of the base branch needs.
    least: usize,
}

/// Places the parts so that the picture is about half as high as it is wide: on at least one shelf.
fn shelves(parts: Vec<Placed>, least: usize) -> Vec<Shelf> {
    let area: usize = parts.iter().map(|part| (part.width() + 2 * GAP) * (part.height() + 2 * GAP + BAR)).sum();
    let room = (area * 2).isqrt();
    let (mut shelves, mut shelf) = (Vec::new(), Shelf { least, ..Shelf::default() });
    for mut part in parts {
        if !shelf.parts.is_empty() && shelf.end() + 2 * GAP + part.width() > room {
            shelves.push(std::mem::replace(&mut shelf, Shelf { least, ..Shelf::default() }));
        }
        part.left = if shelf.parts.is_empty() { GAP } else { shelf.end() + 2 * GAP };
        shelf.parts.push(part);
    }
    shelves.push(shelf);
    let mut top = GAP;
    for shelf in &mut shelves {
        shelf.floor = top + shelf.parts.iter().map(Placed::height).max().unwrap_or(0);
        shelf.parts.iter_mut().for_each(|part| part.floor = shelf.floor);
        top = shelf.floor + GAP + BAR + 2 * GAP;
    }
    shelves
}

impl Shelf {
    /// The right end of its last part.
    fn end(&self) -> usize {
        self.parts.last().map_or(0, |part| part.left + part.width()).max(GAP + self.least)
    }

    fn draw(&self, to: &mut String, picture: &Picture<'_>, link: Link<'_>) {
        let base = &picture.config.base;
        let (top, width) = (self.floor + GAP, self.end() - GAP);
        let (x, y) = (GAP + width / 2, top + BAR / 2 + 5);
        writeln!(
            to,
            "<g class=\"base\"><rect x=\"{GAP}\" y=\"{top}\" width=\"{width}\" height=\"{BAR}\" rx=\"6\"/><text x=\"{x}\" \
             y=\"{y}\">{}</text></g>",
            escaped(base),
        )
        .ok();
        for part in &self.parts {
            part.draw(to, picture, link);
        }
    }
}

impl Placed {
    fn unplaced(grid: Grid) -> Self {
        let mut columns: Vec<Column> = (0..grid.columns).map(|_| Column { left: 0, wide: 0 }).collect();
        for at in &grid.boxes {
            let wide = at.name.width().max(at.state.width()) * CHAR + 2 * PAD;
            columns[at.column].wide = columns[at.column].wide.max(wide);
        }
        let mut left = 0;
        for column in &mut columns {
            column.left = left;
            left += column.wide + GAP;
        }
        Self { columns, grid, left: 0, floor: 0 }
    }

    /// The width of its boxes, or of its title if that is longer.
    fn width(&self) -> usize {
        let boxes = self.columns.last().map_or(0, |last| last.left + last.wide);
        boxes.max(self.grid.title.width() * TITLE_CHAR)
    }

    fn height(&self) -> usize {
        TITLE + self.grid.rows * (BOX + GAP) - GAP
    }

    /// The left end of a box.
    fn x(&self, at: &NodeBox) -> usize {
        self.left + self.columns[at.column].left
    }

    /// The middle of a box.
    fn middle(&self, at: &NodeBox) -> usize {
        self.x(at) + self.columns[at.column].wide / 2
    }

    /// The upper end of a box.
    fn y(&self, at: &NodeBox) -> usize {
        self.floor - at.row * (BOX + GAP) - BOX
    }

    fn draw(&self, to: &mut String, picture: &Picture<'_>, link: Link<'_>) {
        let (x, y) = (self.left, self.floor + TITLE - self.height() - PAD);
        writeln!(
            to,
            "<g class=\"part\"><text class=\"title\" x=\"{x}\" y=\"{y}\">{}</text>",
            escaped(&self.grid.title)
        )
        .ok();
        for at in &self.grid.boxes {
            self.draw_edges(to, picture, at);
        }
        for at in &self.grid.boxes {
            self.draw_box(to, picture, link, at);
        }
        to.push_str("</g>\n");
    }

    /// The edges down from a box: straight in its column, then to the other column just above the row of the box there.
    fn draw_edges(&self, to: &mut String, picture: &Picture<'_>, from: &NodeBox) {
        for edge in &picture.diagram.nodes[from.node].below {
            let class = if edge.is_direct { "edge" } else { "edge indirect" };
            let (x, start) = (self.middle(from), self.y(from) + BOX);
            write!(to, "<path class=\"{class}\" d=\"M{x} {start}").ok();
            match edge.to.and_then(|node| self.grid.node(node)) {
                None => write!(to, "V{}", self.floor + GAP),
                Some(below) if below.column == from.column => write!(to, "V{}", self.y(below)),
                Some(below) => {
                    let (end, turn, half) = (self.y(below), self.y(below) - GAP, self.y(below) - GAP / 2);
                    write!(to, "V{turn}C{x} {half} {0} {half} {0} {end}", self.middle(below))
                }
            }
            .ok();
            to.push_str("\"/>\n");
        }
    }

    fn draw_box(&self, to: &mut String, picture: &Picture<'_>, link: Link<'_>, at: &NodeBox) {
        let (status, name) = (picture.status(at.node), escaped(&picture.config.spell(picture.point(at.node))));
        let (x, y, middle) = (self.x(at), self.y(at), self.middle(at));
        let link = link(at.node).map(|link| escaped(&link));
        if let Some(link) = &link {
            write!(to, "<a href=\"{link}\">").ok();
        }
        let head = if picture.is_head(at.node) { " head" } else { "" };
        write!(
            to,
            "<g class=\"point {}{head}\" id=\"node-{name}\" data-point=\"{name}\" role=\"graphics-symbol\"><title>{name}: {}</title>\
             <rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{BOX}\" rx=\"6\"/><text class=\"name\" x=\"{middle}\" y=\"{}\">{}</text>\
             <text x=\"{middle}\" y=\"{}\">{}</text></g>",
            class(status.state),
            escaped(&picture.word(at.node)),
            self.columns[at.column].wide,
            y + BOX / 2 - 3,
            escaped(&at.name),
            y + BOX - 7,
            escaped(&at.state),
        )
        .ok();
        to.push_str(if link.is_some() { "</a>\n" } else { "\n" });
    }
}

/// The CSS class of a state: its word.
pub fn class(state: State) -> &'static str {
    state.word()
}

/// Escapes text for XML, between tags and in quotes. Characters that XML cannot have are replaced.
fn escaped(text: &str) -> String {
    let mut to = String::with_capacity(text.len());
    for c in terminal_safe(text).chars() {
        match c {
            '&' => to.push_str("&amp;"),
            '<' => to.push_str("&lt;"),
            '>' => to.push_str("&gt;"),
            '"' => to.push_str("&quot;"),
            '\'' => to.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => to.push('\u{fffd}'),
            c => to.push(c),
        }
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_end_an_attribute_or_a_tag() {
        assert_eq!(escaped("a'\"<b>&c\u{1b}\u{202e}\u{ffff}é"), "a&#39;&quot;&lt;b&gt;&amp;c\u{fffd}\u{fffd}\u{fffd}é");
    }

    #[test]
    fn style_has_a_rule_for_each_state() {
        for state in State::ALL {
            assert!(STYLE.contains(&format!(".lattice-graph .{}", class(state))), "{}", class(state));
        }
    }
}
