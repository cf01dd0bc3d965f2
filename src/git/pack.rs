//! Packs of new objects (gitformat-pack(5)): two files instead of thousands.
//!
//! Both files are written under temporary names in the folder `objects`, and renamed into `pack`: the index last, since git and gix use
//! a pack only if it has an index. The temporary name of the index contains that of the pack, so that a pack whose index was not
//! renamed is recognized when its writer was killed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use gix::hash::Hasher;
use gix::objs::Kind;
use gix::zlib::Compression;

use super::deflate::Deflater;
use super::{Oid, Shared};
use crate::temporary;

/// Begins the temporary names.
const TEMPORARY: &str = "tmp_obj_";
/// The largest content: offsets in the index have 31 bits.
pub(super) const MAX_BYTES: usize = 1 << 30;

/// An object to write.
pub(super) struct Object<'o> {
    pub(super) id: Oid,
    pub(super) kind: Kind,
    pub(super) data: &'o [u8],
}

/// An object in a pack.
struct Place {
    id: Oid,
    offset: u32,
    crc: u32,
}

/// Writes objects of less than [`MAX_BYTES`] as one pack of the object database `objects`.
///
/// # Errors
/// When a file cannot be written. Then the pack does not exist.
pub(super) fn write(objects: &Path, shared: Shared, level: Compression, mut all: Vec<Object<'_>>) -> io::Result<()> {
    let Some(hash) = all.first().map(|object| object.id.kind()) else { return Ok(()) };
    // git reads commits, then trees, then files.
    all.sort_by_key(|object| (order(object.kind), object.id));
    let unique = temporary::unique_name();
    let pack = objects.join(format!("{TEMPORARY}{unique}"));
    let (places, content) = write_pack(&pack, hash, level, &all).inspect_err(|_| remove(&pack))?;
    // The name is that of no other writer's pack, not even with the same objects, so that only its own writer's remains are removed.
    let mut name = gix::hash::hasher(hash);
    [content.as_bytes(), unique.as_bytes()].into_iter().for_each(|bytes| name.update(bytes));
    let name = name.try_finalize().map_err(failed)?;
    let folder = objects.join("pack");
    let index = objects.join(format!("{TEMPORARY}{name}-{}", temporary::unique_name()));
    let put = || {
        write_index(&index, hash, places, content)?;
        for (from, ending) in [(&pack, "pack"), (&index, "idx")] {
            let to = folder.join(format!("pack-{name}.{ending}"));
            shared.create_dir_all(&folder)?;
            shared.adjust(from)?;
            fs::rename(from, to)?;
        }
        File::open(&folder)?.sync_all()
    };
    put().inspect_err(|_| [&pack, &index].into_iter().for_each(|path| remove(path)))
}

/// Files of killed writers in an object database: temporary ones, and packs without their index. They may be removed in this order.
pub fn remains(objects: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in temporary::dead_in(objects) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let pack = name.strip_prefix(TEMPORARY).and_then(|rest| rest.split_once("-lattice-")).map(|(pack, _)| pack);
        if let Some(pack) = pack.filter(|pack| Oid::from_hex(pack.as_bytes()).is_ok()) {
            let file = |ending: &str| objects.join(format!("pack/pack-{pack}.{ending}"));
            found.extend(Some(file("pack")).filter(|pack| pack.exists() && !file("idx").exists()));
        }
        found.push(path);
    }
    found
}

/// Hashing fails for content that is made to collide.
fn failed(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

fn remove(path: &Path) {
    fs::remove_file(path).ok();
}

fn order(kind: Kind) -> u8 {
    match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    }
}

/// A file with the hash of its content.
struct Hashed {
    file: BufWriter<File>,
    hasher: Hasher,
    length: usize,
}

impl Hashed {
    fn create(path: &Path, hash: gix::hash::Kind) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o444).open(path)?;
        Ok(Self { file: BufWriter::new(file), hasher: gix::hash::hasher(hash), length: 0 })
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.length += bytes.len();
        self.file.write_all(bytes)
    }

    /// Adds the hash and syncs the file; by default git syncs packs too (core.fsync).
    fn finish(mut self) -> io::Result<Oid> {
        let id = self.hasher.try_finalize().map_err(failed)?;
        self.file.write_all(id.as_bytes())?;
        self.file.into_inner()?.sync_all()?;
        Ok(id)
    }
}

