//! Trees: reading directories, and creating trees that differ in a few paths.

use gix::bstr::ByteSlice;
use gix::objs::tree::EntryKind;

use super::effort::OBJECT;
use super::size::Kind;
use super::{Error, Oid, Repo, Result, doing, reading_object};

/// An entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, lossily converted to UTF-8; names written by git-lattice are always UTF-8.
    pub name: String,
    /// Its object.
    pub id: Oid,
    /// Whether it is a directory.
    pub is_tree: bool,
}

/// A file to write to a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The path from the root of the tree, with `/`.
    pub path: String,
    /// The content.
    pub bytes: Vec<u8>,
}

/// Maximum length of a path that any system can open: trees can be nested without limit.
const MAX_PATH: usize = 4096;

/// How often an object is searched while packs change.
const TRIES: usize = 20;

impl Repo {
    /// Find the entry at `path` in a tree.
    ///
    /// # Errors
    /// When a tree cannot be read.
    pub fn entry_at(&self, tree: Oid, path: &str) -> Result<Option<Entry>> {
        let mut found = Entry { name: String::new(), id: tree, is_tree: true };
        for part in path.split('/') {
            let next = if found.is_tree { self.child(found.id, part)? } else { None };
            match next {
                Some(entry) => found = entry,
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    /// Like [`Self::entry_at`], but `None` for a submodule, whose commit belongs to another repository.
    ///
    /// # Errors
    /// When a tree cannot be read.
    pub fn content_at(&self, tree: Oid, path: &str) -> Result<Option<Entry>> {
        match self.entry_at(tree, path)? {
            Some(entry) if !entry.is_tree && self.is_submodule(tree, path)? => Ok(None),
            found => Ok(found),
        }
    }

    fn child(&self, tree: Oid, name: &str) -> Result<Option<Entry>> {
        let object = self.object(tree, "tree")?;
        let entries = gix::objs::TreeRefIter::from_bytes(&object.data, self.gix.object_hash());
        for entry in entries {
            let entry = entry.map_err(|error| reading_object("tree", tree)(error.to_string()))?;
            if entry.filename == name {
                return Ok(Some(Entry {
                    name: name.to_owned(),
                    id: entry.oid.to_owned(),
                    is_tree: entry.mode.is_tree(),
                }));
            }
        }
        Ok(None)
    }

    /// Read an object. In a partial clone git fetches missing objects, which gix does not.
    pub(super) fn object(&self, id: Oid, kind: &str) -> Result<gix::Object<'_>> {
        if self.effort.is_limited() {
            self.effort.charge(self.size_of(id).unwrap_or_default().saturating_add(OBJECT))?;
        }
        match self.find_object(id) {
            Err(_) if self.is_partial() && self.git.fetch_object(id) => self.gix.find_object(id),
            found => found,
        }
        .map_err(reading_object(kind, id))
    }

    /// Find an object while `git repack` may move it to a new pack and delete the old one: gix reloads the packs only once, and
    /// another repack may move the object again meanwhile. It is missing if the packs are unchanged between two attempts.
    fn find_object(&self, id: Oid) -> std::result::Result<gix::Object<'_>, gix::Error> {
        let (mut found, mut changed) = (self.gix.find_object(id), None);
        for _ in 0..TRIES {
            if found.is_ok() {
                break;
            }
            let packs = std::fs::metadata(self.common_dir().join("objects/pack"));
            let now = packs.and_then(|meta| meta.modified()).ok();
            if changed.replace(now) == Some(now) {
                break;
            }
            found = self.gix.find_object(id);
        }
        found
    }

    /// Fetch the missing objects of a whole tree, for programs that cannot fetch from a partial clone's remote.
    ///
    /// # Errors
    /// When an object cannot be read.
    pub fn complete(&self, tree: Oid) -> Result<()> {
        if !self.is_partial() {
            return Ok(());
        }
        let object = self.object(tree, "tree")?;
        for entry in gix::objs::TreeRefIter::from_bytes(&object.data, self.gix.object_hash()) {
            let entry = entry.map_err(|error| reading_object("tree", tree)(error.to_string()))?;
            match entry.mode.kind() {
                EntryKind::Tree => self.complete(entry.oid.to_owned())?,
                EntryKind::Commit => {}
                _ => drop(self.object(entry.oid.to_owned(), "blob")?),
            }
        }
        Ok(())
    }

    /// List the entries of a directory in git's order.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn entries(&self, tree: Oid) -> Result<Vec<Entry>> {
        let object = self.object(tree, "tree")?;
        let entries = gix::objs::TreeRefIter::from_bytes(&object.data, self.gix.object_hash());
        entries
            .map(|entry| {
                let entry = entry.map_err(|error| reading_object("tree", tree)(error.to_string()))?;
                Ok(Entry {
                    name: entry.filename.to_str_lossy().into_owned(),
                    id: entry.oid.to_owned(),
                    is_tree: entry.mode.is_tree(),
                })
            })
            .collect()
    }

