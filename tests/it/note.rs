//! `git lattice note`: what is written, what counts, and what two clones see of each other.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::sandbox::{Run, Sandbox};
use crate::story::{at, branch, dir, far, fields, write_record};

fn lattice(sandbox: &Sandbox, dir: &str, args: &[&str]) -> Run {
    sandbox.lattice_in(dir, args, |command| command)
}

/// The notes of a point in a clone.
fn notes_in(sandbox: &Sandbox, dir: &str, point: &str) -> Vec<Value> {
    let listed = lattice(sandbox, dir, &["note", point, "--list", "--json"]).exits(0).json();
    listed["points"].as_array().unwrap().iter().flat_map(|it| it["notes"].as_array().unwrap().clone()).collect()
}

fn texts_in(sandbox: &Sandbox, dir: &str, point: &str) -> Vec<String> {
    notes_in(sandbox, dir, point).iter().map(|note| note["text"].as_str().unwrap().to_owned()).collect()
}

fn id_of(sandbox: &Sandbox, dir: &str, point: &str, text: &str) -> String {
    let notes = notes_in(sandbox, dir, point);
    notes.iter().find(|note| note["text"] == text).unwrap()["id"].as_str().unwrap().to_owned()
}

/// Two points on the remote, and a colleague's clone of them.
fn shared() -> (Sandbox, &'static str) {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--all-archs", "--no-switch"]).exits(0);
    let colleague = sandbox.colleague();
    sandbox.git_in(colleague, &["config", "user.name", "Grace"]);
    (sandbox, colleague)
}

/// Writes a git note on the key of a point, as a clone with other software might.
fn write_raw(sandbox: &Sandbox, dir: &str, point: &str, text: &str) {
    std::fs::write(sandbox.path(dir).join("name"), point).unwrap();
    std::fs::write(sandbox.path(dir).join("line"), text).unwrap();
    let key = sandbox.git_in(dir, &["hash-object", "name"]);
    sandbox.git_in(dir, &["notes", "--ref=lattice/point-notes/evil", "append", "-F", "line", &key]);
    ["name", "line"].iter().for_each(|file| std::fs::remove_file(sandbox.path(dir).join(file)).unwrap());
}

fn raw(point: &str, changes: &Value) -> String {
    let mut note = json!({
        "point": point, "commit": "0".repeat(40), "author": "Eve", "email": "eve@x", "written": "2026-01-02T03:04:05Z",
        "text": "hello",
    });
    for (field, value) in changes.as_object().unwrap() {
        note[field] = value.clone();
    }
    note.to_string()
}

#[test]
fn note_is_added_changed_and_removed() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.points(&[&one]);
    let run = sandbox.lattice(&["note", &one, "-m", "waits for upstream bug 123", "-m", "see the log"]).exits(0);
    run.says_out("added").says_out(&one).says_out("waits for upstream bug 123");
    let shown = sandbox.lattice(&["show", &one, "--json"]).exits(0).json();
    let notes = notes_in(&sandbox, "work", &one);
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0]["text"], "waits for upstream bug 123\n\nsee the log");
    assert_eq!((&notes[0]["commit"], &notes[0]["key"]), (&shown["commit"], &shown["key"]));
    assert_eq!((&notes[0]["author"], &notes[0]["edited"]), (&"A U Thor".into(), &false.into()), "{notes:?}");
    let first = notes[0]["id"].as_str().unwrap();

    sandbox.lattice(&["note", &one, "--edit", "-m", "fixed upstream"]).exits(0).says_out("changed");
    let notes = notes_in(&sandbox, "work", &one);
    assert_eq!((&notes[0]["text"], &notes[0]["edited"]), (&"fixed upstream".into(), &true.into()));
    assert_ne!(notes[0]["id"], first);
    let log = sandbox.git(&["log", "-p", "--all", "--format=%s", "--", "."]);
    assert!(log.contains("waits for upstream bug 123"), "the old text should stay in the history of the ref");

    let removed = sandbox.lattice(&["note", &one, "--remove", "--json"]).exits(0).json();
    assert_eq!(
        (&removed["points"][0]["done"], &removed["points"][0]["replaces"]),
        (&"removed".into(), &notes[0]["id"])
    );
    assert!(texts_in(&sandbox, "work", &one).is_empty());
    sandbox
        .lattice(&["note", &one, "--remove"])
        .exits(1)
        .says_err("has no note")
        .says_err(&format!("note {one} -m TEXT"));
}

