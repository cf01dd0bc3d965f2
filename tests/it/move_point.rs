//! `git lattice move`: another name for a point.

use serde_json::Value;

use crate::sandbox::{Run, Sandbox};
use crate::story::{at, branch, crossing, dir, elsewhere, here};

/// A point over both architectures.
fn both(place: &str) -> String {
    format!("toolchain/aarch64+x86_64/{place}")
}

/// A clone with these points, all pushed, HEAD on `main`.
fn grown() -> Sandbox {
    Sandbox::grown("step", &crossing())
}

fn tree(sandbox: &Sandbox, point: &str) -> String {
    sandbox.git(&["rev-parse", &format!("{}^{{tree}}", branch(point))])
}

fn files(sandbox: &Sandbox, point: &str) -> Vec<String> {
    let listed = sandbox.git(&["ls-tree", "-r", "--name-only", &branch(point), "flakes"]);
    listed.lines().map(str::to_owned).collect()
}

fn flake(sandbox: &Sandbox, on: &str, of: &str) -> String {
    sandbox.git(&["show", &format!("{}:{}/flake.nix", branch(on), dir(of))])
}

fn item(run: &Run, point: &str) -> Value {
    let points = run.json()["points"].as_array().unwrap().clone();
    points.into_iter().find(|item| item["point"] == point).unwrap_or_else(|| panic!("{point}: {}", run.stdout))
}

fn states(sandbox: &Sandbox) -> Vec<(String, String)> {
    let shown = sandbox.lattice(&["status", "--json"]).exits(0).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let points = shown["points"].as_array().unwrap().iter();
    let mut states: Vec<_> = points.map(|it| (text(&it["point"]), text(&it["state"]))).collect();
    states.sort();
    states
}

/// The points of the lattice; none of them is behind.
#[track_caller]
fn names(sandbox: &Sandbox) -> Vec<String> {
    let states = states(sandbox);
    assert!(states.iter().all(|(_, state)| state != "behind"), "{states:?}");
    states.into_iter().map(|(point, _)| point).collect()
}

#[test]
fn point_gets_another_name_everywhere() {
    let sandbox = grown();
    let [one, two, next, far, both] = crossing();
    let new = at("phase0/step3");
    let before = sandbox.commit(&branch(&two));
    let untouched = [&one, &far].map(|point| sandbox.commit(&branch(point)));

    let run = sandbox.lattice(&["move", &two, &new, "--json"]).exits(0);

    let moved = item(&run, &two);
    assert_eq!((&moved["outcome"], &moved["new_point"]), (&"moved".into(), &new.as_str().into()));
    for above in [&next, &both] {
        let updated = item(&run, above);
        assert_eq!((&updated["outcome"], &updated["brings"][0]), (&"updated".into(), &new.as_str().into()));
    }
    assert!(!sandbox.has(&two) && sandbox.has(&new) && sandbox.remote_has(&new));
    assert_eq!(sandbox.git(&["rev-parse", &format!("{}^1", branch(&new))]), before, "on top of the old commit");
    assert_eq!([&one, &far].map(|point| sandbox.commit(&branch(point))), untouched);
    for point in [&new, &next, &both] {
        let files = files(&sandbox, point);
        assert!(!files.iter().any(|file| file.starts_with(&dir(&two))), "{point}: {files:?}");
        assert!(files.contains(&format!("{}/step.nix", dir(&new))), "{point}: {files:?}");
    }
    let own = flake(&sandbox, &new, &new);
    assert!(own.contains(&new) && own.contains(&branch(&new)) && !own.contains(&two), "{own}");
    assert_eq!(flake(&sandbox, &next, &new), own, "the copies are the same");
    let above = flake(&sandbox, &next, &next);
    assert!(above.contains("../../phase0/step3/flake.nix") && !above.contains("step2"), "{above}");
    let message = sandbox.git(&["log", "-1", "--format=%B", &branch(&new)]);
    let trailer = format!("\nLattice-Move: {two} -> {new}\nLattice-Point: {new}\nLattice-Template: step@");
    assert!(message.contains(&trailer), "{message}");
    assert_eq!(names(&sandbox), {
        let mut names = [one, new, next, far, both].to_vec();
        names.sort();
        names
    });
    sandbox.lattice(&["check"]).exits(0);
    sandbox.lattice(&["restack"]).exits(0).says_out("nothing is behind");
    sandbox.lattice(&["regenerate", "--dry-run"]).exits(0).says_out("each generated flake.nix fits");
}

