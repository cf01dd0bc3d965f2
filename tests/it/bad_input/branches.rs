//! Branches: a missing base, conflicting names, the same name with other content.

use crate::sandbox::Sandbox;

const BRANCH: &str = "feature/toolchain/aarch64/phase0/step1";
const NEW: [&str; 3] = ["new", "--arch", "aarch64"];

/// Creates a branch at HEAD, as a loose ref or in packed-refs.
fn branch(sandbox: &Sandbox, name: &str, packed: bool) {
    sandbox.git(&["branch", name]);
    if packed {
        sandbox.git(&["pack-refs", "--all"]);
    }
}

#[test]
fn missing_base_branch_is_refused() {
    let sandbox = Sandbox::new();
    let toml = std::fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap();
    sandbox.write("lattice.toml", toml.replace("base = \"main\"", "base = \"trunk\""));
    let run = sandbox.refused(&NEW).exits(2).says_err("the base branch `trunk` does not exist");
    run.says_err("`git fetch origin`").says_err("`base` in lattice.toml");
}

#[test]
fn base_branch_of_the_remote_is_enough() {
    let sandbox = Sandbox::new();
    sandbox.git(&["switch", "-q", "-c", "mine"]);
    sandbox.git(&["branch", "-q", "-D", "main"]);
    sandbox.lattice(&NEW).exits(0).says_out("created");
}

#[test]
fn refuses_a_branch_that_is_a_prefix() {
    let sandbox = Sandbox::new();
    for other in ["feature", "feature/toolchain", "feature/toolchain/aarch64/phase0"] {
        for packed in [false, true] {
            branch(&sandbox, other, packed);
            let run = sandbox
                .refused(&NEW)
                .exits(1)
                .says_err(BRANCH)
                .says_err(&format!("conflicts with the branch `{other}`"));
            run.says_err(&format!("hint: to rename the other branch: `git branch -m {other} NAME`"));
            sandbox.git(&["branch", "-M", other, "elsewhere"]);
        }
    }
    sandbox.lattice(&NEW).exits(0).says_out("created");
}

#[test]
fn refuses_a_branch_below_the_new_one() {
    let sandbox = Sandbox::new();
    for packed in [false, true] {
        let other = format!("{BRANCH}/fix/it");
        branch(&sandbox, &other, packed);
        let run = sandbox.refused(&NEW).exits(1).says_err(&format!("conflicts with the branch `{other}`"));
        run.says_err(&format!("hint: to rename the other branch: `git branch -m {other} NAME`"));
        sandbox.git(&["branch", "-M", &other, "elsewhere"]);
    }
}

#[test]
fn one_conflicting_branch_stops_all_points() {
    let sandbox = Sandbox::new();
    sandbox.git(&["branch", "feature/toolchain/x86_64"]);
    let run = sandbox.refused(&["new", "--all-archs"]).exits(1);
    run.says_err("the branch `feature/toolchain/x86_64`");
}

#[test]
fn refuses_branches_that_differ_only_in_letter_case() {
    let sandbox = Sandbox::new();
    for other in [
        "feature/Toolchain/aarch64/phase0/step1",
        "FEATURE/toolchain/aarch64/phase0/step1",
        "Feature",
        "feature/TOOLCHAIN",
        "feature/toolchain/aarch64/phase0/Step1/x",
        "feature/toolchain/aarch64/phase0/STEP1",
    ] {
        for packed in [false, true] {
            branch(&sandbox, other, packed);
            let run = sandbox.refused(&NEW).exits(1).says_err(&format!("conflicts with the branch `{other}`"));
            run.says_err("letter case").says_err(&format!("`git branch -m {other} NAME`"));
            sandbox.git(&["branch", "-M", other, "elsewhere"]);
        }
    }
}

#[test]
fn similar_branch_name_does_not_conflict() {
    let sandbox = Sandbox::new();
    for other in ["feature/toolchain-old", "feature/tool", "features", "feature/toolchain/aarch64/phase0/step11"] {
        sandbox.git(&["branch", other]);
    }
    sandbox.lattice(&NEW).exits(0).says_out("created");
}

#[test]
fn refuses_other_content_and_says_what_differs() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&[&NEW[..], &["--no-switch"]].concat()).exits(0);
    let there = sandbox.git(&["rev-parse", BRANCH]);
    std::fs::write(sandbox.path("c.toml"), "other = true\n").unwrap();
    let run = sandbox.refused(&[&NEW[..], &["--config", "../c.toml"]].concat()).exits(1);
    run.says_err("exists with other content: its config.toml is not that of `--config`")
        .says_err("to use the point as it is, leave out `--config` and `--template`")
        .says_err(&format!("`git show {}", &there[..10]))
        .says_err("git branch -m");
    let run = sandbox.refused(&[&NEW[..], &["--template", "step"]].concat()).exits(1);
    let run = run.says_err("its flake.nix is made with template `config`, not `step`");
    assert!(!run.stderr.contains("could not read"), "{}", run.stderr);
}

#[test]
fn foreign_branch_with_a_points_name_is_kept() {
    let sandbox = Sandbox::new();
    sandbox.git(&["branch", BRANCH, "main"]);
    let run = sandbox
        .refused(&NEW)
        .exits(1)
        .says_err("exists with other content")
        .says_err("it has no `flakes/toolchain/")
        .says_err("git branch -m");
    run.says_err(&sandbox.git(&["rev-parse", "--short=10", "main"]));
    sandbox.refused(&["build", "toolchain/aarch64/phase0/step1"]).exits(2).says_err("has no `flakes/toolchain/");
}

#[test]
fn one_point_with_other_content_stops_all_points() {
    let sandbox = Sandbox::new();
    sandbox.git(&["branch", "feature/toolchain/x86_64/phase0/step1", "main"]);
    sandbox.refused(&["new", "--all-archs"]).exits(1).says_err("feature/toolchain/x86_64/phase0/step1");
}

#[test]
fn refused_switch_loses_nothing() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&[&NEW[..], &["--no-switch"]].concat()).exits(0);
    sandbox.write("flakes/toolchain/aarch64/phase0/step1/flake.nix", "mine");
    let before = sandbox.state();
    let run = sandbox.lattice(&NEW).exits(1);
    run.says_err("untracked working tree files would be overwritten");
    assert_eq!(sandbox.state(), before, "HEAD, index and worktree should stay");
}

#[test]
fn file_in_place_of_the_directory_is_kept() {
    let sandbox = Sandbox::new();
    sandbox.write("flakes", "mine\n");
    sandbox.git(&["add", "flakes"]);
    sandbox.git(&["commit", "-q", "-m", "a file"]);
    let run = sandbox.refused(&NEW).exits(1).says_err("`flakes` exists");
    run.says_err("hint: `flake` in lattice.toml");
    sandbox.git(&["rm", "-q", "flakes"]);
    std::os::unix::fs::symlink("elsewhere", sandbox.work().join("flakes")).unwrap();
    sandbox.git(&["add", "flakes"]);
    sandbox.git(&["commit", "-q", "-m", "a link"]);
    sandbox.refused(&NEW).exits(1).says_err("`flakes` exists");
}
