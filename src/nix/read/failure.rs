//! Why there is no output.
//!
//! A failure blames the content only where there is evidence ([`Diagnosis`](super::diagnosis::Diagnosis)); everything else is
//! trouble, which says nothing about the content.

use std::time::Duration;

use super::trouble::{self, Trouble};
use crate::nix::store_path::StorePath;

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The text of the flake cannot be evaluated.
    Evaluation,
    /// A builder ran and failed, or did not make its output.
    Build,
    /// A builder took longer than allowed, or said nothing for longer.
    Timeout,
    /// Evaluating took longer than allowed.
    EvaluationTime,
    /// Evaluating took more memory than allowed.
    EvaluationMemory,
    /// A builder wrote more log than allowed.
    LogLimit,
    /// No machine within reach builds for the system.
    NoBuilder,
    /// Building again gave another output.
    NotReproducible,
    /// Nix could not do its work, whatever the content: no access to the store, no daemon, no network, no sandbox, a killed builder.
    Trouble,
}

impl Kind {
    /// Whether it tells of the content. A limit does not: another machine, or another setting, allows more.
    pub fn is_of_content(self) -> bool {
        matches!(self, Self::Evaluation | Self::Build | Self::NotReproducible)
    }

    /// What says more about the content comes first.
    pub(in crate::nix) fn rank(self) -> u8 {
        match self {
            Self::Build => 0,
            Self::Evaluation => 1,
            Self::NotReproducible => 2,
            Self::Timeout | Self::EvaluationTime | Self::EvaluationMemory | Self::LogLimit => 3,
            Self::NoBuilder => 4,
            Self::Trouble => 5,
        }
    }
}

/// Why there is no output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind.
    pub kind: Kind,
    /// The first error as one line.
    pub summary: String,
    /// All errors as nix worded them, without colours.
    pub detail: String,
    /// The derivation that failed, which may be a dependency; `None` before building, or when nix does not tell.
    pub drv: Option<StorePath>,
    /// What Nix could not do, where more than its words tell it.
    pub trouble: Option<Trouble>,
}

impl Failure {
    /// What was evaluated cannot be built.
    pub(in crate::nix) fn evaluation(summary: String) -> Self {
        Self { kind: Kind::Evaluation, detail: summary.clone(), summary, drv: None, trouble: None }
    }

    /// It cannot be built here, whatever it is.
    pub(in crate::nix) fn trouble(summary: String) -> Self {
        Self { kind: Kind::Trouble, ..Self::evaluation(summary) }
    }

    /// The evaluation was stopped after `limit`. Where it waited for a fetch, that says nothing about the content.
    pub(in crate::nix) fn evaluation_took(limit: Duration, fetching: Option<&str>) -> Self {
        let summary = format!("evaluation did not end within {} seconds", limit.as_secs());
        let failure = match fetching {
            Some(what) => Self::trouble(format!("{summary}: `{what}` could not be fetched")),
            None => Self { kind: Kind::EvaluationTime, ..Self::evaluation(summary) },
        };
        Self { trouble: fetching.map(|_| Trouble::Fetch), ..failure }
    }

    /// What the user can do about what says nothing of the content, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        if self.kind.is_of_content() || self.kind == Kind::NoBuilder {
            return None;
        }
        trouble::hint(&format!("{}\n{}", self.summary, self.detail), self.trouble)
    }
}

/// The first line; where it is only the subject of a `Reason:` or of two hashes, all of them.
pub(in crate::nix) fn one_line(brief: &str) -> String {
    let mut lines = brief.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let rest: Vec<&str> = lines.collect();
    let reason = rest.first().and_then(|line| line.strip_prefix("Reason: "));
    let is_hash = |line: &&&str| line.starts_with("specified:") || line.starts_with("got:");
    let hashes = rest.iter().filter(is_hash).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let hashes: Vec<String> = hashes.collect();
    let line = match reason {
        Some(reason) => format!("{}: {reason}", first.trim_end_matches('.')),
        None if hashes.is_empty() => first.to_owned(),
        None => format!("{first} {}", hashes.join(", ")),
    };
    line.trim_end_matches(['.', ';', ':']).to_owned()
}
