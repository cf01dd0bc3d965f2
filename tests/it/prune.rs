//! `git lattice prune`: deleting the branches of points that are no longer needed.

use serde_json::Value;

use crate::sandbox::{Run, Sandbox};
use crate::story::{at, branch, dir, far, fields};

/// Three steps of a phase, and the first one of the next phase.
fn chain() -> [String; 4] {
    ["phase0/step1", "phase0/step2", "phase0/step3", "phase1/step1"].map(at)
}

/// A clone with that chain, all pushed, HEAD on `main`.
fn grown() -> Sandbox {
    Sandbox::grown("config", &chain())
}

fn merge_into_main(sandbox: &Sandbox, point: &str) {
    sandbox.git(&["merge", "-q", "--no-ff", "--no-edit", &branch(point)]);
    sandbox.git(&["push", "-q"]);
}

/// Commits to a point without pushing.
fn extend(sandbox: &Sandbox, point: &str) {
    sandbox.commit_to(point, &[("note", "not pushed\n")]);
}

fn outcomes(run: &Run) -> Vec<(String, String)> {
    let points = run.json()["points"].clone();
    let (names, outcomes) = (fields(&points, "point"), fields(&points, "outcome"));
    names.into_iter().map(str::to_owned).zip(outcomes.into_iter().map(str::to_owned)).collect()
}

fn all<'p>(points: impl IntoIterator<Item = &'p String>, outcome: &str) -> Vec<(String, String)> {
    points.into_iter().map(|point| (point.clone(), outcome.to_owned())).collect()
}

fn item(run: &Run, point: &str) -> Value {
    let points = run.json()["points"].as_array().unwrap().clone();
    points.into_iter().find(|item| item["point"] == point).unwrap_or_else(|| panic!("{point}: {}", run.stdout))
}

#[test]
fn superseded_steps_go_and_the_last_one_stays() {
    let sandbox = grown();
    let [one, two, three, next] = chain();
    let run = sandbox.lattice(&["prune", "--json"]).exits(0);
    assert_eq!(outcomes(&run), all([&one, &two], "pruned"));
    assert_eq!((&item(&run, &one)["cause"], &item(&run, &one)["by"]), (&"superseded".into(), &three.as_str().into()));
    assert_eq!([&one, &two, &three, &next].map(|point| sandbox.has(point)), [false, false, true, true]);
    assert!(sandbox.remote_has(&one), "without --remote the remote's branches stay");
    sandbox.lattice(&["prune"]).exits(0).says_out("nothing to prune");
    assert_ne!(sandbox.state_of(&three), "behind");
    sandbox.lattice(&["check"]).exits(0);
}

#[test]
fn steps_of_an_unfinished_phase_stay() {
    let sandbox = Sandbox::new();
    let [one, two, ..] = chain();
    sandbox.lattice(&["new", &one, &two, "--no-switch"]).exits(0);
    sandbox.refused(&["prune"]).exits(0).says_out("nothing to prune");
}

#[test]
fn step_whose_commits_the_last_step_lacks_stays() {
    let sandbox = grown();
    let [one, two, ..] = chain();
    extend(&sandbox, &one);
    sandbox.lattice(&["sync"]).exits(0);
    let run = sandbox.lattice(&["prune", "--json"]).exits(0);
    assert_eq!(outcomes(&run), all([&two], "pruned"));
    sandbox.lattice(&["restack"]).exits(0);
    let run = sandbox.lattice(&["prune", "--json"]).exits(0);
    assert_eq!(outcomes(&run), all([&one, &two], "pruned"), "restacking made `{two}` here again");
}

#[test]
fn join_keeps_the_steps_that_it_grows_on() {
    let sandbox = grown();
    let [one, two, three, _] = chain();
    let join = "toolchain/aarch64+x86_64/phase0/step2".to_owned();
    sandbox.lattice(&["new", &far("phase0/step1"), &join, "--no-switch"]).exits(0);
    sandbox.refused(&["prune"]).exits(0).says_out("nothing to prune");
    let run = sandbox.refused(&["prune", &two]).exits(1);
    run.says_out("left out").says_out(" grows on it");
    sandbox.lattice(&["prune", &join]).exits(0);
    sandbox.git(&["update-ref", "-d", &format!("refs/remotes/origin/{}", branch(&join))]);
    let run = sandbox.lattice(&["prune", "--json"]).exits(0);
    assert_eq!(outcomes(&run), all([&one, &two], "pruned"));
    assert!(sandbox.has(&three));
}

