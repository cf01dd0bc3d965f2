//! The folded tables of a large lattice: a line of counts for each phase of the components that need attention, and one for all others.

use std::collections::BTreeMap;

use super::Tone;
use super::layout::{self, Layout, Place};
use super::picture::mark;
use super::table::Cell;
use crate::config::Config;
use crate::lattice::Point;
use crate::points::status::PointStatus;
use crate::record::State;

/// The most components that are shown.
const MOST_GROUPS: usize = 10;
/// The states in the order of their counts.
const STATES: [State; 8] = [
    State::Built,
    State::Failed,
    State::Disputed,
    State::Behind,
    State::Building,
    State::Queued,
    State::NoBuilder,
    State::New,
];
/// The states that make a component worth a look.
const NOTABLE: [State; 5] = [State::Failed, State::Disputed, State::Behind, State::Building, State::Queued];

/// How many points are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts([usize; STATES.len()]);

impl Counts {
    pub(super) fn add(&mut self, state: State) {
        STATES.iter().zip(&mut self.0).filter(|(known, _)| **known == state).for_each(|(_, count)| *count += 1);
    }

    fn add_all(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(count, other)| *count += other);
    }

    fn of(&self, states: &[State]) -> usize {
        STATES.iter().zip(self.0).filter(|(state, _)| states.contains(state)).map(|(_, count)| count).sum()
    }

    /// The states that occur, with their numbers.
    pub(super) fn counted(&self) -> impl Iterator<Item = (State, usize)> {
        STATES.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }

    /// Whether a point is worth a look: it failed, is disputed or behind, waits or is being built.
    pub(super) fn has_notable(&self) -> bool {
        self.of(&NOTABLE) > 0
    }

    /// Such as `18/20 built` and `18 ✓  1 ✗  1 ·`.
    fn cells(&self, ascii: bool) -> [Cell; 2] {
        let (built, all) = (self.of(&[State::Built]), self.0.iter().sum::<usize>());
        let tone = match (self.of(&[State::Failed, State::Disputed]), self.of(&NOTABLE)) {
            (0, 0) if built == all => Tone::Good,
            (0, 0) => Tone::Plain,
            (0, _) => Tone::Odd,
            _ => Tone::Bad,
        };
        let marks: Vec<_> = self.counted().map(|(state, count)| format!("{count} {}", mark(state, ascii).0)).collect();
        [Cell::new(format!("{built}/{all} built"), tone), marks.join("  ").into()]
    }
}

/// The points of one component.
#[derive(Default)]
struct Group<'p> {
    counts: Counts,
    /// By the values on the axes of the rows but the last.
    lines: BTreeMap<Place<'p>, Counts>,
    /// The line of HEAD's point, and what it says of it.
    head: Option<(Place<'p>, String)>,
}

/// The lines as a table.
pub fn rows(
    config: &Config,
    layout: &Layout,
    points: &[PointStatus],
    head: Option<&Point>,
    ascii: bool,
) -> Vec<Vec<Cell>> {
    let mut groups: BTreeMap<Place<'_>, Group<'_>> = BTreeMap::new();
    for status in points {
        let point = &status.named.point;
        let texts = config.lattice.texts(point);
        let group = groups.entry(layout.title(point, &texts)).or_default();
        let place = layout.group_of_rows(point, &texts);
        group.counts.add(status.state);
        if head == Some(point) {
            group.head = Some((place.clone(), format!("* {} {}", config.spell(point), status.state.word())));
        }
        group.lines.entry(place).or_default().add(status.state);
    }
    let notable = notable(&groups);
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for (title, group) in &notable {
        // With one axis of rows there is one line.
        let is_one = group.lines.keys().all(Vec::is_empty);
        rows.extend((!is_one).then(|| vec![layout::text(title).into()]));
        rows.extend(group.lines.iter().map(|(place, counts)| {
            let here = group.head.as_ref().filter(|(head, _)| head == place).map(|(_, text)| text.as_str().into());
            let name = if is_one { layout::text(title) } else { format!("  {}", layout::text(place)) };
            std::iter::once(Cell::from(name)).chain(counts.cells(ascii)).chain(here).collect()
        }));
    }
    rows.extend(rest(&groups, &notable, ascii));
    rows
}

/// The components worth a look: HEAD's first, then those with the most failures.
fn notable<'g, 'p>(groups: &'g BTreeMap<Place<'p>, Group<'p>>) -> Vec<(&'g Place<'p>, &'g Group<'p>)> {
    let mut notable: Vec<_> = groups.iter().filter(|(_, it)| it.head.is_some() || it.counts.of(&NOTABLE) > 0).collect();
    let bad = |it: &Group<'_>| it.counts.of(&[State::Failed, State::Disputed]);
    notable.sort_by_key(|(_, it)| (it.head.is_none(), std::cmp::Reverse(bad(it))));
    notable.truncate(MOST_GROUPS);
    notable
}

/// The line for the components that are not shown.
fn rest(groups: &BTreeMap<Place<'_>, Group<'_>>, shown: &[(&Place<'_>, &Group<'_>)], ascii: bool) -> Option<Vec<Cell>> {
    let others = || groups.iter().filter(|(title, _)| shown.iter().all(|(known, _)| known != title));
    let mut counts = Counts::default();
    others().for_each(|(_, group)| counts.add_all(&group.counts));
    let name = match (others().count(), shown.is_empty()) {
        (0, _) => return None,
        (1, false) => "1 other".to_owned(),
        (count, false) => format!("{count} others"),
        (count, true) => format!("all {count}"),
    };
    Some(std::iter::once(Cell::from(name)).chain(counts.cells(ascii)).collect())
}
