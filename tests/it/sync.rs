//! `git lattice sync`: what is pushed, what is fetched, and what is left alone.

mod fetched;
mod places;
mod same_point;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::sandbox::{Run, Sandbox};
use crate::story::{at, branch, far, fields, texts, write_record};

fn lattice(sandbox: &Sandbox, dir: &str, args: &[&str]) -> Run {
    sandbox.lattice_in(dir, args, |command| command)
}

/// Two points on the remote, and a colleague's clone.
fn shared() -> (Sandbox, &'static str) {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--all-archs", "--no-switch"]).exits(0);
    let colleague = sandbox.colleague();
    (sandbox, colleague)
}

/// Commits to a point's branch of a clone, and switches back to `main`.
fn commit_in(sandbox: &Sandbox, dir: &str, point: &str, text: &str) -> String {
    sandbox.git_in(dir, &["switch", "-q", &branch(point)]);
    fs::write(sandbox.path(dir).join(format!("flakes/{point}/config.toml")), text).unwrap();
    sandbox.git_in(dir, &["commit", "-q", "-a", "-m", "change the step"]);
    sandbox.git_in(dir, &["switch", "-q", "main"]);
    sandbox.git_in(dir, &["rev-parse", &branch(point)])
}

/// The same, pushed by git.
fn pushed_in(sandbox: &Sandbox, dir: &str, point: &str, text: &str) -> String {
    let commit = commit_in(sandbox, dir, point, text);
    sandbox.git_in(dir, &["push", "-q", "origin", &branch(point)]);
    commit
}

/// Lets the clone write its records as `writer`, and writes one.
fn own_record(sandbox: &Sandbox, dir: &str, writer: &str, point: &str, changes: &Value) {
    sandbox.git_in(dir, &["config", "lattice.writer", writer]);
    write_record(sandbox, dir, writer, point, changes);
}

fn refs(sandbox: &Sandbox, dir: &str) -> String {
    sandbox.git_in(dir, &["for-each-ref"])
}

#[track_caller]
fn entry(run: &Run, point: &str) -> Value {
    let json = run.json();
    let found = json["points"].as_array().unwrap().iter().find(|it| it["point"] == point).cloned();
    found.unwrap_or_else(|| panic!("`{point}` should be there: {json}"))
}

/// `status --json` of a clone, without the fields about pushing.
fn states(sandbox: &Sandbox, dir: &str) -> Value {
    let mut status = lattice(sandbox, dir, &["status", "--json"]).exits(0).json();
    for point in status["points"].as_array_mut().unwrap() {
        point.as_object_mut().unwrap().remove("pushed");
    }
    status
}

#[test]
fn fresh_clone_shows_the_same_states() {
    let sandbox = Sandbox::new();
    let [one, two, other] = [at("phase0/step1"), at("phase0/step2"), far("phase0/step1")];
    sandbox.points(&[&one, &two, &other]);
    own_record(&sandbox, "work", "first", &one, &json!({}));
    own_record(&sandbox, "work", "first", &other, &json!({ "verdict": "failed" }));
    own_record(&sandbox, "work", "first", &two, &json!({ "verdict": "differs" }));
    let run =
        sandbox.lattice(&["sync"]).exits(0).says_out("pushed").says_out(&two).says_out("records of this clone pushed");
    run.never_says("up to date");
    let colleague = sandbox.colleague();
    lattice(&sandbox, colleague, &["sync"])
        .exits(0)
        .says_out("only on the remote")
        .says_out("records of one other clone fetched");
    assert_eq!(states(&sandbox, colleague), states(&sandbox, "work"));
    let shown: Vec<_> = [&one, &two, &other].map(|point| sandbox.state_of(point)).into();
    assert_eq!(shown, ["built", "disputed", "failed"], "some states should differ, or the comparison proves little");
    assert!(
        sandbox.try_git(colleague, &["rev-parse", "-q", "--verify", &branch(&one)]).text().is_empty(),
        "no branch should be created"
    );
}

