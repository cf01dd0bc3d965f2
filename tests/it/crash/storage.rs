//! A full disk, and a read-only `.git`, under each command: no command leaves a half-done state, the error names the remedy, and with
//! free space the same command succeeds.

use std::collections::BTreeMap;
use std::fs;

use super::command::{CommandCase, RefStorage};
use super::expected::{Expected, Flaw, difference};
use super::state::state;
use crate::mounted::{Mounted, with_free_kib};
use crate::sandbox::{Run, Sandbox, copy};
use crate::scratch::locks;
use crate::strace::sample::{hash, how_many, is_sweep, on_all_cores, print_past_harness};

/// KiB left on the disk: from none to more than any command writes.
const FREE_KIB: std::ops::RangeInclusive<usize> = 0..=128;
/// The step between two amounts: a page, the least that a file takes.
const PAGE_KIB: usize = 4;

/// How git and the system report a full disk (wrapper.c, csum-file.c, config.c).
const DISK_FULL_MESSAGES: [&str; 4] =
    ["No space left on device", "Out of diskspace", "couldn't write", "failed to write new configuration file"];

/// A clone on its own small disk, which is unmounted before the sandbox is removed.
struct SmallDisk {
    _disk: Mounted,
    sandbox: Sandbox,
}

impl SmallDisk {
    /// `None` if this machine cannot mount one.
    fn of(sandbox: Sandbox) -> Option<Self> {
        let (work, aside) = (sandbox.work(), sandbox.path("aside"));
        fs::rename(&work, &aside).unwrap();
        let disk = Mounted::tmpfs(&work, "size=2m")?;
        copy(&aside, &work);
        fs::remove_dir_all(aside).unwrap();
        Some(Self { _disk: disk, sandbox })
    }
}

/// Refs that match neither the state before nor the state after the whole command, or a mix of both.
fn half_moved_refs(before: &str, after: &str, now: &str) -> String {
    let refs = |text: &str| -> BTreeMap<String, String> {
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        lines
            .filter(|(_, name)| name.starts_with("refs/heads/"))
            .map(|(id, name)| (name.to_owned(), id.to_owned()))
            .collect()
    };
    let [before, after, now] = [before, after, now].map(refs);
    let moving = before.keys().chain(after.keys()).filter(|name| before.get(*name) != after.get(*name));
    let (moved, not): (Vec<_>, Vec<_>) = moving.partition(|name| now.get(*name) == after.get(*name));
    let is_half = !moved.is_empty() && !not.is_empty() || not.iter().any(|name| now.get(*name) != before.get(*name));
    if is_half { format!("moved: {moved:?}, not moved: {not:?}") } else { String::new() }
}

/// Whether a run that could not write ended with an unclear error.
fn is_unclear_error(run: &Run, causes: &[&str], hint: &str) -> bool {
    run.code != 0
        && !(run.stderr.contains("error: ")
            && causes.iter().any(|cause| run.stderr.contains(cause))
            && run.stderr.contains(hint))
}

/// A command and its expected result.
struct Case {
    subject: CommandCase,
    expected: Expected,
}

impl Case {
    fn new(subject: CommandCase) -> Self {
        let sandbox = subject.sandbox();
        subject.run(&sandbox).exits(0);
        let expected = Expected::after(&subject, &sandbox);
        Self { subject, expected }
    }

    /// The problems with this much space left on the disk.
    fn on_full_disk(&self, left: usize) -> Option<Vec<String>> {
        let small = SmallDisk::of(self.subject.sandbox())?;
        let sandbox = &small.sandbox;
        let before = state(sandbox);
        let run = with_free_kib(&sandbox.work().join(".git"), left as u64, || self.subject.run(sandbox));
        let mut wrong = self.after(sandbox, &before, &run);
        if is_unclear_error(&run, &DISK_FULL_MESSAGES, "hint: ") {
            wrong.push(format!("unclear:\n{}", run.stderr));
        }
        Some(wrong)
    }

