//! Undo: reverting what each command did to refs, and when that is refused.

use std::process::Stdio;

use crate::sandbox::{Run, Sandbox};

const STEP1: &str = "feature/toolchain/aarch64/phase0/step1";
const STEP2: &str = "feature/toolchain/aarch64/phase0/step2";
const NEW: [&str; 5] = ["new", "--arch", "aarch64", "--no-switch", "--no-push"];

impl Sandbox {
    /// The branches, here or of the remote.
    fn heads(&self, dir: &str) -> String {
        self.git_in(dir, &["for-each-ref", "refs/heads", "refs/notes"])
    }

    /// The newest operation's id.
    #[track_caller]
    fn newest_operation(&self) -> String {
        let listed = self.lattice(&["ops", "--json"]).exits(0).json();
        listed["operations"][0]["id"].as_str().unwrap().to_owned()
    }

    fn states(&self) -> Vec<String> {
        let listed = self.lattice(&["ops", "--json"]).exits(0).json();
        let operations = listed["operations"].as_array().unwrap();
        operations.iter().map(|one| one["state"].as_str().unwrap().to_owned()).collect()
    }

    /// Runs a command; undo must restore the branches, and undo of the undo must redo it.
    #[track_caller]
    fn assert_undo_restores(&self, args: &[&str]) -> Run {
        let before = self.heads("work");
        let worktree = || self.git(&["status", "--porcelain=v2", "--branch"]);
        let run = self.lattice(args).exits(0);
        let (after, stands) = (self.heads("work"), worktree());
        assert_ne!(before, after, "{args:?} should move refs\n{}{}", run.stdout, run.stderr);
        self.lattice(&["undo"]).exits(0).says_out("undone");
        assert_eq!(self.heads("work"), before, "undo of {args:?}");
        self.lattice(&["undo"]).exits(0);
        assert_eq!(self.heads("work"), after, "undo of undo of {args:?}");
        assert_eq!(worktree(), stands, "index and worktree should stay");
        run
    }
}

#[test]
fn user_database_names_a_user_that_the_environment_does_not() {
    let sandbox = Sandbox::new();
    let listed = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let own = rustix::process::getuid().as_raw().to_string();
    let entry = listed.lines().find(|line| line.split(':').nth(2) == Some(own.as_str()));
    let expected = entry.and_then(|entry| entry.split(':').next()).unwrap_or(&own);
    sandbox.lattice_in("work", &NEW, |command| command.env_remove("USER").env_remove("LOGNAME")).exits(0);
    assert_eq!(sandbox.lattice(&["ops", "--json"]).exits(0).json()["operations"][0]["user"], expected);
}

#[test]
fn undo_reverts_every_command() {
    let sandbox = Sandbox::new();
    sandbox.assert_undo_restores(&NEW);
    sandbox.assert_undo_restores(&["next-step", "--arch", "aarch64", "--no-switch", "--no-push"]);
    let force = ["--force", "--reason", "a test", "--no-switch", "--no-push"];
    sandbox.assert_undo_restores(
        &[&["promote", "--arch", "aarch64", "--phase", "phase0", "--step", "step2"][..], &force].concat()[..],
    );
}

#[test]
fn push_of_many_branches_is_undone_by_two_commands() {
    let sandbox = Sandbox::new();
    let points: Vec<String> = (1..=12).map(|n| format!("toolchain/aarch64/phase0/step{n}")).collect();
    let before = (sandbox.heads("work"), sandbox.heads("remote.git"));
    sandbox.grow("config", &points[..10]);
    sandbox.lattice(&["undo"]).exits(0).says_err("--force-with-lease");
    sandbox.lattice(&["undo"]).exits(0);
    sandbox.lattice(&["new", "--no-switch", &points[10], &points[11]]).exits(0);
    sandbox.lattice(&["prune", "toolchain/aarch64/*/*", "--remote"]).exits(0);
    let run = sandbox.lattice(&["undo"]).exits(0).says_err("12 branches were pushed").never_says("--force-with-lease");
    let command = run.stderr.lines().find_map(|line| line.strip_prefix("hint: to undo them there: `")).unwrap();
    sandbox.paste("work", command.trim_end_matches('`'));
    assert!(points.iter().all(|point| sandbox.has(point) && sandbox.remote_has(point)));
    sandbox.lattice(&["prune", "toolchain/aarch64/*/*", "--remote"]).exits(0);
    assert_eq!((sandbox.heads("work"), sandbox.heads("remote.git")), before);
}

