//! Builds that want more than they may.

use super::gate::Gates;
use crate::sandbox::Sandbox;
use crate::story::at;

/// Builds a point in the background within one limit, which gives no verdict; gives what is said.
#[track_caller]
fn error(gates: &Gates, point: &str, limit: &str, value: &str) -> String {
    gates.sandbox.git(&["config", limit, value]);
    let run = gates.sandbox.lattice(&["build", "--background", "--wait", point]).exits(2);
    gates.sandbox.git(&["config", "--unset", limit]);
    assert_eq!(gates.verdicts(point), Vec::<String>::new(), "another limit may allow it");
    let run = run.says_err(&format!("hint: `git config {limit} "));
    run.stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_default().to_owned()
}

#[test]
fn exceeded_limit_is_named_and_is_no_verdict() {
    for gates in Gates::every() {
        let silent = gates.point("phase0/step1", "while :; do :; done");
        let says = |said: String, what: &str| assert!(said.ends_with(&format!(": {what}")), "{said}");
        says(
            error(&gates, &silent, "lattice.limit.time", "1s"),
            "a builder took longer than 1s (limit `lattice.limit.time`)",
        );
        says(
            error(&gates, &silent, "lattice.limit.silence", "1"),
            "a builder was silent for 1s (limit `lattice.limit.silence`)",
        );
        let chatty = gates.point("phase0/step2", "while :; do echo chatter; done");
        says(
            error(&gates, &chatty, "lattice.limit.log", "1k"),
            "a builder wrote more than 1K of log (limit `lattice.limit.log`)",
        );
        let [hungry, endless] = [("phase0/step3", HUNGRY), ("phase0/step4", ENDLESS)].map(|(place, text)| {
            let point = gates.point(place, "");
            gates.sandbox.commit_to(&point, &[("step.nix", text)]);
            point
        });
        says(
            error(&gates, &hungry, "lattice.limit.memory", "100M"),
            "evaluation needed more than 100M of memory (limit `lattice.limit.memory`)",
        );
        says(
            error(&gates, &endless, "lattice.limit.evaluation", "1s"),
            "evaluation took longer than 1s (limit `lattice.limit.evaluation`)",
        );
        gates.nothing_builds();
    }
}

#[test]
fn checkout_repeats_no_build_that_hit_a_limit() {
    let Some(gates) = Gates::one() else { return };
    let point = gates.point("phase0/step1", "while :; do :; done");
    gates.sandbox.lattice(&["hooks", "install"]).exits(0);
    gates.sandbox.git(&["config", "lattice.limit.time", "2s"]);
    gates.sandbox.lattice(&["build", "--background", "--wait", &point]).exits(2);
    let said = gates.switch("work", &point);
    assert!(said.contains("a builder took longer than 2s (limit `lattice.limit.time`) the last time"), "{said}");
    assert!(said.contains("`git lattice build` tries again"), "{said}");
    gates.sandbox.git(&["switch", "-q", "main"]);
    gates.sandbox.git(&["config", "lattice.limit.time", "1h"]);
    let said = gates.switch("work", &point);
    assert!(said.contains("in the background"), "more is allowed now: {said}");
}

#[test]
fn limit_in_nix_conf_is_no_verdict() {
    for gates in Gates::every() {
        gates.settings("timeout = 1\n");
        let point = gates.point("phase0/step1", "while :; do :; done");
        let run = gates.sandbox.lattice(&["build", &point]).exits(2);
        run.says_err("timed out after 1 seconds").says_err("hint: `timeout`");
        assert_eq!(gates.verdicts(&point), Vec::<String>::new());
    }
}

const HUNGRY: &str =
    "{ ... }:\nthrow (toString (builtins.length (builtins.deepSeq (builtins.genList (x: x + 1) 30000000) [ ])))\n";
const ENDLESS: &str = "{ ... }:\nlet\n  sum = builtins.foldl' (a: b: a + b) 0;\nin\nthrow (toString (sum (builtins.genList \
    (x: sum (builtins.genList (x: x) 100000)) 1000000)))\n";

#[test]
fn typed_build_has_no_limit_by_default() {
    for gates in Gates::every() {
        let point = gates.point("phase0/step1", "while :; do echo chatter; done");
        gates.sandbox.git(&["config", "lattice.limit.log", "1k"]);
        let run = gates.sandbox.lattice(&["build", "--json", &point]).exits(2);
        assert_eq!(run.json()["undecided"][0]["limit"], "lattice.limit.log");
        run.says_err("wrote more than 1K of log (limit `lattice.limit.log`)")
            .says_err("hint: `git config lattice.limit.log 2K` allows more");
    }
}

#[test]
fn invalid_limit_is_named() {
    let Some(gates) = Gates::one() else { return };
    let point = gates.point("phase0/step1", "echo >$out");
    for (key, value) in [("time", "6x"), ("silence", "0"), ("log", "64Q"), ("memory", "-1"), ("evaluation", "soon")] {
        let key = format!("lattice.limit.{key}");
        gates.sandbox.git(&["config", &key, value]);
        for args in [&["build", &point][..], &["build", "--background", &point]] {
            let run = gates.sandbox.lattice(args).exits(2);
            run.says_err(&format!("error: `{key}` in git's configuration is `{value}`: expected a "))
                .says_err("hint: ");
        }
        gates.sandbox.git(&["config", "--unset", &key]);
    }
    gates.sandbox.lattice(&["build", &point]).exits(0);
}

#[test]
fn invalid_limit_stops_no_other_command() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.git(&["config", "lattice.limit.time", "nonsense"]);
    sandbox.lattice(&["status"]).exits(0);
}
