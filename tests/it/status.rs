//! `git lattice status`: the states of points, how they are shown, and that the cache is never stale.

use std::fs;

use crate::sandbox::Sandbox;
use crate::story::{at, branch, dir, elsewhere, far, fields, here, texts};

fn with_points(points: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.points(points);
    sandbox
}

/// The line of the table for this row, with single spaces.
#[track_caller]
fn row(sandbox: &Sandbox, name: &str) -> String {
    let table = sandbox.lattice(&["status"]).exits(0).stdout;
    let line = table.lines().find(|line| line.split_whitespace().next() == Some(name));
    line.unwrap_or_else(|| panic!("there should be a row `{name}`:\n{table}"))
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn empty_lattice_suggests_the_first_point() {
    let sandbox = Sandbox::new();
    let run = sandbox.lattice(&["status"]).exits(0).says_err("no point has a branch yet");
    let run = run.says_err("`git lattice new --arch aarch64` makes the first one");
    sandbox.lattice(&["new", "--arch", "aarch64", "--dry-run"]).exits(0);
    assert_eq!(run.stdout, "", "stdout should have points only");
    assert_eq!(sandbox.lattice(&["status", "--json"]).json()["points"], serde_json::json!([]));
}

#[test]
fn steps_are_rows_and_architectures_are_columns() {
    let sandbox = with_points(&[&at("phase0/step1"), &far("phase0/step1"), &at("phase0/step2"), &at("phase1/step1")]);
    let table = sandbox.lattice(&["status"]).exits(0).stdout;
    let words = |i: usize| table.lines().nth(i).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(words(0), ["toolchain", "aarch64", "x86_64"], "{table}");
    let rows: Vec<_> = (1..4).map(|i| words(i)[0]).collect();
    assert_eq!(rows, ["phase0/step1", "phase0/step2", "phase1/step1"], "{table}");
    assert_eq!(words(1)[1..], ["·", "new", "^", "·", "new", "^"], "{table}");
}

#[test]
fn each_component_has_a_table() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["axis", "add", "component", "gcc"]).exits(0);
    sandbox.commit_lattice();
    sandbox.points(&[&at("phase0/step1"), &format!("gcc/{}/phase0/step1", here())]);
    let table = sandbox.lattice(&["status"]).exits(0).stdout;
    let titles: Vec<_> =
        table.lines().filter(|line| line.ends_with(here())).map(|line| line.split_whitespace().next()).collect();
    assert_eq!(titles, [Some("toolchain"), Some("gcc")], "in the order of lattice.toml: {table}");
}

#[test]
fn every_state_has_a_mark_and_a_word() {
    for (verdict, shown) in [("built", "✓ built"), ("failed", "✗ failed"), ("no-builder", "? no-builder")] {
        let sandbox = with_points(&[&at("phase0/step1")]);
        sandbox.record(&at("phase0/step1"), &format!("{}-linux", here()), verdict);
        assert_eq!(row(&sandbox, "phase0/step1"), format!("phase0/step1 {shown} ^"));
        assert_eq!(sandbox.state_of(&at("phase0/step1")), verdict);
    }
}

#[test]
fn point_over_two_architectures_is_built_when_both_are() {
    let join = "toolchain/aarch64+x86_64/phase0/step1";
    let sandbox = with_points(&[join]);
    assert_eq!(sandbox.state_of(join), "new");
    sandbox.record(join, "aarch64-linux", "built");
    assert_eq!(sandbox.state_of(join), "new", "x86_64 should be listed as missing");
    sandbox.record(join, "x86_64-linux", "failed");
    assert_eq!(sandbox.state_of(join), "failed");
    sandbox.record(join, "x86_64-linux", "built");
    assert_eq!(sandbox.state_of(join), "built");
}

#[test]
fn point_is_behind_when_one_below_has_moved() {
    let [one, two, three] = ["phase0/step1", "phase0/step2", "phase0/step3"].map(at);
    let sandbox = with_points(&[&one, &two, &three]);
    sandbox.commit_to(&one, &[("config.toml", "new = true\n")]);
    assert_eq!(sandbox.state_of(&one), "new");
    assert_eq!(sandbox.state_of(&two), "behind");
    assert_eq!(sandbox.state_of(&three), "behind", "the point directly below should count with what it lacks");
    assert!(row(&sandbox, "phase0/step2").contains("↓ behind"));
}

