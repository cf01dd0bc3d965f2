//! `git lattice show`: all details of one point.

use serde_json::json;

use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::{at, branch, dir, far, here, texts, write_record};

fn with_built_point() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("step.toml", "version = 1\n");
    sandbox.lattice(&["new", &at("phase0/step1"), "--config", "step.toml", "--no-switch"]).exits(0);
    sandbox.built_elsewhere(&[&at("phase0/step1")]);
    sandbox
}

#[test]
fn shows_every_part_of_a_point() {
    let sandbox = with_built_point();
    let one = at("phase0/step1");
    let config = sandbox.git(&["rev-parse", &format!("{}:{}/config.toml", branch(&one), dir(&one))]);
    let shown = sandbox.lattice(&["show", &one]).exits(0).stdout;
    let rows: Vec<_> = shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for row in [
        format!("point {one}"),
        "state built".to_owned(),
        format!("next git lattice next-step {one}"),
        format!("took 1.5 s on {}-linux", here()),
        format!("promotion to `{}`: `git lattice promote {one}`", at("phase1/step1")),
        format!("branch {}", branch(&one)),
        format!("commit {}", sandbox.commit(&branch(&one))),
        format!("parents {}", sandbox.commit("main")),
        "below main".to_owned(),
        "pushed yes".to_owned(),
        "template config".to_owned(),
        format!("config hash {config}"),
        format!("files {}/config.toml", dir(&one)),
        format!("{}/flake.nix", dir(&one)),
    ] {
        assert!(rows.contains(&row), "there should be a row `{row}`:\n{shown}");
    }
    let record = format!("records 2026-01-02T03:04:05Z built on {}-linux, 1.5 s", here());
    let at = rows.iter().position(|row| *row == record).unwrap_or_else(|| panic!("no `{record}`:\n{shown}"));
    assert!(rows[at + 1].starts_with("by ada@far with Nix"), "{shown}");
}

#[test]
fn json_is_the_status_entry_with_records() {
    let sandbox = with_built_point();
    let one = at("phase0/step1");
    let shown = sandbox.lattice(&["show", &one, "--json"]).exits(0).json();
    assert_eq!(shown["version"], 1);
    for (name, value) in sandbox.point(&one).as_object().unwrap() {
        assert_eq!(&shown[name], value, "`{name}` should be as in `status`");
    }
    let mut records = shown["records"].clone();
    assert_eq!(records[0].as_object_mut().unwrap().remove("writer"), Some("far".into()));
    assert_eq!(records, serde_json::Value::from(sandbox.records()));
    assert_eq!(texts(&shown["files"]).len(), 2);
    assert_eq!((&shown["template"], texts(&shown["below"]).len()), (&"config".into(), 0));
}

#[test]
fn default_is_heads_point() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["show"]).exits(2).says_err("HEAD is not on the branch of a point");
    sandbox.lattice(&["new", &at("phase0/step1")]).exits(0);
    sandbox.lattice(&["show"]).exits(0).says_out(&at("phase0/step1"));
}

#[test]
fn points_right_below_are_named() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1"), &at("phase0/step2"), &far("phase0/step1")]);
    let shown = sandbox.lattice(&["show", &at("phase0/step2"), "--json"]).exits(0).json();
    assert_eq!(texts(&shown["below"]), [at("phase0/step1")]);
}

#[test]
fn attention_comes_first() {
    let sandbox = Sandbox::new();
    let (one, two) = (at("phase0/step1"), at("phase0/step2"));
    sandbox.lattice(&["new", &one, &two, "--no-switch"]).exits(0);
    sandbox.commit_to(&one, &[("more", "x\n")]);
    sandbox.lattice(&["note", &two, "-m", "waits for upstream"]).exits(0);
    let shown = sandbox.lattice(&["show", &two]).exits(0).stdout;
    let rows: Vec<_> = shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let expected = [
        format!("point {two}"),
        "state behind".to_owned(),
        format!("next git lattice restack {two}"),
        format!("behind `{one}`"),
    ];
    assert_eq!(rows[..4], expected, "{shown}");
    assert!(rows[4].starts_with("notes ") && rows[5] == "waits for upstream", "{shown}");
    let json = sandbox.lattice(&["show", &two, "--json"]).exits(0).json();
    assert_eq!((&json["lacks"], &json["notes"][0]["text"]), (&json!([one]), &"waits for upstream".into()));
    assert_eq!((&json["above"], &json["next"][0]["action"]), (&json!([]), &"restack".into()));
    assert_eq!(json["tip"]["subject"], format!("build(lattice): add {two}"));
    let json = sandbox.lattice(&["show", &one, "--json"]).exits(0).json();
    assert_eq!(json["above"], json!([two]));
}

