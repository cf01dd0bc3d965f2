//! Three-way merges of trees entry by entry, without reading files.
//!
//! Points own separate directories, so nearly all merges of points need nothing else.

use gix::bstr::BStr;
use gix::objs::tree::{Entry, EntryKind, EntryMode, EntryRef};
use gix::objs::{Tree, TreeRef, Write as _};

use super::{Oid, Repo, Result, doing, reading_object};

/// The mode and object of an entry; `None` if the tree does not have it.
type Found = Option<(EntryMode, Oid)>;

/// One name in the base, our and their tree.
struct Triple<'t> {
    name: &'t BStr,
    base: Found,
    ours: Found,
    theirs: Found,
}

/// Walks three trees side by side, in git's order.
struct SideBySide<'t, 'o>([&'t [EntryRef<'o>]; 3]);

impl<'o> Iterator for SideBySide<'_, 'o> {
    type Item = Triple<'o>;

    fn next(&mut self) -> Option<Triple<'o>> {
        let first = *self.0.iter().filter_map(|entries| entries.first()).min()?;
        let mut take = |at: usize| {
            let (entry, rest) = self.0[at].split_first().filter(|(entry, _)| entry.cmp(&&first).is_eq())?;
            self.0[at] = rest;
            Some((entry.mode, entry.oid.to_owned()))
        };
        Some(Triple { name: first.filename, base: take(0), ours: take(1), theirs: take(2) })
    }
}

impl Repo {
    /// Merge two trees with a common base; `None` if both changed the same file, or one has a file where the other has a directory.
    ///
    /// # Errors
    /// When a tree cannot be read or written.
    pub(super) fn merge_entries(&self, base: Oid, ours: Oid, theirs: Oid) -> Result<Option<Oid>> {
        if base == ours || ours == theirs {
            return Ok(Some(theirs));
        }
        if base == theirs {
            return Ok(Some(ours));
        }
        let objects = [self.object(base, "tree")?, self.object(ours, "tree")?, self.object(theirs, "tree")?];
        let [base, ours, theirs] = &objects;
        let triples = [&self.parsed(base)?[..], &self.parsed(ours)?, &self.parsed(theirs)?];
        self.join(SideBySide(triples))
    }

    fn parsed<'o>(&self, tree: &'o gix::Object<'_>) -> Result<Vec<EntryRef<'o>>> {
        let parsed = TreeRef::from_bytes(&tree.data, self.gix.object_hash());
        parsed.map(|parsed| parsed.entries).map_err(reading_object("tree", tree.id))
    }

    fn join(&self, triples: SideBySide<'_, '_>) -> Result<Option<Oid>> {
        let (mut merged, mut added) = (Tree::empty(), Vec::new());
        for triple in triples {
            let Some(found) = self.resolve(&triple)? else { return Ok(None) };
            let Some((mode, oid)) = found else { continue };
            if triple.base.is_none() {
                added.push(merged.entries.len());
            }
            merged.entries.push(Entry { mode, filename: triple.name.to_owned(), oid });
        }
        let is_both = |at: &usize| has_other_kind(&merged.entries, &merged.entries[*at]);
        if added.iter().any(is_both) {
            return Ok(None);
        }
        self.gix.write(&merged).map(Some).map_err(doing("write the merged tree"))
    }

    /// The merged entry; `None` if that needs the content of files.
    fn resolve(&self, Triple { base, ours, theirs, .. }: &Triple<'_>) -> Result<Option<Found>> {
        if ours == theirs || base == theirs {
            return Ok(Some(*ours));
        }
        if base == ours {
            return Ok(Some(*theirs));
        }
        let (Some((mode, ours)), Some((_, theirs))) = (*ours, *theirs) else { return Ok(None) };
        // Names of files and directories are never equal in git's order.
        if !mode.is_tree() {
            return Ok(None);
        }
        let base = base.map_or_else(|| self.empty_tree(), |(_, base)| base);
        let merged = self.merge_entries(base, ours, theirs)?;
        Ok(merged.map(|tree| (tree != self.empty_tree()).then_some((mode, tree))))
    }
}

/// Whether a tree has a file with the name of this directory, or a directory with the name of this file.
fn has_other_kind(entries: &[Entry], entry: &Entry) -> bool {
    let kind = if entry.mode.is_tree() { EntryKind::Blob } else { EntryKind::Tree };
    let other = Entry { mode: kind.into(), ..entry.clone() };
    entries.binary_search(&other).is_ok()
}
