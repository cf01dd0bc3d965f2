//! All calls, or a sample, and the table of what came of them.

use std::collections::{BTreeMap, BTreeSet};

use super::command::{Subject, files, lost, state, unsound};
use crate::sandbox::Sandbox;
use crate::scratch::locks;
use crate::strace::sample::{choose, hash, is_sweep, on_all_cores, say};
use crate::strace::{Call, Fault, Injection, Tracer, strace};

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
}

const FLAWS: [(Flaw, &str); 7] = [
    (Flaw::Unsound, "fsck"),
    (Flaw::Lost, "lost"),
    (Flaw::Hang, "hang"),
    (Flaw::Again, "again fails"),
    (Flaw::Lock, "until unlocked"),
    (Flaw::Differs, "differs"),
    (Flaw::Litter, "litter"),
];

/// A command, its calls, and where it leads when it is run twice.
struct Case<'a> {
    subject: &'a Subject,
    calls: Vec<Call>,
    unnamed: usize,
    /// How the second run ends.
    twice: i32,
    state: String,
    files: BTreeSet<String>,
}

impl<'a> Case<'a> {
    fn new(strace: &std::path::Path, subject: &'a Subject) -> Self {
        let tracer = Tracer::new(subject.sandbox(), strace, None);
        let (ended, trace) = tracer.trace(&subject.args());
        assert_eq!(ended.code(), Some(0), "{}\n{}{}", subject.name, ended.stdout, ended.stderr);
        // `init` refuses to do it twice.
        let twice = tracer.sandbox.lattice(&subject.args()).code;
        let (state, files) = (state(&tracer.sandbox), files(&tracer.sandbox));
        Self { subject, calls: trace.calls, unnamed: trace.unnamed, twice, state, files }
    }

    /// Kills it at a call and runs it again: whether the call was met, and the flaws with what shows them.
    fn kill(&self, strace: &std::path::Path, injection: &Injection) -> (bool, BTreeMap<Flaw, String>) {
        let tracer = Tracer::new(self.subject.sandbox(), strace, None);
        let sandbox = &tracer.sandbox;
        let ended = tracer.inject(&self.subject.args(), injection);
        let [unsound, lost] = [unsound(sandbox), lost(sandbox)];
        let again = self.again(sandbox).err();
        let names = files(sandbox);
        let [missing, litter] = [self.files.difference(&names), names.difference(&self.files)]
            .map(|names| names.cloned().collect::<Vec<_>>().join(" "));
        let missing = if missing.is_empty() { missing } else { format!("\n-{missing}") };
        let leads = || difference(&self.state, &state(sandbox)) + &missing;
        let leads = (!matches!(again, Some((Flaw::Again, _)))).then(leads);
        let found = [
            (Flaw::Hang, ended.status.is_none().then(String::new)),
            (Flaw::Unsound, unsound),
            (Flaw::Lost, lost),
            (Flaw::Differs, leads.filter(|difference| !difference.is_empty())),
            (Flaw::Litter, Some(litter).filter(|names| !names.is_empty())),
        ];
        let shown = found.into_iter().filter_map(|(flaw, shown)| Some((flaw, shown?)));
        let flaws = shown.chain(again).collect();
        (ended.hit.is_some(), flaws)
    }

    /// Runs it once more, and when that fails without the locks that are there.
    fn again(&self, sandbox: &Sandbox) -> Result<(), (Flaw, String)> {
        let run = sandbox.lattice(&self.subject.args());
        if run.code == 0 || run.code == self.twice {
            return Ok(());
        }
        let locks = [locks(&sandbox.work().join(".git")), locks(&sandbox.path("remote.git"))].concat();
        locks.iter().for_each(|lock| std::fs::remove_file(lock).unwrap());
        let works = !locks.is_empty() && sandbox.lattice(&self.subject.args()).code == 0;
        Err((if works { Flaw::Lock } else { Flaw::Again }, run.stderr))
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

#[test]
fn killed_at_any_call_nothing_is_lost() {
    let Some(strace) = cfg!(target_os = "linux").then(strace).flatten() else { return };
    let subjects = Subject::every();
    let cases = on_all_cores(subjects.iter().collect(), |subject| Case::new(&strace, subject));
    let kill = [Fault::Signal("SIGKILL")];
    let mut tasks: Vec<_> = cases
        .iter()
        .flat_map(|case| choose(&case.calls, &kill, &case.subject.name).into_iter().map(move |kill| (case, kill)))
        .collect();
    tasks.sort_by_cached_key(|(case, kill)| hash(&(case.subject.name, kill)));
    let mut rows = BTreeMap::<_, Row>::new();
    let mut bad = Vec::new();
    for (case, kill, met, flaws) in on_all_cores(tasks, |(case, kill)| {
        let (met, flaws) = case.kill(&strace, &kill);
        if is_sweep() && !flaws.is_empty() {
            say(&format!("{}: {kill}: {flaws:?}", case.subject.name));
        }
        (case, kill, met, flaws)
    }) {
        let row = rows.entry(case.subject.name).or_default();
        row.kills += 1;
        row.met += usize::from(met);
        flaws.keys().for_each(|flaw| *row.flaws.entry(*flaw).or_default() += 1);
        if flaws.keys().any(|flaw| *flaw <= Flaw::Hang) {
            bad.push(format!("{}: {kill}: {flaws:?}", case.subject.name));
        }
    }
    if is_sweep() {
        show(&cases, &rows);
    }
    assert!(bad.is_empty(), "{} kills did harm:\n{}", bad.len(), bad.join("\n"));
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
