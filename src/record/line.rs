//! The JSON form of a record, one line in a note. Only this file knows it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::flaw::Flaw;
use super::{Inputs, Output, Record, RecordedInput, Sealed, Verdict};
use crate::git::{Oid, parse_oid};
use crate::lattice::Spelled;
use crate::nix::StorePath;
use crate::system::System;
use crate::text;

/// Maximum length of a line in bytes.
pub(super) const MAX_LINE: usize = 64 << 10;
/// Maximum length of a record's error text in characters.
const MAX_ERROR: usize = 4000;

#[derive(Serialize, Deserialize)]
struct Line {
    point: Spelled,
    key: String,
    commit: String,
    system: String,
    verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    drv: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    outputs: BTreeMap<String, LineOutput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nix: Option<String>,
    started: String,
    seconds: f64,
    host: String,
    user: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    store: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    machine: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inputs: Option<Vec<RecordedInput>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    inputs_left_out: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    impure: Option<Vec<String>>,
}

#[derive(Serialize, Deserialize)]
struct LineOutput {
    path: String,
    #[serde(rename = "narHash", default, skip_serializing_if = "Option::is_none")]
    nar_hash: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Parses a line of the note on `key`.
pub(super) fn read(key: Oid, line: &[u8]) -> Result<Record, Flaw> {
    if line.len() > MAX_LINE {
        return Err(Flaw::HugeLine);
    }
    let record = parse(line)?.record(Some(key))?;
    if !is_time(&record.started) {
        return Err(Flaw::Time);
    }
    if !record.point.is_point() {
        return Err(Flaw::Point);
    }
    if !(record.seconds.is_finite() && record.seconds >= 0.0) {
        return Err(Flaw::Seconds);
    }
    Ok(record)
}

/// Parses a line that this clone kept.
pub(super) fn read_kept(line: &str) -> Option<Record> {
    parse(line.as_bytes()).ok()?.record(None).ok()
}

fn parse(line: &[u8]) -> Result<Line, Flaw> {
    serde_json::from_slice(line).map_err(|_| Flaw::NoRecord)
}

/// Formats a record so that every reader accepts it: texts from Nix or the system become one plain line of limited length.
pub(super) fn of(record: &Record) -> Vec<u8> {
    let plain = |text: String| {
        text.chars().map(|c| if text::is_terminal_unsafe(c) { ' ' } else { c }).take(MAX_ERROR).collect()
    };
    let line = Line::from(record);
    let line = Line {
        error: line.error.map(plain),
        nix: line.nix.map(plain),
        host: plain(line.host),
        user: plain(line.user),
        inputs: line.inputs.map(|inputs| inputs.into_iter().map(|it| plain_input(it, plain)).collect()),
        impure: line.impure.map(|paths| paths.into_iter().map(plain).collect()),
        ..line
    };
    let mut line = serde_json::to_vec(&line).unwrap_or_default();
    line.push(b'\n');
    line
}

fn plain_input(input: RecordedInput, plain: impl Fn(String) -> String) -> RecordedInput {
    RecordedInput { name: plain(input.name), hash: plain(input.hash), ..input }
}

impl Line {
    /// Converts the line to a record; with `key`, only if it is a record of that key.
    fn record(self, key: Option<Oid>) -> Result<Record, Flaw> {
        let own = parse_oid(&self.key).map_err(|_| Flaw::OtherKey)?;
        // Reject upper-case digits: comparing lines as text would not find the record.
        if self.key.bytes().any(|byte| byte.is_ascii_uppercase()) || key.is_some_and(|key| key != own) {
            return Err(Flaw::OtherKey);
        }
        let system = System::parse(&self.system).map_err(|_| Flaw::System)?;
        if self.texts().any(|text| text.chars().any(text::is_terminal_unsafe)) {
            return Err(Flaw::Controls);
        }
        let path = |text: &str| StorePath::parse(text).map_err(|_| Flaw::StorePath);
        let output = |(name, LineOutput { path: text, nar_hash }): (String, LineOutput)| {
            Ok((name, Output { path: path(&text)?, nar_hash }))
        };
        Ok(Record {
            point: self.point,
            key: own,
            commit: parse_oid(&self.commit).map_err(|_| Flaw::Commit)?,
            system,
            verdict: self.verdict,
            drv: self.drv.as_deref().map(path).transpose()?,
            outputs: self.outputs.into_iter().map(output).collect::<Result<_, _>>()?,
            error: self.error,
            nix: self.nix,
            started: self.started,
            seconds: self.seconds,
            host: self.host,
            user: self.user,
            store: self.store,
            machine: self.machine,
            inputs: self.inputs.map(|listed| Inputs { listed, left_out: self.inputs_left_out }),
            impure: self.impure,
            made: Sealed(()),
        })
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let always = [self.point.as_str(), &self.commit, &self.host, &self.user];
        let maybe = [&self.drv, &self.error, &self.nix];
        let outputs = self.outputs.iter().flat_map(|(name, output)| {
            [Some(name), Some(&output.path), output.nar_hash.as_ref()].into_iter().flatten()
        });
        let inputs = self.inputs.iter().flatten().flat_map(|input| [&input.name, &input.hash]);
        let more = outputs.chain(inputs).chain(self.impure.iter().flatten());
        always.into_iter().chain(maybe.into_iter().flatten().chain(more).map(String::as_str))
    }
}

impl From<&Record> for Line {
    fn from(record: &Record) -> Self {
        let record = record.clone();
        let output = |(name, output): (String, Output)| {
            (name, LineOutput { path: output.path.to_string(), nar_hash: output.nar_hash })
        };
        Self {
            point: record.point,
            key: record.key.to_string(),
            commit: record.commit.to_string(),
            system: record.system.to_string(),
            verdict: record.verdict,
            drv: record.drv.map(|drv| drv.to_string()),
            outputs: record.outputs.into_iter().map(output).collect(),
            error: record.error,
            nix: record.nix,
            started: record.started,
            seconds: record.seconds,
            host: record.host,
            user: record.user,
            store: record.store,
            machine: record.machine,
            inputs_left_out: record.inputs.as_ref().map_or(0, |inputs| inputs.left_out),
            inputs: record.inputs.map(|inputs| inputs.listed),
            impure: record.impure,
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
