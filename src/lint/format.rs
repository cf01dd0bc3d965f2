//! The format: what nixfmt (RFC 166) would write, by the crate `nixfmt_rs`.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use super::lines::Lines;
use super::{Edit, Engine, Finding, Settings, Severity, codes, engine};

/// Only reserved; what is not used costs nothing.
const STACK: usize = 64 << 20;
/// A file that people write takes less than a hundredth of that.
const LIMIT: Duration = Duration::from_secs(2);

pub(super) fn engine() -> Engine {
    Engine { name: engine::FORMAT, version: Some(format!("(nixfmt_rs {})", nixfmt_rs::VERSION)) }
}

/// A finding at the first line that nixfmt would write otherwise.
///
/// It is a hint, so that no commit is stopped for its looks, unless the project requires the format.
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

/// The text as nixfmt would write it; line ends stay what they are when all are alike.
fn formatted(text: &str) -> Result<String, String> {
    let crlf = text.contains("\r\n") && text.matches('\n').count() == text.matches("\r\n").count();
    let plain = if crlf { text.replace("\r\n", "\n") } else { text.to_owned() };
    let formatted = in_time(move || unchanged_but_for_looks(&plain))?;
    Ok(if crlf { formatted.replace('\n', "\r\n") } else { formatted })
}

fn unchanged_but_for_looks(text: &str) -> Result<String, String> {
    let formatted = nixfmt_rs::format(text).map_err(|_| "it does not understand the file".to_owned())?;
    if formatted == text {
        return Ok(formatted);
    }
    // A formatter must not change what is said, and must be of the same opinion the second time.
    let same = nixfmt_rs::parse_normalized(text).ok() == nixfmt_rs::parse_normalized(&formatted).ok();
    let stable = nixfmt_rs::format(&formatted).is_ok_and(|again| again == formatted);
    if same && stable { Ok(formatted) } else { Err("it would change more than the looks".to_owned()) }
}

/// Runs the formatter beside us: it takes minutes for some hundred `if` in each other, and goes as deep as the text.
/// One that is not done in time is left to itself, and a panic is the failure of this one engine.
fn in_time(run: impl FnOnce() -> Result<String, String> + Send + 'static) -> Result<String, String> {
    let (answer, answered) = mpsc::channel();
    let run = move || answer.send(run());
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(run);
    thread.map_err(|error| format!("it could not be started: {error}"))?;
    match answered.recv_timeout(LIMIT) {
        Ok(answer) => answer,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(format!("it was not done after {} seconds", LIMIT.as_secs())),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err("it fell over".to_owned()),
    }
}

/// The number and the start of the first line that differs.
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

    fn said(text: &str) -> Option<(usize, String)> {
        let finding = check(Path::new("a.nix"), text, &Settings::default()).unwrap()?;
        Some((finding.line, finding.fix.unwrap().text))
    }

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(said("{ a = 1; }\n"), None);
        assert_eq!(said("{\n  a = 1;\n   b = 2;\n}\n"), Some((3, "{\n  a = 1;\n  b = 2;\n}\n".to_owned())));
        assert_eq!(said("1"), Some((1, "1\n".to_owned())), "the end of the last line counts");
        assert_eq!(said("1\n\n\n"), Some((2, "1\n".to_owned())));
    }

    #[test]
    fn line_ends_are_kept_where_they_are_alike() {
        assert_eq!(said("{ a = 1; }\r\n"), None);
        assert_eq!(said("{a=''\r\n  x\r\n'';}\r\n").unwrap().1.matches('\n').count(), 5);
        assert!(!said("{a=1;\r\nb=1;}\r\n").unwrap().1.replace("\r\n", "").contains('\n'));
    }

    #[test]
    fn what_takes_too_long_is_given_up() {
        let slow = format!("{}1\n", "if a then b else ".repeat(600));
        let why = check(Path::new("a.nix"), &slow, &Settings::default()).unwrap_err();
        assert!(why == "it was not done after 2 seconds" || why == "it does not understand the file", "{why}");
        let deep = format!("{}1{}\n", "[".repeat(600), "]".repeat(600));
        let said = check(Path::new("a.nix"), &deep, &Settings::default());
        assert!(said.is_ok() || said.is_err_and(|why| why == "it does not understand the file"), "and nothing falls");
    }
}
