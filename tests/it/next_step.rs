//! `git lattice next-step`: the step above, and what happens at the end of a chain.

use crate::sandbox::Sandbox;
use crate::story::{at, branch, chains, dir, far, fields, toml};

#[test]
fn default_is_the_step_above_heads_point() {
    let sandbox = Sandbox::new();
    let [one, two] = ["phase0/step1", "phase0/step2"].map(at);
    sandbox.lattice(&["new", &one]).exits(0);
    sandbox.lattice(&["next-step"]).exits(0).says_out(&branch(&two));
    assert_eq!(sandbox.git(&["symbolic-ref", "--short", "HEAD"]), branch(&two), "HEAD should switch to it");
    assert_eq!(sandbox.parents(&two), [sandbox.commit(&branch(&one))]);
    assert!(sandbox.remote_has(&two), "it should be pushed");
}

#[test]
fn new_flake_takes_the_step_below() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.lattice(&["next-step", &at("phase0/step1"), "--no-switch"]).exits(0);
    let two = at("phase0/step2");
    let flake = String::from_utf8(sandbox.bytes(&branch(&two), &format!("{}/flake.nix", dir(&two)))).unwrap();
    assert!(flake.contains("flake = ../step1/flake.nix;"), "{flake}");
}

#[test]
fn point_can_be_named_in_every_way() {
    let ways: [&[&str]; 3] = [&[&at("phase0/step1")], &[&branch(&at("phase0/step1"))], &["--step", "step1"]];
    for way in ways {
        let sandbox = Sandbox::new();
        sandbox.lattice(&["new", &at("phase0/step1")]).exits(0);
        let run = sandbox.lattice(&[&["next-step", "--dry-run"], way].concat()).exits(0);
        run.says_out(&branch(&at("phase0/step2")));
    }
}

#[test]
fn config_and_template_come_from_below_unless_given() {
    let sandbox = Sandbox::new();
    sandbox.write("step.toml", "version = \"1\"\n");
    sandbox.lattice(&["new", &at("phase0/step1"), "--config", "step.toml", "--template", "step"]).exits(0);
    let made = sandbox.lattice(&["next-step", "--json"]).exits(0).json();
    assert_eq!(made["created"][0]["template"], "step");
    let config = |point: &str| sandbox.bytes(&branch(point), &format!("{}/config.toml", dir(point)));
    assert_eq!(config(&at("phase0/step2")), b"version = \"1\"\n");
    sandbox.write("step.toml", "version = \"2\"\n");
    sandbox.lattice(&["next-step", "--config", "step.toml", "--template", "config"]).exits(0).says_out("config");
    assert_eq!(config(&at("phase0/step3")), b"version = \"2\"\n");
}

/// The step.nix of a point's branch.
fn step_nix(sandbox: &Sandbox, point: &str) -> String {
    String::from_utf8(sandbox.bytes(&branch(point), &format!("{}/step.nix", dir(point)))).unwrap()
}

/// A sandbox whose HEAD is on a first step with this step.nix.
fn on_step(step: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", &at("phase0/step1"), "--template", "step", "--no-push"]).exits(0);
    sandbox.write(&format!("{}/step.nix", dir(&at("phase0/step1"))), step);
    sandbox.git(&["commit", "-q", "-a", "--allow-empty", "-m", "my step"]);
    sandbox
}

/// A step.nix that the linters would have something to say about.
const OWN: &str =
    "{system,...}:derivation {name=\"own\";inherit system;builder=\"/bin/sh\";args=[\"-c\" \"echo >$out\"];}\n";

#[test]
fn step_nix_comes_from_below() {
    let sandbox = on_step(OWN);
    let made = sandbox.lattice(&["next-step", "--no-push", "--json"]).exits(0).json();
    assert_eq!(made["created"][0]["step_from"], at("phase0/step1"), "{made:#}");
    assert_eq!(step_nix(&sandbox, &at("phase0/step2")), OWN);
    // `new` and a forced `promote` do the same.
    let run = sandbox.lattice(&["new", &at("phase0/step3"), "--no-push", "--no-switch"]).exits(0);
    run.says_out(&format!("step.nix  that of {}", at("phase0/step2")));
    sandbox.lattice(&["promote", "--force", "--reason", "try", "--no-push", "--no-switch"]).exits(0);
    assert_eq!(step_nix(&sandbox, &at("phase1/step1")), OWN);
    assert_eq!(sandbox.lattice(&["check", &at("phase1/step1")]).exits(0).stderr, "");
}

#[test]
fn starter_is_used_where_there_is_no_own_step_nix() {
    let sandbox = on_step(OWN);
    let one = at("phase0/step1");
    let fresh = |args: &[&str], point: &str| {
        let made = sandbox.lattice(&[args, &["--no-push", "--no-switch", "--json"]].concat()).exits(0).json();
        assert_eq!(made["created"][0]["step_from"], serde_json::Value::Null, "{made:#}");
        assert!(step_nix(&sandbox, point).starts_with("# What this step builds."), "{point}");
    };
    fresh(&["next-step", &one, "--fresh"], &at("phase0/step2"));
    // The starter that nobody changed is not the user's: another template has its own.
    fresh(&["next-step", &at("phase0/step2")], &at("phase0/step3"));
    fresh(&["new", &far("phase0/step1"), "--template", "step"], &far("phase0/step1"));
}

