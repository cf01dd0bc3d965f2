//! Two runs at the same time, and a run that is killed midway.

use std::os::unix::process::CommandExt;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::sandbox::Sandbox;
use crate::scratch::locks;

const BRANCH: &str = "feature/toolchain/aarch64/phase0/step1";
const NEW: [&str; 4] = ["new", "--arch", "aarch64", "--no-switch"];

/// Starts git-lattice in its own process group; `date` makes its commits differ from those of another run.
fn start(sandbox: &Sandbox, args: &[&str], date: &str) -> Child {
    let mut command = sandbox.command("work", args);
    command.env("GIT_COMMITTER_DATE", date).process_group(0);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn concurrent_new_creates_the_point_once() {
    for push in [&["--no-push"][..], &[]] {
        for round in 0..5 {
            let sandbox = Sandbox::new();
            let args = [&NEW[..], push].concat();
            let both = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"].map(|date| start(&sandbox, &args, date));
            let [one, two] = both.map(|child| child.wait_with_output().unwrap());
            let all = format!("round {round}, {push:?}:\n{}\n{}", said(&one), said(&two));
            assert!(one.status.success() && two.status.success(), "both should end with 0, {all}");
            let count = |word: &str| [&one, &two].iter().filter(|output| said(output).starts_with(word)).count();
            assert_eq!(
                (count("created"), count("unchanged")),
                (1, 1),
                "one should create it, the other find it, {all}"
            );
            let commit = sandbox.git(&["rev-parse", BRANCH]);
            let shown = [&one, &two].iter().filter(|output| said(output).contains(&commit)).count();
            assert_eq!(shown, 2, "both should name the commit that stands, {all}");
        }
    }
}

#[test]
fn concurrent_new_with_other_content_is_refused() {
    for round in 0..5 {
        let sandbox = Sandbox::new();
        let both = ["a", "b"].map(|name| {
            std::fs::write(sandbox.path(name), format!("{name} = 1\n")).unwrap();
            let args = [&NEW[..], &["--no-push", "--config", if name == "a" { "../a" } else { "../b" }]].concat();
            start(&sandbox, &args, "2026-01-01T00:00:00Z")
        });
        let mut codes = both.map(|child| child.wait_with_output().unwrap().status.code());
        codes.sort_unstable();
        assert_eq!(codes, [Some(0), Some(1)], "one should succeed and the other be refused, round {round}");
        let file = format!("{BRANCH}:flakes/toolchain/aarch64/phase0/step1/config.toml");
        let held = sandbox.git(&["show", &file]);
        assert!(held == "a = 1" || held == "b = 1", "the first one's data should be complete: {held}");
    }
}

#[test]
fn killed_new_works_when_run_again() {
    let mut midway = 0;
    for round in 0..16 {
        let sandbox = Sandbox::new();
        let before = sandbox.state();
        let args = ["new", "--all-archs", "--no-switch"];
        let mut child = start(&sandbox, &args, "2026-01-01T00:00:00Z");
        std::thread::sleep(Duration::from_millis(round * 6));
        kill_process_group(Pid::from_child(&child), Signal::KILL).ok();
        midway += usize::from(!child.wait().unwrap().success());

        sandbox.git(&["fsck", "--no-dangling", "--strict"]);
        let changed = |text: &str| text.lines().filter(|line| !line.contains("refs/")).collect::<Vec<_>>().join("\n");
        assert_eq!(changed(&sandbox.state()), changed(&before), "HEAD, index and worktree should stay, round {round}");
        let stale = [locks(&sandbox.work().join(".git")), locks(&sandbox.path("remote.git"))].concat();
        let mut run = sandbox.lattice(&args);
        if !stale.is_empty() && run.code != 0 {
            let name = stale[0].file_name().unwrap().to_string_lossy().into_owned();
            run.exits(1).says_err(&name);
            stale.iter().for_each(|lock| std::fs::remove_file(lock).unwrap());
            run = sandbox.lattice(&args);
        }
        run.exits(0).says_out("feature/toolchain/aarch64/phase0/step1");
        sandbox.lattice(&args).exits(0).says_out("unchanged").says_out("pushed");
        sandbox.git_in("remote.git", &["fsck", "--no-dangling", "--strict"]);
    }
    assert!(midway > 2, "the test needs runs that are killed midway: {midway}");
}

#[test]
fn stale_lock_is_named_with_the_remedy() {
    let sandbox = Sandbox::new();
    let lock = sandbox.work().join(format!(".git/refs/heads/{BRANCH}.lock"));
    std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
    std::fs::write(&lock, "").unwrap();
    let before = sandbox.state();
    let run = sandbox.lattice(&NEW).exits(1).says_err(&lock.display().to_string()).says_err("second");
    run.says_err("hint: ").says_err("`rm ");
    assert_eq!(sandbox.state(), before, "no ref should be written");
    assert!(lock.exists(), "a lock that may be in use should stay");
    std::fs::remove_file(&lock).unwrap();
    sandbox.lattice(&NEW).exits(0).says_out("created");
}

#[test]
fn reference_transaction_hook_can_refuse() {
    let sandbox = Sandbox::new();
    let hook = sandbox.work().join(".git/hooks/reference-transaction");
    std::fs::write(&hook, "#!/bin/sh\n[ \"$1\" != prepared ] || ! grep -q refs/heads/feature\n").unwrap();
    std::process::Command::new("chmod").arg("755").arg(&hook).status().unwrap();
    let before = sandbox.state();
    sandbox.lattice(&NEW).exits(1).says_err("aborted by hook");
    assert_eq!(sandbox.state(), before, "no ref should be written");
}
