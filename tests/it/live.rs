//! The live view of builds on a terminal, and the lines that stand for it elsewhere; on real Nix.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::path::Path;

use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::{at, far};
use crate::terminal::{self, Screen};

/// A sandbox with a step for each of these sh scripts, which Nix builds at the same time.
fn steps(nix: &Path, scripts: &[&str]) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.use_nix(nix);
    set(&sandbox, "max-jobs = 8");
    for (n, script) in scripts.iter().enumerate() {
        let point = at(&format!("phase0/step{}", n + 1));
        sandbox.lattice(&["new", &point, "--template", "step", "--no-push", "--no-switch"]).exits(0);
        let args = format!("args = [ \"-c\" {script:?} ];");
        let step = format!(
            "{{ system, ... }}:\nlet\n  tool = derivation {{\n    name = \"tool-1.0\";\n    inherit system;\n    builder = \"/bin/sh\";\n    \
             args = [ \"-c\" \"echo tool >$out\" ];\n  }};\nin\nderivation {{\n  name = \"step\";\n  inherit system tool;\n  builder = \
             \"/bin/sh\";\n  {args}\n}}\n"
        );
        sandbox.commit_to(&point, &[("step.nix", &step)]);
    }
    sandbox
}

/// Adds a line to the settings of Nix.
fn set(sandbox: &Sandbox, line: &str) {
    let conf = sandbox.path("nix/conf/nix.conf");
    let text = std::fs::read_to_string(&conf).unwrap();
    std::fs::write(&conf, format!("{text}{line}\n")).unwrap();
}

/// The record of each step that has one, by its number.
fn recorded(sandbox: &Sandbox) -> BTreeMap<usize, (String, f64)> {
    let one = |record: serde_json::Value| {
        let step = record["point"].as_str().unwrap().rsplit("step").next().unwrap().parse().unwrap();
        (step, (record["verdict"].as_str().unwrap().to_owned(), record["seconds"].as_f64().unwrap()))
    };
    sandbox.records().into_iter().map(one).collect()
}

const SLOW: &str = "echo one; echo two of slow; sleep 3; echo slow >$out";
const FAILING: &str = "echo about to fail; sleep 1; exit 3";

#[test]
fn view_is_drawn_in_place_and_removed() {
    for nix in every_nix() {
        let sandbox = steps(&nix, &[SLOW, FAILING]);
        let printed = terminal::run(&sandbox, (80, 24), "xterm", "git-lattice build --all", "");
        let failed = ["1/2 done, 1 failed, 1 running", "failed  toolchain"];
        for part in [&["evaluating 2 builds, 0:0", "0/2 done, 2 running, 0:0", "two of slow"][..], &failed].concat() {
            assert!(Screen::plain(&printed).contains(part), "`{part}` should be drawn: {printed:?}");
        }
        let screen = Screen::after(&printed);
        let (text, step) = (screen.text(), |n: usize| at(&format!("phase0/step{n}")));
        assert!(!text.contains("running") && !text.contains("0:0"), "the view should be gone:\n{text}");
        assert!(
            text.contains(&format!("failed  {}", step(2))) && text.contains(&format!("built  {}", step(1))),
            "{text}"
        );
        assert!(screen.most_redrawn <= 12, "at most half of the screen: {}", screen.most_redrawn);
    }
}

/// Nix 2.8 counts a failure, and says whose it was at the end. Without its log files, a builder that still prints is another one.
#[test]
fn failure_is_shown_while_another_builder_runs() {
    let chatty = "for i in 1 2 3 4 5 6; do echo $i; sleep 1; done; echo >$out";
    for nix in every_nix() {
        for (other, setting) in [("sleep 5; echo >$out", ""), (chatty, "keep-build-log = false")] {
            let sandbox = steps(&nix, &[other, FAILING]);
            set(&sandbox, setting);
            let printed = terminal::run(&sandbox, (80, 24), "xterm", "git-lattice build --all", "");
            for part in ["1/2 done, 1 failed, 1 running", "failed  toolchain"] {
                assert!(Screen::plain(&printed).contains(part), "`{part}` should be drawn: {printed:?}");
            }
            let text = Screen::after(&printed).text();
            assert!(text.contains(&format!("failed  {}", at("phase0/step2"))) && text.contains("built  "), "{text}");
        }
    }
}

