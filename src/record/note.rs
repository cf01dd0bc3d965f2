//! Parses notes. Notes come from anyone with push access, so every line is validated.
//!
//! A line counts if it is a complete record with valid values for the key of the note. Everything else is a `Flaw`: counted and
//! otherwise ignored.

use std::collections::BTreeMap;

use super::flaw::Flaw;
use super::line::Line;
use super::{Record, Span};
use crate::git::Oid;
use crate::git::bulk::Unread;

/// Maximum size of a note: thousands of builds of one key.
pub const MAX_NOTE: u64 = 4 << 20;

/// A parsed note.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Note {
    /// The records, in the order of their lines.
    pub records: Vec<Record>,
    /// The number of rejected lines by kind.
    pub flaws: BTreeMap<Flaw, usize>,
    /// The clock times for which the same lines count.
    pub span: Span,
}

impl Note {
    /// A note that was not read.
    pub(super) fn unread(why: Unread) -> Self {
        let flaw = match why {
            Unread::TooLarge => Flaw::HugeNote,
            Unread::Unreadable => Flaw::NoText,
        };
        Self { flaws: [(flaw, 1)].into(), ..Self::default() }
    }
}

/// Parses the note on `key`. Records that began after `latest` are rejected: such a record would stay the newest for ever.
pub fn parse_note(key: Oid, bytes: &[u8], latest: &str) -> Note {
    let mut note = Note::default();
    if bytes.len() as u64 > MAX_NOTE {
        note.flaws.insert(Flaw::HugeNote, 1);
        return note;
    }
    read_lines(key, bytes, latest)
}

/// Parses the lines of a note of any size.
pub(super) fn read_lines(key: Oid, bytes: &[u8], latest: &str) -> Note {
    let mut records = Vec::new();
    let note = each_line(key, bytes, latest, &mut |line| line.record().map(|record| records.push(record)));
    Note { records, ..note }
}

/// Passes the lines of a note of any size that count to `accept`, and returns the rest of the note.
pub(super) fn each_line<'n>(
    key: Oid,
    bytes: &'n [u8],
    latest: &str,
    accept: &mut dyn FnMut(Line<'n>) -> Result<(), Flaw>,
) -> Note {
    let mut note = Note::default();
    let (mut newest, mut first_future) = (String::new(), None);
    for line in lines(bytes).filter(|line| !line.trim_ascii().is_empty()) {
        let accepted = Line::read(key, line).and_then(|line| {
            let started = line.started();
            if started > latest {
                let first = first_future.get_or_insert_with(|| started.to_owned());
                if started < first.as_str() {
                    started.clone_into(first);
                }
                return Err(Flaw::Time);
            }
            if started > newest.as_str() {
                started.clone_into(&mut newest);
            }
            accept(line)
        });
        accepted.unwrap_or_else(|flaw| *note.flaws.entry(flaw).or_default() += 1);
    }
    note.span.note(&newest, first_future);
    note
}

