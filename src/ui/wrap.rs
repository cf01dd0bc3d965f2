//! Breaks text into lines that a terminal shows whole.
//!
//! Lines end between words. What is in backticks is one word, and a long command has a line of its own without backticks: the user
//! can copy that line and paste it.

use std::mem::take;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr};

/// The indent of a line that goes on with a message.
const CONTINUED: usize = 2;
/// The indent of a command on a line of its own.
pub(super) const ALONE: usize = 4;

/// A command of more columns is long.
const LONG: usize = 40;

/// A line of a broken text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Words that fit.
    Words(String),
    /// A long command, or a word that is longer than a line.
    Alone(String),
}

/// The columns that `text` takes; colour codes take none.
pub fn columns(text: &str) -> usize {
    if text.contains('\u{1b}') {
        anstream::adapter::strip_str(text).map(UnicodeWidthStr::width).sum()
    } else {
        text.width()
    }
}

/// The start of `text` that fits into `width` columns.
pub fn start(text: &str, width: usize) -> &str {
    let mut left = width;
    let ends = |(_, c): &(usize, char)| match left.checked_sub(c.width().unwrap_or(0)) {
        Some(rest) => {
            left = rest;
            false
        }
        None => true,
    };
    text.char_indices().find(ends).map_or(text, |(at, _)| &text[..at])
}

/// `text` in at most `width` columns: if it is longer, its start before `…`.
pub fn beginning(text: &str, width: usize) -> String {
    match width.checked_sub(1) {
        Some(room) if columns(text) > width => format!("{}…", start(text, room)),
        _ => start(text, width).to_owned(),
    }
}

/// `text` in at most `width` columns: if it is longer, its end after `…`. The end of a point's name tells most.
pub fn ending(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let fits = |(_, c): &(usize, char)| {
        let rest = left.checked_sub(c.width().unwrap_or(0));
        left = rest.unwrap_or(0);
        rest.is_some()
    };
    let from = text.char_indices().rev().take_while(fits).last().map_or(text.len(), |(at, _)| at);
    if width == 0 { String::new() } else { format!("…{}", &text[from..]) }
}

/// Breaks a message into lines of at most `width` columns. Each of its lines keeps its own indent.
pub fn message(text: &str, width: Option<usize>) -> String {
    match width {
        Some(width) => text.split('\n').map(|line| broken(line, width)).collect::<Vec<_>>().join("\n"),
        None => text.to_owned(),
    }
}

/// Breaks paragraphs that are separated by blank lines; lines of a paragraph are joined first, unless they are indented.
pub fn paragraphs(text: &str, width: Option<usize>) -> String {
    let Some(columns) = width else { return text.to_owned() };
    let flowing = |paragraph: &str| {
        let joined = paragraph.lines().collect::<Vec<_>>().join(" ");
        let parts = fold(&joined, columns, columns).into_iter();
        parts.map(|(Part::Words(line) | Part::Alone(line))| line).collect::<Vec<_>>().join("\n")
    };
    let is_code = |paragraph: &str| paragraph.starts_with(' ');
    let one = |it: &str| if is_code(it) { message(it, width) } else { flowing(it) };
    text.split("\n\n").map(one).collect::<Vec<_>>().join("\n\n")
}

fn broken(line: &str, width: usize) -> String {
    if columns(line) <= width {
        return line.to_owned();
    }
    let text = line.trim_start_matches(' ');
    let indent = line.len() - text.len();
    let first = width.saturating_sub(indent);
    let parts = fold(text, first, first.saturating_sub(CONTINUED));
    let one = |(i, part): (usize, Part)| match part {
        Part::Words(words) => (indent + if i == 0 { 0 } else { CONTINUED }, words),
        Part::Alone(word) => (indent + ALONE, word),
    };
    let lines = parts.into_iter().enumerate().map(one);
    lines.map(|(indent, text)| format!("{:indent$}{text}", "")).collect::<Vec<_>>().join("\n")
}

/// Breaks one line into parts: the first has `first` columns, the others `room`.
pub(super) fn fold(text: &str, first: usize, room: usize) -> Vec<Part> {
    if columns(text) <= first {
        return vec![Part::Words(text.to_owned())];
    }
    let mut lines = Lines { parts: Vec::new(), line: String::new(), left: first, room };
    words(text).into_iter().for_each(|word| lines.push(word));
    lines.end();
    lines.parts
}

/// The text so far.
struct Lines {
    parts: Vec<Part>,
    /// The last line, which is not full.
    line: String,
    /// How many columns are left of it.
    left: usize,
    /// The columns of each further line.
    room: usize,
}

