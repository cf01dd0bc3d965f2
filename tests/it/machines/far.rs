//! A store and builders on another machine, and which machine can build for which system.

use std::fs;

use super::shared::{
    every_pair, latest_record, other_system, out, step, step_with, this_system, with_script, with_step,
};
use super::sshd::Sshd;
use crate::nix_setup::every_nix;
use crate::story::{at, far, fields};

/// The NAR hash of a file with the text `hello`.
const HELLO: &str = "sha256-HDfQGvQL4ugGkd48w99EN3ppmvuxfGjwgJZLL9Bx/BM=";

#[test]
fn remote_store_builds_and_keeps_the_result() {
    let sshd = Sshd::start();
    for (index, (nix, there)) in every_pair().into_iter().enumerate() {
        let machine = sshd.machine(&format!("store{index}"), &there, None);
        let sandbox = with_script(&nix, "echo hello >$out");
        sandbox
            .lattice_over_ssh(&sshd, &["build", &at("phase0/step1"), "--store", &machine.url()])
            .exits(0)
            .says_out("built");
        let record = latest_record(&sandbox);
        assert_eq!(
            record["outputs"]["out"]["narHash"], HELLO,
            "the hash should be asked of the remote store: {record}"
        );
        assert_eq!(record["store"], "ssh-ng://127.0.0.1", "the record should name the store: {record}");
        assert_eq!(fs::read(machine.file(out(&record))).unwrap(), b"hello\n");
        assert!(!sandbox.file(out(&record)).exists(), "nothing should be copied here");
        let links = fs::read_dir(sandbox.work().join(".git/lattice/result")).map_or(0, Iterator::count);
        assert_eq!(links, 0, "there should be no dangling out-link");
        sandbox.lattice(&["build", &at("phase0/step1")]).exits(0).says_out("started 20");
    }
}

#[test]
fn several_points_on_a_remote_store_get_own_verdicts() {
    let sshd = Sshd::start();
    for nix in every_nix() {
        let machine = sshd.machine(&format!("several-{}", nix.display()).replace('/', "-"), &nix, None);
        let sandbox = with_step(&nix, &at("phase1/step1"), &step("echo broken; exit 4"));
        sandbox.lattice(&["new", &far("phase0/step1"), "--template", "step", "--no-push", "--no-switch"]).exits(0);
        sandbox.commit_to(&far("phase0/step1"), &[("step.nix", &step("echo hello >$out"))]);
        // Made after the failing point, so that neither takes the other.
        sandbox.points(&[&at("phase0/step1"), &at("phase0/step2")]);
        let all = sandbox.lattice_over_ssh(&sshd, &["build", "*/*/*/*", "--store", &machine.url(), "--json"]);
        let all = all.exits(1).json();
        let verdict = |point: &str| {
            let results = all["results"].as_array().unwrap();
            results.iter().find(|result| result["point"] == point).unwrap()["verdict"].as_str().unwrap()
        };
        assert_eq!(verdict(&at("phase1/step1")), "failed", "{all}");
        // Nix does not ask that machine to keep going after a failure, and it does anyway.
        assert_eq!(verdict(&at("phase0/step1")), "built", "{all}");
        assert_eq!(verdict(&at("phase0/step2")), "built", "{all}");
        // Only the machine with the store knows its systems: it is asked, and refuses.
        assert_eq!(verdict(&far("phase0/step1")), "no-builder", "{all}");
    }
}

#[test]
fn remote_builder_builds_a_foreign_architecture() {
    let sshd = Sshd::start();
    for (index, (nix, there)) in every_pair().into_iter().enumerate() {
        let machine = sshd.machine(&format!("far{index}"), &there, Some(&other_system()));
        let one = far("phase0/step1");
        let sandbox = with_step(&nix, &one, &step("echo said there; echo hello >$out"));
        sandbox.lattice(&["build", &one]).exits(1).says_out("no-builder").says_out(&other_system());
        sandbox.lattice_over_ssh(&sshd, &["build", &one, "--builders", &machine.line(&other_system())]).exits(0);
        let record = latest_record(&sandbox);
        assert_eq!((&record["verdict"], &record["system"]), (&"built".into(), &other_system().into()));
        assert_eq!(record["machine"], "ssh-ng://127.0.0.1", "the record should name the builder: {record}");
        assert_eq!(fs::read(sandbox.file(out(&record))).unwrap(), b"hello\n", "the result should be copied back");
        assert!(machine.was_called() && sandbox.logs().contains("said there"), "{}", sandbox.logs());
        assert_eq!(sandbox.state_of(&one), "built");
    }
}

