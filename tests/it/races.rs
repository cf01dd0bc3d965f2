//! Several git-lattice at once in one repository, with a fake Nix that can only report its systems.

use crate::sandbox::Sandbox;
use crate::story::{elsewhere, far, fields};

const SETTINGS: &str = include_str!("../../src/nix/captured/settings-2.8.json");

/// A fake Nix that has no builder for other systems and answers quickly.
pub(crate) fn with_fake_nix(count: usize) -> (Sandbox, Vec<String>) {
    let mut sandbox = Sandbox::new();
    let answer =
        format!("#!/bin/sh\ncase $* in *version*) echo 'nix (Nix) 2.8.0' ;; *) cat <<'END'\n{SETTINGS}\nEND\nesac\n");
    sandbox.use_program("nix", &answer);
    let steps: Vec<_> = (1..=count).map(|i| format!("step{i}")).collect();
    sandbox.lattice(&["new", "--arch", elsewhere(), "--step", &steps.join(","), "--no-push"]).exits(0);
    let points = steps.iter().map(|step| far(&format!("phase0/{step}"))).collect();
    (sandbox, points)
}

/// Builds the points concurrently.
fn build_concurrently<'a>(sandbox: &Sandbox, points: impl Iterator<Item = &'a String>) {
    std::thread::scope(|scope| {
        let running: Vec<_> = points.map(|point| scope.spawn(move || sandbox.lattice(&["build", point]))).collect();
        for one in running {
            one.join().unwrap().exits(1).says_out("no-builder");
        }
    });
}

#[test]
fn twelve_concurrent_builds_lose_no_record() {
    let (sandbox, points) = with_fake_nix(12);
    build_concurrently(&sandbox, points.iter());
    let records = serde_json::Value::from(sandbox.records());
    let mut found = fields(&records, "point");
    found.sort_unstable();
    let mut expected: Vec<_> = points.iter().collect();
    expected.sort_unstable();
    assert_eq!(found, expected, "each build should have left its record");
    let writers = sandbox.git(&["config", "--get-all", "lattice.writer"]);
    let refs = sandbox.git(&["for-each-ref", "--format=%(refname:lstrip=3)", "refs/notes"]);
    assert_eq!(refs, writers, "concurrent first builds should agree on one writer");
}

