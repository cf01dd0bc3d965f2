//! Escapes text for HTML.

use std::fmt::{self, Write};

use askama::filters::Escaper;

use crate::text::is_terminal_unsafe;

/// The escaper for text between tags and for attribute values in double quotes, registered in `askama.toml`.
///
/// It also replaces control characters, invisible ones and those that change the writing direction: they could hide text or make it look like
/// another, and a page is copied from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Html;

impl Escaper for Html {
    fn write_escaped_str<W: Write>(&self, mut dest: W, string: &str) -> fmt::Result {
        let mut rest = string;
        while let Some((at, c, replacement)) = rest.char_indices().find_map(|(at, c)| Some((at, c, replacement(c)?))) {
            dest.write_str(&rest[..at])?;
            dest.write_str(replacement)?;
            rest = &rest[at + c.len_utf8()..];
        }
        dest.write_str(rest)
    }
}

/// Whether a character takes no room and could hide a text: spaces and joiners of no width, a soft hyphen, and the tags that repeat
/// ASCII. The joiners that emoji and scripts need stay.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// What stands for a character that cannot be written as it is.
fn replacement(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        '\n' => None,
        c if is_terminal_unsafe(c) || is_invisible(c) => Some("\u{fffd}"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(text: &str) -> String {
        let mut to = String::new();
        Html.write_escaped_str(&mut to, text).unwrap();
        to
    }

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escaped("<script>'&\"</style>"), "&lt;script&gt;&#39;&amp;&quot;&lt;/style&gt;");
        assert_eq!(escaped("a\u{200b}b\u{e0041}c\u{200d}"), "a\u{fffd}b\u{fffd}c\u{200d}");
        assert_eq!(escaped("\u{1b}[1m\u{202e}\0\r\n\té"), "\u{fffd}[1m\u{fffd}\u{fffd}\u{fffd}\n\té");
    }

    proptest! {
        #[test]
        fn nothing_but_references_is_left(text in any::<String>()) {
            let written = escaped(&text);
            prop_assert!(!written.contains(['<', '>', '"', '\'']));
            prop_assert!(!written.chars().any(|c| c != '\n' && is_terminal_unsafe(c)));
            let shown: String = text.chars().map(|c| if c != '\n' && (is_terminal_unsafe(c) || is_invisible(c)) { '\u{fffd}' } else { c }).collect();
            let references = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
            prop_assert_eq!(references.iter().fold(written, |text, (from, to)| text.replace(from, to)), shown);
        }
    }
}
