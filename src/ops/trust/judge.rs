//! The trust judgement, and the permit that only this module can make.

use anyhow::Result;

use super::ledger::Ledger;
use super::origin;
use super::part::{Part, UntrustedReason};
use super::parts::open_parts;
use super::signers::Signers;
use crate::config::Config;
use crate::git::names::BranchName;
use crate::git::{Oid, Repo};
use crate::lattice::Point;
use crate::points::content::Content;
use crate::process::quote;

/// How many bytes a checkout reads to judge a point: a thousand small objects, or eight signatures.
const MAX_READ: u64 = 4 << 20;
/// How many bytes of the ledger a checkout reads: some thousand entries.
const MAX_LEDGER: u64 = 512 << 10;

/// The permission to build one content automatically. Only [`judge`] makes one:
///
/// ```compile_fail,E0451
/// fn forge(commit: git_lattice::git::Oid) -> git_lattice::ops::trust::Permit {
///     git_lattice::ops::trust::Permit { commit, key: commit }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    commit: Oid,
    key: Oid,
}

impl Permit {
    /// The commit that may be built.
    pub fn commit(self) -> Oid {
        self.commit
    }

    /// The build key of the judged commit: nothing else may be built.
    pub fn key(self) -> Oid {
        self.key
    }
}

/// The judgement on a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It may be built automatically.
    Permitted(Permit),
    /// It must not be built automatically.
    Denied(Denial),
}

/// Why something must not be built automatically.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The point whose content is not trusted, perhaps one below.
    pub point: String,
    /// The reason.
    pub why: UntrustedReason,
    /// The command that shows the untrusted change.
    pub look: String,
}

/// Like [`judge`], but returns `None` if more must be read than a checkout waits for.
///
/// # Errors
/// Those of [`judge`].
pub fn judge_for_checkout(repo: &Repo, config: &Config, point: &Point, commit: Oid) -> Result<Option<Judgement>> {
    if Ledger::size(repo) > MAX_LEDGER {
        return Ok(None);
    }
    let limited = repo.reading_at_most(MAX_READ);
    let judged = judge(&limited, config, point, commit);
    if limited.is_exhausted() { Ok(None) } else { judged.map(Some) }
}

/// Judges the content that a build of `point` at `commit` would run. `config` is the policy:
/// [`crate::context::Context::policy`].
///
/// # Errors
/// When objects cannot be read.
pub fn judge(repo: &Repo, config: &Config, point: &Point, commit: Oid) -> Result<Judgement> {
    let tree = repo.tree_of_commit(commit)?;
    let content = Content::find(repo, config, tree, point)?;
    let key = content.key(&repo.in_memory(), config, tree)?;
    let permitted = Ok(Judgement::Permitted(Permit { commit, key }));
    let open = open_parts(repo, config, commit, &content)?;
    let Some(first) = open.first() else { return permitted };
    let ledger = match Ledger::read(repo) {
        Ok(ledger) => ledger,
        Err(error) => {
            let part = Part { why: UntrustedReason::Unreadable(error.to_string()), ..first.clone() };
            return Ok(Judgement::Denied(denial(repo, config, point, &part)?));
        }
    };
    if ledger.allows(key) {
        return permitted;
    }
    let signers = Signers::of(repo, &ledger);
    let open = if signers.is_empty() { open } else { origin::with_sources(repo, config, &content, open)? };
    match signers.unsigned(repo, &open)? {
        None => permitted,
        Some(part) => Ok(Judgement::Denied(denial(repo, config, point, part)?)),
    }
}

fn denial(repo: &Repo, config: &Config, point: &Point, part: &Part) -> Result<Denial> {
    let whose = part.point.as_ref().unwrap_or(point);
    let look = look(repo, config, point, part)?;
    Ok(Denial { point: config.spell(whose).into(), why: part.why.clone(), look })
}

/// The command that shows a part: its difference from the base, or its history if the base has the same.
///
/// Full ref names cannot be mistaken for tags. The options disable gitattributes of the branch and `refs/replace/*`,
/// which could hide changes, and show merges too.
pub(super) fn look(repo: &Repo, config: &Config, point: &Point, part: &Part) -> Result<String> {
    let branch = config.branch_of(point);
    let name = find(repo, config, &branch)?.map_or_else(|| branch.full_ref(), |(name, _)| name);
    let (name, path) = (quote(&name), quote(root_pathspec(&part.path)));
    Ok(match find(repo, config, &config.base)? {
        Some((base, tip)) if !repo.holds(repo.tree_of_commit(tip)?, &part.path, &part.entry)? => {
            format!("{GIT} diff {EXACT_DIFF} {} {name} -- {path}", quote(base))
        }
        _ => format!("{GIT} log -p -m --first-parent {EXACT_DIFF} {name} -- {path}"),
    })
}

const GIT: &str = "git --no-replace-objects";
const EXACT_DIFF: &str = "--text --no-ext-diff --no-textconv --no-renames";

/// A pathspec relative to the root (gitglossary(7), pathspec).
fn root_pathspec(path: &str) -> String {
    let is_plain = !path.contains(['*', '?', '[', '\\']);
    if is_plain { format!(":/{path}") } else { format!(":(top,literal){path}") }
}

/// The full ref name and tip of a branch: local, else on the remote as last fetched.
fn find(repo: &Repo, config: &Config, branch: &BranchName) -> Result<Option<(String, Oid)>> {
    if let Some(tip) = repo.branch_tip(branch)? {
        return Ok(Some((branch.full_ref(), tip)));
    }
    let Some(remote) = &config.remote else { return Ok(None) };
    Ok(repo.tracking_tip(branch, remote)?.map(|tip| (branch.tracking(remote), tip)))
}
