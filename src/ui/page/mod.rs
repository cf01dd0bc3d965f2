//! The page: what is read of the points as the values of the template.

mod details;
mod state;

use std::collections::{BTreeSet, HashSet};

use self::state::shown;
use super::folded::Counts;
use super::graph::{Picture, svg};
use super::layout::{self, Layout};
use super::next;
use super::picture::{self, Matrix};
use crate::config::Config;
use crate::ops::page::{Contents, MANY};
use crate::points::diagram::Diagram;
use crate::points::status::{PointStatus, Survey};
use crate::template::page::{self, Cell, Component, Fact, Next, Page, PlainPoint, Row, Total, Value};
use crate::text;

/// How many commands of one kind are named.
const COMMANDS: usize = 5;
/// The most steps of a chain that can be read on one printed page.
const PRINTED: usize = 40;
/// How many components a title names.
const NAMED: usize = 3;

/// The page of these points.
pub fn of<'a>(config: &'a Config, contents: &'a Contents, title: String) -> Page<'a> {
    let points = &contents.survey.points;
    let with_details: HashSet<usize> = contents.details.iter().map(|it| it.at).collect();
    Page {
        title,
        facts: facts(config, contents),
        totals: counts(points).counted().map(|(state, count)| Total { state: shown(state), count }).collect(),
        remarks: remarks(config, &contents.survey),
        next: next_steps(config, &contents.survey),
        legend: legend(config, points),
        is_folded: points.len() >= MANY,
        components: components(config, points, &with_details),
        diagrams: diagrams(config, contents),
        base: config.base.to_string(),
        in_detail: in_detail(points.len(), with_details.len()),
        points: contents.details.iter().map(|it| details::of(config, it)).collect(),
        diagram_style: svg::STYLE,
    }
}

fn counts<'p>(points: impl IntoIterator<Item = &'p PointStatus>) -> Counts {
    let mut counts = Counts::default();
    points.into_iter().for_each(|status| counts.add(status.state));
    counts
}

/// Such as `20 points: 18 built, 2 new`.
fn summary(counts: &Counts) -> String {
    let all = counts.counted().map(|(_, count)| count).sum();
    let states: Vec<_> = counts.counted().map(|(state, count)| format!("{count} {}", state.word())).collect();
    format!("{}: {}", text::tally(all, "point", "points"), states.join(", "))
}

fn facts(config: &Config, contents: &Contents) -> Vec<Fact> {
    let fact = |label: &str, values: Vec<Value>| Fact { label: label.to_owned(), values };
    let base = match contents.base {
        Some(commit) => format!("{} {commit}", config.base),
        None => config.base.to_string(),
    };
    let mut facts = vec![
        fact("points", vec![Value::Text(contents.survey.points.len().to_string())]),
        fact("base branch", vec![Value::Code(base)]),
    ];
    for (label, time) in [("newest commit", &contents.newest_commit), ("newest record", &contents.newest_record)] {
        facts.extend(time.as_ref().map(|time| fact(label, vec![Value::Text(time.clone())])));
    }
    facts
}

/// What the page lacks.
fn remarks(config: &Config, survey: &Survey) -> Vec<Vec<Value>> {
    let broken = survey.broken.iter().map(|broken| format!("A ref was left out: {broken}"));
    let unreadable = survey.unreadable.iter();
    let unreadable = unreadable.map(|(point, error)| format!("{} was left out: {error:#}", config.spell(point)));
    let lines = text::tally(survey.skipped, "line of the records is", "lines of the records are");
    let skipped = (survey.skipped > 0).then(|| format!("{lines} not valid and not counted."));
    let points = text::tally(survey.maybe_behind, "point is", "points are");
    let maybe =
        (survey.maybe_behind > 0).then(|| format!("The clone is shallow: it is not known whether {points} behind."));
    broken.chain(unreadable).chain(skipped).chain(maybe).map(|text| parts(&text)).collect()
}

/// The parts of a message: what is in backticks is code.
fn parts(text: &str) -> Vec<Value> {
    let parts: Vec<&str> = text.split('`').collect();
    // Without an end a backtick begins no code.
    if parts.len().is_multiple_of(2) {
        return vec![Value::Text(text.to_owned())];
    }
    let part = |(i, part): (usize, &str)| if i % 2 == 0 { Value::Text(part.into()) } else { Value::Code(part.into()) };
    parts.into_iter().enumerate().map(part).collect()
}

/// What the marks after the states mean, those that occur.
fn legend(config: &Config, points: &[PointStatus]) -> String {
    let has = |mark: &str| points.iter().any(|it| picture::flags(it, false, config.remote.is_some()).contains(mark));
    let all = [("^", "^: not pushed"), ("~", "~: built with files of the machine")];
    all.into_iter().filter(|(mark, _)| has(mark)).map(|(_, text)| text).collect::<Vec<_>>().join("; ")
}

