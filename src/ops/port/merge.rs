//! The three-way merge of the directories of two siblings.
//!
//! Files are merged line by line at the sibling's coordinates. A generated `flake.nix` is rendered for the sibling, and a `flake.lock` is
//! taken as a whole.

use anyhow::{Context as _, Result};

use super::versions::Versions;
use crate::config::{Config, StepData};
use crate::git::tree_diff::{FileChange, Leaf, LeafKind};
use crate::git::{self, Oid, Repo};
use crate::ops::alike::{self, Directory, Translation};
use crate::ops::lock::LOCK;
use crate::ops::rust;
use crate::points::content::{CONFIG, FLAKE, Step};
use crate::template::Template;

/// The result of a merge.
pub(super) enum Merged {
    /// The sibling has all changes.
    Unchanged,
    /// Both sides changed the same content of these files.
    Conflict(Vec<String>),
    /// The result cannot be used.
    Unusable(String),
    /// The sibling changes.
    Changed(Ported),
}

/// The changed directory of a sibling.
pub(super) struct Ported {
    pub(super) tree: Oid,
    /// The files that change.
    pub(super) files: Vec<String>,
    /// The template and the data of its flake.nix, if it was rendered.
    pub(super) made: Option<(Template, StepData)>,
    /// The files in which new lines name the coordinates of the source.
    pub(super) naming: Vec<String>,
}

/// What becomes of the sibling's flake.nix.
enum Flake {
    /// It is merged with the other files: the source's was written by hand.
    Merged,
    /// It is rendered with this template.
    Rendered(Template),
    /// It stays.
    Kept,
    /// The source has another template than before, and the sibling's is neither the old nor the new one.
    Conflict,
}

struct Merge<'a> {
    repo: &'a Repo,
    config: &'a Config,
    versions: &'a Versions,
}

/// Merges the changes from the base to the source into the sibling.
///
/// # Errors
/// When objects cannot be read.
pub(super) fn merge(repo: &Repo, config: &Config, versions: &Versions) -> Result<Merged> {
    let merge = Merge { repo, config, versions };
    if versions.base.tree == versions.theirs.tree {
        return Ok(Merged::Unchanged);
    }
    let (flake, mut conflicts) = (merge.flake()?, Vec::new());
    if matches!(flake, Flake::Conflict) {
        conflicts.push(FLAKE.to_owned());
    }
    let lock = or_conflict(merge.merged_leaf(LOCK), &mut conflicts)?;
    let merged = or_conflict(merge.files(matches!(flake, Flake::Merged)), &mut conflicts)?;
    match (merged, lock) {
        (Some(merged), Some(lock)) if conflicts.is_empty() => {
            merge.finish(repo.with_leaves(merged, [(LOCK, lock)])?, &flake)
        }
        _ => Ok(Merged::Conflict(conflicts)),
    }
}

