//! Two clones that make the same point: the second takes the first one's commit, or is told how to bring the two together.

use std::fs;

use super::lattice;
use crate::sandbox::{Run, Sandbox};
use crate::story::{at, branch, dir, far, texts};

/// A lattice and a colleague's clone whose commits differ from ours by their author.
fn two_clones() -> (Sandbox, &'static str) {
    let sandbox = Sandbox::new();
    let colleague = sandbox.colleague();
    sandbox.git_in(colleague, &["config", "user.name", "C Olleague"]);
    (sandbox, colleague)
}

fn tip(sandbox: &Sandbox, dir: &str, point: &str) -> String {
    sandbox.git_in(dir, &["rev-parse", &format!("refs/heads/{}", branch(point))])
}

/// The command that `status` gives for a diverged branch, after checking that `sync` and the command before give it too.
#[track_caller]
fn advised(sandbox: &Sandbox, before: Option<&Run>) -> String {
    let sync = sandbox.lattice(&["sync"]).exits(1);
    let status = sandbox.lattice(&["status"]).exits(0);
    let command = status.stdout.lines().find_map(|line| line.strip_prefix("diverged:")).map(str::trim);
    let command = command.unwrap_or_else(|| panic!("status should name a command:\n{}", status.stdout)).to_owned();
    for run in before.into_iter().chain([&sync]) {
        assert!(run.stderr.contains(&format!("hint: `{command}` ")), "`{command}` should be advised:\n{}", run.stderr);
    }
    command
}

/// Commits a change of a file of a point that is checked out.
fn commit_here(sandbox: &Sandbox, dir: &str, point: &str, name: &str, text: &str) {
    fs::write(sandbox.path(dir).join(format!("flakes/{point}/{name}")), text).unwrap();
    sandbox.git_in(dir, &["commit", "-q", "-a", "-m", "change the step"]);
}

#[test]
fn new_takes_the_point_that_was_pushed_first() {
    let (sandbox, colleague) = two_clones();
    let one = at("phase0/step1");
    lattice(&sandbox, colleague, &["new", &one]).exits(0);
    let theirs = tip(&sandbox, colleague, &one);
    let run = sandbox.lattice(&["new", &one]).exits(0).says_out("fetched").says_out("pushed");
    run.says_err(&format!("another clone pushed `{one}` first, with the same content: its commit is used"));
    assert_eq!(sandbox.git(&["rev-parse", "HEAD"]), theirs);
    assert_eq!(sandbox.git(&["symbolic-ref", "--short", "HEAD"]), branch(&one));
    assert_eq!(sandbox.git(&["rev-parse", "--abbrev-ref", "@{upstream}"]), format!("origin/{}", branch(&one)));
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    sandbox.lattice(&["new", &one]).exits(0).says_out("unchanged").says_out("pushed");
    sandbox.lattice(&["sync"]).exits(0).says_out("one point is up to date");
}

#[test]
fn undo_after_taking_brings_the_own_commit_back() {
    let (sandbox, colleague) = two_clones();
    let one = at("phase0/step1");
    sandbox.points(&[&one]);
    let ours = tip(&sandbox, "work", &one);
    lattice(&sandbox, colleague, &["new", &one]).exits(0);
    let theirs = tip(&sandbox, colleague, &one);
    sandbox.lattice(&["sync", "--dry-run"]).exits(0);
    sandbox.lattice(&["sync", "--no-push"]).exits(0).says_out("moved").says_out("to the commit of `origin`");
    assert_eq!(tip(&sandbox, "work", &one), theirs);
    sandbox.git(&["reflog", "expire", "--expire=now", "--all"]);
    sandbox.git(&["gc", "-q", "--prune=now"]);
    sandbox.lattice(&["undo"]).exits(0).says_out("moved back");
    assert_eq!(tip(&sandbox, "work", &one), ours);
    sandbox.lattice(&["status"]).exits(0).says_out("diverged:").says_out(&format!("git lattice sync {one}"));
    let ops = sandbox.lattice(&["ops", "--json"]).exits(0).json();
    let made = ops["operations"].as_array().unwrap().iter().find(|it| it["title"] == format!("lattice: add {one}"));
    let made = made.unwrap()["id"].as_str().unwrap();
    sandbox.lattice(&["undo", made, "--remote"]).exits(0).says_out("deleted");
    assert!(!sandbox.has(&one) && sandbox.remote_has(&one), "the colleague's branch stays on the remote");
}

