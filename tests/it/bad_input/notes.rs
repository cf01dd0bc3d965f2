//! Notes written by another program: no text in them may crash git-lattice, colour the terminal, or make a point green.

use serde_json::{Value, json};

use crate::sandbox::{Run, Sandbox};

const POINT: &str = "toolchain/aarch64/phase0/step1";

/// A sandbox with one point, and the point's key.
fn with_point_and_key() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--arch", "aarch64"]).exits(0);
    let key = sandbox.lattice(&["show", "--json"]).exits(0).json()["key"].as_str().unwrap().to_owned();
    (sandbox, key)
}

/// A record as git-lattice writes it, which makes the point green.
fn record(key: &str) -> Value {
    json!({ "point": POINT, "key": key, "commit": "0123456789012345678901234567890123456789", "system": "aarch64-linux", "verdict": "built", "nix": "2.8.0",
        "started": "2026-01-01T00:00:00Z", "seconds": 1.0, "host": "h", "user": "u",
        "outputs": { "out": { "path": "/nix/store/00000000000000000000000000000000-x", "narHash": "sha256-x" } } })
}

/// Adds a note to `object` as another writer.
fn add_note(sandbox: &Sandbox, object: &str, text: &[u8]) {
    std::fs::write(sandbox.path("note"), text).unwrap();
    let blob = sandbox.git(&["hash-object", "-w", "../note"]);
    sandbox.git(&["notes", "--ref=lattice/other", "add", "-f", "-C", &blob, object]);
}

fn state(sandbox: &Sandbox) -> String {
    let status = sandbox.lattice(&["status", "--json"]).exits(0).json();
    status["points"][0]["state"].as_str().unwrap().to_owned()
}

#[track_caller]
fn assert_no_control_characters(run: &Run) {
    let strange = |text: &str| text.chars().any(|c| c.is_control() && c != '\n' && c != '\t');
    assert!(!strange(&run.stdout) && !strange(&run.stderr), "no control characters: {:?}", run.stdout);
}

#[test]
fn well_formed_record_counts() {
    let (sandbox, key) = with_point_and_key();
    add_note(&sandbox, &key, record(&key).to_string().as_bytes());
    assert_eq!(state(&sandbox), "built", "a valid record should count, or the tests below prove nothing");
    sandbox.lattice(&["promote"]).exits(0).says_out("phase1/step1");
}

/// Lines that look like a record on `key` but are invalid.
fn invalid_records(key: &str) -> Vec<Vec<u8>> {
    let whole = record(key);
    let changed = |field: &str, value: Value| {
        let mut other = whole.clone();
        other[field] = value;
        other.to_string().into_bytes()
    };
    let without = |field: &str| {
        let mut other = whole.clone();
        other.as_object_mut().unwrap().remove(field);
        other.to_string().into_bytes()
    };
    let text = whole.to_string();
    vec![
        b"built".to_vec(),
        b"\0\xff\xfe\n\n\n{}\n[]\nnull\n\"built\"\n{".to_vec(),
        text.as_bytes()[..text.len() - 1].to_vec(),
        text.replace(',', ",\n").into_bytes(),
        [text.as_bytes(), b"}"].concat(),
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        changed("key", json!("0".repeat(40))),
        changed("key", json!(key.to_uppercase())),
        changed("verdict", json!("Built")),
        changed("verdict", json!(["built"])),
        changed("verdict", json!("failed\u{0}built")),
        changed("system", json!("x86_64-linux")),
        changed("system", json!("AARCH64-linux")),
        changed("system", json!(1)),
        changed("outputs", json!([])),
        changed("seconds", json!("1")),
        changed("seconds", json!(-1)),
        text.replace("\"seconds\":1.0", "\"seconds\":1e999").into_bytes(),
        text.replace("\"seconds\":1.0", "\"seconds\":NaN").into_bytes(),
        changed("started", json!("3026-01-01T00:00:00Z")),
        changed("started", json!("yesterday")),
        changed("started", json!("2026-01-01T00:00:00+00:00")),
        changed("point", json!("toolchain/aarch64/phase0/step2")),
        changed("point", json!("toolchain/aarch64/phase0/step1/")),
        changed("host", json!("\u{1b}[31mh")),
        changed("outputs", json!({ "out\u{7}": { "path": "/nix/store/00000000000000000000000000000000-x" } })),
        changed("nix", json!("x".repeat(70_000))),
        text.replace("\"2.8.0\"", &format!("{}{}", "[".repeat(10_000), "]".repeat(10_000))).into_bytes(),
        without("key"),
        without("verdict"),
        without("system"),
        without("started"),
        [b"[".repeat(200_000), b"]".repeat(200_000)].concat(),
        vec![b'a'; 3_000_000],
        [text.as_bytes(), b"\n", &vec![b'\n'; 5_000_000]].concat(),
    ]
}