    /// The problems with a read-only `.git`.
    fn read_only(&self) -> Option<Vec<String>> {
        let sandbox = self.subject.sandbox();
        let before = state(&sandbox);
        let disk = Mounted::read_only(&sandbox.work().join(".git"))?;
        let run = self.subject.run(&sandbox);
        let now = state(&sandbox);
        drop(disk);
        let mut wrong = self.after(&sandbox, &before, &run);
        if run.code != 0 && now != before {
            wrong.push(format!("half done: {}", difference(&before, &now)));
        }
        if is_unclear_error(&run, &["Read-only file system"], "hint: ") {
            wrong.push(format!("unclear:\n{}", run.stderr));
        }
        Some(wrong)
    }

    fn after(&self, sandbox: &Sandbox, before: &str, run: &Run) -> Vec<String> {
        let half = half_moved_refs(before, &self.expected.state, &state(sandbox));
        let half = Some(half).filter(|half| !half.is_empty());
        let mut wrong: Vec<_> =
            half.map(|half| format!("{half}\nafter {}: {}", run.code, run.stderr)).into_iter().collect();
        let locks = locks(&sandbox.work().join(".git"));
        let stale = locks.iter().filter(|lock| !lock.ends_with("records/lock"));
        wrong.extend(stale.map(|lock| format!("locked: {}", lock.display())));
        let flaws = self.expected.rerun(&self.subject, sandbox);
        // git removes objects that it could not write completely, in time (git-prune(1)).
        let is_gits =
            |shown: &String| shown.split(' ').all(|name| name.contains("/objects/") && name.contains("/tmp_obj_"));
        let shown = flaws.into_iter().filter(|(flaw, shown)| match flaw {
            Flaw::Litter => !is_gits(shown),
            flaw => flaw.is_harm() || *flaw == Flaw::RemoteLock,
        });
        wrong.extend(
            shown.map(|(flaw, shown)| format!("{flaw:?}: {shown}\nafter {}: {}{}", run.code, run.stdout, run.stderr)),
        );
        wrong
    }
}

/// The amounts to try for a command: all, or a few.
fn free_amounts(subject: &CommandCase) -> Vec<usize> {
    let mut all: Vec<_> = FREE_KIB.step_by(PAGE_KIB).collect();
    if !is_sweep() {
        // A command writes less than half of that.
        all.truncate(all.len() / 2);
        all.sort_by_key(|left| hash(&(&subject.name, left)));
        all.truncate(how_many() / 3);
    }
    all
}

#[test]
fn failed_writes_leave_nothing_half_done() {
    let subjects = CommandCase::select(&[], RefStorage::Loose);
    if subjects.is_empty() || SmallDisk::of(subjects[0].sandbox()).is_none() {
        return;
    }
    let cases = on_all_cores(subjects, Case::new);
    let mut tasks: Vec<_> = cases
        .iter()
        .flat_map(|case| {
            let full = free_amounts(&case.subject).into_iter().map(Some);
            full.chain([None]).map(move |left| (case, left))
        })
        .collect();
    tasks.sort_by_cached_key(|(case, left)| hash(&(&case.subject.name, left)));
    let results = on_all_cores(tasks, |(case, left)| {
        let wrong = left.map_or_else(|| case.read_only(), |left| case.on_full_disk(left)).unwrap_or_default();
        let what = left.map_or_else(|| "read-only".to_owned(), |left| format!("{left} KiB left"));
        if is_sweep() && !wrong.is_empty() {
            print_past_harness(&format!("{}, {what}: {wrong:?}", case.subject.name));
        }
        wrong.into_iter().map(|wrong| format!("{}, {what}: {wrong}", case.subject.name)).collect::<Vec<_>>()
    });
    let wrong = results.concat();
    assert!(wrong.is_empty(), "{} flaws:\n{}", wrong.len(), wrong.join("\n"));
}
