//! Text from outside: records, logs, branch names.

/// Returns whether a terminal would act on `c` instead of showing it: control characters except tab, and characters that change the
/// writing direction, which can make a text look like another.
pub fn is_terminal_unsafe(c: char) -> bool {
    c.is_control() && c != '\t'
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// Replaces characters that are [unsafe on a terminal](is_terminal_unsafe), so that text cannot move the cursor or change colours.
pub fn terminal_safe(text: &str) -> String {
    text.chars().map(|c| if is_terminal_unsafe(c) { '\u{fffd}' } else { c }).collect()
}

/// Formats a number with its noun.
pub fn tally(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
