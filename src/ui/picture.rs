//! The tables of a lattice: by default one per component, with steps as rows and architectures as columns.

use std::collections::{BTreeMap, BTreeSet};

use super::layout::{self, Layout, Part, Place};
use super::link::Link;
use super::table::{self, Cell};
use super::{Screen, Tone, duration};
use crate::config::Config;
use crate::lattice::Point;
use crate::points::status::PointStatus;
use crate::record::State;

/// One table.
pub struct Matrix<'a> {
    /// The values on the axes that make the tables, such as the component.
    pub title: String,
    /// The titles of the columns.
    pub columns: Vec<String>,
    /// The rows with their labels; a cell is `None` if there is no such point.
    pub rows: Vec<(String, Vec<Option<&'a PointStatus>>)>,
}

/// The tables of these points.
pub fn matrices<'a>(config: &Config, layout: &Layout, points: &'a [PointStatus]) -> Vec<Matrix<'a>> {
    let mut tables: BTreeMap<Place<'_>, Table<'_>> = BTreeMap::new();
    for status in points {
        let point = &status.named.point;
        let texts = config.lattice.texts(point);
        let table = tables.entry(layout.title(point, &texts)).or_default();
        let column = layout.column(point, &texts);
        table.columns.insert(column.clone());
        table.rows.entry(layout.row(point, &texts)).or_default().insert(column, status);
    }
    tables.into_iter().map(|(title, table)| table.matrix(&title)).collect()
}

/// The tables, line by line. On a screen with links, `link` makes the states links.
pub fn tables(
    (config, layout): (&Config, &Layout),
    points: &[PointStatus],
    head: Option<&Point>,
    link: &dyn Fn(&PointStatus) -> Option<Link>,
    screen: Screen,
) -> Vec<String> {
    let has_remote = config.remote.is_some();
    let cell = |status: Option<&PointStatus>| match status {
        Some(status) => cell(status, head == Some(&status.named.point), has_remote, screen.ascii)
            .linked(if screen.links { link(status) } else { None }),
        None => Cell::from(""),
    };
    let mut lines = Vec::new();
    for matrix in matrices(config, layout, points) {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(table::matrix(&matrix.cells(&cell), screen));
    }
    lines
}

impl Matrix<'_> {
    /// The table with its titles and labels.
    fn cells(&self, cell: &dyn Fn(Option<&PointStatus>) -> Cell) -> Vec<Vec<Cell>> {
        let titles = self.columns.iter().map(|text| Cell::title(text.as_str()));
        let header: Vec<_> = std::iter::once(Cell::from(self.title.as_str())).chain(titles).collect();
        let header = Some(header).filter(|header| header.iter().any(|cell| !cell.is_blank()));
        let line = |(row, points): &(String, Vec<Option<&PointStatus>>)| {
            std::iter::once(Cell::from(format!("  {row}"))).chain(points.iter().copied().map(cell)).collect()
        };
        header.into_iter().chain(self.rows.iter().map(line)).collect()
    }
}

/// A table by the places of its points.
#[derive(Default)]
struct Table<'a> {
    columns: BTreeSet<Place<'a>>,
    rows: BTreeMap<Place<'a>, BTreeMap<Place<'a>, &'a PointStatus>>,
}

impl<'a> Table<'a> {
    fn matrix(self, title: &[Part<'_>]) -> Matrix<'a> {
        let Self { columns, rows } = self;
        let line = |(row, points): (Place<'a>, BTreeMap<Place<'a>, &'a PointStatus>)| {
            (layout::text(&row), columns.iter().map(|column| points.get(column).copied()).collect())
        };
        Matrix {
            title: layout::text(title),
            rows: rows.into_iter().map(line).collect(),
            columns: columns.iter().map(|column| layout::text(column)).collect(),
        }
    }
}

/// The state of a point with its mark, the time of a build, and the marks after it.
pub(super) fn cell(status: &PointStatus, is_head: bool, has_remote: bool, ascii: bool) -> Cell {
    let (mark, tone) = mark(status.state, ascii);
    let flags = flags(status, is_head, has_remote);
    Cell::new(format!("{mark} {}{}{flags}", status.state.word(), time(status)), tone)
}

/// The marks after a state, each with a space before it: built with files of the machine, HEAD's point, not pushed.
pub(super) fn flags(status: &PointStatus, is_head: bool, has_remote: bool) -> String {
    let is_impure = status.impure().next().is_some();
    let flags = [(is_impure, " ~"), (is_head, " *"), (has_remote && !status.pushed, " ^")];
    flags.into_iter().filter(|(on, _)| *on).map(|(_, flag)| flag).collect()
}

/// The elapsed and expected time of a build, such as ` 1m12s of ~3m`.
fn time(status: &PointStatus) -> String {
    let Some(activity) = status.activity else { return String::new() };
    let elapsed = duration::exact(activity.seconds());
    let expected = activity.expected().map(|all| format!(" of {}", duration::rough(all))).unwrap_or_default();
    format!(" {elapsed}{expected}")
}

/// The symbol of a state, one of ASCII if `ascii`, and its tone.
pub fn mark(state: State, ascii: bool) -> (&'static str, Tone) {
    let (mark, plain, tone) = match state {
        State::New => ("·", ".", Tone::Plain),
        State::Built => ("✓", "+", Tone::Good),
        State::Failed => ("✗", "x", Tone::Bad),
        State::NoBuilder => ("?", "?", Tone::Odd),
        State::Behind => ("↓", "v", Tone::Odd),
        State::Queued => ("…", ":", Tone::Plain),
        State::Building => ("▸", ">", Tone::Plain),
        State::Disputed => ("!", "!", Tone::Bad),
    };
    (if ascii { plain } else { mark }, tone)
}