    /// List the names in a directory that contains only regular files; `None` if it contains a directory, link or submodule.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn plain_files(&self, tree: Oid) -> Result<Option<Vec<String>>> {
        let object = self.object(tree, "tree")?;
        let mut names = Vec::new();
        for entry in gix::objs::TreeRefIter::from_bytes(&object.data, self.gix.object_hash()) {
            let entry = entry.map_err(|error| reading_object("tree", tree)(error.to_string()))?;
            if !entry.mode.is_blob() {
                return Ok(None);
            }
            names.push(entry.filename.to_str_lossy().into_owned());
        }
        Ok(Some(names))
    }

    /// List the executable files and symbolic links in a directory: the name, and whether it is executable (else a link).
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn odd_files(&self, tree: Oid) -> Result<Vec<(String, bool)>> {
        let object = self.object(tree, "tree")?;
        let mut names = Vec::new();
        for entry in gix::objs::TreeRefIter::from_bytes(&object.data, self.gix.object_hash()) {
            let entry = entry.map_err(|error| reading_object("tree", tree)(error.to_string()))?;
            if entry.mode.is_executable() || entry.mode.is_link() {
                names.push((entry.filename.to_str_lossy().into_owned(), entry.mode.is_executable()));
            }
        }
        Ok(names)
    }

    /// Read a regular file in a directory; `None` if it does not exist or is not a regular file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn plain_file(&self, tree: Oid, name: &str) -> Result<Option<Vec<u8>>> {
        let object = self.object(tree, "tree")?;
        for entry in gix::objs::TreeRefIter::from_bytes(&object.data, self.gix.object_hash()) {
            let entry = entry.map_err(|error| reading_object("tree", tree)(error.to_string()))?;
            if entry.filename == name {
                let read = || self.bounded_blob(entry.oid.to_owned(), name, Kind::of(name)).map(Some);
                return if entry.mode.is_blob() { read() } else { Ok(None) };
            }
        }
        Ok(None)
    }

    /// List at most `most` files below `path`, which is `entry`, in git's order; too deeply nested directories count as files.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn files_below(&self, path: &str, entry: &Entry, most: usize) -> Result<Vec<(String, Entry)>> {
        let (mut found, mut open) = (Vec::new(), vec![(path.to_owned(), entry.clone())]);
        while let Some((path, entry)) = open.pop() {
            if found.len() >= most {
                break;
            }
            if entry.is_tree && path.len() < MAX_PATH {
                let children = self.entries(entry.id)?;
                open.extend(children.into_iter().rev().map(|child| (format!("{path}/{}", child.name), child)));
            } else {
                found.push((path, entry));
            }
        }
        Ok(found)
    }

    /// Read a blob of any size; use [`Self::bounded_blob`] for content of branches.
    ///
    /// # Errors
    /// When it cannot be read or is not a blob.
    pub fn blob(&self, id: Oid) -> Result<Vec<u8>> {
        let mut blob = self.object(id, "blob")?.try_into_blob().map_err(reading_object("blob", id))?;
        Ok(std::mem::take(&mut blob.data))
    }

    /// The size of an object, without decompressing it; `None` if it is missing.
    pub fn size_of(&self, id: Oid) -> Option<u64> {
        self.gix.find_header(id).ok().map(|header| header.size())
    }

    /// Read the file at `path` in a tree; `None` if it does not exist.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn file_at(&self, tree: Oid, path: &str) -> Result<Option<Vec<u8>>> {
        match self.entry_at(tree, path)? {
            Some(entry) if !entry.is_tree => match self.bounded_blob(entry.id, path, Kind::of(path)) {
                Err(_) if self.is_submodule(tree, path)? => Ok(None),
                read => read.map(Some),
            },
            _ => Ok(None),
        }
    }

    /// Whether `path` is a submodule: a commit entry, whose object may be missing.
    ///
    /// # Errors
    /// When a tree cannot be read.
    pub fn is_submodule(&self, tree: Oid, path: &str) -> Result<bool> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = if parent.is_empty() { Some(tree) } else { self.entry_at(tree, parent)?.map(|entry| entry.id) };
        let Some(parent) = parent else { return Ok(false) };
        let object = self.object(parent, "tree")?;
        let entries = gix::objs::TreeRefIter::from_bytes(&object.data, self.gix.object_hash());
        Ok(entries.flatten().any(|entry| entry.filename == name && entry.mode.is_commit()))
    }

    /// Write a tree with these files added or replaced; writes only their blobs and the trees along the paths.
    ///
    /// # Errors
    /// When an object cannot be written.
    pub fn with_files(&self, tree: Oid, files: &[File]) -> Result<Oid> {
        for file in files.iter().filter(|_| self.is_partial()) {
            self.entry_at(tree, &file.path)?;
        }
        let mut editor = self.gix.edit_tree(tree).map_err(doing("edit a tree"))?;
        for file in files {
            let blob = self.gix.write_blob(&file.bytes).map_err(doing(format!("write `{}`", file.path)))?;
            editor
                .upsert(file.path.as_str(), EntryKind::Blob, blob)
                .map_err(doing(format!("insert `{}`", file.path)))?;
        }
        editor.write().map(gix::Id::detach).map_err(doing("write a tree"))
    }

    /// Write a tree of exactly these entries, each at its path from the root.
    ///
    /// # Errors
    /// When an object cannot be written.
    pub fn tree_of(&self, entries: &[(String, Entry)]) -> Result<Oid> {
        put_in(&self.gix.empty_tree(), entries)
    }

    /// Write a tree with these entries added or replaced, each at its path from the root.
    ///
    /// # Errors
    /// When an object cannot be read or written.
    pub fn with_entries(&self, tree: Oid, entries: &[(String, Entry)]) -> Result<Oid> {
        let tree = self.object(tree, "tree")?.try_into_tree().map_err(reading_object("tree", tree))?;
        put_in(&tree, entries)
    }

    /// Write a tree without the directories `gone`, and with the directories `put`, each a path from the root and its tree.
    ///
    /// # Errors
    /// When an object cannot be read or written.
    pub fn with_directories(&self, tree: Oid, gone: &[String], put: &[(String, Oid)]) -> Result<Oid> {
        let tree = self.object(tree, "tree")?.try_into_tree().map_err(reading_object("tree", tree))?;
        let mut editor = tree.edit().map_err(doing("edit a tree"))?;
        for path in gone {
            editor.remove(path.as_str()).map_err(doing(format!("remove `{path}`")))?;
        }
        for (path, id) in put {
            editor.upsert(path.as_str(), EntryKind::Tree, *id).map_err(doing(format!("insert `{path}`")))?;
        }
        editor.write().map(gix::Id::detach).map_err(doing("write a tree"))
    }

    pub(super) fn hash(&self, kind: gix::objs::Kind, bytes: &[u8]) -> Result<Oid> {
        gix::objs::compute_hash(self.gix.object_hash(), kind, bytes)
            .map_err(|error| Error::Malformed(error.to_string()))
    }

    /// Compute the blob id of `bytes` without writing it.
    ///
    /// # Errors
    /// When hashing fails (a collision attack, says gix).
    pub fn blob_id(&self, bytes: &[u8]) -> Result<Oid> {
        self.hash(gix::objs::Kind::Blob, bytes)
    }

    /// The id of the empty tree.
    pub fn empty_tree(&self) -> Oid {
        Oid::empty_tree(self.gix.object_hash())
    }
}

fn put_in(tree: &gix::Tree<'_>, entries: &[(String, Entry)]) -> Result<Oid> {
    let mut editor = tree.edit().map_err(doing("make a tree"))?;
    for (path, entry) in entries {
        let kind = if entry.is_tree { EntryKind::Tree } else { EntryKind::Blob };
        editor.upsert(path.as_str(), kind, entry.id).map_err(doing(format!("insert `{path}`")))?;
    }
    editor.write().map(gix::Id::detach).map_err(doing("write a tree"))
}