/// The merged content; `None` if both sides changed it, then the paths are added to `conflicts`.
fn or_conflict<T>(merged: git::Result<T>, conflicts: &mut Vec<String>) -> Result<Option<T>> {
    match merged {
        Ok(merged) => Ok(Some(merged)),
        Err(git::Error::Conflict { paths }) => {
            conflicts.extend(paths);
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

impl Merge<'_> {
    fn ours(&self) -> &Directory {
        &self.versions.ours
    }

    fn flake(&self) -> Result<Flake> {
        let Versions { base, theirs, ours, .. } = self.versions;
        let is_changed = self.repo.leaf_at(base.tree, FLAKE)? != self.repo.leaf_at(theirs.tree, FLAKE)?;
        if theirs.made_by.is_none() && is_changed {
            return Ok(Flake::Merged);
        }
        let base = match &base.at {
            Some((commit, named)) => Directory::read(self.repo, self.config, &named.point, *commit)?,
            None => None,
        };
        let base = base.and_then(|base| base.made_by);
        let is_other = base.is_some() && theirs.made_by.is_some() && base != theirs.made_by;
        Ok(match (ours.made_by, theirs.made_by.filter(|_| is_other)) {
            (own, Some(new)) if own == base || own == Some(new) => Flake::Rendered(new),
            (_, Some(_)) => Flake::Conflict,
            (Some(own), None) => Flake::Rendered(own),
            (None, None) => Flake::Kept,
        })
    }

    /// The entry at `path` after the merge, as a whole.
    fn merged_leaf(&self, path: &str) -> git::Result<Option<Leaf>> {
        let Versions { base, theirs, ours, .. } = self.versions;
        let leaf = |tree: Oid| self.repo.leaf_at(tree, path);
        let (base, theirs, ours) = (leaf(base.tree)?, leaf(theirs.tree)?, leaf(ours.tree)?);
        match () {
            () if base == theirs || ours == theirs => Ok(ours),
            () if base == ours => Ok(theirs),
            () => Err(git::Error::Conflict { paths: vec![path.to_owned()] }),
        }
    }

    /// The merged tree, without `flake.lock`, and with the sibling's own `flake.nix` unless that is merged too.
    fn files(&self, with_flake: bool) -> git::Result<Oid> {
        let Versions { base, theirs, ours, .. } = self.versions;
        let own_flake = self.repo.leaf_at(ours.tree, FLAKE)?;
        let fit = |tree: Oid| {
            let flake = (!with_flake).then_some((FLAKE, own_flake));
            self.repo.with_leaves(tree, std::iter::once((LOCK, None)).chain(flake))
        };
        // The source may have had another name.
        let old = base.at.as_ref().map_or(&theirs.named, |(_, named)| named);
        let [old, new] = [old, &theirs.named].map(|named| Translation::new(self.config, named, &ours.named));
        let ours = fit(ours.tree)?;
        let base_tree = alike::lines_like(self.repo, &old, fit(base.tree)?, ours)?;
        let translated = |tree: Oid| alike::lines_like(self.repo, &new, fit(tree)?, ours);
        let theirs = translated(theirs.tree)?;
        let newer = || base.newer.iter().map(|tree| translated(*tree)).collect::<git::Result<Vec<_>>>();
        let base = if base_tree == ours { ours } else { self.nearer(base_tree, ours, theirs, &newer()?)? };
        self.repo.merge_trees(base, ours, theirs)
    }

    /// The base with those files taken from a newer version that are there as in the sibling: both sides have made these changes, by
    /// hand or on another way.
    fn nearer(&self, base: Oid, ours: Oid, theirs: Oid, newer: &[Oid]) -> git::Result<Oid> {
        let mut found = Vec::new();
        for change in self.repo.file_changes(base, theirs)?.into_iter().filter(FileChange::has_exact_path) {
            let own = self.repo.leaf_at(ours, &change.path)?;
            if own == change.before {
                continue;
            }
            for tree in newer {
                if self.repo.leaf_at(*tree, &change.path)? == own {
                    found.push((change.path, own));
                    break;
                }
            }
        }
        self.repo.with_leaves(base, found.iter().map(|(path, leaf)| (path.as_str(), *leaf)))
    }

    fn finish(&self, tree: Oid, flake: &Flake) -> Result<Merged> {
        let (repo, ours) = (self.repo, self.ours());
        let data = match repo.file_at(tree, CONFIG)?.map(Step::of) {
            Some(Step::Data(data)) => data,
            Some(Step::Bad(flaw)) => return Ok(Merged::Unusable(format!("`{CONFIG}` would not be TOML: {flaw}"))),
            _ => StepData::minimal(),
        };
        let mut made = None;
        let tree = match flake {
            Flake::Rendered(template) => {
                let values = ours.values(self.config, data.flake_inputs.clone());
                if *template == Template::Rust
                    && let Err(bad) =
                        rust::check_complete(self.config, &ours.named.point, &data, !values.previous.is_empty())
                {
                    return Ok(Merged::Unusable(bad.to_string()));
                }
                let text = template.render(&values);
                let text = text.with_context(|| format!("could not render `{}`", ours.named.spelled))?;
                let leaf = Leaf { kind: LeafKind::File, id: repo.write_blob(text.as_bytes())? };
                made = Some((*template, data));
                repo.with_leaves(tree, [(FLAKE, Some(leaf))])?
            }
            Flake::Merged | Flake::Kept | Flake::Conflict => tree,
        };
        if tree == ours.tree {
            return Ok(Merged::Unchanged);
        }
        let (files, naming) = self.changed(tree)?;
        let made = made.filter(|_| files.iter().any(|file| file == FLAKE || file == CONFIG));
        Ok(Merged::Changed(Ported { tree, files, made, naming }))
    }

    /// The files that differ from the sibling's, and those of them in which new lines name the source.
    fn changed(&self, tree: Oid) -> Result<(Vec<String>, Vec<String>)> {
        let names = Translation::new(self.config, &self.versions.theirs.named, &self.ours().named);
        let (mut files, mut naming) = (Vec::new(), Vec::new());
        for change in self.repo.file_changes(self.ours().tree, tree)? {
            let text = |leaf: Option<Leaf>| leaf.map_or(Ok(None), |leaf| alike::text(self.repo, leaf));
            let (before, after) = (text(change.before)?.unwrap_or_default(), text(change.after)?.unwrap_or_default());
            if change.path != FLAKE && names.has_new_lines(&before, &after) {
                naming.push(change.path.clone());
            }
            files.push(change.path);
        }
        Ok((files, naming))
    }
}
