//! What a terminal may be sent.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::link;
use super::screen::Tone;
use crate::text;

/// The colour codes that [`paint`](super::paint) writes.
static OWN_CODES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let codes = Tone::STYLED.map(|tone| [tone.style().render().to_string(), tone.style().render_reset().to_string()]);
    codes.into_iter().flatten().collect()
});

/// Replaces characters that a terminal interprets, except line breaks and, with `color`, our own colour codes, and our own links. All
/// output on a terminal passes through here.
pub(super) fn sanitized(text: &str, color: bool) -> Cow<'_, str> {
    let is_unsafe = |c: char| c != '\n' && text::is_terminal_unsafe(c);
    if !text.contains(is_unsafe) {
        return text.into();
    }
    let (mut shown, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(is_unsafe) {
        let (before, from) = rest.split_at(at);
        let own = OWN_CODES.iter().filter(|_| color).find(|code| from.starts_with(code.as_str())).map(String::len);
        let own = own.or_else(|| link::own_sequence(from));
        let length = own.unwrap_or_else(|| from.chars().next().map_or(0, char::len_utf8));
        shown.push_str(before);
        shown.push_str(own.map_or("\u{fffd}", |length| &from[..length]));
        rest = &from[length..];
    }
    shown.push_str(rest);
    shown.into()
}