/// Returns where the objects are, and the hash of the pack.
fn write_pack(
    path: &Path,
    hash: gix::hash::Kind,
    level: Compression,
    objects: &[Object<'_>],
) -> io::Result<(Vec<Place>, Oid)> {
    let (mut file, mut deflater, mut places) = (Hashed::create(path, hash)?, Deflater::new(level), Vec::new());
    file.put(b"PACK\0\0\0\x02")?;
    file.put(&number(objects.len())?.to_be_bytes())?;
    for object in objects {
        let (head, body) = (head(object), deflater.deflate(&[object.data])?);
        let mut crc = crc32fast::Hasher::new();
        [&head, body].into_iter().for_each(|bytes| crc.update(bytes));
        places.push(Place { id: object.id, offset: number(file.length)?, crc: crc.finalize() });
        file.put(&head)?;
        file.put(body)?;
    }
    Ok((places, file.finish()?))
}

/// The type and the size of an object, in groups of bits from the lowest.
fn head(object: &Object<'_>) -> Vec<u8> {
    let mut size = object.data.len();
    let mut low = |bits: u32| {
        let byte = size & ((1 << bits) - 1);
        size >>= bits;
        u8::try_from(byte).unwrap_or_default() | if size > 0 { 0x80 } else { 0 }
    };
    let mut bytes = vec![low(4) | order(object.kind) << 4];
    while bytes.last().is_some_and(|byte| byte & 0x80 != 0) {
        bytes.push(low(7));
    }
    bytes
}

/// Writes an index of version 2: how many ids begin with at most each byte, then ids, checksums and offsets in the order of the ids.
fn write_index(path: &Path, hash: gix::hash::Kind, mut places: Vec<Place>, pack: Oid) -> io::Result<()> {
    places.sort_by_key(|place| place.id);
    let mut file = Hashed::create(path, hash)?;
    file.put(b"\xfftOc\0\0\0\x02")?;
    for first in 0..=u8::MAX {
        let up_to = places.partition_point(|place| place.id.as_bytes()[0] <= first);
        file.put(&number(up_to)?.to_be_bytes())?;
    }
    places.iter().try_for_each(|place| file.put(place.id.as_bytes()))?;
    places.iter().try_for_each(|place| file.put(&place.crc.to_be_bytes()))?;
    places.iter().try_for_each(|place| file.put(&place.offset.to_be_bytes()))?;
    file.put(pack.as_bytes())?;
    file.finish().map(drop)
}

fn number(count: usize) -> io::Result<u32> {
    u32::try_from(count).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::identity::Tag;

    #[test]
    fn size_is_in_groups_of_bits() {
        let id = Oid::null(gix::hash::Kind::Sha1);
        let head = |size: usize| head(&Object { id, kind: Kind::Tree, data: &vec![0; size] });
        assert_eq!((head(0), head(15), head(16)), (vec![0x20], vec![0x2f], vec![0xa0, 1]));
        assert_eq!(head(0x1234), [0xa4, 0xa3, 0x02]);
    }

    #[test]
    fn packs_without_index_of_killed_writers_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let objects = dir.path();
        fs::create_dir(objects.join("pack")).unwrap();
        let (half, whole) = ("1".repeat(40), "2".repeat(40));
        let file = |name: String| {
            fs::write(objects.join(&name), "").unwrap();
            objects.join(name)
        };
        let ended = |pack: &str| format!("tmp_obj_{pack}-lattice-{}.1", Tag::of_ended_process());
        let expected = [file(format!("pack/pack-{half}.pack")), file(ended(&half))];
        let index = file(ended(&whole));
        file(format!("pack/pack-{whole}.pack"));
        file(format!("pack/pack-{whole}.idx"));
        file(format!("tmp_obj_{half}-{}", temporary::unique_name()));
        let found = remains(objects);
        assert_eq!(found.len(), 3, "{found:?}");
        let at = found.iter().position(|path| *path == expected[0]).unwrap();
        assert_eq!(found[at + 1], expected[1], "the pack first, so that the rest is found again after a kill");
        assert!(found.contains(&index));
    }
}
