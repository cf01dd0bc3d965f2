//! `git lattice axis rename`, `remove` and `reorder`: lattice.toml, and the points that get other names by that.

use std::fs;

use serde_json::Value;

use crate::sandbox::{Run, Sandbox};
use crate::story::{at, branch, chains, dir, fields, here, toml};

/// Two steps of a phase and the first one of the next, the first step of the other architecture, and a point over both.
fn points() -> Vec<String> {
    let points = ["aarch64/phase0/step1", "x86_64/phase0/step1", "x86_64/phase0/step2", "x86_64/phase1/step1"];
    points.into_iter().chain(["aarch64+x86_64/phase1/step2"]).map(|point| format!("toolchain/{point}")).collect()
}

/// A clone with these points, all pushed, HEAD on `main`.
fn grown() -> Sandbox {
    Sandbox::grown("step", &points())
}

fn lattice_toml(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap()
}

fn trees(sandbox: &Sandbox) -> Vec<String> {
    let listed = sandbox.git(&["for-each-ref", "--format=%(refname) %(tree)", "refs/heads/feature"]);
    listed.lines().map(str::to_owned).collect()
}

/// The names of the points, none of which is behind.
#[track_caller]
fn names(sandbox: &Sandbox) -> Vec<String> {
    let shown = sandbox.lattice(&["status", "--json"]).exits(0).json();
    assert!(!fields(&shown["points"], "state").contains(&"behind"), "{shown:#}");
    fields(&shown["points"], "point").into_iter().map(str::to_owned).collect()
}

fn item(run: &Run, point: &str) -> Value {
    let points = run.json()["points"].as_array().unwrap().clone();
    points.into_iter().find(|item| item["point"] == point).unwrap_or_else(|| panic!("{point}: {}", run.stdout))
}

#[test]
fn help_has_the_pattern_of_a_numbered_chain() {
    let sandbox = Sandbox::without_lattice();
    for args in [&["axis", "rename", "--help"][..], &["help", "axis", "rename"], &["man"]] {
        let run = sandbox.lattice(args).exits(0);
        let text =
            run.stdout.split_whitespace().collect::<Vec<_>>().join(" ").replace("\\*(Aq", "'").replace("\\-", "-");
        assert!(text.contains("axis rename step 'step{n}' 'stage{n}'"), "{args:?}: {text}");
        assert!(!run.stdout.contains('\u{1b}'), "{text}");
    }
}

#[test]
fn value_gets_another_name_in_all_points() {
    let sandbox = grown();
    let before = points();
    let toml = lattice_toml(&sandbox);
    sandbox.write("untracked", "mine\n");
    let run = sandbox.lattice(&["axis", "rename", "arch", "x86_64", "amd64", "--json"]).exits(0);
    assert_eq!(run.json()["lattice_toml"], true);
    let after: Vec<String> = before.iter().map(|point| point.replace("x86_64", "amd64")).collect();
    for (old, new) in before.iter().zip(&after).skip(1) {
        assert_eq!(item(&run, old)["new_point"], new.as_str());
        assert!(sandbox.has(new) && !sandbox.has(old) && sandbox.remote_has(new), "{old} -> {new}");
    }
    let flake = sandbox.git(&["show", &format!("{0}:{1}/flake.nix", branch(&after[3]), dir(&after[3]))]);
    assert!(flake.contains("\"x86_64-linux\"") && flake.contains("\"amd64\""), "the system stays: {flake}");
    assert!(!flake.contains("x86_64/"), "{flake}");
    let edited = lattice_toml(&sandbox);
    assert_eq!(edited, toml.replace("\"x86_64\"]", "\"amd64\"]").replace("\nx86_64 =", "\namd64 ="));
    let mut found = names(&sandbox);
    found.sort();
    let mut expected = after.clone();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(sandbox.git(&["status", "--porcelain"]), " M lattice.toml\n?? untracked");
    sandbox.commit_lattice();
    sandbox.lattice(&["check"]).exits(0);
    sandbox.lattice(&["regenerate", "--dry-run"]).exits(0).says_out("nothing to do");
    sandbox.lattice(&["next-step", &after[3], "--no-switch"]).exits(0);
}