#[test]
fn moving_there_and_back_gives_the_same_trees() {
    let sandbox = grown();
    let all = crossing();
    sandbox.commit_to(&all[1], &[("step.nix", "{ ... }: throw \"mine\"\n"), ("sub/notes", "mine\n")]);
    sandbox.lattice(&["restack"]).exits(0);
    let before = all.clone().map(|point| tree(&sandbox, &point));
    for (point, new) in [(&all[1], at("phase0/step7")), (&all[2], at("phase0/step8")), (&all[4], both("phase7/step1"))]
    {
        sandbox.lattice(&["move", point, &new]).exits(0);
        assert!(sandbox.has(&new) && !sandbox.has(point), "{point} to {new}");
        sandbox.lattice(&["move", &new, point]).exits(0);
        assert_eq!(all.clone().map(|point| tree(&sandbox, &point)), before, "{point} to {new} and back");
        assert_eq!(names(&sandbox).len(), 5);
        sandbox.lattice(&["check"]).exits(0);
    }
}

/// Tries all points of a small lattice as the new name of each: the outcome is a refusal, or a move that can be taken back.
#[test]
fn each_move_is_refused_or_can_be_moved_back() {
    let sandbox = grown();
    let all = crossing();
    let trees = || all.clone().map(|point| tree(&sandbox, &point));
    let before = trees();
    let places = ["phase0/step1", "phase0/step2", "phase0/step3", "phase1/step1", "phase1/step2", "phase1/step3"];
    let arches = [here(), elsewhere(), "aarch64+x86_64"];
    let targets: Vec<String> =
        arches.iter().flat_map(|arch| places.map(|place| format!("toolchain/{arch}/{place}"))).collect();
    let mut moved = Vec::new();
    for (point, new) in all.iter().flat_map(|point| targets.iter().map(move |new| (point, new))) {
        if sandbox.lattice(&["move", point, new, "--no-push"]).code == 0 {
            assert_eq!(names(&sandbox).len(), 5, "{point} to {new}");
            sandbox.lattice(&["check"]).exits(0);
            sandbox.lattice(&["move", new, point, "--no-push"]).exits(0);
            moved.push(format!("{point} to {new}"));
        }
        assert_eq!(trees(), before, "{point} to {new}, and back");
    }
    let expected = format!("{} to {}", all[1], at("phase0/step3"));
    assert!(moved.contains(&expected) && moved.len() >= 4, "{moved:#?}");
}

#[test]
fn records_are_found_again_under_the_old_name() {
    let sandbox = grown();
    let [_, two, ..] = crossing();
    sandbox.built_elsewhere(&[&two]);
    let new = at("phase0/step3");
    sandbox.lattice(&["move", &two, &new]).exits(0);
    assert_eq!(sandbox.state_of(&new), "new", "the coordinates are part of the content");
    sandbox.lattice(&["move", &new, &two]).exits(0);
    assert_eq!(sandbox.state_of(&two), "built");
}

