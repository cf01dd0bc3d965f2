//! The JSON form of a record, one line in a note. Only this file knows it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::borrowed::Text;
use super::flaw::Flaw;
use super::verdicts::Claim;
use super::{Inputs, Output, Record, RecordedInput, Sealed, Verdict};
use crate::git::{Oid, parse_oid};
use crate::lattice::point::is_point;
use crate::nix::StorePath;
use crate::system::System;
use crate::text;

/// Maximum length of a line in bytes.
pub(super) const MAX_LINE: usize = 64 << 10;
/// Maximum length of a build in seconds: ten years.
const MAX_SECONDS: f64 = 10.0 * 365.0 * 24.0 * 60.0 * 60.0;
/// Maximum length of a record's error text in characters.
const MAX_ERROR: usize = 4000;

/// A line whose values are valid.
#[derive(Serialize, Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    point: Text<'a>,
    #[serde(borrow)]
    key: Text<'a>,
    #[serde(borrow)]
    commit: Text<'a>,
    #[serde(borrow)]
    system: Text<'a>,
    verdict: Verdict,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    drv: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "BTreeMap::is_empty")]
    outputs: BTreeMap<Text<'a>, LineOutput<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    error: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    nix: Option<Text<'a>>,
    #[serde(borrow)]
    started: Text<'a>,
    seconds: f64,
    #[serde(borrow)]
    host: Text<'a>,
    #[serde(borrow)]
    user: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    store: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    machine: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inputs: Option<Vec<RecordedInput>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    inputs_left_out: usize,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    impure: Option<Vec<Text<'a>>>,
}

#[derive(Serialize, Deserialize)]
struct LineOutput<'a> {
    #[serde(borrow)]
    path: Text<'a>,
    #[serde(borrow, rename = "narHash", default, skip_serializing_if = "Option::is_none")]
    nar_hash: Option<Text<'a>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Parses a line of the note on `key`.
pub(super) fn read(key: Oid, line: &[u8]) -> Result<Record, Flaw> {
    Line::read(key, line)?.record()
}

/// Parses a line that this clone kept.
pub(super) fn read_kept(line: &str) -> Option<Record> {
    let line = Line::parse(line.as_bytes()).ok()?;
    line.check(None, false).ok()?;
    line.record().ok()
}

/// Formats a record so that every reader accepts it: texts from Nix or the system become one plain line of limited length.
pub(super) fn of(record: &Record) -> Vec<u8> {
    let line = Line::from(record);
    let line = Line {
        error: line.error.map(|text| plain(&text)),
        nix: line.nix.map(|text| plain(&text)),
        host: plain(&line.host),
        user: plain(&line.user),
        inputs: line.inputs.map(|inputs| inputs.iter().map(plain_input).collect()),
        impure: line.impure.map(|paths| paths.iter().map(|path| plain(path)).collect()),
        ..line
    };
    let mut line = serde_json::to_vec(&line).unwrap_or_default();
    line.push(b'\n');
    line
}

fn plain<T: From<String>>(text: &str) -> T {
    let plain = |c: char| if text::is_terminal_unsafe(c) { ' ' } else { c };
    text.chars().map(plain).take(MAX_ERROR).collect::<String>().into()
}

fn plain_input(input: &RecordedInput) -> RecordedInput {
    RecordedInput { kind: input.kind, name: plain(&input.name), hash: plain(&input.hash), size: input.size }
}

impl<'a> Line<'a> {
    /// Parses and checks a line of the note on `key`.
    pub(super) fn read(key: Oid, line: &'a [u8]) -> Result<Self, Flaw> {
        if line.len() > MAX_LINE {
            return Err(Flaw::HugeLine);
        }
        let is_plain = text::is_plain(line);
        let line = Self::parse(line)?;
        line.check(Some(key), is_plain)?;
        if !is_time(&line.started) {
            return Err(Flaw::Time);
        }
        if !is_point(&line.point) {
            return Err(Flaw::Point);
        }
        if !(0.0..=MAX_SECONDS).contains(&line.seconds) {
            return Err(Flaw::Seconds);
        }
        Ok(line)
    }

    fn parse(line: &'a [u8]) -> Result<Self, Flaw> {
        let text = std::str::from_utf8(line).map_err(|_| Flaw::NoRecord)?;
        serde_json::from_str(text).map_err(|_| Flaw::NoRecord)
    }

    /// Checks the values that every record has; with `key`, that the record is one of that key. `is_plain` says that its texts are safe.
    fn check(&self, key: Option<Oid>, is_plain: bool) -> Result<(), Flaw> {
        let own = parse_oid(&self.key).map_err(|_| Flaw::OtherKey)?;
        // Reject upper-case digits: comparing lines as text would not find the record.
        if self.key.bytes().any(|byte| byte.is_ascii_uppercase()) || key.is_some_and(|key| key != own) {
            return Err(Flaw::OtherKey);
        }
        if !System::is_valid(&self.system) {
            return Err(Flaw::System);
        }
        if !is_plain && !self.texts().all(text::is_terminal_safe) {
            return Err(Flaw::Controls);
        }
        parse_oid(&self.commit).map_err(|_| Flaw::Commit)?;
        let paths = self.outputs.values().map(|output| &output.path).chain(&self.drv);
        if paths.into_iter().all(|path| StorePath::is_valid(path)) { Ok(()) } else { Err(Flaw::StorePath) }
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let always = [&self.point, &self.commit, &self.host, &self.user];
        let maybe = [&self.drv, &self.error, &self.nix, &self.store, &self.machine];
        let outputs = self.outputs.iter().flat_map(|(name, output)| {
            [Some(name), Some(&output.path), output.nar_hash.as_ref()].into_iter().flatten()
        });
        let inputs = self.inputs.iter().flatten().flat_map(|input| [input.name.as_str(), &input.hash]);
        let more = outputs.chain(self.impure.iter().flatten());
        always.into_iter().chain(maybe.into_iter().flatten()).chain(more).map(Text::as_str).chain(inputs)
    }

