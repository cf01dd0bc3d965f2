//! A point's branch that has commits which the remote's lacks, and the other way round.
//!
//! Two clones that make the same point at about the same time have different commits for it: dates, authors and the tips of
//! lower points differ. The points are the same if their directories are: then the remote's commit can replace the local one.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;

use super::content::{self, Content, FLAKE, Step};
use crate::config::{Config, Named};
use crate::git::checkout::{Checkout, State};
use crate::git::names::BranchName;
use crate::git::tree::Entry;
use crate::git::{self, Oid, Repo};
use crate::process::quote;
use crate::template::Template;

/// How many commits of a branch are searched for the one that adds the point.
const MAX_COMMITS: usize = 1_000;

/// What comes after a command that brings the two sides together.
const THEN_SYNC: &str = "`git lattice sync` then pushes the result";

/// A local branch that has diverged from the remote's.
#[derive(Debug, Clone)]
pub struct Divergence {
    named: Named,
    theirs: Oid,
    /// `None` if the two sides do not both add the point: they have it from a common commit.
    added: Option<Added>,
    /// The paths that conflict when the command is run.
    conflicts: Vec<String>,
    checkout: Option<Checkout>,
    has_same_tree: bool,
}

/// A point that both sides add.
#[derive(Debug, Clone)]
struct Added {
    /// The files of the point that differ in the commits that add it.
    differs: Vec<String>,
    /// The local commits after this one are kept.
    upstream: Oid,
    /// How many commits there are after `upstream`.
    kept: usize,
    has_merges: bool,
}

/// What differs, and the command that brings the two sides together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The files of the point that differ in the commits that add it.
    pub differs: Vec<String>,
    /// The difference in a few words.
    pub what: String,
    /// The command.
    pub command: String,
    /// The effect of the command.
    pub effect: String,
}

impl Advice {
    /// The advice to compare the two sides with `git lattice sync`.
    pub fn to_sync(named: &Named) -> Self {
        let what = "the remote has other commits".to_owned();
        Self { differs: Vec::new(), what, command: sync_command(named), effect: "compares the two".to_owned() }
    }

    /// The command and its effect in one sentence.
    pub fn hint(&self) -> String {
        format!("`{}` {}", self.command, self.effect)
    }
}

impl Divergence {
    /// Compares the local tip of a point with the remote's. `taken` are the branches in use ([`Repo::taken_branches`]).
    ///
    /// # Errors
    /// When objects cannot be read, or git fails.
    pub fn of(
        repo: &Repo,
        config: &Config,
        named: &Named,
        (ours, theirs): (Oid, Oid),
        taken: &[(BranchName, PathBuf)],
    ) -> Result<Self> {
        let memory = repo.in_memory();
        let (added, conflicts) = match Sides::find(&memory, named, ours, theirs)? {
            Some(sides) => sides.compare(config).map(|(added, conflicts)| (Some(added), conflicts))?,
            None => (None, conflicts(memory.merged_tree(&[ours, theirs]))?),
        };
        let has_same_tree = repo.tree_of_commit(ours)? == repo.tree_of_commit(theirs)?;
        let checkout = repo.checkout_of(&named.branch, taken)?;
        Ok(Self { named: named.clone(), theirs, added, conflicts, checkout, has_same_tree })
    }

    /// Whether the remote's commit can replace the local one: it is the same point, and there are no other local commits.
    pub fn is_same(&self) -> bool {
        self.added.as_ref().is_some_and(|added| added.differs.is_empty() && added.kept == 0)
    }

    /// Whether the branch can be moved to the remote's commit: it is the same point, and no worktree is in the way.
    pub fn can_be_taken(&self) -> bool {
        let state = self.checkout.as_ref().map(|checkout| checkout.state);
        self.is_same()
            && (state.is_none_or(|state| state == State::Clean || (self.has_same_tree && state != State::Busy)))
    }

    /// The worktree that must be moved with the branch: its files differ.
    pub fn checkout_to_move(&self) -> Option<&Checkout> {
        self.checkout.as_ref().filter(|_| !self.has_same_tree)
    }

    /// The remote's commit.
    pub fn theirs(&self) -> Oid {
        self.theirs
    }

    /// The same divergence after git refused to move the worktree of the branch.
    #[must_use]
    pub fn blocked(mut self) -> Self {
        self.checkout.iter_mut().for_each(|checkout| checkout.state = State::Changed);
        self
    }

    /// What differs, and the command that brings the two sides together.
    pub fn advice(&self, repo: &Repo, remote: &str) -> Advice {
        let (command, effect) = match (&self.added, &self.checkout) {
            _ if self.can_be_taken() => (sync_command(&self.named), format!("takes the commit of `{remote}`")),
            (_, Some(Checkout { state: State::Busy, path, .. })) => {
                let how = format!("git -C {} status", quote(path));
                (sync_command(&self.named), format!("compares them when that has ended; `{how}` shows how to end it"))
            }
            (Some(added), _) => self.replay(repo, remote, added),
            (None, _) => (self.merge(remote), format!("merges the two{}; {THEN_SYNC}", self.with_conflicts())),
        };
        let differs = self.added.as_ref().map(|added| added.differs.clone()).unwrap_or_default();
        Advice { differs, what: self.what(), command, effect }
    }

