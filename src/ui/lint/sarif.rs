//! Lint findings as SARIF 2.1.0, for code scanning services and editors.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::{Value, json};

use crate::lint::{self, Edit, Finding, Report, Severity, Verdict, rules};
use crate::ops::lint::Source;
use crate::text::percent_encoded;
use crate::ui::terminal_safe;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json";

/// The whole document.
pub fn document(report: &Report, sources: &[Source]) -> Value {
    let texts: HashMap<&Path, &[u8]> =
        sources.iter().map(|source| (source.path.as_path(), &source.bytes[..])).collect();
    let rules = rules_of(report);
    let index: HashMap<&str, usize> = rules.keys().enumerate().map(|(i, code)| (code.as_str(), i)).collect();
    let result = |finding: &Finding| result(finding, texts.get(finding.path.as_path()).copied(), &index);
    let engine = |engine: &lint::Engine| {
        let mut value = json!({ "name": engine.name });
        if let Some(version) = &engine.version {
            value["version"] = json!(version);
        }
        value
    };
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "git-lattice", "version": env!("CARGO_PKG_VERSION"), "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": rules.values().collect::<Vec<_>>(),
                },
                "extensions": report.checked.iter().map(engine).collect::<Vec<_>>(),
            },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": report.verdict() != Verdict::CouldNotCheck,
                "toolExecutionNotifications": notifications(report),
            }],
            "artifacts": sources.iter().map(|source| json!({ "location": { "uri": uri(&source.path) } })).collect::<Vec<_>>(),
            "results": report.all_findings().iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

/// What was not checked, as notifications.
fn notifications(report: &Report) -> Vec<Value> {
    let notification = |unchecked: &lint::Unchecked| {
        let level = if unchecked.required { "error" } else { "note" };
        json!({ "level": level, "message": { "text": terminal_safe(&unchecked.to_string()) } })
    };
    report.unchecked.iter().map(notification).collect()
}

/// Our own rules, and the codes of other engines among the findings.
fn rules_of(report: &Report) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for rule in rules::all() {
        found.insert(rule.code.to_owned(), described(rule.code, Some(rule.name), rule.severity));
    }
    for finding in report.all_findings() {
        let code = &finding.code;
        found.entry(code.clone()).or_insert_with(|| described(code, None, finding.severity));
    }
    found
}

fn described(code: &str, name: Option<&str>, severity: Severity) -> Value {
    let help = lint::explain(code).unwrap_or_else(|| format!("{code}\n"));
    // The first paragraph after the heading is the short description.
    let short = help.split("\n\n").nth(1).unwrap_or(&help).split_whitespace().collect::<Vec<_>>().join(" ");
    let mut value = json!({
        "id": code, "shortDescription": { "text": short }, "help": { "text": help },
        "defaultConfiguration": { "level": level(severity) },
    });
    if let Some(name) = name {
        value["name"] = json!(name);
    }
    value
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "note",
    }
}

fn result(finding: &Finding, text: Option<&[u8]>, index: &HashMap<&str, usize>) -> Value {
    let from = (finding.line, finding.column);
    let mut value = json!({
        "ruleId": finding.code, "level": level(finding.severity), "message": { "text": finding.message },
        "locations": [{ "physicalLocation": location(finding, from, finding.end) }],
        "properties": { "engine": finding.engine },
    });
    if let Some(index) = index.get(finding.code.as_str()) {
        value["ruleIndex"] = json!(index);
    }
    if let Some(note) = &finding.note {
        value["relatedLocations"] = json!([{
            "physicalLocation": location(finding, note.from, Some(note.to)), "message": { "text": note.message },
        }]);
    }
    if let (Some(fix), Some(Ok(text))) = (&finding.fix, text.map(std::str::from_utf8)) {
        value["fixes"] = json!([fixed(finding, fix, text)]);
    }
    value
}

fn fixed(finding: &Finding, Edit { range, text: new }: &Edit, text: &str) -> Value {
    let (from, to) = (lint::position(text, range.0), lint::position(text, range.1));
    json!({
        "description": { "text": format!("what `git lattice lint --fix` does about {}", finding.code) },
        "artifactChanges": [{
            "artifactLocation": { "uri": uri(&finding.path) },
            "replacements": [{ "deletedRegion": region(from, Some(to)), "insertedContent": { "text": new } }],
        }],
    })
}

fn location(finding: &Finding, from: (usize, usize), to: Option<(usize, usize)>) -> Value {
    json!({ "artifactLocation": { "uri": uri(&finding.path) }, "region": region(from, to) })
}

fn region(from: (usize, usize), to: Option<(usize, usize)>) -> Value {
    let mut region = json!({ "startLine": from.0, "startColumn": from.1 });
    if let Some((line, column)) = to.filter(|to| *to >= from) {
        region["endLine"] = json!(line);
        region["endColumn"] = json!(column);
    }
    region
}

/// A path as a URI: all bytes except unreserved ones and `/` are percent-encoded (RFC 3986).
fn uri(path: &Path) -> String {
    let absolute = if path.is_absolute() { "file://" } else { "" };
    format!("{absolute}{}", percent_encoded(path.as_os_str().as_encoded_bytes()))
}
