//! `git lattice graph`: what each format shows, and that names cannot leave their place in it.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::nix_setup::var;
use crate::sandbox::Sandbox;
use crate::story::{at, branch, crossing, far, fields, toml};

/// What `graph` prints with these arguments; it writes nothing.
#[track_caller]
fn drawn(sandbox: &Sandbox, args: &[&str]) -> String {
    let run = sandbox.refused(&[&["graph"], args].concat()).exits(0);
    assert_eq!(run.stderr, "", "{args:?}");
    run.stdout
}

fn with_points(points: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.points(points);
    sandbox
}

/// The lattice of the page in the book.
fn of_the_book() -> Sandbox {
    let axes = "component = { set = [\"hello-1.0\"] }\narch = { set = [\"aarch64\", \"x86_64\"] }\n\
                phase = { chain = [\"phase0\", \"phase1\"] }\nstep = { chain = \"step{n}\" }";
    let sandbox = Sandbox::with_toml(&toml(axes, ""));
    let point = |rest: &str| format!("hello-1.0/{rest}");
    let points = ["aarch64/phase0/step1", "x86_64/phase0/step1", "x86_64/phase0/step2"].map(point);
    let both = point("aarch64+x86_64/phase1/step1");
    sandbox.points(&[&points[0], &points[1], &points[2], &both, &point("x86_64/phase1/step1")]);
    sandbox.record(&points[1], "x86_64-linux", "built");
    sandbox.record(&points[2], "x86_64-linux", "built");
    sandbox.record(&points[0], "aarch64-linux", "failed");
    sandbox.git(&["switch", "-q", &branch(&points[2])]);
    sandbox
}

#[test]
fn join_stands_on_its_parts_and_these_on_the_base() {
    let text = "\
↓    hello-1.0/aarch64+x86_64/phase1/step1 behind ^
├─╮
│ ·  hello-1.0/x86_64/phase1/step1 new ^
│ ✓  hello-1.0/x86_64/phase0/step2 built * ^
│ ✓  hello-1.0/x86_64/phase0/step1 built ^
✗ │  hello-1.0/aarch64/phase0/step1 failed ^
├─╯
◆  main
";
    let sandbox = of_the_book();
    assert_eq!(drawn(&sandbox, &[]), text);
    let ascii = drawn(&sandbox, &["--ascii"]);
    assert!(ascii.is_ascii() && ascii.contains("| +  hello-1.0/x86_64/phase0/step2 built * ^\n"), "{ascii}");
    assert_eq!(ascii.lines().count(), text.lines().count());
}

#[test]
fn picture_of_the_book_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/pictures/graph.svg");
    let svg = drawn(&of_the_book(), &["--format", "svg"]);
    if var("GIT_LATTICE_TEST_REWRITE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &svg).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        svg,
        "GIT_LATTICE_TEST_REWRITE=1 rewrites docs/src/pictures/graph.svg"
    );
}

#[test]
fn selection_has_dotted_edges_where_points_are_left_out() {
    let points = ["step1", "step2", "step3"].map(|step| at(&format!("phase0/{step}")));
    let sandbox = with_points(&points.each_ref().map(String::as_str));
    let [one, _, three] = &points;
    assert_eq!(drawn(&sandbox, &[one, three]), format!("·  {three} new ^\n╷\n·  {one} new ^\n◆  main\n"));
    assert_eq!(drawn(&sandbox, &[three]), format!("·  {three} new ^\n╷\n◆  main\n"));
    let graph = sandbox.lattice(&["graph", "--json", one, three]).exits(0).json();
    assert_eq!(graph["nodes"][1]["below"], json!([{ "point": one, "direct": false }]));
    assert_eq!(graph["nodes"][0]["below"], json!([{ "point": null, "direct": true }]));
    assert!(
        drawn(&sandbox, &["--format", "dot", one, three])
            .contains(&format!("\"{one}\" -> \"{three}\" [style=dashed];"))
    );
    assert!(drawn(&sandbox, &["--format", "mermaid", one, three]).contains("n0 -.- n1"));
    assert_eq!(drawn(&sandbox, &["--format", "svg", one, three]).matches("class=\"edge indirect\"").count(), 1);
}

#[test]
fn failed_points_are_selected_also_if_they_are_behind() {
    let (one, two) = (at("phase0/step1"), at("phase0/step2"));
    let sandbox = with_points(&[&one, &two]);
    sandbox.record(&two, &format!("{}-linux", crate::story::here()), "failed");
    assert_eq!(drawn(&sandbox, &["--failed"]), format!("✗  {two} failed ^\n╷\n◆  main\n"));
    sandbox.commit_to(&one, &[("note", "from below\n")]);
    assert_eq!(drawn(&sandbox, &["--failed"]), format!("↓  {two} behind ^\n╷\n◆  main\n"));
}

#[test]
fn lattice_without_points_draws_nothing() {
    let sandbox = Sandbox::new();
    let run = sandbox.refused(&["graph"]).exits(0).says_err("no point has a branch yet");
    assert_eq!(run.stdout, "");
    sandbox.points(&[&at("phase0/step1")]);
    let run = sandbox.refused(&["graph", &far("phase0/step1")]).exits(0).says_err("no such point has a branch");
    assert_eq!(run.stdout, "");
    let run = sandbox.refused(&["graph", "--failed"]).exits(0).says_err("no point fulfils the conditions");
    assert_eq!(run.stdout, "");
    for format in ["dot", "mermaid", "svg", "json"] {
        sandbox.refused(&["graph", &far("phase0/step1"), "--format", format]).exits(0).says_out("main");
    }
}

