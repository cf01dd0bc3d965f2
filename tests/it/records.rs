//! Records: how contradicting ones are judged, what a promotion requires, and that none is lost.

use std::fs;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::story::{at, branch, chains, far, fields, here, texts, toml, write_record};

const SETTINGS: &str = include_str!("../../src/nix/captured/settings-2.8.json");

fn with_one_point() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.lattice(&["new", &one]).exits(0);
    (sandbox, one)
}

fn with_policy(policy: &str) -> (Sandbox, String) {
    let axes = chains("\"phase{n}\", from = 0", "\"step{n}\"");
    let sandbox = Sandbox::with_toml(&toml(&axes, &format!("[promote]\nrequire = {policy}")));
    let one = at("phase0/step1");
    sandbox.lattice(&["new", &one]).exits(0);
    (sandbox, one)
}

fn add_record(sandbox: &Sandbox, writer: &str, point: &str, changes: &Value) {
    write_record(sandbox, "work", writer, point, changes);
}

fn hash(text: &str) -> Value {
    json!({ "out": { "path": "/nix/store/00000000000000000000000000000000-x", "narHash": text } })
}

#[track_caller]
fn assert_promotion_refused(sandbox: &Sandbox, what: &str, command: &str) {
    let refused = sandbox.lattice(&["promote", "--json"]).exits(1).json();
    let rows = refused["refused"].as_array().unwrap();
    let found = rows.iter().any(|row| row["missing"] == what && row["command"] == command);
    assert!(found, "`{what}` and `{command}` should be printed: {refused}");
}

#[test]
fn two_outputs_of_one_derivation_are_disputed() {
    let (sandbox, one) = with_one_point();
    add_record(&sandbox, "first", &one, &json!({ "host": "alpha" }));
    assert_eq!(sandbox.state_of(&one), "built");
    add_record(&sandbox, "second", &one, &json!({ "host": "beta", "outputs": hash("sha256-other") }));
    for _ in ["seen for the first time", "remembered"] {
        sandbox
            .lattice(&["status"])
            .exits(0)
            .says_out("! disputed")
            .says_out(&format!("disputed:  git lattice show {one}"));
        assert_eq!(sandbox.state_of(&one), "disputed");
        assert_eq!(texts(&sandbox.point(&one)["disputed"]), [format!("{}-linux", here())]);
    }
    let shown = sandbox
        .lattice(&["show"])
        .exits(0)
        .says_out("disputed")
        .says_out("output `out` of /nix/store/00000000000000000000000000000000-x.drv");
    shown.says_out("sha256-same by ada@alpha (first").says_out("sha256-other by ada@beta (second");
    let disputes = sandbox.lattice(&["show", "--json"]).exits(0).json()["disputes"].clone();
    assert_eq!(fields(&disputes[0]["sides"], "narHash"), ["sha256-other", "sha256-same"]);
    assert_eq!(fields(&disputes[0]["sides"][0]["records"], "writer"), ["second"]);
    assert_promotion_refused(&sandbox, &format!("disputed on {}-linux", here()), &format!("git lattice show {one}"));
    sandbox.lattice(&["next-step", "--no-switch"]).exits(0).says_err("is disputed: its builds have different outputs");
}

#[test]
fn only_other_content_or_the_writer_clears_a_dispute() {
    let (sandbox, one) = with_one_point();
    add_record(&sandbox, "first", &one, &json!({}));
    add_record(&sandbox, "second", &one, &json!({ "outputs": hash("sha256-other") }));
    add_record(&sandbox, "first", &one, &json!({ "verdict": "reproduced", "started": "2026-02-01T00:00:00Z" }));
    assert_eq!(sandbox.state_of(&one), "disputed", "a later record should not clear the dispute");
    let key = sandbox.point(&one)["key"].as_str().unwrap().to_owned();
    sandbox.git(&["notes", "--ref=lattice/second", "remove", &key]);
    assert_eq!(sandbox.state_of(&one), "built", "its writer should be able to withdraw it");
    add_record(&sandbox, "second", &one, &json!({ "verdict": "differs" }));
    assert_eq!(sandbox.state_of(&one), "disputed");
    sandbox.git(&["switch", "-q", "main"]);
    sandbox.commit_to(&one, &[("config.toml", "another = true\n")]);
    assert_eq!(sandbox.state_of(&one), "new", "other content should have no dispute");
}

