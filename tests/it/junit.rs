//! `git lattice build --junit FILE` on real Nix.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::LazyLock;

use regex::Regex;
use rustix::process::{Pid, Signal, kill_process};

use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::{at, far, here};

/// An element of a document.
#[derive(Debug)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    /// Parses a document of the part of XML that a report uses, and checks that it is well-formed.
    fn parse(document: &str) -> Self {
        static TOKEN: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r#"^(?:<(/?)([a-z-]+)((?: [a-z]+="[^"<]*")*)(/?)>|([^<]+))"#).unwrap());
        static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#" ([a-z]+)="([^"]*)""#).unwrap());
        assert!(document.chars().all(|c| c == '\n' || c == '\t' || (' '..'\u{fffe}').contains(&c) || c >= '\u{10000}'));
        let mut rest = document.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap();
        let mut open = vec![Self::named("document")];
        while !rest.is_empty() {
            let token = TOKEN.captures(rest).unwrap_or_else(|| panic!("not XML: {rest}"));
            rest = &rest[token[0].len()..];
            if let Some(text) = token.get(5) {
                open.last_mut().unwrap().text.push_str(&unescaped(text.as_str()));
                continue;
            }
            if token[1].is_empty() {
                let attributes = ATTRIBUTE.captures_iter(&token[3]).map(|it| (it[1].to_owned(), unescaped(&it[2])));
                open.push(Self { attributes: attributes.collect(), ..Self::named(&token[2]) });
            }
            if !token[1].is_empty() || !token[4].is_empty() {
                let ended = open.pop().unwrap();
                assert_eq!(ended.name, token[2], "elements should be nested");
                open.last_mut().unwrap().children.push(ended);
            }
        }
        assert_eq!((open.len(), open[0].children.len()), (1, 1), "there should be one element");
        open.remove(0).children.remove(0)
    }

    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), attributes: BTreeMap::new(), text: String::new(), children: Vec::new() }
    }

    fn get(&self, name: &str) -> &str {
        self.attributes.get(name).unwrap_or_else(|| panic!("{name} of {self:?}"))
    }
}

fn unescaped(text: &str) -> String {
    static REFERENCE: LazyLock<Regex> = LazyLock::new(|| Regex::new("&(?:#([0-9]+)|([a-z]+));").unwrap());
    assert_eq!(REFERENCE.find_iter(text).count(), text.matches('&').count(), "{text}");
    let of_name = |name: &str| match name {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        name => panic!("&{name};"),
    };
    let replaced = REFERENCE.replace_all(text, |found: &regex::Captures<'_>| match found.get(1) {
        Some(number) => char::from_u32(number.as_str().parse().unwrap()).unwrap().to_string(),
        None => of_name(&found[2]).to_owned(),
    });
    replaced.into_owned()
}

/// The report, after checks of its form. By the name of each case, the names of its elements.
fn read(path: &Path) -> (Element, Vec<String>) {
    let document = fs::read_to_string(path).unwrap();
    let report = Element::parse(&document);
    assert_eq!(report.name, "testsuites");
    let mut lines = Vec::new();
    for suite in &report.children {
        assert_eq!(suite.name, "testsuite");
        assert_eq!(suite.get("tests"), suite.children.len().to_string());
        for (attribute, element) in [("failures", "failure"), ("errors", "error"), ("skipped", "skipped")] {
            let count = suite.children.iter().filter(|case| case.children.iter().any(|it| it.name == element)).count();
            assert_eq!(suite.get(attribute), count.to_string(), "{document}");
        }
        for case in &suite.children {
            assert_eq!(case.name, "testcase");
            assert!(case.get("time").parse::<f64>().is_ok() && case.get("classname").starts_with(suite.get("name")));
            let elements: Vec<_> = case.children.iter().map(|it| it.name.as_str()).collect();
            lines.push(format!("{}: {}", case.get("name"), elements.join(" ")));
        }
    }
    (report, lines)
}

/// Adds a step whose builder runs this sh script.
fn step(sandbox: &Sandbox, point: &str, script: &str) {
    sandbox.lattice(&["new", point, "--template", "step", "--fresh", "--no-push", "--no-switch"]).exits(0);
    let step = format!(
        "{{ system, ... }}:\nderivation {{\n  name = \"scripted\";\n  inherit system;\n  builder = \"/bin/sh\";\n  args = [ \"-c\" \
         {script:?} ];\n}}\n"
    );
    sandbox.commit_to(point, &[("step.nix", &step)]);
}