#[test]
fn same_note_is_written_once() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.points(&[&one]);
    sandbox.lattice(&["note", &one, "-m", "waits"]).exits(0);
    let before = sandbox.state();
    sandbox.lattice(&["note", &one, "-m", "\nwaits  \n"]).exits(0).says_out("unchanged");
    sandbox.lattice(&["note", &one, "--edit", "-m", "waits"]).exits(0).says_out("unchanged");
    assert_eq!(sandbox.state(), before);
}

#[test]
fn several_points_and_several_notes() {
    let sandbox = Sandbox::new();
    let (one, two) = (at("phase0/step1"), at("phase0/step2"));
    sandbox.points(&[&one, &two]);
    sandbox.lattice(&["note", "*/*/*/*", "-m", "both"]).exits(0);
    let refs = sandbox.git(&["for-each-ref", "--format=%(refname)", "refs/notes"]);
    assert_eq!(sandbox.git(&["rev-list", "--count", &refs]), "1", "one command should make one commit");
    sandbox.lattice(&["note", &two, "-m", "only two"]).exits(0);
    let both = id_of(&sandbox, "work", &two, "both");
    let run = sandbox.lattice(&["note", &two, "--remove"]).exits(2).says_err("has 2 notes").says_err(&both[..8]);
    run.says_err(&format!("--id {}", &both[..8]));
    sandbox.lattice(&["note", &two, "--remove", "--id", "zzz"]).exits(2).says_err("has no note `zzz`");
    sandbox.lattice(&["note", &two, "--remove", "--id", &both[..8]]).exits(0);
    let run = sandbox.lattice(&["note", "--list"]).exits(0);
    assert_eq!(run.stdout.lines().filter(|line| !line.starts_with(' ')).collect::<Vec<_>>(), [&one, &two]);
    let listed = sandbox.lattice(&["list", "--format", "%(step): %(note)"]).exits(0);
    assert_eq!(listed.stdout, "step1: both\nstep2: only two\n");
    let listed = sandbox.lattice(&["list", "--format", "%(note)", "--json"]).exits(0).json();
    assert_eq!(listed["points"], json!([{ "note": ["both"] }, { "note": ["only two"] }]));
}

#[test]
fn dry_run_writes_nothing() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.points(&[&one]);
    let before = sandbox.everything();
    sandbox.lattice(&["note", &one, "-m", "waits", "--dry-run"]).exits(0).says_out("would add");
    assert_eq!(sandbox.everything(), before);
}

#[test]
fn bad_input_is_refused() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.points(&[&one]);
    let refused = |args: &[&str]| sandbox.refused(&[&["note", &one][..], args].concat()).exits(2);
    refused(&["-m", " \n"]).says_err("the note is empty");
    refused(&["-m", &"x".repeat(17 << 10)]).says_err("at most 16384 are allowed");
    refused(&["-m", "a\nb\u{1b}[31m"]).says_err("U+001B in line 2");
    refused(&["-F", "absent"]).says_err("could not read `absent`");
    refused(&[]).says_err("no terminal to open an editor on").says_err("`-m TEXT`");
    refused(&["--edit", "--remove"]).says_err("cannot be used with");
    sandbox.lattice(&["note", &one, "-m", "waits"]).exits(0);
    let refused = |args: &[&str]| sandbox.refused(&[&["note", &one][..], args].concat()).exits(2);
    refused(&["--remove", "--id", ""]).says_err("has no note ``");
    refused(&["--edit", "--id", "", "-m", "x"]).says_err("has no note ``");
    sandbox.lattice(&["note", &one, "--remove"]).exits(0);
    sandbox.refused(&["note", &far("phase0/step1"), "-m", "x"]).exits(2).says_err("has no branch");
    sandbox.refused(&["note", "-m", "x"]).exits(2).says_err("HEAD is not on the branch of a point");
    sandbox.refused(&["note", &one, "--edit", "-m", "x"]).exits(1).says_err("has no note");
}

