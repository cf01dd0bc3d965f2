//! `git lattice report`: which points, what is said of them, and that hostile texts stay texts.

use std::fs;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::story::{at, branch, far, fields, here, write_record};

/// The text between a heading and the next one.
fn section<'t>(text: &'t str, title: &str) -> &'t str {
    let start = text.find(&format!("### {title}\n")).unwrap_or_else(|| panic!("`{title}` should be there:\n{text}"));
    text[start..].split("\n### ").next().unwrap()
}

fn points(sandbox: &Sandbox, args: &[&str]) -> (String, Vec<String>) {
    let json = sandbox.lattice(&[&["report", "--json"], args].concat()).exits(0).json();
    let points = fields(&json["points"], "point").into_iter().map(str::to_owned).collect();
    (json["selection"].as_str().unwrap().to_owned(), points)
}

/// Writes the log of a point's last build.
fn write_log(sandbox: &Sandbox, point: &str, text: &str) {
    let key = sandbox.point(point)["key"].as_str().unwrap().to_owned();
    let folder = sandbox.work().join(".git/lattice/log");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{key}-{}-linux.log", here())), text).unwrap();
}

#[test]
fn head_reports_what_the_base_does_not_have() {
    let sandbox = Sandbox::new();
    let [one, two, next] = [at("phase0/step1"), at("phase0/step2"), at("phase1/step1")];
    sandbox.lattice(&["report"]).exits(0).says_err("no point has a branch yet");
    sandbox.lattice(&["new", &one, &two, &next, "--no-switch"]).exits(0);
    assert_eq!(points(&sandbox, &[]), ("all".into(), vec![one.clone(), two.clone(), next.clone()]));
    sandbox.git(&["merge", "-q", "--no-edit", &branch(&one)]);
    sandbox.git(&["switch", "-q", &branch(&two)]);
    assert_eq!(points(&sandbox, &[]), ("head".into(), vec![two.clone()]));
    assert_eq!(points(&sandbox, &["*/*/*/*"]).1.len(), 3);
    let text = sandbox.lattice(&["report"]).exits(0).stdout;
    assert!(text.starts_with(&format!("## Builds: `{two}`\n\n1 ")), "{text}");
}

#[test]
fn report_tells_states_failures_disputes_notes_and_commands() {
    let sandbox = Sandbox::new();
    let [one, two, three] = [at("phase0/step1"), at("phase0/step2"), at("phase0/step3")];
    sandbox.lattice(&["new", &one, &two, &three, "--no-switch"]).exits(0);
    sandbox.built_elsewhere(&[&one]);
    let inputs = json!([{ "kind": "seed", "name": "gcc", "hash": "sha256-x", "size": 2048 }]);
    write_record(&sandbox, "work", "far", &two, &json!({ "verdict": "failed", "error": "no such file" }));
    write_record(&sandbox, "work", "far", &three, &json!({ "inputs": inputs, "impure": ["/usr"] }));
    write_record(
        &sandbox,
        "work",
        "near",
        &three,
        &json!({
            "outputs": { "out": { "path": "/nix/store/00000000000000000000000000000000-x", "narHash": "sha256-other" } },
        }),
    );
    write_log(&sandbox, &two, "\u{1b}[31mgcc: no such file\u{1b}[0m\n");
    sandbox.lattice(&["note", &two, "-m", "waits for https://example.org/1"]).exits(0);
    let text = sandbox.lattice(&["report"]).exits(0).stdout;
    let row = |point: &str, state: &str| format!("| `{point}` | {state} | `{}-linux` |", here());
    for row in [row(&one, "built"), row(&two, "**failed**"), row(&three, "**disputed**")] {
        assert!(text.contains(&row), "`{row}` should be there:\n{text}");
    }
    assert_eq!(text.matches("| 1.5 s |").count(), 3, "failed builds took time too: {text}");
    let json = sandbox.lattice(&["report", &two, "--json"]).exits(0).json();
    assert_eq!(json["points"][0]["seconds"], json!({ format!("{}-linux", here()): 1.5 }));
    let failed = section(&text, "Failed");
    assert!(failed.contains(": `no such file`\n") && failed.contains("```text\ngcc: no such file\n```\n"), "{failed}");
    let disputed = section(&text, "Disputed");
    assert!(
        disputed.contains("`sha256-other` by `ada@near`") && disputed.contains("`sha256-same` by `ada@far`"),
        "{disputed}"
    );
    assert!(section(&text, "Notes").contains("> waits for <https://example.org/1>\n"), "{text}");
    let base = section(&text, "Trusted base");
    assert!(
        base.contains("| seed | `gcc` | `sha256-x` | 2 KiB |") && base.contains("of its machine: `/usr`."),
        "{base}"
    );
    let commands = section(&text, "Reproduce");
    assert!(commands.contains(&format!("git lattice build {three}\nnix build ")), "{commands}");
    assert!(!commands.contains(&format!("build {one}\n")), "it is built with the points above it: {commands}");
}

