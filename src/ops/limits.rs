//! Resource limits of builds and remotes from the user's git configuration, and messages about a reached limit.

use std::fmt;
use std::time::Duration;

use crate::git::Repo;
use crate::limit::Limit;
use crate::nix::{Failure, Kind, Limits, Options};
use crate::process;
use crate::queue::AtLimit;

/// The value of a limit is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` in git's configuration is `{value}`: expected {expected}")]
pub struct Error {
    key: &'static str,
    value: String,
    expected: &'static str,
}

impl Error {
    /// A hint for the user.
    pub fn hint(&self) -> String {
        let example = if self.expected == TIME { "6h" } else { "4G" };
        format!("`git config {} {example}` sets it; `git config --show-origin {0}` shows where it is set", self.key)
    }
}

const TIME: &str = "a time such as `90` (seconds), `90s`, `45m`, `6h` or `2d`, greater than zero";
const SIZE: &str = "a size such as `500k`, `64M` or `4G`, greater than zero";

/// The limits of a background build: the configured ones, else the defaults.
///
/// # Errors
/// When a configured value is invalid.
pub fn background(repo: &Repo) -> Result<Limits, Error> {
    read(repo, &Limits::default())
}

/// The limits of a foreground build: only the configured ones.
///
/// # Errors
/// When a configured value is invalid.
pub fn typed(repo: &Repo) -> Result<Limits, Error> {
    read(repo, &Limits::NONE)
}

/// How long a transfer with a remote may stall: the configured time, else half a minute.
///
/// # Errors
/// When the configured value is invalid.
pub fn network(repo: &Repo) -> Result<Duration, Error> {
    Ok(time(repo, Limit::Network)?.unwrap_or(process::DEFAULT_STALL_LIMIT))
}

/// A transfer with a remote stalled for longer than the limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stalled {
    /// The remote.
    pub remote: String,
    /// The limit.
    pub limit: Duration,
}

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = Reached { which: Limit::Network, limit: self.limit.as_secs() }.amount();
        write!(f, "no data moved to or from `{}` for {limit} (limit `{}`)", self.remote, Limit::Network.key())
    }
}

/// The command that allows longer stalls.
pub fn hint_for_network(limit: Duration) -> String {
    Reached { which: Limit::Network, limit: limit.as_secs().max(1) }.hint()
}

fn time(repo: &Repo, which: Limit) -> Result<Option<Duration>, Error> {
    Ok(value(repo, which, &SECONDS, TIME)?.map(Duration::from_secs))
}

fn value(repo: &Repo, which: Limit, units: Units, expected: &'static str) -> Result<Option<u64>, Error> {
    let Some(value) = repo.config(which.key()) else { return Ok(None) };
    let found = amount(&value, units);
    found.map(Some).ok_or(Error { key: which.key(), value, expected })
}

fn read(repo: &Repo, otherwise: &Limits) -> Result<Limits, Error> {
    let time = |which| time(repo, which);
    let size = |which| value(repo, which, &BYTES, SIZE);
    Ok(Limits {
        evaluation: time(Limit::Evaluation)?.or(otherwise.evaluation),
        memory: size(Limit::Memory)?.or(otherwise.memory),
        build: time(Limit::Time)?.or(otherwise.build),
        silence: time(Limit::Silence)?.or(otherwise.silence),
        log: size(Limit::Log)?.or(otherwise.log),
        network: network(repo)?,
    })
}

type Units = &'static [(&'static str, u64)];
const SECONDS: [(&str, u64); 5] = [("", 1), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400)];
const BYTES: [(&str, u64); 5] = [("", 1), ("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30), ("t", 1 << 40)];

/// Parses a whole number with a case-insensitive unit, as git writes sizes.
fn amount(text: &str, units: Units) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, worth) = units.iter().find(|(name, _)| *name == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*worth).filter(|amount| *amount > 0)
}

/// A limit that ended a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    which: Limit,
    /// Seconds or bytes.
    limit: u64,
}

/// The value of a limit, in seconds or bytes.
fn allowed(limits: &Limits, which: Limit) -> Option<u64> {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs().max(1));
    match which {
        Limit::Time => seconds(limits.build),
        Limit::Silence => seconds(limits.silence),
        Limit::Log => limits.log,
        Limit::Memory => limits.memory,
        Limit::Evaluation => seconds(limits.evaluation),
        Limit::Network => seconds(Some(limits.network)),
    }
}

