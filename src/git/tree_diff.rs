//! Differences of two trees, file by file, and trees that differ in a few files.

use gix::bstr::ByteSlice as _;
use gix::diff::tree::recorder::Change;
use gix::diff::tree::{Recorder, State};
use gix::objs::TreeRefIter;
use gix::objs::tree::{EntryKind, EntryMode};

use super::{Oid, Repo, Result, doing, reading_object};

/// The kinds of entries that are not directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeafKind {
    /// A regular file.
    File,
    /// An executable file.
    Executable,
    /// A symbolic link.
    Link,
    /// A submodule.
    Submodule,
}

/// An entry of a tree that is not a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// Its kind.
    pub kind: LeafKind,
    /// Its object; for a submodule a commit of another repository.
    pub id: Oid,
}

/// A path at which two trees differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The path from the root of the trees, lossily converted to UTF-8.
    pub path: String,
    /// What the first tree has there.
    pub before: Option<Leaf>,
    /// What the second tree has there.
    pub after: Option<Leaf>,
}

impl FileChange {
    /// Whether the path is exact: with another one, files cannot be named.
    pub fn has_exact_path(&self) -> bool {
        !self.path.contains(char::REPLACEMENT_CHARACTER)
    }
}

impl Leaf {
    /// Whether it is a regular file, executable or not.
    pub fn is_file(self) -> bool {
        matches!(self.kind, LeafKind::File | LeafKind::Executable)
    }

    fn of(mode: EntryMode, id: Oid) -> Option<Self> {
        let kind = match mode.kind() {
            EntryKind::Tree => return None,
            EntryKind::Blob => LeafKind::File,
            EntryKind::BlobExecutable => LeafKind::Executable,
            EntryKind::Link => LeafKind::Link,
            EntryKind::Commit => LeafKind::Submodule,
        };
        Some(Self { kind, id })
    }

    fn entry_kind(self) -> EntryKind {
        match self.kind {
            LeafKind::File => EntryKind::Blob,
            LeafKind::Executable => EntryKind::BlobExecutable,
            LeafKind::Link => EntryKind::Link,
            LeafKind::Submodule => EntryKind::Commit,
        }
    }
}

impl Repo {
    /// List the files in which two trees differ, in git's order. A renamed file is deleted and added.
    ///
    /// # Errors
    /// When a tree cannot be read.
    pub fn file_changes(&self, before: Oid, after: Oid) -> Result<Vec<FileChange>> {
        let trees = [self.object(before, "tree")?, self.object(after, "tree")?];
        let [old, new] = trees.each_ref().map(|tree| TreeRefIter::from_bytes(&tree.data, self.gix.object_hash()));
        let mut recorder = Recorder::default();
        gix::diff::tree(old, new, State::default(), &self.gix.objects, &mut recorder)
            .map_err(reading_object("tree", after))?;
        let mut changes: Vec<_> = recorder.records.into_iter().filter_map(change).collect();
        // A file and a directory of the same name are two records.
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(changes)
    }

    /// Find the entry at `path` in a tree, unless it is a directory.
    ///
    /// # Errors
    /// When a tree cannot be read.
    pub fn leaf_at(&self, tree: Oid, path: &str) -> Result<Option<Leaf>> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = if parent.is_empty() { Some(tree) } else { self.entry_at(tree, parent)?.map(|entry| entry.id) };
        let Some(parent) = parent else { return Ok(None) };
        let object = self.object(parent, "tree")?;
        let mut entries = TreeRefIter::from_bytes(&object.data, self.gix.object_hash()).flatten();
        let found = entries.find(|entry| entry.filename == name);
        Ok(found.and_then(|entry| Leaf::of(entry.mode, entry.oid.to_owned())))
    }

    /// Write a tree with these entries set, or removed for `None`.
    ///
    /// # Errors
    /// When an object cannot be read or written.
    pub fn with_leaves<'p>(&self, tree: Oid, leaves: impl IntoIterator<Item = (&'p str, Option<Leaf>)>) -> Result<Oid> {
        let mut editor = self.gix.edit_tree(tree).map_err(doing("edit a tree"))?;
        for (path, leaf) in leaves {
            match leaf {
                Some(leaf) => editor.upsert(path, leaf.entry_kind(), leaf.id),
                None => editor.remove(path),
            }
            .map_err(doing(format!("change `{path}`")))?;
        }
        editor.write().map(gix::Id::detach).map_err(doing("write a tree"))
    }

    /// Write a blob.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_blob(&self, bytes: &[u8]) -> Result<Oid> {
        self.gix.write_blob(bytes).map(gix::Id::detach).map_err(doing("write a file"))
    }
}

fn change(change: Change) -> Option<FileChange> {
    let (path, before, after) = match change {
        Change::Addition { path, entry_mode, oid, .. } => (path, None, Leaf::of(entry_mode, oid)),
        Change::Deletion { path, entry_mode, oid, .. } => (path, Leaf::of(entry_mode, oid), None),
        Change::Modification { path, previous_entry_mode, previous_oid, entry_mode, oid } => {
            (path, Leaf::of(previous_entry_mode, previous_oid), Leaf::of(entry_mode, oid))
        }
    };
    let change = FileChange { path: path.to_str_lossy().into_owned(), before, after };
    (change.before.is_some() || change.after.is_some()).then_some(change)
}
