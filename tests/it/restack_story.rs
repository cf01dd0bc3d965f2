//! A lattice that changes, from end to end: a fix in the first step, carried up, built where it changed something, and promoted; two
//! clones that restack at the same moment; a chain whose phases have different steps.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::{at, branch, chains, dir, fields, here, toml};

fn with_nix(nix: &Path) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.use_nix(nix);
    sandbox
}

fn make(sandbox: &Sandbox, point: &str, config: &str) {
    let args = ["new", point, "--config", "-", "--template", "step", "--no-switch"];
    sandbox.lattice_in("work", &args, |command| command.write_stdin(config)).exits(0);
}

/// The content of a point's output in the results of a build.
fn output(sandbox: &Sandbox, build: &Value, point: &str) -> String {
    let results = build["results"].as_array().unwrap();
    let result = results.iter().find(|result| result["point"] == point).unwrap();
    String::from_utf8(sandbox.built(result["outputs"]["out"]["path"].as_str().unwrap())).unwrap()
}

#[test]
fn fix_is_carried_up_built_where_needed_and_promoted() {
    let [one, two, next] = ["phase0/step1", "phase0/step2", "phase1/step1"].map(at);
    for nix in every_nix() {
        let sandbox = with_nix(&nix);
        sandbox.lattice(&["axis", "add", "component", "musl"]).exits(0);
        sandbox.commit_lattice();
        let other = format!("musl/{}/phase0/step1", here());
        [(&one, "number = 1\n"), (&two, "number = 2\n"), (&other, "number = 3\n")]
            .iter()
            .for_each(|(point, config)| make(&sandbox, point, config));
        sandbox.lattice(&["build", "--all"]).exits(0);
        sandbox.commit_to(&one, &[("config.toml", "number = 7\n")]);
        let states = || [&one, &two, &other].map(|point| sandbox.state_of(point));
        assert_eq!(states(), ["new", "behind", "built"]);
        let refused = sandbox.lattice(&["promote", &two]).exits(1);
        refused.says_out(&format!("git lattice restack {two}"));

        sandbox.lattice(&["restack"]).exits(0).says_out(&two);
        assert_eq!(states(), ["new", "new", "built"]);
        let build = sandbox.lattice(&["build", "--all", "--json"]).exits(0).json();
        let fresh: Vec<_> = build["results"].as_array().unwrap().iter().filter(|it| it["point"] != other).collect();
        assert_eq!(fresh.len(), 2, "{build}");
        let records = sandbox.records();
        let of = |point: &str| records.iter().filter(|record| record["point"] == point).count();
        assert_eq!([&one, &two, &other].map(|point| of(point)), [2, 2, 1], "exactly what changed is built again");
        assert!(output(&sandbox, &build, &two).contains("number = 7"), "the fix is in what step 2 builds on");
        assert_eq!(states(), ["built"; 3]);

        sandbox.lattice(&["promote", &two, "--no-switch"]).exits(0).says_out(&next);
        let build = sandbox.lattice(&["build", &next, "--json"]).exits(0).json();
        assert!(output(&sandbox, &build, &next).contains("number = 7"));
        sandbox.git(&["switch", "-q", &branch(&next)]);
        sandbox.lattice(&["promote", &next, "--to", "base"]).exits(0);
        let copy = sandbox.git(&["show", &format!("main:{}/config.toml", dir(&one))]);
        assert_eq!(copy, "number = 7");
        sandbox.lattice(&["check"]).exits(0);
    }
}

/// The branches of points, here or on the remote.
fn tips(sandbox: &Sandbox, dir: &str) -> String {
    sandbox.git_in(dir, &["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/feature"])
}

#[test]
fn clones_that_restack_at_the_same_moment_end_alike() {
    let sandbox = Sandbox::new();
    let points = ["phase0/step1", "phase0/step2", "phase0/step3", "phase1/step1"].map(at);
    let names: Vec<&str> = points.iter().map(String::as_str).collect();
    sandbox.lattice(&[&["new", "--no-switch"], &names[..]].concat()).exits(0);
    sandbox.commit_to(&points[0], &[("config.toml", "fixed = true\n")]);
    sandbox.git(&["push", "-q", "origin", &branch(&points[0])]);
    let colleague = sandbox.colleague();
    sandbox.git_in(colleague, &["config", "user.name", "C Olleague"]);
    sandbox.git_in(colleague, &["config", "user.email", "colleague@example.com"]);
    sandbox.lattice_in(colleague, &["sync"], |command| command).exits(0);

    let clones = ["work", colleague];
    let start = |dir: &&str| {
        let mut command = sandbox.command(dir, &["restack"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let running: Vec<_> = clones.iter().map(start).collect();
    let codes: Vec<_> = running.into_iter().map(|mut child| child.wait().unwrap().code().unwrap()).collect();
    assert!(codes.contains(&0) && codes.iter().all(|code| matches!(code, 0 | 1)), "{codes:?}");
    for dir in clones.into_iter().chain(clones) {
        // The first `sync` may say that points have diverged; the restack after it merges both sides.
        let run = sandbox.lattice_in(dir, &["sync"], |command| command);
        assert!(matches!(run.code, 0 | 1), "{}{}", run.stdout, run.stderr);
        sandbox.lattice_in(dir, &["restack"], |command| command).exits(0);
    }
    for dir in clones {
        sandbox.lattice_in(dir, &["sync"], |command| command).exits(0);
        let (own, there) = (tips(&sandbox, dir), tips(&sandbox, "remote.git"));
        assert!(own.lines().all(|line| there.contains(line)), "{dir} has\n{own}\nand the remote\n{there}");
        sandbox.lattice_in(dir, &["restack"], |command| command).exits(0).says_out("nothing is behind");
        sandbox.lattice_in(dir, &["check"], |command| command).exits(0);
    }
}

#[test]
fn ragged_chain_is_restacked_across_its_phases() {
    let steps = r#"{ boot = ["c", "cc"], early = ["only"], final = ["a", "b", "z"] }"#;
    let sandbox = Sandbox::with_toml(&toml(&chains(r#"["boot", "early", "final"]"#, steps), ""));
    let points = ["boot/c", "boot/cc", "early/only", "final/a", "final/b", "final/z"].map(at);
    let names: Vec<&str> = points.iter().map(String::as_str).collect();
    sandbox.lattice(&[&["new", "--no-switch", "--no-push"], &names[..]].concat()).exits(0);
    sandbox.commit_to(&points[1], &[("config.toml", "fixed = true\n")]);
    sandbox.commit_to(&points[4], &[("config.toml", "by_hand = true\n")]);
    let run = sandbox.lattice(&["restack", "--no-push", "--json"]).exits(0);
    assert_eq!(fields(&run.json()["points"], "point"), names[2..], "in the order of the lattice");
    for point in &points[2..] {
        let copy = sandbox.git(&["show", &format!("{}:{}/config.toml", branch(point), dir(&points[1]))]);
        assert_eq!(copy, "fixed = true", "{point}");
    }
    let by_hand = [&points[4], &points[5]].map(|on| format!("{}:{}/config.toml", branch(on), dir(&points[4])));
    by_hand.iter().for_each(|path| assert_eq!(sandbox.git(&["show", path]), "by_hand = true"));
    sandbox.lattice(&["check"]).exits(0);
}