    /// Returns the point that the record names.
    pub(super) fn point(&self) -> &str {
        &self.point
    }

    /// Returns when the build started.
    pub(super) fn started(&self) -> &str {
        &self.started
    }

    /// Returns what verdicts depend on.
    pub(super) fn claim(&self) -> Claim<'_> {
        Claim {
            system: &self.system,
            verdict: self.verdict,
            started: &self.started,
            drv: self.drv.as_deref(),
            is_impure: self.impure.as_ref().map(|paths| !paths.is_empty()),
        }
    }

    /// Returns the NAR hashes of outputs by name.
    pub(super) fn hashes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.outputs.iter().filter_map(|(name, output)| Some((name.as_str(), output.nar_hash.as_deref()?)))
    }

    /// Converts the line to a record.
    pub(super) fn record(self) -> Result<Record, Flaw> {
        let path = |text: &str| StorePath::parse(text).map_err(|_| Flaw::StorePath);
        let output = |(name, LineOutput { path: text, nar_hash }): (Text<'_>, LineOutput<'_>)| {
            Ok((name.into_owned(), Output { path: path(&text)?, nar_hash: nar_hash.map(Text::into_owned) }))
        };
        let owned = |text: Option<Text<'_>>| text.map(Text::into_owned);
        Ok(Record {
            point: self.point.into_owned().into(),
            key: parse_oid(&self.key).map_err(|_| Flaw::OtherKey)?,
            commit: parse_oid(&self.commit).map_err(|_| Flaw::Commit)?,
            system: System::parse(&self.system).map_err(|_| Flaw::System)?,
            verdict: self.verdict,
            drv: self.drv.as_deref().map(path).transpose()?,
            outputs: self.outputs.into_iter().map(output).collect::<Result<_, _>>()?,
            error: owned(self.error),
            nix: owned(self.nix),
            started: self.started.into_owned(),
            seconds: self.seconds,
            host: self.host.into_owned(),
            user: self.user.into_owned(),
            store: owned(self.store),
            machine: owned(self.machine),
            inputs: self.inputs.map(|listed| Inputs { listed, left_out: self.inputs_left_out }),
            impure: self.impure.map(|paths| paths.into_iter().map(Text::into_owned).collect()),
            made: Sealed(()),
        })
    }
}

impl<'a> From<&'a Record> for Line<'a> {
    fn from(record: &'a Record) -> Self {
        let output = |(name, output): (&'a String, &'a Output)| {
            let nar_hash = output.nar_hash.as_deref().map(Text::from);
            (name.as_str().into(), LineOutput { path: output.path.as_str().into(), nar_hash })
        };
        let text = |text: &'a Option<String>| text.as_deref().map(Text::from);
        let paths = |paths: &'a Vec<String>| paths.iter().map(|path| path.as_str().into()).collect();
        Self {
            point: record.point.as_str().into(),
            key: record.key.to_string().into(),
            commit: record.commit.to_string().into(),
            system: record.system.as_str().into(),
            verdict: record.verdict,
            drv: record.drv.as_ref().map(|drv| drv.as_str().into()),
            outputs: record.outputs.iter().map(output).collect(),
            error: text(&record.error),
            nix: text(&record.nix),
            started: record.started.as_str().into(),
            seconds: record.seconds,
            host: record.host.as_str().into(),
            user: record.user.as_str().into(),
            store: text(&record.store),
            machine: text(&record.machine),
            inputs_left_out: record.inputs.as_ref().map_or(0, |inputs| inputs.left_out),
            inputs: record.inputs.as_ref().map(|inputs| inputs.listed.clone()),
            impure: record.impure.as_ref().map(paths),
        }
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Line::from(self).serialize(to)
    }
}

/// Returns whether `text` is a time like `2026-11-22T18:00:00Z`, the only format in records; it sorts as text.
pub(crate) fn is_time(text: &str) -> bool {
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|digits| digits.parse::<u32>().ok())
    };
    let within =
        |from: usize, least: u32, most: u32| number(from, from + 2).is_some_and(|n| (least..=most).contains(&n));
    let signs = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')];
    text.len() == 20
        && signs.iter().all(|(at, sign)| text.as_bytes()[*at] == *sign)
        && number(0, 4).is_some()
        && within(5, 1, 12)
        && within(8, 1, 31)
        && within(11, 0, 23)
        && within(14, 0, 59)
        && within(17, 0, 60)
}