#[test]
fn promotion_says_what_is_missing_and_when_it_is_done() {
    let sandbox = Sandbox::new();
    let (one, next) = (at("phase0/step1"), at("phase1/step1"));
    sandbox.lattice(&["new", &one, "--no-switch"]).exits(0);
    let promotion = || sandbox.lattice(&["show", &one, "--json"]).exits(0).json()["promotion"].clone();
    let missing = promotion()["missing"].clone();
    assert_eq!(missing[0]["command"], format!("git lattice build {one}"));
    sandbox.lattice(&["show", &one]).exits(0).says_out("1 requirement is not met").says_out("not built on");
    sandbox.built_elsewhere(&[&one]);
    assert_eq!((&promotion()["missing"], &promotion()["done"]), (&json!([]), &false.into()));
    sandbox.lattice(&["promote", &one, "--no-switch"]).exits(0);
    assert_eq!((&promotion()["to"], &promotion()["done"]), (&json!([next]), &true.into()));
}

#[test]
fn newest_records_are_shown_and_times_are_counted() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.points(&[&one]);
    for (day, seconds) in [(1, 10.0), (2, 30.0), (3, 20.0), (4, 0.0)] {
        let changes = json!({ "started": format!("2026-01-0{day}T00:00:00Z"), "seconds": seconds });
        write_record(&sandbox, "work", "far", &one, &changes);
    }
    let run = sandbox.lattice(&["show", &one]).exits(0).says_out("1 older:").never_says("2026-01-01T");
    assert!(run.stdout.find("2026-01-04T").unwrap() < run.stdout.find("2026-01-02T").unwrap(), "{}", run.stdout);
    run.says_out(&format!("20.0 s on {}-linux, usually 20.0 s (3 builds)", here()));
    let times = sandbox.lattice(&["show", &one, "--json"]).exits(0).json()["times"].clone();
    assert_eq!(times, json!([{ "system": format!("{}-linux", here()), "last": 20.0, "usual": 20.0, "builds": 3 }]));
}

#[test]
fn edited_flake_has_no_template() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.commit_to(&at("phase0/step1"), &[("flake.nix", "{ outputs = _: { }; }\n")]);
    sandbox.lattice(&["show", &at("phase0/step1")]).exits(0).says_out("changed by hand");
    let shown = sandbox.lattice(&["show", &at("phase0/step1"), "--json"]).exits(0).json();
    assert!(shown["template"].is_null(), "{shown}");
}

#[test]
fn remote_point_is_shown() {
    let sandbox = with_built_point();
    let colleague = sandbox.colleague();
    let run = sandbox.lattice_in(colleague, &["show", &at("phase0/step1")], |command| command).exits(0);
    run.says_out(&sandbox.commit(&branch(&at("phase0/step1"))));
}

#[test]
fn several_points_or_none_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1"), &at("phase0/step2")]);
    sandbox.lattice(&["show", "*/*/*/*"]).exits(2).says_err("expected one point, but `*/*/*/*` names 2");
    sandbox.lattice(&["show", &far("phase0/step1")]).exits(2).says_err("has no branch").says_err("git lattice new");
}

#[test]
fn record_texts_are_escaped() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.record(&at("phase0/step1"), &format!("{}-linux\u{1b}[31m", here()), "built");
    sandbox.lattice(&["show", &at("phase0/step1")]).exits(0).never_says("\u{1b}");
}

/// The command that a colleague without git-lattice pastes.
#[test]
fn printed_nix_command_builds_the_pushed_point() {
    for nix in every_nix() {
        let mut sandbox = Sandbox::new();
        sandbox.use_nix(&nix);
        let one = at("phase0/step1");
        sandbox.lattice(&["new", &one, "--no-switch"]).exits(0);
        let shown = sandbox.lattice(&["show", &one, "--json"]).exits(0).json();
        let (flake, command) = (shown["flake_ref"].as_str().unwrap(), shown["nix_build"].as_str().unwrap());
        assert!(flake.contains("remote.git?rev=") && flake.contains(&format!("&ref={}", branch(&one))), "{flake}");
        sandbox.lattice(&["show", &one]).exits(0).says_out(command).says_out(&format!("git lattice build {one}"));
        let mut shell = std::process::Command::new("sh");
        shell.arg("-c").arg(format!("{command} --no-link --print-out-paths || {command} --no-link")).current_dir("/");
        sandbox.environment(&mut shell);
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
