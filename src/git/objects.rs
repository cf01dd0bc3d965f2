//! Writing objects: all of them are made in memory first, and written by [`Writer`] alone.
//!
//! `git prune-packed`, which `git repack` and `git gc` run, removes a directory `objects/XX` as soon as it is empty. An object whose
//! directory vanishes before it is in place is written again, as git does (object-file.c).

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use gix::odb::memory::Storage;

use super::source::Source;
use super::{Error, Oid, Repo, Result, Shared, doing};

/// How often an object is written whose directory vanishes each time.
const TRIES: usize = 20;

impl Repo {
    /// A view of the repository whose new objects stay in memory until [`Self::keep_objects`].
    #[must_use]
    pub fn in_memory(&self) -> Self {
        self.with_gix(self.gix.clone().with_object_memory())
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
        Writer::new(to, shared).write_all(&mut objects)
    }
}

/// Writes objects, a file each, into the database of one repository.
struct Writer<'a> {
    to: &'a gix::Repository,
    dir: PathBuf,
    shared: Shared,
    is_durable: bool,
}

impl<'a> Writer<'a> {
    fn new(to: &'a gix::Repository, shared: Shared) -> Self {
        let config = to.config_snapshot();
        let is_durable = match config.string("core.fsync") {
            Some(components) => syncs_objects(&components.to_string()),
            None => config.boolean("core.fsyncObjectFiles").unwrap_or(false),
        };
        Self { to, dir: to.objects.store_ref().path().to_owned(), shared, is_durable }
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
            match gix::prelude::Write::write_buf_with_known_id(&self.to.objects, kind, data, id) {
                Ok(_) => return self.settle(&self.path(id)).map_err(doing("write an object")),
                Err(error) if tried < TRIES && error.is_not_found() => tried += 1,
                Err(error) => return Err(doing("write an object")(with_cause(&error))),
            }
        }
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

/// What gix says, and what the system said to it: a full disk is named by that alone.
fn with_cause(error: &gix::Error) -> String {
    match error.downcast_any_ref::<io::Error>() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
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
