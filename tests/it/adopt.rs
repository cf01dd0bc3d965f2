//! `git lattice adopt` and `init --adopt`: existing branches become the points of a new lattice.

use std::fs;

use serde_json::Value;

use crate::sandbox::{Run, Sandbox};
use crate::story::{fields, texts};

const FLAKE: &str = "{ outputs = _: { }; }\n";

/// A branch with a file, made from `main`; HEAD stays on `main`.
fn branch_with(sandbox: &Sandbox, branch: &str, file: &str, text: &str) {
    sandbox.git(&["switch", "-q", "-c", branch, "main"]);
    sandbox.write(file, text);
    sandbox.git(&["add", "-A"]);
    sandbox.git(&["commit", "-q", "-m", branch]);
    sandbox.git(&["switch", "-q", "main"]);
}

/// Steps of two components, made by hand, each with a flake in `nix/` or in `flakes/`.
fn made_by_hand(root: &str) -> Sandbox {
    let sandbox = Sandbox::without_lattice();
    for component in ["gcc-14", "rust-1.83"] {
        for point in ["aarch64/phase0/step1", "aarch64/phase0/step2", "x86_64/phase0/step10", "x86_64/phase1/step1"] {
            let point = format!("{component}/{point}");
            branch_with(&sandbox, &format!("feature/{point}"), &format!("{root}/{point}/flake.nix"), FLAKE);
        }
    }
    sandbox
}

fn branches(sandbox: &Sandbox, names: &[&str]) {
    names.iter().for_each(|name| drop(sandbox.git(&["branch", name, "main"])));
}

/// The axes as `name kind values`.
fn axes_of(run: &Run) -> Vec<String> {
    let json = run.json();
    let text = |axis: &Value, key: &str| axis[key].as_str().unwrap().to_owned();
    let axes = json["axes"].as_array().unwrap().iter();
    axes.map(|axis| format!("{} {} {}", text(axis, "axis"), text(axis, "kind"), texts(&axis["values"]).join(",")))
        .collect()
}

/// The branches that are left out, with the reasons.
fn left_out(run: &Run) -> Vec<String> {
    let json = run.json();
    let misfits = json["left_out"].as_array().unwrap().iter();
    misfits.map(|it| format!("{}: {}", it["branch"].as_str().unwrap(), it["reason"].as_str().unwrap())).collect()
}

#[test]
fn branches_become_axes_and_points() {
    let sandbox = made_by_hand("flakes");
    let run = sandbox.refused(&["adopt", "--json"]).exits(0);
    let expected = [
        "component set gcc-14,rust-1.83",
        "arch set aarch64,x86_64",
        "phase numbered phase{n}",
        "step numbered step{n}",
    ];
    assert_eq!(axes_of(&run), expected);
    let json = run.json();
    assert_eq!((json["axes"][2]["first"].as_u64(), json["axes"][3]["first"].as_u64()), (Some(0), Some(1)));
    assert_eq!(json["from"], "feature/*/*/*/*");
    let points = fields(&json["points"], "point");
    assert_eq!(points.len(), 8);
    assert_eq!(
        points[..4],
        [
            "gcc-14/aarch64/phase0/step1",
            "gcc-14/aarch64/phase0/step2",
            "gcc-14/x86_64/phase0/step10",
            "gcc-14/x86_64/phase1/step1"
        ]
    );
    assert!(fields(&json["points"], "standing").iter().all(|standing| *standing == "hand-written"), "{json}");
    let run = sandbox.refused(&["adopt"]).exits(0);
    run.says_out(json["lattice_toml"].as_str().unwrap())
        .says_out("8 branches become points: 8 hand-written")
        .says_err("git lattice init --adopt");
}

#[test]
fn init_adopt_writes_the_file_and_all_branches_are_points() {
    let sandbox = made_by_hand("flakes");
    let proposed = sandbox.lattice(&["adopt", "--json"]).json();
    let run = sandbox.lattice(&["init", "--adopt", "--no-hooks"]).exits(0);
    run.says_out("wrote lattice.toml").says_out("8 branches become points");
    let written = fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap();
    assert_eq!(written, proposed["lattice_toml"].as_str().unwrap());
    sandbox.commit_lattice();
    let status = sandbox.lattice(&["status", "--json"]).exits(0).json();
    assert_eq!(fields(&status["points"], "branch"), fields(&proposed["points"], "branch"));
    sandbox.lattice(&["restack", "--no-push"]).exits(0);
    let run = sandbox.lattice(&["check"]).exits(0);
    assert!(!run.stdout.contains("drifted") && run.stdout.contains("no-origin"), "only hints: {}", run.stdout);
    sandbox.lattice(&["regenerate"]).exits(0).says_out("each generated flake.nix");
    let run = sandbox.lattice(&["regenerate", "gcc-14/aarch64/phase0/step1", "--template", "step"]).exits(1);
    run.says_out("its `flake.nix` is hand-written");
    sandbox
        .lattice(&["next-step", "gcc-14/aarch64/phase0/step2", "--no-push", "--no-switch"])
        .exits(0)
        .says_out("gcc-14/aarch64/phase0/step3");
    sandbox.refused(&["init", "--adopt", "--no-hooks"]).exits(2).says_err("already exists");
}

