//! The picture of a lattice: a table per component, steps as rows, architectures as columns.

use std::collections::{BTreeMap, BTreeSet};

use super::Tone;
use super::table::{self, Cell};
use crate::config::Config;
use crate::lattice::{Kind, Lattice, Point};
use crate::ops::census::Census;
use crate::ops::status::PointStatus;
use crate::ops::{next, promote};
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
    has_remote: bool,
}

impl Layout {
    fn of(config: &Config) -> Self {
        let axes = config.lattice.axes();
        let sets = || (0..axes.len()).filter(|&i| matches!(axes[i].kind, Kind::Set(_)));
        let column =
            config.systems.axis().filter(|&i| matches!(axes[i].kind, Kind::Set(_))).or_else(|| sets().next_back());
        let titles: Vec<_> = sets().filter(|&i| Some(i) != column).collect();
        let rows = (0..axes.len()).filter(|i| !titles.contains(i) && Some(*i) != column).collect();
        Self { titles, rows, column, has_remote: config.remote.is_some() }
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
                cells.insert(column_of(&texts), cell(status, head == Some(&status.point), self.has_remote));
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

fn cell(status: &PointStatus, is_head: bool, has_remote: bool) -> Cell {
    let (mark, tone) = mark(status.state);
    let flags = [(is_head, " *"), (has_remote && !status.pushed, " ^")];
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

/// What can be done next, HEAD's point first, then what is broken, to be built, to be gone on with: `most` lines and how many more.
pub fn suggestions(
    config: &Config,
    census: &Census,
    points: &[PointStatus],
    head: Option<&Point>,
    most: usize,
) -> Vec<String> {
    let frontier = next::frontier(census);
    let mut found = Vec::new();
    for status in points {
        let is_head = head == Some(&status.point);
        let ways = ways(config, status, frontier.contains(&status.point), is_head);
        found.extend(ways.into_iter().map(|way| (!is_head, way, status)));
    }
    // Stable: within a kind the order is that of the table.
    found.sort_by_key(|(is_elsewhere, way, _)| (*is_elsewhere, *way));
    let mut lines: Vec<_> = found.iter().take(most).map(|(_, way, status)| way.line(config, status)).collect();
    if found.len() > most {
        lines.push(format!("and {} more", found.len() - most));
    }
    lines
}

/// What can be done about a point, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Mend,
    Build,
    NextStep,
    Promote,
    FindBuilder,
    Push,
}

fn ways(config: &Config, status: &PointStatus, is_frontier: bool, is_head: bool) -> Vec<Way> {
    let lattice = &config.lattice;
    let mut ways = match status.state {
        State::Failed => vec![Way::Mend],
        State::New => vec![Way::Build],
        State::NoBuilder => vec![Way::FindBuilder],
        State::Built if is_frontier => {
            let has_step = next::above(lattice, &status.point).is_ok();
            let can_promote = (is_head || !has_step) && promote::next_phase(lattice, &status.point).is_some();
            [(has_step, Way::NextStep), (can_promote, Way::Promote)]
                .into_iter()
                .filter_map(|(can, way)| can.then_some(way))
                .collect()
        }
        State::Built | State::Behind => Vec::new(),
    };
    if !status.pushed && config.remote.is_some() {
        ways.push(Way::Push);
    }
    ways
}

impl Way {
    fn line(self, config: &Config, status: &PointStatus) -> String {
        let point = config.lattice.spell(&status.point);
        match self {
            Self::Mend => format!("failed:     git lattice show {point}"),
            Self::Build => format!("to build:   git lattice build {point}"),
            Self::NextStep => format!("go on:      git lattice next-step {point}"),
            Self::Promote => format!("next phase: git lattice promote {point}"),
            Self::FindBuilder => format!("no builder: git lattice show {point}"),
            Self::Push => {
                let remote = config.remote.as_deref().unwrap_or_default();
                format!("to push:    git push {remote} {}", config.branch.encode(&config.lattice, &status.point))
            }
        }
    }
}