#[test]
fn every_point_and_system_is_a_case() {
    for nix in every_nix() {
        let mut sandbox = Sandbox::new();
        sandbox.use_nix(&nix);
        let (one, two) = (at("phase0/step1"), at("phase0/step2"));
        step(&sandbox, &one, "echo >$out");
        step(&sandbox, &two, r"printf '\033[31mred & <angry>\302\233\001]]>\n'; sleep 1; exit 3");
        sandbox.points(&[&far("phase0/step1")]);
        sandbox.lattice(&["build", &one]).exits(0);
        let path = sandbox.work().join("report.xml");
        fs::write(&path, "old").unwrap();
        sandbox.lattice(&["build", "--all", "--junit", "report.xml"]).exits(1);
        let (report, lines) = read(&path);
        let case = |point: &str, arch: &str, elements: &str| format!("{point} on {arch}-linux: {elements}system-out");
        let mut expected = [
            case(&one, here(), ""),
            case(&two, here(), "failure "),
            case(&far("phase0/step1"), crate::story::elsewhere(), "skipped "),
        ];
        expected.sort();
        let mut found = lines.clone();
        found.sort();
        assert_eq!(found, expected);
        let cases = &report.children[0].children;
        let of = |point: &str| cases.iter().find(|case| case.get("name").starts_with(point)).unwrap();
        let failure = &of(&two).children[0];
        assert_eq!(failure.get("type"), "failed");
        assert!(
            failure.get("message").contains("exit code 3") && of(&two).get("time").starts_with("1."),
            "{failure:?}"
        );
        assert!(failure.text.contains("red & <angry>") && failure.text.contains("]]>"), "{failure:?}");
        let record = sandbox.records().into_iter().find(|record| record["point"] == one.as_str()).unwrap();
        let facts = &of(&one).children[0].text;
        for name in ["key", "commit", "started"] {
            assert!(facts.contains(record[name].as_str().unwrap()), "{name} in {facts}");
        }
        assert!(facts.contains(&format!("started: {}", record["started"].as_str().unwrap())), "{facts}");
        assert!(facts.contains(&format!("derivation: {}", record["drv"].as_str().unwrap())), "{facts}");
        assert_eq!(of(&one).get("classname"), format!("toolchain.{}.phase0", here()));
    }
}

#[test]
fn undecided_and_interrupted_builds_are_reported() {
    for nix in every_nix() {
        let mut sandbox = Sandbox::new();
        sandbox.use_nix(&nix);
        let one = at("phase0/step1");
        step(&sandbox, &one, "echo begun; sleep 60");
        let args = ["build", &one, "--json-lines", "--junit", "../report.xml"];
        let mut child = sandbox.command("work", &args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let output = std::io::BufReader::new(child.stdout.take().unwrap());
        for line in std::io::BufRead::lines(output).map_while(Result::ok) {
            if line.contains("begun") {
                kill_process(Pid::from_child(&child), Signal::INT).unwrap();
            }
        }
        child.wait().unwrap();
        let path = sandbox.path("report.xml");
        assert_eq!(read(&path).1, [format!("{one} on {}-linux: skipped system-out", here())]);
        sandbox.commit_to(&one, &[("config.toml", "[seeds.gone]\n"), ("step.nix", "{ seeds, ... }: seeds.gone\n")]);
        sandbox.lattice(&["build", &one, "--junit", "../report.xml"]).exits(2);
        let (report, lines) = read(&path);
        assert_eq!(lines, [format!("{one} on {}-linux: error system-out", here())]);
        assert_eq!(report.children[0].children[0].children[0].get("type"), "missing-source");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_found_before_the_build() {
    let mut sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.forbid_nix();
    for file in ["missing/report.xml", ".", "README/report.xml"] {
        let run = sandbox.lattice(&["build", &at("phase0/step1"), "--junit", file]).exits(2);
        run.says_err("could not write `").says_err(file.trim_end_matches('.'));
        assert!(!sandbox.nix_was_called(), "{file}");
    }
    sandbox.lattice(&["build", "--junit", "x", "--background"]).exits(2).says_err("cannot be used with");
    // Nix fails at once: the report says so.
    sandbox.lattice(&["build", &at("phase0/step1"), "--junit", "report.xml"]).exits(2);
    assert_eq!(read(&sandbox.work().join("report.xml")).1.len(), 1);
    let left = fs::read_dir(sandbox.work()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(left.into_iter().all(|name| !name.contains("lattice-")), "no temporary file should stay");
}