#[test]
fn old_branch_on_the_remote_is_no_point() {
    let sandbox = grown();
    let [_, _, two, ..] = crossing();
    // Above the new name, the old one would be `behind`.
    let new = at("phase0/step8");
    let run = sandbox.lattice(&["move", &two, &new]).exits(0);
    run.says_err("1 old branch stays on `origin`").says_err("--delete-remote");
    assert!(sandbox.remote_has(&two));
    for command in [&["status"][..], &["sync"], &["restack"]] {
        let run = sandbox.lattice(command).exits(0);
        assert!(!run.stdout.contains(&two), "{command:?}: {}", run.stdout);
    }
    let run = sandbox.lattice(&["check"]).exits(0).says_out("git lattice prune --moved --remote");
    run.says_out(&format!("has an old name of the point `{new}`"));
    sandbox.git(&["fetch", "-q"]);
    assert!(!names(&sandbox).contains(&two));
    // New work under the old name is a point again.
    let colleague = sandbox.colleague();
    sandbox.git_in(colleague, &["switch", "-q", &branch(&two)]);
    sandbox.git_in(colleague, &["commit", "-q", "--allow-empty", "-m", "more"]);
    sandbox.git_in(colleague, &["push", "-q"]);
    sandbox.git(&["fetch", "-q"]);
    assert!(states(&sandbox).iter().any(|(point, _)| *point == two));
}

#[test]
fn marker_goes_with_the_branch_on_the_remote() {
    for sweep in [&["sync"][..], &["doctor", "--offline", "--repair"]] {
        let sandbox = grown();
        let [_, _, two, ..] = crossing();
        let markers = || sandbox.git(&["for-each-ref", "--format=%(refname)", "refs/lattice/renamed"]);
        let offers =
            || sandbox.lattice(&["complete", "fish", "--", "show", &two[..two.len() - 1]]).stdout.contains(&two);
        assert!(offers());
        sandbox.lattice(&["move", &two, &at("phase0/step8")]).exits(0);
        assert!(!offers(), "the old name is no point");
        sandbox.lattice(&["sync"]).exits(0);
        assert!(markers().contains(&branch(&two)), "the remote has the branch: {}", markers());
        sandbox.git_in("remote.git", &["branch", "-q", "-D", &branch(&two)]);
        if sweep[0] == "doctor" {
            sandbox.git(&["fetch", "-q", "--prune"]);
        }
        sandbox.lattice(sweep);
        assert_eq!(markers(), "", "{sweep:?}");
        sandbox.lattice(&["undo"]).exits(0);
        assert!(sandbox.has(&two), "the move can be undone all the same");
    }
}

#[test]
fn old_branch_goes_with_a_lease() {
    let sandbox = grown();
    let [_, two, ..] = crossing();
    let new = at("phase0/step3");
    sandbox.lattice(&["move", &two, &new, "--delete-remote"]).exits(0).says_out("also on the remote");
    assert!(!sandbox.remote_has(&two) && sandbox.remote_has(&new));
    // The same command again has nothing to do.
    let run = sandbox.refused(&["move", &two, &new, "--delete-remote", "--json"]).exits(0);
    assert_eq!(item(&run, &new)["outcome"], "unchanged");

    let newer = at("phase0/step4");
    let colleague = sandbox.colleague();
    sandbox.git_in(colleague, &["switch", "-q", &branch(&new)]);
    sandbox.git_in(colleague, &["commit", "-q", "--allow-empty", "-m", "meanwhile"]);
    sandbox.git_in(colleague, &["push", "-q"]);
    sandbox.lattice(&["move", &new, &newer, "--delete-remote"]).exits(1).says_err("another commit than last fetched");
    assert!(sandbox.remote_has(&new) && !sandbox.remote_has(&newer), "all or nothing on the remote");
}

#[test]
fn same_command_later_pushes_and_deletes() {
    let sandbox = grown();
    let [_, two, next, ..] = crossing();
    let new = at("phase0/step3");
    sandbox.lattice(&["move", &two, &new, "--no-push"]).exits(0);
    assert!(!sandbox.remote_has(&new));
    sandbox.lattice(&["move", &two, &new]).exits(0);
    assert!(sandbox.remote_has(&new) && sandbox.remote_has(&two));
    let there = |point: &str| sandbox.git_in("remote.git", &["rev-parse", &branch(point)]);
    assert_eq!(there(&next), sandbox.commit(&branch(&next)));
    let run = sandbox.lattice(&["move", &two, &new, "--delete-remote"]).exits(0);
    run.says_err("1 old branch is deleted on `origin`").never_says("could not push");
    assert!(!sandbox.remote_has(&two));
}

