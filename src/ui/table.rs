//! Tables: columns as wide as their widest cell, separated by two spaces. What is wider than the screen is folded, never cut.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use unicode_width::UnicodeWidthStr as _;

use super::link::Link;
use super::screen::{Screen, Tone};
use super::wrap::{ALONE, Part, columns, fold};
use crate::text::terminal_safe;

/// The columns between two cells.
const GAP: usize = 2;

/// A cell of a table.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    width: usize,
    tone: Tone,
    kind: Kind,
    link: Option<Link>,
}

/// What may be done with a cell that is too wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is kept whole: a name, an id, a command.
    Whole,
    /// It is broken between words.
    Prose,
    /// It is broken between words; if one of them is too wide for the column, all of it goes below.
    Block,
    /// It is the title of a column.
    Title,
}

impl Cell {
    /// A cell that is never broken; characters that a terminal interprets are replaced.
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        let text = terminal_safe(&text.into());
        Self { width: text.width(), text, tone, kind: Kind::Whole, link: None }
    }

    /// A cell that is broken between words.
    pub fn prose(text: impl Into<String>) -> Self {
        Self { kind: Kind::Prose, ..Self::from(text.into()) }
    }

    /// A cell of one indent that is broken between words: below the column if one of them does not fit there.
    pub fn block(text: impl Into<String>) -> Self {
        Self { kind: Kind::Block, ..Self::from(text.into()) }
    }

    /// The title of a column.
    pub fn title(text: impl Into<String>) -> Self {
        Self { kind: Kind::Title, ..Self::new(text, Tone::Faint) }
    }

    /// A last cell of several lines.
    pub fn lines(lines: impl IntoIterator<Item: AsRef<str>>) -> Self {
        let lines: Vec<_> = lines.into_iter().map(|line| terminal_safe(line.as_ref())).collect();
        let width = lines.iter().map(|line| line.width()).max().unwrap_or(0);
        Self { text: lines.join("\n"), width, tone: Tone::Plain, kind: Kind::Whole, link: None }
    }

    /// The cell in another tone.
    #[must_use]
    pub fn toned(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }

    /// The cell as a link, for a terminal that has links.
    #[must_use]
    pub fn linked(self, link: Option<Link>) -> Self {
        Self { link, ..self }
    }

    /// Whether it has no text.
    pub fn is_blank(&self) -> bool {
        self.text.is_empty()
    }

    fn is_prose(&self) -> bool {
        matches!(self.kind, Kind::Prose | Kind::Block)
    }

    /// Appends text of the cell to a line.
    fn paint_into(&self, line: &mut String, text: &str, color: bool) {
        let style = self.tone.style_if(color);
        let text = self.link.as_ref().map_or_else(|| text.into(), |link| Cow::from(link.on(text)));
        write!(line, "{style}{text}{style:#}").ok();
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
pub fn lines(rows: &[Vec<Cell>], screen: Screen) -> Vec<String> {
    let widths = widths(rows);
    let kept = fitting(&widths, screen.width.unwrap_or(usize::MAX));
    match screen.width.filter(|_| kept < widths.len()) {
        None => rows.iter().map(|row| beside(row, &widths, screen.color)).collect(),
        Some(width) => {
            let folded = Folded::of(rows, &widths, kept, width, screen.color);
            rows.iter().flat_map(|row| folded.row(row)).collect()
        }
    }
}

/// The lines of a table whose first row has titles and whose first column has labels. What is too wide is divided into several
/// tables of fewer columns, each with the labels.
pub fn matrix(rows: &[Vec<Cell>], screen: Screen) -> Vec<String> {
    let widths = widths(rows);
    let Some(width) = screen.width.filter(|width| fitting(&widths, *width) < widths.len()) else {
        return lines(rows, screen);
    };
    let (mut lines, mut start) = (Vec::new(), 1);
    while start < widths.len() {
        let room = width.saturating_sub(widths[0] + GAP);
        let end = start + fitting(&widths[start..], room);
        if start > 1 {
            lines.push(String::new());
        }
        lines.extend(rows.iter().filter_map(|row| block(row, start..end, &widths, screen)));
        start = end;
    }
    lines
}

/// The label and some columns of a row; `None` if these are blank.
fn block(row: &[Cell], columns: Range<usize>, widths: &[usize], screen: Screen) -> Option<String> {
    let cells = row.get(columns.start..row.len().min(columns.end)).unwrap_or_default();
    let is_needed = cells.iter().any(|cell| !cell.is_blank());
    let widths: Vec<_> = std::iter::once(&widths[0]).chain(&widths[columns]).copied().collect();
    is_needed.then(|| beside(std::iter::once(&row[0]).chain(cells), &widths, screen.color))
}

/// The width of each column.
fn widths(rows: &[Vec<Cell>]) -> Vec<usize> {
    let mut widths = vec![0; rows.iter().map(Vec::len).max().unwrap_or(0)];
    for (i, cell) in rows.iter().flat_map(|row| row.iter().enumerate()) {
        widths[i] = widths[i].max(cell.width);
    }
    widths
}

/// How many of the columns fit into `room`, but at least one.
fn fitting(widths: &[usize], room: usize) -> usize {
    let ends = widths.iter().scan(0, |end, width| {
        *end += width + GAP;
        Some(*end - GAP)
    });
    ends.take_while(|end| *end <= room).count().max(1)
}

/// Cells in columns.
fn beside<'c>(cells: impl IntoIterator<Item = &'c Cell>, widths: &[usize], color: bool) -> String {
    let (mut line, mut offset, mut gap) = (String::new(), 0, 0);
    for (cell, width) in cells.into_iter().zip(widths) {
        if !cell.is_blank() {
            write!(line, "{:gap$}", "").ok();
            gap = 0;
            if cell.text.contains('\n') {
                let text = cell.text.replace('\n', &format!("\n{:offset$}", ""));
                cell.paint_into(&mut line, &text, color);
            } else {
                cell.paint_into(&mut line, &cell.text, color);
            }
        }
        gap += width - cell.width + GAP;
        offset += width + GAP;
    }
    line
}

