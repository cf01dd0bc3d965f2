//! Writing objects: all of them are made in memory first, and written by [`Writer`] alone.
//!
//! `git prune-packed`, which `git repack` and `git gc` run, removes a directory `objects/XX` as soon as it is empty. An object whose
//! directory vanishes before it is in place is written again, as git does (object-file.c).
//!
//! gix would write a file `.tmpXXXXXX`, of which nothing tells whose it is once its process was killed, and which git never removes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use gix::odb::memory::Storage;

use super::source::Source;
use super::{Error, Oid, Repo, Result, Shared, doing};
use crate::temporary;

/// How often an object is written whose directory vanishes each time.
const TRIES: usize = 20;

impl Repo {
    /// A view of the repository whose new objects stay in memory until [`Self::keep_objects`].
    #[must_use]
    pub fn in_memory(&self) -> Self {
        self.with_gix(self.gix.clone().with_object_memory())
    }

    /// Returns a view of the repository for reading each object once: it caches no objects.
    #[must_use]
    pub fn reading_once(&self) -> Self {
        let mut gix = self.gix.clone();
        gix.object_cache_size(None);
        self.with_gix(gix)
    }

    /// Writes what [`Self::in_memory`] made into `to`'s object database.
    ///
    /// # Errors
    /// When an object cannot be written.
    pub fn keep_objects(&mut self, to: &Self) -> Result<()> {
        self.move_objects(&to.gix, to.shared())
    }

    /// Writes what [`Self::in_memory`] made into the repository for Nix.
    ///
    /// # Errors
    /// When an object cannot be written.
    pub fn keep_objects_for_nix(&mut self, source: &Source) -> Result<()> {
        if self.common_dir().as_os_str().as_encoded_bytes().contains(&b'\n') {
            return Err(Error::Malformed("the path of the repository has a line break in it".to_owned()));
        }
        self.move_objects(source.gix(), self.shared())
    }

    fn move_objects(&mut self, to: &gix::Repository, shared: Shared) -> Result<()> {
        let Some(mut objects) = self.gix.objects.reset_object_memory() else { return Ok(()) };
        let writer = Writer::new(to, shared);
        temporary::sweep(&writer.dir);
        writer.write_all(&mut objects)
    }
}

/// Writes objects, a file each, into the database of one repository.
struct Writer {
    dir: PathBuf,
    shared: Shared,
    compression: gix::zlib::Compression,
    is_durable: bool,
}

impl Writer {
    fn new(to: &gix::Repository, shared: Shared) -> Self {
        let config = to.config_snapshot();
        let is_durable = match config.string("core.fsync") {
            Some(components) => syncs_objects(&components.to_string()),
            None => config.boolean("core.fsyncObjectFiles").unwrap_or(false),
        };
        let levels = ["core.looseCompression", "core.compression"];
        let level = levels.into_iter().find_map(|key| config.integer(key));
        Self { dir: to.objects.store_ref().path().to_owned(), shared, compression: compression(level), is_durable }
    }

    /// Writes an object after those that it names: what is there is complete, wherever this is killed.
    fn write_all(&self, objects: &mut Storage) -> Result<()> {
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

    fn write(&self, id: Oid, kind: gix::objs::Kind, data: &[u8]) -> Result<()> {
        let mut tried = 0;
        loop {
            match self.put(id, kind, data) {
                Ok(()) => return self.settle(&self.path(id)).map_err(doing("write an object")),
                Err(error) if tried < TRIES && error.kind() == ErrorKind::NotFound => tried += 1,
                Err(error) => return Err(doing("write an object")(error)),
            }
        }
    }

    /// git removes what begins with `tmp_obj_` as well, after two weeks (git-prune(1)).
    fn put(&self, id: Oid, kind: gix::objs::Kind, data: &[u8]) -> io::Result<()> {
        let new = self.dir.join(format!("tmp_obj_{}", temporary::unique_name()));
        let write = || {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o444).open(&new)?;
            let mut file = gix::zlib::stream::deflate::Write::new(file, self.compression);
            file.write_all(&gix::objs::encode::loose_header(kind, data.len() as u64))?;
            file.write_all(data)?;
            file.flush()?;
            let path = self.path(id);
            match fs::create_dir(path.parent().unwrap_or(&self.dir)) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
                _ => fs::rename(&new, path),
            }
        };
        write().inspect_err(|_| drop(fs::remove_file(&new)))
    }

    /// Does what git's configuration asks for a new object. One that is not there any more is in a pack.
    fn settle(&self, file: &Path) -> io::Result<()> {
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

/// The level that git's configuration names, -1 being zlib's usual one; git's own for such files is the fastest (git-config(1)).
fn compression(level: Option<i64>) -> gix::zlib::Compression {
    let known = |level: i64| i32::try_from(level).ok().and_then(gix::zlib::Compression::new);
    match level {
        Some(-1) => gix::zlib::Compression::DEFAULT,
        level => level.and_then(known).unwrap_or(gix::zlib::Compression::BEST_SPEED),
    }
}

/// The objects that an object names. One that cannot be read names none.
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

/// Whether `core.fsync` asks that objects in files of their own reach the disk (git-config(1)); they do not by default.
fn syncs_objects(components: &str) -> bool {
    const GROUPS: [&str; 5] = ["loose-object", "objects", "committed", "added", "all"];
    components.split([',', ' ']).any(|word| GROUPS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::syncs_objects;

    #[test]
    fn core_fsync_is_read_as_git_does() {
        for on in ["loose-object", "all", "committed,-reference", "none,objects", "added, index", "-loose-object,all"] {
            assert!(syncs_objects(on), "{on}");
        }
        for off in ["", "none", "default", "pack,reference", "-loose-object", "committed-ish"] {
            assert!(!syncs_objects(off), "{off}");
        }
    }
}
