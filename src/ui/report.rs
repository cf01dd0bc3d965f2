//! A report as GitHub-flavoured Markdown.

use std::collections::BTreeMap;

use super::markdown::{block, code, line, quotation};
use super::trusted_base;
use crate::config::Config;
use crate::git::Oid;
use crate::lattice::Coordinate;
use crate::nix::StorePath;
use crate::ops::report::{Choice, Disputed, Failure, MANY, Outside, Report, Row};
use crate::ops::trusted_base::{HostPaths, TrustedInput, size_of};
use crate::record::{Dispute, Side, State};
use crate::system::System;
use crate::text::{size, tally};

/// The most notes; `--json` has all.
const MAX_NOTES: usize = 20;

/// How a report is shown.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Whether each point gets a row, however many there are.
    pub all: bool,
}

/// The text of a report. `commands` are those that build its maximal points.
pub fn text(config: &Config, report: &Report, commands: &[String], options: Options) -> String {
    let parts = [
        head(config, report),
        if report.rows.len() > MANY && !options.all { totals(config, report) } else { table(report) },
        unpushed(config, report),
        failures(report),
        disputes(report),
        notes(report),
        outside(&report.outside),
        reproduce(commands),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn head(config: &Config, report: &Report) -> String {
    let title = match report.rows.as_slice() {
        [only] => code(&only.status.named.spelled, false),
        rows => tally(rows.len(), "point", "points"),
    };
    let counts = State::ALL.map(|state| (state, report.rows.iter().filter(|row| row.status.state == state).count()));
    let counts: Vec<_> =
        counts.iter().filter(|(_, n)| *n > 0).map(|(state, n)| format!("{n} {}", state.word())).collect();
    let base = report.base.map(|base| format!(" at {}", code(&short(base), false))).unwrap_or_default();
    let choice = match report.choice {
        Choice::Named => "",
        Choice::Head => ", the checked-out one and those below it that the base does not have",
        Choice::All => ", all of the lattice",
    };
    let counts = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
    format!("## Builds: {title}\n\n{counts}{choice}. Base: {}{base}.\n", code(&config.base, false))
}

fn table(report: &Report) -> String {
    if report.rows.is_empty() {
        return String::new();
    }
    let rows = report.rows.iter().map(|row| {
        let status = &row.status;
        let systems: Vec<_> = status.systems.iter().map(|system| code(system.as_str(), true)).collect();
        format!(
            "| {} | {} | {} | {} | {} | {} |\n",
            code(&status.named.spelled, true),
            state(status.state),
            systems.join(", "),
            times(row),
            code(&short(status.commit), true),
            status.key.map(|key| code(&short(key), true)).unwrap_or_default(),
        )
    });
    let head = "| point | state | systems | took | commit | key |\n|---|---|---|---|---|---|\n";
    std::iter::once(head.to_owned()).chain(rows).collect()
}

/// The counts of each value of the first axis.
fn totals(config: &Config, report: &Report) -> String {
    let mut groups: BTreeMap<(Option<&Coordinate>, String), Vec<State>> = BTreeMap::new();
    for row in &report.rows {
        let point = &row.status.named.point;
        let text = config.lattice.texts(point).into_iter().next().unwrap_or_default();
        groups.entry((point.coordinates().first(), text)).or_default().push(row.status.state);
    }
    let states: Vec<_> =
        State::ALL.into_iter().filter(|state| groups.values().any(|states| states.contains(state))).collect();
    let axis = config.lattice.axes().first().map(|axis| axis.name.to_string()).unwrap_or_default();
    let cells =
        |cell: &dyn Fn(State) -> String| states.iter().map(|state| cell(*state)).collect::<Vec<_>>().join(" | ");
    let titles = [
        format!("| {axis} | points | {} |\n", cells(&|state| state.word().to_owned())),
        format!("|---|---|{}\n", "---|".repeat(states.len())),
    ];
    let rows = groups.iter().map(|((_, name), own)| {
        let count = |state| own.iter().filter(|it| **it == state).count().to_string();
        format!("| {} | {} | {} |\n", code(name, true), own.len(), cells(&count))
    });
    let more = format!("\nMore than {MANY} points are counted; `git lattice report --all` lists each.\n");
    titles.into_iter().chain(rows).chain([more]).collect()
}

/// What a reviewer cannot fetch.
fn unpushed(config: &Config, report: &Report) -> String {
    let count = report.rows.iter().filter(|row| !row.status.pushed).count();
    match &config.remote {
        Some(remote) if count > 0 => {
            format!("{} not on the remote {}.\n", tally(count, "commit is", "commits are"), code(remote, false))
        }
        _ => String::new(),
    }
}

fn failures(report: &Report) -> String {
    let (failures, others) = &report.failures;
    let failure = |failure: &Failure| {
        let error = failure.error.as_ref().map(|error| format!(": {}", code(error, false))).unwrap_or_default();
        let (point, system) = (code(&failure.point, false), code(failure.system.as_str(), false));
        let head = format!("- {point} on {system}, {}{error}\n", failure.started);
        if failure.log.is_empty() {
            return head;
        }
        format!("{head}\n<details><summary>End of the log</summary>\n\n{}\n</details>\n\n", block("text", &failure.log))
    };
    section("Failed", failures.iter().map(failure), *others)
}

fn disputes(report: &Report) -> String {
    let (disputes, others) = &report.disputes;
    let lines = |it: &Disputed| it.disputes.iter().map(|dispute| dispute_lines(it, dispute)).collect::<String>();
    section("Disputed", disputes.iter().map(lines), *others)
}

fn dispute_lines(disputed: &Disputed, dispute: &Dispute) -> String {
    let drv = dispute.drv.as_ref().map_or("an unknown derivation", StorePath::as_str);
    let output =
        dispute.output.as_ref().map(|output| format!("output {} of ", code(output, false))).unwrap_or_default();
    let side = |side: &Side| {
        let by = side.records.iter().filter_map(|i| disputed.records.get(*i));
        let by: Vec<_> = by.map(|it| code(&format!("{}@{}", it.record.user, it.record.host), false)).collect();
        let what = side.nar_hash.as_ref().map_or("a second build differs".to_owned(), |hash| code(hash, false));
        format!("  - {what} by {}\n", by.join(", "))
    };
    let (point, system) = (code(&disputed.point, false), code(dispute.system.as_str(), false));
    let head = format!("- {point} on {system}: {output}{}\n", code(drv, false));
    std::iter::once(head).chain(dispute.sides.iter().map(side)).collect()
}

/// The newest notes, with the first lines of long ones.
fn notes(report: &Report) -> String {
    let all: Vec<_> =
        report.notes.iter().flat_map(|(point, notes)| notes.iter().map(move |note| (point, note))).collect();
    let older = all.len().saturating_sub(MAX_NOTES);
    let mut newest: Vec<usize> = (0..all.len()).collect();
    newest.sort_by_key(|at| &all[*at].1.written);
    newest.drain(..older);
    newest.sort_unstable();
    let note = |(point, note): (&crate::lattice::Spelled, &crate::note::Note)| {
        let edited = if note.edited { ", edited" } else { "" };
        let (point, commit) = (code(point, false), code(&short(note.commit), false));
        format!(
            "{point} at {commit}, {}, {}{edited}:\n\n{}\n",
            line(&note.author),
            note.written,
            quotation(&shortened(note.text.as_str()))
        )
    };
    let more = (older > 0).then(|| format!("and {older} older: `git lattice note --list` prints all\n"));
    section("Notes", newest.into_iter().map(|at| note(all[at])).chain(more), 0)
}

/// The beginning of a long text.
fn shortened(text: &str) -> String {
    const LINES: usize = 20;
    const CHARACTERS: usize = 2000;
    let lines: Vec<&str> = text.lines().take(LINES).collect();
    let short: String = lines.join("\n").chars().take(CHARACTERS).collect();
    if short.len() < text.len() { short + " ..." } else { short }
}

fn outside(outside: &Outside) -> String {
    let mut lines = Vec::new();
    if !outside.inputs.is_empty() {
        lines.push("| kind | name | hash | size |\n|---|---|---|---|\n".to_owned());
        lines.extend(outside.inputs.iter().map(input_row));
        lines.push("\n".to_owned());
    }
    lines.extend(outside.impure.iter().map(host_line));
    let (known, unknown) = size_of(&outside.inputs, outside.left_out);
    let sum = trusted_base::summary(outside.inputs.len().saturating_add(outside.left_out), known, unknown);
    lines.push(format!("Not built from source here: {sum}.\n"));
    if outside.unbuilt > 0 {
        let points = tally(outside.unbuilt, "point has", "points have");
        lines.push(format!("{points} no record of it yet; `config.toml` names this.\n"));
    }
    if outside.others > 0 {
        let others = tally(outside.others, "more point", "more points");
        lines.push(format!("The trusted base of {others} is not included.\n"));
    }
    format!("### Trusted base\n\n{}", lines.concat())
}

fn input_row(input: &TrustedInput) -> String {
    let hash = input.hash.as_ref().map_or("no hash".to_owned(), |hash| code(hash, true));
    let size = input.size.map_or("unknown".to_owned(), size);
    format!("| {} | {} | {hash} | {size} |\n", input.kind, code(&input.name, true))
}

fn host_line(host: &HostPaths) -> String {
    let paths: Vec<_> = host.paths.iter().map(|path| code(path, false)).collect();
    let (point, system) = (code(&host.point, false), code(host.system.as_str(), false));
    format!("The build of {point} on {system} could read files of its machine: {}.\n\n", paths.join(", "))
}

fn reproduce(commands: &[String]) -> String {
    if commands.is_empty() {
        return String::new();
    }
    format!("### Reproduce\n\n{}", block("sh", commands))
}

/// A section, unless it is empty.
fn section(title: &str, parts: impl Iterator<Item = String>, others: usize) -> String {
    let parts: String = parts.collect();
    if parts.is_empty() {
        return String::new();
    }
    let others =
        if others > 0 { format!("\nand {}\n", tally(others, "more point", "more points")) } else { String::new() };
    format!("### {title}\n\n{}\n{others}", parts.trim_end())
}

fn state(state: State) -> String {
    match state {
        State::Failed | State::Disputed => format!("**{}**", state.word()),
        state => state.word().to_owned(),
    }
}

fn times(row: &Row) -> String {
    let alone = row.status.systems.len() == 1;
    let time = |(system, seconds): &(System, f64)| {
        let system = if alone { String::new() } else { format!(" on {}", code(system.as_str(), true)) };
        format!("{seconds:.1} s{system}")
    };
    row.times.iter().map(time).collect::<Vec<_>>().join(", ")
}

fn short(id: Oid) -> String {
    id.to_hex_with_len(10).to_string()
}
