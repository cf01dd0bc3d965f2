//! The next command that writes repairs what a killed git left, and keeps what belongs to others.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use git_lattice::process::identity::Identity;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::story::{at, branch, write_record};

const BRANCH: &str = "feature/toolchain/x86_64/phase0/step1";
const FLAKE: &str = "flakes/toolchain/x86_64/phase0/step1";

/// The tag of a process that has ended.
pub(crate) fn ended_process() -> String {
    let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let tag = Identity::of(child.id()).tag();
    child.kill().unwrap();
    child.wait().unwrap();
    tag.to_string()
}

/// Writes a note of work that a killed process has just started.
fn write_note(sandbox: &Sandbox, mut work: Value) -> String {
    work["since"] = json!(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
    let name = format!(".git/lattice/work/lattice-{}.0", ended_process());
    sandbox.write(&name, work.to_string());
    name
}

/// A point that is made and not switched to, and the note of a switch to it.
fn with_unfinished_switch() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", &at("phase0/step1"), "--no-switch"]).exits(0);
    let [from, to] = ["HEAD", BRANCH].map(|name| sandbox.git(&["rev-parse", name]));
    let worktree = sandbox.work();
    let name = write_note(
        &sandbox,
        json!({ "work": "switch", "worktree": worktree, "branch": BRANCH, "from": from, "to": to }),
    );
    sandbox.write(".git/index.lock", "half");
    (sandbox, name)
}

fn switch(sandbox: &Sandbox) -> crate::sandbox::Run {
    sandbox.lattice(&["new", &at("phase0/step1")])
}

#[test]
fn killed_switch_works_the_second_time() {
    let (sandbox, note) = with_unfinished_switch();
    let file = |name: &str| sandbox.git(&["show", &format!("{BRANCH}:{FLAKE}/{name}")]) + "\n";
    let (config, flake) = (file("config.toml"), file("flake.nix"));
    sandbox.write(&format!("{FLAKE}/config.toml"), &config);
    sandbox.write(&format!("{FLAKE}/flake.nix"), &flake[..flake.len() / 2]);
    sandbox.write("untracked", "the user's\n");
    switch(&sandbox).exits(0);
    assert_eq!(sandbox.git(&["branch", "--show-current"]), BRANCH);
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "?? untracked");
    assert_eq!(fs::read_to_string(sandbox.work().join(FLAKE).join("flake.nix")).unwrap(), flake);
    assert!(!sandbox.work().join(note).exists());
}

#[test]
fn user_file_in_the_way_of_a_switch_is_kept() {
    let (sandbox, _) = with_unfinished_switch();
    sandbox.write(&format!("{FLAKE}/flake.nix"), "the user's\n");
    switch(&sandbox).exits(1).says_err("untracked working tree files would be overwritten");
    assert_eq!(fs::read_to_string(sandbox.work().join(FLAKE).join("flake.nix")).unwrap(), "the user's\n");
}

#[test]
fn killed_switch_leaves_no_tracked_file_changed() {
    let sandbox = Sandbox::new();
    sandbox.git(&["switch", "-q", "-c", "other"]);
    sandbox.write("README", "another text\n");
    sandbox.write("more", "");
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "-q", "-m", "other"]);
    sandbox.git(&["switch", "-q", "main"]);
    let [from, to] = ["main", "other"].map(|name| sandbox.git(&["rev-parse", name]));
    let worktree = sandbox.work();
    write_note(&sandbox, json!({ "work": "switch", "worktree": worktree, "branch": "other", "from": from, "to": to }));
    sandbox.write("README", "another");
    sandbox.write("more", "");
    sandbox.lattice(&["new", &at("phase0/step1"), "--no-push", "--no-switch"]).exits(0);
    assert_eq!(sandbox.git(&["status", "--porcelain", "--untracked-files=all"]), "");
    assert_eq!(fs::read_to_string(sandbox.work().join("README")).unwrap(), "a project\n");
}

/// Where a command is killed that gives the checked-out branch another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renaming {
    Detached,
    Renamed,
    Attached,
}

