//! Build records: the result of a build as one JSON line in the git note on its build key.
//!
//! Each writer has its own notes ref (`refs/notes/lattice/<writer>`), so that two machines never write the same ref. Reading merges
//! them ([`store`]).

mod borrowed;
mod budget;
pub mod evidence;
mod few;
mod flaw;
mod line;
pub mod note;
mod outside;
pub mod pending;
mod span;
pub mod store;
pub mod tried;
mod verdicts;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::git::Oid;
use crate::lattice::Spelled;
use crate::nix::StorePath;
use crate::system::System;

pub(crate) use line::is_time;
pub use note::parse_note;
pub use outside::{Inputs, Purity, RecordedInput, host_paths};
pub use span::Span;
pub use store::{Attributed, Records};
pub use verdicts::{Dispute, OnSystem, Side, Verdicts, disputes};

/// How a build ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The outputs exist.
    Built,
    /// Evaluation or a builder failed.
    Failed,
    /// No reachable machine builds for this system.
    NoBuilder,
    /// The build was stopped.
    Cancelled,
    /// A second build gave the same output.
    Reproduced,
    /// A second build gave another output.
    Differs,
}

/// One output of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its store path.
    pub path: StorePath,
    /// The NAR hash of its contents, in SRI form.
    pub nar_hash: Option<String>,
}

/// The result of one build of one key on one system: read from a note, or made by [`Record::new`].
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The point as text: the lattice may no longer have it.
    pub point: Spelled,
    /// The build key: the id of the tree that the build reads.
    pub key: Oid,
    /// The point's commit at the time of the build.
    pub commit: Oid,
    /// The system.
    pub system: System,
    /// How it ended.
    pub verdict: Verdict,
    /// The derivation.
    pub drv: Option<StorePath>,
    /// The outputs by name.
    pub outputs: BTreeMap<String, Output>,
    /// The first line of the error.
    pub error: Option<String>,
    /// The version of Nix.
    pub nix: Option<String>,
    /// When the builder of the point's own derivation started, RFC 3339 in UTC; when the build was asked for if it did not run.
    pub started: String,
    /// How long that builder ran; 0 if it did not run (the output existed, came from a cache, or a point below failed), or if it is not
    /// known when it ended.
    pub seconds: f64,
    /// The host that wrote the record.
    pub host: String,
    /// The user who built.
    pub user: String,
    /// The remote store that built and holds the outputs, without the URL's parameters.
    pub store: Option<String>,
    /// The remote builder that was used.
    pub machine: Option<String>,
    /// What the closure takes from outside by hash; `None` if it is not known.
    pub inputs: Option<Inputs>,
    /// The paths of this machine that the builder could read; `None` if it did not run here.
    pub impure: Option<Vec<String>>,
    made: Sealed,
}

/// Private field, so that only this module can create records.
#[derive(Debug, Clone, PartialEq)]
struct Sealed(());

/// The subject of a record.
#[derive(Debug, Clone)]
pub struct About {
    /// The point.
    pub point: Spelled,
    /// The build key.
    pub key: Oid,
    /// The point's commit.
    pub commit: Oid,
    /// The system.
    pub system: System,
}

impl Record {
    /// Creates the record of a build that this user made on this host; the caller adds the results.
    pub fn new(about: About, verdict: Verdict, started: String, seconds: f64) -> Self {
        let About { point, key, commit, system } = about;
        Self {
            point,
            key,
            commit,
            system,
            verdict,
            drv: None,
            outputs: BTreeMap::new(),
            error: None,
            nix: None,
            started,
            seconds,
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            user: crate::user::name(),
            store: None,
            machine: None,
            inputs: None,
            impure: None,
            made: Sealed(()),
        }
    }

    /// How long the builder ran; `None` if it did not run, or if that is not known.
    pub fn took(&self) -> Option<f64> {
        Some(self.seconds).filter(|seconds| *seconds > 0.0)
    }
}

/// The state of a point according to its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// There is no record for its key.
    New,
    /// A background build is queued.
    Queued,
    /// A background build runs.
    Building,
    /// Built on all its systems.
    Built,
    /// Failed on at least one system.
    Failed,
    /// No builder for at least one system.
    NoBuilder,
    /// A lower point has commits that this one lacks.
    Behind,
    /// Records of the same derivation have different contents.
    Disputed,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; 6] =
        [Self::Built, Self::Failed, Self::NoBuilder, Self::Cancelled, Self::Reproduced, Self::Differs];

    /// Returns the verdict as a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Built => "built",
            Self::Failed => "failed",
            Self::NoBuilder => "no-builder",
            Self::Cancelled => "cancelled",
            Self::Reproduced => "reproduced",
            Self::Differs => "differs",
        }
    }

    /// Returns whether the outputs exist.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Built | Self::Reproduced)
    }
}

impl State {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::New,
        Self::Queued,
        Self::Building,
        Self::Built,
        Self::Failed,
        Self::NoBuilder,
        Self::Behind,
        Self::Disputed,
    ];

    /// Combines the verdicts on `systems`.
    pub fn of(verdicts: &Verdicts, systems: &[System]) -> Self {
        let each: Vec<_> = systems.iter().map(|system| verdicts.get(system)).collect();
        if systems.iter().any(|system| verdicts.is_disputed(system)) {
            Self::Disputed
        } else if each.contains(&Some(Verdict::Failed)) {
            Self::Failed
        } else if each.contains(&Some(Verdict::NoBuilder)) {
            Self::NoBuilder
        } else if !each.is_empty() && each.iter().all(|verdict| verdict.is_some_and(Verdict::is_good)) {
            Self::Built
        } else {
            Self::New
        }
    }

    /// Returns the state as a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Built => "built",
            Self::Failed => "failed",
            Self::NoBuilder => "no-builder",
            Self::Behind => "behind",
            Self::Queued => "queued",
            Self::Building => "building",
            Self::Disputed => "disputed",
        }
    }
}
