//! Progress on the terminal: lines that are drawn again and again below everything else that is printed.
//!
//! The cursor stays at the start of the line below them. The modes of cursor and screen do not change, and the lines are cut so that the
//! terminal does not wrap them. If the program is killed, some lines of progress stay, and the terminal works as before.
//! Everything else that is printed removes the lines first.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::safe::sanitized;
use super::wrap;
use crate::process;

/// Moves the cursor up by so many lines.
const UP: char = 'A';
/// Erases the rest of a line.
const ERASE_LINE: &str = "\u{1b}[K";
/// Erases everything from the cursor on.
const ERASE_BELOW: &str = "\u{1b}[J";

/// The size of a terminal that does not report one.
const USUAL: Size = Size { columns: 80, rows: 24 };

/// The size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// The columns of a line.
    pub(super) columns: usize,
    /// The lines.
    pub(super) rows: usize,
}

/// The lines that are drawn now.
static DRAWN: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn drawn() -> MutexGuard<'static, Vec<String>> {
    DRAWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The present size of the terminal on stderr.
pub(super) fn size() -> Size {
    let Ok(size) = rustix::termios::tcgetwinsize(io::stderr()) else { return USUAL };
    let of = |reported: u16, usual: usize| if reported == 0 { usual } else { usize::from(reported) };
    Size { columns: of(size.ws_col, USUAL.columns), rows: of(size.ws_row, USUAL.rows) }
}

/// Whether lines are drawn now.
pub(super) fn is_drawn() -> bool {
    !drawn().is_empty()
}

/// Draws lines in place of those drawn before. Draws nothing in the background or while a child process asks for a password.
pub(super) fn draw(lines: &[String], color: bool) {
    let mut drawn = drawn();
    if process::is_asked() {
        // The prompt stands below the lines.
        drawn.clear();
        return;
    }
    if !process::is_in_foreground(io::stderr()) {
        return;
    }
    let columns = size().columns;
    let cut = |line: &String| -> String {
        let line = sanitized(line, color);
        cut(&line, columns - 1)
    };
    write(&mut drawn, lines.iter().map(cut).collect(), columns);
}

/// Removes the lines.
pub(super) fn erase() {
    let mut drawn = drawn();
    if !drawn.is_empty() {
        write(&mut drawn, Vec::new(), size().columns);
    }
}

fn write(drawn: &mut Vec<String>, lines: Vec<String>, columns: usize) {
    // The shell has printed something below the lines.
    if process::was_continued() {
        drawn.clear();
    }
    if *drawn == lines {
        return;
    }
    let before: Vec<_> = drawn.iter().map(|line| wrap::columns(line)).collect();
    let text = redrawn(&before, &lines, columns);
    let mut stderr = io::stderr().lock();
    stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()).ok();
    *drawn = lines;
}

/// What a terminal of `columns` has to be sent to show `lines` in place of lines of the widths `before`. A terminal that has become
/// narrower has wrapped them.
fn redrawn(before: &[usize], lines: &[String], columns: usize) -> String {
    let rows: usize = before.iter().map(|width| width.div_ceil(columns.max(1)).max(1)).sum();
    let mut text = String::from("\r");
    if rows > 0 {
        write!(text, "\u{1b}[{rows}{UP}").ok();
    }
    for line in lines {
        write!(text, "{line}{ERASE_LINE}\r\n").ok();
    }
    text.push_str(ERASE_BELOW);
    text
}

/// The start of a line that fits into `width` columns; colour codes take none, and the last one stays.
fn cut(line: &str, width: usize) -> String {
    if wrap::columns(line) <= width {
        return line.to_owned();
    }
    let (mut shown, mut left, mut rest) = (String::new(), width, line);
    while !rest.is_empty() {
        let (code, text) = split_code(rest);
        shown.push_str(code);
        let end = text.find('\u{1b}').unwrap_or(text.len());
        let fits = wrap::start(&text[..end], left);
        shown.push_str(fits);
        // Nothing follows what does not fit, but for the codes.
        left = if fits.len() == end { left - wrap::columns(fits) } else { 0 };
        rest = &text[end..];
    }
    shown
}

/// Splits off a colour code at the start.
fn split_code(text: &str) -> (&str, &str) {
    let end = if text.starts_with('\u{1b}') { text.find('m').map_or(1, |at| at + 1) } else { 0 };
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn goes_up_over_lines_that_the_terminal_has_wrapped() {
        let lines = strings(&["a", "b"]);
        assert_eq!(redrawn(&[], &lines, 80), "\ra\u{1b}[K\r\nb\u{1b}[K\r\n\u{1b}[J");
        assert_eq!(redrawn(&[79, 0], &[], 80), "\r\u{1b}[2A\u{1b}[J");
        assert_eq!(redrawn(&[79, 0], &[], 40), "\r\u{1b}[3A\u{1b}[J");
    }

    #[test]
    fn cuts_text_and_keeps_codes() {
        assert_eq!(cut("\u{1b}[31mabc\u{1b}[0md", 2), "\u{1b}[31mab\u{1b}[0m");
        assert_eq!(cut("\u{4f60}\u{597d}", 3), "\u{4f60}");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("a\u{1b}", 0), "\u{1b}");
    }
}