#[test]
fn each_misfit_is_listed_with_its_reason() {
    let sandbox = made_by_hand("flakes");
    let misfits = [
        "feature/gcc-14/AArch64/phase0/step1",
        "feature/gcc-14/aarch64/phase1",
        "feature/gcc-14/aarch64/phase0/step01",
        "feature/gcc-14/aarch64/phase0/step3_@",
        "feature/gcc-14/x86_64+aarch64/phase0/step1",
        "feature/gcc-14/x86_64/phase0/step1-wip",
    ];
    branches(&sandbox, &misfits);
    branches(&sandbox, &["dev", "fix/login"]);
    let run = sandbox.refused(&["adopt", "--json"]).exits(1);
    let expected = [
        "feature/gcc-14/AArch64/phase0/step1: `AArch64` differs from `aarch64` only in letter case: some file systems treat them as the same",
        "feature/gcc-14/aarch64/phase0/step01: unknown value `step01` for axis `step`",
        "feature/gcc-14/aarch64/phase0/step3_@: invalid value `step3_@`: the character '@' is not one of A-Z a-z 0-9 . _ -",
        "feature/gcc-14/aarch64/phase1: it has 4 parts between `/`, and `feature/*/*/*/*` has 5",
        "feature/gcc-14/x86_64+aarch64/phase0/step1: `feature/gcc-14/x86_64+aarch64/phase0/step1` must be spelled `feature/gcc-14/aarch64+x86_64/phase0/step1`",
        "feature/gcc-14/x86_64/phase0/step1-wip: unknown value `step1-wip` for axis `step`",
    ];
    assert_eq!(left_out(&run), expected);
    assert_eq!(texts(&run.json()["others"]), ["dev", "fix/login"]);
    let run = sandbox.refused(&["adopt"]).exits(1).says_out("2 other branches do not begin with `feature/`");
    expected
        .iter()
        .for_each(|line| assert!(run.stdout.contains(line.split_once(": ").unwrap().1), "{line}\n{}", run.stdout));
    assert!(
        run.stderr.contains("`git branch -m feature/gcc-14/aarch64/phase1 feature/gcc-14/aarch64/phase1/step1`"),
        "{}",
        run.stderr
    );
}