#[test]
fn other_derivation_may_have_another_output() {
    let (sandbox, one) = with_one_point();
    add_record(&sandbox, "first", &one, &json!({}));
    add_record(
        &sandbox,
        "second",
        &one,
        &json!({ "drv": "/nix/store/00000000000000000000000000000000-y.drv", "outputs": hash("sha256-other") }),
    );
    assert_eq!(sandbox.state_of(&one), "built");
}

#[test]
fn reproduced_record_counts_as_built() {
    let (sandbox, one) = with_one_point();
    add_record(&sandbox, "first", &one, &json!({ "verdict": "reproduced" }));
    assert_eq!(sandbox.state_of(&one), "built");
    sandbox.lattice(&["promote", "--no-switch"]).exits(0).says_out("phase1/step1");
}

#[test]
fn promotion_may_require_a_reproduction() {
    let (sandbox, one) = with_policy("\"reproduced\"");
    let system = format!("{}-linux", here());
    assert_promotion_refused(&sandbox, &format!("not built on {system}"), &format!("git lattice build {one}"));
    add_record(&sandbox, "first", &one, &json!({}));
    let check = format!("git lattice build {one} --check");
    assert_promotion_refused(&sandbox, &format!("not reproduced on {system}"), &check);
    add_record(&sandbox, "first", &one, &json!({ "verdict": "reproduced" }));
    add_record(&sandbox, "second", &one, &json!({ "started": "2026-03-01T00:00:00Z" }));
    sandbox.lattice(&["promote", "--no-switch"]).exits(0).says_out("phase1/step1");
}

#[test]
fn promotion_may_require_several_hosts() {
    let (sandbox, one) = with_policy("{ hosts = 2 }");
    let command = format!("git lattice build {one} --again  # on another host, then `git lattice sync`");
    let lacks = || assert_promotion_refused(&sandbox, &format!("built on 1 of 2 hosts for {}-linux", here()), &command);
    add_record(&sandbox, "first", &one, &json!({ "host": "alpha" }));
    lacks();
    add_record(&sandbox, "first", &one, &json!({ "host": "beta" }));
    lacks();
    add_record(&sandbox, "second", &one, &json!({ "host": "alpha", "verdict": "failed" }));
    lacks();
    add_record(
        &sandbox,
        "third",
        &one,
        &json!({ "host": "gamma", "drv": "/nix/store/00000000000000000000000000000000-y.drv" }),
    );
    lacks();
    add_record(&sandbox, "second", &one, &json!({ "host": "alpha" }));
    sandbox.lattice(&["promote", "--no-switch"]).exits(0).says_out("phase1/step1");
}

#[test]
fn promotion_may_require_both() {
    let (sandbox, one) = with_policy("{ verdict = \"reproduced\", hosts = 2 }");
    add_record(&sandbox, "first", &one, &json!({}));
    let run = sandbox.lattice(&["promote"]).exits(1).says_out("not reproduced on").says_out("built on 1 of 2 hosts");
    run.says_err("2 requirements are not met");
    add_record(&sandbox, "second", &one, &json!({ "verdict": "reproduced" }));
    sandbox.lattice(&["promote", "--no-switch"]).exits(0);
}

/// Points of the other architecture, and a fake Nix that has no builder for it and answers quickly.
fn with_fake_nix() -> Sandbox {
    let mut sandbox = Sandbox::new();
    let answer =
        format!("#!/bin/sh\ncase $* in *version*) echo 'nix (Nix) 2.8.0' ;; *) cat <<'END'\n{SETTINGS}\nEND\nesac\n");
    sandbox.use_program("nix", &answer);
    sandbox.points(&[&far("phase0/step1")]);
    sandbox
}

