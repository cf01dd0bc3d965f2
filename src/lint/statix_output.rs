//! Parses the output of statix 0.5 and 0.6: `json`, a stream of concatenated documents, or `errfmt`, one finding per line.
//!
//! Each text is passed by `--stdin`, so findings in any other file are an error. Columns are 1-based and in bytes. Unknown
//! output is an error.

use std::path::Path;

use serde::Deserialize;

use super::lines::Lines;
use super::{Finding, Note, Severity, engine};

/// The file name that statix prints for its standard input.
const STDIN: &str = "<stdin>";

#[derive(Deserialize)]
struct Document {
    file: String,
    report: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    /// Since 0.6.
    name: Option<String>,
    code: u32,
    severity: Level,
    diagnostics: Vec<Diagnostic>,
}

#[derive(Deserialize, Clone, Copy)]
enum Level {
    Warn,
    Error,
    Hint,
}

#[derive(Deserialize)]
struct Diagnostic {
    at: Span,
    message: String,
    suggestion: Option<Suggestion>,
}

#[derive(Deserialize)]
struct Suggestion {
    at: Span,
    fix: String,
}

#[derive(Deserialize)]
struct Span {
    from: Place,
    to: Place,
}

#[derive(Deserialize)]
struct Place {
    line: usize,
    column: usize,
}

impl Level {
    fn letter(self) -> char {
        match self {
            Self::Warn => 'W',
            Self::Error => 'E',
            Self::Hint => 'I',
        }
    }

    fn from_letter(letter: &str) -> Option<Self> {
        [Self::Warn, Self::Error, Self::Hint].into_iter().find(|level| letter == level.letter().to_string())
    }

    fn severity(self) -> Severity {
        match self {
            Self::Warn => Severity::Warning,
            Self::Error => Severity::Error,
            Self::Hint => Severity::Hint,
        }
    }

    fn code(self, number: u32) -> String {
        format!("{}{number:02}", self.letter())
    }
}

/// Line and column, 1-based.
type At = (usize, usize);

/// Parses the output of statix for `text`.
pub(super) fn parse(path: &Path, text: &str, stdout: &[u8]) -> Result<Vec<Finding>, String> {
    let stdout = std::str::from_utf8(stdout).map_err(|_| "its output is not UTF-8".to_owned())?;
    let lines = Lines::of(text);
    if stdout.trim_start().starts_with('{') { json(path, &lines, stdout) } else { errfmt(path, &lines, stdout) }
}

fn json(path: &Path, lines: &Lines, stdout: &str) -> Result<Vec<Finding>, String> {
    let mut findings = Vec::new();
    for document in serde_json::Deserializer::from_str(stdout).into_iter::<Document>() {
        let document = document.map_err(|error| format!("its output was not understood: {error}"))?;
        if document.file != STDIN {
            return Err(format!("it looked at `{}`, which it was not given", document.file));
        }
        for rule in document.report {
            for diagnostic in &rule.diagnostics {
                findings.push(finding(path, lines, &rule, diagnostic)?);
            }
        }
    }
    Ok(findings)
}