    fn what(&self) -> String {
        let what = match &self.added {
            None => "each side has commits that the other lacks".to_owned(),
            Some(Added { differs, kept, .. }) if differs.is_empty() => {
                format!("both sides added the same point{}", more(*kept))
            }
            Some(Added { differs, kept, .. }) => {
                format!("both sides added the point, with different content: {}{}", list(differs), more(*kept))
            }
        };
        match &self.checkout {
            Some(Checkout { state: State::Busy, path, .. }) => {
                format!("{what}; a merge or rebase of the branch is in progress in `{}`", path.display())
            }
            _ => what,
        }
    }

    /// The command that applies the commits to keep to the remote's tip, and its effect.
    fn replay(&self, repo: &Repo, remote: &str, added: &Added) -> (String, String) {
        let (own, theirs) = self.branches(remote);
        let mine = quote(format!("mine/{}", self.named.branch));
        let is_replaced = added.kept == 0 && !added.differs.is_empty();
        let keep = if is_replaced { format!("git branch {mine} {own} && ") } else { String::new() };
        let takes = || {
            if is_replaced {
                format!("keeps your commit as `{mine}`, and takes that of `{remote}`")
            } else {
                format!("takes the commit of `{remote}`, which has the same content")
            }
        };
        if added.kept == 0 && self.checkout.is_none() {
            return (format!("{keep}git branch -f {own} {theirs}"), takes());
        }
        let is_changed = self.checkout.as_ref().is_some_and(|checkout| checkout.state == State::Changed);
        let options = [(is_changed, " --autostash"), (added.has_merges, " --rebase-merges")];
        let options: String = options.into_iter().filter(|(is_on, _)| *is_on).map(|(_, option)| option).collect();
        let upstream = repo.short(added.upstream);
        let command = format!("{keep}{} rebase{options} --onto {theirs} {upstream} {own}", self.git());
        let effect = match added.kept {
            0 => takes(),
            kept => {
                format!("puts {} on top of that of `{remote}`{}; {THEN_SYNC}", commits(kept), self.with_conflicts())
            }
        };
        (command, effect)
    }

    fn merge(&self, remote: &str) -> String {
        let (own, theirs) = self.branches(remote);
        match &self.checkout {
            Some(Checkout { is_here: false, .. }) => format!("{} merge {theirs}", self.git()),
            _ => format!("git switch {own} && git merge {theirs}"),
        }
    }

    fn with_conflicts(&self) -> String {
        if self.conflicts.is_empty() {
            String::new()
        } else {
            format!(", where {} will conflict", list(&self.conflicts))
        }
    }

    /// The local and the remote branch, quoted.
    fn branches(&self, remote: &str) -> (String, String) {
        let branch = &self.named.branch;
        (quote(branch), quote(format!("{remote}/{branch}")))
    }

    /// `git`, run in the worktree that has the branch.
    fn git(&self) -> String {
        let elsewhere = self.checkout.as_ref().filter(|checkout| !checkout.is_here);
        elsewhere.map_or_else(|| "git".to_owned(), |checkout| format!("git -C {}", quote(&checkout.path)))
    }
}

fn sync_command(named: &Named) -> String {
    format!("git lattice sync {}", quote(named.spelled.as_str()))
}

fn list(paths: &[String]) -> String {
    const MAX_SHOWN: usize = 3;
    let shown: Vec<_> = paths.iter().take(MAX_SHOWN).map(|path| format!("`{path}`")).collect();
    let more = paths.len().saturating_sub(MAX_SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", shown.join(", "))
}

fn commits(count: usize) -> String {
    if count == 1 { "your commit".to_owned() } else { format!("your {count} commits") }
}

fn more(kept: usize) -> String {
    match kept {
        0 => String::new(),
        1 => "; you have one more commit".to_owned(),
        count => format!("; you have {count} more commits"),
    }
}

/// The commits by which two branches add the same point.
struct Sides<'a> {
    memory: &'a Repo,
    named: &'a Named,
    ours: Side,
    theirs: Side,
    their_tip: Oid,
}

/// One branch.
struct Side {
    /// The commit that adds the point's directory.
    start: Oid,
    /// The directory in that commit.
    entry: Entry,
    /// The commits after it along first parents, the newest first.
    after: Vec<Oid>,
}

impl<'a> Sides<'a> {
    /// Finds them; `None` if a common commit has the point, or one side does not.
    fn find(memory: &'a Repo, named: &'a Named, ours: Oid, theirs: Oid) -> git::Result<Option<Self>> {
        if let Some(base) = memory.merge_base(ours, theirs)?
            && memory.entry_at(memory.tree_of_commit(base)?, &named.dir)?.is_some()
        {
            return Ok(None);
        }
        let side = |tip| Side::find(memory, &named.dir, tip);
        let sides = side(ours)?.zip(side(theirs)?);
        Ok(sides.map(|(ours, their_side)| Self { memory, named, ours, theirs: their_side, their_tip: theirs }))
    }

