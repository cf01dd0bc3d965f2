//! git waits for hooks: what they read is limited, and anything larger is left to the background worker.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::json;

use crate::sandbox::Sandbox;
use crate::story::{branch, dir};
use crate::strace::strace;

const POINT: &str = "toolchain/aarch64/phase0/step1";

/// A point that this clone made, with hooks and a Nix that leaves a trace; and the point's key.
fn with_point_and_key() -> (Sandbox, String) {
    let mut sandbox = Sandbox::new();
    sandbox.forbid_nix();
    sandbox.lattice(&["new", POINT, "--no-switch"]).exits(0);
    let key = sandbox.lattice(&["show", POINT, "--json"]).exits(0).json()["key"].as_str().unwrap().to_owned();
    sandbox.lattice(&["hooks", "install"]).exits(0);
    (sandbox, key)
}

/// A notes commit with one record on `key`, for the ref of a writer.
fn make_notes_commit(sandbox: &Sandbox, key: &str, verdict: &str) -> String {
    let outputs = match verdict {
        "built" => json!({ "out": { "path": "/nix/store/00000000000000000000000000000000-x", "narHash": "sha256-x" } }),
        _ => json!({}),
    };
    let record = json!({ "point": POINT, "key": key, "commit": "0123456789012345678901234567890123456789", "system": "aarch64-linux", "verdict": verdict,
        "nix": "2.8.0", "started": "2026-01-01T00:00:00Z", "seconds": 1.0, "host": "h", "user": "u", "outputs": outputs });
    fs::write(sandbox.path("note"), record.to_string()).unwrap();
    let blob = sandbox.git(&["hash-object", "-w", "../note"]);
    sandbox.git(&["notes", "--ref=made", "add", "-f", "-C", &blob, key]);
    sandbox.git(&["rev-parse", "refs/notes/made"])
}

/// Adds writers' refs that point at `commit`, which need not exist.
fn add_writers(sandbox: &Sandbox, count: usize, commit: &str) {
    sandbox.git(&["pack-refs", "--all"]);
    let path = sandbox.work().join(".git/packed-refs");
    let text = fs::read_to_string(&path).unwrap();
    let (head, refs) = text.split_once('\n').unwrap();
    let added = (0..count).fold(String::new(), |mut text, i| {
        writeln!(text, "{commit} refs/notes/lattice/w{i:06}").unwrap();
        text
    });
    let (before, after) = refs.split_at(refs.find(&format!("{} refs/notes/made", made(sandbox))).unwrap());
    fs::write(path, format!("{head}\n{before}{added}{after}")).unwrap();
}

fn made(sandbox: &Sandbox) -> String {
    sandbox.git(&["rev-parse", "refs/notes/made"])
}

/// Switches to the point and returns what the hook prints.
#[track_caller]
fn switch_message(sandbox: &Sandbox) -> String {
    let output = sandbox.try_git("work", &["switch", "-q", &branch(POINT)]);
    assert!(output.status.success(), "the switch should succeed: {}", output.error_text());
    output.error_text()
}

