//! Operations that are killed while refs move: the next command that writes finishes them or rolls them back.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::sandbox::{Run, Sandbox};
use crate::scratch::locks;

const ALL: [&str; 4] = ["new", "--all-archs", "--no-switch", "--no-push"];
const BRANCHES: [&str; 2] = ["feature/toolchain/aarch64/phase0/step1", "feature/toolchain/x86_64/phase0/step1"];

impl Sandbox {
    fn ref_file(&self, branch: &str) -> PathBuf {
        self.work().join(".git/refs/heads").join(branch)
    }

    fn lock_file(&self, branch: &str) -> PathBuf {
        self.ref_file(branch).with_extension("lock")
    }

    /// git-lattice under strace, which injects `what` at system calls on the branches or their locks, also in the gits that it starts.
    fn under_strace(&self, what: &[&str], args: &[&str]) -> Option<Command> {
        let strace = which::which("strace").ok()?;
        let inner = self.command("work", args);
        let mut command = Command::new(strace);
        command.args(["-f", "-qq", "-o", "/dev/null"]).args(what);
        for file in BRANCHES.iter().flat_map(|branch| [self.ref_file(branch), self.lock_file(branch)]) {
            command.arg("-P").arg(file.strip_prefix(self.work()).unwrap()).arg("-P").arg(&file);
        }
        command.arg(inner.get_program()).args(args);
        command.current_dir(self.work()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.environment(&mut command);
        Some(command)
    }

    /// Kills git-lattice and its git at once after git has moved its first ref; `false` without strace.
    fn kill_midway(&self, args: &[&str], has_moved: impl Fn() -> bool) -> bool {
        // A ref is published by renaming its lock, and deleted by unlinking it.
        let call = if args[0] == "undo" { "unlink" } else { "rename" };
        let (trace, slow) = (format!("trace={call}"), format!("inject={call}:delay_enter=3000000:when=2+"));
        let slow = ["-e", &trace, "-e", &slow];
        let Some(mut command) = self.under_strace(&slow, args) else { return false };
        let mut child = command.process_group(0).spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(30);
        while !has_moved() {
            assert!(Instant::now() < until, "{args:?} should move a ref");
            std::thread::sleep(Duration::from_millis(5));
        }
        kill_process_group(Pid::from_child(&child), Signal::KILL).unwrap();
        child.wait().unwrap();
        true
    }

    /// The states in the journal, line by line.
    fn journal(&self) -> Vec<String> {
        let text = fs::read_to_string(self.work().join(".git/lattice/journal/operations")).unwrap_or_default();
        let state =
            |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["state"].as_str().map(str::to_owned);
        text.lines().filter_map(state).collect()
    }
}

#[track_caller]
fn assert_no_locks(sandbox: &Sandbox, run: Run) -> Run {
    let locks = locks(&sandbox.work().join(".git"));
    assert!(locks.is_empty(), "no lock should stay: {locks:?}\n{}{}", run.stdout, run.stderr);
    sandbox.git(&["fsck", "--no-dangling", "--strict"]);
    run
}

#[test]
fn operation_is_journalled_before_refs_move() {
    let sandbox = Sandbox::new();
    let hook = "#!/bin/sh\n[ \"$1\" != prepared ] || cat .git/lattice/journal/operations > .git/seen\n";
    let path = sandbox.work().join(".git/hooks/reference-transaction");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, hook).unwrap();
    Command::new("chmod").arg("755").arg(&path).status().unwrap();
    sandbox.lattice(&ALL).exits(0);
    let seen = fs::read_to_string(sandbox.work().join(".git/seen")).unwrap();
    assert_eq!(seen.lines().count(), 1, "{seen}");
    let line: serde_json::Value = serde_json::from_str(&seen).unwrap();
    assert_eq!((&line["state"], &line["command"][0]), (&"pending".into(), &"new".into()));
    assert_eq!(line["refs"].as_array().map(Vec::len), Some(2), "{seen}");
    assert_eq!(sandbox.journal(), ["pending", "done"]);
}