#[test]
fn killed_renaming_puts_head_on_the_branch_that_exists() {
    for state in [Renaming::Detached, Renaming::Renamed, Renaming::Attached] {
        let sandbox = Sandbox::new();
        let (one, two) = (at("phase0/step1"), at("phase0/step2"));
        sandbox.lattice(&["new", &one]).exits(0);
        let from = sandbox.git(&["rev-parse", "HEAD"]);
        sandbox.write("untracked", "the user's\n");
        sandbox.git(&["switch", "-q", "--detach"]);
        if state != Renaming::Detached {
            sandbox.lattice(&["move", &one, &two, "--no-push"]).exits(0);
        }
        if state == Renaming::Attached {
            sandbox.git(&["symbolic-ref", "HEAD", &format!("refs/heads/{}", branch(&two))]);
        }
        let to = if state == Renaming::Detached { from.clone() } else { sandbox.commit(&branch(&two)) };
        let ends = json!({ "worktree": sandbox.work(), "branch": branch(&two), "from": from, "to": to });
        let note = write_note(&sandbox, json!({ "work": "rename", "old": branch(&one), "switch": ends }));
        sandbox.lattice(&["new", &at("phase1/step1"), "--no-push", "--no-switch"]).exits(0);
        let expected = if state == Renaming::Detached { &one } else { &two };
        assert_eq!(sandbox.git(&["branch", "--show-current"]), branch(expected), "{state:?}");
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "?? untracked", "{state:?}");
        assert!(!sandbox.work().join(note).exists(), "{state:?}");
    }
}

#[test]
fn each_kind_of_unfinished_work_has_its_locks() {
    let push = json!({ "work": "push", "remote": "origin" });
    let fetch = json!({ "work": "fetch", "remote": "origin" });
    let locks = [(&push, "packed-refs.lock"), (&push, "refs/remotes/origin/main.lock")];
    let locks = [&locks[..], &[(&fetch, "objects/maintenance.lock"), (&fetch, "packed-refs.lock")]].concat();
    for (work, lock) in locks {
        let sandbox = Sandbox::new();
        write_note(&sandbox, work.clone());
        sandbox.write(&format!(".git/{lock}"), "");
        sandbox.write(".git/refs/heads/other.lock", "");
        sandbox.lattice(&["new", &at("phase0/step1"), "--no-push", "--no-switch"]).exits(0);
        assert!(!sandbox.work().join(".git").join(lock).exists(), "{work}: {lock}");
        assert!(sandbox.work().join(".git/refs/heads/other.lock").exists(), "it may belong to another process");
    }
}

#[test]
fn killed_git_query_is_an_error() {
    let mut sandbox = Sandbox::new();
    sandbox.git(&["config", "lattice.writer", "0123456789abcdef"]);
    sandbox.points(&[&at("phase0/step1")]);
    write_record(&sandbox, "work", "0123456789abcdef", &at("phase0/step1"), &json!({}));
    let git = which::which_in("git", Some(sandbox.search_path()), "/").unwrap();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *--get-all*lattice.writer) [ -e killed ] || {{ touch killed; kill -9 $$; }} ;; esac\nexec {} \"$@\"\n",
        git.display()
    );
    sandbox.use_program("git", &script);
    let promote = ["promote", &at("phase0/step1"), "--no-switch"];
    sandbox.lattice(&promote).exits(2).says_err("signal: 9");
    sandbox.lattice(&promote).exits(0).says_err("records of this clone were pushed");
}

#[test]
fn lock_without_a_note_is_left_alone() {
    let sandbox = Sandbox::new();
    sandbox.write(".git/index.lock", "");
    switch(&sandbox).exits(1).says_err("index.lock");
    assert!(sandbox.work().join(".git/index.lock").exists());
}

#[test]
fn push_killed_at_the_upstream_is_finished() {
    let sandbox = Sandbox::new();
    let config = || sandbox.try_git("work", &["config", "--get-regexp", "^branch.feature"]).text();
    sandbox.lattice(&["new", &at("phase0/step1"), "--no-push", "--no-switch"]).exits(0);
    sandbox.git(&["push", "-q", "origin", BRANCH]);
    write_note(&sandbox, json!({ "work": "push", "remote": "origin", "upstreams": [BRANCH] }));
    sandbox.write(".git/config.lock", "");
    sandbox.lattice(&["new", &at("phase0/step1"), "--no-switch"]).exits(0).says_out("unchanged");
    assert_eq!(config(), format!("branch.{BRANCH}.remote origin\nbranch.{BRANCH}.merge refs/heads/{BRANCH}"));
}

#[test]
fn remote_lock_is_named_with_the_command() {
    let sandbox = Sandbox::new();
    let lock = sandbox.path("remote.git/refs/heads").join(format!("{BRANCH}.lock"));
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    fs::write(&lock, "").unwrap();
    let hint = format!("hint: if no git is running there, a killed one left this lock: `rm '{}'`", lock.display());
    switch(&sandbox).exits(1).says_err(&hint);
    sandbox.lattice(&["sync"]).exits(1).says_err(&hint);
    assert!(lock.exists(), "it belongs to another process");
    fs::remove_file(&lock).unwrap();
    switch(&sandbox).exits(0);
}

