//! The picture of a large lattice: a line of counts for each phase of the components that need attention, and one for all others.

use std::collections::BTreeMap;

use super::Tone;
use super::picture::{Layout, mark};
use super::table::Cell;
use crate::config::Config;
use crate::lattice::{Coordinate, Point};
use crate::points::status::PointStatus;
use crate::record::State;

/// From this number of points on, the picture is folded.
pub const MANY: usize = 300;
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
struct Counts([usize; STATES.len()]);

impl Counts {
    fn add(&mut self, state: State) {
        STATES.iter().zip(&mut self.0).filter(|(known, _)| **known == state).for_each(|(_, count)| *count += 1);
    }

    fn add_all(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(count, other)| *count += other);
    }

    fn of(&self, states: &[State]) -> usize {
        STATES.iter().zip(self.0).filter(|(state, _)| states.contains(state)).map(|(_, count)| count).sum()
    }

    /// Such as `18/20 built` and `18 ✓  1 ✗  1 ·`.
    fn cells(&self) -> [Cell; 2] {
        let (built, all) = (self.of(&[State::Built]), self.0.iter().sum::<usize>());
        let tone = match (self.of(&[State::Failed, State::Disputed]), self.of(&NOTABLE)) {
            (0, 0) if built == all => Tone::Good,
            (0, 0) => Tone::Plain,
            (0, _) => Tone::Odd,
            _ => Tone::Bad,
        };
        let counted = STATES.into_iter().zip(self.0).filter(|(_, count)| *count > 0);
        let marks: Vec<_> = counted.map(|(state, count)| format!("{count} {}", mark(state).0)).collect();
        [Cell::new(format!("{built}/{all} built"), tone), marks.join("  ").into()]
    }
}

/// The points of one component.
#[derive(Default)]
struct Group<'a> {
    counts: Counts,
    /// By the values on the axes of the rows but the last.
    lines: BTreeMap<Vec<&'a Coordinate>, (String, Counts)>,
    /// The row of HEAD's point, and its line.
    head: Option<(Vec<&'a Coordinate>, String)>,
}

/// The lines as a table.
pub fn rows(config: &Config, points: &[PointStatus], head: Option<&Point>) -> Vec<Vec<Cell>> {
    let layout = Layout::of(config);
    let mut groups: BTreeMap<String, Group<'_>> = BTreeMap::new();
    for status in points {
        let point = &status.named.point;
        let texts = config.lattice.texts(point);
        let group = groups.entry(layout.title(&texts)).or_default();
        let lines = layout.rows.split_last().map_or(&[][..], |(_, others)| others);
        let place: Vec<_> = lines.iter().map(|&i| &point.coordinates()[i]).collect();
        let line = || lines.iter().map(|&i| texts[i].as_str()).collect::<Vec<_>>().join("/");
        group.lines.entry(place.clone()).or_insert_with(|| (line(), Counts::default())).1.add(status.state);
        group.counts.add(status.state);
        if head == Some(point) {
            group.head = Some((place, format!("* {} {}", config.spell(point), status.state.word())));
        }
    }
    let mut notable: Vec<_> = groups.iter().filter(|(_, it)| it.head.is_some() || it.counts.of(&NOTABLE) > 0).collect();
    let bad = |it: &Group<'_>| it.counts.of(&[State::Failed, State::Disputed]);
    notable.sort_by_key(|(title, it)| (it.head.is_none(), std::cmp::Reverse(bad(it)), (*title).clone()));
    notable.truncate(MOST_GROUPS);
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for (title, group) in &notable {
        rows.push(vec![title.as_str().into()]);
        rows.extend(group.lines.iter().map(|(place, (line, counts))| {
            let here = group.head.as_ref().filter(|(head, _)| head == place).map(|(_, text)| text.as_str().into());
            std::iter::once(Cell::from(format!("  {line}"))).chain(counts.cells()).chain(here).collect()
        }));
    }
    rows.extend(rest(&groups, &notable));
    rows
}

/// The line for the components that are not shown.
fn rest(groups: &BTreeMap<String, Group<'_>>, shown: &[(&String, &Group<'_>)]) -> Option<Vec<Cell>> {
    let others = || groups.iter().filter(|(title, _)| shown.iter().all(|(known, _)| known != title));
    let mut counts = Counts::default();
    others().for_each(|(_, group)| counts.add_all(&group.counts));
    let name = match (others().count(), shown.is_empty()) {
        (0, _) => return None,
        (1, false) => "1 other".to_owned(),
        (count, false) => format!("{count} others"),
        (count, true) => format!("all {count}"),
    };
    Some(std::iter::once(Cell::from(name)).chain(counts.cells()).collect())
}