#[test]
fn text_comes_from_a_file_or_stdin() {
    let sandbox = Sandbox::new();
    let (one, two) = (at("phase0/step1"), at("phase0/step2"));
    sandbox.points(&[&one, &two]);
    sandbox.write("text", "from a file\n#123 is no comment\n");
    sandbox.lattice(&["note", &one, "-F", "text"]).exits(0);
    assert_eq!(texts_in(&sandbox, "work", &one), ["from a file\n#123 is no comment"]);
    let mut command = sandbox.command("work", &["note", &two, "-F", "-"]);
    command.stdin(Stdio::from(std::fs::File::open(sandbox.work().join("text")).unwrap()));
    assert!(command.output().unwrap().status.success());
    assert_eq!(texts_in(&sandbox, "work", &two), texts_in(&sandbox, "work", &one));
    std::fs::write(sandbox.work().join("text"), b"\xff").unwrap();
    sandbox.refused(&["note", &one, "-F", "text"]).exits(2).says_err("not UTF-8");
}

#[test]
fn two_clones_write_at_the_same_time_and_see_both() {
    let (sandbox, colleague) = shared();
    let one = at("phase0/step1");
    for (dir, text) in [("work", "from Ada"), (colleague, "from Grace")] {
        lattice(&sandbox, dir, &["note", &one, "-m", text]).exits(0);
    }
    sandbox.lattice(&["sync"]).exits(0).says_out("notes of this clone pushed");
    let run = lattice(&sandbox, colleague, &["sync"]).exits(0);
    run.says_out("notes of one other clone fetched").says_out("notes of this clone pushed");
    sandbox.lattice(&["sync"]).exits(0).says_out("notes of one other clone fetched");
    for dir in ["work", colleague] {
        let mut texts = texts_in(&sandbox, dir, &one);
        texts.sort();
        assert_eq!(texts, ["from Ada", "from Grace"], "{dir}");
        lattice(&sandbox, dir, &["sync"]).exits(0).never_says("notes");
    }
}

#[test]
fn note_of_another_clone_is_replaced_in_the_own_ref() {
    let (sandbox, colleague) = shared();
    let one = at("phase0/step1");
    sandbox.lattice(&["note", &one, "-m", "waits"]).exits(0);
    sandbox.lattice(&["sync"]).exits(0);
    lattice(&sandbox, colleague, &["sync"]).exits(0);
    let refs = |dir| sandbox.git_in(dir, &["for-each-ref", "refs/notes/lattice/point-notes"]);
    let before = refs("work");
    // Both change it before they see each other's change.
    lattice(&sandbox, colleague, &["note", &one, "--edit", "-m", "done, says Grace"]).exits(0);
    assert!(refs(colleague).starts_with(&before) || refs(colleague).ends_with(&before), "only the own ref should move");
    sandbox.lattice(&["note", &one, "--edit", "-m", "done, says Ada"]).exits(0);
    for dir in ["work", colleague, "work"] {
        lattice(&sandbox, dir, &["sync"]).exits(0);
    }
    for dir in ["work", colleague] {
        let mut texts = texts_in(&sandbox, dir, &one);
        texts.sort();
        assert_eq!(texts, ["done, says Ada", "done, says Grace"], "{dir}: no change should be lost");
    }
    let id = id_of(&sandbox, "work", &one, "done, says Grace");
    sandbox.lattice(&["note", &one, "--remove", "--id", &id]).exits(0);
    sandbox.lattice(&["sync"]).exits(0);
    lattice(&sandbox, colleague, &["sync"]).exits(0);
    assert_eq!(texts_in(&sandbox, colleague, &one), ["done, says Ada"]);
}

