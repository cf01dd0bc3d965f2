//! All calls, or a sample, and the table of what came of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::command::{Storage, Subject};
use super::state::{files, lost, state, unsound};
use crate::sandbox::{Run, Sandbox};
use crate::scratch::locks;
use crate::strace::sample::{choose, hash, is_sweep, on_all_cores, say};
use crate::strace::{Call, Fault, Injection, strace};

/// What a kill can come to, from the worst on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Flaw {
    /// `git fsck` finds something in the clone or the remote.
    Unsound,
    /// Something of the user's is gone.
    Lost,
    /// A run did not end.
    Hang,
    /// The same command fails even when the locks of killed processes are removed.
    Again,
    /// The same command fails until they are.
    Lock,
    /// It works, and leads to something else than a run that is not killed.
    Differs,
    /// Files stay that such a run does not leave.
    Litter,
    /// The same command fails because of a lock in the remote's repository, and names the command that removes it.
    RemoteLock,
    /// Files stay in the remote's repository.
    RemoteLitter,
}

const FLAWS: [(Flaw, &str); 9] = [
    (Flaw::Unsound, "fsck"),
    (Flaw::Lost, "lost"),
    (Flaw::Hang, "hang"),
    (Flaw::Again, "again fails"),
    (Flaw::Lock, "until unlocked"),
    (Flaw::Differs, "differs"),
    (Flaw::Litter, "litter"),
    (Flaw::RemoteLock, "remote: lock"),
    (Flaw::RemoteLitter, "remote: litter"),
];

/// A command, its calls, and where it leads when it is run twice.
struct Case {
    subject: Subject,
    calls: Vec<Call>,
    unnamed: usize,
    /// How the second run ends.
    twice: Ended,
    state: String,
    files: [BTreeSet<String>; 2],
}

/// How a run ended: its exit code, and the first line of its errors, which may name files and commits.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ended {
    code: i32,
    error: String,
}

impl Ended {
    fn of(run: &Run) -> Self {
        let first = run.stderr.lines().find(|line| line.starts_with("error:")).unwrap_or_default();
        Self { code: run.code, error: first.to_owned() }
    }
}

impl Case {
    fn new(strace: &Path, subject: Subject) -> Self {
        let tracer = subject.tracer(strace);
        let (ended, trace) = tracer.trace(&subject.args());
        assert_eq!(ended.code(), Some(0), "{}\n{}{}", subject.name, ended.stdout, ended.stderr);
        // `init` refuses to do it twice.
        let twice = Ended::of(&subject.run(&tracer.sandbox));
        let (state, files) = (state(&tracer.sandbox), files(&tracer.sandbox));
        Self { subject, calls: trace.calls, unnamed: trace.unnamed, twice, state, files }
    }

    /// Kills it at a call and runs it again: whether the call was met, and the flaws with what shows them.
    fn kill(&self, strace: &Path, injection: &Injection) -> (bool, BTreeMap<Flaw, String>) {
        let tracer = self.subject.tracer(strace);
        let sandbox = &tracer.sandbox;
        let ended = tracer.inject(&self.subject.args(), injection);
        let [unsound, lost] = [unsound(sandbox), lost(sandbox)];
        let again = self.again(sandbox).err();
        let [own, remote] = files(sandbox);
        let names = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(" ");
        let missing = names(&self.files[0] - &own);
        let leads = format!("{}{}", difference(&self.state, &state(sandbox)), missing);
        let is_over = !matches!(again, Some((Flaw::Again, _)));
        let found = [
            (Flaw::Hang, ended.status.is_none().then(|| "a run".to_owned())),
            (Flaw::Unsound, unsound),
            (Flaw::Lost, lost),
            (Flaw::Differs, is_over.then_some(leads)),
            (Flaw::Litter, Some(names(&own - &self.files[0]))),
            (Flaw::RemoteLitter, Some(names(&remote - &self.files[1]))),
        ];
        let shown = found.into_iter().filter_map(|(flaw, shown)| Some((flaw, shown.filter(|it| !it.is_empty())?)));
        let flaws = shown.chain(again).collect();
        (ended.hit.is_some(), flaws)
    }

