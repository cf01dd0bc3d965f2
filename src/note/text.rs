//! The text of a note.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::text::is_terminal_unsafe;

/// The most bytes that are read of a file: more than a note can have.
pub const MAX_READ: u64 = 1 << 20;
/// The longest text in bytes.
const MAX_TEXT: usize = 16 << 10;

/// A text that is not empty, not too long, and has no characters that are unsafe on a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(String);

/// Why a text cannot be a note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadText {
    /// It has no text.
    #[error("the note is empty")]
    Empty,
    /// It is too long.
    #[error("the note has {size} bytes, and at most {MAX_TEXT} are allowed")]
    TooLong {
        /// Its size in bytes.
        size: usize,
    },
    /// It has a control character.
    #[error("the note has a character that a terminal does not show: U+{:04X} in line {line}", u32::from(*character))]
    Control {
        /// The character.
        character: char,
        /// The line, from 1.
        line: usize,
    },
    /// It is not UTF-8.
    #[error("the note is not UTF-8")]
    NotUtf8,
}

impl BadText {
    /// Returns what the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "nothing was written; `-m TEXT` gives the text, `--remove` removes a note",
            Self::TooLong { .. } => "put long texts into a file of the point, and name it in the note",
            Self::Control { .. } => "remove it; a text may have several lines, and tabs",
            Self::NotUtf8 => "`iconv -t UTF-8` converts a text",
        }
    }
}

impl Text {
    /// Checks a text that the user gives, and cleans it as `git stripspace` does.
    ///
    /// # Errors
    /// When it is empty, too long, or has control characters.
    pub fn parse(text: &str) -> Result<Self, BadText> {
        let text = stripped(text);
        if text.is_empty() {
            return Err(BadText::Empty);
        }
        if text.len() > MAX_TEXT {
            return Err(BadText::TooLong { size: text.len() });
        }
        let control = |(line, text): (usize, &str)| Some((line + 1, text.chars().find(|c| is_terminal_unsafe(*c))?));
        match text.lines().enumerate().find_map(control) {
            Some((line, character)) => Err(BadText::Control { character, line }),
            None => Ok(Self(text)),
        }
    }

    /// Reads a text from another clone: unsafe characters are replaced; `None` if it is empty or too long.
    pub(super) fn read(text: &str) -> Option<Self> {
        let safe = |c: char| if c != '\n' && is_terminal_unsafe(c) { '\u{fffd}' } else { c };
        let text: String = stripped(text).chars().map(safe).collect();
        // Each replacement has three bytes.
        (!text.is_empty() && text.len() <= 3 * MAX_TEXT).then_some(Self(text))
    }

    /// The text: lines without newline at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its first line.
    pub fn first_line(&self) -> &str {
        self.0.lines().next().unwrap_or_default()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

/// Removes spaces at the ends of lines, empty lines at the beginning and the end, and all but one of several empty lines
/// (git-stripspace(1)).
fn stripped(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if !(line.is_empty() && lines.last().is_none_or(|last| last.is_empty())) {
            lines.push(line);
        }
    }
    lines.join("\n").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cleaned_as_git_does() {
        let text = Text::parse("\n \n one \r\n\ttwo\n\n\n three\n\n").unwrap();
        assert_eq!((text.as_str(), text.first_line()), (" one\n\ttwo\n\n three", " one"));
    }

    #[test]
    fn bad_texts_are_named() {
        assert_eq!(Text::parse(" \n\n"), Err(BadText::Empty));
        assert_eq!(Text::parse(&"é".repeat(MAX_TEXT)), Err(BadText::TooLong { size: 2 * MAX_TEXT }));
        assert_eq!(Text::parse("a\nb\u{1b}[31m"), Err(BadText::Control { character: '\u{1b}', line: 2 }));
        let shown = BadText::Control { character: '\u{202e}', line: 1 }.to_string();
        assert_eq!(shown, "the note has a character that a terminal does not show: U+202E in line 1");
    }

    #[test]
    fn text_of_another_clone_is_made_safe() {
        assert_eq!(Text::read("a\u{1b}[31m\nb\u{202e}").unwrap().as_str(), "a\u{fffd}[31m\nb\u{fffd}");
        assert_eq!(Text::read("a\r\n\r\nb\rc\r\n").unwrap().as_str(), "a\n\nb\u{fffd}c");
        assert_eq!(Text::read(" \n"), None);
        assert_eq!(Text::read(&"x".repeat(4 * MAX_TEXT)), None);
    }
}
