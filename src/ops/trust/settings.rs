//! Trust in the machines that lattice.toml names: they are used only if the user allowed exactly these.
//!
//! Many people write to a base branch, and it is pulled without review, so its stores, builders and caches are only a
//! *proposal*. The proposal takes effect once `git lattice trust --settings` has added its canonical form to the user's
//! [`Ledger`], for this clone only: the cache of one project must not receive the builds of another.

use std::path::Path;

use anyhow::Result;

use super::ledger::{self, Ledger};
use crate::config::{Config, Proposal};
use crate::context::{self, Context};
use crate::git::{Oid, Repo};
use crate::nix::{Builders, NotShareable, StoreUrl};

/// The machines that lattice.toml names, and whether they may be used. Only [`settings`] makes one:
///
/// ```compile_fail,E0451
/// fn forge(proposal: git_lattice::config::Proposal) -> git_lattice::ops::trust::Settings {
///     git_lattice::ops::trust::Settings { proposal, is_allowed: true }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    proposal: Proposal,
    is_allowed: bool,
}

impl Settings {
    /// The machines in lattice.toml.
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// Whether the user allowed exactly these.
    pub fn is_allowed(&self) -> bool {
        self.is_allowed
    }
}

/// A key of lattice.toml has a value that a shared file must not have, allowed or not.
#[derive(Debug, thiserror::Error)]
#[error("could not use `[build] {key}` in lattice.toml")]
pub struct Refused {
    key: &'static str,
    source: NotShareable,
}

impl Refused {
    /// The value of `key` cannot be used.
    pub(in crate::ops) fn new(key: &'static str, source: NotShareable) -> Self {
        Self { key, source }
    }

    /// A hint for the user.
    pub fn hint(&self) -> String {
        format!(
            "to use it on this machine, set it yourself: `git config lattice.{} VALUE` overrides lattice.toml",
            self.key
        )
    }
}

/// Reads the proposal of `config` and whether the user allowed it in this clone.
///
/// # Errors
/// When the ledger is invalid; without a proposal it is not read.
pub fn settings(context: &Context, config: &Config) -> Result<Settings, ledger::Error> {
    let proposal = config.proposal.clone();
    if proposal.is_empty() {
        return Ok(Settings { proposal, is_allowed: false });
    }
    let ledger = Ledger::read(&context.repo)?;
    let is_allowed = ledger.allows_settings(&place(&context.repo), &proposal.lines());
    Ok(Settings { proposal, is_allowed })
}

/// A proposal to review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The common directory of the repository.
    repository: String,
    /// The blob id of its canonical form.
    pub key: Oid,
    /// The proposal, line by line.
    pub lines: Vec<String>,
    /// The proposal allowed last; empty if there was none.
    pub before: Vec<String>,
    /// Whether exactly this proposal is allowed.
    pub is_allowed: bool,
}

impl Review {
    /// Whether nothing remains to be allowed.
    pub fn is_settled(&self) -> bool {
        self.is_allowed || self.lines.is_empty()
    }

    /// Lines removed from (`-`) and added to (`+`) the proposal allowed last.
    pub fn diff(&self) -> Vec<String> {
        let only = |mark: char, these: &[String], others: &[String]| -> Vec<String> {
            these.iter().filter(|line| !others.contains(line)).map(|line| format!("{mark}{line}")).collect()
        };
        [only('-', &self.before, &self.lines), only('+', &self.lines, &self.before)].concat()
    }
}

/// Compares the base branch's proposal with the one allowed last.
///
/// # Errors
/// [`Refused`] when a value is not acceptable in a shared file; when lattice.toml of the base or the ledger is invalid.
pub fn review(context: &Context) -> Result<Review> {
    let proposal = match context.policy() {
        Ok(policy) => policy.proposal.clone(),
        Err(context::Error::Missing { .. }) => Proposal::default(),
        Err(error) => return Err(error.into()),
    };
    check(&proposal)?;
    let (ledger, repository, lines) = (Ledger::read(&context.repo)?, place(&context.repo), proposal.lines());
    let before = ledger.last_settings(&repository).map(<[String]>::to_vec).unwrap_or_default();
    let is_allowed = ledger.allows_settings(&repository, &lines);
    let key = context.repo.blob_id(lines.join("\n").as_bytes())?;
    Ok(Review { repository, key, lines, before, is_allowed })
}

/// Adds the reviewed proposal to the ledger.
///
/// # Errors
/// When the ledger is invalid or cannot be written.
pub fn allow_settings(context: &Context, review: &Review) -> Result<(), ledger::Error> {
    Ledger::change(&context.repo, |ledger| ledger.allow_settings(&review.repository, review.key, &review.lines))
}

fn check(proposal: &Proposal) -> Result<(), Refused> {
    let url = |text: &str| StoreUrl::shared(text).map(drop);
    let unless_empty = |text: &str| if text.trim().is_empty() { Ok(()) } else { url(text) };
    let refused = |key| move |source| Refused::new(key, source);
    proposal
        .builders
        .as_deref()
        .map_or(Ok(()), |text| Builders::shared(text).map(drop).map_err(refused("builders")))?;
    proposal.store.as_deref().map_or(Ok(()), unless_empty).map_err(refused("store"))?;
    proposal.push_cache.as_deref().map_or(Ok(()), unless_empty).map_err(refused("push-cache"))?;
    proposal.substituters.iter().try_for_each(|text| url(text)).map_err(refused("substituters"))
}

/// The name of this clone in the ledger: its common directory, which all worktrees share.
fn place(repo: &Repo) -> String {
    let dir: &Path = repo.common_dir();
    dir.display().to_string()
}
