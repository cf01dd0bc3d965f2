//! Generated text is clean: for every template, system and legal coordinate, no linter finds a problem.

use std::path::Path;

use git_lattice::lint::{Lookup, Tools, lint_text};
use git_lattice::system::System;
use git_lattice::template::{Flake, FlakeInputs, Previous, TREES, Template, Tree};
use proptest::prelude::*;

/// Systems that people build for, and names that look like them.
const SYSTEMS: [&str; 9] = [
    "aarch64-linux",
    "x86_64-linux",
    "aarch64-darwin",
    "x86_64-darwin",
    "riscv64-linux",
    "armv7l-linux",
    "i686-linux",
    "powerpc64le-linux",
    "x86_64-freebsd",
];

/// Values that lattice.toml accepts, with characters that mean something to Nix, shells and git.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9][A-Za-z0-9._-]{0,98}[A-Za-z0-9]",
        "[0-9]{1,3}",
        proptest::sample::select(
            ["in", "let", "with", "rec", "null", "true", "or", "self", "inputs", "lib", "a--b", "1.2.3"].to_vec()
        )
        .prop_map(str::to_owned),
    ]
}

fn nixpkgs() -> impl Strategy<Value = Option<String>> {
    let known =
        ["github:NixOS/nixpkgs/nixos-24.11", "git+https://example.org/p?ref=a&rev=b", "flake:nixpkgs", "nixpkgs"];
    proptest::option::of(proptest::sample::select(known.to_vec()).prop_map(str::to_owned))
}

fn inputs() -> impl Strategy<Value = FlakeInputs> {
    let urls = ["github:rust-lang/rust/1.83.0", "git+https://example.org/rust?ref=a"];
    let tree = (proptest::sample::select(TREES.to_vec()), proptest::sample::select(urls.to_vec()));
    let trees = proptest::collection::btree_map(tree.clone().prop_map(|((name, _), _)| name), tree, 0..4);
    (nixpkgs(), trees).prop_map(|(nixpkgs, trees)| {
        let trees = trees.into_iter().map(|(name, (_, url))| Tree { name, url: url.to_owned() });
        FlakeInputs { nixpkgs, trees: trees.collect() }
    })
}

fn flake() -> impl Strategy<Value = Flake> {
    let coordinates = proptest::collection::vec(proptest::collection::vec(value(), 1..4), 4);
    let systems = proptest::sample::subsequence(SYSTEMS.to_vec(), 1..4);
    (coordinates, systems, 0..3_usize, inputs()).prop_map(|(values, systems, below, inputs)| {
        let parts: Vec<_> = values.iter().map(|values| values.join("+")).collect();
        let point = parts.join("/");
        let previous =
            (0..below).map(|n| Previous { point: format!("{point}{n}"), dir: format!("../{}{n}", parts[3]) });
        Flake {
            branch: format!("feature/{point}"),
            coordinates: ["component", "arch", "phase", "step"].map(str::to_owned).into_iter().zip(values).collect(),
            systems: systems.into_iter().map(|system| System::parse(system).unwrap()).collect(),
            previous: previous.collect(),
            inputs,
            point,
        }
    })
}

fn assert_no_findings(name: &str, text: &str, tools: &Tools) {
    let report = lint_text(Path::new(name), text.as_bytes(), tools);
    assert!(report.findings.is_empty(), "there should be no findings: {:#?}\n{text}", report.findings);
    let engines: Vec<_> = report.checked.iter().map(|engine| engine.name).collect();
    for engine in ["rnix", "git-lattice", "format"] {
        assert!(engines.contains(&engine), "{engine} should have checked, not only {engines:?}");
    }
}

/// `PROPTEST_CASES` cases if it is set, else `usual`.
fn proptest_config(usual: u32) -> ProptestConfig {
    let defaults = ProptestConfig::default();
    let cases = if defaults.cases == 256 { usual } else { defaults.cases };
    ProptestConfig { cases, failure_persistence: None, ..defaults }
}

proptest! {
    #![proptest_config(proptest_config(250))]

    #[test]
    fn built_in_linters_find_nothing(flake in flake()) {
        let tools = Tools::embedded_only("it needs one process per file");
        for template in Template::ALL {
            assert_no_findings("flake.nix", &template.render(&flake).unwrap(), &tools);
        }
    }
}

/// If statix and deadnix are on PATH, they check too.
#[test]
fn all_linters_find_nothing() {
    let tools = Tools::find(&Lookup::default()).unwrap();
    for template in Template::ALL {
        for below in 0..3 {
            let flake = Flake {
                point: "tool/x86_64/phase0/step2".to_owned(),
                coordinates: vec![("arch".to_owned(), vec!["x86_64".to_owned()])],
                systems: SYSTEMS.map(|system| System::parse(system).unwrap()).into(),
                branch: "feature/tool/x86_64/phase0/step2".to_owned(),
                previous: vec![Previous { point: "p".to_owned(), dir: "../step1".to_owned() }; below],
                inputs: FlakeInputs::default(),
            };
            assert_no_findings("flake.nix", &template.render(&flake).unwrap(), &tools);
        }
    }
    for starter in Template::starters() {
        assert_no_findings("step.nix", starter, &tools);
    }
}
