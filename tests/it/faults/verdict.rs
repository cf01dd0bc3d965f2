//! The flaws that a fault must not cause.

use serde_json::Value;

use super::situation::{Machine, Outputs, Situation};
use crate::scratch::locks;
use crate::strace::{Ended, Fault, Injection};

/// The flaws of a run with a fault, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Flaw {
    /// A `failed` record, although the builder did not fail by itself.
    FalseFailed,
    /// A `built` record without the output, or with another.
    FalseBuilt,
    /// Another false record: the build was not cancelled, and there is a builder.
    FalseOther,
    /// The exit code does not match the record.
    Exit,
    /// The run did not end.
    Hang,
    /// The run panicked, or died of a signal that the test did not send.
    Crash,
    /// `git fsck` finds errors.
    Fsck,
    /// The same command without a fault has the wrong result.
    Again,
    /// The same command works once the lock files of killed processes are removed.
    Lock,
    /// The same command works once Nix's incomplete state is repaired: its cache of git repositories, which 2.8 cannot use, or the version
    /// of its database.
    NixState,
}

pub(super) const FLAWS: [(Flaw, &str); 10] = [
    (Flaw::FalseFailed, "false failed"),
    (Flaw::FalseBuilt, "false built"),
    (Flaw::FalseOther, "false other"),
    (Flaw::Exit, "wrong exit"),
    (Flaw::Hang, "hang"),
    (Flaw::Crash, "crash"),
    (Flaw::Fsck, "fsck"),
    (Flaw::Again, "again"),
    (Flaw::Lock, "lock left"),
    (Flaw::NixState, "Nix's state"),
];

/// The result of a run with a fault.
pub(super) struct Outcome {
    /// Whether the run reached the call.
    pub(super) hit: bool,
    pub(super) flaws: Vec<Flaw>,
    /// A description of the run for the report of a flaw.
    pub(super) story: String,
}

/// Builds with a fault, and once more without.
pub(super) fn build_with_fault(
    machine: &Machine,
    situation: Situation,
    injection: &Injection,
    expected: &Outputs,
) -> Outcome {
    let point = situation.point();
    let args = ["build", &point];
    let ended = machine.tracer.inject(&args, injection);
    let records = [machine.records(), machine.pending_records()].concat();
    let mut flaws = records.iter().filter_map(|record| false_record(machine, record, expected)).collect::<Vec<_>>();
    flaws.extend(wrong_ending(situation, injection, &ended, &records));
    let fsck = machine.tracer.sandbox.try_git("work", &["fsck", "--no-dangling", "--strict"]);
    flaws.extend((!fsck.status.success()).then_some(Flaw::Fsck));
    let again = rerun(machine, situation, expected);
    flaws.extend(again.as_ref().err().map(|(flaw, _)| *flaw));
    flaws.sort_unstable();
    flaws.dedup();
    let story = format!(
        "{}, {injection}: exit {:?}\n  hit: {}\n{}{}  records: {}\n  again: {}",
        situation.name(),
        ended.status,
        ended.hit.as_deref().unwrap_or("no"),
        indented(&ended.stdout),
        indented(&ended.stderr),
        records
            .iter()
            .map(|record| format!("{} {} {}", record["point"], record["verdict"], record["error"]))
            .collect::<Vec<_>>()
            .join("; "),
        again.err().map_or_else(|| "well".to_owned(), |(_, said)| said),
    );
    Outcome { hit: ended.hit.is_some(), flaws, story }
}

fn indented(text: &str) -> String {
    text.lines().flat_map(|line| ["  | ", line, "\n"]).collect()
}

/// The flaw of a false record.
fn false_record(machine: &Machine, record: &Value, expected: &Outputs) -> Option<Flaw> {
    let of_failing = record["point"] == Situation::Failing.point();
    match record["verdict"].as_str().unwrap_or_default() {
        "failed" => (!of_failing || !machine.builder_ran(Situation::Failing)).then_some(Flaw::FalseFailed),
        "built" => (of_failing || !machine.has_outputs(record, expected)).then_some(Flaw::FalseBuilt),
        _ => Some(Flaw::FalseOther),
    }
}

/// The flaw of a wrong ending.
fn wrong_ending(situation: Situation, injection: &Injection, ended: &Ended, records: &[Value]) -> Option<Flaw> {
    let of_ours = matches!(injection.fault, Fault::Signal(_)) && injection.call.start.starts_with("git-lattice.");
    match ended.code() {
        _ if ended.status.is_none() => Some(Flaw::Hang),
        None => (!of_ours || ended.signal().is_none()).then_some(Flaw::Crash),
        Some(2) => None,
        Some(code) if code == situation.code() => (!has_expected_record(situation, records)).then_some(Flaw::Exit),
        Some(0 | 1) => Some(Flaw::Exit),
        Some(_) => Some(Flaw::Crash),
    }
}

/// Whether the expected record exists: in the notes, or kept until it can be written there.
fn has_expected_record(situation: Situation, records: &[Value]) -> bool {
    records.iter().any(|record| record["point"] == situation.point() && record["verdict"] == situation.verdict())
}

/// Builds without a fault and returns the flaw and the output.
fn rerun(machine: &Machine, situation: Situation, expected: &Outputs) -> Result<(), (Flaw, String)> {
    let Err(said) = build_without_fault(machine, situation, expected) else { return Ok(()) };
    let locks = locks(&machine.tracer.sandbox.work().join(".git"));
    locks.iter().for_each(|lock| std::fs::remove_file(lock).unwrap());
    let works = || build_without_fault(machine, situation, expected).is_ok();
    if !locks.is_empty() && works() {
        return Err((Flaw::Lock, said));
    }
    let of_nix = machine.repair_nix();
    Err((if of_nix && works() { Flaw::NixState } else { Flaw::Again }, said))
}

fn build_without_fault(machine: &Machine, situation: Situation, expected: &Outputs) -> Result<(), String> {
    let point = situation.point();
    let run = machine.tracer.sandbox.lattice(&["build", &point]);
    let records = machine.records();
    let last = records.iter().rfind(|record| record["point"] == *point);
    let held = || last.is_some_and(|record| situation == Situation::Failing || machine.has_outputs(record, expected));
    let right = run.code == situation.code() && has_expected_record(situation, &records) && held();
    if right { Ok(()) } else { Err(format!("exit {}\n{}{}", run.code, indented(&run.stdout), indented(&run.stderr))) }
}