#[test]
fn killed_record_write_stops_no_later_one() {
    let sandbox = Sandbox::new();
    let writer = "0123456789abcdef";
    sandbox.git(&["config", "lattice.writer", writer]);
    let name = format!("refs/notes/lattice/{writer}");
    let note = write_note(&sandbox, json!({ "work": "move", "names": [name], "deletes": false }));
    sandbox.write(&format!(".git/{name}.lock"), "");
    let shown = sandbox.lattice(&["doctor", "--offline"]);
    shown.says_out(&format!("a git was killed while it moved `{name}`"));
    sandbox.lattice(&["new", &at("phase0/step1"), "--no-push", "--no-switch"]).exits(0);
    assert!(!sandbox.work().join(".git").join(format!("{name}.lock")).exists() && !sandbox.work().join(note).exists());
}

#[test]
fn records_survive_a_push_that_fails_once() {
    let mut sandbox = Sandbox::new();
    sandbox.git(&["config", "lattice.writer", "0123456789abcdef"]);
    sandbox.points(&[&at("phase0/step1")]);
    write_record(&sandbox, "work", "0123456789abcdef", &at("phase0/step1"), &json!({}));
    // With a file size limit of 0, a signal ends the process that unpacks the objects.
    let script = "#!/bin/sh\n[ -e tried ] || { touch tried; ulimit -f 0; }\nexec git receive-pack \"$@\"\n";
    sandbox.use_program("receive-once-broken", script);
    sandbox.git(&["config", "remote.origin.receivepack", "receive-once-broken"]);
    sandbox
        .lattice(&["promote", &at("phase0/step1"), "--no-switch"])
        .exits(0)
        .says_err("records of this clone were pushed");
    assert!(sandbox.work().join("tried").exists());
    let notes = |dir| sandbox.git_in(dir, &["for-each-ref", "refs/notes/lattice"]);
    assert_eq!(notes("remote.git"), notes("work"));
}

#[test]
fn records_blocked_by_a_lock_are_pushed_later() {
    let sandbox = Sandbox::new();
    let (writer, step) = ("0123456789abcdef", at("phase1/step1"));
    sandbox.git(&["config", "lattice.writer", writer]);
    sandbox.points(&[&at("phase0/step1")]);
    write_record(&sandbox, "work", writer, &at("phase0/step1"), &json!({}));
    let promote = ["promote", &at("phase0/step1"), "--no-switch"];
    sandbox.lattice(&[&promote[..], &["--no-push"]].concat()).exits(0);
    // As left by a push of which the remote moved one ref and was killed.
    sandbox.git(&["push", "-q", "origin", &branch(&step)]);
    sandbox.git(&["update-ref", "-d", &format!("refs/remotes/origin/{}", branch(&step))]);
    let lock = sandbox.path("remote.git/refs/notes/lattice").join(format!("{writer}.lock"));
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    fs::write(&lock, "").unwrap();
    sandbox.lattice(&promote).exits(1).says_err(&format!("`rm '{}'`", lock.display()));
    fs::remove_file(&lock).unwrap();
    sandbox.lattice(&promote).exits(0).says_err("records of this clone were pushed");
    let notes = |dir| sandbox.git_in(dir, &["for-each-ref", "refs/notes/lattice"]);
    assert_eq!(notes("remote.git"), notes("work"));
    fs::remove_dir_all(sandbox.path("remote.git")).unwrap();
    sandbox.lattice(&promote).exits(0).says_out("unchanged");
}

#[test]
fn temporary_folder_of_a_killed_process_is_removed() {
    let mut sandbox = Sandbox::new();
    sandbox.use_own_temporary_folder();
    let dead = |name: &str| {
        let path = sandbox.temporary_folder().join(format!("{name}lattice-{}.3", ended_process()));
        fs::create_dir(&path).unwrap();
        fs::write(path.join("flake.nix"), "").unwrap();
        path
    };
    let (own, other) = (dead("git-"), dead("x-"));
    sandbox.lattice(&["doctor", "--offline"]).says_out("file of processes that were killed");
    sandbox.lattice(&["doctor", "--offline", "--repair"]);
    assert!(!own.exists() && other.exists());
    let own = dead("git-");
    sandbox.lattice(&["new", &at("phase0/step1"), "--no-push", "--no-switch"]).exits(0);
    assert!(!own.exists());
}

#[test]
fn doctor_repairs_leftovers_of_a_killed_git() {
    let (sandbox, note) = with_unfinished_switch();
    let shown = sandbox.lattice(&["doctor", "--offline"]);
    shown.says_out(&format!("a git was killed while it switched to `{BRANCH}`"));
    sandbox.lattice(&["doctor", "--offline", "--repair"]).says_out("repaired: a git was killed while it switched");
    assert!(!sandbox.work().join(&note).exists(), "{note}");
    assert!(!sandbox.work().join(".git/index.lock").exists());
}
