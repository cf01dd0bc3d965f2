//! Notes on points: what people say about a point, as JSON lines in git notes under the name of the point.
//!
//! Each writer has its own ref, as for build records. Lines are only appended: one that changes or removes another names it in
//! `replaces`. So two clones that write at the same time both keep what they wrote, and nothing is ever merged.

mod flaw;
mod line;
mod store;
mod text;

use serde::Serialize;

use crate::git::Oid;
use crate::lattice::Spelled;

pub use store::{All, PointNotes, append};
pub use text::{BadText, MAX_READ, Text};

/// The id of a line: that of a git blob with the line, so no other line can have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoteId(Oid);

impl NoteId {
    /// Whether its text begins with `prefix`.
    pub fn begins_with(self, prefix: &str) -> bool {
        self.0.to_string().starts_with(prefix)
    }

    /// Its first digits, which people type.
    pub fn short(self) -> String {
        self.0.to_hex_with_len(8).to_string()
    }
}

impl std::fmt::Display for NoteId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for NoteId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// What a line says, without its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The point, by the name that it had.
    pub point: Spelled,
    /// The point's commit at that time.
    pub commit: Oid,
    /// Its build key, if its branch held its directory.
    pub key: Option<Oid>,
    /// The author's name.
    pub author: String,
    /// The author's address.
    pub email: String,
    /// When, RFC 3339 in UTC.
    pub written: String,
    /// The text; `None` removes the notes that it replaces.
    pub text: Option<Text>,
    /// The lines that it replaces.
    pub replaces: Vec<NoteId>,
}

/// A line in the notes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its id.
    pub id: NoteId,
    /// The writer's name, the last part of its ref.
    pub writer: String,
    /// What it says.
    pub draft: Draft,
}

/// A note that is neither replaced nor removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Its id.
    pub id: NoteId,
    /// The point, by the name that it had.
    pub point: Spelled,
    /// The point's commit at that time.
    #[serde(serialize_with = "crate::note::as_text")]
    pub commit: Oid,
    /// Its build key.
    #[serde(serialize_with = "crate::note::as_optional_text")]
    pub key: Option<Oid>,
    /// The author's name.
    pub author: String,
    /// The author's address.
    pub email: String,
    /// When, RFC 3339 in UTC.
    pub written: String,
    /// The text: lines without characters that are unsafe on a terminal.
    pub text: Text,
    /// Whether it replaces another one.
    pub edited: bool,
    /// The writer's name.
    pub writer: String,
}

/// A note that a line of another writer has replaced or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hidden {
    /// Its id.
    pub id: NoteId,
    /// Its author's name.
    pub author: String,
    /// The name of the author of the other line.
    pub by: String,
    /// The writer of the other line.
    pub writer: String,
    /// When that was written.
    pub written: String,
    /// Whether it was removed, and has no new text.
    pub removed: bool,
}

fn as_text<S: serde::Serializer>(id: &Oid, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(id)
}

#[expect(clippy::ref_option, reason = "serde passes a reference")]
fn as_optional_text<S: serde::Serializer>(id: &Option<Oid>, to: S) -> Result<S::Ok, S::Error> {
    id.map(|id| id.to_string()).serialize(to)
}

/// The notes that count among the lines of one point, the oldest first: those that no other line replaces.
pub fn current(lines: Vec<Written>) -> Vec<Note> {
    let replaced: std::collections::HashSet<NoteId> =
        lines.iter().flat_map(|line| line.draft.replaces.iter().copied()).collect();
    let mut seen = std::collections::HashSet::new();
    let kept = lines.into_iter().filter(|line| !replaced.contains(&line.id) && seen.insert(line.id));
    let mut notes: Vec<Note> = kept.filter_map(Note::of).collect();
    // Stable: within a second, the order of the lines counts.
    notes.sort_by(|a, b| a.written.cmp(&b.written));
    notes
}

/// The notes among the lines of one point that lines of other writers hide, in the order in which they were hidden.
pub fn hidden(lines: &[Written]) -> Vec<Hidden> {
    let mut by: std::collections::HashMap<NoteId, Vec<&Written>> = std::collections::HashMap::new();
    for line in lines {
        line.draft.replaces.iter().for_each(|old| by.entry(*old).or_default().push(line));
    }
    let mut hidden = Vec::new();
    for line in lines.iter().filter(|line| line.draft.text.is_some()) {
        let others = by.get(&line.id).into_iter().flatten().filter(|other| other.writer != line.writer);
        hidden.extend(others.map(|other| Hidden {
            id: line.id,
            author: line.draft.author.clone(),
            by: other.draft.author.clone(),
            writer: other.writer.clone(),
            written: other.draft.written.clone(),
            removed: other.draft.text.is_none(),
        }));
    }
    hidden.sort_by(|a, b| a.written.cmp(&b.written));
    hidden
}

impl Note {
    fn of(Written { id, writer, draft }: Written) -> Option<Self> {
        let Draft { point, commit, key, author, email, written, text, replaces } = draft;
        let edited = !replaces.is_empty();
        Some(Self { id, point, commit, key, author, email, written, text: text?, edited, writer })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::git::parse_oid;

    fn id(n: u8) -> NoteId {
        NoteId(parse_oid(&format!("{n:040x}")).unwrap())
    }

    fn line(n: u8, text: Option<&str>, replaces: &[u8]) -> Written {
        let draft = Draft {
            point: "a/b".into(),
            commit: parse_oid(&"0".repeat(40)).unwrap(),
            key: None,
            author: "Ada".into(),
            email: "ada@x".into(),
            written: format!("2026-11-{n:02}T00:00:00Z"),
            text: text.map(|text| Text::parse(text).unwrap()),
            replaces: replaces.iter().map(|n| id(*n)).collect(),
        };
        Written { id: id(n), writer: "w".into(), draft }
    }

    fn texts(lines: &[Written]) -> Vec<String> {
        current(lines.to_vec()).iter().map(|note| note.text.to_string()).collect()
    }

    #[test]
    fn replaced_and_removed_notes_do_not_count() {
        let (one, two) = (line(1, Some("one"), &[]), line(2, Some("two"), &[]));
        assert_eq!(texts(&[two.clone(), one.clone()]), ["one", "two"]);
        assert_eq!(texts(&[one.clone(), line(3, Some("new"), &[1]), two.clone()]), ["two", "new"]);
        assert_eq!(texts(&[one.clone(), two.clone(), line(3, None, &[2])]), ["one"]);
        assert_eq!(texts(&[line(3, Some("a"), &[1]), line(4, Some("b"), &[1]), one.clone()]), ["a", "b"]);
        assert_eq!(texts(&[one.clone(), one]), ["one"], "another ref may have the same line");
    }

    proptest! {
        #[test]
        fn order_of_lines_does_not_matter(
            replaces in prop::collection::vec(prop::option::of(0..8_u8), 1..8),
            swaps in prop::collection::vec((0..8_usize, 0..8_usize), 0..8),
        ) {
            let lines: Vec<_> = replaces.iter().enumerate().map(|(n, old)| {
                let n = u8::try_from(n).unwrap();
                // A line can only name an older one: its id is a hash of it.
                let old: Vec<u8> = old.filter(|old| *old < n).into_iter().collect();
                line(n + 1, (n % 3 != 2).then_some("x"), &old)
            }).collect();
            let mut other = lines.clone();
            for (a, b) in swaps.into_iter().filter(|(a, b)| *a < lines.len() && *b < lines.len()) {
                other.swap(a, b);
            }
            prop_assert_eq!(current(lines), current(other));
        }
    }
}