#[test]
fn plain_fetch_and_push_of_points_share_notes() {
    let (sandbox, colleague) = shared();
    let one = at("phase0/step1");
    lattice(&sandbox, colleague, &["sync"]).exits(0);
    sandbox.lattice(&["note", &one, "-m", "waits"]).exits(0);
    let run = sandbox.lattice(&["new", &at("phase0/step2"), "--no-switch"]).exits(0);
    run.says_err("the notes of this clone were pushed with it");
    sandbox.git_in(colleague, &["fetch", "-q"]);
    assert_eq!(texts_in(&sandbox, colleague, &one), ["waits"], "a refspec for records should bring notes too");
    sandbox.lattice(&["note", &one, "-m", "done"]).exits(0);
    write_record(&sandbox, "work", &sandbox.git(&["config", "lattice.writer"]), &one, &json!({}));
    let run = sandbox.lattice(&["new", &at("phase0/step3"), "--no-switch"]).exits(0);
    run.says_err("the records and notes of this clone were pushed with it");
}

#[test]
fn writers_in_one_clone_lose_nothing() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.points(&[&one]);
    let start = |n: usize| {
        let mut command = sandbox.command("work", &["note", &one, "-m", &format!("note {n}")]);
        command.stdout(Stdio::null()).spawn().unwrap()
    };
    let running: Vec<_> = (0..8).map(start).collect();
    assert!(running.into_iter().all(|mut child| child.wait().unwrap().success()));
    let mut texts = texts_in(&sandbox, "work", &one);
    texts.sort();
    assert_eq!(texts, (0..8).map(|n| format!("note {n}")).collect::<Vec<_>>());
}

#[test]
fn moved_point_keeps_its_notes() {
    let sandbox = Sandbox::new();
    let (one, two, three) = (at("phase0/step1"), at("phase0/step2"), at("phase0/step3"));
    sandbox.lattice(&["new", &one, &two, "--no-switch"]).exits(0);
    sandbox.lattice(&["note", &two, "-m", "waits"]).exits(0);
    sandbox.lattice(&["move", &two, &three, "--delete-remote"]).exits(0);
    assert_eq!(texts_in(&sandbox, "work", &three), ["waits"]);
    assert!(texts_in(&sandbox, "work", &one).is_empty());
    let all = sandbox.lattice(&["list", "--format", "%(point) %(note)"]).exits(0);
    assert_eq!(all.stdout, format!("{one} \n{three} waits\n"));
    sandbox.lattice(&["note", &three, "--edit", "-m", "done"]).exits(0);
    assert_eq!(texts_in(&sandbox, "work", &three), ["done"]);
    sandbox.lattice(&["axis", "rename", "component", "toolchain", "tools", "--delete-remote"]).exits(0);
    let new = three.replace("toolchain", "tools");
    assert_eq!(texts_in(&sandbox, "work", &new), ["done"]);
    assert_eq!(fields(&sandbox.lattice(&["note", "--list", "--json"]).exits(0).json()["points"], "point"), [&new]);
}

#[test]
fn note_stays_with_a_name_that_is_used_again() {
    let sandbox = Sandbox::new();
    let (one, two, three) = (at("phase0/step1"), at("phase0/step2"), at("phase0/step3"));
    sandbox.lattice(&["new", &one, &two, "--no-switch"]).exits(0);
    sandbox.lattice(&["note", &two, "-m", "waits"]).exits(0);
    sandbox.lattice(&["move", &two, &three, "--delete-remote"]).exits(0);
    sandbox.lattice(&["new", &two, "--no-switch", "--no-push"]).exits(0);
    assert_eq!((texts_in(&sandbox, "work", &two), texts_in(&sandbox, "work", &three)), (vec!["waits".into()], vec![]));
    let all = sandbox.lattice(&["list", "--format", "%(step) %(note)"]).exits(0);
    assert_eq!(all.stdout, "step1 \nstep2 waits\nstep3 \n");
}

