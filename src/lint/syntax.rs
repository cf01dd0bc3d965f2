//! Syntax errors, found by rnix.

use std::path::Path;

use rnix::{Parse, ParseError, Root, SyntaxKind, TextRange};

use super::lines::Lines;
use super::{Engine, Finding, Severity, depth, engine, openers};

rules! {
    /// A bracket, quote or comment that is opened and never closed.
    ///
    /// The finding is at the opener, not at the end of the file. If the brackets alone do not tell which one it is, the
    /// indentation decides. It is a syntax error and cannot be disabled.
    ///
    ///     { a = [ 1 2; }      wrong: the `[`
    ///     { a = [ 1 2 ]; }    right
    UNCLOSED = "L09" "unclosed" Error;
}

/// The version of the crate; a test compares it with `Cargo.lock`.
const VERSION: &str = "0.15.1";
/// The byte order mark, which some editors write. Nix refuses it.
const MARK: char = '\u{feff}';
const STACK: usize = 256 << 20;

/// The engine of this module.
pub(super) fn engine() -> Engine {
    Engine { name: engine::RNIX, version: Some(VERSION.to_owned()) }
}

/// Decodes the bytes of a file; returns a finding if Nix cannot read them.
pub(super) fn decode<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str, Box<Finding>> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.starts_with(MARK) => {
            let message = "a byte order mark (BOM), which Nix cannot read";
            Err(Box::new(error(path, (1, 1), "encoding", message)))
        }
        Ok(text) => Ok(text),
        Err(wrong) => {
            let before = String::from_utf8_lossy(&bytes[..wrong.valid_up_to()]);
            let at = Lines::of(&before).position(before.len());
            Err(Box::new(error(path, at, "encoding", "this byte is not UTF-8")))
        }
    }
}

/// The first reason why Nix cannot parse the bytes of a file.
pub fn syntax_error(path: &Path, bytes: &[u8]) -> Option<Finding> {
    let text = match decode(path, bytes) {
        Ok(text) => text,
        Err(finding) => return Some(*finding),
    };
    let first = |parse: &Parse<Root>| findings(path, text, parse.errors()).into_iter().next();
    parsed(text, first).unwrap_or_else(|| Some(too_deep(path)))
}

/// The finding for a text that [`parsed`] refuses.
pub(super) fn too_deep(path: &Path) -> Finding {
    error(path, (1, 1), "too-deep", "nested too deeply to be parsed")
}

/// Converts the syntax errors of rnix to findings.
pub(super) fn findings(path: &Path, text: &str, errors: &[ParseError]) -> Vec<Finding> {
    let lines = Lines::of(text);
    let errors = without_follow_ups(errors);
    let opener = if errors.is_empty() { None } else { openers::unclosed(text) };
    // Errors after an unclosed opener follow from it.
    let before = |error: &&ParseError| opener.is_none_or(|opener| start(error, text) < opener.at);
    let mut findings: Vec<Finding> = errors
        .iter()
        .filter(before)
        .map(|wrong| error(path, lines.position(start(wrong, text)), "syntax", message(wrong)))
        .collect();
    findings.extend(opener.map(|opener| {
        let message = format!("this `{}` is never closed: expected `{}`", opener.text, opener.closer);
        error(path, lines.position(opener.at), UNCLOSED.code, message)
    }));
    findings
}

fn error(path: &Path, at: (usize, usize), code: &str, message: impl Into<String>) -> Finding {
    Finding::at(path, at, Severity::Error, code, message, engine::RNIX)
}

/// Parses `text` and calls `look` with the tree, on a stack that is large enough; `None` if the text is nested too deeply.
pub(super) fn parsed<T: Send>(text: &str, look: impl FnOnce(&Parse<Root>) -> T + Send) -> Option<T> {
    let run = || look(&Root::parse(text));
    match depth::measure(text) {
        depth if depth <= depth::SAFE_DEPTH => Some(run()),
        depth if depth > depth::LIMIT => None,
        // The stack is only reserved; unused pages cost nothing.
        _ => std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run).ok()?;
            thread.join().ok()
        }),
    }
}

/// Parses a text on the current stack; `None` if it is nested too deeply for that.
pub fn parsed_shallow(text: &str) -> Option<Parse<Root>> {
    (depth::measure(text) <= depth::SAFE_DEPTH).then(|| Root::parse(text))
}

/// Drops errors that follow from others. After the first error rnix reports several missing tokens at the end of the file;
/// these are kept, once, only if there is no other error.
fn without_follow_ups(errors: &[ParseError]) -> Vec<ParseError> {
    let at_end = |error: &&ParseError| matches!(error, ParseError::UnexpectedEOF | ParseError::UnexpectedEOFWanted(_));
    let inside: Vec<ParseError> = errors.iter().filter(|error| !at_end(error)).cloned().collect();
    if !inside.is_empty() {
        return inside;
    }
    let wordy = errors.iter().find(|error| matches!(error, ParseError::UnexpectedEOFWanted(_)));
    wordy.or(errors.first()).cloned().into_iter().collect()
}

fn start(error: &ParseError, text: &str) -> usize {
    let from = |range: &TextRange| usize::from(range.start());
    match error {
        ParseError::Unexpected(at)
        | ParseError::UnexpectedExtra(at)
        | ParseError::UnexpectedWanted(_, at, _)
        | ParseError::UnexpectedDoubleBind(at)
        | ParseError::DuplicatedArgs(at, _) => from(at),
        ParseError::UnexpectedEOF | ParseError::UnexpectedEOFWanted(_) => text.trim_end().len(),
        _ => 0,
    }
}

