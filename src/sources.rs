//! Rules for the sources that no linter checks.

use std::path::Path;

use crate::git::names::{HEADS, REMOTES};

/// Returns all sources with their paths, without comments and tests.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 100, "{}", found.len());
    found
}

fn read(dir: &Path, found: &mut Vec<(String, String)>) {
    let is_test = |path: &Path| path.ends_with("src/sources.rs") || path.ends_with("tests.rs");
    for entry in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            read(&entry, found);
        } else if entry.extension().is_some_and(|ending| ending == "rs") && !is_test(&entry) {
            let text = std::fs::read_to_string(&entry).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            found.push((entry.display().to_string(), lines.collect::<Vec<_>>().join("\n")));
        }
    }
}

/// Returns the files, other than `home`, that contain one of `words`.
fn others_with(words: &[&str], home: &str) -> Vec<String> {
    let has = |text: &str| words.iter().any(|word| text.contains(word));
    sources().into_iter().filter(|(path, text)| has(text) && !path.ends_with(home)).map(|(path, _)| path).collect()
}

#[test]
fn only_names_rs_spells_ref_prefixes() {
    assert_eq!(others_with(&[HEADS, REMOTES], "src/git/names.rs"), Vec::<String>::new());
}

#[test]
fn only_named_rs_encodes_points() {
    assert_eq!(others_with(&["branch.encode(", "flake.encode("], "src/config/named.rs"), Vec::<String>::new());
}

#[test]
fn only_named_rs_and_lattice_spell_points() {
    let mut others = others_with(&["lattice.spell(", ".parse_point("], "src/config/named.rs");
    others.retain(|path| !path.contains("/src/lattice/"));
    assert_eq!(others, Vec::<String>::new());
}

#[test]
fn only_syntax_rs_parses_nix() {
    assert_eq!(others_with(&["Root::parse(", "depth::measure("], "src/lint/syntax.rs"), Vec::<String>::new());
}
