//! The page of the book on the template `rust` has a row for each key.

use std::path::Path;

use git_lattice::config::StepData;
use git_lattice::template::{OWN_KEYS, REMOVED_KEYS, TREES};

use super::{fixture, fixtures};

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/rust.md")).unwrap()
}

/// The rows of all tables.
fn rows(page: &str) -> Vec<&str> {
    page.lines().filter(|line| line.starts_with('|')).collect()
}

#[test]
fn every_own_and_removed_key_has_a_row() {
    let page = page();
    let rows = rows(&page);
    let has_row = |key: &str| rows.iter().any(|row| row.split(" | ").next().unwrap().contains(&format!("`{key}`")));
    let trees = TREES.iter().flat_map(|(_, keys)| keys.iter().map(|key| format!("nix.{key}")));
    for key in OWN_KEYS.iter().map(|key| (*key).to_owned()).chain(trees) {
        assert!(has_row(&key), "`{key}` should have a row");
    }
    for key in REMOVED_KEYS {
        let instead = key.instead.map(|instead| format!("`{instead}` ")).unwrap_or_default();
        let row = format!("| `{}` | {} | {instead}|", key.path(), key.since);
        assert!(rows.contains(&row.as_str()), "`{row}` should be a row");
    }
}

/// The keys of files that an older generator wrote have rows, or are of a table that has one.
#[test]
fn every_key_of_generated_files_has_a_row() {
    let page = page();
    let rows = rows(&page).join("\n");
    for name in fixtures().iter().filter(|name| name.starts_with("generated-") || *name == "coordinates") {
        let keys = StepData::parse(fixture(name).into_bytes()).unwrap().keys();
        for table in ["nix", "rust", "build", "llvm", "git"] {
            for key in keys.names(table) {
                assert!(rows.contains(&format!("`{table}.{key}`")), "{name}: `{table}.{key}` should have a row");
            }
        }
        for table in keys.tables() {
            assert!(
                rows.contains(&format!("`[{table}]`")) || ["nix", "git", "change-id"].contains(&table.as_str()),
                "{table}"
            );
        }
    }
}