#[test]
fn point_is_behind_when_one_is_made_between() {
    let sandbox = with_points(&[&at("phase0/step1"), &at("phase0/step3")]);
    assert_eq!(sandbox.state_of(&at("phase0/step3")), "new");
    sandbox.points(&[&at("phase0/step2")]);
    assert_eq!(sandbox.state_of(&at("phase0/step3")), "behind");
}

#[test]
fn unpushed_point_is_marked() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.lattice(&["new", &one, "--no-switch"]).exits(0);
    assert_eq!(row(&sandbox, "phase0/step1"), "phase0/step1 · new");
    assert_eq!(sandbox.point(&one)["pushed"], true);
    sandbox.commit_to(&one, &[("config.toml", "more = 1\n")]);
    assert_eq!(row(&sandbox, "phase0/step1"), "phase0/step1 · new ^");
    assert_eq!(sandbox.point(&one)["pushed"], false);
}

#[test]
fn heads_point_is_marked() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", &at("phase0/step1")]).exits(0);
    assert_eq!(row(&sandbox, "phase0/step1"), "phase0/step1 · new *");
}

#[test]
fn next_commands_are_suggested() {
    let [one, two] = ["phase0/step1", "phase0/step2"].map(at);
    let sandbox = with_points(&[&one, &two]);
    sandbox.lattice(&["status"]).exits(0).says_out(&format!("git lattice build {one}"));
    sandbox.built_elsewhere(&[&one, &two]);
    let run = sandbox.lattice(&["status"]).exits(0).says_out(&format!("next step:  git lattice next-step {two}"));
    run.never_says(&format!("next-step {one}"));
    sandbox.lattice(&["page", "-"]).exits(0).says_out("<dt>next step</dt>");
}

#[test]
fn one_command_is_suggested_for_many_points() {
    let ours = ["phase0/step1", "phase0/step2", "phase0/step3"].map(at);
    let sandbox = with_points(&[&ours[0], &ours[1], &ours[2], &far("phase0/step1")]);
    let each = format!("git lattice build {}", ours[0]);
    let run =
        sandbox.lattice(&["status"]).exits(0).says_out("git lattice build --all\n").says_out("git lattice sync\n");
    run.never_says(&each).never_says("more, which");
    let some = sandbox.lattice(&["status", "--arch", here()]).exits(0).says_out(&each);
    some.never_says("--all");
    sandbox.points(&[&at("phase0/{step4,step5}")]);
    let many = sandbox.lattice(&["status", "--arch", here()]).exits(0);
    many.says_out("more, which `git lattice status --json` lists; `git lattice build --frontier` builds");
    let listed = sandbox.lattice(&["status", "--json"]).exits(0).json();
    let builds = fields(&listed["next"], "action").iter().filter(|action| **action == "build").count();
    assert_eq!(builds, 6, "JSON should have a command for each point");
}

#[test]
fn next_commands_are_in_json() {
    let [one, two] = ["phase0/step1", "phase0/step2"].map(at);
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", &one, "--no-switch"]).exits(0);
    sandbox.lattice(&["new", &two]).exits(0);
    sandbox.built_elsewhere(&[&one]);
    let next = || sandbox.lattice(&["status", "--json"]).exits(0).json()["next"].clone();
    assert_eq!(
        next(),
        serde_json::json!([{ "action": "build", "point": two, "command": format!("git lattice build {two}") }])
    );
    sandbox.built_elsewhere(&[&one, &two]);
    let found = next();
    assert_eq!(fields(&found, "action"), ["next-step", "promote"], "HEAD's point may end the phase");
    assert_eq!(found[1]["command"], format!("git lattice promote {two}"));
    sandbox.git(&["switch", "-q", "main"]);
    assert_eq!(fields(&next(), "action"), ["next-step"]);
}