#[test]
fn narrow_terminal_breaks_lines_but_no_names() {
    let (one, both) = (at("phase0/step1"), "toolchain/aarch64+x86_64/phase0/step1");
    let sandbox = with_points(&[&one, &far("phase0/step1"), both]);
    let run = sandbox.lattice_in("work", &["graph"], |command| command.env("COLUMNS", "45")).exits(0);
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines[..2], [format!("·    {both}"), "├─╮    new ^".to_owned()], "{}", run.stdout);
    assert!(lines.iter().all(|line| line.chars().count() <= 45), "{}", run.stdout);
}

#[test]
fn marks_and_states_have_the_colours_of_status() {
    let sandbox = of_the_book();
    let run = sandbox.lattice_in("work", &["graph"], |command| command.env("CLICOLOR_FORCE", "1")).exits(0);
    let built = "\x1b[32m✓\x1b[0m  hello-1.0/x86_64/phase0/step2 \x1b[32mbuilt * ^\x1b[0m\n";
    assert!(run.stdout.contains(built), "{:?}", run.stdout);
}

#[test]
fn chains_of_a_large_lattice_are_folded() {
    let sandbox = Sandbox::new();
    let steps = (1..=100).map(|n| format!("step{n}")).collect::<Vec<_>>().join(",");
    let flags = ["--arch", "aarch64,x86_64", "--phase", "phase0,phase1", "--step", &steps];
    sandbox.lattice(&[&["new", "--no-push", "--no-switch"], &flags[..]].concat()).exits(0);
    sandbox.record("toolchain/x86_64/phase0/step50", "x86_64-linux", "failed");
    sandbox.git(&["switch", "-q", "feature/toolchain/x86_64/phase1/step7"]);
    let text = "\
·  toolchain/aarch64/phase1/step100 new ^
⋮  198 points new
·  toolchain/aarch64/phase0/step1 new ^
│ ·  toolchain/x86_64/phase1/step100 new ^
│ ⋮  92 points new
│ ·  toolchain/x86_64/phase1/step7 new * ^
│ ⋮  56 points new
│ ✗  toolchain/x86_64/phase0/step50 failed ^
│ ⋮  48 points new
│ ·  toolchain/x86_64/phase0/step1 new ^
├─╯
◆  main
";
    assert_eq!(drawn(&sandbox, &[]), text);
    assert_eq!(drawn(&sandbox, &["--all"]).lines().count(), 402);
    assert_eq!(drawn(&sandbox, &["--format", "svg"]).matches("data-point=").count(), 400);
    let run = sandbox.lattice(&["graph", "--format", "mermaid"]).exits(0);
    assert_eq!(run.stderr, "", "400 edges are drawn");
}

#[test]
fn json_has_ranks_parts_and_edges() {
    let sandbox = Sandbox::new();
    let points = crossing();
    sandbox.points(&points.each_ref().map(String::as_str));
    let graph = sandbox.refused(&["graph", "--json"]).exits(0).json();
    assert_eq!(graph, sandbox.refused(&["graph", "--format", "json"]).exits(0).json());
    let nodes = &graph["nodes"];
    let node = |point: &String| nodes.as_array().unwrap().iter().find(|node| node["point"] == **point).unwrap().clone();
    let ranks: Vec<_> = points.iter().map(|point| node(point)["rank"].as_u64().unwrap()).collect();
    assert_eq!(ranks, [0, 1, 2, 0, 3]);
    let mut below: Vec<_> = node(&points[4])["below"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| edge["point"].as_str().unwrap().to_owned())
        .collect();
    below.sort();
    let mut expected = [points[2].clone(), points[3].clone()];
    expected.sort();
    assert_eq!(below, expected);
    assert_eq!(fields(nodes, "state"), ["new"; 5]);
    sandbox.lattice(&["graph", "--json", "--format", "dot"]).exits(2);
}

/// Git allows characters in names of branches that have a meaning in each of the formats.
#[test]
fn base_branch_cannot_leave_its_place() {
    let base = "a<b>&\"'#;]|{main";
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.git(&["branch", "-m", "main", base]);
    let toml = fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap();
    sandbox.write("lattice.toml", toml.replace("base = \"main\"", &format!("base = '''{base}'''")));
    assert!(drawn(&sandbox, &[]).ends_with(&format!("◆  {base}\n")));
    let svg = drawn(&sandbox, &["--format", "svg"]);
    assert!(svg.contains(">a&lt;b&gt;&amp;&quot;&#39;#;]|{main</text>"), "{svg}");
    let dot = drawn(&sandbox, &["--format", "dot"]);
    assert!(dot.contains("[label=\"a<b>&amp;\\\"'#;]|{main\","), "{dot}");
    let mermaid = drawn(&sandbox, &["--format", "mermaid"]);
    assert!(mermaid.contains("base([\"a#60;b#62;#38;#34;#39;#35;#59;#93;#124;#123;main\"])"), "{mermaid}");
    let json = sandbox.lattice(&["graph", "--json"]).exits(0).json();
    assert_eq!(json["base"], base);
}

#[test]
fn text_has_the_marks_of_status() {
    let sandbox = of_the_book();
    sandbox.git(&["push", "-q", "origin", &branch("hello-1.0/x86_64/phase0/step1")]);
    let (one, two) = ("hello-1.0/x86_64/phase0/step1", "hello-1.0/x86_64/phase0/step2");
    let text = drawn(&sandbox, &[]);
    assert!(text.contains(&format!("{one} built\n")) && text.contains(&format!("{two} built * ^\n")), "{text}");
    let status = sandbox.lattice(&["status"]).exits(0).stdout;
    assert!(status.contains("✓ built * ^"), "{status}");
}
