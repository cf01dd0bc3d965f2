//! git-lattice beside `git repack`, `git prune-packed` and `git gc`, which remove what they find to be of no use.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::sandbox::Sandbox;

/// Does `deed` again and again on a thread of its own for as long as `work` runs.
fn beside(deed: impl Fn() + Sync, work: impl FnOnce()) {
    struct Ends<'a>(&'a AtomicBool);
    impl Drop for Ends<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ends = Ends(&is_over);
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                deed();
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
        .says("created");
}

#[test]
fn new_survives_directories_that_vanish() {
    let sandbox = Sandbox::new();
    sandbox.git(&["repack", "-adq"]);
    let objects = sandbox.work().join(".git/objects");
    beside(|| remove_empty_directories(&objects), || (1..=25).for_each(|step| new_step(&sandbox, step)));
    sandbox.git(&["fsck", "--no-dangling", "--strict"]);
}

#[test]
fn new_survives_git_repack() {
    let sandbox = Sandbox::new();
    let repack = || {
        sandbox.git(&["repack", "-adq"]);
        (0..4).for_each(|_| drop(sandbox.git(&["prune-packed"])));
    };
    beside(repack, || (1..=25).for_each(|step| new_step(&sandbox, step)));
    sandbox.git(&["fsck", "--no-dangling", "--strict"]);
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
    assert_eq!((mode(&dir), mode(&dir.join(&id[2..]))), (0o2775, 0o444), "as git makes them");
}