/// A table that is too wide: the first columns stay, the others go below them, or the last is broken beside them.
struct Folded<'t> {
    widths: &'t [usize],
    /// The indent of the columns that do not stay.
    offset: usize,
    /// The columns of the screen after it.
    room: usize,
    is_beside: bool,
    color: bool,
}

impl<'t> Folded<'t> {
    fn of(rows: &[Vec<Cell>], widths: &'t [usize], kept: usize, width: usize, color: bool) -> Self {
        let offset = widths[..kept].iter().map(|width| width + GAP).sum();
        let is_prose = rows.iter().filter_map(|row| row.get(kept)).any(Cell::is_prose);
        let is_beside = is_prose && kept + 1 == widths.len() && offset <= width / 2;
        let offset = if is_beside { offset } else { ALONE };
        Self { widths: &widths[..kept], offset, room: width.saturating_sub(offset), is_beside, color }
    }

    fn row(&self, row: &[Cell]) -> Vec<String> {
        let (kept, others) = row.split_at(row.len().min(self.widths.len()));
        let mut lines = vec![beside(kept, self.widths, self.color)];
        for cell in others.iter().filter(|cell| cell.kind != Kind::Title) {
            for (i, part) in parts(cell, self.room, self.offset + self.room).iter().enumerate() {
                self.push(&mut lines, part, i == 0, cell);
            }
        }
        lines.retain(|line| !line.is_empty());
        lines
    }

    /// Adds a line of a cell; the first one goes on with the last line if it can.
    fn push(&self, lines: &mut Vec<String>, part: &Part, is_first: bool, cell: &Cell) {
        let (indent, text) = match part {
            Part::Words(words) => (self.offset, words),
            Part::Alone(word) => (ALONE, word),
        };
        let end = lines.last().map_or(0, |line| columns(line));
        let gap = match part {
            Part::Words(_) if is_first && self.is_beside => self.offset.checked_sub(end),
            Part::Words(_) if is_first && lines.len() > 1 => {
                (end + GAP + columns(text) <= self.offset + self.room).then_some(GAP)
            }
            _ => None,
        };
        let mut line = gap.and_then(|_| lines.pop()).unwrap_or_default();
        write!(line, "{:gap$}", "", gap = gap.unwrap_or(indent)).ok();
        cell.paint_into(&mut line, text, self.color);
        lines.push(line);
    }
}