#[test]
fn twenty_concurrent_processes_lose_no_record() {
    let sandbox = with_fake_nix();
    // A separate key for each: a key that is requested twice is built once.
    let point = |i: usize| far(&format!("phase0/step{}", i + 1));
    (1..20).for_each(|i| sandbox.points(&[&point(i)]));
    let running: Vec<_> = (0..20)
        .map(|i| {
            let mut command = sandbox.command("work", &["build", &point(i)]);
            command
                .env("USER", format!("user{i}"))
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null());
            command.spawn().unwrap()
        })
        .collect();
    for mut process in running {
        assert_eq!(process.wait().unwrap().code(), Some(1), "no machine should build for it");
    }
    let records = Value::from(sandbox.records());
    let mut users: Vec<_> = fields(&records, "user").into_iter().map(str::to_owned).collect();
    users.sort();
    let mut expected: Vec<_> = (0..20).map(|i| format!("user{i}")).collect();
    expected.sort();
    assert_eq!(users, expected);
    assert_eq!(sandbox.git(&["for-each-ref", "refs/notes"]).lines().count(), 1, "one clone should have one writer");
}

#[test]
fn records_are_signed_when_commits_are() {
    let sandbox = with_fake_nix();
    let build = || sandbox.lattice(&["build", &far("phase0/step1")]).exits(1).says_out("no-builder");
    let verified = || {
        let notes = sandbox.git(&["for-each-ref", "--format=%(refname)", "refs/notes"]);
        sandbox.try_git("work", &["verify-commit", &notes]).status.success()
    };
    build();
    assert!(!verified(), "no signature was requested");
    crate::bad_input::sign_with_ssh(&sandbox);
    build();
    assert!(verified(), "the notes should be signed like a commit");
    std::fs::remove_file(sandbox.path("home/key")).unwrap();
    build();
    assert_eq!(sandbox.records().len(), 3, "a record should be written even without a signature");
}

/// Two points that are built, and a commit of the user's on top of the first.
fn built_chain() -> (Sandbox, String, String) {
    let sandbox = Sandbox::new();
    let [one, two] = [at("phase0/step1"), at("phase0/step2")];
    sandbox.points(&[&one, &two]);
    add_record(&sandbox, "first", &one, &json!({}));
    add_record(&sandbox, "first", &two, &json!({}));
    (sandbox, one, two)
}

#[test]
fn records_survive_an_amended_commit() {
    let (sandbox, one, _) = built_chain();
    sandbox.git(&["switch", "-q", &branch(&one)]);
    let before = sandbox.git(&["rev-parse", "HEAD"]);
    sandbox.git(&["commit", "-q", "--amend", "-m", "another message"]);
    assert_ne!(sandbox.git(&["rev-parse", "HEAD"]), before);
    assert_eq!(sandbox.state_of(&one), "built");
    sandbox.write(&format!("flakes/{one}/config.toml"), "another = 1\n");
    sandbox.git(&["commit", "-q", "-a", "--amend", "--no-edit"]);
    assert_eq!(sandbox.state_of(&one), "new", "other content should not count as built");
}

#[test]
fn records_survive_a_rebase_and_a_merge() {
    let (sandbox, one, two) = built_chain();
    sandbox.write("README", "something new on main\n");
    sandbox.git(&["commit", "-q", "-a", "-m", "move main on"]);
    let before = sandbox.git(&["rev-parse", &branch(&one)]);
    sandbox.git(&["rebase", "-q", "--update-refs", "main", &branch(&two)]);
    assert_ne!(sandbox.git(&["rev-parse", &branch(&one)]), before, "the commits should be others");
    assert_eq!((sandbox.state_of(&one), sandbox.state_of(&two)), ("built".to_owned(), "built".to_owned()));
    sandbox.write("README", "once more\n");
    sandbox.git(&["switch", "-q", "main"]);
    sandbox.write("README", "once more\n");
    sandbox.git(&["commit", "-q", "-a", "-m", "move main on again"]);
    sandbox.git(&["switch", "-q", &branch(&one)]);
    sandbox.git(&["merge", "-q", "--no-edit", "main"]);
    assert_eq!(sandbox.git(&["log", "-1", "--format=%P"]).split(' ').count(), 2, "the commit should be a merge");
    assert_eq!(sandbox.state_of(&one), "built");
    sandbox.lattice(&["restack", "--no-push"]).exits(0);
    assert_eq!(sandbox.state_of(&two), "built", "the merge of the merge should have the same content");
    sandbox.lattice(&["promote", &two, "--no-switch"]).exits(0);
}