#[test]
fn malformed_lines_make_no_point_green() {
    let (sandbox, key) = with_point_and_key();
    for line in invalid_records(&key) {
        add_note(&sandbox, &key, &line);
        let shown = String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned();
        assert_eq!(state(&sandbox), "new", "the line is no record of the point's system: {shown}");
        assert_no_control_characters(&sandbox.lattice(&["show"]).exits(0));
        assert_no_control_characters(&sandbox.lattice(&["promote"]).exits(1).says_out("not built on"));
        if !shown.contains("x86_64-linux") {
            sandbox.lattice(&["status"]).exits(0).says_err("invalid: `git lattice doctor`");
        }
    }
}

#[test]
fn malformed_line_does_not_hide_a_valid_one() {
    let (sandbox, key) = with_point_and_key();
    add_note(&sandbox, &key, format!("garbage\n\0\n{}\n{{\"half\":", record(&key)).as_bytes());
    assert_eq!(state(&sandbox), "built", "the valid line should count");
}

#[test]
fn hostile_texts_in_a_record_are_escaped() {
    let (sandbox, key) = with_point_and_key();
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\r\n\u{9b}31m\u{202e}";
    let mut hostile = record(&key);
    for field in ["point", "commit", "drv", "error", "nix", "started", "host", "user"] {
        hostile[field] = json!(evil);
    }
    let whole = record(&key);
    hostile["verdict"] = json!("failed");
    hostile["seconds"] = json!(1e308);
    hostile["outputs"] = json!({ evil: { "path": evil, "narHash": evil } });
    for verdict in ["failed", "built", "no-builder", "cancelled"] {
        hostile["verdict"] = json!(verdict);
        add_note(&sandbox, &key, hostile.to_string().as_bytes());
        for args in [&["status"][..], &["show"], &["promote", "--dry-run"], &["build"]] {
            assert_no_control_characters(&sandbox.lattice(args));
        }
        sandbox.lattice(&["show", "--json"]).exits(0).json();
    }
    for field in ["commit", "drv", "error", "nix", "host", "user"] {
        let mut hostile = whole.clone();
        hostile[field] = json!(evil);
        add_note(&sandbox, &key, hostile.to_string().as_bytes());
        assert_eq!(state(&sandbox), "new", "a record with that in `{field}` should not count");
    }
}

#[test]
fn notes_refs_without_notes_are_skipped() {
    let (sandbox, key) = with_point_and_key();
    let blob = sandbox.git(&["rev-parse", "HEAD:README"]);
    let tree = sandbox.git(&["rev-parse", "HEAD^{tree}"]);
    for (name, target) in [("blob", blob.as_str()), ("tree", &tree), ("commit", "HEAD")] {
        sandbox.git(&["update-ref", &format!("refs/notes/lattice/{name}"), target]);
    }
    add_note(&sandbox, &key, record(&key).to_string().as_bytes());
    let run = sandbox.lattice(&["status"]).exits(0);
    assert!(run.stdout.contains("built"), "the valid notes should still count\n{}{}", run.stdout, run.stderr);
    sandbox.lattice(&["show"]).exits(0);
    sandbox.lattice(&["build"]).exits(0).says_out("started");
}

