//! Directories as tree objects: reading one without copying names, and creating one with a subset of the entries.

use gix::objs::{Kind, TreeRefIter};
use gix::prelude::Write as _;

use super::{Oid, Repo, Result, doing, reading_object};

/// Bytes reserved for a new tree: the steps of a phase mostly fit.
const ROOM: usize = 512;

/// A directory.
pub struct Directory<'r> {
    id: Oid,
    object: gix::Object<'r>,
    hash: gix::hash::Kind,
}

/// An entry of a directory.
#[derive(Debug, Clone, Copy)]
pub struct EntryRef<'d> {
    /// The name; `None` if it is not UTF-8, which names of points are.
    pub name: Option<&'d str>,
    /// The object id.
    pub id: Oid,
    /// Whether it is a directory.
    pub is_tree: bool,
}

/// A tree object under construction that contains only directories.
#[derive(Debug, Default)]
pub struct Directories {
    bytes: Vec<u8>,
    /// The last added name.
    last: Vec<u8>,
    /// Whether names are out of git's order or repeated.
    is_unsorted: bool,
}

impl Directory<'_> {
    /// The entries in git's order.
    pub fn entries(&self) -> impl Iterator<Item = Result<EntryRef<'_>>> {
        TreeRefIter::from_bytes(&self.object.data, self.hash).map(|entry| {
            let entry = entry.map_err(|error| reading_object("tree", self.id)(error.to_string()))?;
            let name = std::str::from_utf8(entry.filename).ok();
            Ok(EntryRef { name, id: entry.oid.to_owned(), is_tree: entry.mode.is_tree() })
        })
    }
}

impl Directories {
    /// Add a directory.
    pub fn push(&mut self, name: &str, id: Oid) {
        self.is_unsorted |= !self.bytes.is_empty() && !is_before(&self.last, name.as_bytes());
        self.last.clear();
        self.last.extend_from_slice(name.as_bytes());
        if self.bytes.is_empty() {
            self.bytes.reserve(ROOM);
        }
        self.bytes.extend_from_slice(b"40000 ");
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.bytes.extend_from_slice(id.as_slice());
    }

    /// Whether there are no directories.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Return the bytes of the tree, sorted. The last entry of a repeated name is kept.
    fn in_order(self, hash: gix::hash::Kind) -> Vec<u8> {
        if !self.is_unsorted {
            return self.bytes;
        }
        let mut entries: Vec<_> = TreeRefIter::from_bytes(&self.bytes, hash).flatten().collect();
        entries.reverse();
        entries.sort_by(|a, b| order(a.filename).cmp(order(b.filename)));
        entries.dedup_by(|a, b| a.filename == b.filename);
        let mut sorted = Self::default();
        for entry in entries {
            sorted.push(&entry.filename.to_string(), entry.oid.to_owned());
        }
        sorted.bytes
    }
}

/// The sort key of a directory name: git compares it as if it ended in `/`.
fn order(name: &[u8]) -> impl Iterator<Item = u8> {
    name.iter().copied().chain([b'/'])
}

fn is_before(a: &[u8], b: &[u8]) -> bool {
    order(a).lt(order(b))
}

impl Repo {
    /// Read a directory.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn directory(&self, tree: Oid) -> Result<Directory<'_>> {
        Ok(Directory { id: tree, object: self.object(tree, "tree")?, hash: self.gix.object_hash() })
    }

    /// Return the id of the tree `left`, a subset of `whole`, without writing it.
    ///
    /// # Errors
    /// When hashing fails (a collision attack, says gix).
    pub fn id_of(&self, left: Directories, whole: &Directory<'_>) -> Result<Oid> {
        let bytes = left.in_order(whole.hash);
        if bytes == whole.object.data { Ok(whole.id) } else { self.hash(Kind::Tree, &bytes) }
    }

    /// Write the tree `left`, a subset of `whole`, and return its id.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, left: Directories, whole: &Directory<'_>) -> Result<Oid> {
        let bytes = left.in_order(whole.hash);
        if bytes == whole.object.data {
            return Ok(whole.id);
        }
        self.gix.write_buf(Kind::Tree, &bytes).map_err(doing("write a tree"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_sorted_and_unique() {
        let id = |digit: &str| crate::git::parse_oid(&digit.repeat(40)).unwrap();
        let bytes = |names: &[(&str, &str)]| {
            let mut directories = Directories::default();
            names.iter().for_each(|(name, digit)| directories.push(name, id(digit)));
            directories.in_order(gix::hash::Kind::Sha1)
        };
        let sorted = bytes(&[("a-b", "1"), ("a", "2"), ("a0", "3")]);
        assert!(sorted.starts_with(b"40000 a-b\0"), "`a/` comes after `a-`");
        assert_eq!(bytes(&[("a", "2"), ("a-b", "1"), ("a0", "3")]), sorted);
        assert_eq!(bytes(&[("a-b", "1"), ("a", "4"), ("a", "2"), ("a0", "3")]), sorted, "the later one counts");
        assert!(Directories::default().is_empty());
    }
}