#[test]
fn refused_command_is_not_journalled() {
    let sandbox = Sandbox::new();
    let lock = sandbox.lock_file(BRANCHES[1]);
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    fs::write(&lock, "").unwrap();
    sandbox.lattice(&ALL).exits(1).says_err("is locked");
    assert!(sandbox.journal().iter().all(|state| matches!(state.as_str(), "pending" | "dropped")));
    assert!(lock.exists(), "the lock of another process should stay");
}

#[test]
fn killed_git_is_finished_by_the_same_command() {
    let sandbox = Sandbox::new();
    let kill = ["-e", "trace=rename", "-e", "inject=rename:signal=KILL:when=2"];
    let Some(mut command) = sandbox.under_strace(&kill, &ALL) else { return };
    assert!(command.status().unwrap().success(), "the rest should be moved by another git");
    let run = sandbox.lattice(&ALL).exits(0).says_out("unchanged");
    assert_no_locks(&sandbox, run);
    sandbox.git(&["rev-parse", BRANCHES[0], BRANCHES[1]]);
}

#[test]
fn killed_command_is_finished_by_the_next() {
    let sandbox = Sandbox::new();
    if !sandbox.kill_midway(&ALL, || sandbox.ref_file(BRANCHES[0]).exists()) {
        return;
    }
    assert!(
        sandbox.lock_file(BRANCHES[1]).exists() && !sandbox.ref_file(BRANCHES[1]).exists(),
        "the operation should be half done"
    );
    assert_eq!(sandbox.journal(), ["pending"]);
    let run = sandbox.lattice(&["next-step", "--arch", "aarch64", "--no-switch", "--no-push"]).exits(0);
    let run = run.says_err("`git lattice new --all-archs --no-switch --no-push` was interrupted and is finished now");
    let lines = run.stderr.lines().filter(|line| line.contains("interrupted")).count();
    assert_eq!(lines, 1, "{}", run.stderr);
    assert_no_locks(&sandbox, run);
    sandbox.lattice(&ALL).exits(0).says_out("unchanged");
}

#[test]
fn unfinishable_operation_is_rolled_back() {
    let sandbox = Sandbox::new();
    if !sandbox.kill_midway(&ALL, || sandbox.ref_file(BRANCHES[0]).exists()) {
        return;
    }
    fs::remove_file(sandbox.lock_file(BRANCHES[1])).unwrap();
    sandbox.git(&["branch", BRANCHES[1], "main"]);
    let run = sandbox.lattice(&["next-step", "--arch", "x86_64", "--no-switch", "--no-push", "--dry-run"]);
    assert!(sandbox.ref_file(BRANCHES[0]).exists(), "a dry run writes nothing");
    drop(run);
    let run = sandbox.lattice(&["sync", "--no-push"]).says_err("could not be finished: it was taken back");
    assert!(!sandbox.ref_file(BRANCHES[0]).exists(), "moved refs should be restored");
    assert_eq!(
        sandbox.git(&["rev-parse", BRANCHES[1]]),
        sandbox.git(&["rev-parse", "main"]),
        "the user's branch should stay"
    );
    assert_no_locks(&sandbox, run);
}

