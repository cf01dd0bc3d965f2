//! `git lattice build --json-lines` on real Nix.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::at;

/// A sandbox with a step whose builder runs this sh script.
fn with_script(nix: &Path, script: &str) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.use_nix(nix);
    let point = at("phase0/step1");
    sandbox.lattice(&["new", &point, "--template", "step", "--no-push", "--no-switch"]).exits(0);
    let step = format!(
        "{{ system, ... }}:\nderivation {{\n  name = \"scripted\";\n  inherit system;\n  builder = \"/bin/sh\";\n  args = [ \"-c\" \
         {script:?} ];\n}}\n"
    );
    sandbox.commit_to(&point, &[("step.nix", &step)]);
    sandbox
}

fn event(line: &str) -> Value {
    let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert!(line.starts_with("{\"version\":1,\"event\":\""), "{line}");
    event
}

#[test]
fn events_come_in_order_and_end_with_the_document() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, "echo one; echo >$out");
        let run = sandbox.lattice(&["build", "--json-lines", &at("phase0/step1")]).exits(0);
        assert_eq!(run.stderr, "", "stdout tells all of it");
        let events: Vec<_> = run.stdout.lines().map(event).collect();
        let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
        assert_eq!(names, ["begin", "evaluated", "start", "log", "stop", "end", "summary"]);
        let [begin, _, start, log, stop, end, summary] = events.as_slice() else { unreachable!() };
        for event in [begin, start, log, stop, end] {
            assert_eq!(event["point"], at("phase0/step1"), "{event}");
        }
        assert_eq!((&log["text"], &start["needed_by"][0]), (&"one".into(), &at("phase0/step1").into()));
        assert_eq!((&start["derivation"], &end["record"]), (&end["record"]["drv"], &sandbox.records()[0]));
        let document = sandbox.lattice(&["build", "--json", &at("phase0/step1")]).exits(0).json();
        assert_eq!(summary["results"], document["results"]);
        let again = sandbox.lattice(&["build", "--json-lines", &at("phase0/step1")]).exits(0);
        let names: Vec<_> = again.stdout.lines().map(|line| event(line)["event"].clone()).collect();
        assert_eq!(names, ["end", "summary"], "a known result");
    }
}

#[test]
fn each_event_is_printed_at_once_and_an_interruption_ends_the_lines() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, "echo one; sleep 60");
        let mut command = sandbox.command("work", &["build", "--json-lines", &at("phase0/step1")]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| event(&line.unwrap()));
        assert!(lines.any(|event| event["event"] == "log"), "the line should come while the builder runs");
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let last = lines.last().unwrap();
        assert_eq!((&last["event"], &last["results"][0]["verdict"]), (&"summary".into(), &"cancelled".into()));
        child.wait().unwrap();
    }
}

#[test]
fn an_interruption_ends_the_lines_while_another_process_builds() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, "echo one; sleep 60");
        let point = at("phase0/step1");
        let start = || {
            let mut command = sandbox.command("work", &["build", "--json-lines", &point]);
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| event(&line.unwrap()));
            (child, lines)
        };
        let (mut builder, mut built) = start();
        assert!(built.any(|event| event["event"] == "log"), "the builder should run");
        let (mut waiting, mut waits) = start();
        assert!(waits.any(|event| event["event"] == "wait"), "it should wait for the other process");
        kill_process(Pid::from_child(&waiting), Signal::INT).unwrap();
        let last = waits.last().expect("there should be a line after the interruption");
        assert!(last["event"] == "summary" && last["error"].is_string(), "{last}");
        assert!(!waiting.wait().unwrap().success() && builder.try_wait().unwrap().is_none());
        kill_process(Pid::from_child(&builder), Signal::INT).unwrap();
        assert_eq!(built.last().unwrap()["event"], "summary");
        builder.wait().unwrap();
    }
}

#[test]
fn line_of_a_builder_is_not_taken_for_nixs_own() {
    for nix in every_nix() {
        for line in ["@nix {}", "@nix []", r#"@nix {\"action\":\"result\"}"#] {
            let sandbox = with_script(&nix, &format!("echo '{line}'; echo >$out"));
            let run = sandbox.lattice(&["build", &at("phase0/step1")]);
            let run = run.never_says("cache of Nix");
            // Nix 2.8 fails at such a line; newer versions take it as it is.
            if !run.stderr.contains("json.exception") {
                run.exits(0).says_out("built");
                continue;
            }
            run.exits(2).says_err("a line that begins with `@nix`").says_err("another version of Nix");
            assert!(sandbox.records().is_empty(), "that is no verdict");
        }
    }
}

#[test]
fn hostile_log_is_data() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, r"printf '\033[31mred\302\233\n\303\n'; exit 1");
        let run = sandbox.lattice(&["build", "--json-lines", &at("phase0/step1")]).exits(1);
        let events: Vec<_> = run.stdout.lines().map(event).collect();
        assert!(!run.stdout.contains(['\u{1b}', '\u{9b}']), "{:?}", run.stdout);
        assert!(events.iter().any(|event| event["event"] == "log" && event["text"].as_str().unwrap().contains("red")));
        assert_eq!(events.last().unwrap()["event"], "summary");
    }
}

#[test]
fn only_one_form_is_printed() {
    let sandbox = Sandbox::new();
    for flag in ["--json", "--background", "--wait", "--cancel"] {
        sandbox.lattice(&["build", "--json-lines", flag]).exits(2).says_err("cannot be used with");
    }
}

#[test]
fn an_error_is_in_the_last_line() {
    let mut sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.forbid_nix();
    let run = sandbox.lattice(&["build", "--json-lines", &at("phase0/step1")]).exits(2);
    let last = event(run.stdout.lines().last().unwrap());
    assert!(last["event"] == "summary" && last["error"].is_string(), "{last}");
}