#[test]
fn undo_reverts_a_merge_into_base() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--arch", "aarch64", "--no-push"]).exits(0);
    sandbox.assert_undo_restores(&["promote", "--to", "base", "--force", "--reason", "a test", "--no-push"]);
}

#[test]
fn undo_reverts_a_sync() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--arch", "aarch64", "--no-switch"]).exits(0);
    let (here, there) = (sandbox.git(&["rev-parse", STEP1]), STEP1);
    sandbox.git(&["switch", "-q", STEP1]);
    sandbox.git(&["commit", "-q", "--allow-empty", "-m", "more"]);
    sandbox.git(&["push", "-q", "origin", there]);
    sandbox.git(&["switch", "-q", "main"]);
    sandbox.git(&["branch", "-f", STEP1, &here]);
    sandbox.assert_undo_restores(&["sync"]);
    let run = sandbox.lattice(&["undo", "--remote"]).exits(0);
    assert!(!run.stderr.contains("undone on"), "the remote should have it: {}", run.stderr);
    assert_ne!(sandbox.git_in("remote.git", &["rev-parse", STEP1]), here);
}

#[test]
fn undo_refuses_refs_that_moved_since() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--all-archs", "--no-switch", "--no-push"]).exits(0);
    sandbox.git(&["branch", "-f", STEP1, "main"]);
    sandbox.refused(&["undo"]).exits(1).says_err(STEP1).says_err("moved since");
    sandbox.git(&["branch", "-D", STEP1]);
    sandbox.refused(&["undo"]).exits(1).says_err(STEP1);
    assert_eq!(sandbox.states(), ["done"]);
}

#[test]
fn undo_refuses_an_undone_operation() {
    let sandbox = Sandbox::new();
    sandbox.refused(&["undo"]).exits(1).says_err("nothing");
    sandbox.lattice(&NEW).exits(0);
    let id = sandbox.newest_operation();
    sandbox.lattice(&["undo", &id[..6]]).exits(0);
    sandbox
        .refused(&["undo", &id])
        .exits(1)
        .says_err("undone")
        .says_err(&format!("git lattice undo {}", sandbox.newest_operation()));
    sandbox.refused(&["undo", "nothing-like-it"]).exits(2).says_err("git lattice ops");
    assert_eq!(sandbox.states(), ["done", "undone"]);
}

#[test]
fn dry_run_writes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&NEW).exits(0);
    let run = sandbox.refused(&["undo", "--dry-run"]).exits(0).says_out("would undo");
    assert!(run.stdout.contains(STEP1), "{}", run.stdout);
    let json = sandbox.refused(&["undo", "--dry-run", "--json"]).exits(0).json();
    assert_eq!((&json["dry_run"], &json["operation"], &json["refs"][0]["to"]), (&true.into(), &().into(), &().into()));
    assert_eq!(sandbox.states(), ["done"]);
}

#[test]
fn checked_out_branch_is_left_before_deletion() {
    let sandbox = Sandbox::new();
    sandbox.write("untracked", "mine\n");
    sandbox.lattice(&["new", "--arch", "aarch64", "--no-push"]).exits(0);
    assert_eq!(sandbox.git(&["symbolic-ref", "--short", "HEAD"]), STEP1);
    sandbox.refused(&["undo"]).exits(1).says_err("checked out").says_err("`git switch -`, then `git lattice undo");
    sandbox.git(&["switch", "-q", "-"]);
    sandbox.lattice(&["undo"]).exits(0);
    assert!(sandbox.work().join("untracked").exists());
    sandbox.lattice(&["undo"]).exits(0);
    sandbox.git(&["worktree", "add", "-q", "../other", STEP1]);
    sandbox
        .refused(&["undo", &sandbox.lattice(&["ops", "--json"]).json()["operations"][0]["id"].as_str().unwrap()[..8]])
        .exits(1)
        .says_err("other' switch --detach`");
}

#[test]
fn linked_worktrees_share_the_journal() {
    let sandbox = Sandbox::new();
    sandbox.git(&["worktree", "add", "-q", "--detach", "../other"]);
    let before = sandbox.heads("work");
    sandbox.lattice_in("other", &NEW, |command| command).exits(0);
    assert_eq!(sandbox.states(), ["done"]);
    sandbox.lattice(&["undo"]).exits(0);
    assert_eq!(sandbox.heads("work"), before);
    sandbox.lattice_in("other", &["undo"], |command| command).exits(0);
    sandbox.git(&["rev-parse", STEP1]);
}