#[test]
fn second_sync_has_nothing_to_do() {
    let (sandbox, colleague) = shared();
    own_record(&sandbox, "work", "first", &at("phase0/step1"), &json!({}));
    sandbox.lattice(&["sync"]).exits(0);
    lattice(&sandbox, colleague, &["sync"]).exits(0);
    for dir in ["work", colleague] {
        let before = refs(&sandbox, dir);
        lattice(&sandbox, dir, &["sync"]).exits(0).never_says("pushed").never_says("fetched");
        assert_eq!(refs(&sandbox, dir), before);
    }
    sandbox.lattice(&["sync"]).exits(0).says_out("2 points are up to date");
    sandbox.lattice(&["sync", &at("phase0/step1")]).exits(0).says_out("up to date").says_out(&at("phase0/step1"));
}

#[test]
fn ahead_is_pushed_and_behind_is_fast_forwarded() {
    let (sandbox, colleague) = shared();
    let one = at("phase0/step1");
    sandbox.git_in(colleague, &["branch", "-q", "--track", &branch(&one), &format!("origin/{}", branch(&one))]);
    let commit = commit_in(&sandbox, "work", &one, "ahead = 1\n");
    let run = sandbox.lattice(&["sync", "--json"]).exits(0);
    assert_eq!((&entry(&run, &one)["standing"], &entry(&run, &one)["done"]), (&"ahead".into(), &"pushed".into()));
    assert_eq!(sandbox.git_in("remote.git", &["rev-parse", &branch(&one)]), commit);
    lattice(&sandbox, colleague, &["sync"]).exits(0).says_out("fast-forwarded");
    assert_eq!(sandbox.git_in(colleague, &["rev-parse", &branch(&one)]), commit);
    let log = sandbox.git_in(colleague, &["reflog", "-1", "--format=%gs", &branch(&one)]);
    assert_eq!(log, "sync: fast-forward", "a fetched commit should not count as made here");
}

#[test]
fn branch_checked_out_in_a_worktree_is_not_moved() {
    let (sandbox, colleague) = shared();
    let one = at("phase0/step1");
    let commit = pushed_in(&sandbox, colleague, &one, "theirs = 1\n");
    sandbox.git(&["worktree", "add", "-q", "../linked", &branch(&one)]);
    let before = sandbox.git(&["rev-parse", &branch(&one)]);
    sandbox.lattice(&["sync"]).exits(0).says_out("behind").says_out("linked").says_out("`git pull` there");
    assert_eq!(sandbox.git(&["rev-parse", &branch(&one)]), before);
    assert_eq!(sandbox.git_in("linked", &["status", "--porcelain"]), "");
    lattice(&sandbox, "linked", &["sync"]).exits(0).says_out("behind");
    sandbox.git_in("linked", &["pull", "-q", "origin", &branch(&one)]);
    assert_eq!(sandbox.git(&["rev-parse", &branch(&one)]), commit);
    lattice(&sandbox, "linked", &["sync"]).exits(0).says_out("2 points are up to date");
}

#[test]
fn branch_being_rebased_is_not_moved() {
    let (sandbox, colleague) = shared();
    let one = at("phase0/step1");
    pushed_in(&sandbox, colleague, &one, "theirs = 1\n");
    sandbox.git(&["switch", "-q", &branch(&one)]);
    let before = sandbox.git(&["rev-parse", "HEAD"]);
    sandbox.try_git("work", &["rebase", "-q", "--exec", "false", "HEAD~1"]);
    assert!(
        sandbox.try_git("work", &["symbolic-ref", "-q", "HEAD"]).text().is_empty(),
        "the rebase should have stopped"
    );
    sandbox.lattice(&["sync", &one]).exits(0).says_out("behind").says_out("checked out");
    assert_eq!(sandbox.git(&["rev-parse", &branch(&one)]), before);
}

