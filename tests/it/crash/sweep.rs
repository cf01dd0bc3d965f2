//! All system calls, or a sample, and the table of results.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::command::{CommandCase, RefStorage};
use super::expected::{Expected, FLAWS, Flaw, Flaws};
use crate::strace::sample::{choose, hash, is_sweep, on_all_cores, print_past_harness};
use crate::strace::{Call, Fault, Injection, strace};

/// A command, its system calls, and its expected result.
struct Case {
    subject: CommandCase,
    calls: Vec<Call>,
    unnamed: usize,
    expected: Expected,
}

impl Case {
    fn new(strace: &Path, subject: CommandCase) -> Self {
        let tracer = subject.tracer(strace);
        let (ended, trace) = tracer.trace(&subject.args());
        assert_eq!(ended.code(), Some(0), "{}\n{}{}", subject.name, ended.stdout, ended.stderr);
        let expected = Expected::after(&subject, &tracer.sandbox);
        Self { subject, calls: trace.calls, unnamed: trace.unnamed, expected }
    }

    /// Kills the command at a call and runs it again; returns whether the call was reached, and the flaws.
    fn kill(&self, strace: &Path, injection: &Injection) -> (bool, Flaws) {
        let tracer = self.subject.tracer(strace);
        let ended = tracer.inject(&self.subject.args(), injection);
        let mut flaws = self.expected.rerun(&self.subject, &tracer.sandbox);
        if ended.status.is_none() {
            flaws.insert(Flaw::Hang, "a run".to_owned());
        }
        (ended.hit.is_some(), flaws)
    }
}

#[derive(Default)]
struct Row {
    kills: usize,
    met: usize,
    flaws: BTreeMap<Flaw, usize>,
}

/// Ends the commands in these ways at all or a sample of their calls, and asserts that each works when run again.
fn sweep(subjects: Vec<CommandCase>, ways: &[Fault]) {
    let Some(strace) = can_kill() else { return };
    let cases = on_all_cores(subjects, |subject| Case::new(&strace, subject));
    sweep_cases(&strace, &cases, ways);
}

fn can_kill() -> Option<PathBuf> {
    cfg!(target_os = "linux").then(strace).flatten()
}

fn sweep_cases(strace: &Path, cases: &[Case], ways: &[Fault]) {
    let mut tasks: Vec<_> = cases
        .iter()
        .flat_map(|case| choose(&case.calls, ways, &case.subject.name).into_iter().map(move |kill| (case, kill)))
        .collect();
    tasks.sort_by_cached_key(|(case, kill)| hash(&(&case.subject.name, kill)));
    let mut rows = BTreeMap::<_, Row>::new();
    let mut bad = Vec::new();
    for (case, kill, met, flaws) in on_all_cores(tasks, |(case, kill)| {
        let (met, flaws) = case.kill(strace, &kill);
        if is_sweep() && !flaws.is_empty() {
            print_past_harness(&format!("{}: {kill}: {flaws:?}", case.subject.name));
        }
        (case, kill, met, flaws)
    }) {
        let row = rows.entry(case.subject.name.as_str()).or_default();
        row.kills += 1;
        row.met += usize::from(met);
        flaws.keys().for_each(|flaw| *row.flaws.entry(*flaw).or_default() += 1);
        if flaws.keys().any(|flaw| flaw.is_harm()) {
            bad.push(format!("{}: {kill}: {flaws:?}", case.subject.name));
        }
    }
    if is_sweep() {
        show(cases, &rows);
    }
    assert!(bad.is_empty(), "{} kills did harm:\n{}", bad.len(), bad.join("\n"));
}

#[test]
fn command_works_after_a_kill_at_any_call() {
    sweep(CommandCase::select(&[], RefStorage::Loose), &[Fault::Signal("SIGKILL")]);
}

#[test]
fn command_works_after_other_endings() {
    let signals = ["SIGTERM", "SIGINT", "SIGHUP"].map(Fault::Signal);
    let subjects = if is_sweep() { &[][..] } else { &["axis rename", "promote", "sync"] };
    sweep(
        CommandCase::select(subjects, RefStorage::Loose),
        &[&signals[..], &[Fault::KillAll, Fault::KillLattice]].concat(),
    );
}

#[test]
fn command_works_after_a_kill_with_other_ref_stores() {
    for (storage, usual) in [(RefStorage::Packed, "undo"), (RefStorage::Reftable, "next-step")] {
        let subjects = if is_sweep() { vec!["new", "next-step", "promote", "sync", "undo"] } else { vec![usual] };
        sweep(CommandCase::select(&subjects, storage), &[Fault::Signal("SIGKILL")]);
    }
}

/// The calls after the journal records the operation: the later ones of git-lattice itself, and those of the push.
fn calls_of_push(calls: &[Call]) -> Vec<Call> {
    let moved = calls.iter().position(|call| call.name.ends_with("sync") && call.is_on("lattice/journal/operations"));
    let push = calls.iter().find(|call| call.program() == "git" && call.is_on("/remote.git/")).unwrap();
    let is_later = |(i, call): &(usize, &Call)| match call.program() {
        "git-lattice" => moved.is_some_and(|moved| *i > moved),
        _ => call.start == push.start,
    };
    calls.iter().enumerate().filter(is_later).map(|(_, call)| call.clone()).collect()
}

#[test]
fn promote_killed_midway_pushes_records_later() {
    let Some(strace) = can_kill() else { return };
    let subjects = CommandCase::select(&["promote"], RefStorage::Loose);
    let case = |subject| {
        let case = Case::new(&strace, subject);
        assert!(
            case.expected.state.contains("same on the remote") && case.expected.state.contains("merge = refs/heads"),
            "{}",
            case.expected.state
        );
        Case { calls: calls_of_push(&case.calls), ..case }
    };
    sweep_cases(&strace, &on_all_cores(subjects, case), &[Fault::Signal("SIGKILL"), Fault::KillLattice]);
}

fn show(cases: &[Case], rows: &BTreeMap<&str, Row>) {
    let mut lines =
        vec![format!("\n| command | calls | kills | met |{}", FLAWS.map(|(_, name)| format!(" {name} |")).concat())];
    lines.push(format!("|---|{}", "--:|".repeat(3 + FLAWS.len())));
    for (name, row) in rows {
        let case = cases.iter().find(|case| case.subject.name == *name).unwrap();
        let flaws = FLAWS.map(|(flaw, _)| format!(" {} |", row.flaws.get(&flaw).unwrap_or(&0)));
        lines.push(format!(
            "| {name} | {} (+{}) | {} | {} |{}",
            case.calls.len(),
            case.unnamed,
            row.kills,
            row.met,
            flaws.concat()
        ));
    }
    lines.push("(+n): calls that strace cannot be told to hit alone".to_owned());
    print_past_harness(&lines.join("\n"));
}
