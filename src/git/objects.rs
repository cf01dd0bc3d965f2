//! Writing objects: they are created in memory first, and written only by [`Writer`].
//!
//! `git prune-packed`, which `git repack` and `git gc` run, removes empty directories `objects/XX`. If the directory vanishes before
//! the object is in place, the write is retried, as in git (object-file.c).
//!
//! gix itself would write a file `.tmpXXXXXX`: after a kill its owner is unknown, and git never removes it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use gix::odb::memory::Storage;
use gix::zlib::Compression;

use super::deflate::Deflater;
use super::pack::{self, Object};
use super::source::Source;
use super::{Error, Oid, Repo, Result, Shared, doing};
use crate::temporary;

/// git too keeps objects as a pack from this number on (`transfer.unpackLimit` in git-config(1)).
const UNPACK_LIMIT: usize = 100;

/// How often a write is tried when the directory vanishes.
const TRIES: usize = 20;

impl Repo {
    /// A view of the repository that keeps new objects in memory until [`Self::keep_objects`].
    #[must_use]
    pub fn in_memory(&self) -> Self {
        self.with_gix(self.gix.clone().with_object_memory())
    }

    /// A view of the repository without an object cache, for objects that are read once.
    #[must_use]
    pub fn reading_once(&self) -> Self {
        let mut gix = self.gix.clone();
        gix.object_cache_size(None);
        self.with_gix(gix)
    }

    /// Write the objects of an [`Self::in_memory`] view to the object database of `to`.
    ///
    /// # Errors
    /// When an object cannot be written.
    pub fn keep_objects(&mut self, to: &Self) -> Result<()> {
        self.move_objects(&to.gix, to.shared())
    }

    /// Write the objects of an [`Self::in_memory`] view to the repository for Nix.
    ///
    /// # Errors
    /// When an object cannot be written.
    pub fn keep_objects_for_nix(&mut self, source: &Source) -> Result<()> {
        if self.common_dir().as_os_str().as_encoded_bytes().contains(&b'\n') {
            return Err(Error::Malformed("the path of the repository contains a line break".to_owned()));
        }
        self.move_objects(source.gix(), self.shared())
    }

    /// Write the objects of an [`Self::in_memory`] view to a folder of their own, laid out as `objects` in a git directory.
    ///
    /// # Errors
    /// When an object cannot be written.
    pub(super) fn keep_objects_in(&mut self, dir: &Path) -> Result<()> {
        let Some(mut objects) = self.gix.objects.reset_object_memory() else { return Ok(()) };
        Writer { dir: dir.to_owned(), is_durable: false, ..Writer::new(&self.gix, self.shared()) }
            .write_all(&mut objects)
    }

    fn move_objects(&mut self, to: &gix::Repository, shared: Shared) -> Result<()> {
        let Some(mut objects) = self.gix.objects.reset_object_memory() else { return Ok(()) };
        let mut writer = Writer::new(to, shared);
        pack::remains(&writer.dir).iter().for_each(|path| drop(fs::remove_file(path)));
        writer.write_all(&mut objects)
    }
}

/// Writes objects to one repository: loose, or as a pack if they are many.
struct Writer {
    dir: PathBuf,
    shared: Shared,
    level: Compression,
    deflater: Deflater,
    is_durable: bool,
    /// From this number of objects on, they are written as a pack.
    unpack_limit: usize,
}

impl Writer {
    fn new(to: &gix::Repository, shared: Shared) -> Self {
        let config = to.config_snapshot();
        let is_durable = match config.string("core.fsync") {
            Some(components) => syncs_objects(&components.to_string()),
            None => config.boolean("core.fsyncObjectFiles").unwrap_or(false),
        };
        let levels = ["core.looseCompression", "core.compression"];
        let level = compression(levels.into_iter().find_map(|key| config.integer(key)));
        let unpack_limit =
            config.integer("transfer.unpackLimit").map_or(UNPACK_LIMIT, |limit| limit.try_into().unwrap_or(1));
        let dir = to.objects.store_ref().path().to_owned();
        Self { dir, shared, level, deflater: Deflater::new(level), is_durable, unpack_limit }
    }

    fn write_all(&mut self, objects: &mut Storage) -> Result<()> {
        let bytes: usize = objects.values().map(|(_, data)| data.len()).sum();
        if objects.len() >= self.unpack_limit.max(1) && bytes < pack::MAX_BYTES {
            self.write_pack(objects)
        } else {
            self.write_loose(objects)
        }
    }