fn finding(path: &Path, lines: &Lines, rule: &Rule, diagnostic: &Diagnostic) -> Result<Finding, String> {
    let (from, to) = span(lines, &diagnostic.at)?;
    let message = match &rule.name {
        Some(name) => format!("{} ({name})", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    let note = diagnostic.suggestion.as_ref().map(|suggestion| {
        let (from, to) = span(lines, &suggestion.at)?;
        let message = match suggestion.fix.trim() {
            "" => "statix would remove this".to_owned(),
            fix => format!("statix would write `{fix}`"),
        };
        Ok::<_, String>(Note { from, to, message })
    });
    let code = rule.severity.code(rule.code);
    let finding = Finding::at(path, from, rule.severity.severity(), code, message, engine::STATIX);
    Ok(Finding { end: Some(to), note: note.transpose()?, ..finding })
}

fn span(lines: &Lines, span: &Span) -> Result<(At, At), String> {
    let place = |place: &Place| match place {
        Place { line, column } if *line > 0 && *column > 0 => Ok((*line, lines.column(*line, *column))),
        _ => Err("its output was not understood: lines and columns start at 1".to_owned()),
    };
    Ok((place(&span.from)?, place(&span.to)?))
}

fn errfmt(path: &Path, lines: &Lines, stdout: &str) -> Result<Vec<Finding>, String> {
    let mut findings: Vec<Finding> = Vec::new();
    for line in stdout.lines() {
        match (errfmt_line(path, lines, line), findings.last_mut()) {
            (Some(finding), _) => findings.push(finding),
            // A message may contain several lines of code.
            (None, Some(last)) => last.message = format!("{}\n{line}", last.message),
            (None, None) => return Err(format!("its output was not understood: `{line}`")),
        }
    }
    Ok(findings)
}

/// Parses `<stdin>>LINE:COLUMN:SEVERITY:CODE:MESSAGE`; in 0.6 the message starts with `[NAME] `.
fn errfmt_line(path: &Path, lines: &Lines, line: &str) -> Option<Finding> {
    let mut fields = line.strip_prefix("<stdin>>")?.splitn(5, ':');
    let at: usize = fields.next()?.parse().ok().filter(|&line| line > 0)?;
    let byte_column = fields.next()?.parse().ok().filter(|&column| column > 0)?;
    let level = Level::from_letter(fields.next()?)?;
    let code = level.code(fields.next()?.parse().ok()?);
    let at = (at, lines.column(at, byte_column));
    Some(Finding::at(path, at, level.severity(), code, message(fields.next()?), engine::STATIX))
}

/// Moves the name of the rule to the end, as in the JSON format.
fn message(text: &str) -> String {
    match text.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((name, text)) => format!("{text} ({name})"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, stdout: &str) -> Result<Vec<String>, String> {
        let findings = parse(Path::new("a.nix"), text, stdout.as_bytes())?;
        Ok(findings.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn parses_errfmt_of_both_versions() {
        let (old, new) = ("<stdin>>1:9:W:4:Assignment\n", "<stdin>>1:9:W:4:[manual_inherit] Assignment\n");
        assert_eq!(parsed("{ \u{e4} = a; }", old).unwrap(), ["a.nix:1:8: warning: Assignment [statix W04]"]);
        assert_eq!(
            parsed("{ \u{e4} = a; }", new).unwrap(),
            ["a.nix:1:8: warning: Assignment (manual_inherit) [statix W04]"]
        );
    }

    #[test]
    fn refuses_unknown_errfmt() {
        assert_eq!(parsed("1", ""), Ok(vec![]));
        let quoted = parsed("1", "<stdin>>7:1:I:7:Found `x:\n  y`: use `y`\n").unwrap();
        assert_eq!(quoted, ["a.nix:7:1: hint: Found `x:\n  y`: use `y` [statix I07]"], "a message may have two lines");
        for noise in ["ok\n", "<stdin>>0:1:W:4:x\n", "<stdin>>1:1:X:4:x\n", "a.nix>1:1:W:4:x\n", "\n"] {
            assert!(parsed("1", noise).is_err(), "{noise:?}");
        }
    }

    const JSON: &str = r#"{"file":"<stdin>","report":[{NAME"note":"Assignment","code":4,"severity":"Warn","diagnostics":[{"at":{"from":{"line":1,"column":9},"to":{"line":1,"column":10}},"message":"Assignment","suggestion":{"at":{"from":{"line":1,"column":3},"to":{"line":1,"column":11}},"fix":"inherit a;"}}]}]}
"#;

    #[test]
    fn parses_json_of_both_versions() {
        let text = "{ \u{e4} = a; }";
        let (old, new) = (JSON.replace("NAME", ""), JSON.replace("NAME", r#""name":"manual_inherit","#));
        assert_eq!(parsed(text, &old).unwrap(), ["a.nix:1:8: warning: Assignment [statix W04]"]);
        assert_eq!(parsed(text, &new).unwrap(), ["a.nix:1:8: warning: Assignment (manual_inherit) [statix W04]"]);
        let finding = &parse(Path::new("a.nix"), text, new.as_bytes()).unwrap()[0];
        assert_eq!(finding.end, Some((1, 9)));
        let note = finding.note.as_ref().unwrap();
        assert_eq!((note.from, note.message.as_str()), ((1, 3), "statix would write `inherit a;`"));
        assert_eq!(finding.fix, None, "fixes of statix are never applied");
        assert_eq!(parsed(text, &new.repeat(2)).unwrap().len(), 2, "documents are concatenated");
    }

    #[test]
    fn refuses_unknown_json() {
        let good = JSON.replace("NAME", "");
        let wrong = [
            good.replace("<stdin>", "other.nix"),
            good.replace(r#""line":1"#, r#""line":0"#),
            good.replace("Warn", "Fatal"),
            good.trim_end().trim_end_matches('}').to_owned(),
            format!("{good}trailing"),
            "{}".to_owned(),
        ];
        for text in wrong {
            assert!(parsed("1", &text).is_err(), "{text}");
        }
    }
}