#[test]
fn pushed_refs_are_reported_and_kept() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--arch", "aarch64", "--no-switch"]).exits(0);
    let there = sandbox.heads("remote.git");
    sandbox.lattice(&["undo", "--dry-run"]).exits(0).says_err("was pushed to `origin`").says_err("--remote");
    let run = sandbox.lattice(&["undo"]).exits(0).says_err("was pushed to `origin`, and stays there");
    assert_eq!(sandbox.heads("remote.git"), there);
    let hint = run.stderr.lines().find_map(|line| line.strip_prefix("hint: ")?.split('`').nth(1)).unwrap().to_owned();
    let words: Vec<_> = hint.split(' ').skip(1).collect();
    sandbox.git(&words);
    assert!(!sandbox.heads("remote.git").contains(STEP1), "`{hint}` should revert it");
}

#[test]
fn pushed_refs_are_reverted_by_one_command() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--all-archs", "--phase", "phase0", "--step", "step1", "--no-switch"]).exits(0);
    let before = sandbox.heads("remote.git");
    let run =
        sandbox.lattice(&["undo"]).exits(0).says_err("warning: 2 branches were pushed to `origin`, and stay there");
    assert_eq!((run.stderr.matches("warning:").count(), run.stderr.matches("hint:").count()), (1, 1), "{}", run.stderr);
    let hint = run.stderr.lines().find_map(|line| line.strip_prefix("hint: ")?.split('`').nth(1)).unwrap().to_owned();
    let words: Vec<_> = hint.split(' ').skip(1).collect();
    assert!(words.starts_with(&["push", "--atomic"]), "{hint}");
    sandbox.git(&words);
    assert_ne!(sandbox.heads("remote.git"), before);
    assert!(!sandbox.heads("remote.git").contains("phase0"), "`{hint}` should delete both");
}

#[test]
fn pushed_refs_are_reverted_with_a_lease() {
    let sandbox = Sandbox::new();
    let before = sandbox.heads("remote.git");
    sandbox.lattice(&["new", "--arch", "aarch64", "--no-switch"]).exits(0);
    let pushed = sandbox.heads("remote.git");
    sandbox.lattice(&["undo", "--remote"]).exits(0).says_err("undone on `origin`");
    assert_eq!(sandbox.heads("remote.git"), before);
    sandbox.lattice(&["undo", "--remote"]).exits(0).says_err("undone on `origin`");
    assert_eq!(sandbox.heads("remote.git"), pushed, "undoing the undo should push it again");
    // Another clone builds on it.
    sandbox.git(&["clone", "-q", sandbox.path("remote.git").to_str().unwrap(), "../clone"]);
    sandbox.git_in("clone", &["switch", "-q", STEP1]);
    sandbox.git_in("clone", &["commit", "-q", "--allow-empty", "-m", "theirs"]);
    sandbox.git_in("clone", &["push", "-q", "origin", STEP1]);
    let (here, there) = (sandbox.heads("work"), sandbox.heads("remote.git"));
    sandbox.lattice(&["undo", "--remote"]).exits(1).says_err("stale info");
    assert_eq!((sandbox.heads("work"), sandbox.heads("remote.git")), (here, there), "nothing should be done");
}

#[test]
fn refs_already_reverted_on_the_remote_are_reverted_here() {
    let sandbox = Sandbox::new();
    let before = sandbox.state();
    sandbox.lattice(&["new", "--arch", "x86_64", "--no-switch"]).exits(0);
    sandbox.git_in("remote.git", &["update-ref", "-d", &format!("refs/heads/{STEP1}")]);
    sandbox.lattice(&["undo", "--remote"]).exits(0);
    let kept = sandbox.git(&["for-each-ref", "refs/lattice/journal/"]);
    assert_eq!(sandbox.state().replace(&format!("{kept}\n"), ""), before, "the tracking branch should be removed too");
}

#[test]
fn pushed_merge_is_reset_on_the_remote() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--arch", "aarch64"]).exits(0);
    let before = sandbox.git_in("remote.git", &["rev-parse", "main"]);
    sandbox.lattice(&["promote", "--to", "base", "--force", "--reason", "a test"]).exits(0);
    assert_ne!(sandbox.git_in("remote.git", &["rev-parse", "main"]), before);
    sandbox.lattice(&["undo", "--remote"]).exits(0);
    assert_eq!(sandbox.git_in("remote.git", &["rev-parse", "main"]), before);
    assert_eq!(sandbox.git(&["rev-parse", "main"]), before);
}