#[test]
fn next_step_and_promote_take_it_too() {
    let (sandbox, colleague) = two_clones();
    let [one, two, next] = [at("phase0/step1"), at("phase0/step2"), at("phase1/step1")];
    sandbox.lattice(&["new", &one, "--no-switch"]).exits(0);
    sandbox.git_in(colleague, &["pull", "-q"]);
    lattice(&sandbox, colleague, &["next-step", &one]).exits(0);
    let run = sandbox.lattice(&["next-step", &one, "--json"]).exits(0).json();
    assert_eq!(texts(&run["taken"]), [&two]);
    assert_eq!((&run["unchanged"][0]["pushed"], &run["created"]), (&true.into(), &serde_json::json!([])));
    assert_eq!(tip(&sandbox, "work", &two), tip(&sandbox, colleague, &two));
    lattice(&sandbox, colleague, &["promote", "--force", "--reason", "a trial"]).exits(0);
    sandbox.lattice(&["promote", "--force", "--reason", "another trial"]).exits(0).says_out("fetched");
    assert_eq!(tip(&sandbox, "work", &next), tip(&sandbox, colleague, &next));
}

#[test]
fn points_made_on_a_taken_one_are_made_again() {
    let (sandbox, colleague) = two_clones();
    let [one, two, three] = [at("phase0/step1"), at("phase0/step2"), far("phase0/step1")];
    lattice(&sandbox, colleague, &["new", &one]).exits(0);
    sandbox.lattice(&["new", &one, &two, &three]).exits(0).says_out("fetched").says_out("created");
    assert_eq!(
        sandbox.parents(&two),
        [tip(&sandbox, colleague, &one)],
        "step 2 should grow from the colleague's step 1"
    );
    assert!(sandbox.remote_has(&two) && sandbox.remote_has(&three));
    sandbox.lattice(&["check"]).exits(0);
    sandbox.lattice(&["sync"]).exits(0).says_out("3 points are up to date");
}

#[test]
fn same_point_on_another_lower_commit_is_taken() {
    let (sandbox, colleague) = two_clones();
    let [one, two] = [at("phase0/step1"), at("phase0/step2")];
    sandbox.lattice(&["new", &one]).exits(0);
    sandbox.git_in(colleague, &["pull", "-q"]);
    sandbox.git_in(colleague, &["switch", "-q", &branch(&one)]);
    commit_here(&sandbox, colleague, &one, "config.toml", "changed = 1\n");
    sandbox.git_in(colleague, &["push", "-q"]);
    lattice(&sandbox, colleague, &["new", &two, "--config", "/dev/null"]).exits(0);
    sandbox.write("../empty.toml", "");
    sandbox.lattice(&["new", &two, "--config", "../empty.toml", "--no-push"]).exits(0);
    sandbox.git(&["worktree", "add", "-q", "../linked", "main"]);
    // The branch is checked out in `work`, which has no changes and moves along.
    let untouched = format!("{}/untracked", dir(&two));
    sandbox.write(&untouched, "mine\n");
    lattice(&sandbox, "linked", &["sync"]).exits(0).says_out("moved").says_out("fast-forwarded");
    assert_eq!(tip(&sandbox, "work", &two), tip(&sandbox, colleague, &two));
    assert_eq!(sandbox.git(&["status", "--porcelain"]), format!("?? {untouched}"));
    assert_eq!(fs::read_to_string(sandbox.work().join(dir(&one)).join("config.toml")).unwrap(), "changed = 1\n");
}

