//! A full disk, and objects that cannot be written: no half-done state, and no result is lost.

use std::fs;
use std::path::{Path, PathBuf};

use crate::mounted::{Mounted, with_free_kib};
use crate::races::with_fake_nix;
use crate::sandbox::{Run, Sandbox};

/// A clone in a file system of 2 MiB.
fn small_clone(sandbox: &Sandbox, of: &str) -> Option<Mounted> {
    let mounted = Mounted::tmpfs(&sandbox.path("small"), "size=2m")?;
    sandbox.git_in("", &["clone", "-q", of, "small"]);
    Some(mounted)
}

fn new_step(sandbox: &Sandbox, dir: &str, step: &str) -> Run {
    let args = ["new", "--arch", "aarch64", "--step", step, "--no-push", "--no-switch"];
    sandbox.lattice_in(dir, &args, |command| command)
}

fn assert_nothing_made(sandbox: &Sandbox, dir: &str, step: &str) {
    let branch = format!("refs/heads/feature/toolchain/aarch64/phase0/{step}");
    assert_eq!(sandbox.git_in(dir, &["for-each-ref", &branch]), "", "no branch should be made");
    let files = files_below(&sandbox.path(dir).join(".git/refs"));
    assert!(!files.iter().any(|path| path.extension().is_some_and(|it| it == "lock")), "{files:?}");
    sandbox.git_in(dir, &["fsck", "--no-dangling", "--strict"]);
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn new_on_a_full_disk_is_all_or_nothing() {
    let sandbox = Sandbox::new();
    let Some(_mounted) = small_clone(&sandbox, "remote.git") else { return };
    let small = sandbox.path("small");
    let mut codes = Vec::new();
    for left in (0..=52).step_by(4) {
        let step = format!("step{}", left + 1);
        let run = with_free_kib(&small, left, || new_step(&sandbox, "small", &step));
        codes.push(run.code);
        if run.code != 0 {
            assert_nothing_made(&sandbox, "small", &step);
            run.exits(2).says_err("hint: ").says_err("the disk may be full");
        }
        new_step(&sandbox, "small", &step).exits(0);
    }
    assert!(codes.contains(&0) && codes.contains(&2), "both outcomes should occur: {codes:?}");
    assert_eq!(sandbox.lattice_in("small", &["check"], |command| command).code, 0);
}

/// Makes forty points, whose objects are many, in the clone `dir`.
fn make_many(sandbox: &Sandbox, dir: &str) -> Run {
    let points: Vec<_> = (1..=40).map(|step| format!("toolchain/aarch64/phase0/step{step}")).collect();
    let points: Vec<&str> = points.iter().map(String::as_str).collect();
    let args = [&["new", "--no-push", "--no-switch", "--template", "step"], &points[..]].concat();
    sandbox.lattice_in(dir, &args, |command| command)
}

#[test]
fn many_new_objects_become_one_pack() {
    let sandbox = Sandbox::new();
    sandbox.git_in("", &["init", "-q", "--object-format=sha256", "wide"]);
    sandbox.git_in("wide", &["commit", "-q", "--allow-empty", "-m", "first"]);
    let args = ["init", "--component", "toolchain", "--arch", "aarch64", "--remote", "", "--no-hooks"];
    sandbox.lattice_in("wide", &args, |command| command).exits(0);
    sandbox.git_in("wide", &["add", "lattice.toml"]);
    sandbox.git_in("wide", &["commit", "-q", "-m", "declare the lattice"]);
    for dir in ["work", "wide"] {
        let loose = sandbox.git_in(dir, &["count-objects"]);
        make_many(&sandbox, dir).exits(0);
        let counts = sandbox.git_in(dir, &["count-objects", "-v"]);
        let expected =
            [format!("count: {}", loose.split(' ').next().unwrap()), "packs: 1".to_owned(), "garbage: 0".to_owned()];
        expected.iter().for_each(|line| assert!(counts.lines().any(|it| it == line), "{line} in {dir}:\n{counts}"));
        let packs = sandbox.path(dir).join(".git/objects/pack");
        let index =
            files_below(&packs).into_iter().find(|path| path.extension().is_some_and(|it| it == "idx")).unwrap();
        sandbox.git_in(dir, &["verify-pack", index.to_str().unwrap()]);
        sandbox.git_in(dir, &["fsck", "--strict", "--no-dangling"]);
        sandbox.git_in(dir, &["gc", "-q", "--prune=now"]);
        sandbox.git_in(dir, &["fsck", "--strict", "--no-dangling"]);
    }
}

#[test]
fn pack_on_a_full_disk_is_all_or_nothing() {
    let sandbox = Sandbox::new();
    let Some(_mounted) = small_clone(&sandbox, "remote.git") else { return };
    let small = sandbox.path("small");
    for left in (0..=96).step_by(16) {
        let run = with_free_kib(&small, left, || make_many(&sandbox, "small"));
        run.exits(2).says_err("hint: ");
        assert_nothing_made(&sandbox, "small", "step*");
        let files = files_below(&small.join(".git/objects"));
        let is_half =
            |path: &Path| path.extension().is_some_and(|it| it == "pack") && !path.with_extension("idx").exists();
        let bad = files.iter().find(|path| path.to_string_lossy().contains("tmp_") || is_half(path));
        assert_eq!(bad, None, "with {left} KiB");
    }
    make_many(&sandbox, "small").exits(0);
    sandbox.git_in("small", &["fsck", "--strict", "--no-dangling"]);
}

#[test]
fn new_reports_read_only_objects() {
    let sandbox = Sandbox::new();
    let Some(mounted) = Mounted::read_only(&sandbox.work().join(".git/objects")) else { return };
    let run = new_step(&sandbox, "work", "step1").exits(2).says_err("Read-only file system");
    run.says_err("hint: the repository cannot be written");
    assert_nothing_made(&sandbox, "work", "step1");
    drop(mounted);
    new_step(&sandbox, "work", "step1").exits(0);
}

#[test]
fn results_are_kept_where_objects_are_read_only() {
    let (sandbox, points) = with_fake_nix(1);
    let Some(mounted) = Mounted::read_only(&sandbox.work().join(".git/objects")) else { return };
    let run = sandbox.lattice(&["build", &points[0]]).exits(1).says_err("could not be recorded yet");
    run.says_err("Read-only file system").says_err("hint: it is kept in");
    drop(mounted);
    assert_eq!(sandbox.records().len(), 0);
    sandbox.lattice(&["sync"]).exits(0);
    assert_eq!(sandbox.records().len(), 1, "the kept result should be recorded");
}

#[test]
fn no_result_is_lost_on_a_full_disk() {
    let (sandbox, points) = with_fake_nix(1);
    let Some(_mounted) = small_clone(&sandbox, "work") else { return };
    let small = sandbox.path("small");
    let build = || sandbox.lattice_in("small", &["build", &points[0]], |command| command);
    build().exits(1);
    let mut codes = Vec::new();
    for left in (0..=64).step_by(4) {
        let run = with_free_kib(&small, left, build);
        codes.push(run.code);
        let files = fs::read_dir(small.join(".git/lattice/records")).into_iter().flatten().flatten();
        let is_kept = files.filter(|file| file.path().extension().is_some_and(|it| it == "jsonl")).count() == 1;
        if run.stderr.contains("could not record the result") {
            run.exits(2).says_err(r#""verdict":"no-builder""#).says_err("hint: write the line");
        } else if run.code == 2 {
            // There is no result yet.
            run.says_err("the disk may be full");
        } else {
            assert_eq!(is_kept, run.stderr.contains("could not be recorded yet"), "{left} KiB left: {}", run.stderr);
            run.exits(1).says_out("no-builder");
        }
        sandbox.lattice_in("small", &["sync"], |command| command).exits(0);
    }
    assert!(codes.contains(&1) && codes.contains(&2), "both outcomes should occur: {codes:?}");
}
