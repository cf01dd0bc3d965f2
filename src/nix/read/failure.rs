//! Why a build has no output.
//!
//! A failure is the content's only if there is evidence ([`Diagnosis`](super::diagnosis::Diagnosis)). Everything else is trouble, which
//! says nothing about the content.

use std::time::Duration;

use super::trouble::{self, Trouble};
use crate::nix::store_path::StorePath;

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The text of the flake cannot be evaluated.
    Evaluation,
    /// A builder ran and failed, or did not create its output.
    Build,
    /// A builder exceeded its time limit or its limit without output.
    Timeout,
    /// Evaluation exceeded its time limit.
    EvaluationTime,
    /// Evaluation exceeded its memory limit.
    EvaluationMemory,
    /// A builder exceeded its log limit.
    LogLimit,
    /// No reachable machine builds for the system.
    NoBuilder,
    /// A rebuild gave another output.
    NotReproducible,
    /// Nix could not work, whatever the content: no access to the store, no daemon, no network, no sandbox, a killed builder.
    Trouble,
}

impl Kind {
    /// Returns whether the failure is the content's. A limit is not: another machine or setting may allow more.
    pub fn is_of_content(self) -> bool {
        matches!(self, Self::Evaluation | Self::Build | Self::NotReproducible)
    }

    /// Orders kinds by how much they say about the content.
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

/// Why a build has no output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind.
    pub kind: Kind,
    /// The first error as one line.
    pub summary: String,
    /// All errors as nix printed them, without colours.
    pub detail: String,
    /// The derivation that failed, perhaps a dependency; `None` before building, or if nix does not tell.
    pub drv: Option<StorePath>,
    /// What Nix could not do, if its message alone does not show it.
    pub trouble: Option<Trouble>,
}

/// The limit that a builder exceeded, according to Nix's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuilderTimeout {
    /// The limit in seconds.
    pub seconds: u64,
    /// Whether it was the limit without output. Newer versions of Nix have one message for both limits; `false` then means unknown.
    pub is_silence: bool,
}

impl Failure {
    /// Returns the limit that a builder exceeded, if Nix names it.
    #[must_use]
    pub fn builder_timeout(&self) -> Option<BuilderTimeout> {
        let (_, rest) = self.detail.split_once("timed out after ")?;
        let seconds = rest.split(' ').next()?.parse().ok()?;
        Some(BuilderTimeout { seconds, is_silence: self.detail.contains("of silence") })
    }

    /// Returns the errors that say more than the summary, which is shown beside them.
    #[must_use]
    pub fn beyond_summary(&self) -> String {
        let mut errors: Vec<Vec<&str>> = Vec::new();
        for line in self.detail.lines() {
            match errors.last_mut().filter(|_| !line.starts_with("error:")) {
                Some(error) => error.push(line),
                None => errors.push(vec![line]),
            }
        }
        let errors = errors.into_iter().map(|lines| lines.join("\n"));
        let is_more = |error: &String| one_line(error.strip_prefix("error:").unwrap_or(error)) != self.summary;
        errors.filter(is_more).collect::<Vec<_>>().join("\n")
    }

    /// Creates a failure to evaluate.
    pub(in crate::nix) fn evaluation(summary: String) -> Self {
        Self { kind: Kind::Evaluation, detail: summary.clone(), summary, drv: None, trouble: None }
    }

    /// Creates a failure of Nix that does not depend on the content.
    pub(in crate::nix) fn trouble(summary: String) -> Self {
        Self { kind: Kind::Trouble, ..Self::evaluation(summary) }
    }

    /// Creates a failure for an evaluation stopped after `limit`. If it was waiting for a fetch, that says nothing about the content.
    pub(in crate::nix) fn evaluation_took(limit: Duration, fetching: Option<&str>) -> Self {
        let summary = format!("evaluation did not end within {} seconds", limit.as_secs());
        let failure = match fetching {
            Some(what) => Self::trouble(format!("{summary}: `{what}` could not be fetched")),
            None => Self { kind: Kind::EvaluationTime, ..Self::evaluation(summary) },
        };
        Self { trouble: fetching.map(|_| Trouble::Fetch), ..failure }
    }

    /// Returns what the user can do about trouble or a limit, if known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        if self.kind.is_of_content() || self.kind == Kind::NoBuilder {
            return None;
        }
        trouble::hint(&format!("{}\n{}", self.summary, self.detail), self.trouble)
    }
}

/// Shortens an error to one line: the first line, plus a `Reason:` or two hashes that follow it.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_the_summary_tells_are_left_out() {
        let failure = |summary: &str, detail: &str| Failure {
            detail: detail.to_owned(),
            ..Failure::evaluation(summary.to_owned())
        };
        let error = "error: Cannot build 'x.drv'.\n       Reason: builder failed with exit code 3.\n       Output paths:\n         y";
        let summary = "Cannot build 'x.drv': builder failed with exit code 3";
        assert_eq!(failure(summary, error).beyond_summary(), "");
        let effect = "error: 1 dependencies of derivation 'y.drv' failed to build";
        assert_eq!(failure(summary, &format!("{error}\n{effect}")).beyond_summary(), effect);
        let trace = "error:\n       … while calling 'throw'\n\n       error: no way";
        assert_eq!(failure("no way", trace).beyond_summary(), trace);
        assert_eq!(failure("no way", "error: no way").beyond_summary(), "");
    }

    #[test]
    fn parses_the_exceeded_limit() {
        let overtime = |said: &str| Failure::trouble(said.to_owned()).builder_timeout();
        let building = "building of '/nix/store/x.drv!out' from .drv file timed out after";
        let silent = overtime(&format!("{building} 2 seconds of silence"));
        assert_eq!(silent, Some(BuilderTimeout { seconds: 2, is_silence: true }));
        for said in [format!("{building} 2 seconds"), "timed out after 2 seconds".to_owned()] {
            assert_eq!(overtime(&said), Some(BuilderTimeout { seconds: 2, is_silence: false }), "{said}");
        }
        assert_eq!(overtime("builder failed with exit code 1"), None);
    }
}