/// The lines of a cell that has `room` columns of a screen.
fn parts(cell: &Cell, room: usize, width: usize) -> Vec<Part> {
    let one = |line: &str| match cell.kind {
        Kind::Prose => fold(line, room, room),
        Kind::Block => block_parts(line, room, width.saturating_sub(ALONE)),
        _ if cell.width <= room => vec![Part::Words(line.to_owned())],
        _ => vec![Part::Alone(line.to_owned())],
    };
    if cell.is_blank() { Vec::new() } else { cell.text.split('\n').flat_map(one).collect() }
}

/// A line in `room` columns if each word fits, else in `below` columns of lines of its own.
fn block_parts(line: &str, room: usize, below: usize) -> Vec<Part> {
    let beside = fold(line, room, room);
    if beside.iter().all(|part| matches!(part, Part::Words(_))) {
        return beside;
    }
    let alone = |(Part::Words(text) | Part::Alone(text))| Part::Alone(text);
    fold(line, below, below).into_iter().map(alone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(width: usize) -> Screen {
        Screen { color: false, width: Some(width), is_terminal: true, links: false, ascii: false }
    }

    fn row(cells: &[&str]) -> Vec<Cell> {
        cells.iter().map(|text| Cell::from(*text)).collect()
    }

    #[test]
    fn aligns_wide_and_zero_width_characters() {
        let rows = [row(&["\u{4f60}\u{597d}", "x"]), row(&["e\u{301}\u{200b}", "y"]), row(&["abcd", "", ""])];
        let expected = ["\u{4f60}\u{597d}  x", "e\u{301}\u{200b}     y", "abcd"];
        assert_eq!(lines(&rows, screen(80)), expected);
    }

    #[test]
    fn columns_that_do_not_fit_go_below() {
        let title = |text: &str| Cell::title(text);
        let rows = [
            vec![title("POINT"), title("MISSING"), title("COMMAND")],
            row(&["a/b", "not built", "git lattice build a/b"]),
            row(&["a/c", "failed", ""]),
        ];
        let folded = ["POINT  MISSING", "a/b    not built", "    git lattice build a/b", "a/c    failed"];
        assert_eq!(lines(&rows, screen(30)), folded);
        assert_eq!(lines(&rows, Screen { width: None, ..screen(0) })[1], "a/b    not built  git lattice build a/b");
    }

    #[test]
    fn prose_is_broken_in_its_column() {
        let rows = [
            vec!["hooks".into(), Cell::prose("another hook is there, see `git lattice hooks status`")],
            vec!["disk".into(), "/a/very/long/path/that/is/kept".into()],
        ];
        let expected = [
            "hooks  another hook is",
            "       there, see",
            "    git lattice hooks status",
            "disk",
            "    /a/very/long/path/that/is/kept",
        ];
        assert_eq!(lines(&rows, screen(24)), expected);
    }

    #[test]
    fn matrix_is_divided_into_several_tables() {
        let rows = [row(&["t", "aaaa", "bbbb", "cccc"]), row(&["  s1", "1", "2", ""]), row(&["  s2", "", "", "3"])];
        assert_eq!(matrix(&rows, screen(80)), ["t     aaaa  bbbb  cccc", "  s1  1     2", "  s2              3"]);
        let expected = ["t     aaaa  bbbb", "  s1  1     2", "", "t     cccc", "  s2  3"];
        assert_eq!(matrix(&rows, screen(20)), expected);
    }

    #[test]
    fn lines_of_a_cell_stay_in_its_column() {
        let rows = [vec!["files".into(), Cell::lines(["a", "b"])]];
        assert_eq!(lines(&rows, screen(80)), ["files  a\n       b"]);
    }
}
