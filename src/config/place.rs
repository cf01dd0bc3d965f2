//! Where an error is in a TOML file: line and column, and the line itself.

use std::ops::Range;

use toml_edit::{Document, Item, Key, TableLike};

/// Maximum length of a shown line, in characters.
const MAX_SHOWN: usize = 100;
/// How many characters before the error are shown of a longer line.
const BEFORE: usize = 60;

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// How many characters to mark.
    width: usize,
    /// The whole line.
    source: Box<str>,
}

impl Place {
    /// The place of these bytes of a text. A position within a character is that of the character.
    pub(super) fn of(text: &str, bytes: Range<usize>) -> Self {
        let start = floor(text, bytes.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let end = floor(text, bytes.end).clamp(start, line_end);
        Self {
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            width: text[start..end].chars().count().max(1),
            source: text[line_start..line_end].trim_end_matches('\r').into(),
        }
    }

    /// The place of a value, or of the key itself; `key` is a path such as `axes.arch`, or a key in one of the tables.
    pub(super) fn of_key(text: &str, key: &str, is_itself: bool) -> Option<Self> {
        let document = Document::parse(text).ok()?;
        let top: &dyn TableLike = document.as_table();
        let tables = || top.iter().filter_map(|(_, item)| item.as_table_like());
        let (name, item) = find(top, key).or_else(|| tables().find_map(|table| find(table, key)))?;
        let value = item.span().filter(|_| item.is_value() && !is_itself);
        Some(Self::of(text, value.or_else(|| name.span())?))
    }

    /// The place where a text stands in quotes, or in braces of a pattern.
    pub(super) fn of_text(text: &str, wanted: &str) -> Option<Self> {
        let quoted = [format!("\"{wanted}\""), format!("'{wanted}'"), format!("{{{wanted}}}")];
        quoted.iter().find_map(|quoted| text.find(quoted.as_str()).map(|at| Self::of(text, at..at + quoted.len())))
    }

    /// The line with a mark below, in the form of rustc and cargo.
    pub fn excerpt(&self, origin: &str) -> Vec<String> {
        let margin = " ".repeat(self.line.to_string().len());
        // The marks must stay below the error, so that a tab is one character.
        let line: Vec<char> = self.source.chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
        let from = if line.len() > MAX_SHOWN { (self.column - 1).saturating_sub(BEFORE) } else { 0 };
        let shown: String = line.iter().skip(from).take(MAX_SHOWN).collect();
        let marks = "^".repeat(self.width.min(MAX_SHOWN - BEFORE));
        vec![
            format!("{margin}--> {origin}:{}:{}", self.line, self.column),
            format!("{margin} |"),
            format!("{} | {shown}", self.line),
            format!("{margin} | {}{marks}", " ".repeat(self.column - 1 - from)),
        ]
    }
}

/// The key and the value at a path.
fn find<'t>(table: &'t dyn TableLike, path: &str) -> Option<(&'t Key, &'t Item)> {
    if let Some(found) = table.get_key_value(path) {
        return Some(found);
    }
    // A key in quotes may contain a dot.
    path.match_indices('.').find_map(|(at, _)| find(table.get(&path[..at])?.as_table_like()?, &path[at + 1..]))
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(place: &Place) -> (usize, usize, String) {
        (place.line, place.column, place.source.chars().skip(place.column - 1).take(place.width).collect())
    }

    #[test]
    fn finds_values_and_keys() {
        let text = "base = 1\n[axes]\n\"ü\" = { set = [\"ä\"] }\n\"a.b\" = 3\n[build]\nstore = \"x\"\n";
        let at = |key: &str, is_itself: bool| Place::of_key(text, key, is_itself).map(|place| marked(&place));
        assert_eq!(at("base", false), Some((1, 8, "1".to_owned())));
        assert_eq!(at("base", true), Some((1, 1, "base".to_owned())));
        assert_eq!(at("axes.ü.set", false), Some((3, 15, "[\"ä\"]".to_owned())));
        assert_eq!(at("axes.a.b", false), Some((4, 9, "3".to_owned())));
        assert_eq!(at("store", false), Some((6, 9, "\"x\"".to_owned())));
        assert_eq!(at("nothing", false), None);
        assert_eq!(Place::of_text(text, "ä").map(|place| marked(&place)), Some((3, 16, "\"ä\"".to_owned())));
    }

    #[test]
    fn marks_the_error_below_its_line() {
        let place = Place::of("a = 1\n\tb = = 2\r\n", 11..12);
        assert_eq!(place.excerpt("f.toml"), [" --> f.toml:2:6", "  |", "2 |  b = = 2", "  |      ^"]);
        let long = format!("x = \"{}\" y\n", "é".repeat(500));
        let excerpt = Place::of(&long, long.len() - 2..long.len()).excerpt("f.toml");
        assert!(excerpt[2].chars().count() < 110 && excerpt[3].chars().count() < 110, "{excerpt:?}");
        assert_eq!(excerpt[3].find('^'), Some(4 + BEFORE), "{excerpt:?}");
        assert_eq!(marked(&Place::of("", 0..0)).0, 1, "the end of an empty file");
    }
}
