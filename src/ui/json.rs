//! Streaming JSON output: a large document is never held in memory.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

/// A document with `version` as the first field.
#[derive(Serialize)]
struct Document<T> {
    version: u8,
    #[serde(flatten)]
    fields: T,
}

/// Writes `fields`, a struct or an object, as a pretty-printed document.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(to: impl Write, fields: impl Serialize) -> io::Result<()> {
    let mut to = io::BufWriter::new(to);
    let mut serializer = serde_json::Serializer::with_formatter(&mut to, Escaping(PrettyFormatter::new()));
    Document { version: 1, fields }.serialize(&mut serializer)?;
    to.write_all(b"\n")?;
    to.flush()
}

/// Writes `fields` as one line, all at once.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write_line(mut to: impl Write, fields: impl Serialize) -> io::Result<()> {
    let mut line = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut line, Escaping(CompactFormatter));
    Document { version: 1, fields }.serialize(&mut serializer)?;
    line.push(b'\n');
    to.write_all(&line)?;
    to.flush()
}

/// A formatter that also escapes characters that a terminal interprets.
struct Escaping<F>(F);

impl<F: Formatter> Formatter for Escaping<F> {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, to: &mut W, fragment: &str) -> io::Result<()> {
        // Only DEL and what is not ASCII: serde has escaped the other controls. Without a branch for each byte.
        if fragment.bytes().fold(0, |all, byte| all | byte.saturating_add(1)) < 0x80 {
            return to.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            if crate::text::is_terminal_unsafe(c) {
                write!(to, "\\u{:04x}", u32::from(c))?;
            } else {
                to.write_all(c.encode_utf8(&mut [0; 4]).as_bytes())?;
            }
        }
        Ok(())
    }

    fn begin_array<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_array(to)
    }

    fn end_array<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_array(to)
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(to, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_array_value(to)
    }

    fn begin_object<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_object(to)
    }

    fn end_object<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_object(to)
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(to, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_object_value(to)
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_object_value(to)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn written(fields: &Value) -> String {
        let mut text = Vec::new();
        write(&mut text, fields).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn escapes_terminal_controls() {
        let fields = json!({ "a": "\u{1b}[31m\u{202e}\u{9b}\u{7f}é\n", "\u{200f}": [] });
        let text = written(&fields);
        assert!(text.chars().all(|c| c == '\n' || !crate::text::is_terminal_unsafe(c)), "{text:?}");
        let mut read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read.as_object_mut().unwrap().remove("version"), Some(json!(1)));
        assert_eq!(read, fields);
    }

    #[test]
    fn a_line_has_no_line_break() {
        let mut line = Vec::new();
        write_line(&mut line, json!({ "text": "a\n\u{9b}b", "list": [1, {}] })).unwrap();
        assert_eq!(String::from_utf8(line).unwrap(), "{\"version\":1,\"text\":\"a\\n\\u009bb\",\"list\":[1,{}]}\n");
    }

    #[test]
    fn version_is_the_first_field() {
        assert_eq!(
            written(&json!({ "a": [1], "b": {} })),
            "{\n  \"version\": 1,\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}\n"
        );
    }
}