#[test]
fn fresh_clone_shows_every_point() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--all-archs"]).exits(0);
    let colleague = sandbox.colleague();
    let seen = sandbox.lattice_in(colleague, &["status", "--json"], |command| command).exits(0).json();
    assert_eq!(fields(&seen["points"], "point"), ["toolchain/aarch64/phase0/step1", "toolchain/x86_64/phase0/step1"]);
    assert!(seen["points"].as_array().unwrap().iter().all(|point| point["pushed"] == true), "{seen}");
    let own = sandbox.lattice(&["status", "--json"]).json();
    assert_eq!(seen, own, "a fresh clone should show the same");
}

#[test]
fn json_has_the_documented_fields() {
    let [one, two] = ["phase0/step1", "phase0/step2"].map(at);
    let sandbox = with_points(&[&one, &two]);
    let status = sandbox.lattice(&["status", "--json"]).exits(0).json();
    assert_eq!((&status["version"], &status["base"]), (&1.into(), &"main".into()));
    let found = sandbox.point(&two);
    let axes = serde_json::json!({ "component": "toolchain", "arch": here(), "phase": "phase0", "step": "step2" });
    assert_eq!(found["axes"], axes);
    assert_eq!(found["branch"], branch(&two));
    assert_eq!(found["commit"], sandbox.commit(&branch(&two)));
    assert_eq!(found["flake"], dir(&two));
    assert_eq!(texts(&found["systems"]), [format!("{}-linux", here())]);
    assert_eq!(texts(&found["parents"]), [sandbox.commit(&branch(&one))]);
    assert_eq!(found["key"].as_str().unwrap().len(), 40);
    assert_eq!((&found["state"], &found["pushed"]), (&"new".into(), &false.into()));
}

#[test]
fn key_is_the_tree_of_the_point_and_those_below() {
    let [one, two] = ["phase0/step1", "phase0/step2"].map(at);
    let sandbox = with_points(&[&one, &two]);
    let key = |point: &str| sandbox.point(point)["key"].clone();
    let before = [key(&one), key(&two)];
    assert_ne!(before[0], before[1]);
    sandbox.git(&["switch", "-q", &branch(&two)]);
    sandbox.git(&["commit", "-q", "--amend", "-m", "another message"]);
    sandbox.write("elsewhere.txt", "1\n");
    sandbox.git(&["add", "elsewhere.txt"]);
    sandbox.git(&["commit", "-q", "-m", "something else"]);
    assert_eq!([key(&one), key(&two)], before, "messages and other files should not change the key");
    sandbox.git(&["switch", "-q", "main"]);
    sandbox.commit_to(&two, &[("../step1/config.toml", "changed = 1\n")]);
    assert_eq!(key(&one), before[0]);
    assert_ne!(key(&two), before[1], "the point below should be part of the key");
}

#[test]
fn points_can_be_selected() {
    let sandbox = with_points(&[&at("phase0/step1"), &at("phase1/step1"), &far("phase0/step1")]);
    let shown = |args: &[&str]| {
        let status = sandbox.lattice(&[&["status", "--json"], args].concat()).exits(0).json();
        fields(&status["points"], "point").join(" ")
    };
    assert_eq!(shown(&["--arch", elsewhere()]), far("phase0/step1"));
    assert_eq!(shown(&[&format!("*/{}/phase1/*", here())]), at("phase1/step1"));
    assert_eq!(shown(&["--phase", "phase0"]).split(' ').count(), 2);
    sandbox.lattice(&["status", "--phase", "phase7"]).exits(0).says_err("no such point has a branch");
}

#[test]
fn bare_git_lattice_is_status() {
    let sandbox = with_points(&[&at("phase0/step1")]);
    let status = sandbox.lattice(&["status"]).exits(0).stdout;
    assert_eq!(sandbox.lattice(&[]).exits(0).stdout, status);
    assert_eq!(sandbox.git(&["lattice"]), status.trim_end(), "also when called through git");
    sandbox.write("deep/file", "");
    assert_eq!(sandbox.lattice_in("work/deep", &[], |command| command).exits(0).stdout, status);
}

#[test]
fn pipe_gets_no_colour() {
    let sandbox = with_points(&[&at("phase0/step1")]);
    sandbox.lattice(&["status"]).exits(0).never_says("\u{1b}[");
}

