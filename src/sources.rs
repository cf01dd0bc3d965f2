//! Rules for the sources that no lint knows.

use std::path::Path;

use crate::git::names::{HEADS, REMOTES};

/// The sources with their paths, without comments and tests.
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

/// The files but for `home` that have one of these words.
fn others_with(words: &[&str], home: &str) -> Vec<String> {
    let has = |text: &str| words.iter().any(|word| text.contains(word));
    sources().into_iter().filter(|(path, text)| has(text) && !path.ends_with(home)).map(|(path, _)| path).collect()
}

#[test]
fn one_file_spells_where_git_keeps_branches() {
    assert_eq!(others_with(&[HEADS, REMOTES], "src/git/names.rs"), Vec::<String>::new());
}

#[test]
fn one_file_encodes_the_names_of_points() {
    assert_eq!(others_with(&["branch.encode(", "flake.encode("], "src/config/named.rs"), Vec::<String>::new());
}

#[test]
fn points_are_spelled_and_read_in_one_place() {
    let mut others = others_with(&["lattice.spell(", ".parse_point("], "src/config/named.rs");
    others.retain(|path| !path.contains("/src/lattice/"));
    assert_eq!(others, Vec::<String>::new());
}

#[test]
fn nix_is_parsed_and_measured_in_one_place() {
    assert_eq!(others_with(&["Root::parse(", "depth::measure("], "src/lint/syntax.rs"), Vec::<String>::new());
}