    /// Compares the commits that add the point, and finds the paths that conflict when the others are applied.
    fn compare(&self, config: &Config) -> Result<(Added, Vec<String>)> {
        let memory = self.memory;
        let (tree, parents) = memory.links(self.ours.start)?;
        let mut kept = self.ours.after.clone();
        let mut upstream = self.ours.start;
        if !self.is_alone(tree, &parents)? {
            kept.push(self.ours.start);
            upstream = parents.first().copied().unwrap_or(upstream);
        }
        kept.reverse();
        let mut has_merges = false;
        for commit in &kept {
            has_merges |= memory.links(*commit)?.1.len() > 1;
        }
        let added = Added { differs: self.differs(config)?, upstream, kept: kept.len(), has_merges };
        Ok((added, conflicts(self.applied(&kept))?))
    }

    /// Whether the commit with this tree changes nothing but the point's directory.
    fn is_alone(&self, tree: Oid, parents: &[Oid]) -> git::Result<bool> {
        let Ok(below) = self.memory.merged_tree(parents) else { return Ok(false) };
        Ok(self.memory.with_entries(below, &[(self.named.dir.clone(), self.ours.entry.clone())])? == tree)
    }

    /// The names in the directory that differ. A flake.nix that both sides generated from the same template counts as equal:
    /// it names the points below, of which one side may have known more.
    fn differs(&self, config: &Config) -> Result<Vec<String>> {
        let (ours, theirs) = (&self.ours.entry, &self.theirs.entry);
        if ours.id == theirs.id {
            return Ok(Vec::new());
        }
        if !(ours.is_tree && theirs.is_tree) {
            return Ok(vec![self.named.dir.clone()]);
        }
        let entries = |entry: &Entry| -> git::Result<BTreeSet<(String, Oid)>> {
            Ok(self.memory.entries(entry.id)?.into_iter().map(|entry| (entry.name, entry.id)).collect())
        };
        let (ours, theirs) = (entries(ours)?, entries(theirs)?);
        let names: BTreeSet<String> = ours.symmetric_difference(&theirs).map(|(name, _)| name.clone()).collect();
        let mut names: Vec<_> = names.into_iter().collect();
        if names.is_empty() {
            // Only the modes of files differ.
            return Ok(vec![self.named.dir.clone()]);
        }
        if names.iter().any(|name| name == FLAKE) {
            let ours = self.template(config, &self.ours)?;
            if ours.is_some() && ours == self.template(config, &self.theirs)? {
                names.retain(|name| name != FLAKE);
            }
        }
        Ok(names)
    }

    fn template(&self, config: &Config, side: &Side) -> Result<Option<Template>> {
        let (repo, point) = (self.memory, &self.named.point);
        let found = Content::find(repo, config, repo.tree_of_commit(side.start)?, point)?;
        let step = Step::read(repo, &found, point)?;
        content::generated_by(repo, config, &found, point, &step)
    }

    /// The tree after applying `commits` to the remote's tip.
    fn applied(&self, commits: &[Oid]) -> git::Result<Oid> {
        let mut onto = self.memory.tree_of_commit(self.their_tip)?;
        for commit in commits {
            let (tree, parents) = self.memory.links(*commit)?;
            let before = parents.first().map(|parent| self.memory.tree_of_commit(*parent)).transpose()?;
            onto = self.memory.merge_trees(before.unwrap_or_else(|| self.memory.empty_tree()), onto, tree)?;
        }
        Ok(onto)
    }
}

/// The paths that conflict in a merge.
fn conflicts(merged: git::Result<Oid>) -> git::Result<Vec<String>> {
    match merged {
        Ok(_) => Ok(Vec::new()),
        Err(git::Error::Conflict { paths }) => Ok(paths),
        Err(error) => Err(error),
    }
}

impl Side {
    /// Searches along first parents; `None` if a merge brought the directory, or the history is too long or cut off.
    fn find(repo: &Repo, dir: &str, tip: Oid) -> git::Result<Option<Self>> {
        let (mut start, mut after) = (tip, Vec::new());
        let (mut tree, mut parents) = repo.links(tip)?;
        while after.len() < MAX_COMMITS {
            let Some(entry) = repo.entry_at(tree, dir)? else { return Ok(None) };
            if parents.iter().any(|parent| repo.size_of(*parent).is_none()) {
                return Ok(None);
            }
            let mut has_it = Vec::new();
            for parent in &parents {
                has_it.push(repo.entry_at(repo.tree_of_commit(*parent)?, dir)?.is_some());
            }
            match (has_it.first(), parents.first()) {
                (Some(true), Some(parent)) => {
                    after.push(start);
                    start = *parent;
                    (tree, parents) = repo.links(start)?;
                }
                _ if has_it.contains(&true) => return Ok(None),
                _ => return Ok(Some(Self { start, entry, after })),
            }
        }
        Ok(None)
    }
}