#[test]
fn merged_points_go_with_their_branches_on_the_remote() {
    let sandbox = grown();
    let points = chain();
    merge_into_main(&sandbox, &points[3]);
    let run = sandbox.lattice(&["prune", "--remote", "--json"]).exits(0);
    assert_eq!(outcomes(&run), all(&points, "pruned"));
    assert_eq!(fields(&run.json()["points"], "cause"), ["merged"; 4]);
    for point in &points {
        assert!(!sandbox.has(point) && !sandbox.remote_has(point), "{point}");
    }
    assert_eq!(sandbox.git(&["for-each-ref", "refs/remotes/origin/feature"]), "");
    sandbox.lattice(&["prune", "--remote"]).exits(0).says_out("nothing to prune");
    sandbox.lattice(&["check"]).exits(0);
}

#[test]
fn merged_points_stay_while_others_grow_on_them() {
    let sandbox = grown();
    let [one, ..] = chain();
    sandbox.git(&["merge", "-q", "--no-ff", "--no-edit", &branch(&at("phase0/step3"))]);
    sandbox.git(&["push", "-q"]);
    let run = sandbox.lattice(&["prune", "--json"]).exits(0);
    assert_eq!(run.json()["points"].as_array().unwrap().len(), 0, "`phase1/step1` stays: {}", run.stdout);
    let run = sandbox.refused(&["prune", &one]).exits(1);
    run.says_out("grows on it");
}

#[test]
fn named_point_goes_unless_another_grows_on_it() {
    let sandbox = grown();
    let [_, two, three, next] = chain();
    let run = sandbox.refused(&["prune", &three]).exits(1);
    run.says_out("left out").says_out(&format!("`{next}` grows on it"));
    let run = sandbox.lattice(&["prune", &next, &three, "--json"]).exits(0);
    assert_eq!(outcomes(&run), all([&three, &next], "pruned"));
    assert_eq!(fields(&run.json()["points"], "cause"), ["named"; 2]);
    assert!(sandbox.has(&two));
    sandbox.lattice(&["status"]).exits(0).says_out("phase0/step2");
}

#[test]
fn unpushed_work_stays_without_force() {
    let sandbox = grown();
    let [.., next] = chain();
    extend(&sandbox, &next);
    extend(&sandbox, &next);
    let run = sandbox.refused(&["prune", &next]).exits(1);
    let run = run.says_out("2 commits that no remote branch has");
    run.says_err("1 point has commits that no remote branch has").says_err("--force");
    let tip = sandbox.commit(&branch(&next));
    let run = sandbox.lattice(&["prune", &next, "--force", "--json"]).exits(0);
    assert_eq!(item(&run, &next)["unpushed"], 2);
    assert!(!sandbox.has(&next));
    sandbox.git(&["gc", "-q", "--prune=now"]);
    sandbox.lattice(&["undo"]).exits(0);
    assert_eq!(sandbox.commit(&branch(&next)), tip);
}

#[test]
fn commits_on_any_remote_branch_are_safe() {
    let sandbox = grown();
    let [.., next] = chain();
    extend(&sandbox, &next);
    sandbox.git(&["push", "-q", "origin", &format!("{}:refs/heads/backup", branch(&next))]);
    sandbox.lattice(&["prune", &next]).exits(0).says_out("pruned");
}

#[test]
fn without_a_remote_only_what_no_branch_has_is_kept() {
    let sandbox = grown();
    let [one, two, three, next] = chain();
    sandbox.git(&["remote", "remove", "origin"]);
    sandbox.git(&["config", "lattice.base", "main"]);
    let run = sandbox.lattice(&["prune", "--json"]).exits(0);
    assert_eq!(outcomes(&run), all([&one, &two], "pruned"), "`{three}` has their commits");
    sandbox.lattice(&["prune", &next]).exits(1).says_out("1 commit that no remote branch has");
    sandbox.lattice(&["prune", &next, "--force"]).exits(0);
    assert!(!sandbox.has(&next));
}

