//! Allowing content: first a report of what to review, then the entry in the ledger.

use anyhow::Result;

use super::judge::{Judgement, judge, look};
use super::ledger::{Error, Ledger};
use super::part::writer;
use super::parts::open_parts;
use crate::config::{Config, Named};
use crate::context::Context;
use crate::git::commit::Commit;
use crate::git::tree::Entry;
use crate::git::{Oid, Repo};
use crate::lattice::Point;
use crate::ops::Cannot;
use crate::points::census::Census;
use crate::points::content::Content;
use crate::text;

/// How many files of a part are listed.
const FILES: usize = 40;
/// The maximum size of a file that is searched for terminal control characters.
const MAX_TEXT: u64 = 1 << 20;

/// Content to be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// The point.
    pub named: Named,
    /// The branch's commit.
    pub commit: Commit,
    /// The build key.
    pub key: Oid,
    /// Whether it is built automatically already.
    pub is_permitted: bool,
    /// The parts that were not written here.
    pub parts: Vec<ReviewItem>,
}

/// A part to review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewItem {
    /// Its path from the root.
    pub path: String,
    /// Why it needs a review.
    pub why: String,
    /// Its files.
    pub files: Vec<Listed>,
    /// Whether there are more files.
    pub has_more: bool,
    /// The commit that wrote it, if found within the search limit.
    pub written: Option<Commit>,
    /// The command that shows it.
    pub command: String,
}

/// A file of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its path from the root.
    pub path: String,
    /// Why a terminal may hide content of the file.
    pub hidden: Option<Hidden>,
}

/// Why a terminal may hide content of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hidden {
    /// The first line with terminal control characters.
    Line(usize),
    /// The file is too large to be searched.
    Large,
}

/// Plans to allow points. `config` is the policy.
///
/// # Errors
/// When a point has no branch, or objects cannot be read.
pub fn plan(context: &Context, config: &Config, census: &Census, points: &[Point]) -> Result<Vec<Allowance>> {
    points.iter().map(|point| allowance(context, config, census, point)).collect()
}

/// Adds the contents to the ledger.
///
/// # Errors
/// When the ledger is invalid or cannot be written.
pub fn allow(context: &Context, allowances: &[Allowance]) -> Result<(), Error> {
    Ledger::change(&context.repo, |ledger| {
        allowances.iter().for_each(|allowance| ledger.allow(allowance.key, &allowance.named.spelled));
    })
}

fn allowance(context: &Context, config: &Config, census: &Census, point: &Point) -> Result<Allowance> {
    let repo = &context.repo;
    let Some(tip) = census.commit(point) else { return Err(Cannot::no_point(config, point).into()) };
    let commit = repo.commit(tip)?;
    let memory = repo.in_memory();
    let found = Content::find(&memory, config, commit.tree, point)?;
    if found.own(point).is_none() {
        return Err(Cannot::no_flake(&config.name(point), tip).into());
    }
    let key = found.key(&memory, config, commit.tree)?;
    let is_permitted = matches!(judge(repo, config, point, tip)?, Judgement::Permitted(_));
    let mut parts = Vec::new();
    for part in open_parts(repo, config, tip, &found)? {
        let all = repo.files_below(&part.path, &part.entry, FILES + 1)?;
        let has_more = all.len() > FILES;
        let files = all.into_iter().take(FILES).map(|(path, entry)| listed(repo, path, &entry)).collect();
        let written = writer(repo, &part)?.map(|commit| repo.commit(commit)).transpose()?;
        let command = look(repo, config, point, &part)?;
        parts.push(ReviewItem { path: part.path, why: part.why.to_string(), files, has_more, written, command });
    }
    Ok(Allowance { named: config.name(point), commit, key, is_permitted, parts })
}

/// Lists a file; a submodule has no content here.
fn listed(repo: &Repo, path: String, entry: &Entry) -> Listed {
    let hidden = match repo.size_of(entry.id) {
        None => None,
        Some(size) if size > MAX_TEXT => Some(Hidden::Large),
        Some(_) => {
            repo.blob(entry.id).ok().and_then(|bytes| hidden_line(&String::from_utf8_lossy(&bytes))).map(Hidden::Line)
        }
    };
    Listed { path, hidden }
}

/// The number of the first line with terminal control characters, except a carriage return at its end.
fn hidden_line(text: &str) -> Option<usize> {
    let is_odd = |line: &str| line.strip_suffix('\r').unwrap_or(line).chars().any(text::is_terminal_unsafe);
    text.split('\n').position(is_odd).map(|at| at + 1)
}
