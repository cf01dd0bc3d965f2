//! The format: what nixfmt (RFC 166) would write, by the crate `nixfmt_rs`.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::syntax::Lines;
use super::{Edit, Engine, Finding, Settings, Severity, depth};

pub(super) const NAME: &str = "format";
pub(super) const CODE: &str = "format";
const STACK: usize = 256 << 20;

pub(super) fn engine() -> Engine {
    Engine { name: NAME, version: Some(format!("(nixfmt_rs {})", nixfmt_rs::VERSION)) }
}

/// A finding at the first line that nixfmt would write otherwise.
///
/// It is a hint, so that no commit is stopped for its looks, unless the project requires the format.
pub(super) fn check(path: &Path, text: &str, settings: &Settings) -> Result<Option<Finding>, String> {
    if settings.is_off(CODE) {
        return Ok(None);
    }
    let formatted = formatted(text)?;
    if formatted == text {
        return Ok(None);
    }
    let lines = Lines::of(text);
    let (line, start) = first_difference(text, &formatted);
    let severity = if settings.requires(NAME) { Severity::Warning } else { Severity::Hint };
    let message = "not formatted as nixfmt would: this is the first line that differs";
    let end = text[start..].find(['\n', '\r']).map_or(text.len(), |length| start + length);
    let finding = Finding::at(path, (line, 1), severity, CODE, message, NAME).until(&lines, end);
    let fix = Some(Edit { range: (0, text.len()), text: formatted });
    Ok(Some(Finding { fix, ..finding }))
}

/// The text as nixfmt would write it; line ends stay what they are when all are alike.
pub(super) fn formatted(text: &str) -> Result<String, String> {
    let crlf = text.contains("\r\n") && text.matches('\n').count() == text.matches("\r\n").count();
    let plain = if crlf { Cow::Owned(text.replace("\r\n", "\n")) } else { Cow::Borrowed(text) };
    let formatted = on_deep_stack(&plain, || {
        let formatted = nixfmt_rs::format(&plain).map_err(|_| "it does not understand the file".to_owned())?;
        if formatted == plain {
            return Ok(formatted);
        }
        // A formatter must not change what is said, and must be of the same opinion the second time.
        let same = nixfmt_rs::parse_normalized(&plain).ok() == nixfmt_rs::parse_normalized(&formatted).ok();
        let stable = nixfmt_rs::format(&formatted).is_ok_and(|again| again == formatted);
        if same && stable { Ok(formatted) } else { Err("it would change more than the looks".to_owned()) }
    })?;
    Ok(if crlf { formatted.replace('\n', "\r\n") } else { formatted })
}

/// Runs what goes as deep as `text`, and takes a panic for the failure of this one engine.
fn on_deep_stack(text: &str, run: impl FnOnce() -> Result<String, String> + Send) -> Result<String, String> {
    let fallen = |_| "it fell over".to_owned();
    let run = AssertUnwindSafe(run);
    match depth::measure(text) {
        deep if deep > depth::SHALLOW => std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, move || run.0());
            thread.map_err(|error| error.to_string())?.join().map_err(fallen)?
        }),
        _ => catch_unwind(run).map_err(fallen)?,
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
    fn depth_is_no_danger() {
        for deep in ["[", "(", "{a=", "x:"] {
            let close = match deep {
                "[" => "]",
                "(" => ")",
                "{a=" => ";}",
                _ => "",
            };
            let text = format!("{}1{}\n", deep.repeat(600), close.repeat(600));
            let _ = check(Path::new("a.nix"), &text, &Settings::default());
        }
    }
}
