//! The picture of a lattice: one table per component, with steps as rows and architectures as columns.

use std::collections::{BTreeMap, BTreeSet};

use super::table::{self, Cell};
use super::{Screen, Tone, duration};
use crate::config::Config;
use crate::lattice::{Kind, Lattice, Point};
use crate::points::next::{Action, NextAction};
use crate::points::status::{PointStatus, Survey};
use crate::record::State;

/// The tables, line by line.
pub fn tables(config: &Config, points: &[PointStatus], head: Option<&Point>, screen: Screen) -> Vec<String> {
    let lattice = &config.lattice;
    let layout = Layout::of(config);
    let mut groups: BTreeMap<String, Vec<&PointStatus>> = BTreeMap::new();
    for point in points {
        groups.entry(layout.title(&lattice.texts(&point.named.point))).or_default().push(point);
    }
    let mut lines = Vec::new();
    for (title, group) in groups {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(table::matrix(&layout.rows(lattice, &title, &group, head), screen));
    }
    lines
}

/// Which axes form titles, rows and columns.
pub(super) struct Layout {
    titles: Vec<usize>,
    pub(super) rows: Vec<usize>,
    column: Option<usize>,
    has_remote: bool,
}

impl Layout {
    pub(super) fn of(config: &Config) -> Self {
        let axes = config.lattice.axes();
        let sets = || (0..axes.len()).filter(|&i| matches!(axes[i].kind, Kind::Set(_)));
        let column =
            config.systems.axis().filter(|&i| matches!(axes[i].kind, Kind::Set(_))).or_else(|| sets().next_back());
        let titles: Vec<_> = sets().filter(|&i| Some(i) != column).collect();
        let rows = (0..axes.len()).filter(|i| !titles.contains(i) && Some(*i) != column).collect();
        Self { titles, rows, column, has_remote: config.remote.is_some() }
    }

    pub(super) fn title(&self, texts: &[String]) -> String {
        self.titles.iter().map(|&i| texts[i].as_str()).collect::<Vec<_>>().join("/")
    }

    fn rows(&self, lattice: &Lattice, title: &str, group: &[&PointStatus], head: Option<&Point>) -> Vec<Vec<Cell>> {
        let column_of = |texts: &[String]| self.column.map(|i| texts[i].clone()).unwrap_or_default();
        let mut columns = BTreeSet::new();
        let mut rows: Vec<(String, BTreeMap<String, Cell>)> = Vec::new();
        let mut sorted = group.to_vec();
        sorted.sort_by(|a, b| self.row_order(&a.named.point).cmp(&self.row_order(&b.named.point)));
        for status in sorted {
            let texts = lattice.texts(&status.named.point);
            let row = self.rows.iter().map(|&i| texts[i].as_str()).collect::<Vec<_>>().join("/");
            if rows.last().is_none_or(|(last, _)| *last != row) {
                rows.push((row, BTreeMap::new()));
            }
            columns.insert(column_of(&texts));
            if let Some((_, cells)) = rows.last_mut() {
                cells.insert(column_of(&texts), cell(status, head == Some(&status.named.point), self.has_remote));
            }
        }
        let title_of = |text: &String| Cell::title(text.as_str());
        let header = std::iter::once(Cell::from(title)).chain(columns.iter().map(title_of)).collect();
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
    let is_impure = status.impure().next().is_some();
    let flags = [(is_impure, " ~"), (is_head, " *"), (has_remote && !status.pushed, " ^")];
    let flags: String = flags.into_iter().filter(|(on, _)| *on).map(|(_, flag)| flag).collect();
    Cell::new(format!("{mark} {}{}{flags}", status.state.word(), time(status)), tone)
}

/// The elapsed and expected time of a build, such as ` 1m12s of ~3m`.
fn time(status: &PointStatus) -> String {
    let Some(activity) = status.activity else { return String::new() };
    let elapsed = duration::exact(activity.seconds());
    let expected = activity.expected().map(|all| format!(" of {}", duration::rough(all))).unwrap_or_default();
    format!(" {elapsed}{expected}")
}

/// The symbol of a state.
pub fn mark(state: State) -> (&'static str, Tone) {
    match state {
        State::New => ("·", Tone::Plain),
        State::Built => ("✓", Tone::Good),
        State::Failed => ("✗", Tone::Bad),
        State::NoBuilder => ("?", Tone::Odd),
        State::Behind => ("↓", Tone::Odd),
        State::Queued => ("…", Tone::Plain),
        State::Building => ("▸", Tone::Plain),
        State::Disputed => ("!", Tone::Bad),
    }
}

/// One suggestion of what to do next, as a row of a table.
pub fn suggestion(config: &Config, survey: &Survey, next: &NextAction) -> Vec<Cell> {
    let label = match next.action {
        Action::Settle => "disputed:",
        Action::Mend => "failed:",
        Action::Reconcile => "diverged:",
        Action::Restack => "behind:",
        Action::Build => "to build:",
        Action::NextStep => "go on:",
        Action::Promote => "next phase:",
        Action::FindBuilder => "no builder:",
        Action::Push => "to push:",
    };
    vec![label.into(), next.action.command(config, &survey.points[next.at]).into()]
}
