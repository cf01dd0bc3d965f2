//! Whether something may be built that nobody asked for.
//!
//! A [`Permit`] can only come from [`judge`], and an automatic build asks for one: the compiler sees to it that no hook builds
//! unasked.

use anyhow::Result;

use super::content::{self, Content, STEP};
use crate::config::Config;
use crate::git::tree::Entry;
use crate::git::{Oid, Repo};
use crate::lattice::Point;
use crate::template::Template;

/// How many of a branch's last moves are looked at.
const MOVES: usize = 200;
/// What a ref's log says where a commit was made here, and not fetched, pulled or copied (git-reflog(1)).
const MADE_HERE: [&str; 3] = ["lattice: ", "commit: ", "commit (amend): "];

/// The permission to build one commit without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    commit: Oid,
}

impl Permit {
    /// The commit that may be built.
    pub fn commit(self) -> Oid {
        self.commit
    }
}

/// The judgement on a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It may be built.
    Permitted(Permit),
    /// It may not: this point's content is neither generated nor made here.
    Denied {
        /// The point, maybe one of those below.
        point: String,
        /// Why.
        why: &'static str,
    },
}

/// Judges what a build of `point` at `commit` would run: its directory and those of all points below it.
///
/// # Errors
/// When objects cannot be read.
pub fn judge(repo: &Repo, config: &Config, point: &Point, commit: Oid) -> Result<Judgement> {
    let tree = repo.tree_of_commit(commit)?;
    let all = Content::find(repo, config, tree, point)?;
    for (below, dir, entry) in &all.points {
        // What lies below a point in its own tree is what it was generated from.
        let own = Content { points: all.points.iter().filter(|(p, ..)| p.is_at_or_below(below)).cloned().collect() };
        if is_derivable(repo, config, &own, below, entry)? || was_made_here(repo, config, below, dir, entry)? {
            continue;
        }
        let has_step = repo.entry_at(entry.id, STEP)?.is_some();
        let why = if has_step {
            "its step.nix was not written here"
        } else {
            "its flake.nix is not what this version generates"
        };
        return Ok(Judgement::Denied { point: config.lattice.spell(below), why });
    }
    Ok(Judgement::Permitted(Permit { commit }))
}

/// Byte for byte what is generated from config.toml, by a template that runs nothing of anybody's and has no inputs: nothing
/// hostile can be in it.
fn is_derivable(repo: &Repo, config: &Config, content: &Content, point: &Point, own: &Entry) -> Result<bool> {
    if repo.entry_at(own.id, STEP)?.is_some() {
        return Ok(false);
    }
    Ok(content::generated_by(repo, config, content, point)? == Some(Template::Config))
}

/// Whether a commit that was made in this clone brought exactly this directory to the point's branch.
fn was_made_here(repo: &Repo, config: &Config, point: &Point, dir: &str, own: &Entry) -> Result<bool> {
    let branch = config.branch.encode(&config.lattice, point);
    for (commit, message) in repo.reflog(&format!("refs/heads/{branch}"), MOVES)? {
        if !MADE_HERE.iter().any(|made| message.starts_with(made)) {
            continue;
        }
        // A commit that was amended away may have been collected since.
        let Ok(made) = repo.commit(commit) else { continue };
        let holds =
            |tree: Oid| Ok::<_, crate::git::Error>(repo.entry_at(tree, dir)?.is_some_and(|entry| entry.id == own.id));
        let before = made.parents.first().map(|parent| repo.tree_of_commit(*parent)).transpose()?;
        if holds(made.tree)? && !before.map(holds).transpose()?.unwrap_or(false) {
            return Ok(true);
        }
    }
    Ok(false)
}