/// Builders that print no lines, and how long they run.
const SILENT: [(&str, f64); 3] =
    [("printf 'x\\r'; sleep 6; echo >$out", 6.0), ("sleep 1; exit 1", 1.0), ("sleep 4; exit 1", 4.0)];

/// Whether a time is the expected one, as exactly as a busy machine measures it.
fn is_about(seconds: f64, expected: f64) -> bool {
    (expected - 0.5..expected + 1.5).contains(&seconds)
}

#[test]
fn each_builder_has_its_own_time() {
    for nix in every_nix() {
        let sandbox = steps(&nix, &SILENT.map(|(script, _)| script));
        let run = sandbox.lattice(&["build", "--all", "--json-lines"]).exits(1);
        let events: Vec<serde_json::Value> =
            run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let stops: Vec<_> =
            events.iter().filter(|event| event["event"] == "stop" && !event["point"].is_null()).collect();
        assert_eq!(stops.len(), SILENT.len(), "{}", run.stdout);
        let stopped = |n: usize| stops.iter().find(|stop| stop["point"] == at(&format!("phase0/step{n}"))).unwrap();
        let records = recorded(&sandbox);
        for (n, (_, expected)) in (1..).zip(SILENT) {
            for seconds in [records[&n].1, stopped(n)["seconds"].as_f64().unwrap()] {
                assert!(is_about(seconds, expected), "step{n}: {seconds}, {}", run.stdout);
            }
        }
    }
}

/// Without log files, Nix 2.8 does not tell which of several silent builders failed when.
#[test]
fn time_that_is_not_known_is_not_recorded() {
    for nix in every_nix() {
        let sandbox = steps(&nix, &SILENT.map(|(script, _)| script));
        set(&sandbox, "keep-build-log = false");
        let run = sandbox.lattice(&["build", "--all"]).exits(1).never_says("no build needed");
        let records = recorded(&sandbox);
        for (n, (_, expected)) in (1..).zip(SILENT) {
            let (verdict, seconds) = &records[&n];
            let is_unknown = *seconds == 0.0 && verdict == "failed";
            assert!(is_unknown || is_about(*seconds, expected), "step{n}: {seconds}, {}", run.stdout);
        }
    }
}

#[test]
fn view_fits_into_a_small_terminal_that_changes_its_size() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let long = format!("echo {}; sleep 4; echo >$out", "long ".repeat(30));
    let sandbox = steps(&nix, &[&long, &long.replace('4', "5"), &long.replace('4', "6")]);
    let resize = "(until grep -qs long .git/lattice/log/*.log; do sleep 0.2; done; sleep 1; $STTY cols 30 rows 6 </dev/tty) & exec git-lattice build --all";
    let printed = terminal::run(&sandbox, (60, 8), "xterm", resize, "");
    let widths: Vec<_> = drawn(&printed).iter().map(|line| line.chars().count()).collect();
    assert!(widths.iter().all(|width| *width < 60) && widths.contains(&59) && widths.contains(&29), "{widths:?}");
    assert!(Screen::after(&printed).most_redrawn <= 8, "{printed:?}");
    assert!(printed.contains("and 2 more"), "{printed:?}");
}

/// The lines that were drawn to be drawn over.
fn drawn(printed: &str) -> Vec<String> {
    Screen::plain(&printed.replace("\u{1b}[K\r\r\n", "<drawn>\r\n"))
        .split('\n')
        .filter_map(|line| Some(line.trim_end_matches('\r').strip_suffix("<drawn>")?.rsplit('\r').next()?.to_owned()))
        .collect()
}