#[test]
fn status_changes_nothing() {
    let sandbox = with_points(&[&at("phase0/step1")]);
    let before = (sandbox.state(), sandbox.git(&["count-objects", "-v"]));
    sandbox.lattice(&["status"]).exits(0);
    assert_eq!((sandbox.state(), sandbox.git(&["count-objects", "-v"])), before, "no object should be written");
}

#[test]
fn cached_status_is_never_stale() {
    let [one, two] = ["phase0/step1", "phase0/step2"].map(at);
    let sandbox = with_points(&[&one, &two, &far("phase0/step1")]);
    let cache = sandbox.work().join(".git/lattice/cache");
    let look = |after: &str| {
        let remembered = sandbox.lattice(&["status", "--json"]).exits(0).json();
        let again = sandbox.lattice(&["status", "--json"]).exits(0).json();
        fs::remove_file(&cache).ok();
        let fresh = sandbox.lattice(&["status", "--json"]).exits(0).json();
        assert_eq!(remembered, fresh, "after {after} it should print the same as without a cache");
        assert_eq!(again, fresh, "after {after}, once more");
        fresh
    };
    look("nothing");
    sandbox.built_elsewhere(&[&one]);
    assert_eq!(look("a record")["points"].to_string().matches("\"state\":\"built\"").count(), 1);
    sandbox.git(&["update-ref", "-d", "refs/notes/lattice/far"]);
    assert!(!look("losing the records").to_string().contains("built"));
    sandbox.built_elsewhere(&[&one, &two]);
    look("new records");
    sandbox.commit_to(&one, &[("config.toml", "a = 1\n")]);
    assert!(look("a commit").to_string().contains("behind"));
    sandbox.git(&["branch", "-q", "-D", &branch(&one)]);
    assert_eq!(look("losing a branch")["points"].as_array().unwrap().len(), 2);
    sandbox.git(&["branch", "-q", &branch(&one), &branch(&two)]);
    look("another commit on a branch of that name");
    let toml = fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap();
    let other =
        toml.replace(&format!("{} = \"{}-linux\"", here(), here()), &format!("{} = \"{}-darwin\"", here(), here()));
    sandbox.write("lattice.toml", other);
    assert!(look("another system").to_string().contains("-darwin"));
    sandbox.write("lattice.toml", toml + "[build]\ninclude = [\"README\"]\n");
    look("another include");
}

#[test]
fn small_changes_are_appended_to_the_cache() {
    let points: Vec<_> = (1..=12).map(|n| at(&format!("phase0/step{n}"))).collect();
    let sandbox = with_points(&points.iter().map(String::as_str).collect::<Vec<_>>());
    let remembered = || fs::read_to_string(sandbox.work().join(".git/lattice/cache")).unwrap();
    sandbox.lattice(&["status"]).exits(0);
    let before = remembered();
    sandbox.record(&points[0], &format!("{}-linux", here()), "built");
    assert_eq!(sandbox.state_of(&points[0]), "built");
    let after = remembered();
    assert!(after.starts_with(&before) && after.len() > before.len(), "{before}\n---\n{after}");
    assert_eq!(sandbox.state_of(&points[0]), "built");
    assert_eq!(remembered(), after, "the cache should be unchanged");
    sandbox.record(&points[1], &format!("{}-linux", here()), "failed");
    let states = |sandbox: &Sandbox| [0, 1, 2].map(|i| sandbox.state_of(&points[i]));
    assert_eq!(states(&sandbox), ["built", "failed", "new"]);
    // Half a line, as left by a killed process.
    fs::write(sandbox.work().join(".git/lattice/cache"), &after[..after.len() - 8]).unwrap();
    assert_eq!(states(&sandbox), ["built", "failed", "new"]);
}

