//! Several git-lattice at once in one repository, with a Nix that only says what it can build.

use crate::sandbox::Sandbox;
use crate::story::{elsewhere, far, fields};

const SETTINGS: &str = include_str!("../../src/nix/captured/settings-2.8.json");

/// A Nix that builds for no other machine and is quick to say so.
fn with_quick_nix(count: usize) -> (Sandbox, Vec<String>) {
    let mut sandbox = Sandbox::new();
    let answer =
        format!("#!/bin/sh\ncase $* in *version*) echo 'nix (Nix) 2.8.0' ;; *) cat <<'END'\n{SETTINGS}\nEND\nesac\n");
    sandbox.use_program("nix", &answer);
    let steps: Vec<_> = (1..=count).map(|i| format!("step{i}")).collect();
    sandbox.lattice(&["new", "--arch", elsewhere(), "--step", &steps.join(","), "--no-push"]).exits(0);
    let points = steps.iter().map(|step| far(&format!("phase0/{step}"))).collect();
    (sandbox, points)
}

/// Builds the points, all at the same time.
fn build_at_once<'a>(sandbox: &Sandbox, points: impl Iterator<Item = &'a String>) {
    std::thread::scope(|scope| {
        let running: Vec<_> = points.map(|point| scope.spawn(move || sandbox.lattice(&["build", point]))).collect();
        for one in running {
            one.join().unwrap().exits(1).says("no-builder");
        }
    });
}

#[test]
fn twelve_writers_lose_no_record() {
    let (sandbox, points) = with_quick_nix(12);
    build_at_once(&sandbox, points.iter());
    let records = serde_json::Value::from(sandbox.records());
    let mut found = fields(&records, "point");
    found.sort_unstable();
    let mut expected: Vec<_> = points.iter().collect();
    expected.sort_unstable();
    assert_eq!(found, expected, "each build should have left its record");
    let writers = sandbox.git(&["config", "--get-all", "lattice.writer"]);
    let refs = sandbox.git(&["for-each-ref", "--format=%(refname:lstrip=3)", "refs/notes"]);
    assert_eq!(refs, writers, "one clone has one name to write under, however many begin at once");
}

#[test]
fn writers_of_git_s_own_kind_are_not_lost_either() {
    let (sandbox, points) = with_quick_nix(2);
    build_at_once(&sandbox, points.iter());
    let name = sandbox.git(&["config", "lattice.writer"]);
    sandbox.git(&["notes", "--ref", &format!("lattice/{name}"), "add", "-m", "a remark of the user's", "main"]);
    build_at_once(&sandbox, points.iter());
    assert_eq!(sandbox.git(&["notes", "--ref", &format!("lattice/{name}"), "show", "main"]), "a remark of the user's");
    let found = points.iter().map(|point| {
        let shown = sandbox.lattice(&["show", point, "--json"]).exits(0).json();
        shown["records"].as_array().unwrap().len()
    });
    assert_eq!(found.collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn two_that_make_the_same_point_agree() {
    let sandbox = Sandbox::new();
    let point = far("phase0/step1");
    let words = std::thread::scope(|scope| {
        let make = || scope.spawn(|| sandbox.lattice(&["new", &point, "--no-push", "--no-switch"]).exits(0).stdout);
        [make(), make(), make()].map(|one| one.join().unwrap().split_whitespace().next().unwrap().to_owned())
    });
    assert_eq!(words.iter().filter(|word| *word == "created").count(), 1, "one makes it: {words:?}");
    assert_eq!(words.iter().filter(|word| *word == "unchanged").count(), 2, "the others find it made: {words:?}");
}
