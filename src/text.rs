//! Text from outside: records, logs, branch names.

use std::fmt::Write as _;

/// Returns whether a terminal would act on `c` instead of showing it: control characters except tab, and characters that change the
/// writing direction, which can make a text look like another.
pub fn is_terminal_unsafe(c: char) -> bool {
    c.is_control() && c != '\t'
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// Returns whether no character of a text is [unsafe on a terminal](is_terminal_unsafe).
pub fn is_terminal_safe(text: &str) -> bool {
    !text.chars().any(is_terminal_unsafe)
}

/// Returns whether JSON consists of printable ASCII characters without `\`: then all texts in it are safe on a terminal.
pub fn is_plain(json: &[u8]) -> bool {
    // Without an early end the loop compares many bytes at once.
    json.iter().fold(true, |is_plain, byte| is_plain & matches!(byte, b' '..=b'[' | b']'..=b'~'))
}

/// Replaces characters that are [unsafe on a terminal](is_terminal_unsafe), so that text cannot move the cursor or change colours.
pub fn terminal_safe(text: &str) -> String {
    text.chars().map(|c| if is_terminal_unsafe(c) { '\u{fffd}' } else { c }).collect()
}

/// Removes the escape sequences of a terminal (ECMA-48, CSI): colours and cursor movements.
pub fn without_escapes(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    let is_end = |c: char| ('@'..='~').contains(&c);
    let rest = parts.map(|part| part.find(is_end).map_or("", |at| &part[at + 1..]));
    rest.fold(first, |text, part| text + part)
}

/// Percent-encodes all bytes but the unreserved characters of addresses and `/` (RFC 3986).
pub fn percent_encoded(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len()), |mut text, &byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").ok();
        }
        text
    })
}

/// Formats a number with its noun.
pub fn tally(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Formats a number of bytes.
pub fn size(bytes: u64) -> String {
    let tenths = |unit: u64, name: &str| {
        let tenths = bytes / (unit / 1024) * 10 / 1024;
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    };
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..0x10_0000 => format!("{} KiB", bytes >> 10),
        0x10_0000..0x4000_0000 => tenths(1 << 20, "MiB"),
        _ => tenths(1 << 30, "GiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::{size, without_escapes};

    #[test]
    fn removes_escape_sequences() {
        assert_eq!(without_escapes("\u{1b}[31;1merror:\u{1b}[0m x\u{1b}[K"), "error: x");
        assert_eq!(without_escapes("a\u{1b}[3"), "a");
        assert_eq!(without_escapes("plain [x]"), "plain [x]");
    }

    #[test]
    fn formats_sizes() {
        let sizes = [1023, 1024, (1 << 20) - 1, 5 << 20, (19 << 20) / 10, 3 << 30, u64::MAX];
        let texts = ["1023 B", "1 KiB", "1023 KiB", "5.0 MiB", "1.8 MiB", "3.0 GiB", "17179869183.9 GiB"];
        assert_eq!(sizes.map(size), texts);
    }
}