#[test]
fn copied_clone_keeps_its_notes_under_a_new_writer() {
    let (sandbox, _) = shared();
    let one = at("phase0/step1");
    sandbox.lattice(&["note", &one, "-m", "common"]).exits(0);
    let copied = std::process::Command::new("cp").arg("-a").arg(sandbox.work()).arg(sandbox.path("copy")).status();
    assert!(copied.unwrap().success());
    let writer = sandbox.git(&["config", "lattice.writer"]);
    write_record(&sandbox, "copy", &writer, &one, &json!({}));
    lattice(&sandbox, "copy", &["note", &one, "-m", "from the copy"]).exits(0);
    sandbox.lattice(&["note", &one, "-m", "from the first"]).exits(0);
    sandbox.lattice(&["sync"]).exits(0);
    let run = lattice(&sandbox, "copy", &["sync"]).exits(0).says_out("another clone writes records as");
    run.says_out("records of this clone pushed").says_out("notes of this clone pushed");
    sandbox.lattice(&["sync"]).exits(0);
    for dir in ["work", "copy"] {
        let mut texts = texts_in(&sandbox, dir, &one);
        texts.sort();
        assert_eq!(texts, ["common", "from the copy", "from the first"], "{dir}");
        let shown = lattice(&sandbox, dir, &["show", &one, "--json"]).exits(0).json();
        assert_eq!(shown["records"].as_array().unwrap().len(), 1, "{dir}");
    }
    lattice(&sandbox, "copy", &["sync"]).exits(0).never_says("another clone");
}

#[test]
fn notes_are_no_records() {
    let (sandbox, colleague) = shared();
    let one = at("phase0/step1");
    sandbox.lattice(&["note", &one, "-m", "waits"]).exits(0);
    write_record(&sandbox, "work", &sandbox.git(&["config", "lattice.writer"]), &one, &json!({}));
    sandbox.lattice(&["sync"]).exits(0);
    for dir in ["work", colleague] {
        lattice(&sandbox, dir, &["sync"]).exits(0).never_says("left alone");
        let status = lattice(&sandbox, dir, &["status", "--json"]).exits(0).json();
        assert_eq!(status["skipped_records"], 0, "{dir}");
    }
    // A version that knows only records takes the last part of a ref for the writer, if it is alphanumeric.
    let refs = sandbox.git_in(colleague, &["for-each-ref", "--format=%(refname)", "refs/lattice/remotes/origin"]);
    let writers = refs.lines().map(|name| name.strip_prefix("refs/lattice/remotes/origin/").unwrap());
    let known: Vec<_> = writers.filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric())).collect();
    assert_eq!(known.len(), 1, "only the ref of records should look like one: {refs}");
}

#[test]
fn hostile_notes_are_harmless() {
    let sandbox = Sandbox::new();
    let (one, two) = (at("phase0/step1"), at("phase0/step2"));
    sandbox.points(&[&one, &two]);
    let escape = json!({ "text": "\u{1b}]0;owned\u{7}red\n\u{202e}next", "author": "\u{1b}[2J" });
    write_raw(&sandbox, "work", &one, &raw(&one, &escape));
    for bad in ["no json".to_owned(), raw(&two, &json!({})), raw(&one, &json!({ "written": "9999-01-01T00:00:00Z" }))] {
        write_raw(&sandbox, "work", &one, &bad);
    }
    let run = sandbox.lattice(&["note", &one, "--list"]).exits(0).never_says("\u{1b}").never_says("\u{202e}");
    run.says_out("red").never_says("hello");
    let json = sandbox.lattice(&["note", &one, "--list", "--json"]).exits(0).never_says("\\u001b");
    assert_eq!(json.json()["points"][0]["notes"][0]["text"].as_str().unwrap().lines().count(), 2);
    sandbox.lattice(&["note", &two, "--list"]).exits(0).never_says("hello");
    let run = sandbox.lattice(&["doctor", "--offline"]).says_out("refs/notes/lattice/point-notes/evil");
    run.says_out("a note on another point").says_out("git notes --ref=lattice/point-notes/evil show");
    sandbox.lattice(&["check"]).says_out("C21 record").says_out("not a note on a point").says_out("an invalid time");
    assert_eq!(sandbox.lattice(&["status", "--json"]).exits(0).json()["skipped_records"], 0);
}

