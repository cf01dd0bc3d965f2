//! Checks of the sources and seeds in `config.toml`: each is valid, and points agree on them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::finding::{Code, Finding};
use super::subject::{Checked, Subject};
use crate::config::{Config, Input, InputKind, StepData, ensure_source_url};
use crate::lattice::{Kind, Point};
use crate::points::content::CONFIG;
use crate::sha256::Sha256;

/// Reads the inputs of a point, or adds a finding.
pub(super) fn read(subject: &Subject<'_>, checked: &mut Checked) {
    let not_valid = |error: &dyn fmt::Display| {
        let place = format!("{}/{CONFIG}", subject.named.dir);
        Finding::new(Code::Input, place, format!("has an input that is not valid: {error}"))
    };
    match subject.step.data().map(StepData::inputs) {
        None => {}
        Some(Ok(inputs)) => {
            let urls = inputs.iter().flat_map(|input| &input.urls);
            checked.findings.extend(urls.filter_map(|url| ensure_source_url(url).err()).map(|bad| not_valid(&bad)));
            checked.inputs = inputs;
        }
        Some(Err(error)) => checked.findings.push(not_valid(&error)),
    }
}

/// What makes two inputs the same: a URL, or, without one, the name in one chain of points. The points of a chain have the same
/// values on all set axes; a seed of another architecture has other contents.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Same<'a> {
    Url(&'a str),
    Name(InputKind, &'a str, Vec<String>),
}

impl<'a> Same<'a> {
    fn of(config: &Config, point: &Point, input: &'a Input) -> Self {
        match input.urls.first() {
            Some(url) => Self::Url(url),
            None => Self::Name(input.kind, &input.name, set_values(config, point)),
        }
    }
}

fn set_values(config: &Config, point: &Point) -> Vec<String> {
    let lattice = &config.lattice;
    let values = lattice.axes().iter().zip(lattice.texts(point));
    values.filter(|(axis, _)| matches!(axis.kind, Kind::Set(_))).map(|(_, text)| text).collect()
}

/// Finds inputs that are the same but have different hashes: one finding for each further hash, at the first point that has it.
pub(super) fn disagreements(config: &Config, checked: &[Checked]) -> Vec<Finding> {
    let mut known: BTreeMap<Same<'_>, (&Point, Sha256, BTreeSet<Sha256>)> = BTreeMap::new();
    let mut found = Vec::new();
    for Checked { point, inputs, .. } in checked {
        for (input, hash) in inputs.iter().filter_map(|input| Some((input, input.hash?))) {
            let (first, expected, hashes) =
                known.entry(Same::of(config, point, input)).or_insert_with(|| (point, hash, BTreeSet::from([hash])));
            if hashes.insert(hash) {
                found.push(finding(config, (point, input, hash), (first, *expected)));
            }
        }
    }
    found
}

fn finding(
    config: &Config,
    (point, input, hash): (&Point, &Input, Sha256),
    (first, expected): (&Point, Sha256),
) -> Finding {
    let named = config.name(point);
    let (kind, name) = (input.kind, &input.name);
    let show = if input.urls.is_empty() { "diff" } else { "source check" };
    let remedy = format!("git lattice {show} {} {}", config.spell(first), named.spelled);
    let message = format!("has {hash} for {kind} `{name}`, but `{}` has {expected}", config.spell(first));
    Finding::new(Code::Hashes, format!("{}/{CONFIG}", named.dir), message).of(&named.spelled).repaired_by(remedy)
}