/// Makes a tree from lines for `git mktree`; the objects need not exist.
fn make_tree(sandbox: &Sandbox, lines: &str) -> String {
    std::fs::write(sandbox.path("tree"), lines).unwrap();
    let mut command = std::process::Command::new("git");
    command.args(["mktree", "--missing"]).current_dir(sandbox.work());
    sandbox.environment(&mut command);
    let output = command.stdin(std::fs::File::open(sandbox.path("tree")).unwrap()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Makes this tree the notes of `writer`.
fn set_notes_tree(sandbox: &Sandbox, writer: &str, tree: &str) {
    let commit = sandbox.git(&["commit-tree", "-m", "notes", tree]);
    sandbox.git(&["update-ref", &format!("refs/notes/lattice/{writer}"), &commit]);
}

#[test]
fn entries_that_are_no_notes_are_skipped() {
    let (sandbox, key) = with_point_and_key();
    std::fs::write(sandbox.path("note"), record(&key).to_string()).unwrap();
    let blob = sandbox.git(&["hash-object", "-w", "../note"]);
    let empty = sandbox.git(&["rev-parse", "HEAD^{tree}"]);
    let missing = "1".repeat(40);
    let (first, rest) = key.split_at(2);
    let deep = make_tree(&sandbox, &format!("100644 blob {blob}\t{rest}\n"));
    let too_deep = key.as_bytes().chunks(2).rev().fold(blob.clone(), |inner, part| {
        let kind = if inner == blob { "100644 blob" } else { "040000 tree" };
        make_tree(&sandbox, &format!("{kind} {inner}\t{}\n", String::from_utf8_lossy(part)))
    });
    let odd = [
        format!("120000 blob {blob}\t{key}\n"),
        format!("040000 tree {empty}\t{key}\n"),
        format!("160000 commit {missing}\t{key}\n"),
        format!("100644 blob {missing}\t{key}\n"),
        format!("040000 tree {missing}\t{first}\n"),
        format!("100644 blob {blob}\t{first}\n"),
        format!("100644 blob {blob}\t{key}0\n"),
        format!("100644 blob {blob}\t{rest}\n"),
        format!("040000 tree {deep}\tx{first}\n"),
    ];
    for lines in odd {
        set_notes_tree(&sandbox, "odd", &make_tree(&sandbox, &lines));
        assert_eq!(state(&sandbox), "new", "{lines}");
        assert_no_control_characters(&sandbox.lattice(&["status"]).exits(0).says_err("invalid: `git lattice doctor`"));
        assert_no_control_characters(&sandbox.lattice(&["show"]).exits(0));
        assert_no_control_characters(&sandbox.lattice(&["promote"]).exits(1).says_out("not built on"));
    }
    set_notes_tree(&sandbox, "odd", &too_deep);
    assert_no_control_characters(&sandbox.lattice(&["status"]).exits(0));
    set_notes_tree(&sandbox, "odd", &make_tree(&sandbox, &format!("040000 tree {deep}\t{first}\n")));
    assert_eq!(state(&sandbox), "built", "a valid note should count, or the cases above prove nothing");
}

#[test]
fn exponentially_large_notes_tree_does_not_hang() {
    let (sandbox, key) = with_point_and_key();
    let blob = sandbox.git(&["rev-parse", "HEAD:README"]);
    let mut inner = (String::from("100644 blob"), blob);
    // 256^19 notes in 20 trees.
    for _ in 0..20 {
        let lines: String =
            (0..256).map(|i| format!("{} {}\t{i:02x}\n", inner.0, inner.1)).collect::<Vec<_>>().concat();
        inner = ("040000 tree".to_owned(), make_tree(&sandbox, &lines));
    }
    set_notes_tree(&sandbox, "endless", &inner.1);
    add_note(&sandbox, &key, record(&key).to_string().as_bytes());
    assert_eq!(state(&sandbox), "built", "notes of other writers should still count");
    sandbox.lattice(&["status"]).exits(0).says_err("invalid: `git lattice doctor`");
    sandbox.lattice(&["show"]).exits(0);
}

#[test]
fn many_writers_of_one_nested_tree_do_not_hide_others() {
    let (sandbox, key) = with_point_and_key();
    let blob = sandbox.git(&["rev-parse", "HEAD:README"]);
    // 65,536 notes in two trees.
    let notes: String = (0..256).map(|i| format!("100644 blob {blob}\t{i:038x}\n")).collect::<Vec<_>>().concat();
    let below = make_tree(&sandbox, &notes);
    let folders: String = (0..256).map(|i| format!("040000 tree {below}\t{i:02x}\n")).collect::<Vec<_>>().concat();
    let tree = make_tree(&sandbox, &folders);
    (0..40).for_each(|i| set_notes_tree(&sandbox, &format!("a{i}"), &tree));
    add_note(&sandbox, &key, record(&key).to_string().as_bytes());
    assert_eq!(state(&sandbox), "built", "a writer with few notes should count");
    sandbox.lattice(&["status"]).exits(0).says_err("invalid: `git lattice doctor`");
    sandbox.lattice(&["doctor", "--json"]).exits(0).says_out("too many notes");
}

#[test]
fn huge_note_does_not_hide_others() {
    let (sandbox, key) = with_point_and_key();
    add_note(&sandbox, &key, record(&key).to_string().as_bytes());
    let huge = format!("{}\n", record(&key)).repeat(20_000);
    std::fs::write(sandbox.path("note"), huge.replace("built", "failed")).unwrap();
    let blob = sandbox.git(&["hash-object", "-w", "../note"]);
    sandbox.git(&["notes", "--ref=lattice/huge", "add", "-f", "-C", &blob, &key]);
    assert_eq!(state(&sandbox), "built");
    sandbox.lattice(&["status"]).exits(0).says_err("one line of the records is invalid");
}