/// Waits until no job is left.
#[track_caller]
pub(crate) fn wait_for_empty_queue(sandbox: &Sandbox) {
    let jobs = sandbox.work().join(".git/lattice/queue/jobs");
    for _ in 0..600 {
        if fs::read_dir(&jobs).unwrap().next().is_none() {
            return;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("the queue should be empty after a minute");
}

#[test]
fn worker_reads_records_that_the_hook_skipped() {
    for verdict in ["built", "failed"] {
        let (sandbox, key) = with_point_and_key();
        let commit = make_notes_commit(&sandbox, &key, verdict);
        add_writers(&sandbox, 300, &commit);
        let said = switch_message(&sandbox);
        assert!(said.contains("too many records to read during a checkout"), "{verdict}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        wait_for_empty_queue(&sandbox);
        assert!(!sandbox.nix_was_called(), "a {verdict} point should not be built again");
    }
}

#[test]
fn hook_reads_the_records_of_200_writers() {
    for (verdict, line) in [("built", ""), ("failed", "this content failed before")] {
        let (sandbox, key) = with_point_and_key();
        let commit = make_notes_commit(&sandbox, &key, verdict);
        add_writers(&sandbox, 200, &commit);
        let said = switch_message(&sandbox);
        assert!(said.contains(line) && said.is_empty() == line.is_empty(), "{verdict}: {said}");
    }
}

#[test]
fn own_record_is_found_among_many_writers() {
    let (sandbox, key) = with_point_and_key();
    let commit = make_notes_commit(&sandbox, &key, "built");
    sandbox.git(&["config", "lattice.writer", "own"]);
    sandbox.git(&["update-ref", "refs/notes/lattice/own", &commit]);
    add_writers(&sandbox, 2000, &"1".repeat(40));
    assert_eq!(switch_message(&sandbox), "", "the clone's own record should be found");
}

#[test]
fn huge_note_is_left_to_the_worker() {
    let (sandbox, key) = with_point_and_key();
    make_notes_commit(&sandbox, &key, "built");
    fs::write(sandbox.path("note"), " ".repeat(3 << 20)).unwrap();
    let blob = sandbox.git(&["hash-object", "-w", "../note"]);
    sandbox.git(&["notes", "--ref=lattice/other", "add", "-f", "-C", &blob, &key]);
    assert!(switch_message(&sandbox).contains("too many records to read"));
    wait_for_empty_queue(&sandbox);
}

#[test]
fn huge_ledger_is_left_to_the_worker() {
    let (sandbox, _) = with_point_and_key();
    // Text of an attacker, on a fetched branch.
    let stranger = sandbox.colleague();
    sandbox.git_in(stranger, &["fetch", "-q"]);
    sandbox.git_in(stranger, &["switch", "-q", &branch(POINT)]);
    fs::write(sandbox.path(stranger).join(dir(POINT)).join("step.nix"), "{ ... }: { }\n").unwrap();
    sandbox.git_in(stranger, &["add", "."]);
    sandbox.git_in(stranger, &["commit", "-q", "-m", "a stranger's"]);
    sandbox.git_in(stranger, &["push", "-q", "origin", "HEAD"]);
    sandbox.git(&["fetch", "-q"]);
    sandbox.git(&["branch", "-q", "-f", &branch(POINT), &format!("origin/{}", branch(POINT))]);
    let entry = json!({ "key": "k".repeat(40), "point": POINT, "when": "2026-01-01T00:00:00Z" });
    let ledger = json!({ "version": 1, "content": vec![entry; 6000], "authors": [] });
    let file = sandbox.path("home/.local/state/git-lattice/trust.json");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, ledger.to_string()).unwrap();
    let said = switch_message(&sandbox);
    assert!(said.contains("too much data for the trust check to read during a checkout"), "{said}");
    wait_for_empty_queue(&sandbox);
    assert!(!sandbox.nix_was_called(), "the worker should judge without a limit");
}

/// The number of system calls with a file name that the hook makes.
fn file_calls(sandbox: &Sandbox, strace: &std::path::Path) -> usize {
    let log = sandbox.path("calls");
    let commit = sandbox.git(&["rev-parse", "HEAD"]);
    let mut command = Command::new(strace);
    command.args(["-qq", "-f", "-e", "trace=%file", "-o"]).arg(&log).arg(env!("CARGO_BIN_EXE_git-lattice"));
    command.args(["hook", "run", "post-checkout", &commit, &commit, "1"]).current_dir(sandbox.work());
    sandbox.environment(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(log).unwrap().lines().count()
}

#[test]
fn hook_opens_no_more_files_for_more_writers() {
    let Some(strace) = strace() else { return };
    let counts = [20, 5000].map(|writers| {
        let (sandbox, key) = with_point_and_key();
        let commit = make_notes_commit(&sandbox, &key, "built");
        sandbox.git(&["switch", "-q", &branch(POINT)]);
        sandbox.git(&["config", "lattice.writer", "own"]);
        sandbox.git(&["update-ref", "refs/notes/lattice/own", &commit]);
        add_writers(&sandbox, writers, &"1".repeat(40));
        file_calls(&sandbox, &strace)
    });
    assert!(counts[1] <= counts[0], "with 20 and with 5,000 writers: {counts:?}");
}

#[test]
fn too_many_directories_are_not_walked() {
    let (sandbox, _) = with_point_and_key();
    sandbox.git(&["switch", "-q", &branch(POINT)]);
    let phase = dir(POINT).rsplit_once('/').unwrap().0.to_owned();
    let folder = sandbox.work().join(&phase);
    for i in 0..5_000 {
        fs::write(folder.join(format!("{i:0>220}")), "").unwrap();
    }
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "-qm", "many names"]);
    sandbox.git(&["switch", "-q", "main"]);
    let said = switch_message(&sandbox);
    assert!(said.contains("too many directories to read during a checkout"), "{said}");
}

/// Waits until the queued build starts Nix, which leaves a trace.
#[track_caller]
fn wait_for_build(sandbox: &Sandbox) {
    for _ in 0..600 {
        if sandbox.nix_was_called() {
            return;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("the build should begin within a minute");
}

#[test]
fn locked_queue_is_left_to_the_background() {
    let (sandbox, _) = with_point_and_key();
    let queue = sandbox.work().join(".git/lattice/queue");
    fs::create_dir_all(&queue).unwrap();
    let lock = fs::File::create(queue.join("lock")).unwrap();
    lock.lock().unwrap();
    let said = switch_message(&sandbox);
    assert!(said.contains("the queue is busy") && said.lines().count() == 1, "{said}");
    drop(lock);
    wait_for_build(&sandbox);
}

#[test]
fn long_queue_is_left_to_the_background() {
    let (sandbox, _) = with_point_and_key();
    let jobs = sandbox.work().join(".git/lattice/queue/jobs");
    fs::create_dir_all(&jobs).unwrap();
    for i in 0..300 {
        fs::write(jobs.join(format!("{i:040}.json")), "no job").unwrap();
    }
    assert!(switch_message(&sandbox).contains("the queue is busy"));
    wait_for_build(&sandbox);
}

#[test]
fn long_lattice_toml_is_left_to_the_background() {
    let (sandbox, _) = with_point_and_key();
    let text = fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap();
    sandbox.write("lattice.toml", format!("{text}{}", "# more\n".repeat(30_000)));
    sandbox.git(&["commit", "-qam", "more"]);
    let said = switch_message(&sandbox);
    assert!(said.contains("too much data to read during a checkout") && said.lines().count() == 1, "{said}");
    wait_for_build(&sandbox);
}
