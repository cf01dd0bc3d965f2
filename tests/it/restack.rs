//! `git lattice restack`: merging what moved below into the points above.

use crate::sandbox::{Run, Sandbox};
use crate::story::{branch, crossing, dir};

/// A clone with these points, all pushed, HEAD on `main`.
fn grown() -> Sandbox {
    Sandbox::grown("step", &crossing())
}

/// Commits a change to a file in the directory of `of` on the branch of `on`, without checking it out.
fn change_file(sandbox: &Sandbox, on: &str, of: &str, file: &str, text: &str) {
    let (branch, path) = (branch(on), format!("{}/{file}", dir(of)));
    sandbox.git(&["worktree", "add", "-q", "../change", &branch]);
    sandbox.write(&format!("../change/{path}"), text);
    sandbox.git_in("change", &["add", "-A"]);
    sandbox.git_in("change", &["commit", "-q", "-m", &format!("change {file}")]);
    sandbox.git(&["worktree", "remove", "--force", "../change"]);
}

/// Commits a new `step.nix` of a point on its own branch.
fn fix(sandbox: &Sandbox, point: &str) {
    change_file(sandbox, point, point, "step.nix", "{ ... }: throw \"fixed\"\n");
}

fn tip(sandbox: &Sandbox, point: &str) -> String {
    sandbox.git(&["rev-parse", &format!("refs/heads/{}", branch(point))])
}

fn own_directory(sandbox: &Sandbox, point: &str) -> String {
    sandbox.git(&["rev-parse", &format!("{}:{}", branch(point), dir(point))])
}

fn outcomes(run: &Run) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let points = run.json()["points"].as_array().unwrap().clone();
    points.iter().map(|point| (text(&point["point"]), text(&point["outcome"]))).collect()
}

#[test]
fn fix_reaches_every_point_above() {
    let sandbox = grown();
    let [step1, step2, phase1, other, both] = crossing();
    fix(&sandbox, &step1);
    let before = [&step2, &phase1, &both].map(|point| own_directory(&sandbox, point));
    for point in [&step2, &phase1, &both] {
        assert_eq!(sandbox.state_of(point), "behind", "{point}");
    }
    sandbox.lattice(&["status"]).exits(0).says_out("git lattice restack");
    let untouched = [&step1, &other].map(|point| tip(&sandbox, point));
    let firsts = [&step2, &phase1, &both].map(|point| tip(&sandbox, point));

    let run = sandbox.lattice(&["restack", "--json"]).exits(0);
    let expected = [&step2, &phase1, &both].map(|point| (point.clone(), "restacked".to_owned()));
    assert_eq!(outcomes(&run), expected);

    for (point, first) in [&step2, &phase1, &both].into_iter().zip(&firsts) {
        assert_eq!(sandbox.git(&["rev-parse", &format!("{}^1", branch(point))]), *first, "{point}: first parent");
        let message = sandbox.git(&["log", "-1", "--format=%B", &branch(point)]);
        assert!(message.contains("\nLattice-Restack: toolchain/"), "{message}");
        assert_eq!(sandbox.state_of(point), "new");
        let copy = sandbox.git(&["show", &format!("{}:{}/step.nix", branch(point), dir(&step1))]);
        assert!(copy.contains("fixed"), "{point} has the fix");
        let there = sandbox.git_in("remote.git", &["rev-parse", &branch(point)]);
        assert_eq!(there, tip(&sandbox, point), "{point} is pushed");
    }
    assert_eq!([&step2, &phase1, &both].map(|point| own_directory(&sandbox, point)), before);
    assert_eq!([&step1, &other].map(|point| tip(&sandbox, point)), untouched);
    assert_eq!(sandbox.git_in("remote.git", &["rev-parse", &branch(&step1)]), untouched[0], "the fix is pushed too");

    let all = sandbox.git(&["for-each-ref"]);
    sandbox.lattice(&["restack"]).exits(0).says_out("nothing is behind");
    assert_eq!(sandbox.git(&["for-each-ref"]), all, "restacking again changes nothing");
    sandbox.lattice(&["check"]).exits(0);
}

#[test]
fn behind_counts_points_at_any_depth() {
    let sandbox = grown();
    let [step1, step2, phase1, ..] = crossing();
    sandbox.built_elsewhere(&[&step2, &phase1]);
    assert_eq!(sandbox.state_of(&phase1), "built");
    fix(&sandbox, &step1);
    assert_eq!(sandbox.state_of(&phase1), "behind", "two levels above the fix");
    let run = sandbox.refused(&["promote", &phase1, "--to", "base"]).exits(1);
    run.says_out(&format!("behind `{step1}`")).says_out(&format!("git lattice restack {phase1}"));
    sandbox.lattice(&["status", &phase1]).exits(0).says_out("behind");
    sandbox.lattice(&["show", &phase1]).exits(0).says_out("behind");
}