#[test]
fn ctrl_c_leaves_the_results() {
    for nix in every_nix() {
        let sandbox = steps(&nix, &["sleep 60"]);
        let printed =
            terminal::run(&sandbox, (80, 24), "xterm", "git-lattice build --all", "sleep 3; printf '\\003'; sleep 20");
        let text = Screen::after(&printed).text();
        assert!(printed.contains("0/1 done, 1 running"), "{printed:?}");
        assert!(text.contains("cancelled") && !text.contains("running"), "{text}");
    }
}

#[test]
fn nothing_is_drawn_over_what_a_pipe_prints() {
    for nix in every_nix() {
        let sandbox = steps(&nix, &[SLOW]);
        for (flags, text) in [("--json-lines", "two of slow"), ("", "built  ")] {
            let command = format!("git-lattice build --all --again {flags} | cat");
            let printed = terminal::run(&sandbox, (80, 24), "xterm", &format!("sh -c '{command}'"), "sleep 5");
            assert!(printed.contains(text), "{printed:?}");
            assert!(!printed.contains("\u{1b}["), "{printed:?}");
        }
    }
}

#[test]
fn status_tells_builders_that_run_from_those_that_wait() {
    for nix in every_nix() {
        let sandbox = steps(&nix, &["sleep 4; echo >$out"; 2]);
        let conf = sandbox.path("nix/conf/nix.conf");
        let text = std::fs::read_to_string(&conf).unwrap();
        std::fs::write(&conf, text.replace("max-jobs = 8", "max-jobs = 1")).unwrap();
        let mut build = sandbox.command("work", &["build", "--all"]).spawn().unwrap();
        let states = || {
            let status = sandbox.lattice(&["status", "--json"]).exits(0).json();
            let mut words: Vec<_> =
                status["points"].as_array().unwrap().iter().map(|point| point["state"].to_string()).collect();
            words.sort();
            words
        };
        let mut seen = Vec::new();
        while build.try_wait().unwrap().is_none() {
            seen.push(states());
        }
        assert!(seen.contains(&vec!["\"building\"".into(), "\"queued\"".into()]), "{seen:?}");
        assert!(!seen.contains(&vec!["\"building\"".into(), "\"building\"".into()]), "{seen:?}");
    }
}

#[test]
fn builder_that_failed_before_ctrl_c_is_not_cancelled() {
    for nix in every_nix() {
        let chatty = "while :; do echo on; sleep 1; done";
        for (other, setting) in [("sleep 60", ""), (chatty, "keep-build-log = false")] {
            let sandbox = steps(&nix, &["sleep 1; exit 1", other]);
            set(&sandbox, setting);
            let text = interrupted(&sandbox);
            assert!(text.contains("before it said why"), "{text}");
            assert!(text.contains(&format!("could not build `{}`: the builder failed", at("phase0/step1"))), "{text}");
            let records = recorded(&sandbox);
            assert_eq!((records.len(), records[&2].0.as_str()), (1, "cancelled"), "{records:?}");
        }
    }
}

/// Without log files, Nix 2.8 does not tell which of several silent builders failed.
#[test]
fn builder_that_may_have_failed_before_ctrl_c_is_not_cancelled() {
    for nix in every_nix() {
        let sandbox = steps(&nix, &["sleep 1; exit 1", "sleep 60"]);
        set(&sandbox, "keep-build-log = false");
        let text = interrupted(&sandbox);
        let records = recorded(&sandbox);
        assert!(!records.contains_key(&1) && text.contains("failed, and Nix was stopped"), "{records:?} {text}");
        assert!(records.contains_key(&2) || text.contains("the builder or another one failed"), "{records:?} {text}");
    }
}

/// Builds all for some seconds, and returns what is on the terminal in the end, on one line.
fn interrupted(sandbox: &Sandbox) -> String {
    let typed = "sleep 6; printf '\\003'; sleep 20";
    let printed = terminal::run(sandbox, (80, 24), "xterm", "git-lattice build --all", typed);
    Screen::after(&printed).text().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn stopped_build_goes_on_below_what_the_shell_printed() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = steps(&nix, &["sleep 6; echo >$out"]);
    let script = "set -m; git-lattice build --all; echo; echo the shell prints this; sleep 1; fg >/dev/null";
    let printed =
        terminal::run(&sandbox, (80, 24), "xterm", &format!("bash -c '{script}'"), "sleep 3; printf '\\032'; sleep 20");
    let text = Screen::after(&printed).text();
    assert!(text.contains("the shell prints this") && text.contains("built  "), "{text}\n{printed:?}");
}

