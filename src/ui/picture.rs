//! The picture of a lattice: a table per component, steps as rows, architectures as columns.

use std::collections::{BTreeMap, BTreeSet};

use super::Tone;
use super::table::{self, Cell};
use crate::config::Config;
use crate::lattice::{Kind, Lattice, Point};
use crate::ops::census::Census;
use crate::ops::next;
use crate::ops::status::PointStatus;
use crate::record::State;

/// The tables, line by line.
pub fn tables(config: &Config, points: &[PointStatus], head: Option<&Point>, color: bool) -> Vec<String> {
    let lattice = &config.lattice;
    let layout = Layout::of(config);
    let mut groups: BTreeMap<String, Vec<&PointStatus>> = BTreeMap::new();
    for point in points {
        groups.entry(layout.title(&lattice.texts(&point.point))).or_default().push(point);
    }
    let mut lines = Vec::new();
    for (title, group) in groups {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(table::lines(&layout.rows(lattice, &title, &group, head), color));
    }
    lines
}

/// Which axes make titles, rows and columns.
struct Layout {
    titles: Vec<usize>,
    rows: Vec<usize>,
    column: Option<usize>,
}

impl Layout {
    fn of(config: &Config) -> Self {
        let axes = config.lattice.axes();
        let sets = || (0..axes.len()).filter(|&i| matches!(axes[i].kind, Kind::Set(_)));
        let column =
            config.systems.axis().filter(|&i| matches!(axes[i].kind, Kind::Set(_))).or_else(|| sets().next_back());
        let titles: Vec<_> = sets().filter(|&i| Some(i) != column).collect();
        let rows = (0..axes.len()).filter(|i| !titles.contains(i) && Some(*i) != column).collect();
        Self { titles, rows, column }
    }

    fn title(&self, texts: &[String]) -> String {
        self.titles.iter().map(|&i| texts[i].as_str()).collect::<Vec<_>>().join("/")
    }

    fn rows(&self, lattice: &Lattice, title: &str, group: &[&PointStatus], head: Option<&Point>) -> Vec<Vec<Cell>> {
        let column_of = |texts: &[String]| self.column.map(|i| texts[i].clone()).unwrap_or_default();
        let mut columns = BTreeSet::new();
        let mut rows: Vec<(String, BTreeMap<String, Cell>)> = Vec::new();
        let mut sorted = group.to_vec();
        sorted.sort_by(|a, b| self.row_order(&a.point).cmp(&self.row_order(&b.point)));
        for status in sorted {
            let texts = lattice.texts(&status.point);
            let row = self.rows.iter().map(|&i| texts[i].as_str()).collect::<Vec<_>>().join("/");
            if rows.last().is_none_or(|(last, _)| *last != row) {
                rows.push((row, BTreeMap::new()));
            }
            columns.insert(column_of(&texts));
            if let Some((_, cells)) = rows.last_mut() {
                cells.insert(column_of(&texts), cell(status, head == Some(&status.point)));
            }
        }
        let faint = |text: &String| Cell::new(text.as_str(), Tone::Faint);
        let header = std::iter::once(Cell::new(title, Tone::Plain)).chain(columns.iter().map(faint)).collect();
        let line = |(row, cells): (String, BTreeMap<String, Cell>)| {
            let blank = Cell::from("");
            let cells = columns.iter().map(|column| cells.get(column).unwrap_or(&blank).clone());
            std::iter::once(Cell::from(format!("  {row}"))).chain(cells).collect()
        };
        std::iter::once(header).chain(rows.into_iter().map(line)).collect()
    }

    fn row_order<'a>(&self, point: &'a Point) -> Vec<&'a crate::lattice::Coordinate> {
        self.rows.iter().map(|&i| &point.coordinates()[i]).collect()
    }
}

fn cell(status: &PointStatus, is_head: bool) -> Cell {
    let (mark, tone) = mark(status.state);
    let flags = [(is_head, " *"), (!status.pushed, " ^")];
    let flags: String = flags.into_iter().filter(|(on, _)| *on).map(|(_, flag)| flag).collect();
    Cell::new(format!("{mark} {}{flags}", status.state.word()), tone)
}

fn mark(state: State) -> (&'static str, Tone) {
    match state {
        State::New => ("·", Tone::Plain),
        State::Built => ("✓", Tone::Good),
        State::Failed => ("✗", Tone::Bad),
        State::NoBuilder => ("?", Tone::Odd),
        State::Behind => ("↓", Tone::Odd),
    }
}

/// What can be done next, HEAD's point first.
pub fn suggestions(config: &Config, census: &Census, points: &[PointStatus], head: Option<&Point>) -> Vec<String> {
    let lattice = &config.lattice;
    let mut found: Vec<(bool, usize, String)> = Vec::new();
    for status in points {
        let spelled = lattice.spell(&status.point);
        let is_greatest = || next::greatest_in_phase(lattice, census, &status.point).as_ref() == Some(&status.point);
        let (weight, line) = match status.state {
            State::Failed => (1, format!("failed:     git lattice show {spelled}")),
            State::NoBuilder => (4, format!("no builder: git lattice show {spelled}")),
            State::New => (2, format!("to build:   git lattice build {spelled}")),
            State::Built if is_greatest() => match next::above(lattice, &status.point) {
                Ok(_) => (3, format!("go on:      git lattice next-step {spelled}")),
                Err(_) => (3, format!("go on:      git lattice promote {spelled}")),
            },
            State::Built | State::Behind => continue,
        };
        found.push((head != Some(&status.point), weight, line));
    }
    found.sort();
    found.into_iter().map(|(.., line)| line).collect()
}