#[test]
fn step_nix_is_given() {
    let sandbox = on_step(OWN);
    let given = OWN.replace("own", "given");
    sandbox.write("../given.nix", &given);
    let args = ["next-step", "--step-nix", "../given.nix", "--no-push", "--no-switch"];
    sandbox.lattice(&args).exits(0);
    assert_eq!(step_nix(&sandbox, &at("phase0/step2")), given);
    sandbox.lattice(&args).exits(0).says_out("unchanged");
    sandbox.write("../given.nix", OWN);
    sandbox.lattice(&args).exits(1).says_err("its step.nix is not that of `--step-nix`");
    sandbox.write("../given.nix", "{ a = ; }\n");
    let run = sandbox.refused(&["next-step", &at("phase0/step2"), "--step-nix", "../given.nix"]).exits(2);
    run.says_err("the step.nix is not valid: ../given.nix:1:7:");
    sandbox.write("../given.nix", OWN);
    let args = ["next-step", &at("phase0/step2"), "--template", "config", "--step-nix", "../given.nix"];
    sandbox.refused(&args).exits(2).says_err("template `config` has no step.nix").says_err("`--template step`");
    let both = ["next-step", "--fresh", "--step-nix", "../given.nix"];
    sandbox.refused(&both).exits(2).says_err("cannot be used with");
}

#[test]
fn files_beside_an_inherited_step_nix_are_named() {
    let sandbox = on_step(&OWN.replace("name=", "patch=./fix.patch;name="));
    sandbox.write(&format!("{}/fix.patch", dir(&at("phase0/step1"))), "a patch\n");
    sandbox.write(&format!("{}/notes", dir(&at("phase0/step1"))), "not named\n");
    sandbox.git(&["add", "flakes"]);
    sandbox.git(&["commit", "-q", "-m", "a patch"]);
    let run = sandbox.lattice(&["next-step", "--no-push"]).exits(0);
    run.says_err("`fix.patch` beside it was not copied").never_says("`notes`");
}

#[test]
fn all_archs_continues_every_started_phase() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1"), &far("phase0/step1"), &far("phase0/step2")]);
    let made = sandbox.lattice(&["next-step", &at("phase0/step1"), "--all-archs", "--json"]).exits(0).json();
    let mut expected = [at("phase0/step2"), far("phase0/step3")];
    expected.sort();
    let mut found = fields(&made["created"], "point");
    found.sort_unstable();
    assert_eq!(found, expected, "each architecture should continue from its last step");
}

#[test]
fn end_of_a_listed_chain_suggests_promote() {
    let sandbox = Sandbox::with_toml(&toml(&chains("[\"phase0\", \"phase1\"]", "[\"one\", \"two\"]"), ""));
    sandbox.lattice(&["new", &at("phase0/two")]).exits(0);
    let before = sandbox.state();
    let run = sandbox.lattice(&["next-step"]).exits(1);
    run.says_err(&format!("`{}` is the last step of its phase", at("phase0/two"))).says_err("git lattice promote");
    assert_eq!(sandbox.state(), before);
}

#[test]
fn phases_may_have_their_own_steps() {
    let steps = "{ phase0 = [\"a\", \"b\"], \"*\" = \"step{n}\" }";
    let sandbox = Sandbox::with_toml(&toml(&chains("\"phase{n}\", from = 0", steps), ""));
    sandbox.points(&[&at("phase0/a"), &at("phase0/b"), &at("phase1/step1")]);
    sandbox.lattice(&["next-step", &at("phase0/a"), "--dry-run"]).exits(0).says_out("phase0/b").says_out("unchanged");
    sandbox.lattice(&["next-step", &at("phase0/b")]).exits(1).says_err("git lattice promote");
    sandbox.lattice(&["next-step", &at("phase1/step1"), "--dry-run"]).exits(0).says_out("phase1/step2");
}

#[test]
fn step10_comes_after_step9() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step9")]);
    sandbox.lattice(&["next-step", &at("phase0/step9"), "--dry-run"]).exits(0).says_out("phase0/step10");
}

#[test]
fn missing_point_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["next-step"]).exits(2).says_err("HEAD is not on the branch of a point");
    let run = sandbox.lattice(&["next-step", &at("phase0/step1")]).exits(2);
    run.says_err(&format!("git lattice new {}", at("phase0/step1")));
}

#[test]
fn repeated_command_is_unchanged() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1")]);
    let args = ["next-step", &at("phase0/step1"), "--no-switch"];
    sandbox.lattice(&args).exits(0).says_out("created");
    let before = sandbox.state();
    sandbox.lattice(&args).exits(0).says_out("unchanged");
    assert_eq!(sandbox.state(), before);
}

#[test]
fn dry_run_writes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", &at("phase0/step1")]).exits(0);
    let before = (sandbox.state(), sandbox.git(&["count-objects", "-v"]));
    sandbox.lattice(&["next-step", "--dry-run"]).exits(0).says_out("would create");
    assert_eq!((sandbox.state(), sandbox.git(&["count-objects", "-v"])), before);
}