/// The limit of ours that ended a build, if one did.
pub fn reached(failure: &Failure, options: &Options) -> Option<Reached> {
    let of = |which| allowed(options.limits(), which).map(|limit| Reached { which, limit });
    match failure.kind {
        Kind::Timeout => {
            let overtime = failure.builder_timeout()?;
            let likely = if overtime.is_silence { &[Limit::Silence][..] } else { &[Limit::Time, Limit::Silence] };
            // A different time comes from nix.conf, perhaps of another machine.
            likely.iter().filter_map(|which| of(*which)).find(|reached| reached.limit == overtime.seconds)
        }
        Kind::LogLimit => of(Limit::Log),
        Kind::EvaluationTime => of(Limit::Evaluation),
        Kind::EvaluationMemory => of(Limit::Memory),
        _ => None,
    }
}

/// The limit that ended a background build, unless it has been raised since.
pub fn still_reached(repo: &Repo, ended: &AtLimit) -> Option<Reached> {
    let AtLimit { which, amount } = *ended;
    let now = allowed(&background(repo).ok()?, which)?;
    (now <= amount).then_some(Reached { which, limit: amount })
}

impl Reached {
    /// The form stored with a job.
    pub fn to_stored(&self) -> AtLimit {
        AtLimit { which: self.which, amount: self.limit }
    }

    /// The limit.
    pub fn limit(&self) -> Limit {
        self.which
    }

    /// The command that raises the limit.
    pub fn hint(&self) -> String {
        let key = self.which.key();
        format!("`git config {key} {}` allows more", self.spell(self.limit.saturating_mul(2)))
    }

    fn amount(&self) -> String {
        self.spell(self.limit)
    }

    fn spell(&self, amount: u64) -> String {
        let is_time = matches!(self.which, Limit::Time | Limit::Silence | Limit::Evaluation | Limit::Network);
        let units = if is_time { &SECONDS[1..] } else { &BYTES[..] };
        let fits = |(_, worth): &&(&str, u64)| amount >= *worth && amount.is_multiple_of(*worth);
        let (name, worth) = units.iter().rev().find(fits).copied().unwrap_or(units[0]);
        let name = if is_time { name.to_owned() } else { name.to_ascii_uppercase() };
        format!("{}{name}", amount / worth)
    }
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.amount();
        match self.which {
            Limit::Time => write!(f, "a builder took longer than {limit}")?,
            Limit::Silence => write!(f, "a builder was silent for {limit}")?,
            Limit::Log => write!(f, "a builder wrote more than {limit} of log")?,
            Limit::Memory => write!(f, "evaluation needed more than {limit} of memory")?,
            Limit::Evaluation => write!(f, "evaluation took longer than {limit}")?,
            Limit::Network => write!(f, "no data moved for {limit}")?,
        }
        write!(f, " (limit `{}`)", self.which.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_amounts_with_units() {
        let seconds = ["90", "90s", " 45M ", "6h", "2d", "1 h"].map(|text| amount(text, &SECONDS));
        assert_eq!(seconds, [Some(90), Some(90), Some(2700), Some(21_600), Some(172_800), Some(3600)]);
        assert_eq!(["1000", "64M", "4g"].map(|text| amount(text, &BYTES)), [Some(1000), Some(64 << 20), Some(4 << 30)]);
        for wrong in ["", "0", "0h", "h", "-1", "1.5h", "6x", "6hh", "99999999999999999999", "9999999999999999d"] {
            assert_eq!(amount(wrong, &SECONDS), None, "`{wrong}`");
        }
    }

    #[test]
    fn hints_how_to_raise_a_limit() {
        let reached = |which, limit| Reached { which, limit };
        let time = reached(Limit::Time, 21_600);
        assert_eq!(time.to_string(), "a builder took longer than 6h (limit `lattice.limit.time`)");
        assert_eq!(time.hint(), "`git config lattice.limit.time 12h` allows more");
        assert_eq!(reached(Limit::Log, 64 << 20).hint(), "`git config lattice.limit.log 128M` allows more");
        assert_eq!(reached(Limit::Silence, 45).hint(), "`git config lattice.limit.silence 90s` allows more");
    }
}