#[test]
fn renaming_there_and_back_gives_the_same_trees() {
    let sandbox = grown();
    let (before, toml) = (trees(&sandbox), lattice_toml(&sandbox));
    for [there, back] in [
        [["axis", "rename", "arch", "x86_64", "amd64"], ["axis", "rename", "arch", "amd64", "x86_64"]],
        [["axis", "rename", "component", "toolchain", "tools"], ["axis", "rename", "component", "tools", "toolchain"]],
        [["axis", "rename", "step", "step{n}", "stage{n}"], ["axis", "rename", "step", "stage{n}", "step{n}"]],
        [["axis", "rename", "arch", "machine", ""], ["axis", "rename", "machine", "arch", ""]],
    ] {
        let words = |words: [&'static str; 5]| words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>();
        sandbox.lattice(&words(there)).exits(0);
        assert_ne!(trees(&sandbox), before, "{there:?}");
        sandbox.commit_lattice();
        sandbox.lattice(&["check"]).exits(0);
        sandbox.lattice(&words(back)).exits(0);
        assert_eq!(trees(&sandbox), before, "{there:?} and back");
        let now: Vec<_> =
            lattice_toml(&sandbox).lines().filter(|line| !line.contains("system-axis")).map(str::to_owned).collect();
        assert_eq!(now, toml.lines().collect::<Vec<_>>());
        sandbox.commit_lattice();
        sandbox.lattice(&["check"]).exits(0);
        assert_eq!(names(&sandbox).len(), 5);
    }
}

#[test]
fn other_files_of_branches_stay() {
    let sandbox = grown();
    let [one, two] = [1, 2].map(|i| points()[i].clone());
    let commit = |point: &str, file: &str| {
        sandbox.git(&["switch", "-q", &branch(point)]);
        sandbox.write(file, "mine\n");
        sandbox.git(&["add", file]);
        sandbox.git(&["commit", "-q", "-m", "a file"]);
        sandbox.git(&["switch", "-q", "main"]);
    };
    // Beside the directories of points, and in that of a point below, which the point above does not get.
    commit(&one, "notes");
    sandbox.lattice(&["restack"]).exits(0);
    commit(&two, &format!("{}/more", dir(&one)));
    commit(&two, "flakes/toolchain/x86_64/notes");
    sandbox.lattice(&["restack"]).exits(0);
    let before = trees(&sandbox);
    sandbox.lattice(&["axis", "rename", "arch", "x86_64", "amd64"]).exits(0);
    let files = |point: &str| sandbox.git(&["ls-tree", "-r", "--name-only", &branch(point)]);
    let above = files("toolchain/amd64/phase1/step1");
    for file in ["notes", "flakes/toolchain/amd64/phase0/step1/more", "flakes/toolchain/x86_64/notes"] {
        assert!(above.lines().any(|line| line == file), "{file}: {above}");
    }
    assert!(!files("toolchain/amd64/phase0/step1").contains("more"));
    sandbox.commit_lattice();
    sandbox.lattice(&["axis", "rename", "arch", "amd64", "x86_64"]).exits(0);
    assert_eq!(trees(&sandbox), before);
}

#[test]
fn renamed_branches_have_an_upstream() {
    let sandbox = Sandbox::grown("config", &points());
    let pushed = |point: &str| sandbox.git(&["rev-parse", "--abbrev-ref", &format!("{}@{{u}}", branch(point))]);
    let old = branch(&points()[1]);
    sandbox.git(&["branch", "--unset-upstream", &old]);
    sandbox.git(&["config", &format!("branch.{old}.description"), "first"]);
    sandbox.git(&["branch", "-q", "-D", &branch(&points()[2])]);
    sandbox.lattice(&["axis", "rename", "arch", "x86_64", "amd64"]).exits(0);
    for point in points().iter().skip(1).map(|point| point.replace("x86_64", "amd64")) {
        assert_eq!(pushed(&point), format!("origin/{}", branch(&point)));
    }
    let new = branch("toolchain/amd64/phase0/step1");
    assert_eq!(sandbox.git(&["config", &format!("branch.{new}.description")]), "first");
    sandbox.git(&["switch", "-q", "-f", &new]);
    sandbox.git(&["commit", "-q", "--allow-empty", "-m", "more"]);
    sandbox.git(&["push", "-q"]);
}

#[test]
fn old_branches_are_one_line_in_each_clone() {
    let sandbox = grown();
    let colleague = sandbox.colleague();
    let local = branch(&points()[1]);
    sandbox.git_in(colleague, &["branch", "-q", &local, &format!("origin/{local}")]);
    let lattice = |args: &[&str]| sandbox.lattice_in(colleague, args, |command| command);
    sandbox.lattice(&["axis", "rename", "arch", "x86_64", "amd64"]).exits(0);
    sandbox.commit_lattice();
    sandbox.git(&["push", "-q"]);
    sandbox.git_in(colleague, &["pull", "-q"]);
    let run = lattice(&["check"]).exits(0).never_says("lookalike");
    run.says_out("C27 old-name").says_out("; 3 other branches have old names too");
    let here = |dir: &str| sandbox.git_in(dir, &["for-each-ref", "--format=%(refname:short)", "refs/heads/feature"]);
    // Work that the renamed point lacks stays, and is named.
    let late = branch(&points()[3]);
    sandbox.git_in(colleague, &["switch", "-q", &late]);
    sandbox.git_in(colleague, &["commit", "-q", "--allow-empty", "-m", "late"]);
    sandbox.git_in(colleague, &["push", "-q"]);
    sandbox.git_in(colleague, &["switch", "-q", "main"]);
    lattice(&["check"]).exits(1).says_out("lookalike").says_out("2 other branches");
    let run = lattice(&["prune", "--moved", "--json"]).exits(0);
    assert_eq!(run.json()["only_remote"], 2);
    let gone = item(&run, &points()[1]);
    assert_eq!((&gone["by"], &gone["branch"]), (&"toolchain/amd64/phase0/step1".into(), &local.as_str().into()));
    lattice(&["undo"]).exits(0);
    assert!(here(colleague).contains(&local));
    lattice(&["prune", "--moved", "--remote"]).exits(0).says_out("only on the remote");
    assert_eq!(here(colleague), late);
    let there = here("remote.git");
    assert_eq!(there.lines().filter(|name| name.contains("/x86_64/")).collect::<Vec<_>>(), [late.as_str()]);
    lattice(&["prune", "--moved"]).exits(0).says_out("no branch has an old name");
    sandbox.refused(&["prune", "--moved", &points()[0]]).exits(2).says_err("name no points");
    lattice(&["undo", "--remote"]).exits(0);
    assert!(here("remote.git").contains(&local));
}

#[test]
fn records_of_old_names_stay_valid() {
    let sandbox = grown();
    let all = points();
    sandbox.built_elsewhere(&[&all[1], &all[2]]);
    sandbox.lattice(&["status"]).exits(0);
    sandbox.lattice(&["axis", "rename", "arch", "x86_64", "amd64"]).exits(0);
    sandbox.commit_lattice();
    for _ in ["seen for the first time", "remembered"] {
        let run = sandbox.lattice(&["status"]).exits(0).never_says("invalid");
        assert_eq!(run.stderr, "", "old names are no damage");
        assert_eq!(sandbox.lattice(&["status", "--json"]).json()["skipped_records"], 0);
    }
    assert_eq!(sandbox.state_of("toolchain/amd64/phase0/step1"), "new");
    let doctor = sandbox.lattice(&["doctor", "--offline"]);
    doctor.says_out("valid; 2 name points that this lattice does not have");
    sandbox.lattice(&["axis", "rename", "arch", "amd64", "x86_64"]).exits(0);
    assert_eq!(sandbox.state_of(&all[1]), "built", "they count again under the old name");
}

#[test]
fn axis_gets_another_name_and_branches_keep_theirs() {
    let sandbox = grown();
    let refs = || sandbox.git(&["for-each-ref", "--format=%(refname)", "refs/heads"]);
    let before = refs();
    let run = sandbox.lattice(&["axis", "rename", "arch", "machine"]).exits(0);
    run.says_out("updated")
        .says_err("axis `arch` is changed in lattice.toml")
        .says_err("git commit -m 'rename arch to machine' lattice.toml && git push origin main");
    assert_eq!(refs(), before);
    let text = lattice_toml(&sandbox);
    assert!(text.contains("machine = { set") && text.contains("{component}/{machine}/{phase}"), "{text}");
    assert!(text.contains("system-axis = \"machine\""), "{text}");
    let point = at("phase0/step1");
    let flake = sandbox.git(&["show", &format!("{}:{}/flake.nix", branch(&point), dir(&point))]);
    assert!(flake.contains("machine = [") && !flake.contains("arch = ["), "{flake}");
    let message = sandbox.git(&["log", "-1", "--format=%B", &branch(&point)]);
    assert!(message.contains("\nLattice-Axis: arch -> machine\n"), "{message}");
    sandbox.lattice(&["status", "--machine", here()]).exits(0).says_out("phase0/step1");
    assert_eq!(names(&sandbox), points_in_table_order());
    sandbox.commit_lattice();
    sandbox.lattice(&["check"]).exits(0);
}

fn points_in_table_order() -> Vec<String> {
    let mut points = points();
    points[1..].rotate_right(1);
    points
}

#[test]
fn same_command_goes_on_where_it_stopped() {
    let sandbox = grown();
    let rename = ["axis", "rename", "arch", "x86_64", "amd64"];
    let new = "toolchain/amd64/phase0/step1";
    sandbox.lattice(&[&rename[..], &["--no-push"]].concat()).exits(0);
    assert!(!sandbox.remote_has(new));
    sandbox.lattice(&rename).exits(0).says_out("no point has to change").says_err("was pushed now");
    assert!(sandbox.remote_has(new) && sandbox.remote_has("toolchain/x86_64/phase0/step1"));
    sandbox.refused(&rename).exits(0).says_out("no point has to change");
    sandbox.commit_lattice();
    sandbox.lattice(&[&rename[..], &["--delete-remote"]].concat()).exits(0);
    assert!(!sandbox.remote_has("toolchain/x86_64/phase0/step1"));
    // What a clone with the old file has pushed in the meantime gets its name later.
    let colleague = sandbox.colleague();
    sandbox.git_in(colleague, &["reset", "-q", "--hard", "HEAD~1"]);
    let late = "toolchain/x86_64/phase9/step1";
    sandbox.lattice_in(colleague, &["new", late, "--no-switch"], |command| command).exits(0);
    sandbox.git(&["fetch", "-q"]);
    sandbox.lattice(&rename).exits(0).says_out("toolchain/amd64/phase9/step1");
    assert!(sandbox.has("toolchain/amd64/phase9/step1"));
    sandbox.lattice(&["restack"]).exits(0);
    assert_eq!(names(&sandbox).len(), 6);
}

#[test]
fn edited_file_without_renamed_points_is_finished() {
    let sandbox = grown();
    let toml = lattice_toml(&sandbox);
    // As after a kill between the file and the refs.
    sandbox.write("lattice.toml", toml.replace("\"x86_64\"]", "\"amd64\"]").replace("\nx86_64 =", "\namd64 ="));
    sandbox.lattice(&["axis", "rename", "arch", "x86_64", "amd64"]).exits(0).says_out("moved");
    assert_eq!(names(&sandbox).len(), 5);
}

#[test]
fn other_changes_of_the_file_are_refused() {
    let sandbox = grown();
    let toml = lattice_toml(&sandbox);
    sandbox.write("lattice.toml", format!("# mine\n{toml}"));
    let run = sandbox.refused(&["axis", "rename", "arch", "x86_64", "amd64"]).exits(1);
    run.says_err("not that of `main`").says_err("git checkout main -- lattice.toml");
    sandbox.git(&["checkout", "-q", "lattice.toml"]);
    sandbox.git(&["switch", "-q", &branch("toolchain/x86_64/phase0/step1")]);
    let run = sandbox.refused(&["axis", "rename", "arch", "x86_64", "amd64"]).exits(1);
    run.says_out("checked out in").says_err("git switch main");
    // A branch that has an older file than `main`.
    sandbox.write("lattice.toml", toml.replace("\"x86_64\"]", "\"amd64\"]").replace("\nx86_64 =", "\namd64 ="));
    let run = sandbox.refused(&["axis", "remove", "arch", "x86_64"]).exits(1);
    run.says_err("not that of `main`").says_err("`git switch main`");
}

#[test]
fn unfinished_points_refuse_the_whole() {
    let sandbox = grown();
    sandbox.commit_to("toolchain/x86_64/phase0/step1", &[("notes", "not restacked\n")]);
    let before = sandbox.git(&["status", "--porcelain"]);
    let run = sandbox.lattice(&["axis", "rename", "arch", "x86_64", "amd64"]).exits(1);
    run.says_out("behind").says_err("git lattice restack").never_says("is changed in lattice.toml");
    assert_eq!(sandbox.git(&["status", "--porcelain"]), before, "the file is as it was");
    assert!(sandbox.has("toolchain/x86_64/phase0/step1"));
}

#[test]
fn names_that_are_taken_or_unknown_are_refused() {
    let sandbox = grown();
    for (args, words) in [
        (&["rename", "arch", "x86_64", "aarch64"][..], "cannot become one"),
        (&["rename", "arch", "x86_64", "AARCH64"], "letter case"),
        (&["rename", "arch", "sparc", "ppc"], "unknown value `sparc`"),
        (&["rename", "arch", "x86_64", "a/b"], "the character '/'"),
        (&["rename", "colour", "shade"], "unknown axis `colour`"),
        (&["rename", "arch", "phase"], "there is such an axis"),
        (&["rename", "arch", "Machine"], "flag"),
        (&["rename", "step", "step1", "step0"], "renamed by their pattern"),
        (&["reorder", "arch", "x86_64"], "each of its values once"),
        (&["reorder", "step", "step1"], "no single list"),
        (&["remove", "arch"], "several values"),
        (&["remove", "arch", "sparc"], "unknown value `sparc`"),
    ] {
        sandbox.refused(&[&["axis"], args].concat()).exits(2).says_err(words);
    }
    sandbox.git(&["branch", "feature/toolchain/amd64"]);
    sandbox.refused(&["axis", "rename", "arch", "x86_64", "amd64"]).exits(1).says_err("conflicts with the branch");
}

#[test]
fn values_without_points_can_be_removed() {
    let sandbox = grown();
    let before = lattice_toml(&sandbox);
    sandbox.lattice(&["axis", "add", "arch", "riscv64"]).exits(0);
    sandbox.lattice(&["axis", "remove", "arch", "riscv64"]).exits(0).says_out("no point has to change");
    assert_eq!(lattice_toml(&sandbox), before);
    let run = sandbox.refused(&["axis", "remove", "arch", "aarch64"]).exits(1);
    run.says_err("toolchain/aarch64/phase0/step1` and 1 other").says_err("git lattice prune");
}

#[test]
fn axis_of_one_value_can_be_removed() {
    let sandbox = grown();
    let refs = || sandbox.git(&["for-each-ref", "--format=%(refname)", "refs/heads"]);
    let before = refs();
    sandbox.lattice(&["axis", "remove", "component"]).exits(0).says_out("x86_64/phase0/step1");
    assert_eq!(refs(), before, "branches keep their names");
    let expected: Vec<_> = points_in_table_order().iter().map(|it| it.replace("toolchain/", "")).collect();
    assert_eq!(names(&sandbox), expected);
    sandbox.commit_lattice();
    sandbox.lattice(&["check"]).exits(0);
    sandbox.lattice(&["next-step", "x86_64/phase1/step1", "--no-switch"]).exits(0);
    assert!(sandbox.has("toolchain/x86_64/phase1/step2"));
}

#[test]
fn order_changes_only_where_no_point_grows_on_another() {
    let sandbox = Sandbox::with_toml(&toml(&chains("[\"boot\", \"mid\", \"final\"]", "\"step{n}\""), ""));
    let (boot, last) = ("toolchain/x86_64/boot/step1".to_owned(), "toolchain/x86_64/final/step1".to_owned());
    sandbox.grow("step", &[boot, last]);
    let before = trees(&sandbox);
    let run = sandbox.refused(&["axis", "reorder", "phase", "final", "mid", "boot"]).exits(1);
    run.says_err("would grow on");
    sandbox.lattice(&["axis", "reorder", "phase", "mid", "boot", "final"]).exits(0).says_out("no point has to change");
    assert!(lattice_toml(&sandbox).contains("[\"mid\", \"boot\", \"final\"]"));
    sandbox.commit_lattice();
    sandbox.lattice(&["axis", "reorder", "arch", "x86_64", "aarch64"]).exits(0);
    assert!(lattice_toml(&sandbox).contains("[\"x86_64\", \"aarch64\"]"));
    assert_eq!(trees(&sandbox), before);
}

#[test]
fn dry_run_and_undo_leave_the_points_as_they_are() {
    let sandbox = grown();
    let rename = ["axis", "rename", "arch", "x86_64", "amd64"];
    let run = sandbox.refused(&[&rename[..], &["--dry-run"]].concat()).exits(0);
    run.says_out("would move").says_err("would be changed in lattice.toml");
    let before = trees(&sandbox);
    sandbox.lattice(&[&rename[..], &["--no-push"]].concat()).exits(0);
    sandbox.lattice(&["undo"]).exits(0).says_err("git checkout HEAD -- lattice.toml");
    assert_eq!(trees(&sandbox), before);
    sandbox.git(&["checkout", "-q", "HEAD", "--", "lattice.toml"]);
    assert_eq!(names(&sandbox), points_in_table_order());
}