#[test]
fn merging_by_hand_past_a_cover_is_not_behind() {
    let sandbox = grown();
    let [step1, step2, phase1, ..] = crossing();
    fix(&sandbox, &step1);
    sandbox.git(&["switch", "-q", &branch(&phase1)]);
    sandbox.git(&["merge", "-q", "--no-edit", &branch(&step1)]);
    assert_eq!(sandbox.state_of(&step2), "behind");
    assert_ne!(sandbox.state_of(&phase1), "behind", "it has the fix itself");
}

#[test]
fn named_points_bring_only_what_is_below_them() {
    let sandbox = grown();
    let [step1, step2, phase1, _, both] = crossing();
    fix(&sandbox, &step1);
    let run = sandbox.lattice(&["restack", &phase1, "--json"]).exits(0);
    let expected = [&step2, &phase1].map(|point| (point.clone(), "restacked".to_owned()));
    assert_eq!(outcomes(&run), expected);
    assert_eq!(sandbox.state_of(&both), "behind");
    let run = sandbox.lattice(&["restack", &phase1, "--json"]).exits(0);
    assert_eq!(outcomes(&run), [(phase1, "unchanged".to_owned())]);
}

#[test]
fn dry_run_writes_nothing_and_shows_the_plan() {
    let sandbox = grown();
    let [step1, step2, ..] = crossing();
    fix(&sandbox, &step1);
    sandbox.lattice(&["status"]).exits(0);
    let run = sandbox.refused(&["restack", "--dry-run"]).exits(0);
    run.says_out("would restack").says_out(&step2);
}

#[test]
fn conflicting_points_and_those_above_are_left_out() {
    let sandbox = grown();
    let [step1, step2, phase1, other, both] = crossing();
    // The copy of step 1 on step 2's branch was edited by hand.
    change_file(&sandbox, &step2, &step1, "step.nix", "{ ... }: null\n");
    fix(&sandbox, &step1);
    fix(&sandbox, &other);
    let before = [&step2, &phase1, &both].map(|point| tip(&sandbox, point));
    let run = sandbox.lattice(&["restack"]).exits(1);
    let path = format!("{}/step.nix", dir(&step1));
    let run = run.says_out(&format!("conflict in {path}")).says_out(&format!("`{step2}` below it was left out"));
    let command = format!("git switch {} && git merge {}", branch(&step2), branch(&step1));
    let run = run.says_err(&command);
    assert_eq!([&step2, &phase1, &both].map(|point| tip(&sandbox, point)), before, "{}", run.stdout);
    // The command works, and then the rest goes through.
    sandbox.git(&["switch", "-q", &branch(&step2)]);
    sandbox.try_git("work", &["merge", &branch(&step1)]);
    sandbox.git(&["checkout", "-q", "--theirs", &path]);
    sandbox.git(&["commit", "-q", "-a", "--no-edit"]);
    sandbox.lattice(&["restack"]).exits(0);
    for point in [&step2, &phase1, &both] {
        assert_ne!(sandbox.state_of(point), "behind", "{point}");
    }
}

#[test]
fn clean_worktrees_follow_their_branch() {
    let sandbox = grown();
    let [step1, step2, ..] = crossing();
    fix(&sandbox, &step1);
    sandbox.git(&["switch", "-q", &branch(&step2)]);
    sandbox.write("untracked", "mine\n");
    sandbox.lattice(&["restack"]).exits(0);
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "?? untracked");
    let copy = std::fs::read_to_string(sandbox.work().join(dir(&step1)).join("step.nix")).unwrap();
    assert!(copy.contains("fixed"), "{copy}");
    assert_eq!(sandbox.git(&["rev-parse", "HEAD"]), tip(&sandbox, &step2));
    // `undo` takes the files back too.
    sandbox.lattice(&["undo"]).exits(0);
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "?? untracked");
    let copy = std::fs::read_to_string(sandbox.work().join(dir(&step1)).join("step.nix")).unwrap();
    assert!(!copy.contains("fixed"), "{copy}");
}

#[test]
fn worktrees_with_changes_are_left_out() {
    let sandbox = grown();
    let [step1, step2, phase1, ..] = crossing();
    fix(&sandbox, &step1);
    sandbox.git(&["switch", "-q", &branch(&step2)]);
    let changed = format!("{}/step.nix", dir(&step2));
    sandbox.write(&changed, "# not committed\n");
    let before = sandbox.state();
    let run = sandbox.lattice(&["restack"]).exits(1).says_out("uncommitted changes").says_out(&phase1);
    assert_eq!(sandbox.state(), before, "{}", run.stdout);
    sandbox.git(&["checkout", "-q", &changed]);
    sandbox.git(&["merge", "-q", "--no-ff", "--no-commit", &branch(&step1)]);
    sandbox.lattice(&["restack"]).exits(1).says_out("unfinished work");
    sandbox.git(&["merge", "--abort"]);
    // git names the git directory of a rebase, where `git status` does not work.
    sandbox.try_git("work", &["rebase", "-q", "--exec", "false", "HEAD~1"]);
    let run = sandbox.lattice(&["restack", "--json"]).exits(1);
    let items = run.json()["points"].as_array().unwrap().clone();
    let command = items.iter().find_map(|item| item["command"].as_str()).unwrap();
    assert_eq!(command, format!("git -C '{}' status", sandbox.work().canonicalize().unwrap().display()));
    assert!(sandbox.paste("work", command).contains("rebas"), "{command}");
    sandbox.git(&["rebase", "--abort"]);
    sandbox.lattice(&["restack"]).exits(0);
}

