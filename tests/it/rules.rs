//! The rules against the corpus in `tests/fixtures/nix`, and against what Nix itself refuses.
//!
//! Each `NAME.nix` there has its findings beside it in `NAME.expected`, a line each: `LINE:COL SEVERITY CODE MESSAGE`. All
//! are read as a `flake.nix`, except those whose name begins with `plain-`. `GIT_LATTICE_TEST_REWRITE=1` writes the
//! findings as the expected ones, to be reviewed with `git diff`.

mod live;

use std::fs;
use std::path::{Path, PathBuf};

use git_lattice::lint::{Tools, lint_text, rules};

use crate::nix_setup::var;

/// A file of the corpus.
struct Case {
    path: PathBuf,
    name: String,
    bytes: Vec<u8>,
}

impl Case {
    fn is_flake(&self) -> bool {
        !self.name.starts_with("plain-")
    }

    fn findings(&self) -> String {
        let found = found(&self.bytes, self.is_flake());
        found.iter().fold(String::new(), |text, line| text + line + "\n")
    }
}

fn corpus() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nix");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "nix"));
    paths.sort();
    let case = |path: PathBuf| Case {
        name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
        bytes: fs::read(&path).unwrap(),
        path,
    };
    paths.into_iter().map(case).collect()
}

/// Syntax errors, or else the findings of the rules.
fn found(bytes: &[u8], is_flake: bool) -> Vec<String> {
    let report = lint_text(Path::new("x.nix"), bytes, &Tools::embedded_only("only ours are looked at"));
    let broken = report.findings.iter().filter(|finding| finding.engine == "rnix");
    let broken =
        broken.map(|it| format!("{}:{} {} {} {}", it.line, it.column, it.severity.as_str(), it.code, it.message));
    let mut lines: Vec<String> = broken.collect();
    if let (Ok(text), true) = (std::str::from_utf8(bytes), lines.is_empty()) {
        lines = rules::check_text(text, is_flake, &|_| false).iter().map(|hit| line(text, hit)).collect();
    }
    lines
}

fn line(text: &str, hit: &rules::Hit) -> String {
    let before = &text[..hit.range.0];
    let column = before.chars().rev().take_while(|&char| char != '\n').count() + 1;
    let line = before.matches('\n').count() + 1;
    format!("{line}:{column} {} {} {}", hit.rule.severity.as_str(), hit.rule.code, hit.message)
}

#[test]
fn corpus_has_the_expected_findings() {
    let cases = corpus();
    assert!(cases.len() >= 60, "the corpus should have its {} files", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let (beside, found) = (case.path.with_extension("expected"), case.findings());
        if var("GIT_LATTICE_TEST_REWRITE").is_some() {
            fs::write(&beside, &found).unwrap();
        }
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        if expected != found {
            wrong.push(format!("--- {}\nexpected:\n{expected}found:\n{found}", case.name));
        }
    }
    assert!(wrong.is_empty(), "the findings should be the expected ones\n{}", wrong.concat());
}

#[test]
fn every_rule_has_an_example_and_no_false_positive() {
    let cases = corpus();
    let all: String = cases.iter().map(Case::findings).collect();
    for rule in rules::all() {
        assert!(all.contains(&format!(" {} ", rule.code)), "{} should have an example in the corpus", rule.code);
    }
    for case in cases.iter().filter(|case| case.name.starts_with("fine-")) {
        assert_eq!(case.findings(), "", "{} is fine", case.name);
    }
}

#[test]
fn disabled_rule_reports_nothing() {
    let text = "{ outputs = _: { lib = 1; lib = 2; y = x; }; }";
    let codes = |off: &'static str| -> Vec<&str> {
        rules::check_text(text, true, &|rule| rule == off).iter().map(|hit| hit.rule.code).collect()
    };
    assert_eq!(codes(""), ["L01", "L04"]);
    assert_eq!(codes("L01"), ["L04"], "off by its code");
    assert_eq!(codes("undefined-variable"), ["L01"], "off by its name");
}

#[test]
fn fix_resolves_the_finding_and_keeps_the_meaning() {
    let text = "{ outputs = _: { lib = x:x; }; }";
    let hits = rules::check_text(text, true, &|_| false);
    let fix = hits[0].fix.as_ref().expect("a URL without quotes can be mended");
    let mended = format!("{}{}{}", &text[..fix.range.0], fix.text, &text[fix.range.1..]);
    assert_eq!(mended, "{ outputs = _: { lib = \"x:x\"; }; }");
    assert_eq!(rules::check_text(&mended, true, &|_| false), []);
}

/// Each would take minutes or end the process if the text were scanned once for each of its parts.
#[test]
fn large_and_nested_texts_are_read_in_linear_time() {
    let many = |part: &str| part.repeat(20_000);
    let numbered = |part: &str| (0..10_000).map(|n| part.replace('#', &n.to_string())).collect::<String>();
    let texts = [
        format!("{{ outputs = _: {{ {} }}; }}", numbered("a# = { b = [ 1 \"x\" ]; };\n")),
        format!("{{ outputs = _: rec {{ {} }}; }}", numbered("a# = a0; ")),
        format!("{{ outputs = _: {{ {} }}; }}", numbered("a.b# = 1; a = { c# = 2; };")),
        format!("{{ outputs = _: {{ {} }}; }}", many("a = 1; ")),
        format!("{{ outputs = _: [ {} ]; }}", many("x ")),
        format!("{{ outputs = _: [ {} ]; }}", many("/* git-lattice: off L01 */ y ")),
        format!("{{ outputs = _: [ {} ]; }}", many("# git-lattice: off L01\n y ")),
        format!("{{ outputs = _: \"{}\"; }}", many("/nix/store/5i1ns1h2cb5sxjv9lqmrk0xzv1h9p9g4-x /home/a ")),
        format!("{{ outputs = {{ {} }}: 1; }}", numbered("a#, ")),
        format!("{{ outputs = _: [ {}", many("{ a = 1; } ")),
        format!("{{ outputs = _: {}", many("a.b.")),
        many("-"),
        many("[ x: "),
        many("\"${"),
        many("''${ \""),
    ];
    for text in texts {
        let _ = lint_text(Path::new("x.nix"), text.as_bytes(), &Tools::embedded_only(""));
        let _ = rules::check_text(&text, true, &|_| false);
    }
}
