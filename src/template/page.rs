//! The page: one HTML document about points that needs no other file, and the values in it. `templates/page/` has its texts.
//!
//! All values go through the escaper `Html`, so a name, a record or a log cannot become markup. As a second barrier, the
//! document allows only the style and the script with the hashes that it names.

use std::io;

use askama::Template as _;
use askama::filters::Safe;

use crate::sha256::Sha256;

/// How a page begins. Other files are not overwritten.
pub const MARK: &[u8] = b"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"generator\" content=\"git-lattice ";

const STYLE: &str = include_str!("../../templates/page/page.css");
const SCRIPT: &str = include_str!("../../templates/page/page.js");

/// The values of a page.
#[derive(Default)]
pub struct Page<'a> {
    /// The title.
    pub title: String,
    /// What the page is about: the base branch, the newest commit.
    pub facts: Vec<Fact>,
    /// The number of points in each state that occurs.
    pub totals: Vec<Total>,
    /// Warnings, and what is not on the page, each as its parts.
    pub remarks: Vec<Vec<Value>>,
    /// What can be done next, by kind.
    pub next: Vec<Next>,
    /// What the marks after the states mean; may be empty.
    pub legend: String,
    /// Whether components and diagrams can be folded, as there are many points.
    pub is_folded: bool,
    /// The components.
    pub components: Vec<Component>,
    /// The diagrams of the parts.
    pub diagrams: Vec<Diagram<'a>>,
    /// The name of the base branch.
    pub base: String,
    /// Which points have details; empty if all have.
    pub in_detail: String,
    /// The points with details.
    pub points: Vec<Point>,
    /// The style of the diagrams.
    pub diagram_style: &'static str,
}

/// A label with its values.
pub struct Fact {
    /// The label.
    pub label: String,
    /// The values, at least one.
    pub values: Vec<Value>,
}

/// A value of a fact.
pub enum Value {
    /// Words.
    Text(String),
    /// A name, an id or a command.
    Code(String),
    /// A link to a point of the page.
    Point(String),
}

/// The state of a point.
#[derive(Debug, Clone, Copy)]
pub struct State {
    /// Its symbol.
    pub mark: &'static str,
    /// Its word, which is also its CSS class.
    pub word: &'static str,
}

/// The number of points in a state.
pub struct Total {
    /// The state.
    pub state: State,
    /// The number.
    pub count: usize,
}

/// Next actions of one kind.
pub struct Next {
    /// The kind.
    pub label: &'static str,
    /// The first commands.
    pub commands: Vec<String>,
    /// The number of others.
    pub more: usize,
}

/// A component: a table of its points.
pub struct Component {
    /// Its title.
    pub title: String,
    /// How many of its points are in which state.
    pub summary: String,
    /// Whether it is unfolded at first.
    pub is_open: bool,
    /// The titles of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
    /// Its points without details.
    pub plain: Vec<PlainPoint>,
}

/// A row of a component.
pub struct Row {
    /// Its label.
    pub label: String,
    /// Its points; `None` where there is none.
    pub cells: Vec<Option<Cell>>,
}

/// A point in the table of a component.
pub struct Cell {
    /// The point.
    pub point: String,
    /// Its state.
    pub state: State,
    /// Further marks, each with a space before it.
    pub flags: String,
}

/// A point without details.
pub struct PlainPoint {
    /// The point.
    pub name: String,
    /// Its state.
    pub state: State,
    /// Its branch.
    pub branch: String,
    /// The commit.
    pub commit: String,
    /// The build key, if there is one.
    pub key: String,
}

/// The diagram of a part of the lattice.
pub struct Diagram<'a> {
    /// The components in it.
    pub title: String,
    /// How many of its points are in which state.
    pub summary: String,
    /// Whether it is unfolded at first.
    pub is_open: bool,
    /// Whether it would be too small to read on one printed page.
    pub is_tall: bool,
    /// Draws it: an SVG element, whose texts are escaped.
    pub svg: Box<dyn Fn() -> String + 'a>,
}

/// A point with its details.
pub struct Point {
    /// The point.
    pub name: String,
    /// Its state.
    pub state: State,
    /// Whether it is unfolded at first.
    pub is_open: bool,
    /// The notes on it, the oldest first.
    pub notes: Vec<Note>,
    /// How many older ones are not shown.
    pub older_notes: usize,
    /// Where it is and what it holds.
    pub facts: Vec<Fact>,
    /// Its disputes, each in lines.
    pub disputes: Vec<Vec<String>>,
    /// Records, and what it takes from outside.
    pub tables: Vec<Table>,
    /// The ends of its logs.
    pub logs: Vec<Log>,
}

/// A note on a point.
pub struct Note {
    /// Its author.
    pub author: String,
    /// When it was written.
    pub time: String,
    /// Its text, of one or more lines.
    pub text: String,
}

/// A table about a point.
pub struct Table {
    /// Its title.
    pub title: &'static str,
    /// The titles of the columns.
    pub columns: &'static [&'static str],
    /// The rows, each with a text for every column.
    pub rows: Vec<Vec<String>>,
    /// What is not in the table; may be empty.
    pub below: String,
}

/// The end of a log.
pub struct Log {
    /// The system that it was built for.
    pub system: String,
    /// Whether earlier lines are left out.
    pub is_cut: bool,
    /// The lines.
    pub text: String,
}

impl Page<'_> {
    /// Writes the document.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn write(&self, mut to: &mut dyn io::Write) -> io::Result<()> {
        let style = format!("{STYLE}{}", self.diagram_style);
        let (style_hash, script_hash) = (Sha256::of(style.as_bytes()), Sha256::of(SCRIPT.as_bytes()));
        let version = env!("CARGO_PKG_VERSION");
        let document =
            Document { page: self, version, style: Safe(&style), style_hash, script: Safe(SCRIPT), script_hash };
        document.write_into(&mut to)?;
        // askama strips the last newline of a template.
        to.write_all(b"\n")
    }

    /// The sections with their titles, by their ids.
    fn sections(&self) -> Vec<(&'static str, &'static str)> {
        let all = [
            (!self.next.is_empty(), "next", "Next commands"),
            (true, "points", "Points"),
            (!self.diagrams.is_empty(), "diagram", "Diagram"),
            (!self.points.is_empty(), "details", "Details"),
        ];
        all.into_iter().filter(|(is_there, ..)| *is_there).map(|(_, id, title)| (id, title)).collect()
    }
}

impl Diagram<'_> {
    fn drawing(&self) -> Safe<String> {
        Safe((self.svg)())
    }
}

#[derive(askama::Template)]
#[template(path = "page/page.html", syntax = "default", whitespace = "minimize")]
struct Document<'a> {
    page: &'a Page<'a>,
    version: &'static str,
    style: Safe<&'a str>,
    style_hash: Sha256,
    script: Safe<&'static str>,
    script_hash: Sha256,
}
