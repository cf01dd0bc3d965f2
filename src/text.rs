//! Text from elsewhere: a record, a log, a branch's name.

/// Whether a character would do something to a terminal instead of being shown: control characters, but for the tab, and what turns
/// the direction of writing, by which a text can be shown as another.
pub fn harms(c: char) -> bool {
    c.is_control() && c != '\t'
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// Text from elsewhere (a record, a log) must not move the cursor or recolour the terminal.
pub fn harmless(text: &str) -> String {
    text.chars().map(|c| if harms(c) { '\u{fffd}' } else { c }).collect()
}

/// A number with its noun.
pub fn tally(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