#[test]
fn dumb_terminal_and_pipe_get_lines() {
    for nix in every_nix() {
        let sandbox = steps(&nix, &["echo >$out", FAILING]);
        let [one, two] = [1, 2].map(|n| at(&format!("phase0/step{n}")));
        let printed = terminal::run(&sandbox, (80, 24), "dumb", &format!("git-lattice build {one}"), "");
        assert!(!printed.contains('\u{1b}'), "{printed:?}");
        for line in
            ["building tool-1.0\r\n", "built tool-1.0 in ", &format!("building {one}\r\n"), &format!("built  {one}")]
        {
            assert!(printed.contains(line), "`{line}` should be printed: {printed:?}");
        }
        let run = sandbox.lattice(&["build", "--all"]).exits(1).says_out(&format!("built  {one}"));
        let said: Vec<_> = run.stderr.lines().take(2).collect();
        assert_eq!(said, [format!("building {two}"), "  about to fail".to_owned()], "{}", run.stderr);
        let run = sandbox.lattice(&["build", "--again", "--json", "--all"]).exits(1);
        assert!(run.stderr.contains(&format!("\nfailed {two} in 1.")), "{}", run.stderr);
    }
}

#[test]
fn failed_dependency_is_named() {
    for nix in every_nix() {
        let sandbox = steps(&nix, &["echo >$out"]);
        let point = at("phase0/step1");
        let step = sandbox.git(&["show", &format!("feature/{point}:flakes/{point}/step.nix")]);
        sandbox.commit_to(&point, &[("step.nix", &step.replace("echo tool >$out", "exit 7"))]);
        let run = sandbox.lattice(&["build", &point]).exits(1);
        assert!(run.stderr.starts_with("building tool-1.0\nfailed tool-1.0 in 0."), "{}", run.stderr);
        assert!(!run.stderr.contains(&format!("building {point}")), "{}", run.stderr);
    }
}

#[test]
fn colours_are_left_out_with_no_color() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = steps(&nix, &[FAILING, SLOW]);
    let draw =
        |variable: &str| terminal::run(&sandbox, (80, 24), "xterm", &format!("{variable} git-lattice build --all"), "");
    let coloured =
        |printed: &str| printed.contains("\u{1b}[2m    two of slow\u{1b}[0m") || printed.contains("\u{1b}[31mfailed");
    let plain = draw("NO_COLOR=1");
    assert!(!coloured(&plain) && plain.contains("    two of slow"), "{plain:?}");
    assert!(coloured(&draw("X=1")));
}

#[test]
fn background_build_is_shown_while_it_is_waited_for() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = steps(&nix, &[SLOW]);
    let printed = terminal::run(&sandbox, (80, 24), "xterm", "git-lattice build --all --background --wait", "");
    assert!(printed.contains("0/1 done, 1 running, 0:0") && printed.contains("    two of slow"), "{printed:?}");
    let text = Screen::after(&printed).text();
    assert!(text.starts_with(&format!("built  {}", at("phase0/step1"))), "{text}");
}

#[test]
fn reason_for_many_points_is_printed_once() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = steps(&nix, &[SLOW]);
    let there = ["phase0/step1", "phase0/step2", "phase0/step3"].map(far);
    sandbox.points(&there.each_ref().map(String::as_str));
    let printed = terminal::run(&sandbox, (120, 24), "xterm", "git-lattice build --all", "");
    let text = Screen::after(&printed).text();
    assert_eq!(
        (text.matches("no known machine").count(), text.matches("for the same reason").count()),
        (1, 2),
        "{text}"
    );
    assert!(there.iter().all(|point| text.contains(&format!("no-builder  {point}"))), "{text}");
    let drawn = drawn(&printed);
    assert!(drawn.iter().any(|line| line.contains("3 no-builder")), "they should be counted: {drawn:?}");
    assert!(!drawn.iter().any(|line| line.starts_with("no-builder")), "they were printed: {drawn:?}");
    let piped = sandbox.lattice(&["build", &there[0], &there[1]]).exits(1);
    assert_eq!(piped.stdout.matches("no known machine").count(), 2, "{}", piped.stdout);
}