#[test]
fn locks_of_a_dead_process_are_removed_silently() {
    let sandbox = Sandbox::new();
    let slow = ["-e", "trace=rename", "-e", "inject=rename:delay_enter=3000000:when=1+"];
    let Some(mut command) = sandbox.under_strace(&slow, &ALL) else { return };
    let mut child = command.process_group(0).spawn().unwrap();
    let written = |branch: &str| fs::read(sandbox.lock_file(branch)).is_ok_and(|bytes| !bytes.is_empty());
    let until = Instant::now() + Duration::from_secs(30);
    while !BRANCHES.iter().all(|branch| written(branch)) {
        assert!(Instant::now() < until, "the git should lock its refs");
        std::thread::sleep(Duration::from_millis(5));
    }
    kill_process_group(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    assert!(!BRANCHES.iter().any(|branch| sandbox.ref_file(branch).exists()), "no ref has moved");
    let run = sandbox.lattice(&ALL).exits(0).says_out("created");
    assert!(!run.stderr.contains("interrupted"), "nothing should have changed: {}", run.stderr);
    assert_no_locks(&sandbox, run);
}

#[test]
fn empty_lock_of_a_dead_process_is_removed() {
    let sandbox = Sandbox::new();
    if !sandbox.kill_midway(&ALL, || sandbox.ref_file(BRANCHES[0]).exists()) {
        return;
    }
    // As if git had been killed between creating the file and writing it.
    fs::write(sandbox.lock_file(BRANCHES[1]), "").unwrap();
    let run = sandbox.lattice(&ALL).exits(0).says_err("is finished now");
    assert_no_locks(&sandbox, run);
}

#[test]
fn killed_undo_is_finished() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&ALL).exits(0);
    let is_half = || BRANCHES.iter().filter(|branch| sandbox.ref_file(branch).exists()).count() == 1;
    if !sandbox.kill_midway(&["undo"], is_half) {
        return;
    }
    assert!(sandbox.work().join(".git/packed-refs.lock").exists(), "git should hold packed-refs.lock while it deletes");
    let run = sandbox.lattice(&ALL).exits(0).says_err("`git lattice undo` was interrupted and is finished now");
    assert_no_locks(&sandbox, run.says_out("created"));
    sandbox.lattice(&ALL).exits(0).says_out("unchanged");
}

#[test]
fn lock_of_another_process_stays_and_is_named() {
    let sandbox = Sandbox::new();
    if !sandbox.kill_midway(&ALL, || sandbox.ref_file(BRANCHES[0]).exists()) {
        return;
    }
    let lock = sandbox.lock_file(BRANCHES[1]);
    fs::write(&lock, format!("{}\n", sandbox.git(&["rev-parse", "main"]))).unwrap();
    sandbox.lattice(&ALL).exits(1).says_err(lock.to_str().unwrap()).says_err("second").says_err("`rm ");
    assert!(lock.exists());
    fs::remove_file(&lock).unwrap();
    sandbox.lattice(&ALL).exits(0).says_err("is finished now");
}

#[test]
fn git_that_outlives_its_command_is_waited_for() {
    let sandbox = Sandbox::new();
    let hook = "#!/bin/sh\n[ \"$1\" != prepared ] || { touch .git/prepared; sleep 1; }\n";
    let path = sandbox.work().join(".git/hooks/reference-transaction");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, hook).unwrap();
    Command::new("chmod").arg("755").arg(&path).status().unwrap();
    let mut child = sandbox.command("work", &ALL).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !sandbox.work().join(".git/prepared").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // git may finish, or end at the pipe without a reader: neither may be disturbed.
    let run = sandbox.lattice(&ALL).exits(0).says_out(BRANCHES[1]);
    assert_no_locks(&sandbox, run);
    sandbox.git(&["rev-parse", BRANCHES[0], BRANCHES[1]]);
}

#[test]
fn damaged_journal_stops_no_command() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--arch", "aarch64", "--no-switch", "--no-push"]).exits(0);
    let path = sandbox.work().join(".git/lattice/journal/operations");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}{{\"state\":\"pending\",\"id\":\"x\n\u{0}\u{0}garbage")).unwrap();
    sandbox.lattice(&["next-step", "--arch", "aarch64", "--no-switch", "--no-push"]).exits(0).says_out("created");
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains("\"state\":\"done\"")).count(), 2, "{text}");
}

#[test]
fn unwritable_journal_stops_the_command() {
    let sandbox = Sandbox::new();
    let path = sandbox.work().join(".git/lattice/journal/operations");
    fs::create_dir_all(&path).unwrap();
    let before = sandbox.git(&["for-each-ref"]);
    sandbox.lattice(&ALL).exits(2).says_err("could not use the journal").says_err("no ref was moved");
    assert_eq!(sandbox.git(&["for-each-ref"]), before);
}
