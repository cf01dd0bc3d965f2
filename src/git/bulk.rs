//! Reads many blobs in the order in which packs store them: a pack has each base before its deltas and near them, so that each blob costs
//! one step of its delta chain. In another order it costs the whole chain.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use gix::objs::Kind;
use gix::odb::pack::Bundle;
use gix::zlib::Inflate;

use super::bases::Bases;
use super::{Oid, Repo};

/// Why a blob was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It is larger than the limit.
    TooLarge,
    /// It is missing, corrupt or no blob.
    Unreadable,
}

/// Memory for a blob, as a multiple of its size: gix holds it twice, beside its base and the deltas.
const MEMORY: u64 = 4;

/// A place in a pack: the index of the pack, and the offset in it.
type Place = (usize, u64);

/// Receives the index of a blob and its content, until it breaks.
pub type Take<'t> = dyn FnMut(usize, Result<&[u8], Unread>) -> ControlFlow<()> + 't;

/// Blobs to be read. Those in packs are read without the repository, on any thread.
pub struct Batch {
    packs: Packs,
    limit: u64,
    /// In the order in which they are read: place, id, and index in the caller's list.
    blobs: Vec<(Option<Place>, Oid, usize)>,
    /// Those that are in no pack, or in one that cannot be read.
    rest: Vec<(Oid, usize)>,
    is_stopped: bool,
}

/// Open packs.
struct Packs {
    open: Vec<Bundle>,
    inflate: Inflate,
    bases: Bases,
}

impl Repo {
    /// Find where blobs are, in order to read those of at most `limit` bytes.
    pub fn batch(&self, ids: impl IntoIterator<Item = Oid>, limit: u64) -> Batch {
        let packs = Packs::open(self, limit);
        let mut blobs: Vec<_> = ids.into_iter().enumerate().map(|(i, id)| (None, id, i)).collect();
        // An index is sorted by id: in that order it is read from front to back.
        blobs.sort_unstable();
        blobs.iter_mut().for_each(|(place, id, _)| *place = packs.find(*id));
        blobs.sort_unstable();
        Batch { packs, limit, blobs, rest: Vec::new(), is_stopped: false }
    }

    /// Read blobs of at most `limit` bytes in the cheapest order, and pass each with its index to `take`.
    pub fn each_blob(&self, ids: impl IntoIterator<Item = Oid>, limit: u64, take: &mut Take<'_>) {
        let mut batch = self.batch(ids, limit);
        batch.read_packed(take);
        batch.read_rest(self, take);
    }

    fn blob_within<'b>(&self, id: Oid, limit: u64, bytes: &'b mut Vec<u8>) -> Result<&'b [u8], Unread> {
        if self.size_of(id).is_some_and(|size| size > limit) {
            return Err(Unread::TooLarge);
        }
        *bytes = self.blob(id).map_err(|_| Unread::Unreadable)?;
        Ok(bytes)
    }

    /// The folders of packs: the repository's own, and those of repositories whose objects it borrows.
    fn pack_folders(&self) -> Vec<PathBuf> {
        let store = self.gix.objects.store_ref();
        let alternates = store.alternate_db_paths().unwrap_or_default();
        [store.path().to_owned()].into_iter().chain(alternates).map(|objects| objects.join("pack")).collect()
    }
}

impl Batch {
    /// Read the blobs in packs.
    pub fn read_packed(&mut self, take: &mut Take<'_>) {
        let mut bytes = Vec::new();
        // Many notes may be the same blob, which is read once.
        for same in self.blobs.chunk_by(|a, b| a.1 == b.1) {
            let indices = same.iter().map(|(_, _, i)| *i);
            if !same[0].0.is_some_and(|place| self.packs.read(place, &mut bytes)) {
                self.rest.extend(indices.map(|i| (same[0].1, i)));
                continue;
            }
            let content = if bytes.len() as u64 > self.limit { Err(Unread::TooLarge) } else { Ok(bytes.as_slice()) };
            if indices.into_iter().any(|i| take(i, content).is_break()) {
                self.is_stopped = true;
                break;
            }
        }
        self.blobs = Vec::new();
    }

    /// Read the others; does nothing after `take` has stopped the first reading.
    pub fn read_rest(&mut self, repo: &Repo, take: &mut Take<'_>) {
        let mut bytes = Vec::new();
        let rest = std::mem::take(&mut self.rest);
        for same in rest.chunk_by(|a, b| a.0 == b.0) {
            if self.is_stopped {
                return;
            }
            let content = repo.blob_within(same[0].0, self.limit, &mut bytes);
            self.is_stopped = same.iter().any(|(_, i)| take(*i, content).is_break());
        }
    }
}

impl Packs {
    /// Opens the packs that can be opened; [`Repo::blob`] reads what is in others.
    fn open(repo: &Repo, limit: u64) -> Self {
        let limit = usize::try_from(limit.saturating_mul(MEMORY)).ok();
        let bundle = |index: PathBuf| {
            let Bundle { pack, index } = Bundle::at(index, repo.gix.object_hash()).ok()?;
            Some(Bundle { pack: pack.with_alloc_limit_bytes(limit), index })
        };
        let open = repo.pack_folders().iter().flat_map(|folder| indexes(folder)).filter_map(bundle).collect();
        Self { open, inflate: Inflate::default(), bases: Bases::default() }
    }

    fn find(&self, id: Oid) -> Option<Place> {
        self.open.iter().enumerate().find_map(|(i, pack)| {
            let index = &pack.index;
            Some((i, index.pack_offset_at_index(index.lookup(id)?)))
        })
    }

    /// Reads the blob at a place; returns whether there is one that can be read.
    fn read(&mut self, (pack, offset): Place, bytes: &mut Vec<u8>) -> bool {
        let Bundle { pack, index } = &self.open[pack];
        let base = |id: &gix::oid, _: &mut Vec<u8>| {
            let offset = index.lookup(id).map(|at| index.pack_offset_at_index(at));
            offset
                .map(|offset| pack.entry(offset).map(gix::odb::pack::data::decode::entry::ResolvedBase::InPack))
                .transpose()
        };
        let entry = pack.entry(offset);
        let read = entry.and_then(|entry| pack.decode_entry(entry, bytes, &mut self.inflate, &base, &mut self.bases));
        read.is_ok_and(|read| read.kind == Kind::Blob)
    }
}

/// The indexes of the packs in a folder, in the order of their names.
fn indexes(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut indexes: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "idx")).collect();
    indexes.sort_unstable();
    indexes
}