#[test]
fn checked_out_branch_stays_with_the_command_that_leaves_it() {
    let sandbox = grown();
    let [one, two, _, next] = chain();
    sandbox.git(&["worktree", "add", "-q", "../linked", &branch(&one)]);
    let run = sandbox.lattice(&["prune"]).exits(1);
    let run = run.says_out("checked out in").says_out(&two);
    let command = run.stderr.split('`').nth(1).unwrap().to_owned();
    assert!(sandbox.has(&one) && !sandbox.has(&two), "{}", run.stdout);
    assert!(command.starts_with("git -C ") && command.ends_with(" switch --detach"), "{command}");
    sandbox.git_in("linked", &["switch", "-q", "--detach"]);
    sandbox.lattice(&["prune"]).exits(0);
    assert!(!sandbox.has(&one), "`{two}` on the remote does not keep it");
    sandbox.git(&["switch", "-q", &branch(&next)]);
    sandbox.lattice(&["prune", &next]).exits(1).says_err("`git switch main`");
}

#[test]
fn upstream_of_a_deleted_branch_goes_too() {
    let sandbox = Sandbox::new();
    let (one, two) = (at("phase0/step1"), at("phase0/step2"));
    sandbox.lattice(&["new", &one]).exits(0);
    sandbox.lattice(&["next-step"]).exits(0);
    sandbox.git(&["config", &format!("branch.{}.description", branch(&two)), "second"]);
    sandbox.git(&["switch", "-q", "main"]);
    let sections = |point: &str| {
        let pattern = format!("^branch\\.{}\\.", branch(point).replace('.', "\\."));
        sandbox.try_git("work", &["config", "--local", "--get-regexp", &pattern]).text()
    };
    assert_eq!(sections(&two).lines().count(), 3, "{}", sections(&two));
    sandbox.lattice(&["prune", &two]).exits(0);
    assert_eq!(sections(&two), "");
    assert_eq!(sections(&one).lines().count(), 2, "the others stay");
    assert!(!sandbox.git(&["config", "--local", "--list"]).is_empty());
}

#[test]
fn undo_brings_the_branches_back_also_on_the_remote() {
    let sandbox = grown();
    let [.., three, next] = chain();
    let refs = |dir| sandbox.git_in(dir, &["for-each-ref", "refs/heads", "refs/remotes"]);
    let before = (refs("work"), refs("remote.git"));
    sandbox.lattice(&["prune", &three, &next, "--remote"]).exits(0);
    assert!(!sandbox.remote_has(&next));
    sandbox.git(&["gc", "-q", "--prune=now"]);
    sandbox.lattice(&["undo"]).exits(0).says_err("--force-with-lease");
    assert!(sandbox.has(&next) && !sandbox.remote_has(&next));
    sandbox.lattice(&["undo"]).exits(0);
    let ops = sandbox.lattice(&["ops", "--json"]).exits(0).json();
    let prune = ops["operations"].as_array().unwrap().iter().find(|it| it["command"][0] == "prune").unwrap();
    sandbox.lattice(&["undo", prune["id"].as_str().unwrap(), "--remote"]).exits(0);
    assert_eq!((refs("work"), refs("remote.git")), before);
}

#[test]
fn points_only_on_the_remote_go_with_remote_alone() {
    let sandbox = grown();
    let [.., next] = chain();
    sandbox.git(&["branch", "-D", "-q", &branch(&next)]);
    sandbox.refused(&["prune", &next]).exits(1).says_out("only on the remote");
    let there = sandbox.git_in("remote.git", &["rev-parse", &branch(&next)]);
    sandbox.lattice(&["prune", &next, "--remote"]).exits(0);
    assert!(!sandbox.remote_has(&next));
    sandbox.git(&["gc", "-q", "--prune=now"]);
    sandbox.refused(&["undo"]).exits(1).says_err("deleted branches on a remote only").says_err("--remote");
    sandbox.lattice(&["undo", "--remote"]).exits(0);
    assert_eq!(sandbox.git_in("remote.git", &["rev-parse", &branch(&next)]), there);
    // The undo can be undone as well.
    sandbox.lattice(&["undo", "--remote"]).exits(0);
    assert!(!sandbox.remote_has(&next));
}