#[test]
fn report_and_page_show_the_newest_notes() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.points(&[&one]);
    let line = |n: u32| {
        let long = format!("text {n}.\n{}", "word\n".repeat(1000));
        raw(&one, &json!({ "text": long, "written": format!("2026-01-{:02}T00:00:00Z", n + 1) }))
    };
    write_raw(&sandbox, "work", &one, &(0..25).map(line).collect::<Vec<_>>().join("\n"));
    assert_eq!(texts_in(&sandbox, "work", &one).len(), 25);
    let report = sandbox.lattice(&["report"]).exits(0).says_out("and 5 older: `git lattice note --list`");
    assert!(report.stdout.contains("text 24") && report.stdout.contains("text 5\\."), "{}", report.stdout);
    assert!(!report.stdout.contains("text 4\\.") && report.stdout.len() < 20_000, "{}", report.stdout.len());
    let json = sandbox.lattice(&["report", "--json"]).exits(0).json();
    assert_eq!(json["notes"][0]["notes"].as_array().map(Vec::len), Some(25), "JSON has all");
    let page = sandbox.lattice(&["page", "-"]).exits(0).says_out("5 older: git lattice note --list");
    assert!(page.stdout.contains("text 5.") && !page.stdout.contains("text 4."));
}

#[test]
fn who_hid_a_note_of_another_clone_is_listed() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.points(&[&one]);
    sandbox.lattice(&["note", &one, "-m", "mine"]).exits(0);
    let id = id_of(&sandbox, "work", &one, "mine");
    let removal =
        raw(&one, &json!({ "replaces": [id] })).replace(r#","text":"hello""#, "").replace(r#""text":"hello","#, "");
    write_raw(&sandbox, "work", &one, &removal);
    let listed = sandbox.lattice(&["note", "--list"]).exits(0);
    listed.says_out(&format!("{} of A U Thor: removed by Eve of clone evil", &id[..8]));
    let json = sandbox.lattice(&["note", "--list", "--json"]).exits(0).json();
    let hidden = &json["points"][0]["hidden"][0];
    assert_eq!((&hidden["id"], &hidden["by"], &hidden["removed"]), (&id.into(), &"Eve".into(), &true.into()), "{json}");
    sandbox.lattice(&["note", &one, "-m", "another"]).exits(0);
    sandbox.lattice(&["note", &one, "--remove"]).exits(0);
    let json = sandbox.lattice(&["note", "--list", "--json"]).exits(0).json();
    assert_eq!(json["points"][0]["hidden"].as_array().map(Vec::len), Some(1), "own removals are no news: {json}");
}

#[test]
fn name_with_a_line_break_is_cleaned_as_by_git() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    let args = ["new", &one, "--no-push", "--no-switch"];
    sandbox.lattice_in("work", &args, |command| command.env("GIT_AUTHOR_NAME", "Ada\nL <x>")).exits(0);
    assert_eq!(sandbox.git(&["log", "-1", "--format=%an", &branch(&one)]), "AdaL x");
    let noted =
        |name| sandbox.lattice_in("work", &["note", &one, "-m", "x"], |command| command.env("GIT_AUTHOR_NAME", name));
    noted("\n").exits(2).says_err("git config --global user.name");
}

#[test]
fn note_stays_readable_when_the_branch_loses_its_directory() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.git(&["branch", &branch(&one), "main"]);
    sandbox.lattice(&["note", &one, "-m", "no directory yet"]).exits(0);
    assert!(notes_in(&sandbox, "work", &one)[0]["key"].is_null(), "{}", dir(&one));
}

