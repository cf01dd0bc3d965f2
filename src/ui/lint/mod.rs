//! Output formats of lint findings.

pub mod annotate;
pub mod human;
pub mod sarif;

use serde_json::{Value, json};

use super::{Ui, terminal_safe};
use crate::lint::{Edit, Finding, Note, Report, Settings, Severity, Unchecked};
use crate::ops::lint::{Fixed, Source};

/// One line per finding in the format `errfmt` of statix, for editors: `PATH>LINE:COLUMN:LETTER:CODE:MESSAGE`.
pub fn errfmt(report: &Report) -> Vec<String> {
    let line = |finding: &Finding| {
        let letter = match finding.severity {
            Severity::Error => 'E',
            Severity::Warning => 'W',
            Severity::Hint => 'I',
        };
        let message = finding.message.replace('\n', " ");
        let Finding { line, column, code, .. } = finding;
        terminal_safe(&format!("{}>{line}:{column}:{letter}:{code}:{message}", finding.path.display()))
    };
    report.all_findings().iter().map(line).collect()
}

/// Warns of codes in `lint.off` that are unknown or cannot be switched off.
pub fn warn_of_unknown(ui: &Ui, settings: &Settings) {
    for code in &settings.unknown {
        ui.warn(format!("`lint.off` in lattice.toml names `{code}`, which is not a rule that can be switched off"));
    }
}

/// The document that `--json` prints, without its version.
pub fn json(report: &Report, sources: &[Source], fixed: &Fixed) -> Value {
    let paths = |paths: &mut dyn Iterator<Item = &std::path::Path>| -> Vec<String> {
        paths.map(|path| path.display().to_string()).collect()
    };
    json!({
        "verdict": report.verdict().as_str(),
        "files": paths(&mut sources.iter().map(|source| source.path.as_path())),
        "findings": report.all_findings().iter().map(finding).collect::<Vec<_>>(),
        "checked": report.checked.iter().map(|e| json!({ "name": e.name, "version": e.version })).collect::<Vec<_>>(),
        "unchecked": report.unchecked.iter().map(unchecked).collect::<Vec<_>>(),
        "fixed": paths(&mut fixed.changed.iter().map(std::path::PathBuf::as_path)),
        "not_fixed": fixed.left.iter().map(|(path, why)| json!({ "path": path.display().to_string(), "why": why })).collect::<Vec<_>>(),
    })
}

fn finding(finding: &Finding) -> Value {
    let mut value = json!({
        "path": finding.path.display().to_string(), "line": finding.line, "column": finding.column,
        "end_line": finding.end.map(|(line, _)| line), "end_column": finding.end.map(|(_, column)| column),
        "severity": finding.severity.as_str(), "code": finding.code, "message": finding.message, "engine": finding.engine,
    });
    if let Some(Note { from, to, message }) = &finding.note {
        value["note"] = json!({
            "line": from.0, "column": from.1, "end_line": to.0, "end_column": to.1, "message": message,
        });
    }
    if let Some(Edit { range, text }) = &finding.fix {
        value["fix"] = json!({ "from_byte": range.0, "to_byte": range.1, "text": text });
    }
    value
}

fn unchecked(unchecked: &Unchecked) -> Value {
    json!({
        "engines": unchecked.engines, "path": unchecked.path.as_ref().map(|path| path.display().to_string()),
        "why": unchecked.why, "required": unchecked.required, "failed": unchecked.failed,
    })
}

/// `3 files`, `1 file`.
pub fn count(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}
