//! The time in a record is that of the point's own derivation, on real Nix, old and new.

use std::fs;
use std::path::Path;

use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::{at, fields};

/// A sandbox in which Nix runs so many builders at once.
fn on(nix: &Path, jobs: usize) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.use_nix(nix);
    let path = sandbox.path("nix/conf/nix.conf");
    let conf = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{conf}max-jobs = {jobs}\n")).unwrap();
    sandbox
}

/// Makes steps whose builders run these sh scripts; with `previous`, each takes the output of the one below.
fn steps(sandbox: &Sandbox, scripts: &[&str], previous: &str) -> Vec<String> {
    let points: Vec<_> = (1..=scripts.len()).map(|n| at(&format!("phase0/step{n}"))).collect();
    for (point, script) in points.iter().zip(scripts) {
        sandbox.lattice(&["new", point, "--template", "step", "--no-push", "--no-switch"]).exits(0);
        let derivation = format!(
            "{{ system, previous, ... }}:\nderivation {{\n  name = \"timed\";\n  inherit system;\n  below = \"{previous}\";\n  \
             builder = \"/bin/sh\";\n  args = [\n    \"-c\"\n    \"{script}\"\n  ];\n}}\n"
        );
        sandbox.commit_to(point, &[("step.nix", &derivation)]);
    }
    points
}

/// The seconds in the newest record of a point.
fn seconds(sandbox: &Sandbox, point: &str) -> f64 {
    let shown = sandbox.lattice(&["show", point, "--json"]).exits(0).json();
    shown["records"].as_array().unwrap().last().unwrap()["seconds"].as_f64().unwrap()
}

#[test]
fn each_step_of_a_chain_has_its_own_time() {
    for nix in every_nix() {
        let sandbox = on(&nix, 1);
        let scripts = ["echo 1 >$out", "sleep 4; echo 2 >$out", "sleep 1; echo 3 >$out"];
        let points = steps(&sandbox, &scripts, "${toString previous}");
        sandbox.lattice(&["build", "--all"]).exits(0);
        let [one, two, three] = [0, 1, 2].map(|i| seconds(&sandbox, &points[i]));
        assert!(one > 0.0 && one < 3.0, "{one} {two} {three}");
        assert!(two > 3.0 && two > one + three, "{one} {two} {three}");
        assert!(three > 0.5 && three < 3.0, "{one} {two} {three}");
    }
}

#[test]
fn the_time_of_the_points_below_is_not_counted() {
    for nix in every_nix() {
        let sandbox = on(&nix, 1);
        let points = steps(&sandbox, &["sleep 4; echo 1 >$out", "echo 2 >$out"], "${toString previous}");
        sandbox.lattice(&["build", &points[1]]).exits(0);
        let top = seconds(&sandbox, &points[1]);
        assert!(top > 0.0 && top < 3.0, "only step2 is asked for, and it takes no time: {top}");
    }
}

#[test]
fn builds_at_the_same_time_have_their_own_times() {
    for nix in every_nix() {
        let sandbox = on(&nix, 3);
        // Nothing is printed, so that only Nix' own events tell of the end. The last one fails.
        let scripts = ["sleep 5; echo 1 >$out", "echo 2 >$out", "sleep 2; exit 1"];
        let points = steps(&sandbox, &scripts, "");
        sandbox.lattice(&["build", "--all"]).exits(1);
        let [long, short, failed] = [0, 1, 2].map(|i| seconds(&sandbox, &points[i]));
        assert!(long > 4.0, "{long} {short} {failed}");
        assert!(short > 0.0 && short < failed && failed < long, "{long} {short} {failed}");
    }
}

#[test]
fn a_second_build_has_its_own_time() {
    for nix in every_nix() {
        let sandbox = on(&nix, 1);
        let points = steps(&sandbox, &["sleep 4; echo 1 >$out", "echo 2 >$out"], "${toString previous}");
        sandbox.lattice(&["build", "--all", "--check"]).exits(0).says_out("reproduced");
        let [long, short] = [0, 1].map(|i| seconds(&sandbox, &points[i]));
        assert!(long > 3.0 && short > 0.0 && short < 3.0, "{long} {short}");
    }
}

#[test]
fn what_is_in_the_store_has_no_time() {
    for nix in every_nix() {
        let sandbox = on(&nix, 1);
        let points = steps(&sandbox, &["echo 1 >$out", "sleep 1; echo 2 >$out"], "${toString previous}");
        sandbox.lattice(&["build", &points[0]]).exits(0);
        let built = sandbox.lattice(&["build", "--all", "--again"]).exits(0);
        built.says_out("no build needed");
        assert!(seconds(&sandbox, &points[0]) < 0.001, "it was there");
        assert!(seconds(&sandbox, &points[1]) > 0.5, "it was built");
        let shown = sandbox.lattice(&["show", &points[0], "--json"]).exits(0).json();
        assert_eq!(fields(&shown["records"], "verdict"), ["built", "built"]);
    }
}
