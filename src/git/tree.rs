//! Trees: reading directories, and making trees that differ in a few paths.

use gix::bstr::ByteSlice;
use gix::objs::tree::EntryKind;

use super::effort::OBJECT;
use super::size::Kind;
use super::{Error, Oid, Repo, Result, doing, reading};

/// What a directory holds under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, which need not be UTF-8 in general but is for everything that is ours.
    pub name: String,
    /// Its object.
    pub id: Oid,
    /// Whether it is a directory.
    pub is_tree: bool,
}

/// A file to be put into a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// From the root of the tree, with `/`.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Beyond this no system opens a path: directories can be nested without end.
const LONGEST_PATH: usize = 4096;

/// How often an object is looked for while packs come and go.
const TRIES: usize = 20;

impl Repo {
    /// The object at `path` in the tree, if there is one.
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

    /// The same but for a submodule, whose commit is of another repository.
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
            let entry = entry.map_err(|error| reading(format!("tree {tree}"))(error.to_string()))?;
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

    /// An object; in a partial clone, which gix does not fill up, git fetches what is missing.
    pub(super) fn object(&self, id: Oid, kind: &str) -> Result<gix::Object<'_>> {
        if self.effort.is_limited() {
            self.effort.charge(self.size_of(id).unwrap_or_default().saturating_add(OBJECT))?;
        }
        match self.find_object(id) {
            Err(_) if self.is_partial() && self.git.fetch_object(id) => self.gix.find_object(id),
            found => found,
        }
        .map_err(reading(format!("{kind} {id}")))
    }

    /// Finds an object. `git repack` moves objects to new packs and deletes the old ones: gix looks into new packs once, and meanwhile
    /// another repack may have moved the object again. It is missing when the packs stay the same between two looks.
    fn find_object(&self, id: Oid) -> std::result::Result<gix::Object<'_>, gix::Error> {
        let packs = self.common_dir().join("objects/pack");
        let mut changed = None;
        for _ in 0..TRIES {
            if let Ok(found) = self.gix.find_object(id) {
                return Ok(found);
            }
            let now = std::fs::metadata(&packs).and_then(|meta| meta.modified()).ok();
            if changed.replace(now) == Some(now) {
                break;
            }
        }
        self.gix.find_object(id)
    }

    /// Makes sure that a whole tree is here, for programs that cannot fetch what a partial clone left out.
    ///
    /// # Errors
    /// When something of it cannot be read.
    pub fn complete(&self, tree: Oid) -> Result<()> {
        if !self.is_partial() {
            return Ok(());
        }
        let object = self.object(tree, "tree")?;
        for entry in gix::objs::TreeRefIter::from_bytes(&object.data, self.gix.object_hash()) {
            let entry = entry.map_err(|error| reading(format!("tree {tree}"))(error.to_string()))?;
            match entry.mode.kind() {
                EntryKind::Tree => self.complete(entry.oid.to_owned())?,
                EntryKind::Commit => {}
                _ => drop(self.object(entry.oid.to_owned(), "blob")?),
            }
        }
        Ok(())
    }

    /// What a directory holds, in git's order.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn entries(&self, tree: Oid) -> Result<Vec<Entry>> {
        let object = self.object(tree, "tree")?;
        let entries = gix::objs::TreeRefIter::from_bytes(&object.data, self.gix.object_hash());
        entries
            .map(|entry| {
                let entry = entry.map_err(|error| reading(format!("tree {tree}"))(error.to_string()))?;
                Ok(Entry {
                    name: entry.filename.to_str_lossy().into_owned(),
                    id: entry.oid.to_owned(),
                    is_tree: entry.mode.is_tree(),
                })
            })
            .collect()
    }

    /// The names in a directory that holds nothing but plain files; `None` when there is anything else: a directory, a link, a
    /// submodule.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn plain_files(&self, tree: Oid) -> Result<Option<Vec<String>>> {
        let object = self.object(tree, "tree")?;
        let mut names = Vec::new();
        for entry in gix::objs::TreeRefIter::from_bytes(&object.data, self.gix.object_hash()) {
            let entry = entry.map_err(|error| reading(format!("tree {tree}"))(error.to_string()))?;
            if !entry.mode.is_blob() {
                return Ok(None);
            }
            names.push(entry.filename.to_str_lossy().into_owned());
        }
        Ok(Some(names))
    }

    /// What in a directory is a file and not a plain one: the names, each with whether it is executable; else it is a link.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn odd_files(&self, tree: Oid) -> Result<Vec<(String, bool)>> {
        let object = self.object(tree, "tree")?;
        let mut names = Vec::new();
        for entry in gix::objs::TreeRefIter::from_bytes(&object.data, self.gix.object_hash()) {
            let entry = entry.map_err(|error| reading(format!("tree {tree}"))(error.to_string()))?;
            if entry.mode.is_executable() || entry.mode.is_link() {
                names.push((entry.filename.to_str_lossy().into_owned(), entry.mode.is_executable()));
            }
        }
        Ok(names)
    }

    /// The bytes of a plain file in a directory, which is no link; `None` when there is none of this name.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn plain_file(&self, tree: Oid, name: &str) -> Result<Option<Vec<u8>>> {
        let object = self.object(tree, "tree")?;
        for entry in gix::objs::TreeRefIter::from_bytes(&object.data, self.gix.object_hash()) {
            let entry = entry.map_err(|error| reading(format!("tree {tree}"))(error.to_string()))?;
            if entry.filename == name {
                let read = || self.bounded_blob(entry.oid.to_owned(), name, Kind::of(name)).map(Some);
                return if entry.mode.is_blob() { read() } else { Ok(None) };
            }
        }
        Ok(None)
    }

    /// Everything below `path`, which is `entry`, that is no directory or too deep, each with its path; at most `most` of them, in git's order.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn files_below(&self, path: &str, entry: &Entry, most: usize) -> Result<Vec<(String, Entry)>> {
        let (mut found, mut open) = (Vec::new(), vec![(path.to_owned(), entry.clone())]);
        while let Some((path, entry)) = open.pop() {
            if found.len() >= most {
                break;
            }
            if entry.is_tree && path.len() < LONGEST_PATH {
                let children = self.entries(entry.id)?;
                open.extend(children.into_iter().rev().map(|child| (format!("{path}/{}", child.name), child)));
            } else {
                found.push((path, entry));
            }
        }
        Ok(found)
    }

    /// The bytes of a blob, however many: [`Self::bounded_blob`] is for those that a branch can bring.
    ///
    /// # Errors
    /// When it cannot be read or is no blob.
    pub fn blob(&self, id: Oid) -> Result<Vec<u8>> {
        let mut blob = self.object(id, "blob")?.try_into_blob().map_err(reading(format!("blob {id}")))?;
        Ok(std::mem::take(&mut blob.data))
    }

    /// How large an object is, found without unpacking it; `None` when it is not here.
    pub fn size_of(&self, id: Oid) -> Option<u64> {
        self.gix.find_header(id).ok().map(|header| header.size())
    }

    /// The bytes of the file at `path` in the tree, if there is one.
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

    /// Whether there is a submodule at `path`: a commit, whose object may be here or not.
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

    /// The tree with these files put in; writes only the blobs and the trees along the paths.
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
                .map_err(doing(format!("put in `{}`", file.path)))?;
        }
        editor.write().map(gix::Id::detach).map_err(doing("write a tree"))
    }

    /// A tree of just these entries, each at its path from the root.
    ///
    /// # Errors
    /// When an object cannot be written.
    pub fn tree_of(&self, entries: &[(String, Entry)]) -> Result<Oid> {
        put_in(&self.gix.empty_tree(), entries)
    }

    /// The tree with these entries put in, each at its path from the root.
    ///
    /// # Errors
    /// When an object cannot be read or written.
    pub fn with_entries(&self, tree: Oid, entries: &[(String, Entry)]) -> Result<Oid> {
        let tree = self.object(tree, "tree")?.try_into_tree().map_err(reading(format!("tree {tree}")))?;
        put_in(&tree, entries)
    }

    pub(super) fn hash(&self, kind: gix::objs::Kind, bytes: &[u8]) -> Result<Oid> {
        gix::objs::compute_hash(self.gix.object_hash(), kind, bytes)
            .map_err(|error| Error::Malformed(error.to_string()))
    }

    /// The id that `bytes` have as a blob here; nothing is written.
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
        editor.upsert(path.as_str(), kind, entry.id).map_err(doing(format!("put in `{path}`")))?;
    }
    editor.write().map(gix::Id::detach).map_err(doing("write a tree"))
}
