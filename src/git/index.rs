//! The current index: the contents of the next commit.

use std::collections::HashMap;
use std::path::PathBuf;

use gix::bstr::{BStr, ByteSlice};
use gix::index::decode::Options;
use gix::index::entry::{Flags, Mode, Stage};
use gix::index::extension::Tree as Cached;
use gix::index::{Entry, File, State};
use gix::objs::TreeRefIter;

use super::size::Kind;
use super::{Oid, Repo, Result, reading, reading_object};

impl Repo {
    /// List the regular files with suffix `suffix` that the next commit adds or changes, each with its blob.
    ///
    /// Like git, this uses the index that `GIT_INDEX_FILE` names (`commit PATH` uses a temporary one). Directories whose cached tree
    /// in the index equals HEAD's are skipped.
    ///
    /// # Errors
    /// When the index or HEAD cannot be read.
    pub fn staged(&self, suffix: &str) -> Result<Vec<(PathBuf, Oid)>> {
        let index = self.index()?;
        let head = self.head()?.commit.map(|commit| self.tree_of_commit(commit)).transpose()?;
        let mut search = Search { repo: self, index: &index, suffix: suffix.as_bytes(), found: Vec::new() };
        search.folder(index.entries(), 0, index.tree(), head)?;
        Ok(search.found)
    }

    /// Read the current index; empty if it does not exist yet.
    ///
    /// Like git (read-cache.c), skip the checksum, which `git fsck` verifies: a commit waits for this.
    pub(super) fn index(&self) -> Result<File> {
        let (path, hash) = (self.gix.index_path(), self.gix.object_hash());
        if !path.exists() {
            return Ok(File::from_state(State::new(hash), path));
        }
        let options = Options { thread_limit: Some(1), ..Options::default() };
        File::at(path, hash, true, options).map_err(reading("the index"))
    }

    /// Read the file at `path` in the index; `None` if it does not exist.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn staged_file(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let index = self.index()?;
        let entry = index.entry_by_path(BStr::new(path.as_bytes())).filter(|entry| is_file(entry));
        entry.map(|entry| self.bounded_blob(entry.id, path, Kind::of(path))).transpose()
    }
}

fn is_file(entry: &Entry) -> bool {
    matches!(entry.mode, Mode::FILE | Mode::FILE_EXECUTABLE)
        && entry.stage() == Stage::Unconflicted
        && !entry.flags.contains(Flags::INTENT_TO_ADD)
}

struct Search<'a> {
    repo: &'a Repo,
    index: &'a State,
    suffix: &'a [u8],
    found: Vec<(PathBuf, Oid)>,
}

impl Search<'_> {
    /// Search the entries of one directory, whose paths share `depth` bytes. `cached` is its cached tree in the index, `head` the
    /// same directory in HEAD.
    fn folder(&mut self, entries: &[Entry], depth: usize, cached: Option<&Cached>, head: Option<Oid>) -> Result<()> {
        if cached.is_some_and(|cached| cached.num_entries.is_some() && Some(cached.id) == head) {
            return Ok(());
        }
        let committed = head.map(|tree| self.repo.ids(tree)).transpose()?.unwrap_or_default();
        let id_of = |name: &[u8], tree: bool| committed.get(name).filter(|(_, is)| *is == tree).map(|(id, _)| *id);
        let mut rest = entries;
        while let Some(entry) = rest.first() {
            let path = entry.path(self.index);
            let name = path.get(depth..).unwrap_or_default();
            let Some(length) = name.find_byte(b'/') else {
                self.file(entry, path, id_of(name, false))?;
                rest = &rest[1..];
                continue;
            };
            let (name, prefix) = (&name[..length], &path[..=depth + length]);
            // Entries are sorted by path, so those of a directory are adjacent.
            let inside = rest.partition_point(|entry| entry.path(self.index).starts_with(prefix));
            let child = cached.and_then(|cached| cached.children.iter().find(|child| child.name[..] == *name));
            let (folder, after) = rest.split_at(inside.max(1));
            self.folder(folder, depth + length + 1, child, id_of(name, true))?;
            rest = after;
        }
        Ok(())
    }

    fn file(&mut self, entry: &Entry, path: &BStr, committed: Option<Oid>) -> Result<()> {
        if is_file(entry) && path.ends_with(self.suffix) && committed != Some(entry.id) {
            let path = gix::path::from_bstr(path).map_err(reading("a path in the index"))?;
            self.found.push((path.into_owned(), entry.id));
        }
        Ok(())
    }
}

impl Repo {
    /// The entries of a tree by name: the id, and whether it is a tree.
    fn ids(&self, tree: Oid) -> Result<HashMap<Vec<u8>, (Oid, bool)>> {
        let object = self.object(tree, "tree")?;
        let id = |entry: std::result::Result<gix::objs::tree::EntryRef<'_>, _>| match entry {
            Ok(entry) => Ok((entry.filename.to_vec(), (entry.oid.to_owned(), entry.mode.is_tree()))),
            Err(error) => Err(reading_object("tree", tree)(format!("{error}"))),
        };
        TreeRefIter::from_bytes(&object.data, self.gix.object_hash()).map(id).collect()
    }
}
