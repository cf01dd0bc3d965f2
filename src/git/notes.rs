//! Notes: texts that hang on objects, kept in a tree under a ref (git-notes(1)).
//!
//! `git notes add` and `append` lose notes when two write at once, so writing is read, compute, and a ref transaction that
//! states the old value. Any fan-out that git makes is read.

use std::time::Duration;

use gix::note::plumbing::State;

use super::identity::Identity;
use super::{Change, Error, Oid, Repo, Result, Transaction, doing, parse_oid, reading};

/// How often a writer begins again when another one was first.
const TRIES: usize = 50;

/// How many entries of a writer's notes are looked at.
const MOST_NOTES: usize = 1 << 20;
/// The longest object id.
const MOST_HEX: usize = 64;

/// What a notes commit holds.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// The annotated object's id and the blob.
    pub notes: Vec<(Oid, Oid)>,
    /// How many entries are something else.
    pub odd: usize,
    /// How many more would have been looked at: 0 when there were too many, and then none is given.
    pub left: usize,
}

fn is_fan_out(name: &gix::bstr::BStr) -> bool {
    name.len() == 2 && name.iter().all(u8::is_ascii_hexdigit)
}

impl Repo {
    /// The blob of the note on `object` in the notes commit `notes`.
    ///
    /// # Errors
    /// When the notes cannot be read.
    pub fn note(&self, notes: Oid, object: Oid) -> Result<Option<Oid>> {
        let root = self.tree_of_commit(notes)?;
        let mut state = State::new(root, &self.gix.objects).map_err(reading("the notes"))?;
        state.get(&object, &self.gix.objects).map_err(reading(format!("the note on {object}")))
    }

    /// The same, where each object is read only once `may_read` agreed to its size; `None` also where it did not, or where an object
    /// is not here: none is fetched.
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

    /// All notes in the notes commit `notes`, unless there are more than anybody has.
    ///
    /// # Errors
    /// When the commit cannot be read.
    pub fn all_notes(&self, notes: Oid) -> Result<Notes> {
        let mut found = Notes { left: MOST_NOTES, ..Notes::default() };
        self.collect_notes(self.tree_of_commit(notes)?, "", &mut found);
        if found.left == 0 {
            found.notes = Vec::new();
        }
        Ok(found)
    }

    /// A tree can hold itself in effect: the same small tree 256 times, level by level. So what is looked at is counted.
    fn collect_notes(&self, tree: Oid, hex: &str, found: &mut Notes) {
        let Ok(object) = self.object(tree, "tree") else {
            found.odd += 1;
            return;
        };
        for entry in gix::objs::TreeRefIter::from_bytes(&object.data, self.gix.object_hash()) {
            if found.left == 0 {
                return;
            }
            found.left -= 1;
            let name = entry.as_ref().map(|entry| format!("{hex}{}", entry.filename)).unwrap_or_default();
            match (entry, parse_oid(&name)) {
                (Ok(entry), Ok(object)) if entry.mode.is_blob() => found.notes.push((object, entry.oid.to_owned())),
                (Ok(entry), Err(_)) if entry.mode.is_tree() && is_fan_out(entry.filename) && name.len() < MOST_HEX => {
                    self.collect_notes(entry.oid.to_owned(), &name, found);
                }
                _ => found.odd += 1,
            }
        }
    }

    /// Appends bytes to the notes on objects, under the ref `name`.
    ///
    /// Whoever loses a race computes again from what the winner wrote, so that nothing is lost.
    ///
    /// # Errors
    /// When the notes cannot be read or written, or the race is lost again and again.
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
            let there = state.get(object, objects).map_err(reading(format!("the note on {object}")))?;
            let mut bytes = there.map(|blob| self.blob(blob)).transpose()?.unwrap_or_default();
            if bytes.last().is_some_and(|byte| *byte != b'\n') {
                bytes.push(b'\n');
            }
            bytes.extend_from_slice(text);
            let blob = self.gix.write_blob(bytes).map_err(doing("write a note"))?.detach();
            state.edit(*object, Some(blob), objects).map_err(doing("put in a note"))?;
        }
        state.write(objects).map_err(doing("write the notes"))
    }
}
