//! Checks the format against nixfmt (RFC 166), with the crate `nixfmt_rs`.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use super::lines::Lines;
use super::{Edit, Engine, Finding, Settings, Severity, codes, engine};

/// Stack size of the formatter. The memory is only reserved; unused pages cost nothing.
const STACK: usize = 64 << 20;
/// Time limit of the formatter; hand-written files take less than a hundredth of it.
const LIMIT: Duration = Duration::from_secs(2);

pub(super) fn engine() -> Engine {
    Engine { name: engine::FORMAT, version: Some(format!("(nixfmt_rs {})", nixfmt_rs::VERSION)) }
}

/// Returns a finding at the first line that nixfmt would write differently.
///
/// It is a hint, so that format alone does not stop a commit, unless the project requires the format.
pub(super) fn check(path: &Path, text: &str, settings: &Settings) -> Result<Option<Finding>, String> {
    if settings.is_off(codes::FORMAT) {
        return Ok(None);
    }
    let formatted = formatted(text)?;
    if formatted == text {
        return Ok(None);
    }
    let lines = Lines::of(text);
    let (line, start) = first_difference(text, &formatted);
    let severity = if settings.requires(engine::FORMAT) { Severity::Warning } else { Severity::Hint };
    let message = "not formatted as nixfmt would: this is the first line that differs";
    let end = text[start..].find(['\n', '\r']).map_or(text.len(), |length| start + length);
    let finding = Finding::at(path, (line, 1), severity, codes::FORMAT, message, engine::FORMAT).until(&lines, end);
    let fix = Some(Edit { range: (0, text.len()), text: formatted });
    Ok(Some(Finding { fix, ..finding }))
}

/// Formats the text; keeps CRLF line ends if all lines have them.
fn formatted(text: &str) -> Result<String, String> {
    let crlf = text.contains("\r\n") && text.matches('\n').count() == text.matches("\r\n").count();
    let plain = if crlf { text.replace("\r\n", "\n") } else { text.to_owned() };
    let formatted = with_time_limit(move || format_safely(&plain))?;
    Ok(if crlf { formatted.replace('\n', "\r\n") } else { formatted })
}

/// Formats the text, and checks that the syntax tree is the same and that formatting again changes nothing.
fn format_safely(text: &str) -> Result<String, String> {
    let formatted = nixfmt_rs::format(text).map_err(|_| "it cannot parse the file".to_owned())?;
    if formatted == text {
        return Ok(formatted);
    }
    let same = nixfmt_rs::parse_normalized(text).ok() == nixfmt_rs::parse_normalized(&formatted).ok();
    let stable = nixfmt_rs::format(&formatted).is_ok_and(|again| again == formatted);
    if same && stable { Ok(formatted) } else { Err("it would change more than the layout".to_owned()) }
}

/// Runs the formatter in a thread with a time limit: hundreds of nested `if` take minutes, and its recursion is as deep as the
/// text. After the limit the thread is left running. A panic fails only this engine.
fn with_time_limit(run: impl FnOnce() -> Result<String, String> + Send + 'static) -> Result<String, String> {
    let (answer, answered) = mpsc::channel();
    let run = move || answer.send(run());
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(run);
    thread.map_err(|error| format!("it could not be started: {error}"))?;
    match answered.recv_timeout(LIMIT) {
        Ok(answer) => answer,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(format!("it did not finish within {} seconds", LIMIT.as_secs())),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err("the formatter panicked".to_owned()),
    }
}

/// The number (1-based) and the byte offset of the first line that differs.
fn first_difference(text: &str, formatted: &str) -> (usize, usize) {
    let (mut line, mut start) = (1, 0);
    let mut wanted = formatted.split_inclusive('\n');
    for have in text.split_inclusive('\n') {
        if wanted.next() != Some(have) {
            break;
        }
        (line, start) = (line + 1, start + have.len());
    }
    (line, start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Option<(usize, String)> {
        let finding = check(Path::new("a.nix"), text, &Settings::default()).unwrap()?;
        Some((finding.line, finding.fix.unwrap().text))
    }

    #[test]
    fn reports_the_first_line_that_differs() {
        assert_eq!(checked("{ a = 1; }\n"), None);
        assert_eq!(checked("{\n  a = 1;\n   b = 2;\n}\n"), Some((3, "{\n  a = 1;\n  b = 2;\n}\n".to_owned())));
        assert_eq!(checked("1"), Some((1, "1\n".to_owned())), "the end of the last line counts");
        assert_eq!(checked("1\n\n\n"), Some((2, "1\n".to_owned())));
    }

    #[test]
    fn keeps_consistent_line_ends() {
        assert_eq!(checked("{ a = 1; }\r\n"), None);
        assert_eq!(checked("{a=''\r\n  x\r\n'';}\r\n").unwrap().1.matches('\n').count(), 5);
        assert!(!checked("{a=1;\r\nb=1;}\r\n").unwrap().1.replace("\r\n", "").contains('\n'));
    }

    #[test]
    fn gives_up_after_the_time_limit() {
        let slow = format!("{}1\n", "if a then b else ".repeat(600));
        let why = check(Path::new("a.nix"), &slow, &Settings::default()).unwrap_err();
        assert!(why == "it did not finish within 2 seconds" || why == "it cannot parse the file", "{why}");
        let deep = format!("{}1{}\n", "[".repeat(600), "]".repeat(600));
        let result = check(Path::new("a.nix"), &deep, &Settings::default());
        assert!(result.is_ok() || result.is_err_and(|why| why == "it cannot parse the file"), "no stack overflow");
    }
}