#[test]
fn record_copied_to_other_content_does_not_count() {
    let (sandbox, one) = with_one_point();
    add_record(&sandbox, "first", &one, &json!({}));
    let key = sandbox.point(&one)["key"].as_str().unwrap().to_owned();
    sandbox.git(&["config", "notes.rewriteRef", "refs/notes/lattice/*"]);
    sandbox.git(&["notes", "--ref=lattice/first", "copy", &key, "HEAD"]);
    sandbox.write(&format!("flakes/{one}/config.toml"), "another = 1\n");
    sandbox.git(&["commit", "-q", "-a", "--amend", "--no-edit"]);
    let copied = sandbox.git(&["notes", "--ref=lattice/first", "show", "HEAD"]);
    assert!(copied.contains(&key), "git should have copied it to the new commit: {copied}");
    assert_eq!(sandbox.state_of(&one), "new");
    let other = sandbox.point(&one)["key"].as_str().unwrap().to_owned();
    sandbox.lattice(&["show"]).exits(0);
    sandbox.git(&["notes", "--ref=lattice/first", "copy", &key, &other]);
    assert_eq!(sandbox.state_of(&one), "new", "nor if it is attached to the new content itself");
    sandbox.lattice(&["status"]).exits(0).says_err("lines of the records are invalid: `git lattice doctor` lists them");
    sandbox.lattice(&["promote"]).exits(1).says_out("not built on");
}

#[test]
fn record_of_another_point_does_not_count() {
    let (sandbox, one, two) = built_chain();
    sandbox.lattice(&["status"]).exits(0).never_says("invalid: `git lattice doctor`");
    add_record(&sandbox, "second", &one, &json!({ "point": two, "verdict": "failed" }));
    add_record(&sandbox, "second", &two, &json!({ "point": "nowhere/at/all", "verdict": "failed" }));
    assert_eq!((sandbox.state_of(&one), sandbox.state_of(&two)), ("built".to_owned(), "built".to_owned()));
    for _ in ["seen for the first time", "remembered"] {
        sandbox.lattice(&["status"]).exits(0).says_err("one line of the records is invalid");
        assert_eq!(sandbox.lattice(&["status", "--json"]).json()["skipped_records"], 1);
    }
    let doctor = sandbox.lattice(&["doctor", "--offline"]);
    let invalid = doctor.stdout.lines().filter(|line| line.contains("a record of another point")).count();
    assert_eq!(invalid, 1, "`doctor` should reject the same lines as `status`: {}", doctor.stdout);
    let shown = sandbox.lattice(&["show", &one, "--json"]).exits(0).json();
    assert_eq!(fields(&shown["records"], "verdict"), ["built"]);
    sandbox.git(&["update-ref", "-d", "refs/notes/lattice/first"]);
    add_record(&sandbox, "second", &one, &json!({ "point": two }));
    assert_eq!(sandbox.state_of(&one), "new", "a record of another point should not count");
    sandbox.lattice(&["promote", &two]).exits(1).says_out("not built on");
}

#[test]
fn doctor_and_check_name_invalid_records() {
    let (sandbox, one, two) = built_chain();
    sandbox.lattice(&["check"]).never_says("C21");
    sandbox.lattice(&["doctor", "--offline"]).says_out("the records of one writer are valid");
    add_record(&sandbox, "second", &one, &json!({ "point": two }));
    add_record(&sandbox, "third", &one, &json!({ "host": "\u{1b}[31m" }));
    add_record(&sandbox, "third", &one, &json!({ "host": "\u{1b}[32m" }));
    sandbox.git(&["update-ref", "refs/notes/lattice/text", "HEAD:README"]);
    let key = sandbox.point(&one)["key"].as_str().unwrap().to_owned();
    for args in [&["doctor", "--offline"][..], &["check"]] {
        let run = sandbox.lattice(args).says_out(&format!("a record of another point, on {key}"));
        let run = run.says_out(&format!("control characters, 2 times, on {key}")).says_out("refs/notes/lattice/second");
        run.says_out("refs/notes/lattice/text").never_says("\u{1b}");
    }
    sandbox.lattice(&["doctor", "--offline"]).says_out(&format!("git notes --ref=lattice/third show {key}"));
}