#[test]
fn same_repository_gives_the_same_text_and_nothing_is_written() {
    let mut sandbox = Sandbox::new();
    sandbox.forbid_nix();
    let one = at("phase0/step1");
    sandbox.points(&[&one]);
    write_record(&sandbox, "work", "far", &one, &json!({ "verdict": "failed", "error": "x" }));
    let first = sandbox.refused(&["report"]).exits(0).stdout;
    assert_eq!(sandbox.refused(&["report"]).exits(0).stdout, first);
    assert!(!sandbox.nix_was_called());
    assert!(!first.contains("nix build"), "nobody else has a commit that was not pushed: {first}");
    assert!(first.contains("1 commit is not on the remote `origin`."), "{first}");
}

#[test]
fn hostile_texts_stay_texts() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.points(&[&one]);
    let evil = "x` | <script>alert(1)</script> @ada #1 ``` | <!-- y";
    write_record(&sandbox, "work", "far", &one, &json!({ "verdict": "failed", "error": evil }));
    write_log(&sandbox, &one, "```\n</details>\n<img src=x>\n````\n@ada #2\n");
    sandbox.lattice(&["note", &one, "-m", "<b>@ada</b> see #3\n\n# Title\n```\n| a |\n- [x](javascript:1)"]).exits(0);
    let text = sandbox.lattice(&["report"]).exits(0).stdout;
    let error = section(&text, "Failed").lines().find(|line| line.contains("script")).unwrap();
    assert!(error.contains(&format!("````{evil}````")), "the error should be one code span: {error}");
    let log = &text[text.find("<details>").unwrap()..];
    assert!(log.contains("`````text\n```\n</details>\n<img src=x>\n````\n@ada #2\n`````\n"), "{log}");
    let notes = section(&text, "Notes");
    let quoted: Vec<_> = notes.lines().filter(|line| line.starts_with("> ")).collect();
    assert!(quoted[0].contains("&lt;b&gt;\\@<!-- -->ada&lt;\\/b&gt; see \\#<!-- -->3"), "{notes}");
    assert!(
        quoted
            .iter()
            .all(|line| !line.contains("<b>") && !line.contains("](") && !line[2..].starts_with(['#', '`', '|', '-'])),
        "{notes}"
    );
    let json = sandbox.lattice(&["report", "--json"]).exits(0).json();
    assert_eq!(json["failed"][0]["error"], evil, "JSON should have the text itself");
}

#[test]
fn huge_numbers_of_others_do_not_wrap() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1"), &far("phase0/step1")]);
    for point in [at("phase0/step1"), far("phase0/step1")] {
        let input = |name: &str| json!({ "kind": "seed", "name": name, "hash": point, "size": u64::MAX });
        let changes = json!({ "inputs": [input("a"), input("b")], "inputs_left_out": u64::MAX });
        write_record(&sandbox, "work", "far", &point, &changes);
    }
    sandbox.lattice(&["report"]).exits(0).says_out("17179869183.9 GiB");
    assert_eq!(sandbox.lattice(&["report", "--json"]).exits(0).json()["trusted_base"]["left_out"], u64::MAX);
    for args in [&["show", &at("phase0/step1"), "--trusted-base"][..], &["show", &at("phase0/step1")], &["page", "-"]] {
        sandbox.lattice(args).exits(0);
    }
}

#[test]
fn many_points_are_counted() {
    let sandbox = Sandbox::new();
    let steps: Vec<_> = (1..=26).map(|n| format!("step{n}")).collect();
    sandbox.lattice(&["new", "--all-archs", "--step", &steps.join(","), "--no-switch", "--no-push"]).exits(0);
    write_record(&sandbox, "work", "far", &at("phase0/step7"), &json!({ "verdict": "failed", "error": "step 7" }));
    let run = sandbox.lattice(&["report"]).exits(0);
    run.says_out("| component | points | new | failed |\n|---|---|---|---|\n| `toolchain` | 52 | 51 | 1 |\n")
        .says_out("More than 50 points are counted; `git lattice report --all` lists each.")
        .says_out("`step 7`")
        .never_says("step8`");
    let all = sandbox.lattice(&["report", "--all"]).exits(0).stdout;
    let rows: Vec<_> = all.lines().filter(|line| line.starts_with("| `toolchain/")).collect();
    assert_eq!(rows.len(), 52);
    let failed = rows.iter().find(|row| row.contains("**failed**")).expect("the failed point should have a row");
    assert!(failed.contains(" s |"), "the duration should be in the row: {failed}");
    let json = sandbox.lattice(&["report", "--json"]).exits(0).json();
    assert_eq!((&json["totals"]["new"], json["points"].as_array().map(Vec::len)), (&Value::from(51), Some(52)));
}