#[test]
fn diverged_branch_is_left_alone() {
    let (sandbox, colleague) = shared();
    let one = at("phase0/step1");
    let theirs = pushed_in(&sandbox, colleague, &one, "theirs = 1\n");
    let ours = commit_in(&sandbox, "work", &one, "ours = 1\n");
    let run = sandbox.lattice(&["sync"]).exits(1).says_out("diverged");
    run.says_err(&format!(
        "git merge origin/{}` merges the two, where `flakes/{one}/config.toml` will conflict",
        branch(&one)
    ));
    assert_eq!(sandbox.git(&["rev-parse", &branch(&one)]), ours);
    assert_eq!(sandbox.git_in("remote.git", &["rev-parse", &branch(&one)]), theirs);
    sandbox.git(&["switch", "-q", &branch(&one)]);
    sandbox.git(&["merge", "-q", "-s", "ours", "-m", "both", &format!("origin/{}", branch(&one))]);
    sandbox.lattice(&["sync"]).exits(0).says_out("pushed");
}

#[test]
fn branch_deleted_on_the_remote_is_reported_and_kept() {
    let (sandbox, colleague) = shared();
    let one = at("phase0/step1");
    sandbox.git_in(colleague, &["push", "-q", "origin", "--delete", &branch(&one)]);
    for _ in 0..2 {
        let run = sandbox
            .lattice(&["sync"])
            .exits(0)
            .says_out("deleted on the remote")
            .says_out(&format!("git branch -D {}", branch(&one)));
        run.never_says("pushed");
    }
    assert!(sandbox.has(&one), "no branch should be deleted here");
    assert!(!sandbox.remote_has(&one), "no branch should be restored on the remote");
    let run = lattice(&sandbox, colleague, &["sync", "--json"]).exits(0);
    assert!(
        run.json()["points"].as_array().unwrap().iter().all(|it| it["standing"] != "deleted-there"),
        "the remote deleted it"
    );
}

#[test]
fn dry_run_writes_nothing() {
    let (sandbox, colleague) = shared();
    let [one, other, new] = [at("phase0/step1"), far("phase0/step1"), at("phase0/step2")];
    pushed_in(&sandbox, colleague, &one, "theirs = 1\n");
    lattice(&sandbox, colleague, &["new", &at("phase1/step1"), "--no-switch"]).exits(0);
    commit_in(&sandbox, "work", &other, "ours = 1\n");
    sandbox.points(&[&new]);
    own_record(&sandbox, "work", "first", &other, &json!({}));
    own_record(&sandbox, colleague, "second", &one, &json!({}));
    lattice(&sandbox, colleague, &["sync"]).exits(0);
    let run = sandbox.refused(&["sync", "--dry-run"]).exits(0).says_out("behind or diverged").says_out("would push");
    let run = run.says_out("only on the remote").says_out("records of one other clone would be fetched");
    run.says_out("records of this clone would be pushed");
    let run = sandbox.refused(&["sync", "--dry-run", "--json"]).exits(0);
    assert_eq!(entry(&run, &one)["standing"], "unknown");
    assert_eq!(entry(&run, &other)["standing"], "ahead");
    assert_eq!((&entry(&run, &new)["standing"], &entry(&run, &new)["done"]), (&"only-here".into(), &Value::Null));
    assert_eq!(run.json()["records"]["own"], "ahead");
}

#[test]
fn no_push_and_no_fetch_are_honoured() {
    let (sandbox, colleague) = shared();
    let [one, new] = [at("phase0/step1"), at("phase0/step2")];
    let theirs = pushed_in(&sandbox, colleague, &one, "theirs = 1\n");
    sandbox.points(&[&new]);
    own_record(&sandbox, "work", "first", &new, &json!({}));
    sandbox
        .lattice(&["sync", "--no-push"])
        .exits(0)
        .says_out("fast-forwarded")
        .says_out("only here")
        .says_out("not pushed");
    assert_eq!(sandbox.git(&["rev-parse", &branch(&one)]), theirs);
    assert!(!sandbox.remote_has(&new));
    pushed_in(&sandbox, colleague, &one, "theirs = 2\n");
    sandbox.lattice(&["sync", "--no-fetch"]).exits(0).says_out("pushed");
    assert!(sandbox.remote_has(&new));
    assert_eq!(sandbox.git(&["rev-parse", &branch(&one)]), theirs, "nothing should be fetched");
}

