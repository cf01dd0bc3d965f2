//! Where a new point grows: its commit's parents are the tips of the greatest points below it, else the base branch.

use crate::sandbox::Sandbox;
use crate::story::{at, branch, dir, far, here};

#[test]
fn base_branch_in_config_toml_is_honoured() {
    let sandbox = Sandbox::new();
    sandbox.git(&["branch", "stable", "main~1"]);
    sandbox.write("step.toml", "[nix]\nbase_branch = \"stable\"\n");
    sandbox.lattice(&["new", &at("phase0/step1"), "--config", "step.toml", "--no-switch"]).exits(0);
    assert_eq!(sandbox.parents(&at("phase0/step1")), [sandbox.commit("stable")]);
}

#[test]
fn first_point_is_based_on_the_base_branch() {
    let sandbox = Sandbox::new();
    sandbox.git(&["switch", "-q", "-c", "topic"]);
    sandbox.git(&["commit", "-q", "--allow-empty", "-m", "something else"]);
    sandbox.points(&[&at("phase0/step1")]);
    assert_eq!(sandbox.parents(&at("phase0/step1")), [sandbox.commit("main")]);
}

#[test]
fn parents_are_the_greatest_points_below() {
    let sandbox = Sandbox::new();
    let [one, three, next] = ["phase0/step1", "phase0/step3", "phase1/step1"].map(at);
    sandbox.points(&[&one, &three, &next, &far("phase0/step1")]);
    assert_eq!(sandbox.parents(&three), [sandbox.commit(&branch(&one))], "step2 does not exist");
    assert_eq!(sandbox.parents(&next), [sandbox.commit(&branch(&three))], "phases come before steps");
    let base = sandbox.commit("main");
    assert_eq!(sandbox.parents(&far("phase0/step1")), [base], "architectures are independent");
}

#[test]
fn steps_are_ordered_as_numbers() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step9"), &at("phase0/step10"), &at("phase0/step11")]);
    assert_eq!(sandbox.parents(&at("phase0/step10")), [sandbox.commit(&branch(&at("phase0/step9")))]);
    assert_eq!(sandbox.parents(&at("phase0/step11")), [sandbox.commit(&branch(&at("phase0/step10")))]);
}

#[test]
fn point_over_two_architectures_is_a_merge_commit() {
    let sandbox = Sandbox::new();
    let below = ["toolchain/aarch64/phase0/step1", "toolchain/x86_64/phase0/step1"];
    sandbox.points(&below);
    let join = "toolchain/aarch64+x86_64/phase0/step1";
    sandbox.lattice(&["new", "--arch", "x86_64+aarch64", "--no-switch"]).exits(0).says_out(&branch(join));
    assert_eq!(sandbox.parents(join), below.map(|point| sandbox.commit(&branch(point))));
    let files = sandbox.git(&["ls-tree", "-r", "--name-only", &branch(join)]);
    for point in [below[0], below[1], join] {
        assert!(files.contains(&format!("{}/flake.nix", dir(point))), "the merge should hold `{point}`:\n{files}");
    }
    let flake = String::from_utf8(sandbox.bytes(&branch(join), &format!("{}/flake.nix", dir(join)))).unwrap();
    assert!(
        below.iter().all(|point| flake.contains(&format!("point = \"{point}\""))),
        "the flake should take both:\n{flake}"
    );
}

#[test]
fn fetched_point_becomes_a_parent() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.lattice(&["new", &one, "--no-switch"]).exits(0);
    let colleague = sandbox.colleague();
    sandbox.lattice_in(colleague, &["new", &at("phase0/step2"), "--no-switch"], |command| command).exits(0);
    let parent = sandbox.git_in(colleague, &["log", "-1", "--format=%P", &branch(&at("phase0/step2"))]);
    assert_eq!(parent, sandbox.commit(&branch(&one)));
}

#[test]
fn steps_made_together_build_on_each_other() {
    let sandbox = Sandbox::new();
    let [one, two, three] = ["phase0/step1", "phase0/step2", "phase0/step3"].map(at);
    let args = ["new", "--arch", here(), "--step", "step3,step1", "--step", "step2", "--no-push"];
    sandbox.lattice(&args).exits(0);
    assert_eq!(sandbox.parents(&three), [sandbox.commit(&branch(&two))]);
    assert_eq!(sandbox.parents(&two), [sandbox.commit(&branch(&one))]);
}

#[test]
fn conflicting_points_are_not_joined() {
    let sandbox = Sandbox::new();
    let below = ["toolchain/aarch64/phase0/step1", "toolchain/x86_64/phase0/step1"];
    sandbox.points(&below);
    sandbox.commit_to(below[0], &[("../../../../../flakes/shared", "one\n")]);
    sandbox.commit_to(below[1], &[("../../../../../flakes/shared", "two\n")]);
    let before = (sandbox.state(), sandbox.git(&["count-objects", "-v"]));
    let run = sandbox.lattice(&["new", "--arch", "aarch64+x86_64"]).exits(1);
    run.says_err("flakes/shared").says_err("hint:");
    assert_eq!((sandbox.state(), sandbox.git(&["count-objects", "-v"])), before, "nothing should be written");
}