    /// Runs it once more, and when that fails without the locks that are there: first without those of the remote.
    fn again(&self, sandbox: &Sandbox) -> Result<(), (Flaw, String)> {
        let run = || self.subject.run(sandbox);
        let works = |run: &Run| run.code == 0 || Ended::of(run) == self.twice;
        let first = run();
        if works(&first) {
            return Ok(());
        }
        let is_named = first.stderr.contains("a killed one left this lock: `rm ");
        for (dir, flaw) in [("remote.git", Flaw::RemoteLock), ("work/.git", Flaw::Lock)] {
            let locks = locks(&sandbox.path(dir));
            locks.iter().for_each(|lock| std::fs::remove_file(lock).unwrap());
            if !locks.is_empty() && works(&run()) {
                let flaw = if flaw == Flaw::RemoteLock && !is_named { Flaw::Lock } else { flaw };
                return Err((flaw, first.stderr));
            }
        }
        Err((Flaw::Again, first.stderr))
    }
}

/// The lines by which two texts differ.
fn difference(expected: &str, found: &str) -> String {
    let [expected, found] = [expected, found].map(|text| text.lines().collect::<BTreeSet<_>>());
    let missing = expected.difference(&found).map(|line| format!("-{line}"));
    missing.chain(found.difference(&expected).map(|line| format!("+{line}"))).collect::<Vec<_>>().join("\n")
}

#[derive(Default)]
struct Row {
    kills: usize,
    met: usize,
    flaws: BTreeMap<Flaw, usize>,
}

/// Another machine's repository cannot be put right from here: its locks are named, and git's own maintenance removes the rest.
fn is_harm(flaw: Flaw) -> bool {
    flaw < Flaw::RemoteLock
}

/// Ends the commands in these ways at their calls, all or a sample, and asserts that each then works as if nothing had happened.
fn sweep(subjects: Vec<Subject>, ways: &[Fault]) {
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
            say(&format!("{}: {kill}: {flaws:?}", case.subject.name));
        }
        (case, kill, met, flaws)
    }) {
        let row = rows.entry(case.subject.name.as_str()).or_default();
        row.kills += 1;
        row.met += usize::from(met);
        flaws.keys().for_each(|flaw| *row.flaws.entry(*flaw).or_default() += 1);
        if flaws.keys().any(|flaw| is_harm(*flaw)) {
            bad.push(format!("{}: {kill}: {flaws:?}", case.subject.name));
        }
    }
    if is_sweep() {
        show(cases, &rows);
    }
    assert!(bad.is_empty(), "{} kills did harm:\n{}", bad.len(), bad.join("\n"));
}

#[test]
fn killed_at_any_call_the_same_command_works() {
    sweep(Subject::some(&[], Storage::Loose), &[Fault::Signal("SIGKILL")]);
}

#[test]
fn ended_in_other_ways_the_same_command_works() {
    let signals = ["SIGTERM", "SIGINT", "SIGHUP"].map(Fault::Signal);
    let subjects = if is_sweep() { &[][..] } else { &["promote", "sync"] };
    sweep(Subject::some(subjects, Storage::Loose), &[&signals[..], &[Fault::KillAll, Fault::KillOurs]].concat());
}

#[test]
fn killed_with_other_ref_stores_the_same_command_works() {
    for (storage, usual) in [(Storage::Packed, "undo"), (Storage::Reftable, "next-step")] {
        let subjects = if is_sweep() { vec!["new", "next-step", "promote", "sync", "undo"] } else { vec![usual] };
        sweep(Subject::some(&subjects, storage), &[Fault::Signal("SIGKILL")]);
    }
}

/// The calls after the journal tells what will move: the later ones of git-lattice itself, and those of the push.
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
fn records_are_pushed_after_a_kill_in_promote() {
    let Some(strace) = can_kill() else { return };
    let subjects = Subject::some(&["promote"], Storage::Loose);
    let case = |subject| {
        let case = Case::new(&strace, subject);
        assert!(
            case.state.contains("same on the remote") && case.state.contains("merge = refs/heads"),
            "{}",
            case.state
        );
        Case { calls: calls_of_push(&case.calls), ..case }
    };
    sweep_cases(&strace, &on_all_cores(subjects, case), &[Fault::Signal("SIGKILL"), Fault::KillOurs]);
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
    say(&lines.join("\n"));
}
