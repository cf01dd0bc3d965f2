//! Tables: columns as wide as their widest cell, separated by two spaces.

use super::{Tone, harmless, paint};

/// A cell of a table.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A cell with a tone; characters that a terminal interprets are replaced.
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: harmless(&text.into()), tone }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(text, Tone::Plain)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text, Tone::Plain)
    }
}

/// The lines of a table, without trailing spaces.
pub fn lines(rows: &[Vec<Cell>], color: bool) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |i: usize| rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.text.chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..columns).map(width).collect();
    let line = |row: &Vec<Cell>| {
        let last = row.iter().rposition(|cell| !cell.text.is_empty()).map_or(0, |at| at + 1);
        let cell = |(i, cell): (usize, &Cell)| {
            let pad = if i + 1 == last { 0 } else { widths[i] - cell.text.chars().count() + 2 };
            format!("{}{}", paint(&cell.text, cell.tone, color), " ".repeat(pad))
        };
        row[..last].iter().enumerate().map(cell).collect::<Vec<_>>().concat()
    };
    rows.iter().map(line).collect()
}
