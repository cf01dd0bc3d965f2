//! The view of notes.

use crate::note::Note;

/// Who wrote a note, when, and at which commit; then its text, indented.
pub(in crate::commands) fn lines(note: &Note) -> Vec<String> {
    let edited = if note.edited { ", edited" } else { "" };
    let commit = note.commit.to_hex_with_len(10);
    let head = format!("{} {} at {commit}, {}{edited}", note.id.short(), note.written, note.author);
    std::iter::once(head)
        .chain(note.text.as_str().lines().map(|line| format!("  {line}").trim_end().to_owned()))
        .collect()
}
