//! A cache of delta bases in packs. Without it gix rebuilds the bases for each object; the trees of successive commits are stored as
//! long delta chains.

use foldhash::HashMap;
use gix::objs::Kind;
use gix::odb::pack::cache::DecodeEntry;

/// Maximum number of cached bytes; above it the cache is cleared, since related objects are read one after another.
const MAX_BYTES: usize = 4 << 20;
/// Maximum size of a cached object.
const MAX_OBJECT: usize = MAX_BYTES / 16;

/// The kind, the size in the pack and the bytes.
type Base = (Kind, usize, Box<[u8]>);

/// The most recently read objects.
#[derive(Default)]
pub(super) struct Bases {
    known: HashMap<(u32, u64), Base>,
    bytes: usize,
}

impl DecodeEntry for Bases {
    fn put(&mut self, pack: u32, offset: u64, data: &[u8], kind: Kind, packed: usize) {
        if data.len() > MAX_OBJECT {
            return;
        }
        if self.bytes > MAX_BYTES {
            (self.known, self.bytes) = Default::default();
        }
        self.bytes += data.len() + size_of::<((u32, u64), Base)>();
        self.known.insert((pack, offset), (kind, packed, data.into()));
    }

    fn get(&mut self, pack: u32, offset: u64, out: &mut Vec<u8>) -> Option<(Kind, usize)> {
        let (kind, packed, data) = self.known.get(&(pack, offset))?;
        out.clear();
        out.extend_from_slice(data);
        Some((*kind, *packed))
    }
}