#[test]
fn undo_works_after_new_took_the_point() {
    let (sandbox, colleague) = two_clones();
    let one = at("phase0/step1");
    lattice(&sandbox, colleague, &["new", &one]).exits(0);
    sandbox.lattice(&["new", &one]).exits(0).says_out("fetched");
    sandbox.lattice(&["undo"]).exits(0).says_out("moved back");
    assert_ne!(tip(&sandbox, "work", &one), tip(&sandbox, colleague, &one));
    sandbox.lattice(&["new", &one]).exits(0).says_out("fetched");
    assert_eq!(tip(&sandbox, "work", &one), tip(&sandbox, colleague, &one));
}

#[test]
fn different_content_is_named_with_the_command() {
    for checked_out in [false, true] {
        let (sandbox, colleague) = two_clones();
        let one = at("phase0/step1");
        sandbox.write("other.toml", "other = 1\n");
        lattice(&sandbox, colleague, &["new", &one, "--config", "../work/other.toml"]).exits(0);
        if checked_out {
            sandbox.lattice(&["new", &one, "--no-push"]).exits(0);
        }
        let run = sandbox.lattice(&["new", &one]).exits(1).says_out("not pushed").never_says("pushes them later");
        let ours = tip(&sandbox, "work", &one);
        let what = "both sides added the point, with different content: `config.toml`";
        let run = run.says_err(what);
        let command = advised(&sandbox, Some(&run));
        let sync = sandbox.lattice(&["sync", "--json"]).exits(1).json();
        assert_eq!(sync["points"][0]["differs"], serde_json::json!(["config.toml"]));
        assert_eq!(sync["points"][0]["command"], command);
        assert!(command.contains(if checked_out { "git rebase --onto" } else { "git branch -f" }), "{command}");
        sandbox.paste("work", &command);
        assert_eq!(tip(&sandbox, "work", &one), tip(&sandbox, colleague, &one));
        assert!(sandbox.git(&["reflog", "--format=%H", &branch(&one)]).contains(&ours), "the own commit stays");
        sandbox.lattice(&["sync"]).exits(0).says_out("one point is up to date");
    }
}

#[test]
fn own_commits_are_kept_on_top_of_the_taken_point() {
    for content in ["same", "other"] {
        let (sandbox, colleague) = two_clones();
        let one = at("phase0/step1");
        sandbox.write("../other.toml", "other = 1\n");
        let more: &[&str] = if content == "other" { &["--config", "../other.toml"] } else { &[] };
        let new = ["new", &one, "--template", "step"];
        lattice(&sandbox, colleague, &[&new[..], more].concat()).exits(0);
        sandbox.lattice(&[&new[..], &["--no-push"]].concat()).exits(0);
        commit_here(&sandbox, "work", &one, "step.nix", "{ ... }: throw \"mine\"\n");
        // Switched away or not, the same command works.
        let run = sandbox.lattice(&new).exits(1).says_err("you have one more commit");
        let command = advised(&sandbox, Some(&run));
        assert!(command.starts_with("git rebase --onto"), "{command}");
        sandbox.paste("work", &command);
        assert_eq!(sandbox.parents(&one), [tip(&sandbox, colleague, &one)]);
        let step = sandbox.bytes(&branch(&one), &format!("{}/step.nix", dir(&one)));
        assert_eq!(String::from_utf8_lossy(&step), "{ ... }: throw \"mine\"\n", "{content}");
        let config = sandbox.bytes(&branch(&one), &format!("{}/config.toml", dir(&one)));
        assert_eq!(config == b"other = 1\n", content == "other", "the colleague's config.toml should be there");
        sandbox.lattice(&["sync"]).exits(0).says_out("pushed");
    }
}