#[test]
fn logs_and_branches_are_links_where_the_terminal_has_them() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = steps(&nix, &["exit 3"]);
    let point = at("phase0/step1");
    sandbox.git(&["push", "-q", "origin", &format!("feature/{point}")]);
    sandbox.git(&["remote", "set-url", "origin", "git@github.com:ada/hello.git"]);
    let at = |variable: &str, args: &str| {
        terminal::run(&sandbox, (200, 24), "xterm", &format!("{variable} git-lattice {args}"), "")
    };
    let file = "\u{1b}]8;;file://";
    let page =
        format!("\u{1b}]8;;https://github.com/ada/hello/tree/feature/{point}\u{1b}\\feature/{point}\u{1b}]8;;\u{1b}\\");
    let built = at("FORCE_HYPERLINK=1", "build --all");
    assert!(built.contains(file) && built.contains("-linux.log\u{1b}]8;;\u{1b}\\"), "{built:?}");
    let shown = at("FORCE_HYPERLINK=1", &format!("show {point}"));
    assert!(shown.contains(file) && shown.contains(&page), "{shown:?}");
    assert!(!at("FORCE_HYPERLINK=0", &format!("show {point}")).contains("]8;;"));
    let piped = sandbox.lattice_in("work", &["show", &point], |command| command.env("FORCE_HYPERLINK", "1"));
    assert!(!piped.stdout.contains('\u{1b}'), "{}", piped.stdout);
}

#[test]
fn status_and_log_have_links_that_take_no_columns() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = steps(&nix, &["exit 3", "echo >$out", "echo >$out"]);
    let [failed, pushed, unpushed] = [1, 2, 3].map(|n| at(&format!("phase0/step{n}")));
    for point in [&failed, &pushed] {
        sandbox.git(&["push", "-q", "origin", &format!("feature/{point}")]);
    }
    sandbox.git(&["remote", "set-url", "origin", "git@github.com:ada/hello.git"]);
    sandbox.lattice(&["build", &failed]).exits(1);
    let at = |variable: &str, args: &str| {
        terminal::run(&sandbox, (200, 24), "xterm", &format!("{variable} git-lattice {args}"), "")
    };
    let shown = at("FORCE_HYPERLINK=1", "status --all");
    let page = format!("\u{1b}]8;;https://github.com/ada/hello/tree/feature/{pushed}\u{1b}\\");
    assert!(shown.contains(&page), "{shown:?}");
    assert!(!shown.contains(&format!("tree/feature/{failed}")), "a failed point leads to its log: {shown:?}");
    assert!(!shown.contains(&format!("tree/feature/{unpushed}")), "the remote does not have it: {shown:?}");
    assert_eq!(shown.matches("\u{1b}]8;;file://").count(), 1, "{shown:?}");
    let without = regex::Regex::new("\u{1b}]8;;[^\u{1b}]*\u{1b}\\\\").unwrap().replace_all(&shown, "").into_owned();
    assert_eq!(without, at("FORCE_HYPERLINK=0", "status --all"));
    let log = at("FORCE_HYPERLINK=1", &format!("log {failed}"));
    assert!(log.contains("log: \u{1b}]8;;file://") && log.contains("-linux.log\u{1b}]8;;\u{1b}\\"), "{log:?}");
    for args in [&["status"] as &[&str], &["log", &failed]] {
        let piped = sandbox.lattice_in("work", args, |command| command.env("FORCE_HYPERLINK", "1"));
        assert!(!format!("{}{}", piped.stdout, piped.stderr).contains('\u{1b}'), "{}", piped.stdout);
        assert!(!piped.stderr.contains(".log"), "{}", piped.stderr);
    }
}
