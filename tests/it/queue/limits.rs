//! Builds that exceed their limits.

use super::gate::BlockedBuilds;
use crate::sandbox::Sandbox;
use crate::story::at;

/// Builds a point in the background with one limit, which gives no verdict; returns the error.
#[track_caller]
fn error(builds: &BlockedBuilds, point: &str, limit: &str, value: &str) -> String {
    builds.sandbox.git(&["config", limit, value]);
    let run = builds.sandbox.lattice(&["build", "--background", "--wait", point]).exits(2);
    builds.sandbox.git(&["config", "--unset", limit]);
    assert_eq!(builds.verdicts(point), Vec::<String>::new(), "there should be no verdict: another limit may allow it");
    let run = run.says_err(&format!("hint: `git config {limit} "));
    run.stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_default().to_owned()
}

#[test]
fn exceeded_limit_is_named_and_is_no_verdict() {
    for builds in BlockedBuilds::on_every_nix() {
        let silent = builds.point("phase0/step1", "while :; do :; done");
        let says = |said: String, what: &str| assert!(said.ends_with(&format!(": {what}")), "{said}");
        says(
            error(&builds, &silent, "lattice.limit.time", "1s"),
            "a builder took longer than 1s (limit `lattice.limit.time`)",
        );
        says(
            error(&builds, &silent, "lattice.limit.silence", "1"),
            "a builder was silent for 1s (limit `lattice.limit.silence`)",
        );
        let chatty = builds.point("phase0/step2", "while :; do echo chatter; done");
        says(
            error(&builds, &chatty, "lattice.limit.log", "1k"),
            "a builder wrote more than 1K of log (limit `lattice.limit.log`)",
        );
        let [hungry, endless] = [("phase0/step3", HUNGRY), ("phase0/step4", ENDLESS)].map(|(place, text)| {
            let point = builds.point(place, "");
            builds.sandbox.commit_to(&point, &[("step.nix", text)]);
            point
        });
        says(
            error(&builds, &hungry, "lattice.limit.memory", "100M"),
            "evaluation needed more than 100M of memory (limit `lattice.limit.memory`)",
        );
        says(
            error(&builds, &endless, "lattice.limit.evaluation", "1s"),
            "evaluation took longer than 1s (limit `lattice.limit.evaluation`)",
        );
        builds.assert_nothing_builds();
    }
}

#[test]
fn checkout_repeats_no_build_that_hit_a_limit() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let point = builds.point("phase0/step1", "while :; do :; done");
    builds.sandbox.lattice(&["hooks", "install"]).exits(0);
    builds.sandbox.git(&["config", "lattice.limit.time", "2s"]);
    builds.sandbox.lattice(&["build", "--background", "--wait", &point]).exits(2);
    let said = builds.switch("work", &point);
    assert!(said.contains("a builder took longer than 2s (limit `lattice.limit.time`) the last time"), "{said}");
    assert!(said.contains("`git lattice build` tries again"), "{said}");
    builds.sandbox.git(&["switch", "-q", "main"]);
    builds.sandbox.git(&["config", "lattice.limit.time", "1h"]);
    let said = builds.switch("work", &point);
    assert!(said.contains("in the background"), "the raised limit should allow it: {said}");
}

#[test]
fn limit_in_nix_conf_is_no_verdict() {
    for builds in BlockedBuilds::on_every_nix() {
        builds.settings("timeout = 1\n");
        let point = builds.point("phase0/step1", "while :; do :; done");
        let run = builds.sandbox.lattice(&["build", &point]).exits(2);
        run.says_err("timed out after 1 seconds").says_err("hint: `timeout`");
        assert_eq!(builds.verdicts(&point), Vec::<String>::new());
    }
}

const HUNGRY: &str =
    "{ ... }:\nthrow (toString (builtins.length (builtins.deepSeq (builtins.genList (x: x + 1) 30000000) [ ])))\n";
const ENDLESS: &str = "{ ... }:\nlet\n  sum = builtins.foldl' (a: b: a + b) 0;\nin\nthrow (toString (sum (builtins.genList \
    (x: sum (builtins.genList (x: x) 100000)) 1000000)))\n";

#[test]
fn typed_build_has_no_limit_by_default() {
    for builds in BlockedBuilds::on_every_nix() {
        let point = builds.point("phase0/step1", "while :; do echo chatter; done");
        builds.sandbox.git(&["config", "lattice.limit.log", "1k"]);
        let run = builds.sandbox.lattice(&["build", "--json", &point]).exits(2);
        assert_eq!(run.json()["undecided"][0]["limit"], "lattice.limit.log");
        run.says_err("wrote more than 1K of log (limit `lattice.limit.log`)")
            .says_err("hint: `git config lattice.limit.log 2K` allows more");
    }
}

#[test]
fn invalid_limit_is_named() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let point = builds.point("phase0/step1", "echo >$out");
    for (key, value) in [("time", "6x"), ("silence", "0"), ("log", "64Q"), ("memory", "-1"), ("evaluation", "soon")] {
        let key = format!("lattice.limit.{key}");
        builds.sandbox.git(&["config", &key, value]);
        for args in [&["build", &point][..], &["build", "--background", &point]] {
            let run = builds.sandbox.lattice(args).exits(2);
            run.says_err(&format!("error: `{key}` in git's configuration is `{value}`: expected a "))
                .says_err("hint: ");
        }
        builds.sandbox.git(&["config", "--unset", &key]);
    }
    builds.sandbox.lattice(&["build", &point]).exits(0);
}

#[test]
fn invalid_limit_stops_no_other_command() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.git(&["config", "lattice.limit.time", "nonsense"]);
    sandbox.lattice(&["status"]).exits(0);
}