#[test]
fn points_can_be_named() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1"), &far("phase0/step1")]);
    sandbox.lattice(&["sync", &at("phase0/step1")]).exits(0).says_out("pushed");
    assert!(sandbox.remote_has(&at("phase0/step1")) && !sandbox.remote_has(&far("phase0/step1")));
    sandbox.lattice(&["sync", "*/*/phase7/*"]).exits(2).says_err("selects no point");
}

#[test]
fn refused_refs_are_named_and_others_pushed() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1"), &far("phase0/step1")]);
    let hook = sandbox.path("remote.git/hooks/update");
    let script = format!("#!/bin/sh\ncase $1 in *{}) echo not this one >&2; exit 1;; esac\n", far("phase0/step1"));
    fs::write(&hook, script).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let run =
        sandbox.lattice(&["sync"]).exits(1).says_out("refused").says_out("hook declined").says_err("not this one");
    run.says_out("pushed");
    assert!(sandbox.remote_has(&at("phase0/step1")) && !sandbox.remote_has(&far("phase0/step1")));
    let run = sandbox.lattice(&["sync", "--json"]).exits(1);
    assert!(entry(&run, &far("phase0/step1"))["refused"].as_str().unwrap().contains("hook declined"));
}

/// A remote that refuses notes, in either of the ways in which servers report it.
fn without_notes(sandbox: &Sandbox, hook: &str) {
    let script = match hook {
        "update" => "#!/bin/sh\ncase $1 in refs/notes/*) exit 1;; esac\n",
        _ => "#!/bin/sh\nwhile read -r _ _ name; do case $name in refs/notes/*) exit 1;; esac; done\n",
    };
    let path = sandbox.path("remote.git/hooks").join(hook);
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn remote_that_refuses_notes_still_gets_points() {
    for hook in ["update", "pre-receive"] {
        let sandbox = Sandbox::new();
        let [one, two] = [at("phase0/step1"), at("phase0/step2")];
        sandbox.points(&[&one]);
        own_record(&sandbox, "work", "first", &one, &json!({}));
        without_notes(&sandbox, hook);
        sandbox.lattice(&["sync"]).exits(1).says_out("pushed").says_out("records of this clone refused: (");
        assert!(sandbox.remote_has(&one), "{hook}");
        let run = sandbox.lattice(&["next-step", &one, "--no-switch"]).exits(0).says_out("pushed");
        run.says_err("warning: the records of this clone were not pushed").says_err("git lattice sync");
        assert!(sandbox.remote_has(&two), "{hook}");
        fs::remove_file(sandbox.path("remote.git/hooks").join(hook)).unwrap();
        sandbox.lattice(&["sync"]).exits(0).says_out("records of this clone pushed");
    }
}

#[test]
fn new_and_promote_push_own_records() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.points(&[&one]);
    own_record(&sandbox, "work", "first", &one, &json!({}));
    let notes = || sandbox.try_git("remote.git", &["rev-parse", "-q", "--verify", "refs/notes/lattice/first"]).text();
    let kept = sandbox.lattice(&["promote", &one, "--no-switch", "--no-push", "--json"]).exits(0).json();
    assert!(kept["records_pushed"].is_null() && notes().is_empty(), "{kept}");
    sandbox
        .lattice(&["promote", &one, "--no-switch"])
        .exits(0)
        .says_err("the records of this clone were pushed with it");
    assert_eq!(notes(), sandbox.git(&["rev-parse", "refs/notes/lattice/first"]));
    sandbox.lattice(&["next-step", &one, "--no-switch"]).exits(0).says_out("pushed").never_says("records");
    own_record(&sandbox, "work", "first", &at("phase0/step2"), &json!({}));
    let made = sandbox.lattice(&["new", &far("phase0/step1"), "--no-switch", "--json"]).exits(0).json();
    assert_eq!(made["records_pushed"], true);
    assert_eq!(notes(), sandbox.git(&["rev-parse", "refs/notes/lattice/first"]));
}

