//! Records: what became of a build, one JSON line each, in the note on the build key.
//!
//! There is one notes ref per writer (`refs/notes/lattice/<writer>`), so that no two machines ever write the same ref; reading
//! unites them all ([`store`]).

mod budget;
pub mod evidence;
mod flaw;
pub mod kept;
mod line;
pub mod note;
mod span;
pub mod store;
mod verdicts;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::git::Oid;
use crate::lattice::Spelled;
use crate::nix::StorePath;
use crate::system::System;

pub use note::parse_note;
pub use span::Span;
pub use store::{Records, Said};
pub use verdicts::{Dispute, Side, Verdicts, disputes};

/// How a build ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The output is there.
    Built,
    /// It ran, or did not even evaluate, and failed.
    Failed,
    /// No machine within reach builds for this system.
    NoBuilder,
    /// Somebody stopped it.
    Cancelled,
    /// It was built a second time, and came to the same.
    Reproduced,
    /// It was built a second time, and came to something else.
    Differs,
}

/// One output of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its store path.
    pub path: StorePath,
    /// The hash of its contents, in SRI form.
    pub nar_hash: Option<String>,
}

/// What became of one build of one key on one system: read from a note, or made by [`Record::new`].
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The point: the lattice may not have it any more.
    pub point: Spelled,
    /// The build key: the id of the tree that the build read.
    pub key: Oid,
    /// The point's commit at that time.
    pub commit: Oid,
    /// The system.
    pub system: System,
    /// How it ended.
    pub verdict: Verdict,
    /// The derivation.
    pub drv: Option<StorePath>,
    /// The outputs by name.
    pub outputs: BTreeMap<String, Output>,
    /// The first line that says why it failed.
    pub error: Option<String>,
    /// The version of Nix.
    pub nix: Option<String>,
    /// When it began, RFC 3339 in UTC.
    pub started: String,
    /// How long it took.
    pub seconds: f64,
    /// Where.
    pub host: String,
    /// By whom.
    pub user: String,
    /// The store on another machine where it was built and is, without the parameters of its URL.
    pub store: Option<String>,
    /// The remote builder that built it.
    pub machine: Option<String>,
    made: Made,
}

/// Only this folder makes records.
#[derive(Debug, Clone, PartialEq)]
struct Made(());

/// What a record is about.
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
    /// The record of a build that was made here by the user; what it came to is added.
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
            user: crate::env::user().unwrap_or_else(|| rustix::process::getuid().as_raw().to_string()),
            store: None,
            machine: None,
            made: Made(()),
        }
    }
}

/// What the records say of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// No record for its key.
    New,
    /// A background build of it waits its turn.
    Queued,
    /// A background build of it runs.
    Building,
    /// Built on all its systems.
    Built,
    /// Failed on one of them.
    Failed,
    /// No builder for one of them.
    NoBuilder,
    /// A point below has moved on without it.
    Behind,
    /// The same derivation came to different contents.
    Disputed,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Built, Self::Failed, Self::NoBuilder, Self::Cancelled, Self::Reproduced, Self::Differs];

    /// The verdict as a word.
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

    /// Whether the output is there.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Built | Self::Reproduced)
    }
}

impl State {
    /// What the newest words on each of `systems` come to.
    pub fn of(verdicts: &Verdicts, systems: &[System]) -> Self {
        let said: Vec<_> = systems.iter().map(|system| verdicts.get(system)).collect();
        if systems.iter().any(|system| verdicts.is_disputed(system)) {
            Self::Disputed
        } else if said.contains(&Some(Verdict::Failed)) {
            Self::Failed
        } else if said.contains(&Some(Verdict::NoBuilder)) {
            Self::NoBuilder
        } else if !said.is_empty() && said.iter().all(|verdict| verdict.is_some_and(Verdict::is_good)) {
            Self::Built
        } else {
            Self::New
        }
    }

    /// The state as a word.
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
