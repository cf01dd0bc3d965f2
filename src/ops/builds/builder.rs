//! What builds use on this machine: Nix, the build machines, and the repository that Nix reads.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, Result};

use super::machines::Machines;
use super::places::Places;
use super::{BuildOptions, Job};
use crate::context::Context;
use crate::git::commit;
use crate::git::source::Source;
use crate::nix::{Mode, Nix, RunTime};
use crate::ops::Cannot;
use crate::record::{About, Record, Verdict};

/// Runs builds.
pub(super) struct Builder<'a> {
    pub(super) context: &'a Context,
    pub(super) nix: Nix,
    pub(super) machines: Machines,
    pub(super) options: &'a BuildOptions,
    pub(super) source: Source,
}

impl<'a> Builder<'a> {
    pub(super) fn new(context: &'a Context, options: &'a BuildOptions) -> Result<Self> {
        anyhow::ensure!(
            context.repo.is_sha1(),
            "building from a SHA-256 repository is not supported: Nix cannot fetch from one"
        );
        crate::process::end_children_on_signals().context("could not prepare for Ctrl-C")?;
        let nix = Nix::find()?;
        let nix = if matches!(options.mode, Mode::Automatic(_)) { nix } else { nix.with_agent() };
        let places = options.places.clone().map_or_else(|| Places::automatic(&context.repo), Ok)?;
        let machines = Machines::new(&nix, options.mode.clone(), places)?;
        let source = context.repo.source()?;
        if !source.has_plain_path() && !nix.version().has_libgit2() {
            return Err(
                Cannot::OddPath { path: source.path().display().to_string(), nix: nix.version().clone() }.into()
            );
        }
        Ok(Self { context, nix, machines, options, source })
    }

    pub(super) fn record(&self, job: &Job, verdict: Verdict, started: String, seconds: f64) -> Record {
        let about =
            About { point: job.named.spelled.clone(), key: job.key, commit: job.commit, system: job.system.clone() };
        let mut record = Record::new(about, verdict, started, seconds);
        record.nix = Some(self.nix.version().to_string());
        record
    }
}

/// The duration in seconds with three decimals.
pub(super) fn seconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1000.0).round() / 1000.0
}

/// The start and the seconds for a record: those of the builder; no seconds if they are not known, or from `since`, when the job began,
/// if none ran.
pub(super) fn times_of(ran: Option<RunTime>, since: String) -> (String, f64) {
    let Some(ran) = ran else { return (since, 0.0) };
    let started = ran.started.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    // A builder that ran has a time, however short.
    (commit::time_at(started.cast_signed()), ran.took.map_or(0.0, |took| seconds(took).max(0.001)))
}
