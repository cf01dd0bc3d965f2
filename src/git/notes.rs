//! Notes: texts attached to objects, stored in a tree under a ref (git-notes(1)).
//!
//! `git notes add` and `append` lose notes when two processes write at once. So a write reads, computes, and moves the ref in a
//! transaction that states the old value. Every fan-out that git creates can be read.

use std::time::Duration;

use gix::note::plumbing::State;

use super::identity::Identity;
use super::{Change, Error, Oid, Repo, Result, Transaction, doing, reading};

/// How often a write is retried after another process moved the ref.
const TRIES: usize = 50;

/// Maximum number of tree entries that are read of all notes: six times what three writers of 100,000 points need.
const MAX_ENTRIES: usize = 1 << 21;
/// The most entries of one notes commit that are read at first, later, and at last.
const ROUNDS: [usize; 3] = [1 << 12, 1 << 16, 1 << 20];
/// The length of the longest object id in hexadecimal digits.
const MAX_HEX: usize = 64;

/// The notes of a notes commit.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// The id of each annotated object, and the blob of its note.
    pub notes: Vec<(Oid, Oid)>,
    /// Number of entries that are not notes.
    pub odd: usize,
    /// The rest of the entry limit; 0 if it was exceeded, and then `notes` is empty.
    pub left: usize,
}

fn is_fan_out(name: &gix::bstr::BStr) -> bool {
    name.len() == 2 && name.iter().all(u8::is_ascii_hexdigit)
}

impl Repo {
    /// Find the blob of the note on `object` in the notes commit `notes`.
    ///
    /// # Errors
    /// When the notes cannot be read.
    pub fn note(&self, notes: Oid, object: Oid) -> Result<Option<Oid>> {
        let root = self.tree_of_commit(notes)?;
        let mut state = State::new(root, &self.gix.objects).map_err(reading("the notes"))?;
        state.get(&object, &self.gix.objects).map_err(reading(format!("the note on {object}")))
    }

