//! `git lattice try`: builds of uncommitted files.

use std::path::Path;

use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::{at, branch, dir};

/// HEAD is on the second of two points of the template `step`, with a clean worktree.
fn two_steps(nix: &Path) -> (Sandbox, [String; 2]) {
    let mut sandbox = Sandbox::new();
    sandbox.use_nix(nix);
    let points = ["phase0/step1", "phase0/step2"].map(at);
    let [one, two] = &points;
    sandbox.lattice(&["new", one, two, "--template", "step", "--no-switch"]).exits(0);
    sandbox.git(&["switch", "-q", &branch(two)]);
    (sandbox, points)
}

/// A step that prints `more.nix` and the step below.
const STEP: &str = "{ system, previous, ... }:\nderivation {\n  name = \"tried\";\n  inherit system previous;\n  \
    text = import ./more.nix;\n  builder = \"/bin/sh\";\n  args = [ \"-c\" \"echo $text >$out\" ];\n}\n";

/// Everything that a trial must not change.
fn state(sandbox: &Sandbox) -> [String; 3] {
    [&["status", "--porcelain", "--ignored"][..], &["for-each-ref"], &["ls-files", "--stage", "--debug"]]
        .map(|args| sandbox.git(args))
}

#[test]
fn worktree_is_built_and_nothing_recorded() {
    for nix in every_nix() {
        let (sandbox, [_, two]) = two_steps(&nix);
        let file = |name: &str| format!("{}/{name}", dir(&two));
        sandbox.write(&file("step.nix"), STEP);
        sandbox.write(&file("more.nix"), "\"first\"");
        sandbox.git(&["add", &file("step.nix")]);
        sandbox.write(".git/info/exclude", "*.tmp\n");
        sandbox.write(&file("ignored.tmp"), "1");
        let before = state(&sandbox);
        let run = sandbox.lattice(&["try", "--json"]).exits(0);
        let (result, changed) = (&run.json()["results"][0], &run.json()["changed"]);
        assert_eq!(changed, &true);
        assert_eq!(sandbox.built(result["outputs"]["out"]["path"].as_str().unwrap()), b"first\n");
        assert_eq!(state(&sandbox), before, "index, refs and files stay");
        assert_eq!(sandbox.records().len(), 0);
        assert_eq!(sandbox.state_of(&two), "new");

        sandbox.write(&file("ignored.tmp"), "2");
        let again = sandbox.lattice(&["try", "--json"]).exits(0).json();
        assert_eq!(again["results"][0]["key"], result["key"], "ignored files do not count");

        sandbox.git(&["add", "."]);
        sandbox.git(&["commit", "-q", "-m", "print more"]);
        let built = sandbox.lattice(&["build", "--json"]).exits(0).json();
        assert_eq!(built["results"][0]["key"], result["key"], "the commit has the key of the trial");
        assert_eq!(built["results"][0]["outputs"], result["outputs"]);
        let [ran, recorded] = [result, &built["results"][0]].map(|it| (it["started"].clone(), it["impure"].clone()));
        assert_eq!(ran, recorded, "the record tells when and how the trial built it");
        assert_eq!(recorded.1, serde_json::json!([]));
    }
}

#[test]
fn failed_trial_leaves_no_record() {
    for nix in every_nix() {
        let (sandbox, [_, two]) = two_steps(&nix);
        sandbox.write(&format!("{}/step.nix", dir(&two)), STEP);
        sandbox.lattice(&["try"]).exits(1).says_out("failed").says_out("more.nix");
        assert_eq!(sandbox.records().len(), 0);
        sandbox.git(&["restore", "."]);
        sandbox.lattice(&["try"]).exits(0).says_err("nothing is recorded: `git lattice build` records the result");
    }
}

#[test]
fn step_below_is_taken_from_the_worktree() {
    for nix in every_nix() {
        let (sandbox, [one, two]) = two_steps(&nix);
        sandbox.write(&format!("{}/config.toml", dir(&one)), "greeting = \"changed below\"\n");
        let output = |args: &[&str]| {
            let run = sandbox.lattice(args).exits(0).json();
            let path = run["results"][0]["outputs"]["out"]["path"].as_str().unwrap().to_owned();
            String::from_utf8(sandbox.built(&path)).unwrap()
        };
        assert!(output(&["try", "--json"]).contains("changed below"));
        assert!(output(&["try", &one, "--json"]).contains("changed below"));
        assert!(!output(&["build", &two, "--json"]).contains("changed below"));
    }
}

/// Another machine built it; this one has to.
#[test]
fn records_do_not_count() {
    let Some(nix) = every_nix().pop() else { return };
    let (sandbox, [_, two]) = two_steps(&nix);
    sandbox.built_elsewhere(&[&two]);
    let run = sandbox.lattice(&["try", "--json"]).exits(0).json();
    assert!(!sandbox.built(run["results"][0]["outputs"]["out"]["path"].as_str().unwrap()).is_empty());
}

#[test]
fn only_points_of_the_worktree_can_be_tried() {
    let Some(nix) = every_nix().pop() else { return };
    let (sandbox, [one, two]) = two_steps(&nix);
    let above = at("phase1/step1");
    sandbox.refused(&["try", &above]).exits(2).says_err(&format!("has no `{}/flake.nix`", dir(&above)));
    sandbox.refused(&["try", "--phase", "phase0,phase1"]).exits(2).says_err("names 2");
    std::fs::remove_file(sandbox.work().join(dir(&two)).join("flake.nix")).unwrap();
    sandbox.lattice(&["try"]).exits(2).says_err(&format!("`git restore {}` brings it here", dir(&two)));
    sandbox.git(&["switch", "-q", "-f", "main"]);
    sandbox.lattice(&["try"]).exits(2).says_err("HEAD is not on the branch of a point");
    sandbox.lattice(&["try", &one]).exits(2).says_err(&format!("`git switch {}` brings it here", branch(&one)));
    sandbox.lattice_in("remote.git", &["try", &one], |command| command).exits(2).says_err("bare");
}

#[test]
fn linked_worktree_has_files_of_its_own() {
    let Some(nix) = every_nix().pop() else { return };
    let (sandbox, [one, _]) = two_steps(&nix);
    sandbox.git(&["worktree", "add", "-q", "../linked", &branch(&one)]);
    sandbox.write(&format!("../linked/{}/config.toml", dir(&one)), "here = 1\n");
    let tried = |folder| sandbox.lattice_in(folder, &["try", &one, "--json"], |command| command).exits(0).json();
    assert_eq!(tried("linked")["changed"], true);
    assert_eq!(tried("work")["changed"], false);
}
