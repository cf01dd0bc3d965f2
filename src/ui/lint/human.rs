//! Lint findings for the terminal: position, message, and the source line with a marker under it.

use std::collections::HashMap;
use std::path::Path;

use unicode_width::UnicodeWidthChar;

use super::count;
use crate::lint::{Finding, Report, Severity};
use crate::ops::lint::Source;
use crate::ui::{Screen, Tone, paint, terminal_safe, wrap};

/// The maximum width of a source line where the screen has no limit; longer lines are cut around the marker.
const MAX_WIDTH: usize = 100;
/// What marks the end at which a line was cut.
const CUT: &str = "...";
const TAB: usize = 4;
/// How many findings are shown with their source line.
const MAX_SNIPPETS: usize = 500;

/// All findings, with their source lines.
pub fn findings(report: &Report, sources: &[Source], screen: Screen) -> Vec<String> {
    let texts: HashMap<&Path, &[u8]> =
        sources.iter().map(|source| (source.path.as_path(), &source.bytes[..])).collect();
    let text = |i: usize, finding: &Finding| texts.get(finding.path.as_path()).copied().filter(|_| i < MAX_SNIPPETS);
    report.all_findings().iter().enumerate().flat_map(|(i, finding)| one(finding, text(i, finding), screen)).collect()
}

fn one(finding: &Finding, text: Option<&[u8]>, screen: Screen) -> Vec<String> {
    let Screen { color, width, .. } = screen;
    let Finding { path, line, column, message, .. } = finding;
    let tone = tone(finding.severity);
    let shown = message.lines().map(terminal_safe).collect::<Vec<_>>().join("\n    ");
    let place = format!("{}:{line}:{column}:", terminal_safe(&path.display().to_string()));
    let severity = paint(&format!("{}:", finding.severity.as_str()), tone, color);
    let rule = paint(&finding.rule(), Tone::Faint, color);
    let mut lines = vec![wrap::message(&format!("{place} {severity} {shown} {rule}"), width)];
    let number = line.to_string();
    let widest = width.map_or(MAX_WIDTH, |width| width.saturating_sub(number.len() + " | ".len() + 2 * CUT.len()));
    if let Some((source, mark)) = text.and_then(|text| snippet(text, finding, widest)) {
        lines.push(format!("{} {source}", paint(&format!("{number} |"), Tone::Faint, color)));
        let margin = paint(&format!("{:width$} |", "", width = number.len()), Tone::Faint, color);
        let indent = mark.len() - mark.trim_start().len();
        lines.push(format!("{margin} {}{}", &mark[..indent], paint(&mark[indent..], tone, color)));
    }
    if let Some(note) = &finding.note {
        let shown = note.message.lines().map(terminal_safe).collect::<Vec<_>>().join("\n    ");
        let note = format!("  {} {}:{}: {shown}", paint("note:", Tone::Faint, color), note.from.0, note.from.1);
        lines.push(wrap::message(&note, width));
    }
    lines
}

fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Odd,
        Severity::Hint => Tone::Faint,
    }
}

/// The source line, printable, and a line with `^^^` under the position; `None` if the line is missing or empty.
fn snippet(text: &[u8], finding: &Finding, widest: usize) -> Option<(String, String)> {
    let line = text.split(|byte| *byte == b'\n').nth(finding.line.checked_sub(1)?)?;
    let line = String::from_utf8_lossy(line);
    let line = line.trim_end_matches('\r');
    let from = finding.column - 1;
    let to = match finding.end {
        Some((last, column)) if last == finding.line => column - 1,
        Some((last, _)) if last > finding.line => line.chars().count(),
        _ => from + 1,
    };
    if line.trim().is_empty() {
        return None;
    }
    Some(drawn(line, from, to.max(from + 1), widest))
}

/// Draws a line and its marker from character `from` to `to`; a long line is cut around the marker.
fn drawn(line: &str, from: usize, to: usize, widest: usize) -> (String, String) {
    let cells: Vec<(String, usize)> = line.chars().map(cell).collect();
    let width = |cells: &[(String, usize)]| cells.iter().map(|(_, width)| width).sum::<usize>();
    let (from, to) = (from.min(cells.len()), to.min(cells.len() + 1));
    let (mut start, mut before) = (0, widest / 3);
    if width(&cells) > widest {
        start = from;
        while start > 0 && cells[start - 1].1 <= before {
            start -= 1;
            before -= cells[start].1;
        }
    }
    let (mut end, mut room) = (start, widest);
    while end < cells.len() && cells[end].1 <= room {
        room -= cells[end].1;
        end += 1;
    }
    let dots = |cut: bool| if cut { CUT } else { "" };
    let shown: String = cells[start..end].iter().map(|(text, _)| text.as_str()).collect();
    let marked = width(&cells[from..to.min(end).max(from)]).max(1);
    let before = width(&cells[start..from]) + dots(start > 0).len();
    let shown = format!("{}{shown}{}", dots(start > 0), dots(end < cells.len()));
    (shown.trim_end().to_owned(), format!("{}{}", " ".repeat(before), "^".repeat(marked)))
}

fn cell(c: char) -> (String, usize) {
    if c == '\t' {
        return (" ".repeat(TAB), TAB);
    }
    let shown = terminal_safe(&c.to_string());
    let width = shown.chars().map(|c| c.width().unwrap_or(1)).sum();
    (shown, width)
}

/// Summary: the number of files, the engines, and the number of findings.
pub fn summary(report: &Report, files: usize) -> String {
    if files == 0 {
        return "no .nix files to check".to_owned();
    }
    let told = report.all_findings();
    let many = |severity: Severity| told.iter().filter(|finding| finding.severity == severity).count();
    let found: Vec<String> = [Severity::Error, Severity::Warning, Severity::Hint]
        .into_iter()
        .filter(|severity| many(*severity) > 0)
        .map(|severity| count(many(severity), severity.as_str()))
        .collect();
    let found = if found.is_empty() { "nothing found".to_owned() } else { found.join(", ") };
    let missing = report.not_checked_by().map(|names| format!("; not checked by {names}")).unwrap_or_default();
    format!("{} checked by {}: {found}{missing}", count(files, "file"), report.checked_by())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_the_marker_under_the_position() {
        let drawn = |line, from, to| super::drawn(line, from, to, MAX_WIDTH);
        assert_eq!(drawn("{ a = 1; }", 2, 3), ("{ a = 1; }".to_owned(), "  ^".to_owned()));
        assert_eq!(drawn("\ta = b;", 5, 6), ("    a = b;".to_owned(), "        ^".to_owned()));
        assert_eq!(drawn("\u{4f60}\u{597d} = x", 0, 2).1, "^^^^", "wide characters take two columns");
        assert_eq!(drawn("a\u{1b}[2Jb", 1, 2), ("a\u{fffd}[2Jb".to_owned(), " ^".to_owned()));
        assert_eq!(drawn("ab", 9, 10), ("ab".to_owned(), "  ^".to_owned()), "behind the end");
    }

    #[test]
    fn cuts_long_lines_around_the_position() {
        let (shown, mark) = drawn(&"abcdefghij".repeat(100), 500, 503, MAX_WIDTH);
        assert!(shown.len() <= MAX_WIDTH + 6 && shown.starts_with("...") && shown.ends_with("..."), "{shown}");
        let at = mark.find('^').unwrap();
        assert_eq!((&shown[at..at + 3], mark.len()), ("abc", at + 3));
    }
}
