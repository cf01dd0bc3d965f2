//! Programs that hang, or leave a child that holds their pipes.

use std::os::unix::process::CommandExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::{at, here};

/// Whether a process has these words in its command line.
pub(super) fn is_running(words: &str) -> bool {
    let is_it = |entry: std::fs::DirEntry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ").contains(words)
    };
    std::fs::read_dir("/proc").unwrap().flatten().any(is_it)
}

/// A sleep time that no other test uses: the command line tells which test a process belongs to.
fn unique_sleep(test: u32) -> String {
    format!("{}.{test}", 100_000 + std::process::id() % 100_000)
}

/// Waits up to half a minute until no such process is left.
#[track_caller]
pub(super) fn wait_until_gone(words: &str) {
    for _ in 0..300 {
        if !is_running(words) {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("`{words}` should have been ended");
}

#[test]
fn hanging_linter_blocks_neither_lint_nor_commit() {
    let mut sandbox = Sandbox::new();
    let time = unique_sleep(1);
    // Both the script and its child hold the pipe.
    sandbox.use_program("statix", &format!("#!/bin/sh\nsleep {time} &\nsleep {time}\n"));
    sandbox.write("x.nix", "{ }\n");
    sandbox.lattice(&["hooks", "install"]).exits(0);
    sandbox.git(&["add", "x.nix"]);
    for round in 0..2 {
        let started = Instant::now();
        if round == 0 {
            sandbox.lattice(&["lint", "x.nix"]).exits(0).says_err("statix");
        } else {
            sandbox.git(&["commit", "-q", "-m", "x"]);
        }
        assert!(started.elapsed() < Duration::from_secs(60), "round {round} took {:?}", started.elapsed());
        wait_until_gone(&format!("sleep {time}"));
    }
}

#[test]
fn nix_that_hangs_on_version_is_ended() {
    let mut sandbox = Sandbox::new();
    let time = unique_sleep(2);
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.use_program("nix", &format!("#!/bin/sh\nsleep {time}\n"));
    let started = Instant::now();
    sandbox.lattice(&["build", &at("phase0/step1")]).exits(2).says_err("--version` was stopped after 30 seconds");
    assert!(started.elapsed() < Duration::from_secs(120), "{:?}", started.elapsed());
    wait_until_gone(&format!("sleep {time}"));
}

const ENDLESS: &str = "{ ... }:\nlet\n  sum = builtins.foldl' (a: b: a + b) 0;\nin\nthrow (toString (sum (builtins.genList \
    (x: sum (builtins.genList (x: x) 100000)) 1000000)))\n";

/// Wraps `nix` in a script that starts the real one as a child: ending only the script would leave the real one.
fn wrap_nix_in_scripts(sandbox: &mut Sandbox) {
    let real = which::which_in("nix", Some(sandbox.search_path()), "/").unwrap();
    sandbox.use_program("nix", &format!("#!/bin/sh\n'{}' \"$@\"\nexit $?\n", real.display()));
    sandbox.use_program("nix-store", &format!("#!/bin/sh\n'{}-store' \"$@\"\nexit $?\n", real.display()));
}

#[test]
fn evaluation_limit_ends_a_nix_behind_a_script() {
    for nix in every_nix() {
        let mut sandbox = Sandbox::new();
        sandbox.use_nix(&nix);
        wrap_nix_in_scripts(&mut sandbox);
        let point = at("phase0/step1");
        sandbox.lattice(&["new", &point, "--template", "step", "--no-push", "--no-switch"]).exits(0);
        sandbox.commit_to(&point, &[("step.nix", ENDLESS)]);
        sandbox.git(&["config", "lattice.limit.evaluation", "3"]);
        let started = Instant::now();
        sandbox
            .lattice(&["build", &point])
            .exits(2)
            .says_err("evaluation took longer than 3s (limit `lattice.limit.evaluation`)");
        assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
        let commit = sandbox.path("work/.git").display().to_string().replace(' ', "%20");
        wait_until_gone(&commit);
    }
}

/// A step whose evaluation requires a build that never ends.
fn import_from(time: &str) -> String {
    format!(
        "{{ system, ... }}:\nimport (derivation {{\n  name = \"endless\";\n  inherit system;\n  builder = \"/bin/sh\";\n  \
         args = [\n    \"-c\"\n    \"while :; do sleep {time}; done\"\n  ];\n}})\n"
    )
}

#[test]
fn evaluation_limit_ends_builders_of_the_evaluation() {
    for (i, nix) in (3..).zip(every_nix()) {
        let mut sandbox = Sandbox::new();
        sandbox.use_nix(&nix);
        let (point, time) = (at("phase0/step1"), unique_sleep(i));
        sandbox.lattice(&["new", &point, "--template", "step", "--no-push", "--no-switch"]).exits(0);
        sandbox.commit_to(&point, &[("step.nix", &import_from(&time))]);
        sandbox.git(&["config", "lattice.limit.evaluation", "5"]);
        let mut command = sandbox.command("work", &["build", &point]);
        let mut build = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let words = format!("do sleep {time}");
        let seen = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            is_running(&words)
        });
        assert!(seen, "the builder should have been started on {}", here());
        build.wait().unwrap();
        wait_until_gone(&words);
    }
}

/// Whether the tests were started by nohup(1): then git-lattice ignores SIGHUP too.
fn is_nohup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() & 1 == 1
}

#[test]
fn signal_ends_every_started_process() {
    for (i, signal) in (10..).zip([Signal::INT, Signal::TERM, Signal::HUP]) {
        if signal == Signal::HUP && is_nohup() {
            continue;
        }
        let mut sandbox = Sandbox::new();
        let time = unique_sleep(i);
        sandbox.use_program("statix", &format!("#!/bin/sh\nsleep {time} &\nsleep {time}\n"));
        sandbox.write("x.nix", "{ }\n");
        let mut command = sandbox.command("work", &["lint", "x.nix"]);
        let mut lint = command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn().unwrap();
        let words = format!("sleep {time}");
        while !is_running(&words) && lint.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
        kill_process(Pid::from_child(&lint), signal).unwrap();
        let started = Instant::now();
        let status = lint.wait().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(signal.as_raw()), "{status}");
        assert!(started.elapsed() < Duration::from_secs(10), "{signal:?} took {:?}", started.elapsed());
        wait_until_gone(&words);
    }
}