#[test]
fn concurrent_git_notes_lose_no_record() {
    let (sandbox, points) = with_fake_nix(2);
    build_concurrently(&sandbox, points.iter());
    let name = sandbox.git(&["config", "lattice.writer"]);
    sandbox.git(&["notes", "--ref", &format!("lattice/{name}"), "add", "-m", "a remark of the user's", "main"]);
    build_concurrently(&sandbox, points.iter());
    assert_eq!(sandbox.git(&["notes", "--ref", &format!("lattice/{name}"), "show", "main"]), "a remark of the user's");
    let found = points.iter().map(|point| {
        let shown = sandbox.lattice(&["show", point, "--json"]).exits(0).json();
        shown["records"].as_array().unwrap().len()
    });
    assert_eq!(found.collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn concurrent_new_of_one_point_agrees() {
    let sandbox = Sandbox::new();
    let point = far("phase0/step1");
    let words = std::thread::scope(|scope| {
        let make = || scope.spawn(|| sandbox.lattice(&["new", &point, "--no-push", "--no-switch"]).exits(0).stdout);
        [make(), make(), make()].map(|one| one.join().unwrap().split_whitespace().next().unwrap().to_owned())
    });
    assert_eq!(words.iter().filter(|word| *word == "created").count(), 1, "one run should make it: {words:?}");
    assert_eq!(words.iter().filter(|word| *word == "unchanged").count(), 2, "the others should find it: {words:?}");
}

/// Runs git-lattice with each of these arguments, concurrently.
fn run_concurrently(sandbox: &Sandbox, runs: &[Vec<&str>]) {
    std::thread::scope(|scope| {
        let running: Vec<_> = runs.iter().map(|args| scope.spawn(move || sandbox.lattice(args))).collect();
        for one in running {
            one.join().unwrap().exits(0);
        }
    });
}

#[test]
fn concurrent_new_on_one_chain_see_each_other() {
    let sandbox = Sandbox::new();
    let steps: Vec<_> = (1..=30).map(|i| format!("step{i}")).collect();
    let new = |step| vec!["new", "--arch", "aarch64", "--no-push", "--no-switch", "--step", step];
    run_concurrently(&sandbox, &steps.iter().map(|step| new(step)).collect::<Vec<_>>());
    let branch = |n: usize| format!("feature/toolchain/aarch64/phase0/step{n}");
    let file = |n: usize| sandbox.work().join(".git/refs/heads").join(branch(n));
    let mut order: Vec<_> = (1..=30).map(|n| (std::fs::metadata(file(n)).unwrap().modified().unwrap(), n)).collect();
    order.sort();
    for (i, (_, n)) in order.iter().enumerate() {
        let below = order[..i].iter().map(|(_, m)| *m).filter(|m| m < n).max();
        let expected = sandbox.git(&["rev-parse", &below.map_or("main".to_owned(), branch)]);
        let parents = sandbox.git(&["log", "-1", "--format=%P", &branch(*n)]);
        assert_eq!(parents, expected, "step{n} should grow from the existing steps: {below:?} of {order:?}");
    }
    sandbox.lattice(&["check"]).exits(0);
    sandbox.git(&["fsck", "--no-dangling", "--strict"]);
}

#[test]
fn concurrent_axis_add_loses_no_value() {
    for round in 0..5 {
        let sandbox = Sandbox::new();
        let link = sandbox.work().join("lattice.toml");
        let real = sandbox.path("work/real/lattice.toml");
        std::fs::create_dir(real.parent().unwrap()).unwrap();
        std::fs::rename(&link, &real).unwrap();
        std::os::unix::fs::symlink("real/lattice.toml", &link).unwrap();
        std::process::Command::new("chmod").arg("640").arg(&real).status().unwrap();
        let names: Vec<_> = (0..8).map(|i| format!("gcc-{i}")).collect();
        let runs: Vec<_> = names.iter().map(|name| vec!["axis", "add", "component", name]).collect();
        run_concurrently(&sandbox, &runs);
        let text = std::fs::read_to_string(&real).unwrap();
        for name in &names {
            assert!(text.contains(name.as_str()), "`{name}` was reported as added, round {round}: {text}");
        }
        assert!(link.is_symlink(), "the link should stay");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&real).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o640, "the permissions should stay");
        let left: Vec<_> = std::fs::read_dir(real.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".lattice")), "{left:?}");
    }
}

#[test]
fn concurrent_syncs_both_succeed() {
    let sandbox = Sandbox::new();
    sandbox.git_in("", &["clone", "-q", "remote.git", "other"]);
    sandbox.git_in("other", &["config", "user.name", "o"]);
    for round in 1..=12 {
        let new = |dir: &str, arch: &str, push: &[&str]| {
            let step = format!("step{round}");
            let args = [&["new", "--arch", arch, "--no-switch", "--step", &step][..], push].concat();
            sandbox.lattice_in(dir, &args, |command| command).exits(0);
        };
        new("other", "aarch64", &[]);
        new("work", "x86_64", &["--no-push"]);
        if round > 1 {
            let branch = "feature/toolchain/aarch64/phase0/step1";
            sandbox.git_in("other", &["switch", "-q", branch]);
            sandbox.git_in("other", &["commit", "-q", "--allow-empty", "-m", &format!("round {round}")]);
            sandbox.git_in("other", &["push", "-q", "origin", branch]);
        }
        run_concurrently(&sandbox, &[vec!["sync"], vec!["sync"]]);
        if round == 1 {
            sandbox.git(&[
                "branch",
                "-q",
                "--track",
                "feature/toolchain/aarch64/phase0/step1",
                "origin/feature/toolchain/aarch64/phase0/step1",
            ]);
        }
    }
    sandbox.lattice(&["sync"]).exits(0);
    let heads = |dir: &str| {
        sandbox.git_in(
            dir,
            &["for-each-ref", "--format=%(objectname)", "refs/heads/feature/toolchain/aarch64/phase0/step1"],
        )
    };
    assert_eq!(heads("work"), heads("remote.git"), "the branch that was behind should have moved");
}
