//! `[git]` of a config.toml as coordinates: `git lattice new --config FILE` makes the point that the file names.

use super::{fixture, with_file};
use crate::sandbox::Sandbox;

fn has(sandbox: &Sandbox, point: &str) -> bool {
    !sandbox.git(&["branch", "--list", &format!("feature/{point}")]).is_empty()
}

#[test]
fn file_alone_makes_its_point() {
    let sandbox = with_file(&fixture("coordinates"));
    let run = sandbox.lattice(&["new", "--config", "../c.toml"]).exits(0);
    assert!(has(&sandbox, "toolchain/aarch64/phase0/step1"), "{}", run.stderr);
    assert!(!run.stderr.contains("prefix"), "{}", run.stderr);
}

#[test]
fn flags_win_over_the_file_and_the_file_over_head() {
    let text = "[git]\narch = \"aarch64\"\nphase = \"phase1\"\nstep = \"step3\"\n";
    let sandbox = with_file(text);
    sandbox.lattice(&["new", "--arch", "x86_64", "--step", "step7", "--no-push"]).exits(0);
    sandbox.lattice(&["new", "--config", "../c.toml", "--no-push", "--no-switch"]).exits(0);
    assert!(has(&sandbox, "toolchain/aarch64/phase1/step3"), "the file should win over HEAD");
    sandbox.lattice(&["new", "--config", "../c.toml", "--phase", "phase2", "--no-push", "--no-switch"]).exits(0);
    assert!(has(&sandbox, "toolchain/aarch64/phase2/step3"), "a flag should win over the file");
    sandbox.lattice(&["new", "toolchain/x86_64/phase0/step9", "--config", "../c.toml", "--no-push"]).exits(0);
    assert!(has(&sandbox, "toolchain/x86_64/phase0/step9"), "a named point should win over the file");
    sandbox.lattice(&["new", "--all-archs", "--config", "../c.toml", "--no-push"]).exits(0);
    assert!(has(&sandbox, "toolchain/x86_64/phase1/step3"), "--all-archs is a flag");
}

#[test]
fn a_list_makes_several_points() {
    let sandbox = with_file("[git]\narch = [\"aarch64\", \"x86_64\"]\n");
    sandbox.lattice(&["new", "--config", "../c.toml", "--no-push"]).exits(0);
    assert!(has(&sandbox, "toolchain/aarch64/phase0/step1") && has(&sandbox, "toolchain/x86_64/phase0/step1"));
}

#[test]
fn empty_and_other_keys_say_nothing() {
    let sandbox = with_file("[git]\narch = \"\"\nauthor = \"me\"\nphase = true\n");
    sandbox.lattice(&["new", "--arch", "x86_64", "--config", "../c.toml", "--no-push"]).exits(0);
    assert!(has(&sandbox, "toolchain/x86_64/phase0/step1"));
}

#[test]
fn unknown_values_are_refused_with_file_and_key() {
    for (key, value, says) in [
        ("arch", "aarch46", "did you mean `aarch64`?"),
        ("component", "toolchian", "did you mean `toolchain`?"),
        ("step", "first", "step"),
        ("phase", "phase", "phase"),
    ] {
        let sandbox = with_file(&format!("[git]\n{key} = \"{value}\"\n"));
        let given = if key == "arch" { &["new"][..] } else { &["new", "--arch", "x86_64"] };
        let run = sandbox.refused(&[given, &["--config", "../c.toml"]].concat()).exits(2);
        let run = run.says_err(&format!("`git.{key}` in `../c.toml`"));
        run.says_err(&format!("unknown value `{value}` for axis `{key}`")).says_err(says);
    }
    // What a flag replaces is not read.
    let sandbox = with_file("[git]\narch = \"aarch46\"\n");
    sandbox.lattice(&["new", "--arch", "x86_64", "--config", "../c.toml", "--no-push"]).exits(0);
}

#[test]
fn base_branch_is_that_of_the_file() {
    let sandbox = with_file("[git]\nbase_branch = \"devel\"\narch = \"aarch64\"\n");
    sandbox.refused(&["new", "--config", "../c.toml"]).exits(2).says_err("`devel` does not exist");
    sandbox.git(&["branch", "devel"]);
    sandbox.git(&["commit", "-q", "--allow-empty", "-m", "main goes on"]);
    sandbox.lattice(&["new", "--config", "../c.toml", "--no-push", "--no-switch"]).exits(0);
    let parent = sandbox.git(&["rev-parse", "feature/toolchain/aarch64/phase0/step1^"]);
    assert_eq!(parent, sandbox.git(&["rev-parse", "devel"]));
    sandbox.write("../c.toml", "[git]\nbase_branch = \"..\"\narch = \"x86_64\"\n");
    sandbox.refused(&["new", "--config", "../c.toml"]).exits(2).says_err("`git.base_branch` in config.toml");
}

#[test]
fn other_prefixes_are_a_warning() {
    let text = "[git]\narch = \"aarch64\"\nnew_flake_branch_prefix = \"lattice\"\noutput_dir_prefix = \"out/\"\n";
    let run = with_file(text).lattice(&["new", "--config", "../c.toml", "--no-push"]).exits(0);
    let run = run.says_err(
        "`git.new_flake_branch_prefix` in `../c.toml` is `lattice`, but lattice.toml has `feature`, which is used",
    );
    run.says_err("`git.output_dir_prefix` in `../c.toml` is `out/`, but lattice.toml has `flakes`, which is used");
}