#[test]
fn untracked_file_in_the_way_leaves_its_branch_out() {
    for (added, untracked) in [("notes", "notes"), ("notes/one", "notes")] {
        let sandbox = grown();
        let [step1, step2, phase1, ..] = crossing();
        change_file(&sandbox, &step1, &step1, added, "from below\n");
        sandbox.git(&["switch", "-q", &branch(&phase1)]);
        sandbox.write(&format!("{}/{untracked}", dir(&step1)), "mine\n");
        let files = sandbox.git(&["status", "--porcelain"]);
        let run = sandbox.lattice(&["restack"]).exits(1);
        run.says_out("the untracked file").says_out("notes").says_out(&format!("`{phase1}` below it was left out"));
        assert_eq!(sandbox.git(&["status", "--porcelain"]), files);
        assert_eq!(sandbox.state_of(&phase1), "behind");
        assert_ne!(sandbox.state_of(&step2), "behind", "the others are restacked");
    }
}

#[test]
fn undo_takes_a_restack_back() {
    let sandbox = grown();
    let [step1, ..] = crossing();
    fix(&sandbox, &step1);
    let before = sandbox.git(&["for-each-ref", "refs/heads"]);
    sandbox.lattice(&["restack", "--no-push"]).exits(0);
    let after = sandbox.git(&["for-each-ref", "refs/heads"]);
    sandbox.lattice(&["undo"]).exits(0);
    assert_eq!(sandbox.git(&["for-each-ref", "refs/heads"]), before);
    sandbox.lattice(&["undo"]).exits(0);
    assert_eq!(sandbox.git(&["for-each-ref", "refs/heads"]), after);
}

#[test]
fn failed_push_is_made_up_for_by_the_same_command() {
    let sandbox = grown();
    let [step1, step2, phase1, other, _] = crossing();
    fix(&sandbox, &step1);
    sandbox.git(&["remote", "set-url", "--push", "origin", "/nonexistent"]);
    sandbox.lattice(&["restack"]).exits(1).says_err("the same command pushes them later");
    fix(&sandbox, &other);
    sandbox.git(&["remote", "set-url", "--delete", "--push", "origin", "/nonexistent"]);
    sandbox.lattice(&["restack", &phase1, "--no-push"]).exits(0);
    assert_ne!(sandbox.git_in("remote.git", &["rev-parse", &branch(&step2)]), tip(&sandbox, &step2));
    sandbox.lattice(&["restack", &phase1]).exits(0).says_err("pushed now");
    for point in [&step2, &phase1] {
        assert_eq!(sandbox.git_in("remote.git", &["rev-parse", &branch(point)]), tip(&sandbox, point), "{point}");
    }
    assert_ne!(sandbox.git_in("remote.git", &["rev-parse", &branch(&other)]), tip(&sandbox, &other));
}

#[test]
fn base_is_merged_into_the_lowest_points() {
    let sandbox = grown();
    sandbox.write("README", "new\n");
    sandbox.git(&["add", "README"]);
    sandbox.git(&["commit", "-q", "-m", "readme"]);
    sandbox.git(&["push", "-q"]);
    sandbox.lattice(&["restack"]).exits(0).says_out("nothing is behind");
    let run = sandbox.lattice(&["restack", "--base", "--json"]).exits(0);
    assert_eq!(outcomes(&run).len(), 5);
    for point in crossing() {
        assert_eq!(sandbox.git(&["show", &format!("{}:README", branch(&point))]), "new", "{point}");
    }
}

#[test]
fn clones_that_restack_at_once_are_cured_by_restacking() {
    let sandbox = grown();
    let [step1, ..] = crossing();
    fix(&sandbox, &step1);
    sandbox.git(&["push", "-q", "origin", &branch(&step1)]);
    sandbox.git_in("", &["clone", "-q", "remote.git", "colleague"]);
    sandbox.lattice_in("colleague", &["sync"], |command| command).exits(0);
    sandbox.lattice(&["restack"]).exits(0);
    let colleague =
        |args: &[&str]| sandbox.lattice_in("colleague", args, |command| command.env("GIT_COMMITTER_NAME", "Colleague"));
    let there = colleague(&["restack"]).exits(1);
    there.says_err("git lattice sync");
    colleague(&["sync"]);
    colleague(&["restack"]).exits(0);
    let run = colleague(&["sync"]).exits(0);
    assert!(!run.stdout.contains("diverged"), "{}", run.stdout);
    sandbox.lattice(&["sync"]).exits(0);
    sandbox.lattice(&["restack"]).exits(0).says_out("nothing is behind");
    sandbox.lattice(&["check"]).exits(0);
}
