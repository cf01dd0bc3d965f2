//! The JSON form of a line. Only this file knows it.

use serde::{Deserialize, Serialize};

use super::flaw::Flaw;
use super::{Draft, NoteId, Text};
use crate::git::{Oid, parse_oid};
use crate::lattice::Spelled;
use crate::lattice::point::is_point;
use crate::record::is_time;
use crate::text::terminal_safe;

/// The maximum length of a line in bytes.
const MAX_LINE: usize = 64 << 10;
/// The maximum length of an author's name or address in characters.
const MAX_NAME: usize = 200;
/// The most lines that one line can replace.
const MAX_REPLACED: usize = 256;

#[derive(Serialize, Deserialize)]
struct Line {
    point: Spelled,
    commit: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    author: String,
    email: String,
    written: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replaces: Vec<String>,
}

/// Parses a line. Texts are made safe for a terminal.
pub(super) fn read(line: &[u8]) -> Result<Draft, Flaw> {
    if line.len() > MAX_LINE {
        return Err(Flaw::HugeLine);
    }
    let line: Line = serde_json::from_slice(line).map_err(|_| Flaw::NoNote)?;
    if !is_point(&line.point) {
        return Err(Flaw::Point);
    }
    if !is_time(&line.written) {
        return Err(Flaw::Time);
    }
    let text = line.text.map(|text| Text::read(&text).ok_or(Flaw::Text)).transpose()?;
    if (text.is_none() && line.replaces.is_empty()) || line.replaces.len() > MAX_REPLACED {
        return Err(Flaw::Text);
    }
    Ok(Draft {
        point: line.point,
        commit: id(&line.commit)?,
        key: line.key.as_deref().map(id).transpose()?,
        author: name(&line.author),
        email: name(&line.email),
        written: line.written,
        text,
        replaces: line.replaces.iter().map(|text| id(text).map(NoteId)).collect::<Result<_, _>>()?,
    })
}

fn id(text: &str) -> Result<Oid, Flaw> {
    parse_oid(text).map_err(|_| Flaw::Id)
}

fn name(text: &str) -> String {
    terminal_safe(&text.chars().take(MAX_NAME).collect::<String>())
}

/// Formats a line with its newline.
pub(super) fn of(draft: &Draft) -> Vec<u8> {
    let line = Line {
        point: draft.point.clone(),
        commit: draft.commit.to_string(),
        key: draft.key.map(|key| key.to_string()),
        author: name(&draft.author),
        email: name(&draft.email),
        written: draft.written.clone(),
        text: draft.text.as_ref().map(ToString::to_string),
        replaces: draft.replaces.iter().map(ToString::to_string).collect(),
    };
    let mut line = serde_json::to_vec(&line).unwrap_or_default();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const COMMIT: &str = "0123456789012345678901234567890123456789";

    fn note() -> Value {
        json!({ "point": "a/b", "commit": COMMIT, "author": "Ada", "email": "ada@x", "written": "2026-11-22T18:00:00Z",
            "text": "waits for upstream" })
    }

    fn flaw(field: &str, value: Value) -> Option<Flaw> {
        let mut note = note();
        note[field] = value;
        read(note.to_string().as_bytes()).err()
    }

    #[test]
    fn each_flaw_has_its_name() {
        assert_eq!(flaw("later", json!({ "deep": [1] })), None, "later versions may add fields");
        assert_eq!(flaw("key", json!(COMMIT)), None);
        assert_eq!(flaw("point", json!("a/b/")), Some(Flaw::Point));
        assert_eq!(flaw("commit", json!("c")), Some(Flaw::Id));
        assert_eq!(flaw("replaces", json!(["c"])), Some(Flaw::Id));
        assert_eq!(flaw("replaces", json!(vec![COMMIT; MAX_REPLACED + 1])), Some(Flaw::Text));
        assert_eq!(flaw("written", json!("yesterday")), Some(Flaw::Time));
        assert_eq!(flaw("text", json!(" \n")), Some(Flaw::Text));
        assert_eq!(flaw("text", Value::Null), Some(Flaw::Text), "a line that removes nothing");
        assert_eq!(flaw("text", json!("x".repeat(MAX_LINE))), Some(Flaw::HugeLine));
        for (field, value) in [("text", json!(1)), ("author", Value::Null), ("replaces", json!("x"))] {
            assert_eq!(flaw(field, value), Some(Flaw::NoNote), "{field}");
        }
    }

    #[test]
    fn longest_note_fits_into_a_line() {
        let mut draft = read(note().to_string().as_bytes()).unwrap();
        draft.text = Some(Text::parse(&"\\\"\n\"".repeat(4 << 10)).unwrap());
        draft.author = "\u{1f600}".repeat(1000);
        let line = of(&draft);
        assert!(line.len() < MAX_LINE, "{}", line.len());
        assert_eq!(read(&line).unwrap().text, draft.text);
    }

    proptest! {
        #[test]
        fn written_lines_are_read_back(text in "[^\\p{C}]{1,40}(\n[^\\p{C}]{0,40}){0,3}", author in ".{0,20}") {
            prop_assume!(Text::parse(&text).is_ok());
            let mut draft = read(note().to_string().as_bytes()).unwrap();
            draft.text = Some(Text::parse(&text).unwrap());
            draft.author = author.clone();
            let read = read(&of(&draft)).unwrap();
            prop_assert_eq!(read.text, draft.text);
            prop_assert_eq!(read.author, name(&author));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            read(&bytes).ok();
        }

        #[test]
        fn accepted_lines_are_safe(text in ".{0,40}", author in ".{0,40}") {
            let mut note = note();
            (note["text"], note["author"]) = (text.into(), author.into());
            if let Ok(draft) = read(note.to_string().as_bytes()) {
                let text = draft.text.map(|text| text.to_string()).unwrap_or_default().replace('\n', "");
                prop_assert_eq!(terminal_safe(&text), text);
                prop_assert_eq!(terminal_safe(&draft.author), draft.author);
            }
        }
    }
}