#[test]
fn damaged_cache_is_ignored() {
    let sandbox = with_points(&[&at("phase0/step1"), &at("phase0/step2")]);
    sandbox.built_elsewhere(&[&at("phase0/step1")]);
    let cache = sandbox.work().join(".git/lattice/cache");
    let fresh = sandbox.lattice(&["status", "--json"]).exits(0).stdout;
    let text = fs::read_to_string(&cache).unwrap();
    let without_verdicts = text.split_inclusive('\n').filter(|line| !line.starts_with("v ")).collect();
    for damaged in
        [without_verdicts, text[..text.len() / 2].to_owned(), format!("{text}p x\nc 1\nv\n\u{0}\n"), String::new()]
    {
        fs::write(&cache, damaged).unwrap();
        assert_eq!(sandbox.lattice(&["status", "--json"]).exits(0).stdout, fresh);
    }
    // Another digit or letter anywhere.
    for at in (0..text.len()).step_by(7).filter(|at| text.as_bytes()[*at] != b'\n') {
        let other = if text[at..].starts_with('1') { "2" } else { "1" };
        fs::write(&cache, format!("{}{other}{}", &text[..at], &text[at + 1..])).unwrap();
        assert_eq!(sandbox.lattice(&["status", "--json"]).exits(0).stdout, fresh, "{at}");
    }
    fs::remove_file(&cache).unwrap();
    fs::create_dir(&cache).unwrap();
    assert_eq!(sandbox.lattice(&["status", "--json"]).exits(0).stdout, fresh, "it should work without a cache");
}

#[test]
fn invalid_record_is_skipped() {
    let sandbox = with_points(&[&at("phase0/step1")]);
    let key = sandbox.point(&at("phase0/step1"))["key"].as_str().unwrap().to_owned();
    sandbox.git(&["notes", "--ref=lattice/odd", "add", "-m", "not JSON\n{\"point\":1}\n[]", &key]);
    assert_eq!(sandbox.state_of(&at("phase0/step1")), "new");
    sandbox.built_elsewhere(&[&at("phase0/step1")]);
    assert_eq!(sandbox.state_of(&at("phase0/step1")), "built");
}

/// A lattice of 14 components with 24 points each, not pushed.
fn large() -> Sandbox {
    let sandbox = Sandbox::new();
    let names: Vec<_> = (1..=14).map(|n| format!("tool-{n}")).collect();
    let (components, steps) = (names.join(","), (1..=6).map(|n| format!("step{n}")).collect::<Vec<_>>().join(","));
    sandbox
        .lattice(&[&["axis", "add", "component"][..], &names.iter().map(String::as_str).collect::<Vec<_>>()].concat());
    sandbox.commit_lattice();
    let flags = ["--component", &components, "--arch", "aarch64,x86_64", "--phase", "phase0,phase1", "--step", &steps];
    sandbox.lattice(&[&["new", "--no-push", "--no-switch"], &flags[..]].concat()).exits(0);
    sandbox
}

#[test]
fn large_lattice_is_folded() {
    let sandbox = large();
    let run = sandbox.lattice(&["status"]).exits(0);
    assert!(run.stdout.starts_with("all 14  0/336 built  336 \u{b7}\n336 points; "), "{}", run.stdout);
    assert_eq!(sandbox.lattice(&["status", "--all"]).exits(0).stdout.matches(" new").count(), 336);
    assert!(
        sandbox.lattice(&["status", "tool-7/*/*/*"]).exits(0).stdout.contains("phase1/step6"),
        "few points are shown"
    );

    let (here, below) = ("tool-7/x86_64/phase0/step2", "tool-7/x86_64/phase0/step1");
    sandbox.record(below, "x86_64-linux", "built");
    sandbox.record("tool-9/aarch64/phase1/step1", "aarch64-linux", "failed");
    sandbox.git(&["switch", "-q", &format!("feature/{here}")]);
    let folded = sandbox.lattice(&["status"]).exits(0).stdout;
    let lines: Vec<_> =
        folded.lines().take(7).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        lines,
        [
            "tool-7",
            &format!("phase0 1/12 built 1 \u{2713} 11 \u{b7} * {here} new"),
            "phase1 0/12 built 12 \u{b7}",
            "tool-9",
            "phase0 0/12 built 12 \u{b7}",
            "phase1 0/12 built 1 \u{2717} 11 \u{b7}",
            "12 others 0/288 built 288 \u{b7}",
        ],
        "{folded}"
    );
}