#[test]
fn uncommitted_changes_are_left_alone_and_kept() {
    let (sandbox, colleague) = two_clones();
    let [one, two] = [at("phase0/step1"), at("phase0/step2")];
    sandbox.lattice(&["new", &one, "--template", "step"]).exits(0);
    sandbox.git_in(colleague, &["pull", "-q"]);
    sandbox.git_in(colleague, &["switch", "-q", &branch(&one)]);
    commit_here(&sandbox, colleague, &one, "step.nix", "{ ... }: throw \"theirs\"\n");
    sandbox.git_in(colleague, &["push", "-q"]);
    lattice(&sandbox, colleague, &["next-step", "--fresh"]).exits(0);
    sandbox.lattice(&["next-step", "--no-push", "--fresh"]).exits(0);
    let ours = tip(&sandbox, "work", &two);
    let step = format!("{}/step.nix", dir(&two));
    sandbox.write(&step, "{ ... }: throw \"mine\"\n");
    let command = advised(&sandbox, None);
    assert_eq!(tip(&sandbox, "work", &two), ours, "a worktree with changes is not moved");
    assert!(command.starts_with("git rebase --autostash --onto"), "{command}");
    sandbox.paste("work", &command);
    assert_eq!(tip(&sandbox, "work", &two), tip(&sandbox, colleague, &two));
    assert_eq!(sandbox.git(&["status", "--porcelain"]), format!(" M {step}"));
}

#[test]
fn untracked_file_in_the_way_is_never_overwritten() {
    let (sandbox, colleague) = two_clones();
    let [one, two] = [at("phase0/step1"), at("phase0/step2")];
    sandbox.lattice(&["new", &one]).exits(0);
    sandbox.git_in(colleague, &["pull", "-q"]);
    sandbox.git_in(colleague, &["switch", "-q", &branch(&one)]);
    fs::write(sandbox.path(colleague).join(format!("{}/notes", dir(&one))), "theirs\n").unwrap();
    sandbox.git_in(colleague, &["add", "."]);
    sandbox.git_in(colleague, &["commit", "-q", "-m", "notes"]);
    sandbox.git_in(colleague, &["push", "-q"]);
    lattice(&sandbox, colleague, &["next-step"]).exits(0);
    sandbox.lattice(&["next-step", "--no-push"]).exits(0);
    let ours = tip(&sandbox, "work", &two);
    sandbox.write(&format!("{}/notes", dir(&one)), "mine\n");
    sandbox.lattice(&["sync", &two]).exits(1).says_out("diverged").says_err("hint: `git rebase");
    assert_eq!(tip(&sandbox, "work", &two), ours);
    assert_eq!(sandbox.git(&["status", "--porcelain"]), format!("?? {}/notes", dir(&one)));
    sandbox.lattice(&["next-step", &one]).exits(1).says_err("hint: `git rebase");
    assert_eq!(fs::read_to_string(sandbox.work().join(dir(&one)).join("notes")).unwrap(), "mine\n");
}

#[test]
fn branch_of_another_worktree_is_rebased_there() {
    let (sandbox, colleague) = two_clones();
    let one = at("phase0/step1");
    lattice(&sandbox, colleague, &["new", &one, "--template", "step"]).exits(0);
    sandbox.lattice(&["new", &one, "--template", "step", "--no-push", "--no-switch"]).exits(0);
    sandbox.git(&["worktree", "add", "-q", "../linked", &branch(&one)]);
    commit_here(&sandbox, "linked", &one, "step.nix", "{ ... }: throw \"mine\"\n");
    let command = advised(&sandbox, None);
    assert!(command.starts_with("git -C '"), "{command}");
    sandbox.paste("work", &command);
    assert_eq!(sandbox.parents(&one), [tip(&sandbox, colleague, &one)]);
    assert_eq!(sandbox.git(&["symbolic-ref", "--short", "HEAD"]), "main");
    assert_eq!(sandbox.git_in("linked", &["status", "--porcelain"]), "");
}

#[test]
fn merges_of_lower_points_survive_the_rebase() {
    let (sandbox, colleague) = two_clones();
    let [one, two] = [at("phase0/step1"), at("phase0/step2")];
    sandbox.lattice(&["new", &one, "--template", "step"]).exits(0);
    sandbox.git_in(colleague, &["pull", "-q"]);
    lattice(&sandbox, colleague, &["next-step", &one]).exits(0);
    sandbox.lattice(&["next-step", "--no-push"]).exits(0);
    sandbox.commit_to(&one, &[("step.nix", "{ ... }: throw \"new\"\n")]);
    sandbox.git(&["merge", "-q", "--no-edit", &branch(&one)]);
    let command = advised(&sandbox, None);
    assert!(command.contains("--rebase-merges"), "{command}");
    sandbox.paste("work", &command);
    assert_eq!(sandbox.parents(&two), [tip(&sandbox, colleague, &two), tip(&sandbox, "work", &one)]);
    sandbox.lattice(&["sync"]).exits(0);
    assert_ne!(sandbox.state_of(&two), "behind");
}