#[test]
fn max_jobs_zero_sends_everything_to_the_builder() {
    let sshd = Sshd::start();
    for (index, (nix, there)) in every_pair().into_iter().enumerate() {
        let machine = sshd.machine(&format!("busy{index}"), &there, None);
        let sandbox = with_script(&nix, "echo hello >$out");
        sandbox.configure_nix("max-jobs = 0");
        sandbox.lattice(&["build", &at("phase0/step1")]).exits(1).says_out("no-builder");
        let line = machine.line(&this_system());
        sandbox.lattice_over_ssh(&sshd, &["build", &at("phase0/step1"), "--builders", &line]).exits(0);
        assert_eq!(latest_record(&sandbox)["machine"], "ssh-ng://127.0.0.1", "{}", latest_record(&sandbox));
    }
}

/// A step that takes a foreign dependency, and a dependency that this machine could start with.
fn step_with_foreign_dependency() -> String {
    let far = format!(
        "far = derivation {{ name = \"far\"; system = \"{}\"; builder = \"/bin/sh\"; args = [ \"-c\" \"echo far >$out\" ]; }};",
        other_system()
    );
    let near = "near = derivation { name = \"near\"; inherit system; builder = \"/bin/sh\"; args = [ \"-c\" \"echo near >$out\" ]; };";
    step_with(&format!("{far}\n  {near}"), "read -r it <$far; echo $it >$out")
}

#[test]
fn foreign_dependency_is_detected_before_starting() {
    let sshd = Sshd::start();
    for nix in every_nix() {
        let machine = sshd.machine(&format!("mixed-{}", nix.display()).replace('/', "-"), &nix, Some(&other_system()));
        let one = at("phase0/step1");
        let sandbox = with_step(&nix, &one, &step_with_foreign_dependency());
        let run = sandbox.lattice(&["build", &one]).exits(1).says_out("no-builder");
        run.says_out(&format!("builds for `{}`", other_system()))
            .says_err(&format!("builders = ssh-ng://USER@HOST {}", other_system()))
            .says_err("extra-platforms");
        let record = latest_record(&sandbox);
        assert_eq!((&record["verdict"], &record["system"]), (&"no-builder".into(), &this_system().into()));
        assert!(!sandbox.logs().contains("building"), "nothing should be started: {}", sandbox.logs());

        sandbox.lattice_over_ssh(&sshd, &["build", &one, "--builders", &machine.line(&other_system())]).exits(0);
        assert_eq!(fs::read(sandbox.file(out(&latest_record(&sandbox)))).unwrap(), b"far\n");
        // The foreign dependency is in the store now.
        sandbox.commit_to(&one, &[("step.nix", &step_with_foreign_dependency().replace("echo $it", "echo again $it"))]);
        sandbox.lattice(&["build", &one]).exits(0);
        assert_eq!(fs::read(sandbox.file(out(&latest_record(&sandbox)))).unwrap(), b"again far\n");
    }
}

#[test]
fn unbuildable_point_does_not_stop_the_others() {
    for nix in every_nix() {
        let sandbox = with_step(&nix, &at("phase0/step1"), &step_with_foreign_dependency());
        sandbox.lattice(&["new", &at("phase1/step1"), "--template", "config", "--no-push", "--no-switch"]).exits(0);
        sandbox.lattice(&["build", &format!("*/{}/*/*", crate::story::here())]).exits(1);
        let records = sandbox.records().into();
        let mut found: Vec<_> = fields(&records, "point").into_iter().zip(fields(&records, "verdict")).collect();
        found.sort_unstable();
        let (first, second) = (at("phase0/step1"), at("phase1/step1"));
        assert_eq!(found[0], (first.as_str(), "no-builder"));
        assert_eq!(found[1].0, second.as_str());
    }
}

#[test]
fn unknown_ssh_key_is_refused() {
    let sshd = Sshd::start();
    for nix in every_nix() {
        let machine = sshd.machine(&format!("closed-{}", nix.display()).replace('/', "-"), &nix, None);
        let sandbox = with_script(&nix, "echo hello >$out");
        let args = ["build", &at("phase0/step1"), "--store", &machine.url()];
        let stranger = sshd.options_with("stranger");
        let run = sandbox.lattice_in("work", &args, |command| command.env("NIX_SSHOPTS", stranger));
        run.exits(2).says_err("Permission denied");
        assert!(!machine.was_called(), "ssh should refuse the connection");
        assert!(sandbox.records().is_empty(), "an unreachable machine is no verdict about the point");
    }
}