fn message(error: &ParseError) -> String {
    match error {
        ParseError::Unexpected(_) => "unexpected input".to_owned(),
        ParseError::UnexpectedExtra(_) => "unexpected input after the end of the expression".to_owned(),
        ParseError::UnexpectedWanted(found, _, wanted) => {
            format!("unexpected {}, expected {}", word(*found), any(wanted))
        }
        ParseError::UnexpectedDoubleBind(_) => "the pattern is bound twice".to_owned(),
        ParseError::UnexpectedEOF => "unexpected end of file".to_owned(),
        ParseError::UnexpectedEOFWanted(wanted) => format!("unexpected end of file, expected {}", any(wanted)),
        ParseError::DuplicatedArgs(_, name) => format!("the argument `{name}` is declared twice"),
        other => other.to_string(),
    }
}

fn any(wanted: &[SyntaxKind]) -> String {
    if wanted.contains(&SyntaxKind::TOKEN_L_PAREN) && wanted.contains(&SyntaxKind::TOKEN_REC) {
        return "an expression".to_owned();
    }
    // rnix lists both together with an identifier.
    let omitted = [SyntaxKind::TOKEN_OR, SyntaxKind::TOKEN_CUR_POS];
    let mut words: Vec<String> = wanted.iter().filter(|kind| !omitted.contains(kind)).map(|&kind| word(kind)).collect();
    words.dedup();
    words.join(" or ")
}

/// The text of a token, or a name for its kind.
fn word(kind: SyntaxKind) -> String {
    use SyntaxKind as K;
    let written = match kind {
        K::TOKEN_ASSIGN => "=",
        K::TOKEN_AT => "@",
        K::TOKEN_COLON => ":",
        K::TOKEN_COMMA => ",",
        K::TOKEN_DOT => ".",
        K::TOKEN_ELLIPSIS => "...",
        K::TOKEN_INTERPOL_END | K::TOKEN_R_BRACE => "}",
        K::TOKEN_INTERPOL_START => "${",
        K::TOKEN_L_BRACE => "{",
        K::TOKEN_L_BRACK => "[",
        K::TOKEN_L_PAREN => "(",
        K::TOKEN_QUESTION => "?",
        K::TOKEN_R_BRACK => "]",
        K::TOKEN_R_PAREN => ")",
        K::TOKEN_SEMICOLON => ";",
        K::TOKEN_ELSE | K::TOKEN_IN | K::TOKEN_INHERIT | K::TOKEN_LET | K::TOKEN_THEN => return keyword(kind),
        K::TOKEN_ERROR => return "character".to_owned(),
        K::TOKEN_IDENT => return "a name".to_owned(),
        K::TOKEN_STRING_START | K::TOKEN_STRING_CONTENT | K::TOKEN_STRING_END => return "a string".to_owned(),
        _ => return format!("{kind:?}").trim_start_matches("TOKEN_").to_lowercase().replace('_', " "),
    };
    format!("`{written}`")
}

fn keyword(kind: SyntaxKind) -> String {
    format!("`{}`", format!("{kind:?}").trim_start_matches("TOKEN_").to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::Settings;
    use crate::lint::read::Reading;

    fn messages(bytes: &[u8]) -> Vec<String> {
        let findings = Reading::of(Path::new("a.nix"), bytes, &Settings::default()).syntax;
        findings.iter().map(|f| format!("{}:{} {}: {}", f.line, f.column, f.code, f.message)).collect()
    }

    #[test]
    fn reports_positions_and_messages() {
        let wrong = |text: &str| messages(text.as_bytes());
        assert_eq!(wrong("{ a = 1; }\n"), [""; 0]);
        assert_eq!(wrong("{\n  \u{e4} = 1; }"), ["2:3 syntax: unexpected character, expected a name"]);
        assert_eq!(wrong("{ a = \"\u{1f600}\" ]; }"), ["1:11 syntax: unexpected `]`, expected `;`"]);
        assert_eq!(wrong("{ a = 1 }\r\n"), ["1:9 syntax: unexpected `}`, expected `;`"]);
        assert_eq!(wrong("{ a = ; b = ]; }")[0], "1:7 syntax: unexpected `;`, expected an expression");
        assert_eq!(wrong("{ a = \"${b\n\n"), ["1:8 L09: this `${` is never closed: expected `}`"]);
        assert_eq!(wrong(""), ["1:1 syntax: unexpected end of file"]);
        assert_eq!(wrong("\u{feff}{ }"), ["1:1 encoding: a byte order mark (BOM), which Nix cannot read"]);
        assert_eq!(messages(b"a\n\xc3\xa9\xff"), ["2:2 encoding: this byte is not UTF-8"]);
    }

    #[test]
    fn survives_deep_nesting() {
        for deep in ["[", "(", "{a=", "!", "-", "1+", "f ", ".b", "x:", "\"${", "a->", "''${", "with a;"] {
            for times in [390, 500] {
                messages(deep.repeat(times).as_bytes());
            }
        }
        assert_eq!(messages("[".repeat(5_000).as_bytes()), ["1:1 too-deep: nested too deeply to be parsed"]);
    }

    #[test]
    fn version_matches_lock_file() {
        let locked = include_str!("../../Cargo.lock").split("\n\n").find(|entry| entry.contains("name = \"rnix\"\n"));
        assert!(locked.unwrap().contains(&format!("\nversion = \"{VERSION}\"\n")), "{locked:?}");
    }
}
