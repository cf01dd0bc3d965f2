//! Parses a file once with rnix, for both its syntax errors and our own rules.

use std::path::Path;

use super::lines::Lines;
use super::{Engine, Finding, Note, Settings, rules};
use super::{engine, syntax};

/// The engine of our own rules.
pub(super) fn engine() -> Engine {
    Engine { name: engine::RULES, version: Some(env!("CARGO_PKG_VERSION").to_owned()) }
}

/// The results of parsing a file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Its syntax errors; a file with any of them does not evaluate.
    pub(super) syntax: Vec<Finding>,
    /// The findings of our own rules; empty if there are syntax errors.
    pub(super) rules: Vec<Finding>,
}

impl Reading {
    /// Parses `bytes` and applies the enabled rules. `path` is the name in the findings and decides whether the file is a flake.
    pub fn of(path: &Path, bytes: &[u8], settings: &Settings) -> Self {
        let text = match syntax::decode(path, bytes) {
            Ok(text) => text,
            Err(finding) => return Self { syntax: vec![*finding], ..Self::default() },
        };
        let is_flake = path.file_name().is_some_and(|name| name == "flake.nix");
        let read = syntax::parsed(text, |parse| {
            if parse.errors().is_empty() {
                let hits = rules::check(text, &parse.tree(), is_flake, &|code| settings.is_off(code));
                Self { rules: findings(path, text, hits), ..Self::default() }
            } else {
                Self { syntax: syntax::findings(path, text, parse.errors()), ..Self::default() }
            }
        });
        read.unwrap_or_else(|| Self { syntax: vec![syntax::too_deep(path)], ..Self::default() })
    }

    /// Whether the file has no syntax errors.
    pub(super) fn parses(&self) -> bool {
        self.syntax.is_empty()
    }
}

fn findings(path: &Path, text: &str, hits: Vec<rules::Hit>) -> Vec<Finding> {
    let lines = Lines::of(text);
    hits.into_iter().map(|hit| finding(path, &lines, hit)).collect()
}

fn finding(path: &Path, lines: &Lines, hit: rules::Hit) -> Finding {
    let at = lines.position(hit.range.0);
    let finding = Finding::at(path, at, hit.rule.severity, hit.rule.code, hit.message, engine::RULES);
    let note = hit.note.map(|(from, to, message)| Note { from: lines.position(from), to: lines.position(to), message });
    Finding { note, fix: hit.fix, ..finding.until(lines, hit.range.1) }
}