#[test]
fn amended_point_is_not_taken_for_the_generated_one() {
    let (sandbox, colleague) = two_clones();
    let one = at("phase0/step1");
    lattice(&sandbox, colleague, &["new", &one]).exits(0);
    sandbox.lattice(&["new", &one, "--no-push"]).exits(0);
    sandbox.write("README", "mine\n");
    sandbox.git(&["commit", "-q", "-a", "--amend", "--no-edit"]);
    let command = advised(&sandbox, None);
    sandbox.paste("work", &command);
    assert_eq!(sandbox.bytes(&branch(&one), "README"), b"mine\n");
    assert_eq!(sandbox.parents(&one), [tip(&sandbox, colleague, &one)]);
}

#[test]
fn branch_in_the_middle_of_a_rebase_is_not_taken() {
    let (sandbox, colleague) = two_clones();
    let one = at("phase0/step1");
    lattice(&sandbox, colleague, &["new", &one]).exits(0);
    sandbox.lattice(&["new", &one, "--no-push"]).exits(0);
    let ours = tip(&sandbox, "work", &one);
    sandbox.try_git("work", &["rebase", "-q", "--exec", "false", "HEAD~1"]);
    sandbox.lattice(&["sync"]).exits(1).says_out("rebase of the branch is in progress");
    assert_eq!(tip(&sandbox, "work", &one), ours);
    sandbox.git(&["rebase", "--abort"]);
    sandbox.lattice(&["sync"]).exits(0).says_out("moved");
}

#[test]
fn commits_on_a_shared_point_are_merged_by_the_command() {
    let (sandbox, colleague) = two_clones();
    let one = at("phase0/step1");
    sandbox.lattice(&["new", &one, "--template", "step"]).exits(0);
    sandbox.git_in(colleague, &["pull", "-q"]);
    sandbox.git_in(colleague, &["switch", "-q", &branch(&one)]);
    commit_here(&sandbox, colleague, &one, "config.toml", "theirs = 1\n");
    sandbox.git_in(colleague, &["push", "-q"]);
    commit_here(&sandbox, "work", &one, "step.nix", "{ ... }: throw \"mine\"\n");
    sandbox.git(&["switch", "-q", "main"]);
    let command = advised(&sandbox, None);
    assert!(command.starts_with("git switch "), "{command}");
    sandbox.paste("work", &format!("GIT_EDITOR=true; export GIT_EDITOR; {command}"));
    sandbox.lattice(&["sync"]).exits(0).says_out("pushed");
}

#[test]
fn base_that_was_pushed_first_is_merged_by_the_command() {
    let (sandbox, colleague) = two_clones();
    let one = at("phase0/step1");
    sandbox.lattice(&["new", &one]).exits(0);
    sandbox.git_in(colleague, &["commit", "-q", "--allow-empty", "-m", "theirs"]);
    sandbox.git_in(colleague, &["push", "-q"]);
    let promote = ["promote", &one, "--to", "base", "--force", "--reason", "a trial"];
    let run = sandbox.lattice(&promote).exits(1).says_err("the remote has other commits on the branch");
    let command = run.stderr.split('`').find(|piece| piece.starts_with("git fetch")).unwrap_or_default().to_owned();
    sandbox.paste("work", &format!("GIT_EDITOR=true; export GIT_EDITOR; {command}"));
    assert_eq!(sandbox.git(&["rev-parse", "main"]), sandbox.git_in("remote.git", &["rev-parse", "main"]));
    sandbox.lattice(&promote).exits(0).says_out("unchanged");
}