#[test]
fn undo_takes_a_move_back() {
    let sandbox = grown();
    let [_, two, ..] = crossing();
    let refs = |dir| sandbox.git_in(dir, &["for-each-ref", "refs/heads", "refs/remotes", "refs/lattice/renamed"]);
    let before = (refs("work"), refs("remote.git"));
    sandbox.lattice(&["move", &two, &at("phase0/step3"), "--delete-remote"]).exits(0);
    let run = sandbox.lattice(&["undo", "--remote"]).exits(0);
    run.never_says("refs/lattice/renamed");
    assert_eq!((refs("work"), refs("remote.git")), before);
    sandbox.lattice(&["move", &two, &at("phase0/step3"), "--no-push"]).exits(0);
    sandbox.lattice(&["undo"]).exits(0);
    assert_eq!((refs("work"), refs("remote.git")), before);
}

#[test]
fn moves_that_change_the_order_are_refused() {
    let sandbox = grown();
    let [one, two, next, ..] = crossing();
    for (point, new, words) in [
        (&one, at("phase0/step5"), "would grow on"),
        (&two, at("phase1/step5"), "would grow on"),
        (&next, format!("toolchain/{}/phase1/step1", elsewhere()), "would grow on"),
        (&two, next.clone(), "exists already"),
        (&two, two.clone(), "exists already"),
    ] {
        sandbox.refused(&["move", point, &new]).exits(1).says_err(words);
    }
    sandbox.refused(&["move", &two, "toolchain/sparc/phase0/step2"]).exits(2).says_err("axis add arch sparc");
    sandbox.refused(&["move", &at("phase7/step1"), &at("phase7/step2")]).exits(2).says_err("has no branch");
    sandbox.refused(&["move", "toolchain/*/phase0/step1", &two]).exits(2).says_err("expected one point");
    sandbox.git(&["branch", &format!("{}/x", branch(&at("phase0/step3")))]);
    sandbox.refused(&["move", &two, &at("phase0/step3")]).exits(1).says_err("conflicts with the branch");
}

#[test]
fn unfinished_points_refuse_the_move_as_a_whole() {
    let sandbox = grown();
    let [one, two, next, ..] = crossing();
    let new = at("phase0/step3");
    sandbox.commit_to(&one, &[("notes", "not restacked\n")]);
    let run = sandbox.refused(&["move", &two, &new]).exits(1);
    run.says_out(&format!("behind `{one}`")).says_err(&format!("git lattice restack {two}"));
    sandbox.lattice(&["restack"]).exits(0);
    sandbox.git(&["switch", "-q", &branch(&next)]);
    sandbox.write(&format!("{}/step.nix", dir(&next)), "# not committed\n");
    let run = sandbox.refused(&["move", &two, &new]).exits(1);
    run.says_out("uncommitted changes").says_err("status");
}

#[test]
fn worktree_of_a_moved_point_follows() {
    let sandbox = grown();
    let [_, two, next, ..] = crossing();
    let new = at("phase0/step3");
    sandbox.git(&["switch", "-q", &branch(&two)]);
    sandbox.git(&["worktree", "add", "-q", "../linked", &branch(&next)]);
    sandbox.write("untracked", "mine\n");
    sandbox.lattice(&["move", &two, &new]).exits(0);
    assert_eq!(sandbox.git(&["symbolic-ref", "--short", "HEAD"]), branch(&new));
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "?? untracked");
    assert!(sandbox.work().join(dir(&new)).join("step.nix").exists() && !sandbox.work().join(dir(&two)).exists());
    assert_eq!(sandbox.git_in("linked", &["status", "--porcelain"]), "");
    assert!(sandbox.path("linked").join(dir(&new)).exists());
    // `undo` would delete the branch that is checked out.
    sandbox.refused(&["undo"]).exits(1).says_err("git switch");
}

