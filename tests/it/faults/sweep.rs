//! All system calls, or a sample, and the table of results.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::situation::{Machine, Outputs, SITUATIONS, Situation, outputs_of};
use super::verdict::{FLAWS, Flaw, Outcome, build_with_fault};
use crate::nix_setup::every_nix;
use crate::strace::sample::{choose, hash, is_sweep, on_all_cores, print_past_harness};
use crate::strace::{Call, Fault, strace};

const FAULTS: [Fault; 3] = [Fault::Error("EIO"), Fault::Error("ENOSPC"), Fault::Signal("SIGKILL")];

/// Flaws that no fault may cause. The table shows the others too, which concern leftovers of a killed process.
const ASSERTED: [Flaw; 7] =
    [Flaw::FalseFailed, Flaw::FalseBuilt, Flaw::FalseOther, Flaw::Exit, Flaw::Hang, Flaw::Fsck, Flaw::Again];

/// A situation with one version of Nix.
struct Case<'a> {
    situation: Situation,
    nix: &'a Path,
    version: String,
    /// The outputs of a build without faults.
    expected: Outputs,
    calls: Vec<Call>,
    unnamed: usize,
}

impl<'a> Case<'a> {
    fn new(strace: &Path, situation: Situation, nix: &'a Path) -> Self {
        let machine = Machine::new(strace, nix);
        let (ended, trace) = machine.tracer.trace(&["build", &situation.point()]);
        assert_eq!(ended.code(), Some(situation.code()), "without a fault\n{}{}", ended.stdout, ended.stderr);
        assert!(machine.builder_ran(situation), "the builder should leave its trace");
        let expected = machine.records().iter().flat_map(outputs_of).collect();
        let version = version(nix);
        Self { situation, nix, version, expected, calls: trace.calls, unnamed: trace.unnamed }
    }
}

fn version(nix: &Path) -> String {
    let output = std::process::Command::new(nix).arg("--version").output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().next_back().unwrap().to_owned()
}

/// The results of all faults of one kind in one case.
#[derive(Default)]
struct Row {
    runs: usize,
    hits: usize,
    flaws: BTreeMap<Flaw, usize>,
}

type Rows = BTreeMap<(Situation, String, Fault), Row>;

#[test]
fn no_fault_leads_to_a_false_verdict() {
    let nixes = every_nix();
    let Some(strace) = nixes.first().and_then(|_| strace()) else { return };
    let pairs = nixes.iter().flat_map(|nix| SITUATIONS.map(|situation| (situation, nix))).collect();
    let cases = on_all_cores(pairs, |(situation, nix): (_, &PathBuf)| Case::new(&strace, situation, nix));
    let mut tasks: Vec<_> = cases
        .iter()
        .flat_map(|case| {
            choose(&case.calls, &FAULTS, &(case.situation, &case.version))
                .into_iter()
                .map(move |injection| (case, injection))
        })
        .collect();
    // A sweep that is cut short has tried a few of every kind.
    tasks.sort_by_cached_key(|(case, injection)| hash(&(case.situation, &case.version, injection)));
    let results = on_all_cores(tasks, |(case, injection)| {
        let machine = Machine::new(&strace, case.nix);
        let outcome = build_with_fault(&machine, case.situation, &injection, &case.expected);
        log_flaw(case, &outcome);
        (case, injection.fault, outcome)
    });
    let mut rows = Rows::new();
    for (case, fault, outcome) in &results {
        let row = rows.entry((case.situation, case.version.clone(), *fault)).or_default();
        row.runs += 1;
        row.hits += usize::from(outcome.hit);
        outcome.flaws.iter().for_each(|flaw| *row.flaws.entry(*flaw).or_default() += 1);
    }
    if is_sweep() {
        show_table(&cases, &rows);
    }
    let hits = rows.values().map(|row| row.hits).sum::<usize>();
    assert!(hits * 10 >= results.len() * 7, "most faults should be met: {hits} of {}", results.len());
    let bad: Vec<_> =
        results.iter().filter(|(.., outcome)| outcome.flaws.iter().any(|flaw| ASSERTED.contains(flaw))).collect();
    let stories: Vec<_> =
        bad.iter().take(20).map(|(.., outcome)| format!("{:?} {}", outcome.flaws, outcome.story)).collect();
    assert!(bad.is_empty(), "{} runs with a flaw, such as\n{}", bad.len(), stories.join("\n"));
}

/// Prints a flaw as soon as it is found, for longer sweeps.
fn log_flaw(case: &Case, outcome: &Outcome) {
    if is_sweep() && !outcome.flaws.is_empty() {
        print_past_harness(&format!("{:?} Nix {}: {}", outcome.flaws, case.version, outcome.story));
    }
}

/// Prints the table.
fn show_table(cases: &[Case], rows: &Rows) {
    let mut lines = vec![format!(
        "| situation | Nix | fault | runs | met |{}",
        FLAWS.map(|(_, name)| format!(" {name} |")).concat()
    )];
    lines.push(format!("|---|---|---|{}", "--:|".repeat(2 + FLAWS.len())));
    for ((situation, version, fault), row) in rows {
        let flaws = FLAWS.map(|(flaw, _)| format!(" {} |", row.flaws.get(&flaw).unwrap_or(&0)));
        let (situation, fault) = (situation.name(), fault.name());
        lines.push(format!("| {situation} | {version} | {fault} | {} | {} |{}", row.runs, row.hits, flaws.concat()));
    }
    for case in cases {
        let (named, unnamed) = (case.calls.len(), case.unnamed);
        lines.push(format!(
            "{}, Nix {}: {named} write-like calls, and {unnamed} that strace cannot hit alone",
            case.situation.name(),
            case.version
        ));
    }
    print_past_harness(&format!("\n{}", lines.join("\n")));
}