fn in_detail(all: usize, detailed: usize) -> String {
    if detailed == all {
        return String::new();
    }
    format!(
        "Details are here for {detailed} of {all} points: those that failed, whose records contradict each other, that are being built, \
         wait, are behind, have no builder or have notes, and no more than {MANY}."
    )
}

/// The next actions by kind, most urgent first.
fn next_steps(config: &Config, survey: &Survey) -> Vec<Next> {
    let mut kinds: Vec<Next> = Vec::new();
    for suggestion in next::suggestions(config, survey) {
        let label = next::label(suggestion.action);
        if kinds.last().is_none_or(|kind| kind.label != label) {
            kinds.push(Next { label, commands: Vec::new(), more: 0 });
        }
        let Some(kind) = kinds.last_mut() else { continue };
        if kind.commands.len() < COMMANDS {
            kind.commands.push(suggestion.command);
        } else {
            kind.more += suggestion.points;
        }
    }
    kinds
}

fn components(config: &Config, points: &[PointStatus], with_details: &HashSet<usize>) -> Vec<Component> {
    let at = |status: &PointStatus| points.partition_point(|other| other.named.point < status.named.point);
    let component = |matrix: Matrix<'_>| {
        let own = || matrix.rows.iter().flat_map(|(_, cells)| cells).filter_map(|cell| *cell);
        let counts = counts(own());
        let plain = own().filter(|status| !with_details.contains(&at(status)));
        Component {
            summary: summary(&counts),
            is_open: counts.has_notable(),
            plain: plain.map(|status| plain_point(config, status)).collect(),
            rows: matrix.rows.iter().map(|(label, cells)| row(config, label, cells)).collect(),
            title: matrix.title,
            columns: matrix.columns,
        }
    };
    picture::matrices(config, &Layout::of(config), points).into_iter().map(component).collect()
}

fn row(config: &Config, label: &str, cells: &[Option<&PointStatus>]) -> Row {
    let cell = |status: &PointStatus| Cell {
        point: config.spell(&status.named.point).into(),
        state: shown(status.state),
        flags: picture::flags(status, false, config.remote.is_some()),
    };
    Row { label: label.to_owned(), cells: cells.iter().map(|status| status.map(cell)).collect() }
}

fn plain_point(config: &Config, status: &PointStatus) -> PlainPoint {
    PlainPoint {
        name: config.spell(&status.named.point).into(),
        state: shown(status.state),
        branch: config.branch_of(&status.named.point).to_string(),
        commit: status.commit.to_string(),
        key: status.key.map(|key| key.to_string()).unwrap_or_default(),
    }
}

fn diagrams<'a>(config: &'a Config, contents: &'a Contents) -> Vec<page::Diagram<'a>> {
    let Contents { survey, diagram, .. } = contents;
    let picture = Picture { config, points: &survey.points, diagram, head: None };
    let one = |part: usize| {
        let counts = counts(diagram.parts[part].iter().map(|&node| &survey.points[node]));
        let link = move |node: usize| Some(format!("#p/{}", config.spell(&survey.points[node].named.point)));
        page::Diagram {
            title: title(config, diagram, part, &survey.points),
            summary: summary(&counts),
            is_open: false,
            is_tall: diagram.parts[part].iter().any(|&node| diagram.nodes[node].rank >= PRINTED),
            svg: Box::new(move || svg::element(&picture, &[part], &link)),
        }
    };
    (0..diagram.parts.len()).map(one).collect()
}

/// The components of a part.
fn title(config: &Config, diagram: &Diagram, part: usize, points: &[PointStatus]) -> String {
    let layout = Layout::of(config);
    let titles = diagram.parts[part].iter().map(|&node| {
        let point = &points[node].named.point;
        layout.title(point, &config.lattice.texts(point))
    });
    let titles: BTreeSet<_> = titles.collect();
    let titles: Vec<_> = titles.iter().map(|title| layout::text(title)).collect();
    match titles.len().saturating_sub(NAMED) {
        0 => titles.join(", "),
        more => format!("{} and {more} more", titles[..NAMED].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_backticks_is_code() {
        let shown = |text: &str| -> Vec<String> {
            let part = |value: Value| match value {
                Value::Code(text) => format!("<{text}>"),
                Value::Text(text) | Value::Point(text) => text,
            };
            parts(text).into_iter().map(part).collect()
        };
        assert_eq!(shown("`a` and `b`"), ["", "<a>", " and ", "<b>", ""]);
        assert_eq!(shown("an ` alone"), ["an ` alone"]);
    }
}
