//! `git lattice build --check`: building again and comparing.

use super::shared::{RANDOM, every_pair, latest_record, other_system, out, step, step_with, with_script, with_step};
use super::sshd::Sshd;
use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::{at, far, fields};

fn verdicts(sandbox: &Sandbox) -> Vec<String> {
    fields(&sandbox.records().into(), "verdict").into_iter().map(str::to_owned).collect()
}

#[test]
fn identical_rebuild_is_reproduced() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, "echo hello >$out");
        let one = at("phase0/step1");
        sandbox.lattice(&["build", &one]).exits(0);
        sandbox.lattice(&["build", "--check", &one]).exits(0).says_out(&format!("reproduced  {one}"));
        assert_eq!(verdicts(&sandbox), ["built", "reproduced"]);
        let records = sandbox.records();
        for field in ["drv", "outputs", "key", "system"] {
            assert_eq!(records[0][field], records[1][field], "`{field}` should be that of the first build");
        }
        assert_eq!(sandbox.state_of(&one), "built");
    }
}

#[test]
fn different_rebuild_is_differs() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, RANDOM);
        let one = at("phase0/step1");
        sandbox.lattice(&["build", &one]).exits(0);
        sandbox.lattice(&["build", "--check", &one]).exits(1).says_out("differs").says_out("may not be deterministic");
        assert_eq!(verdicts(&sandbox), ["built", "differs"]);
        let records = sandbox.records();
        assert_eq!(records[0]["outputs"], records[1]["outputs"], "the first output is the one that others have");
        assert_eq!(records[0]["drv"], records[1]["drv"]);
        assert!(records[1]["error"].as_str().unwrap().contains("may not be deterministic"), "{}", records[1]);
        let other = sandbox.file(&format!("{}.check", out(&records[1])));
        assert!(other.exists(), "the second output should be kept for comparison: {}", other.display());
    }
}

#[test]
fn unbuilt_point_is_built_before_comparing() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, "echo hello >$out");
        sandbox.lattice(&["build", "--check", &at("phase0/step1")]).exits(0);
        assert_eq!(verdicts(&sandbox), ["built", "reproduced"]);
        let random = with_script(&nix, RANDOM);
        random.lattice(&["build", "--check", &at("phase0/step1")]).exits(1);
        assert_eq!(verdicts(&random), ["built", "differs"]);
        let broken = with_script(&nix, "exit 3");
        broken.lattice(&["build", "--check", &at("phase0/step1")]).exits(1).says_out("failed");
        assert_eq!(verdicts(&broken), ["failed"], "a failed build cannot be compared");
    }
}

#[test]
fn missing_result_is_rebuilt_before_comparing() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, "echo hello >$out");
        let one = at("phase0/step1");
        sandbox.lattice(&["build", &one]).exits(0);
        std::fs::remove_dir_all(sandbox.work().join(".git/lattice/result")).unwrap();
        let mut gc = std::process::Command::new(sandbox.path("nix/bin/nix"));
        gc.args(["--extra-experimental-features", "nix-command", "store", "gc"]).env("PATH", sandbox.search_path());
        assert!(gc.output().unwrap().status.success());
        assert!(!sandbox.file(out(&latest_record(&sandbox))).exists(), "it should be gone");
        sandbox.lattice(&["build", "--check", &one]).exits(0).says_out("reproduced");
        assert_eq!(verdicts(&sandbox).last().unwrap(), "reproduced");
    }
}

#[test]
fn cached_result_is_completed_and_compared() {
    for nix in every_nix() {
        let text = step_with("outputs = [ \"out\" \"dev\" ];", "echo hello >$out; echo more >$dev");
        let cache = tempfile::tempdir().unwrap();
        let url = format!("file://{}", cache.path().join("cache").display());
        let one = at("phase0/step1");
        let first = with_step(&nix, &one, &text);
        first.lattice(&["build", &one, "--push-cache", &url]).exits(0);
        let second = with_step(&nix, &one, &text);
        second.configure_nix("require-sigs = false");
        second.lattice(&["build", &one, "--substituters", &url]).exits(0);
        assert!(!second.logs().contains("building"), "it should come from the cache: {}", second.logs());
        second.lattice(&["build", "--check", &one]).exits(0);
        assert_eq!(verdicts(&second), ["built", "reproduced"]);
    }
}

#[test]
fn several_points_are_compared_with_separate_verdicts() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, RANDOM);
        sandbox.lattice(&["new", &at("phase1/step1"), "--template", "step", "--no-push", "--no-switch"]).exits(0);
        sandbox.commit_to(&at("phase1/step1"), &[("step.nix", &step("echo hello >$out"))]);
        sandbox.points(&[&far("phase0/step1")]);
        let all = sandbox.lattice(&["build", "--check", "*/*/*/*", "--json"]).exits(1).json();
        let mut found: Vec<_> = all["results"].as_array().unwrap().iter().collect();
        found.sort_by_key(|result| result["point"].to_string());
        let verdict = |point: &str| {
            let of = |result: &&&serde_json::Value| result["point"] == point;
            found.iter().rfind(of).unwrap()["verdict"].as_str().unwrap().to_owned()
        };
        assert_eq!(verdict(&at("phase0/step1")), "differs", "{all}");
        assert_eq!(verdict(&at("phase1/step1")), "reproduced", "{all}");
        assert_eq!(verdict(&far("phase0/step1")), "no-builder", "{all}");
    }
}

#[test]
fn remote_store_compares_its_own_results() {
    let sshd = Sshd::start();
    for (index, (nix, there)) in every_pair().into_iter().enumerate() {
        let machine = sshd.machine(&format!("check{index}"), &there, None);
        let one = at("phase0/step1");
        let same = with_script(&nix, "echo hello >$out");
        same.lattice_over_ssh(&sshd, &["build", "--check", &one, "--store", &machine.url()]).exits(0);
        assert_eq!(verdicts(&same), ["built", "reproduced"]);
        let other = with_script(&nix, RANDOM);
        other.lattice_over_ssh(&sshd, &["build", "--check", &one, "--store", &machine.url()]).exits(1);
        assert_eq!(verdicts(&other), ["built", "differs"]);
    }
}

/// Nix 2.8 asks the builder, which has the output, builds nothing and reports success: that must not become a record.
#[test]
fn result_of_a_remote_builder_is_not_called_reproduced() {
    let sshd = Sshd::start();
    for (index, (nix, there)) in every_pair().into_iter().enumerate() {
        let machine = sshd.machine(&format!("believe{index}"), &there, Some(&other_system()));
        let one = far("phase0/step1");
        let sandbox = with_step(&nix, &one, &step(RANDOM));
        let line = machine.line(&other_system());
        sandbox.lattice_over_ssh(&sshd, &["build", &one, "--builders", &line]).exits(0);
        let run = sandbox.lattice_over_ssh(&sshd, &["build", "--check", &one, "--builders", &line]).exits(1);
        run.says_err("not compared").says_err("--store");
        assert_eq!(verdicts(&sandbox), ["built"], "it was not built again");
        sandbox.lattice(&["build", "--check", &one]).exits(1).says_err("not compared");
        assert_eq!(verdicts(&sandbox), ["built"], "there should be no new record");
        // Used as a store, the builder does compare.
        sandbox
            .lattice_over_ssh(&sshd, &["build", "--check", &one, "--store", &machine.url()])
            .exits(1)
            .says_out("differs");
    }
}
