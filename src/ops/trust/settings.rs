//! Whether the machines that lattice.toml proposes may be used: only when the user allowed exactly these.
//!
//! A base branch is written by many and pulled without a look, so what it says of stores, builders and caches is a *proposal*. It is
//! in force once `git lattice trust --settings` has put its canonical form into the user's [`Ledger`], for this clone alone: the
//! cache of one project must not get what another one builds.

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
    /// What lattice.toml says.
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// Whether the user allowed exactly this.
    pub fn is_allowed(&self) -> bool {
        self.is_allowed
    }
}

/// A key of lattice.toml holds something that no shared file may say, whether it was allowed or not.
#[derive(Debug, thiserror::Error)]
#[error("could not use `[build] {key}` in lattice.toml")]
pub struct Refused {
    key: &'static str,
    source: NotShareable,
}

impl Refused {
    /// That `key` cannot be used.
    pub(in crate::ops) fn new(key: &'static str, source: NotShareable) -> Self {
        Self { key, source }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> String {
        format!(
            "if you want this on your machine, say it yourself: `git config lattice.{} VALUE` counts before lattice.toml",
            self.key
        )
    }
}

/// Reads what `config` proposes and whether the user allowed it in this clone.
///
/// # Errors
/// When the user's ledger cannot be believed; without a proposal it is not read.
pub fn settings(context: &Context, config: &Config) -> Result<Settings, ledger::Error> {
    let proposal = config.proposal.clone();
    if proposal.is_empty() {
        return Ok(Settings { proposal, is_allowed: false });
    }
    let ledger = Ledger::read(&context.repo)?;
    let is_allowed = ledger.allows_settings(&place(&context.repo), &proposal.lines());
    Ok(Settings { proposal, is_allowed })
}

/// A proposal that is to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The repository that it is for.
    repository: String,
    /// The name of its canonical form: the id of its blob.
    pub key: Oid,
    /// What is proposed, line by line.
    pub lines: Vec<String>,
    /// What was allowed last; empty when nothing was.
    pub before: Vec<String>,
    /// Whether exactly this is allowed already.
    pub is_allowed: bool,
}

impl Review {
    /// Whether there is nothing to be allowed.
    pub fn is_settled(&self) -> bool {
        self.is_allowed || self.lines.is_empty()
    }

    /// What is taken away from what was allowed last (`-`), and what is new (`+`).
    pub fn diff(&self) -> Vec<String> {
        let only = |mark: char, these: &[String], others: &[String]| -> Vec<String> {
            these.iter().filter(|line| !others.contains(line)).map(|line| format!("{mark}{line}")).collect()
        };
        [only('-', &self.before, &self.lines), only('+', &self.lines, &self.before)].concat()
    }
}

/// Finds out what allowing the base branch's proposal would mean.
///
/// # Errors
/// [`Refused`] when it says what no shared file may say; when the base branch's file or the ledger cannot be used.
pub fn review(context: &Context) -> Result<Review> {
    let proposal = match context.policy() {
        Ok(policy) => policy.proposal.clone(),
        Err(context::Error::Missing) => Proposal::default(),
        Err(error) => return Err(error.into()),
    };
    check(&proposal)?;
    let (ledger, repository, lines) = (Ledger::read(&context.repo)?, place(&context.repo), proposal.lines());
    let before = ledger.last_settings(&repository).map(<[String]>::to_vec).unwrap_or_default();
    let is_allowed = ledger.allows_settings(&repository, &lines);
    let key = context.repo.blob_id(lines.join("\n").as_bytes())?;
    Ok(Review { repository, key, lines, before, is_allowed })
}

/// Writes down that what was reviewed may be used.
///
/// # Errors
/// When the user's ledger cannot be believed or written.
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

/// What stands for this clone in the ledger: all its worktrees share it, and no push can change it.
fn place(repo: &Repo) -> String {
    let dir: &Path = repo.common_dir();
    dir.display().to_string()
}