#[test]
fn ragged_names_are_told_what_git_and_a_lattice_hold() {
    let sandbox = Sandbox::without_lattice();
    let names = [
        "v5.4/standard/base",
        "v5.4/standard/tiny",
        "v5.15/standard/base",
        "v5.15/base",
        "v5.15/standard/preempt-rt/base",
    ];
    branches(&sandbox, &names);
    let run = sandbox.refused(&["adopt", "--json"]).exits(1);
    assert_eq!(run.json()["from"], "*/*/*");
    let proposed: Vec<_> = run.json()["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["proposed"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(proposed, ["v5.15/AXIS2/base", "v5.15/standard-preempt-rt/base"]);
    let run = sandbox.refused(&["adopt"]).exits(1).says_err("git refuses a branch `a/b` beside `a/b/c`");
    run.says_err("`git branch -m v5.15/base v5.15/AXIS2/base`");
    sandbox.git(&["branch", "-m", "v5.15/standard/preempt-rt/base", "v5.15/standard-preempt-rt/base"]);
    sandbox.git(&["branch", "-D", "-q", "v5.15/base"]);
    sandbox.lattice(&["adopt"]).exits(0).says_out("4 branches become points");
}

#[test]
fn branches_of_the_remote_count() {
    let sandbox = made_by_hand("flakes");
    sandbox.git(&["push", "-q", "--all", "origin"]);
    let colleague = sandbox.colleague();
    let run = sandbox.lattice_in(colleague, &["adopt"], |command| command).exits(0);
    run.says_out("8 branches become points: 8 hand-written");
    let run = sandbox.lattice_in(colleague, &["adopt", "--remote", ""], |command| command).exits(2);
    run.says_err("no branch looks like a point");
    sandbox.git_in(colleague, &["branch", "feature/gcc-14", "origin/main"]);
    let run = sandbox.lattice_in(colleague, &["adopt", "--json"], |command| command).exits(1);
    let said = "feature/gcc-14/aarch64/phase0/step1: git needs a folder `feature/gcc-14` for it, and there is a branch of that name";
    assert!(left_out(&run).iter().any(|line| line == said), "{:?}", left_out(&run));
}

#[test]
fn names_kinds_and_directories_can_be_given() {
    let sandbox = Sandbox::without_lattice();
    for (branch, dir) in [("r/5.9@board/boot", "nix/5.9/board/boot"), ("r/5.15@board/final", "nix/5.15/board/final")] {
        branch_with(&sandbox, branch, &format!("{dir}/flake.nix"), FLAKE);
    }
    let from = ["adopt", "--from", "r/*@*/*", "--axes", "release,arch,phase"];
    sandbox.refused(&from).exits(2).says_err("the Nix system of `board` is unknown").says_err("--system board=");
    let args = [&from[..], &["--system", "board=armv7l-linux", "--chain", "release", "--json"]].concat();
    let run = sandbox.refused(&args).exits(0);
    assert_eq!(axes_of(&run), ["release chain 5.9,5.15", "arch set board", "phase chain boot,final"]);
    let toml = run.json()["lattice_toml"].as_str().unwrap().to_owned();
    assert!(
        toml.contains("branch = \"r/{release}@{arch}/{phase}\"")
            && toml.contains("flake = \"nix/{release}/{arch}/{phase}\""),
        "{toml}"
    );
    assert_eq!(fields(&run.json()["points"], "standing"), ["hand-written", "hand-written"]);
    let named = ["adopt", "--from", "r/{release}@{machine}/{phase}", "--flake", "f/{release}/{phase}", "--json"];
    let json = sandbox.refused(&named).exits(0).json();
    assert_eq!(fields(&json["axes"], "axis"), ["release", "machine", "phase"]);
    assert_eq!(fields(&json["points"], "standing"), ["no-flake", "no-flake"]);
    assert!(json["lattice_toml"].as_str().unwrap().contains("\"*\" = "), "all points have one system: {json}");
}

#[test]
fn architectures_under_another_name_have_systems() {
    let sandbox = Sandbox::without_lattice();
    branches(&sandbox, &["b/arm64/step1", "b/amd64/step1", "b/amd64+arm64/step2"]);
    let run = sandbox.refused(&["adopt", "--axes", "cpu,step", "--json"]).exits(0);
    assert_eq!(axes_of(&run), ["cpu set amd64,arm64", "step numbered step{n}"]);
    let toml = run.json()["lattice_toml"].as_str().unwrap().to_owned();
    assert!(toml.contains("system-axis = \"cpu\"") && toml.contains("arm64 = \"aarch64-linux\""), "{toml}");
    assert_eq!(fields(&run.json()["points"], "point").len(), 3);
}

#[test]
fn generated_flakes_are_told_from_hand_written_ones() {
    let sandbox = Sandbox::new();
    let point = "toolchain/x86_64/phase0/step1";
    sandbox.points(&[point]);
    branch_with(
        &sandbox,
        "feature/toolchain/x86_64/phase0/step2",
        "flakes/toolchain/x86_64/phase0/step2/flake.nix",
        FLAKE,
    );
    let run = sandbox.refused(&["adopt"]).exits(0).says_out("2 branches become points: 1 hand-written, 1 generated");
    run.says_err("there is a `lattice.toml` already");
}

#[test]
fn bad_input_is_refused_with_nothing_written() {
    let sandbox = made_by_hand("flakes");
    let refused = |args: &[&str], why: &str| {
        sandbox.refused(&[&["adopt"], args].concat()).exits(2).says_err(why);
        sandbox.refused(&[&["init", "--adopt", "--no-hooks"], args].concat()).exits(2).says_err(why);
    };
    refused(&["--from", "feature"], "write a `*` for each");
    refused(&["--from", "feature/**"], "separate two axes");
    refused(&["--from", "other/*/*"], "no branch is of the form `other/*/*`");
    refused(&["--axes", "a,b"], "`--axes` names 2 axes, and `feature/*/*/*/*` has 4");
    refused(&["--axes", "a,b,c,D"], "axis `D`");
    refused(&["--axes", "a,b,c,c"], "names `c` twice");
    refused(&["--from", "feature/{a}/*/*/*", "--axes", "a,b,c,d"], "both name axes");
    refused(&["--chain", "release"], "there is no such axis");
    refused(&["--flake", "flakes/{component}"], "does not name axis `arch`");
    sandbox.refused(&["init", "--adopt", "--phase", "a"]).exits(2).says_err("cannot be used with");
    sandbox.refused(&["init", "--from", "a/*"]).exits(2).says_err("--adopt");
}

#[test]
fn flakes_in_another_folder_are_found() {
    let sandbox = made_by_hand("stages");
    let json = sandbox.lattice(&["adopt", "--json"]).exits(0).json();
    assert!(
        json["lattice_toml"].as_str().unwrap().contains("flake = \"stages/{component}/{arch}/{phase}/{step}\""),
        "{json}"
    );
}
