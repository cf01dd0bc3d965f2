//! Sync in repositories with other storage or partial content.

use serde_json::json;

use super::{commit_in, lattice, own_record, pushed_in, shared, states};
use crate::sandbox::{Run, Sandbox};
use crate::story::{at, branch, far};

#[test]
fn bare_repository_syncs() {
    let (sandbox, colleague) = shared();
    let [one, new] = [at("phase0/step1"), at("phase0/step2")];
    sandbox.git_in("", &["clone", "-q", "--bare", "remote.git", "bare.git"]);
    let theirs = pushed_in(&sandbox, colleague, &one, "theirs = 1\n");
    lattice(&sandbox, "bare.git", &["new", &new, "--no-push"]).exits(0);
    lattice(&sandbox, "bare.git", &["sync"]).exits(0).says_out("fast-forwarded").says_out("pushed");
    assert_eq!(sandbox.git_in("bare.git", &["rev-parse", &branch(&one)]), theirs);
    assert!(sandbox.remote_has(&new));
    lattice(&sandbox, "bare.git", &["sync"]).exits(0).says_out("3 points are up to date");
    let status = lattice(&sandbox, "bare.git", &["status", "--json"]).exits(0).json();
    assert!(status["points"].as_array().unwrap().iter().all(|point| point["pushed"] == true), "{status}");
}

#[test]
fn shallow_clone_syncs() {
    let (sandbox, colleague) = shared();
    let [one, other, new] = [at("phase0/step1"), far("phase0/step1"), at("phase0/step2")];
    let url = format!("file://{}", sandbox.path("remote.git").display());
    sandbox.git_in("", &["clone", "-q", "--depth", "1", "--no-single-branch", &url, "shallow"]);
    for point in [&one, &other] {
        sandbox.git_in("shallow", &["branch", "-q", &branch(point), &format!("origin/{}", branch(point))]);
    }
    own_record(&sandbox, colleague, "second", &one, &json!({}));
    pushed_in(&sandbox, colleague, &one, "theirs = 1\n");
    let theirs = pushed_in(&sandbox, colleague, &one, "theirs = 2\n");
    let ours = commit_in(&sandbox, "shallow", &other, "ours = 1\n");
    lattice(&sandbox, "shallow", &["new", &new, "--no-push", "--no-switch"]).exits(0);
    lattice(&sandbox, colleague, &["sync"]).exits(0);
    lattice(&sandbox, "shallow", &["sync"])
        .exits(0)
        .says_out("fast-forwarded")
        .says_out("pushed")
        .never_says("diverged");
    assert_eq!(sandbox.git_in("shallow", &["rev-parse", &branch(&one)]), theirs);
    assert_eq!(sandbox.git_in("remote.git", &["rev-parse", &branch(&other)]), ours);
    assert!(sandbox.remote_has(&new));
    assert!(sandbox.git_in("shallow", &["for-each-ref", "refs/notes"]).contains("second"));
}

#[test]
fn reftable_repository_syncs() {
    let (sandbox, colleague) = shared();
    let cloned = sandbox.try_git("", &["clone", "-q", "--ref-format=reftable", "remote.git", "tables"]);
    if !cloned.status.success() {
        assert!(cloned.error_text().contains("unknown option"), "{}", cloned.error_text());
        return;
    }
    let [one, new] = [at("phase0/step1"), at("phase0/step2")];
    sandbox.git_in("tables", &["branch", "-q", &branch(&one), &format!("origin/{}", branch(&one))]);
    own_record(&sandbox, "tables", "tables", &one, &json!({}));
    let theirs = pushed_in(&sandbox, colleague, &one, "theirs = 1\n");
    own_record(&sandbox, colleague, "second", &one, &json!({}));
    lattice(&sandbox, colleague, &["sync"]).exits(0);
    lattice(&sandbox, "tables", &["new", &new, "--no-push", "--no-switch"]).exits(0);
    let run = lattice(&sandbox, "tables", &["sync"])
        .exits(0)
        .says_out("fast-forwarded")
        .says_out("records of this clone pushed");
    run.says_out("records of one other clone fetched");
    assert_eq!(sandbox.git_in("tables", &["rev-parse", &branch(&one)]), theirs);
    lattice(&sandbox, colleague, &["sync"]).exits(0);
    assert_eq!(states(&sandbox, "tables"), states(&sandbox, colleague));
}

