//! Objects that others in a pack are stored as differences to. gix makes them anew for each object; the trees of commits that follow
//! each other are long chains of such differences.

use std::collections::HashMap;

use gix::objs::Kind;
use gix::odb::pack::cache::DecodeEntry;

/// How many bytes are kept; beyond that all are forgotten, since objects that need each other are read one after another.
const MOST: usize = 4 << 20;
/// Objects larger than this are not kept.
const LARGEST: usize = MOST / 16;

/// The kind, the size in the pack, and the bytes.
type Base = (Kind, usize, Box<[u8]>);

/// The objects that were read last.
#[derive(Default)]
pub(super) struct Bases {
    known: HashMap<(u32, u64), Base>,
    bytes: usize,
}

impl DecodeEntry for Bases {
    fn put(&mut self, pack: u32, offset: u64, data: &[u8], kind: Kind, packed: usize) {
        if data.len() > LARGEST {
            return;
        }
        if self.bytes > MOST {
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
