//! Builds without a verdict: Nix itself failed or was not started. They get no record.

use std::fmt;

use super::Job;
use crate::lattice::Spelled;
use crate::nix::{self, AbsentInput, Failure, Options};
use crate::ops::limits::{self, Reached};
use crate::process;

/// How many points with the same reason an error names.
const MOST_POINTS: usize = 5;

/// A build without a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecided {
    /// The point.
    pub point: Spelled,
    /// The system.
    pub system: String,
    /// Why there is no verdict.
    pub why: String,
    /// Hints for the user.
    pub hints: Vec<String>,
    /// The limit that ended it.
    pub limit: Option<Reached>,
    /// The inputs that are not in the store.
    pub missing: Vec<AbsentInput>,
}

impl Undecided {
    pub(super) fn new(job: &Job, why: impl Into<String>, hints: Vec<String>) -> Self {
        let (point, system) = (job.named.spelled.clone(), job.system.to_string());
        Self { point, system, why: why.into(), hints, limit: None, missing: Vec::new() }
    }

    /// From inputs that have to be put into the store.
    pub(super) fn of_absent(job: &Job, absent: &[AbsentInput]) -> Self {
        let names = |has_hash: bool| {
            let some = absent.iter().filter(|input| input.has_hash == has_hash);
            some.map(|input| format!("{} `{}`", input.kind, input.name)).collect::<Vec<_>>()
        };
        let (with, without) = (names(true), names(false));
        let are = if with.len() == 1 { "is" } else { "are" };
        let gone = (!with.is_empty()).then(|| format!("{} {are} not in the store", with.join(", ")));
        let unknown = (!without.is_empty()).then(|| format!("config.toml has no hash for {}", without.join(", ")));
        let why = gone.into_iter().chain(unknown).collect::<Vec<_>>().join(", and ");
        let hints = absent.iter().map(AbsentInput::hint).collect();
        Self { missing: absent.to_vec(), ..Self::new(job, why, hints) }
    }

    /// From a failure of Nix itself, or a limit that was reached.
    pub(super) fn of_failure(job: &Job, failure: &Failure, options: &Options) -> Self {
        let limit = limits::reached(failure, options);
        let why = limit.map_or_else(|| failure.summary.clone(), |limit| limit.to_string());
        let of_config = || hint_for_config(&job.named.spelled, &failure.summary);
        let hint = limit.map(|limit| limit.hint()).or_else(of_config).or_else(|| failure.hint());
        Self { limit, ..Self::new(job, why, hint.into_iter().collect()) }
    }

    /// From a builder, named by `which`, that failed before the user stopped Nix: only at its end Nix says why.
    pub(super) fn of_stopped(job: &Job, which: &str) -> Self {
        let again = format!("run it again to see why: `git lattice build {}`", job.named.spelled);
        Self::new(job, format!("{which} failed, and Nix was stopped before it said why"), vec![again])
    }

    /// From an error in running Nix.
    pub(super) fn of_error(job: &Job, error: &nix::Error) -> Self {
        let hint = match error {
            nix::Error::Process(process::Error::Stalled { limit, .. }) => Some(limits::hint_for_network(*limit)),
            _ => error.hint(),
        };
        Self::new(job, error.to_string(), hint.into_iter().collect())
    }
}

/// Where to look when Nix cannot read what config.toml says; it names neither file nor key.
fn hint_for_config(point: &Spelled, summary: &str) -> Option<String> {
    if summary.contains("Dates and times are not supported") {
        return Some(
            "it is config.toml of the point, or of one below it: write dates and times as texts, in quotes".to_owned(),
        );
    }
    let is_hash = summary.contains("SRI hash") || summary.contains("invalid hash");
    is_hash.then(|| format!("a hash in config.toml is none: `git lattice check {point}` names the key"))
}

/// Some builds ended without a verdict; the others are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotDecided(pub Vec<Undecided>);

impl NotDecided {
    /// The first limit that ended one.
    pub fn limit(&self) -> Option<Reached> {
        self.0.iter().find_map(|one| one.limit)
    }

    /// All distinct hints.
    pub fn hints(&self) -> Vec<String> {
        let mut hints: Vec<String> = Vec::new();
        for hint in self.0.iter().flat_map(|one| &one.hints) {
            if !hints.contains(hint) {
                hints.push(hint.clone());
            }
        }
        hints
    }

    /// The reasons, without the points.
    pub fn reasons(&self) -> String {
        self.by_reason().into_iter().map(|(why, _)| why).collect::<Vec<_>>().join("; ")
    }

    /// Groups the points by reason, in order of first appearance.
    fn by_reason(&self) -> Vec<(&str, Vec<&str>)> {
        let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
        for one in &self.0 {
            match groups.iter_mut().find(|(why, _)| *why == one.why) {
                Some((_, points)) if points.contains(&one.point.as_str()) => {}
                Some((_, points)) => points.push(&one.point),
                None => groups.push((&one.why, vec![&one.point])),
            }
        }
        groups
    }
}

impl fmt::Display for NotDecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (why, points)) in self.by_reason().into_iter().enumerate() {
            let shown: Vec<_> = points.iter().take(MOST_POINTS).map(|point| format!("`{point}`")).collect();
            let more = points.len() - shown.len();
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            let begin = if n == 0 { "could not build " } else { "; nor " };
            write!(f, "{begin}{}{more}: {why}", shown.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for NotDecided {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_points_by_reason() {
        let one = |point: &str, why: &str| Undecided {
            point: point.into(),
            system: "x86_64-linux".into(),
            why: why.into(),
            hints: vec!["look".into()],
            limit: None,
            missing: Vec::new(),
        };
        let all = NotDecided(vec![one("a", "no disk"), one("b", "no net"), one("c", "no disk"), one("c", "no disk")]);
        assert_eq!(all.to_string(), "could not build `a`, `c`: no disk; nor `b`: no net");
        assert_eq!((all.hints(), all.reasons()), (vec!["look".to_owned()], "no disk; no net".to_owned()));
        let many: Vec<_> = (1..=7).map(|n| one(&n.to_string(), "no disk")).collect();
        assert_eq!(NotDecided(many).to_string(), "could not build `1`, `2`, `3`, `4`, `5` and 2 more: no disk");
    }
}