    fn write_pack(&self, objects: &Storage) -> Result<()> {
        let all = objects.iter().map(|(id, (kind, data))| Object { id: *id, kind: *kind, data });
        pack::write(&self.dir, self.shared, self.level, all.collect()).map_err(doing("write the objects"))
    }

    /// Write objects in dependency order, so that after a kill every written object is complete.
    fn write_loose(&mut self, objects: &mut Storage) -> Result<()> {
        let mut waiting: Vec<Oid> = objects.keys().copied().collect();
        while let Some(id) = waiting.last() {
            let Some((kind, data)) = objects.get(id) else {
                waiting.pop();
                continue;
            };
            let (id, before) = (*id, waiting.len());
            waiting.extend(parts(*kind, data, id.kind()).into_iter().filter(|part| objects.contains_key(part)));
            if waiting.len() == before {
                self.write(id, *kind, data)?;
                objects.remove(&id);
            }
        }
        Ok(())
    }

    fn write(&mut self, id: Oid, kind: gix::objs::Kind, data: &[u8]) -> Result<()> {
        let mut tried = 0;
        loop {
            match self.put(id, kind, data) {
                Ok(()) => return self.finish_object(&self.path(id)).map_err(doing("write an object")),
                Err(error) if tried < TRIES && error.kind() == ErrorKind::NotFound => tried += 1,
                Err(error) => return Err(doing("write an object")(error)),
            }
        }
    }

    /// Write one object through a temporary file. git removes stale `tmp_obj_*` files after two weeks (git-prune(1)).
    fn put(&mut self, id: Oid, kind: gix::objs::Kind, data: &[u8]) -> io::Result<()> {
        let new = self.dir.join(format!("tmp_obj_{}", temporary::unique_name()));
        let path = self.path(id);
        let bytes = self.deflater.deflate(&[&gix::objs::encode::loose_header(kind, data.len() as u64), data])?;
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o444).open(&new)?;
            file.write_all(bytes)?;
            match fs::create_dir(path.parent().unwrap_or(&self.dir)) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
                _ => fs::rename(&new, path),
            }
        };
        write().inspect_err(|_| drop(fs::remove_file(&new)))
    }

    /// Set permissions and sync a new object as git's configuration demands. A missing file was packed meanwhile.
    fn finish_object(&self, file: &Path) -> io::Result<()> {
        let dir = file.parent().unwrap_or(file);
        let settle = || {
            self.shared.adjust(dir).and_then(|()| self.shared.adjust(file))?;
            if self.is_durable { File::open(file)?.sync_all() } else { Ok(()) }
        };
        match settle() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    fn path(&self, id: Oid) -> PathBuf {
        let hex = id.to_string();
        let (dir, name) = hex.split_at(2);
        self.dir.join(dir).join(name)
    }
}

/// The configured compression level: -1 is zlib's default; the default for loose objects is the fastest (git-config(1)).
fn compression(level: Option<i64>) -> Compression {
    let known = |level: i64| i32::try_from(level).ok().and_then(Compression::new);
    match level {
        Some(-1) => Compression::DEFAULT,
        level => level.and_then(known).unwrap_or(Compression::BEST_SPEED),
    }
}

/// The ids that an object refers to; empty for a malformed object.
fn parts(kind: gix::objs::Kind, data: &[u8], hash: gix::hash::Kind) -> Vec<Oid> {
    match kind {
        gix::objs::Kind::Tree => {
            gix::objs::TreeRefIter::from_bytes(data, hash).flatten().map(|entry| entry.oid.to_owned()).collect()
        }
        gix::objs::Kind::Commit => {
            let mut commit = gix::objs::CommitRefIter::from_bytes(data, hash);
            let tree = commit.tree_id().ok();
            tree.into_iter().chain(gix::objs::CommitRefIter::from_bytes(data, hash).parent_ids()).collect()
        }
        gix::objs::Kind::Blob | gix::objs::Kind::Tag => Vec::new(),
    }
}

/// Whether `core.fsync` includes loose objects, which are not synced by default (git-config(1)).
fn syncs_objects(components: &str) -> bool {
    const GROUPS: [&str; 5] = ["loose-object", "objects", "committed", "added", "all"];
    components.split([',', ' ']).any(|word| GROUPS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::syncs_objects;

    #[test]
    fn reads_core_fsync_like_git() {
        for on in ["loose-object", "all", "committed,-reference", "none,objects", "added, index", "-loose-object,all"] {
            assert!(syncs_objects(on), "{on}");
        }
        for off in ["", "none", "default", "pack,reference", "-loose-object", "committed-ish"] {
            assert!(!syncs_objects(off), "{off}");
        }
    }
}
