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

/// What can be done next, HEAD's point first: at most `most` lines, and how many there would be in all.
pub fn suggestions(
    config: &Config,
    census: &Census,
    points: &[PointStatus],
    head: Option<&Point>,
    most: usize,
) -> (Vec<String>, usize) {
    let ends_phase = |point: &Point| census.population().greatest_in_phase(point) == Some(point);
    let weigh = |(i, status): (usize, &PointStatus)| {
        let weight = match status.state {
            State::Failed => 1,
            State::New => 2,
            State::Built if ends_phase(&status.point) => 3,
            State::NoBuilder => 4,
            State::Built | State::Behind => return None,
        };
        Some((head != Some(&status.point), weight, i))
    };
    let mut found: Vec<_> = points.iter().enumerate().filter_map(weigh).collect();
    found.sort_unstable();
    (found.iter().take(most).map(|(.., i)| suggestion(&config.lattice, &points[*i])).collect(), found.len())
}

fn suggestion(lattice: &Lattice, status: &PointStatus) -> String {
    let (why, verb) = match status.state {
        State::Failed => ("failed:", "show"),
        State::NoBuilder => ("no builder:", "show"),
        State::New | State::Behind => ("to build:", "build"),
        State::Built if next::above(lattice, &status.point).is_ok() => ("go on:", "next-step"),
        State::Built => ("go on:", "promote"),
    };
    format!("{why:<11} git lattice {verb} {}", lattice.spell(&status.point))
}