/// Changes the cache of `status`: what it says of the verdicts on the only key, which is valid for a span of time.
fn remember(sandbox: &Sandbox, verdicts: &str, span: &str) {
    let path = sandbox.work().join(".git/lattice/cache");
    let text = fs::read_to_string(&path).unwrap();
    let sealed = |line: &str| format!("{line} {:08x}\n", crc32fast::hash(line.as_bytes()));
    let changed = text.lines().map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
        ["v", key, size, _, count, note, ..] => {
            sealed(format!("v {key} {size} 0 {count} {note} {verdicts}").trim_end())
        }
        ["t", ..] => sealed(&format!("t {span}")),
        _ => format!("{line}\n"),
    });
    fs::write(&path, changed.collect::<String>()).unwrap();
}

#[test]
fn record_from_the_future_does_not_count_for_status() {
    let (sandbox, one) = with_one_point();
    let started = "2099-01-02T03:04:05Z";
    add_record(&sandbox, "first", &one, &json!({ "started": started }));
    sandbox.lattice(&["status"]).exits(0);
    let built = format!("{one} {}-linux=built", here());
    remember(&sandbox, &built, "..");
    assert_eq!(sandbox.state_of(&one), "built", "the cache should count");
    remember(&sandbox, &built, &format!("{started}.."));
    assert_promotion_refused(&sandbox, &format!("not built on {}-linux", here()), &format!("git lattice build {one}"));
    assert_eq!(sandbox.state_of(&one), "new", "status should not accept more than promote");
    assert_eq!(sandbox.lattice(&["show", "--json"]).exits(0).json()["state"], "new");
}

#[test]
fn record_start_that_has_passed_is_noticed() {
    let (sandbox, one) = with_one_point();
    add_record(&sandbox, "first", &one, &json!({}));
    assert_eq!(sandbox.state_of(&one), "built");
    remember(&sandbox, "", "..");
    assert_eq!(sandbox.state_of(&one), "new", "the cache should count");
    // As left by a run whose clock was behind the record's start.
    remember(&sandbox, "", "..2026-01-02T03:04:05Z");
    assert_eq!(sandbox.state_of(&one), "built");
}

#[test]
fn status_and_promote_read_long_notes_alike() {
    let (sandbox, one) = with_one_point();
    // Each note is within the limit; together they are longer than what is read per key.
    let system = format!("{}-linux", here());
    for writer in ["a", "b", "c"] {
        add_record(&sandbox, writer, &one, &json!({ "verdict": "failed", "started": "2026-01-01T00:00:00Z" }));
        let key = sandbox.lattice(&["show", "--json"]).json()["key"].as_str().unwrap().to_owned();
        let spaces = format!("{}\n", " ".repeat(1000)).repeat(3500);
        let note = sandbox.git(&["notes", "--ref", &format!("lattice/{writer}"), "show", &key]);
        let verdict = if writer == "c" { note.replace("failed", "built") + "\n" } else { note };
        sandbox.write("note", format!("{verdict}\n{spaces}{}", if writer == "c" { " \n" } else { "" }));
        sandbox.git(&["notes", "--ref", &format!("lattice/{writer}"), "add", "-f", "-C", &blob(&sandbox), &key]);
    }
    assert_promotion_refused(&sandbox, &format!("failed on {system}"), &format!("git lattice build {one} --again"));
    assert_eq!(sandbox.state_of(&one), "failed");
}

fn blob(sandbox: &Sandbox) -> String {
    sandbox.git(&["hash-object", "-w", "note"])
}
