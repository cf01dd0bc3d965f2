//! Repositories that keep their objects and refs in another way.

use serde_json::json;

use super::{commit_in, lattice, own_record, pushed_in, shared, states};
use crate::story::{at, branch, far};

#[test]
fn a_bare_repository_syncs_too() {
    let (sandbox, colleague) = shared();
    let [one, new] = [at("phase0/step1"), at("phase0/step2")];
    sandbox.git_in("", &["clone", "-q", "--bare", "remote.git", "bare.git"]);
    let theirs = pushed_in(&sandbox, colleague, &one, "theirs = 1\n");
    lattice(&sandbox, "bare.git", &["new", &new, "--no-push"]).exits(0);
    lattice(&sandbox, "bare.git", &["sync"]).exits(0).says("fast-forwarded").says("pushed");
    assert_eq!(sandbox.git_in("bare.git", &["rev-parse", &branch(&one)]), theirs);
    assert!(sandbox.remote_has(&new));
    lattice(&sandbox, "bare.git", &["sync"]).exits(0).says("3 points are up to date");
    let status = lattice(&sandbox, "bare.git", &["status", "--json"]).exits(0).json();
    assert!(status["points"].as_array().unwrap().iter().all(|point| point["pushed"] == true), "{status}");
}

#[test]
fn a_shallow_clone_syncs_too() {
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
    lattice(&sandbox, "shallow", &["sync"]).exits(0).says("fast-forwarded").says("pushed").never_says("diverged");
    assert_eq!(sandbox.git_in("shallow", &["rev-parse", &branch(&one)]), theirs);
    assert_eq!(sandbox.git_in("remote.git", &["rev-parse", &branch(&other)]), ours);
    assert!(sandbox.remote_has(&new));
    assert!(sandbox.git_in("shallow", &["for-each-ref", "refs/notes"]).contains("second"));
}

#[test]
fn a_repository_with_reftable_syncs_too() {
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
    let run =
        lattice(&sandbox, "tables", &["sync"]).exits(0).says("fast-forwarded").says("records of this clone pushed");
    run.says("records of one other clone fetched");
    assert_eq!(sandbox.git_in("tables", &["rev-parse", &branch(&one)]), theirs);
    lattice(&sandbox, colleague, &["sync"]).exits(0);
    assert_eq!(states(&sandbox, "tables"), states(&sandbox, colleague));
}