#[test]
fn unreachable_remote_moves_nothing() {
    let (sandbox, _) = shared();
    sandbox.points(&[&at("phase0/step2")]);
    fs::rename(sandbox.path("remote.git"), sandbox.path("away.git")).unwrap();
    let before = sandbox.state();
    let run = sandbox
        .lattice(&["sync"])
        .exits(1)
        .says_err("could not query `origin`")
        .says_err("remote.git")
        .says_err("hint:");
    assert!(run.stdout.is_empty(), "{}", run.stdout);
    assert_eq!(sandbox.state(), before);
    sandbox.git(&["remote", "rename", "origin", "elsewhere"]);
    sandbox.lattice(&["sync"]).exits(2).says_err("there is no remote `origin`").says_err("git remote add origin URL");
    sandbox.write(
        "lattice.toml",
        fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap().replace("\"origin\"", "\"\""),
    );
    sandbox.lattice(&["sync"]).exits(2).says_err("there is no remote");
}

#[test]
fn unpushed_records_survive_any_fetch_refspec() {
    let (sandbox, colleague) = shared();
    let one = at("phase0/step1");
    own_record(&sandbox, "work", "first", &one, &json!({}));
    own_record(&sandbox, colleague, "second", &one, &json!({}));
    for dir in ["work", colleague] {
        sandbox.git_in(dir, &["config", "--add", "remote.origin.fetch", "+refs/notes/*:refs/notes/*"]);
        sandbox.git_in(dir, &["config", "fetch.prune", "true"]);
        lattice(&sandbox, dir, &["sync"]).exits(0);
    }
    own_record(&sandbox, "work", "first", &far("phase0/step1"), &json!({}));
    let before = sandbox.git(&["rev-parse", "refs/notes/lattice/first"]);
    sandbox.lattice(&["sync", "--no-push"]).exits(0).says_out("records of this clone not pushed");
    assert_eq!(sandbox.git(&["rev-parse", "refs/notes/lattice/first"]), before);
    let shown = sandbox.lattice(&["show", &one, "--json"]).exits(0).json();
    assert_eq!(fields(&shown["records"], "writer"), ["first", "second"]);
}

#[test]
fn copied_clone_gets_a_new_writer_and_loses_nothing() {
    let (sandbox, _) = shared();
    let [one, other] = [at("phase0/step1"), far("phase0/step1")];
    own_record(&sandbox, "work", "same", &one, &json!({ "host": "first" }));
    let copied = std::process::Command::new("cp").arg("-a").arg(sandbox.work()).arg(sandbox.path("copy")).status();
    assert!(copied.unwrap().success());
    own_record(&sandbox, "work", "same", &other, &json!({ "host": "first" }));
    own_record(&sandbox, "copy", "same", &other, &json!({ "host": "second" }));
    sandbox.lattice(&["sync"]).exits(0).says_out("records of this clone pushed");
    lattice(&sandbox, "copy", &["sync", "--dry-run"]).exits(0);
    let run = lattice(&sandbox, "copy", &["sync"]).exits(0).says_out("another clone writes records as `same` too");
    run.says_out("records of this clone pushed");
    let writer = sandbox.git_in("copy", &["config", "--get-all", "lattice.writer"]);
    assert!(writer.len() == 16 && writer != "same", "{writer}");
    sandbox.lattice(&["sync"]).exits(0).says_out("records of one other clone fetched");
    for dir in ["work", "copy"] {
        let hosts = |point: &str| {
            let shown = lattice(&sandbox, dir, &["show", point, "--json"]).exits(0).json();
            let mut hosts: Vec<_> = fields(&shown["records"], "host").into_iter().map(str::to_owned).collect();
            hosts.sort();
            hosts
        };
        assert_eq!(hosts(&one), ["first"], "{dir}: common records should exist once");
        assert_eq!(hosts(&other), ["first", "second"], "{dir}: own records should not be lost");
    }
    lattice(&sandbox, "copy", &["sync"]).exits(0).never_says("another clone");
}