#[test]
fn undone_commits_survive_gc() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--all-archs", "--no-switch", "--no-push"]).exits(0);
    let made = sandbox.heads("work");
    sandbox.lattice(&["undo"]).exits(0);
    sandbox.git(&["-c", "gc.reflogExpire=now", "gc", "-q", "--prune=now"]);
    sandbox.git(&["fsck", "--strict", "--no-dangling"]);
    sandbox.lattice(&["undo"]).exits(0).says_out("made again");
    assert_eq!(sandbox.heads("work"), made);
    assert_eq!(sandbox.git(&["for-each-ref", "refs/lattice/journal"]), "", "refs kept for undo should hold it now");
    sandbox.lattice(&["next-step", "--arch", "aarch64", "--no-switch", "--no-push"]).exits(0);
}

#[test]
fn missing_commit_is_named() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&NEW).exits(0);
    let commit = sandbox.git(&["rev-parse", STEP1]);
    sandbox.lattice(&["undo"]).exits(0);
    let kept = sandbox.git(&["for-each-ref", "--format=%(refname)", "refs/lattice/journal"]);
    sandbox.git(&["update-ref", "-d", &kept]);
    sandbox.git(&["-c", "gc.reflogExpire=now", "gc", "-q", "--prune=now"]);
    sandbox.refused(&["undo"]).exits(1).says_err(&commit).says_err(STEP1);
}

#[test]
fn concurrent_undos_run_once() {
    for round in 0..5 {
        let sandbox = Sandbox::new();
        let before = sandbox.heads("work");
        sandbox.lattice(&NEW).exits(0);
        let id = sandbox.newest_operation();
        let start = || {
            let mut command = sandbox.command("work", &["undo", &id]);
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let both = [start(), start()].map(|child| child.wait_with_output().unwrap());
        let mut codes = both.each_ref().map(|output| output.status.code());
        codes.sort_unstable();
        let said = both.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        assert_eq!(codes, [Some(0), Some(1)], "round {round}: {said:?}");
        assert_eq!(sandbox.heads("work"), before);
        assert_eq!(sandbox.states(), ["done", "undone"]);
    }
}

#[test]
fn restored_branch_keeps_its_reflog_origin() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&NEW).exits(0);
    let reflog = || sandbox.git(&["reflog", "show", "--format=%gs", STEP1]);
    let made = reflog();
    sandbox.lattice(&["undo"]).exits(0);
    sandbox.lattice(&["undo"]).exits(0);
    assert_eq!(reflog(), made, "the permit for content made here depends on the reflog");
}

#[test]
fn ops_lists_the_newest_first() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.refused(&["ops"]).exits(0).stdout, "");
    sandbox.lattice(&NEW).exits(0);
    sandbox.lattice(&["next-step", "--arch", "aarch64", "--no-switch", "--no-push"]).exits(0);
    sandbox.lattice(&["undo"]).exits(0);
    let text = sandbox.refused(&["ops"]).exits(0).stdout;
    let commands: Vec<_> = text.lines().map(|line| line.split_whitespace().nth(5).unwrap()).collect();
    assert_eq!(commands, ["undo", "next-step", "new"], "{text}");
    let json = sandbox.lattice(&["ops", "--json", "-n", "2"]).exits(0).json();
    let [undo, step] = json["operations"].as_array().unwrap().as_slice() else { panic!("{json}") };
    assert_eq!((&undo["undoes"], &step["undone_by"], &step["state"]), (&step["id"], &undo["id"], &"undone".into()));
    assert_eq!(step["refs"][0]["name"], format!("refs/heads/{STEP2}"));
}

#[test]
fn damaged_line_loses_only_its_operation() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&NEW).exits(0);
    sandbox.lattice(&["next-step", "--arch", "aarch64", "--no-switch", "--no-push"]).exits(0);
    let path = sandbox.work().join(".git/lattice/journal/operations");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().enumerate().map(|(i, line)| if i == 0 { &line[..40] } else { line }).collect();
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    assert_eq!(sandbox.states(), ["done"]);
    sandbox.lattice(&["ops"]).exits(0).says_err("1 line of the journal cannot be read");
    sandbox.lattice(&["undo"]).exits(0).says_out(STEP2);
}