    /// Like [`Self::note`], but read an object only if `may_read` accepts its size; `None` also if it does not, or if an object is
    /// missing: nothing is fetched.
    ///
    /// # Errors
    /// When the notes cannot be read.
    pub fn note_within(&self, notes: Oid, object: Oid, may_read: &dyn Fn(u64) -> bool) -> Result<Option<Oid>> {
        let may_read = |id| self.size_of(id).is_some_and(may_read);
        if !may_read(notes) {
            return Ok(None);
        }
        let (hex, mut tree) = (object.to_string(), self.tree_of_commit(notes)?);
        for depth in (0..hex.len()).step_by(2) {
            if !may_read(tree) {
                return Ok(None);
            }
            if let Some(note) = self.entry_at(tree, &hex[depth..])?.filter(|entry| !entry.is_tree) {
                return Ok(Some(note.id));
            }
            match self.entry_at(tree, &hex[depth..depth + 2])?.filter(|entry| entry.is_tree) {
                Some(below) => tree = below.id,
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// List all notes in each of these notes commits, except in those that exceed the entry limit. The entries of all together are limited
    /// too, because one small tree can stand for many. Commits with few notes are read before those with many, which cannot hide them.
    ///
    /// # Errors
    /// When a commit cannot be read.
    pub fn notes_of(&self, commits: &[Oid]) -> Vec<Result<Notes>> {
        let mut all: Vec<Result<Notes>> = commits.iter().map(|_| Ok(Notes::default())).collect();
        let (mut waiting, mut left): (Vec<usize>, _) = ((0..commits.len()).collect(), MAX_ENTRIES);
        for most in ROUNDS {
            waiting.retain(|&i| {
                let most = most.min(left);
                all[i] = self.notes_within(commits[i], most);
                let is_too_long = all[i].as_ref().is_ok_and(|found| found.left == 0);
                left -= all[i].as_ref().map_or(0, |found| most - found.left);
                is_too_long
            });
        }
        all
    }

    /// List all notes in the notes commit `notes`, unless they exceed the entry limit.
    ///
    /// # Errors
    /// When the commit cannot be read.
    pub fn all_notes(&self, notes: Oid) -> Result<Notes> {
        self.notes_within(notes, MAX_ENTRIES)
    }

    fn notes_within(&self, notes: Oid, most: usize) -> Result<Notes> {
        let mut found = Notes { left: most, ..Notes::default() };
        if most > 0 {
            self.collect_notes(self.tree_of_commit(notes)?, &mut Vec::new(), &mut found);
        }
        if found.left == 0 {
            found.notes = Vec::new();
        }
        Ok(found)
    }

    /// Collect the notes below a tree; `hex` is its path without `/`. Entries are counted, because nesting one small tree 256 times per
    /// level makes a huge one.
    fn collect_notes(&self, tree: Oid, hex: &mut Vec<u8>, found: &mut Notes) {
        let Ok(object) = self.object(tree, "tree") else {
            found.odd += 1;
            return;
        };
        for entry in gix::objs::TreeRefIter::from_bytes(&object.data, self.gix.object_hash()) {
            if found.left == 0 {
                return;
            }
            found.left -= 1;
            let Ok(entry) = entry else {
                found.odd += 1;
                continue;
            };
            let end = hex.len();
            hex.extend_from_slice(entry.filename);
            match Oid::from_hex(hex) {
                Ok(object) if entry.mode.is_blob() => found.notes.push((object, entry.oid.to_owned())),
                Err(_) if entry.mode.is_tree() && is_fan_out(entry.filename) && hex.len() < MAX_HEX => {
                    self.collect_notes(entry.oid.to_owned(), hex, found);
                }
                _ => found.odd += 1,
            }
            hex.truncate(end);
        }
    }

    /// Append bytes to the notes on objects, under the ref `name`; returns the new notes commit.
    ///
    /// After a lost race the write is computed again from the new value, so no note is lost.
    ///
    /// # Errors
    /// When the notes cannot be read or written, or all retries lost the race.
    pub fn append_notes(
        &self,
        identity: &Identity,
        name: &str,
        message: &str,
        texts: &[(Oid, Vec<u8>)],
    ) -> Result<Oid> {
        let mut tried = 0;
        loop {
            let old = self.find_ref(name)?;
            let mut memory = self.in_memory();
            let tree = memory.with_appended(old, texts)?;
            let new = memory.make_notes_commit(identity, message, tree, &old.into_iter().collect::<Vec<_>>())?;
            memory.keep_objects(self)?;
            let change = Change { name: name.to_owned(), old, new: Some(new) };
            match self.apply(&Transaction { message: message.to_owned(), changes: vec![change] }) {
                Ok(()) => return Ok(new),
                Err(Error::Ref { .. } | Error::Locked { .. }) if tried < TRIES => tried += 1,
                Err(error) => return Err(error),
            }
            std::thread::sleep(Duration::from_millis(2 << tried.min(6)));
        }
    }

    fn with_appended(&self, notes: Option<Oid>, texts: &[(Oid, Vec<u8>)]) -> Result<Oid> {
        let root = notes.map_or_else(|| Ok(self.empty_tree()), |commit| self.tree_of_commit(commit))?;
        if root == self.empty_tree() {
            self.gix.write_object(gix::objs::Tree::empty()).map_err(doing("write the empty tree"))?;
        }
        let objects = &self.gix.objects;
        let mut state = State::new(root, objects).map_err(reading("the notes"))?;
        for (object, text) in texts {
            let existing = state.get(object, objects).map_err(reading(format!("the note on {object}")))?;
            let mut bytes = existing.map(|blob| self.blob(blob)).transpose()?.unwrap_or_default();
            if bytes.last().is_some_and(|byte| *byte != b'\n') {
                bytes.push(b'\n');
            }
            bytes.extend_from_slice(text);
            let blob = self.gix.write_blob(bytes).map_err(doing("write a note"))?.detach();
            state.edit(*object, Some(blob), objects).map_err(doing("insert a note"))?;
        }
        state.write(objects).map_err(doing("write the notes"))
    }
}