#[test]
fn configuration_of_the_branch_gets_its_name() {
    let sandbox = Sandbox::new();
    let (one, new) = (at("phase0/step1"), at("phase0/step2"));
    sandbox.lattice(&["new", &one]).exits(0);
    sandbox.git(&["config", &format!("branch.{}.description", branch(&one)), "first"]);
    sandbox.lattice(&["move", &one, &new]).exits(0);
    let value = |point: &str, key: &str| {
        sandbox.try_git("work", &["config", &format!("branch.{}.{key}", branch(point))]).text()
    };
    assert_eq!(value(&new, "merge"), format!("refs/heads/{}", branch(&new)));
    assert_eq!((value(&new, "remote").as_str(), value(&new, "description").as_str()), ("origin", "first"));
    assert_eq!(value(&one, "merge"), "");
    assert_eq!(sandbox.git(&["status", "-sb"]), format!("## {0}...origin/{0}", branch(&new)));
}

#[test]
fn points_made_here_need_no_trust_after_a_move() {
    let sandbox = grown();
    let [_, two, next, ..] = crossing();
    let needs_none = |point: &str| {
        sandbox.lattice(&["trust", point]).exits(0).says_err("is built automatically already");
    };
    needs_none(&two);
    let (new, newer) = (at("phase0/step3"), at("phase0/step4"));
    sandbox.lattice(&["move", &two, &new]).exits(0);
    [&new, &next].into_iter().for_each(|point| needs_none(point));
    sandbox.lattice(&["undo"]).exits(0);
    [&two, &next].into_iter().for_each(|point| needs_none(point));
    sandbox.lattice(&["undo"]).exits(0);
    sandbox.lattice(&["move", &new, &newer]).exits(0);
    sandbox.lattice(&["next-step", &newer, "--no-switch"]).exits(0);
    [&newer, &next, &at("phase0/step5")].into_iter().for_each(|point| needs_none(point));
}

#[test]
fn hand_written_flakes_move_as_they_are() {
    let sandbox = grown();
    let [_, two, next, ..] = crossing();
    let text = "# git-lattice: hand-written\n{ outputs = _: { }; }\n";
    sandbox.commit_to(&two, &[("flake.nix", text)]);
    sandbox.commit_to(&next, &[("flake.nix", "{ outputs = _: { packages = { }; }; }\n")]);
    sandbox.lattice(&["restack"]).exits(0);
    let new = at("phase0/step3");
    let run = sandbox.refused(&["move", &two, &new, "--dry-run"]).exits(0);
    let run = run.says_out("would move").says_err("is hand-written: it stays as it is");
    run.says_err("is not what a template of this version makes");
    sandbox.lattice(&["move", &two, &new]).exits(0);
    assert_eq!(flake(&sandbox, &new, &new) + "\n", text);
}

#[test]
fn point_only_on_the_remote_can_be_moved() {
    let sandbox = grown();
    let [_, two, next, ..] = crossing();
    sandbox.git(&["branch", "-D", "-q", &branch(&two)]);
    let new = at("phase0/step3");
    sandbox.lattice(&["move", &two, &new]).exits(0);
    assert!(sandbox.has(&new) && !names(&sandbox).contains(&two));
    assert!(flake(&sandbox, &next, &next).contains(here()));
    sandbox.lattice(&["check"]).exits(0);
}

#[test]
fn other_clones_prune_the_branch_of_the_old_name() {
    let sandbox = grown();
    let [_, two, ..] = crossing();
    let new = at("phase0/step3");
    let colleague = sandbox.colleague();
    let lattice = |args: &[&str]| sandbox.lattice_in(colleague, args, |command| command);
    sandbox.git_in(colleague, &["branch", "-q", &branch(&two), &format!("origin/{}", branch(&two))]);
    sandbox.lattice(&["move", &two, &new, "--delete-remote"]).exits(0);
    lattice(&["sync"]).exits(0).says_out("deleted on the remote");
    let run = lattice(&["prune", "--json"]).exits(0);
    let gone = item(&run, &two);
    assert_eq!((&gone["cause"], &gone["by"]), (&"moved".into(), &new.as_str().into()), "{gone}");
}