#[test]
fn rewritten_remote_records_do_not_replace_local_ones() {
    let (sandbox, colleague) = shared();
    let one = at("phase0/step1");
    own_record(&sandbox, colleague, "second", &one, &json!({}));
    lattice(&sandbox, colleague, &["sync"]).exits(0);
    sandbox.lattice(&["sync"]).exits(0);
    let before = sandbox.git(&["rev-parse", "refs/notes/lattice/second"]);
    sandbox.git_in(colleague, &["update-ref", "-d", "refs/notes/lattice/second"]);
    write_record(&sandbox, colleague, "second", &one, &json!({ "verdict": "failed" }));
    sandbox.git_in(colleague, &["push", "-q", "-f", "origin", "refs/notes/lattice/second"]);
    sandbox.lattice(&["sync"]).exits(0).says_err("the records of writer `second` have diverged");
    assert_eq!(sandbox.git(&["rev-parse", "refs/notes/lattice/second"]), before);
}

#[test]
fn foreign_notes_refs_are_left_on_the_remote() {
    let (sandbox, colleague) = shared();
    own_record(&sandbox, colleague, "a", &at("phase0/step1"), &json!({}));
    let id = sandbox.git_in(colleague, &["rev-parse", "refs/notes/lattice/a"]);
    let blob = sandbox.git_in(colleague, &["rev-parse", "HEAD:README"]);
    for (name, id) in [("b/c", &id), ("ok", &id), ("text", &blob), ("e-vil", &id)] {
        sandbox.git_in(colleague, &["push", "-q", "origin", &format!("{id}:refs/notes/lattice/{name}")]);
    }
    sandbox.lattice(&["sync"]).exits(0).says_out("3 notes refs of the remote left alone").says_out("one other clone");
    assert_eq!(sandbox.git(&["for-each-ref", "--format=%(refname)", "refs/notes"]), "refs/notes/lattice/ok");
}

#[test]
fn git_process_count_is_constant() {
    let processes = |count: usize| {
        let sandbox = Sandbox::new();
        let steps: Vec<_> = (1..=count).map(|i| format!("step{i}")).collect();
        sandbox.lattice(&["new", "--arch", "aarch64", "--step", &steps.join(","), "--no-push"]).exits(0);
        let run = sandbox.lattice_in("work", &["sync"], |command| command.env("GIT_LATTICE_TRACE", "1")).exits(0);
        let started: Vec<_> = run.stderr.lines().filter(|line| line.starts_with("trace: ")).collect();
        assert_eq!(started.iter().filter(|line| line.contains(" push ")).count(), 1, "{started:?}");
        started.len()
    };
    assert_eq!(processes(2), processes(12));
}

#[test]
fn json_has_the_documented_fields() {
    let (sandbox, _) = shared();
    let run = sandbox.lattice(&["sync", "--json"]).exits(0);
    let json = run.json();
    assert_eq!((&json["version"], &json["remote"], &json["dry_run"]), (&1.into(), &"origin".into(), &false.into()));
    let one = entry(&run, &at("phase0/step1"));
    let names: Vec<_> = one.as_object().unwrap().keys().collect();
    assert_eq!(names, ["point", "branch", "local", "remote", "standing", "done", "refused", "differs", "command"]);
    assert_eq!((&one["standing"], &one["local"]), (&"same".into(), &one["remote"]));
    let names: Vec<_> = json["records"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["writer", "own", "refused", "renamed_from", "received", "diverged"]);
    assert!(texts(&json["records"]["received"]).is_empty() && json["records"]["own"] == "none");
}