/// Runs the git command between backticks, as a user would paste it.
#[track_caller]
fn paste(sandbox: &Sandbox, dir: &str, run: &Run) {
    let said = format!("{}{}", run.stdout, run.stderr);
    let named = said.split('`').skip(1).step_by(2).find(|piece| piece.starts_with("git remote set-branches"));
    let named = named.unwrap_or_else(|| panic!("a command should be named:\n{said}"));
    sandbox.paste(dir, named);
}

/// Clones the last commit of one branch.
fn clone_narrow(sandbox: &Sandbox, dir: &str, branch: &str) {
    let url = format!("file://{}", sandbox.path("remote.git").display());
    sandbox.git_in("", &["clone", "-q", "--depth", "1", "--branch", branch, &url, dir]);
}

#[test]
fn single_branch_clone_is_told_how_to_fetch_the_others() {
    let (sandbox, _) = shared();
    let one = at("phase0/step1");
    for command in [&["status"][..], &["doctor", "--offline"]] {
        clone_narrow(&sandbox, "narrow", "main");
        let run = lattice(&sandbox, "narrow", command).never_says("`git lattice new` makes the first one");
        paste(&sandbox, "narrow", &run);
        lattice(&sandbox, "narrow", &["status"]).exits(0).says_out("phase0/step1");
        std::fs::remove_dir_all(sandbox.path("narrow")).unwrap();
    }
    clone_narrow(&sandbox, "narrow", "main");
    let branch = branch(&one);
    lattice(&sandbox, "narrow", &["sync"])
        .exits(0)
        .says_out(&format!("`git switch --create {branch} origin/{branch}`"));
    lattice(&sandbox, "narrow", &["new", &one]).exits(0).says_out("unchanged");
    assert_eq!(sandbox.git_in("narrow", &["symbolic-ref", "--short", "HEAD"]), branch);
}

#[test]
fn clone_of_one_point_is_told_how_to_fetch_the_base() {
    let (sandbox, _) = shared();
    let one = at("phase0/step1");
    clone_narrow(&sandbox, "narrow", &branch(&one));
    lattice(&sandbox, "narrow", &["new", &far("phase0/step2"), "--no-push"]).exits(2);
    let run =
        lattice(&sandbox, "narrow", &["doctor", "--offline"]).exits(1).says_out("its base `main` does not exist here");
    paste(&sandbox, "narrow", &run);
    lattice(&sandbox, "narrow", &["doctor", "--offline"]).exits(0);
    lattice(&sandbox, "narrow", &["new", &far("phase0/step2"), "--no-push", "--no-switch"]).exits(0);
    let checked = lattice(&sandbox, "narrow", &["check", &one]).exits(0).never_says("cannot be read");
    checked.says_err("not checked: the history that this shallow clone lacks");
}

#[test]
fn push_remote_is_compared_with_itself() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.git_in("", &["clone", "-q", "--bare", "remote.git", "fork.git"]);
    let fork = sandbox.path("fork.git");
    sandbox.git(&["config", "remote.origin.pushurl", fork.to_str().unwrap()]);
    sandbox.lattice(&["new", &one, "--no-switch"]).exits(0).says_out("pushed");
    own_record(&sandbox, "work", "first", &one, &json!({}));
    assert!(!sandbox.remote_has(&one), "it should not be pushed to the fetch remote");
    let sync = || sandbox.lattice(&["sync"]).exits(0).never_says("deleted on the remote").never_says("branch -D");
    sync().says_out("records of this clone pushed").says_out("one point is up to date");
    sync().says_out("one point is up to date").never_says("records");
    let commit = commit_in(&sandbox, "work", &one, "ours = 1\n");
    sync().says_out("pushed");
    assert_eq!(sandbox.git_in("fork.git", &["rev-parse", &branch(&one)]), commit);
    // The second remote has it only after a push to it.
    sandbox.git_in("", &["clone", "-q", "--bare", "remote.git", "mirror.git"]);
    sandbox.git(&["config", "--add", "remote.origin.pushurl", sandbox.path("mirror.git").to_str().unwrap()]);
    sync().says_out("pushed");
    assert_eq!(sandbox.git_in("mirror.git", &["rev-parse", &branch(&one)]), commit);
    sync().says_out("one point is up to date");
    // A branch deleted on both remotes is gone.
    for repo in ["fork.git", "mirror.git"] {
        sandbox.git_in(repo, &["update-ref", "-d", &format!("refs/heads/{}", branch(&one))]);
    }
    sandbox.lattice(&["sync"]).exits(0).says_out("deleted on the remote");
}