impl Lines {
    fn push(&mut self, word: &str) {
        let (width, space) = (columns(word), usize::from(!self.line.is_empty()));
        if width + space <= self.left {
            self.line.push_str(&" "[..space]);
            self.line.push_str(word);
            self.left -= width + space;
            return;
        }
        match Code::of(word) {
            Some(code) if width > self.room.min(LONG) => self.command(&code),
            _ if width > self.room => self.alone(word),
            _ => {
                self.end();
                self.push(word);
            }
        }
    }

    fn command(&mut self, code: &Code<'_>) {
        if !code.before.is_empty() {
            self.push(code.before);
        }
        self.alone(code.command);
        // The end of the line separates as well as a comma.
        let after = code.after.trim_start_matches([',', ';', ':', '.']);
        if !after.is_empty() {
            self.push(after);
        }
    }

    fn alone(&mut self, word: &str) {
        self.end();
        self.parts.push(Part::Alone(word.to_owned()));
    }

    fn end(&mut self) {
        if !self.line.is_empty() {
            self.parts.push(Part::Words(take(&mut self.line)));
        }
        self.left = self.room;
    }
}

/// A word with a command in backticks, and what stands before and after without a space.
struct Code<'t> {
    before: &'t str,
    command: &'t str,
    after: &'t str,
}

impl<'t> Code<'t> {
    fn of(word: &'t str) -> Option<Self> {
        let (before, rest) = word.split_once('`')?;
        let (command, after) = rest.split_once('`')?;
        command.contains(' ').then_some(Self { before, command, after })
    }
}

/// Splits at spaces outside of backticks.
fn words(text: &str) -> Vec<&str> {
    let (mut words, mut start, mut is_code) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            '`' => is_code = !is_code && text[at + 1..].contains('`'),
            ' ' if !is_code => {
                words.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push(&text[start..]);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(width: usize, text: &str) -> String {
        message(text, Some(width))
    }

    #[test]
    fn start_or_end_of_a_long_text_fits() {
        let starts = [14, 13, 6, 1, 0].map(|width| beginning("gcc/漢字/step1", width));
        assert_eq!(starts, ["gcc/漢字/step1", "gcc/漢字/ste…", "gcc/…", "…", ""]);
        let texts = [20, 5, 4, 1, 0].map(|width| ending("gcc/漢字/step1", width));
        assert_eq!(texts, ["gcc/漢字/step1", "…tep1", "…ep1", "…", ""]);
        assert_eq!([8, 9].map(|width| ending("gcc/漢字/step1", width)), ["…/step1", "…字/step1"], "no half characters");
    }

    #[test]
    fn breaks_between_words() {
        assert_eq!(at(20, "error: one two three four"), "error: one two three\n  four");
        assert_eq!(at(20, "  one two three four five"), "  one two three four\n    five");
        assert_eq!(at(20, "1234567890 1234567890\nb"), "1234567890\n  1234567890\nb");
        assert_eq!(message("one two three four five", None), "one two three four five");
    }

    #[test]
    fn never_breaks_a_command() {
        assert_eq!(at(20, "hint: it is `git log` there"), "hint: it is\n  `git log` there");
        assert_eq!(at(20, "hint: `git switch branch`, then `b c`"), "hint:\n    git switch branch\n  then `b c`");
        assert_eq!(at(20, "try it (`git switch a-long-branch`)"), "try it (\n    git switch a-long-branch\n  )");
        assert_eq!(at(20, "an unpaired ` in a long line"), "an unpaired ` in a\n  long line");
    }

    #[test]
    fn long_word_has_a_line_of_its_own() {
        assert_eq!(
            at(20, "it is in /a/very/long/path/to/a/file, see"),
            "it is in\n    /a/very/long/path/to/a/file,\n  see"
        );
    }

    #[test]
    fn joins_the_lines_of_a_paragraph() {
        let text = "one two\nthree four five\n\n  a b\n  c d";
        assert_eq!(paragraphs(text, Some(20)), "one two three four\nfive\n\n  a b\n  c d");
    }

    #[test]
    fn measures_columns() {
        assert_eq!(columns("\u{1b}[32mab\u{1b}[0m"), 2);
        assert_eq!(columns("\u{4f60}\u{597d}e\u{301}\u{200b}"), 5, "wide, combining and zero-width characters");
        assert_eq!(
            at(20, "\u{4f60}\u{597d}\u{4f60}\u{597d}\u{4f60} \u{4f60}\u{597d}\u{4f60}\u{597d}\u{4f60}").lines().count(),
            2
        );
    }
}
