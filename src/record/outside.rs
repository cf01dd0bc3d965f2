//! What a build took from outside, as far as its record says.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Record;
use crate::config::InputKind;
use crate::system::System;

/// The most inputs, and the most paths of the machine, in a record: a record is one line in a note.
const MOST: usize = 64;
/// The longest text of these in characters.
const LONGEST: usize = 200;

/// A file or tree from outside that the closure of a derivation has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordedInput {
    /// A source or a seed.
    pub kind: InputKind,
    /// The name of its store path.
    pub name: String,
    /// Its hash, in SRI form where it is a SHA-256 hash.
    pub hash: String,
    /// Its size as NAR in bytes, if the store had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// The inputs of a closure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// The first ones.
    pub listed: Vec<RecordedInput>,
    /// The number of others.
    pub left_out: usize,
}

impl Inputs {
    /// Takes as many inputs as a record has room for.
    pub fn new(all: impl IntoIterator<Item = RecordedInput>) -> Self {
        let mut all = all.into_iter();
        let listed = all.by_ref().take(MOST).map(|input| RecordedInput { name: shortened(&input.name), ..input });
        Self { listed: listed.collect(), left_out: all.count() }
    }

    /// Their number.
    pub fn count(&self) -> usize {
        self.listed.len().saturating_add(self.left_out)
    }
}

/// Takes as many paths of the machine as a record has room for.
pub fn host_paths(paths: impl IntoIterator<Item = String>) -> Vec<String> {
    paths.into_iter().take(MOST).map(|path| shortened(&path)).collect()
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// Whether the builders of a point could read files of the machine, according to its records on one system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purity {
    /// No record says it: the builder did not run, ran on another machine, or an older version wrote the record.
    Unknown,
    /// A build read nothing but its inputs.
    Pure,
    /// Each build could read these paths.
    Impure(BTreeSet<String>),
}

impl Purity {
    /// Combines the good records of a system: one pure build suffices.
    pub fn of<'r>(records: impl IntoIterator<Item = &'r Record>, system: &System) -> Self {
        let good = records.into_iter().filter(|record| record.system == *system && record.verdict.is_good());
        let known: Vec<_> = good.filter_map(|record| record.impure.as_ref()).collect();
        if known.iter().any(|paths| paths.is_empty()) {
            return Self::Pure;
        }
        let paths: BTreeSet<_> = known.into_iter().flatten().cloned().collect();
        if paths.is_empty() { Self::Unknown } else { Self::Impure(paths) }
    }
}