#[test]
fn status_has_the_notes_of_points() {
    let sandbox = Sandbox::new();
    let points: Vec<_> = (1..=9).map(|n| at(&format!("phase0/step{n}"))).collect();
    let notes = |point: &str| {
        let status = sandbox.lattice(&["status", "--json"]).exits(0).json();
        let points = status["points"].as_array().unwrap().clone();
        points.into_iter().find(|it| it["point"] == point).unwrap()["notes"].clone()
    };
    for points in [&points[..2], &points[2..]] {
        let names: Vec<_> = points.iter().map(String::as_str).collect();
        sandbox.lattice(&[&["new", "--no-switch", "--no-push"], &names[..]].concat()).exits(0);
        assert_eq!(notes(&points[0]), json!([]));
        sandbox.lattice(&["note", &points[0], "-m", "waits"]).exits(0);
        assert_eq!(notes(&points[0]), json!(notes_in(&sandbox, "work", &points[0])));
        assert_eq!((notes(&points[0])[0]["text"].as_str(), notes(&points[1])), (Some("waits"), json!([])));
    }
    let new = at("phase1/step1");
    sandbox.lattice(&["move", &points[8], &new]).exits(0);
    assert_eq!(notes(&new), json!([]));
    sandbox.lattice(&["note", &points[7], "-m", "moves"]).exits(0);
    sandbox.lattice(&["move", &points[7], &points[8]]).exits(0);
    assert_eq!(notes(&points[8])[0]["text"], "moves", "a moved point keeps its notes");
}

#[test]
fn text_in_the_editor_survives_its_end() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.points(&[&one]);
    let typed = sandbox.path("typed");
    let slow = format!("#!/bin/sh\necho 'half a text' >\"$1\"\n: >'{}'\nsleep 20\n", typed.display());
    let slow = sandbox.program("slow", &slow);
    let kept = sandbox.work().join(".git/lattice/NOTE_EDITMSG");
    let run = |script: &str| crate::terminal::run(&sandbox, (200, 24), "dumb", script, "");
    for signal in ["TERM", "HUP"] {
        let script = format!(
            "GIT_EDITOR=\"'{}'\" git-lattice note {one} </dev/tty & pid=$!; until [ -e '{}' ]; do sleep 0.1; done; kill -{signal} $pid; wait $pid",
            slow.display(),
            typed.display()
        );
        let shown = run(&script);
        assert!(shown.contains("NOTE_EDITMSG") && shown.contains("`-F` reads it"), "{signal}: {shown}");
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), "half a text\n", "{signal}");
        [&kept, &typed].iter().for_each(|file| std::fs::remove_file(file).unwrap());
    }
    let gives_up = sandbox.program("gives-up", "#!/bin/sh\nexit 1\n");
    let shown = run(&format!("GIT_EDITOR=\"'{}'\" git-lattice note {one}", gives_up.display()));
    assert!(shown.contains("failed; nothing was written") && !kept.exists(), "an unchanged text is not kept: {shown}");
    assert!(texts_in(&sandbox, "work", &one).is_empty());
}

#[test]
fn editor_that_leaves_no_regular_file_is_refused() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.points(&[&one]);
    let program = |name: &str| which::which(name).unwrap().display().to_string();
    for (name, leaves) in [("pipe", program("mkfifo")), ("endless", program("ln") + " -s /dev/zero")] {
        let editor = sandbox.program(name, &format!("#!/bin/sh\n{} \"$1\"\n{leaves} \"$1\"\n", program("rm")));
        let script = format!(
            "GIT_EDITOR=\"'{}'\" {} --foreground 20 git-lattice note {one}; echo code $?",
            editor.display(),
            program("timeout")
        );
        let shown = crate::terminal::run(&sandbox, (200, 24), "dumb", &script, "");
        assert!(shown.contains("not a regular file") && shown.contains("code 2"), "{name}: {shown}");
    }
}
