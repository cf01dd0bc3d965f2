//! git-lattice beside `git repack`, `git prune-packed` and `git gc`, which remove unreachable or duplicate objects.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::races::with_fake_nix;
use crate::sandbox::Sandbox;

/// Repeats `action` on another thread for as long as `work` runs.
fn while_repeating(action: impl Fn() + Sync, work: impl FnOnce()) {
    struct StopOnDrop<'a>(&'a AtomicBool);
    impl Drop for StopOnDrop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ends = StopOnDrop(&is_over);
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                action();
            }
        });
        work();
        drop(ends);
    });
}

/// Removes the empty directories of objects, as `git prune-packed` does for each that it looks through (builtin/prune-packed.c).
fn remove_empty_directories(objects: &Path) {
    for byte in 0..=255_u8 {
        fs::remove_dir(objects.join(format!("{byte:02x}"))).ok();
    }
}

fn new_step(sandbox: &Sandbox, step: usize) {
    let name = format!("step{step}");
    sandbox
        .lattice(&["new", "--arch", "aarch64", "--step", &name, "--no-push", "--no-switch"])
        .exits(0)
        .says_out("created");
}

#[test]
fn new_survives_directories_that_vanish() {
    let sandbox = Sandbox::new();
    sandbox.git(&["repack", "-adq"]);
    let objects = sandbox.work().join(".git/objects");
    while_repeating(|| remove_empty_directories(&objects), || (1..=25).for_each(|step| new_step(&sandbox, step)));
    sandbox.git(&["fsck", "--no-dangling", "--strict"]);
}

#[test]
fn new_survives_git_repack() {
    let sandbox = Sandbox::new();
    let repack = || {
        sandbox.git(&["repack", "-adq"]);
        (0..4).for_each(|_| drop(sandbox.git(&["prune-packed"])));
    };
    while_repeating(repack, || (1..=25).for_each(|step| new_step(&sandbox, step)));
    sandbox.git(&["fsck", "--no-dangling", "--strict"]);
}

#[test]
fn reads_survive_packs_that_are_replaced() {
    let sandbox = Sandbox::new();
    (1..=5).for_each(|step| new_step(&sandbox, step));
    // A new object makes a new pack, and the old one is removed.
    let replace = || {
        let tip = sandbox.git(&["commit-tree", "-p", "refs/kept", "-m", "more", "HEAD^{tree}"]);
        sandbox.git(&["update-ref", "refs/kept", &tip]);
        sandbox.git(&["repack", "-adq"]);
    };
    sandbox.git(&["update-ref", "refs/kept", "HEAD"]);
    let read = |_| {
        sandbox.lattice(&["status"]).exits(0);
        sandbox.lattice(&["show", "toolchain/aarch64/phase0/step3"]).exits(0);
        sandbox.lattice(&["check"]).exits(0);
    };
    while_repeating(replace, || (1..=12).for_each(read));
}

#[test]
fn objects_are_shared_with_the_group() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    sandbox.git(&["repack", "-adq"]);
    sandbox.git(&["config", "core.sharedRepository", "group"]);
    new_step(&sandbox, 1);
    let id = sandbox.git(&["rev-parse", "feature/toolchain/aarch64/phase0/step1"]);
    let dir = sandbox.work().join(".git/objects").join(&id[..2]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&dir), mode(&dir.join(&id[2..]))), (0o2775, 0o444), "permissions should be as git sets them");
}

#[test]
fn builds_record_beside_git_repack() {
    let (sandbox, points) = with_fake_nix(12);
    let objects = sandbox.work().join(".git/objects");
    let work =
        || points.iter().for_each(|point| drop(sandbox.lattice(&["build", point]).exits(1).says_out("no-builder")));
    while_repeating(|| remove_empty_directories(&objects), work);
    assert_eq!(sandbox.records().len(), points.len(), "each build should have left its record");
}

#[test]
fn results_are_kept_until_they_can_be_recorded() {
    let (sandbox, points) = with_fake_nix(2);
    sandbox.lattice(&["build", &points[0]]).exits(1);
    let writer = sandbox.git(&["config", "lattice.writer"]);
    let lock = sandbox.work().join(format!(".git/refs/notes/lattice/{writer}.lock"));
    fs::write(&lock, "").unwrap();
    let run = sandbox.lattice(&["build", &points[1]]).exits(1).says_out("no-builder");
    assert_eq!(run.stderr.matches("could not be recorded yet").count(), 1, "{}", run.stderr);
    assert_eq!(sandbox.records().len(), 1);
    let kept = fs::read_dir(sandbox.work().join(".git/lattice/records")).unwrap().map(|e| e.unwrap().path());
    let kept: Vec<_> = kept.filter(|path| path.extension().is_some_and(|it| it == "jsonl")).collect();
    let text = fs::read(&kept[0]).unwrap();
    fs::remove_file(&lock).unwrap();
    sandbox.lattice(&["sync"]).exits(0);
    assert_eq!(sandbox.records().len(), 2, "sync should record what was kept");
    assert!(!kept[0].exists(), "a recorded result should not stay pending");
    // As if the process had been killed before it removed the file.
    fs::write(&kept[0], text).unwrap();
    sandbox.lattice(&["sync"]).exits(0);
    assert_eq!(sandbox.records().len(), 2, "a record should not be written twice");
}

#[test]
fn unrecordable_result_is_printed_in_the_error() {
    let (sandbox, points) = with_fake_nix(1);
    fs::create_dir_all(sandbox.work().join(".git/lattice")).unwrap();
    fs::write(sandbox.work().join(".git/lattice/records"), "in the way").unwrap();
    fs::create_dir_all(sandbox.work().join(".git/refs/notes")).unwrap();
    fs::write(sandbox.work().join(".git/refs/notes/lattice"), "in the way").unwrap();
    let run = sandbox.lattice(&["build", &points[0]]).exits(2).says_err("could not record the result or save it");
    run.says_err(r#""verdict":"no-builder""#).says_err("hint: ");
}