/// Splits text that may be no UTF-8 into lines.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut from = 0;
    memchr::memchr_iter(b'\n', bytes)
        .chain([bytes.len()])
        .map(move |to| &bytes[std::mem::replace(&mut from, to + 1)..to])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::config::InputKind;
    use crate::git::parse_oid;
    use crate::record::line::MAX_LINE;
    use crate::record::{Inputs, RecordedInput, host_paths, line};
    use crate::text;

    const KEY: &str = "94765c9200473be430a13cc67f5ceb47b3f66427";
    const LATEST: &str = "2026-12-01T00:00:00Z";
    const COMMIT: &str = "0123456789012345678901234567890123456789";
    const PATH: &str = "/nix/store/00000000000000000000000000000000-x";

    fn key() -> Oid {
        parse_oid(KEY).unwrap()
    }

    fn record() -> Value {
        json!({ "point": "p", "key": KEY, "commit": COMMIT, "system": "x86_64-linux", "verdict": "built",
            "outputs": { "out": { "path": PATH, "narHash": "sha256-x" } },
            "started": "2026-11-22T18:00:00Z", "seconds": 1.0, "host": "h", "user": "u" })
    }

    fn flaw(field: &str, value: Value) -> Option<Flaw> {
        let mut record = record();
        record[field] = value;
        parse_note(key(), record.to_string().as_bytes(), LATEST).flaws.into_keys().next()
    }

    #[test]
    fn each_flaw_has_its_name() {
        assert_eq!(flaw("host", json!("other")), None);
        assert_eq!(flaw("unknown", json!({ "deep": [1] })), None, "later versions may add fields");
        assert_eq!(flaw("key", json!("0".repeat(40))), Some(Flaw::OtherKey));
        assert_eq!(flaw("point", json!("any/a+b/phase0")), None, "another lattice may have such a point");
        assert_eq!(flaw("point", json!("a/b/")), Some(Flaw::Point));
        assert_eq!(flaw("system", json!("x86_64 linux")), Some(Flaw::System));
        assert_eq!(flaw("commit", json!("c")), Some(Flaw::Commit));
        assert_eq!(flaw("drv", json!("/nix/store/x.drv")), Some(Flaw::StorePath));
        assert_eq!(flaw("outputs", json!({ "out": { "path": "/etc/passwd" } })), Some(Flaw::StorePath));
        assert_eq!(flaw("host", json!("\u{1b}[31m")), Some(Flaw::Controls));
        assert_eq!(flaw("outputs", json!({ "\u{202e}": { "path": "" } })), Some(Flaw::Controls));
        for time in [
            "yesterday",
            "2026-11-22 18:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-22T18:00:00+01:00",
            "é26-11-22T18:00:00Z",
        ] {
            assert_eq!(flaw("started", json!(time)), Some(Flaw::Time), "{time}");
        }
        assert_eq!(flaw("started", json!("2026-12-01T00:00:01Z")), Some(Flaw::Time));
        assert_eq!(flaw("seconds", json!(-0.5)), Some(Flaw::Seconds));
        assert_eq!(flaw("seconds", json!(1e308)), Some(Flaw::Seconds));
        assert_eq!(flaw("store", json!("ssh://\u{9b}x")), Some(Flaw::Controls));
        assert_eq!(flaw("machine", json!("\u{1b}[31m")), Some(Flaw::Controls));
        assert_eq!(flaw("host", json!("caf\u{e9} \"x\" \\")), None, "not plain, and safe");
        assert_eq!(flaw("error", json!("e".repeat(MAX_LINE))), Some(Flaw::HugeLine));
        for (field, value) in
            [("seconds", json!("1")), ("outputs", json!([])), ("verdict", json!("Built")), ("host", json!(null))]
        {
            assert_eq!(flaw(field, value), Some(Flaw::NoRecord), "{field}");
        }
        let huge = vec![b'\n'; usize::try_from(MAX_NOTE).unwrap() + 1];
        assert_eq!(parse_note(key(), &huge, LATEST).flaws, [(Flaw::HugeNote, 1)].into());
    }

    #[test]
    fn inputs_are_checked_and_bounded() {
        let input = json!({ "kind": "seed", "name": "gcc", "hash": "sha256-x" });
        assert_eq!(flaw("inputs", json!([input])), None);
        assert_eq!(flaw("inputs", json!([{ "kind": "seed", "name": "\u{1b}", "hash": "" }])), Some(Flaw::Controls));
        assert_eq!(flaw("impure", json!(["/usr\n"])), Some(Flaw::Controls));
        for (field, value) in [("inputs", json!({})), ("inputs", json!([{ "kind": "tree" }])), ("impure", json!("/"))] {
            assert_eq!(flaw(field, value), Some(Flaw::NoRecord), "{field}");
        }
        let old = line::read(key(), record().to_string().as_bytes()).unwrap();
        assert_eq!((&old.inputs, &old.impure), (&None, &None), "older versions do not say it");
        let name = "n".repeat(1000);
        let many = (0..1000).map(|n| RecordedInput {
            kind: InputKind::Seed,
            name: name.clone(),
            hash: n.to_string(),
            size: Some(u64::MAX),
        });
        let paths = host_paths((0..1000).map(|n| format!("/{n}{name}")));
        let full =
            Record { inputs: Some(Inputs::new(many)), impure: Some(paths), error: Some("ä".repeat(10_000)), ..old };
        let line = line::of(&full);
        assert!(line.len() < MAX_LINE, "{}", line.len());
        let read = line::read(key(), &line).unwrap();
        assert_eq!(
            read.inputs.map(|inputs| (inputs.listed.len(), inputs.left_out, inputs.count())),
            Some((64, 936, 1000))
        );
    }

    #[test]
    fn written_records_are_accepted() {
        let mut written = line::read(key(), record().to_string().as_bytes()).unwrap();
        written.error = Some(format!("\u{1b}[31mred\nlines\u{0}{}", "x".repeat(100_000)));
        written.host = "h\u{7}".into();
        let note = parse_note(key(), &line::of(&written), LATEST);
        assert!(note.flaws.is_empty(), "{:?}", note.flaws);
        assert_eq!(note.records.len(), 1);
    }

    /// A record with some fields replaced by arbitrary values.
    fn odd_record() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(|n| json!(n)),
            any::<i64>().prop_map(Value::from),
            ".{0,30}".prop_map(Value::from),
            Just(json!(KEY)),
            Just(json!("failed")),
        ];
        let value = leaf.prop_recursive(4, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((".{0,8}", inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        });
        let fields = [
            "point", "key", "commit", "system", "verdict", "drv", "outputs", "error", "nix", "started", "seconds",
            "host", "user",
        ];
        prop::collection::vec((prop::sample::select(fields.to_vec()), value), 0..4).prop_map(|changes| {
            let mut record = record();
            changes.into_iter().for_each(|(field, value)| record[field] = value);
            record
        })
    }

    /// Invariants of every accepted record, whatever the input was.
    fn is_sound(record: &Record) -> bool {
        let text = serde_json::to_string(record).unwrap();
        record.key == key()
            && record.seconds >= 0.0
            && record.started.as_str() <= LATEST
            && !record.host.chars().any(text::is_terminal_unsafe)
            && text.len() <= 2 * MAX_LINE
    }

    proptest! {
        #[test]
        fn accepts_arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert!(parse_note(key(), &bytes, LATEST).records.iter().all(is_sound));
        }

        #[test]
        fn every_line_is_a_sound_record_or_a_flaw(lines in prop::collection::vec(odd_record(), 1..5)) {
            let text = lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            let note = parse_note(key(), text.as_bytes(), LATEST);
            prop_assert!(note.records.iter().all(is_sound));
            prop_assert_eq!(note.records.len() + note.flaws.values().sum::<usize>(), lines.len());
        }

        #[test]
        fn modified_record_is_sound_or_rejected(at in 0..300_usize, byte in any::<u8>(), cut in 0..400_usize) {
            let mut bytes = record().to_string().into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(cut.max(1));
            prop_assert!(parse_note(key(), &bytes, LATEST).records.iter().all(is_sound));
        }
    }
}
