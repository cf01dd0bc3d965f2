//! The picture of a lattice: by default one table per component, with steps as rows and architectures as columns.

use std::collections::{BTreeMap, BTreeSet};

use super::layout::{self, Layout, Place};
use super::table::{self, Cell};
use super::{Screen, Tone, duration};
use crate::config::Config;
use crate::lattice::Point;
use crate::points::next::{Action, NextAction};
use crate::points::status::{PointStatus, Survey};
use crate::record::State;

/// The tables, line by line.
pub fn tables(
    config: &Config,
    layout: &Layout,
    points: &[PointStatus],
    head: Option<&Point>,
    screen: Screen,
) -> Vec<String> {
    let mut tables: BTreeMap<Place, Table> = BTreeMap::new();
    for status in points {
        let point = &status.named.point;
        let texts = config.lattice.texts(point);
        let table = tables.entry(layout.title(point, &texts)).or_default();
        let column = layout.column(point, &texts);
        let cell = cell(status, head == Some(point), config.remote.is_some(), screen.ascii);
        table.columns.insert(column.clone());
        table.rows.entry(layout.row(point, &texts)).or_default().insert(column, cell);
    }
    let mut lines = Vec::new();
    for (title, table) in tables {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(table::matrix(&table.cells(&layout::text(&title)), screen));
    }
    lines
}

/// A table of points.
#[derive(Default)]
struct Table {
    columns: BTreeSet<Place>,
    rows: BTreeMap<Place, BTreeMap<Place, Cell>>,
}

impl Table {
    fn cells(self, title: &str) -> Vec<Vec<Cell>> {
        let Self { columns, rows } = self;
        let header = std::iter::once(Cell::from(title)).chain(columns.iter().map(|it| Cell::title(layout::text(it))));
        let line = |(row, cells): (Place, BTreeMap<Place, Cell>)| {
            let cells = columns.iter().map(|column| cells.get(column).cloned().unwrap_or_else(|| Cell::from("")));
            std::iter::once(Cell::from(format!("  {}", layout::text(&row)))).chain(cells).collect()
        };
        std::iter::once(header.collect()).chain(rows.into_iter().map(line)).collect()
    }
}

fn cell(status: &PointStatus, is_head: bool, has_remote: bool, ascii: bool) -> Cell {
    let (mark, tone) = mark(status.state, ascii);
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