#[test]
fn pattern_may_match_points_that_only_the_remote_has() {
    let sandbox = grown();
    let [one, ..] = chain();
    let all = one.replace("phase0/step1", "*/*");
    sandbox.lattice(&["prune", &all]).exits(0).says_err("4 branches stay on `origin`");
    let run = sandbox.refused(&["prune", &all]).exits(0).says_out("nothing to prune");
    run.says_err("4 points are only on `origin`, where `--remote` deletes them");
    let run = sandbox.refused(&["prune", &all, "--json"]).exits(0).json();
    assert_eq!((run["points"].clone(), run["unchanged"].clone()), (serde_json::json!([]), 4.into()));
    assert_eq!(run["only_remote"], 4);
    sandbox.refused(&["prune", &all, &one]).exits(1).says_out("left out").says_err("3 points are only on `origin`");
    sandbox.lattice(&["prune", &all, "--remote"]).exits(0);
    assert!(!sandbox.remote_has(&one));
}

#[test]
fn remote_with_other_commits_keeps_its_branches() {
    let sandbox = grown();
    let [.., three, next] = chain();
    let colleague = sandbox.colleague();
    sandbox.git_in(colleague, &["switch", "-q", &branch(&next)]);
    sandbox.git_in(colleague, &["commit", "-q", "--allow-empty", "-m", "meanwhile"]);
    sandbox.git_in(colleague, &["push", "-q"]);
    let run = sandbox.lattice(&["prune", &three, &next, "--remote"]).exits(1);
    run.says_err("another commit than last fetched").says_err("git lattice sync");
    assert!(sandbox.remote_has(&three) && sandbox.remote_has(&next), "all or none");
    sandbox.lattice(&["sync"]).exits(0);
    sandbox.lattice(&["prune", &three, &next, "--remote"]).exits(0);
    assert!(!sandbox.remote_has(&three) && !sandbox.remote_has(&next));
}

#[test]
fn branch_that_the_remote_deleted_already_is_no_obstacle() {
    let sandbox = grown();
    let [.., three, next] = chain();
    sandbox.git_in("remote.git", &["update-ref", "-d", &format!("refs/heads/{}", branch(&next))]);
    sandbox.lattice(&["prune", &three, &next, "--remote"]).exits(0);
    assert!(!sandbox.remote_has(&three));
    assert_eq!(
        sandbox.try_git("work", &["rev-parse", "-q", "--verify", &format!("origin/{}", branch(&next))]).text(),
        ""
    );
}

#[test]
fn points_without_a_branch_are_unchanged_beside_others() {
    let sandbox = grown();
    let [.., next] = chain();
    let none = at("phase7/step1");
    let run = sandbox.lattice(&["prune", &none, &next, "--json"]).exits(0);
    assert_eq!(outcomes(&run), [all([&next], "pruned"), all([&none], "unchanged")].concat());
    sandbox.refused(&["prune", &none, &next, "--dry-run", "--remote"]).exits(0);
    sandbox.refused(&["prune", &none]).exits(2).says_err("has no branch");
}

#[test]
fn dry_run_writes_nothing_and_gives_reasons() {
    let sandbox = grown();
    let [.., three, next] = chain();
    let run = sandbox.refused(&["prune", "--dry-run"]).exits(0);
    run.says_out("would prune").says_out(&format!("superseded by `{three}`"));
    sandbox.refused(&["prune", &next, "--remote", "--dry-run"]).exits(0).says_out("named; also on the remote");
    sandbox.refused(&["prune", &at("phase7/step1")]).exits(2).says_err("has no branch");
}

#[test]
fn content_and_history_stay_in_the_points_above() {
    let sandbox = grown();
    let [one, _, three, _] = chain();
    let path = format!("{}/flake.nix", dir(&one));
    let before = sandbox.bytes(&branch(&three), &path);
    sandbox.lattice(&["prune", "--remote"]).exits(0);
    assert_eq!(sandbox.bytes(&branch(&three), &path), before);
    let run = sandbox.lattice(&["show", &three, "--json"]).exits(0);
    assert_eq!(run.json()["state"], "new");
    sandbox.lattice(&["next-step", &three, "--no-switch"]).exits(0);
    sandbox.lattice(&["check"]).exits(0);
}
