//! Remotes that are missing, refuse or have diverged: the point is kept here, and the same command pushes it later.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::sandbox::Sandbox;

const BRANCH: &str = "feature/toolchain/aarch64/phase0/step1";
const NEW: [&str; 4] = ["new", "--arch", "aarch64", "--no-switch"];

fn is_on_remote(sandbox: &Sandbox) -> bool {
    sandbox.try_git("remote.git", &["rev-parse", "-q", "--verify", BRANCH]).status.success()
}

/// Asserts that the point exists only here, and that the same command pushes it after `mend`.
#[track_caller]
fn assert_pushed_by_second_run(sandbox: &Sandbox, said: &[&str], mend: impl FnOnce()) {
    let before = sandbox.git(&["symbolic-ref", "HEAD"]);
    let mut run = sandbox.lattice(&NEW).exits(1).says_out("created").says_out("not pushed");
    run = run.says_err("error: the push failed").says_err("the same command pushes them later");
    for text in said {
        run = run.says_err(text);
    }
    let commit = sandbox.git(&["rev-parse", BRANCH]);
    let json = sandbox.lattice(&[&NEW[..], &["--json"]].concat()).exits(1).json();
    assert_eq!(json["unchanged"][0]["pushed"], false, "a push that was refused should not be called done: {json}");
    assert!(json["push_refused"].is_array(), "the reason should be given: {json}");
    mend();
    sandbox.lattice(&NEW).exits(0).says_out("unchanged").says_out("pushed");
    assert!(is_on_remote(sandbox), "the second run should push");
    assert_eq!(sandbox.git(&["rev-parse", BRANCH]), commit, "the commit should be the first one still");
    assert_eq!(sandbox.git_in("remote.git", &["rev-parse", BRANCH]), commit, "the first commit should be pushed");
    assert_eq!(sandbox.git(&["symbolic-ref", "HEAD"]), before, "HEAD should stay");
}

#[test]
fn unknown_remote_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.git(&["remote", "rename", "origin", "elsewhere"]);
    let said = ["there is no remote `origin`", "`git remote add origin URL`", "`remote = \"\"`"];
    assert_pushed_by_second_run(&sandbox, &said, || drop(sandbox.git(&["remote", "rename", "elsewhere", "origin"])));
}

#[test]
fn empty_remote_pushes_nowhere() {
    let sandbox = Sandbox::new();
    let toml = fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap();
    sandbox.write("lattice.toml", toml.replace("remote = \"origin\"", "remote = \"\""));
    sandbox.lattice(&NEW).exits(0).says_out("created").says_out("not pushed");
    assert!(!is_on_remote(&sandbox), "nothing should be pushed");
}

#[test]
fn unreachable_remote_keeps_the_point() {
    let sandbox = Sandbox::new();
    fs::rename(sandbox.path("remote.git"), sandbox.path("away.git")).unwrap();
    assert_pushed_by_second_run(&sandbox, &["remote.git"], || {
        fs::rename(sandbox.path("away.git"), sandbox.path("remote.git")).unwrap();
    });
}

#[test]
fn refusing_remote_keeps_the_point() {
    let sandbox = Sandbox::new();
    let hook = sandbox.path("remote.git/hooks/pre-receive");
    fs::write(&hook, "#!/bin/sh\necho 'not on a Friday' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    assert_pushed_by_second_run(&sandbox, &[BRANCH, "pre-receive hook declined", "not on a Friday"], || {
        fs::remove_file(&hook).unwrap();
    });
}

#[test]
fn refusing_pre_push_hook_keeps_the_point() {
    let sandbox = Sandbox::new();
    let hook = sandbox.work().join(".git/hooks/pre-push");
    fs::write(&hook, "#!/bin/sh\necho 'tests first' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    assert_pushed_by_second_run(&sandbox, &["tests first"], || fs::remove_file(&hook).unwrap());
}

#[test]
fn diverged_remote_branch_is_not_overwritten() {
    let sandbox = Sandbox::new();
    sandbox.git_in("", &["clone", "-q", "remote.git", "other"]);
    sandbox.git_in("other", &["commit", "-q", "--allow-empty", "-m", "theirs"]);
    sandbox.git_in("other", &["push", "-q", "origin", &format!("HEAD:refs/heads/{BRANCH}")]);
    let theirs = sandbox.git_in("remote.git", &["rev-parse", BRANCH]);
    let run = sandbox
        .lattice(&NEW)
        .exits(1)
        .says_out("created")
        .says_out("not pushed")
        .says_out(BRANCH)
        .says_err("each side has commits that the other lacks");
    run.says_err(&format!("hint: `git switch {BRANCH} && git merge origin/{BRANCH}`")).never_says("pushes them later");
    assert_eq!(sandbox.git_in("remote.git", &["rev-parse", BRANCH]), theirs, "the remote's commit should stay");
    let ours = sandbox.git(&["rev-parse", BRANCH]);
    sandbox.lattice(&NEW).exits(1).says_out("unchanged").says_out("not pushed");
    assert_eq!(sandbox.git(&["rev-parse", BRANCH]), ours, "our commit should stay here");
    // The command in the hint works.
    sandbox.git(&["switch", "-q", BRANCH]);
    sandbox.git(&["merge", "-q", "--no-edit", &format!("origin/{BRANCH}")]);
    sandbox.lattice(&["sync"]).exits(0).says_out("pushed");
    sandbox.git(&["reset", "-q", "--hard", &ours]);
    sandbox.git(&["switch", "-q", "main"]);
    sandbox.git_in("other", &["push", "-q", "origin", "--delete", BRANCH]);
    sandbox.git(&["fetch", "-q", "--prune"]);
    sandbox.lattice(&NEW).exits(0).says_out("unchanged").says_out("pushed");
}

#[test]
fn one_refused_branch_stops_the_whole_push() {
    let sandbox = Sandbox::new();
    let hook = sandbox.path("remote.git/hooks/update");
    fs::write(&hook, "#!/bin/sh\ncase $1 in *x86_64*) exit 1;; esac\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    sandbox.lattice(&["new", "--all-archs"]).exits(1).says_out("feature/toolchain/x86_64/phase0/step1");
    assert!(!is_on_remote(&sandbox), "the push should be atomic");
    fs::remove_file(&hook).unwrap();
    sandbox.lattice(&["new", "--all-archs"]).exits(0).says_out("unchanged");
    assert!(is_on_remote(&sandbox), "the second run should push both");
}
