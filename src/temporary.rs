//! Files that are being written, and temporary folders. A file is renamed into place when complete; until then its name contains the
//! identity of the process that writes it. The name of a folder always does.
//!
//! A killed process leaves its file behind. [`dead_in`] finds these without touching files of running processes. All files are replaced
//! by [`replace`], except for those with a protocol of git: objects, and the configuration, whose lock file becomes the new file.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::process::identity::{ProcessState, Tag};

/// Prefix of the process tag.
const MARK: &str = "lattice-";

/// Prefix of folder names, since other programs use the same directory.
const OF_FOLDER: &str = "git-";

/// A temporary folder that only the user can read. It is removed when the value is dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Creates one in the system's folder for temporary files.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn make() -> io::Result<Self> {
        Self::make_in(&std::env::temp_dir())
    }

    /// Creates one in `place`, and removes those that killed processes left there.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn make_in(place: &Path) -> io::Result<Self> {
        sweep_folders_in(place);
        let path = place.join(format!("{OF_FOLDER}{}", unique_name()));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Removes the folders that [`dead_folders`] finds. Errors are ignored: the folders do no harm.
pub fn sweep_folders() {
    sweep_folders_in(&std::env::temp_dir());
}

fn sweep_folders_in(place: &Path) {
    dead_folders_in(place).iter().for_each(|path| drop(fs::remove_dir_all(path)));
}

/// Returns the folders that killed processes of this user left in the system's folder for temporary files.
pub fn dead_folders() -> Vec<PathBuf> {
    dead_folders_in(&std::env::temp_dir())
}

/// Every user can create a folder of any name there, so the owner is checked.
fn dead_folders_in(place: &Path) -> Vec<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    let is_own = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir() && meta.uid() == user);
    let is_folder = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.strip_prefix(OF_FOLDER).is_some_and(|word| word.starts_with(MARK))
    };
    dead_in(place).into_iter().filter(|path| is_folder(path) && is_own(path)).collect()
}

/// Returns a unique name for a new file of this process: `lattice-TAG.N`. It is also valid as a part of a branch name.
pub fn unique_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{MARK}{}.{}", Tag::own(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Lets `write` create a new file beside `path`, then renames it to `path`. `write` chooses permissions, and syncs the file if it must
/// survive a crash. `doctor` has to know the folder; call [`sweep`] first, once for all files in a folder.
///
/// # Errors
/// Those of `write` and of the rename; the new file is then removed.
pub fn replace(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}.{}", unique_name()));
    write(&new).and_then(|()| fs::rename(&new, path)).inspect_err(|_| drop(fs::remove_file(&new)))
}

/// Replaces a file of the user: follows a link, keeps the mode, and removes what killed processes left in the folder.
///
/// # Errors
/// If the file cannot be written; it is then unchanged.
pub fn rewrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    rewrite_with(path, |file| file.write_all(bytes))
}

/// Like [`rewrite`]; `write` gets the new file.
///
/// # Errors
/// Those of `write`, and if the file cannot be written; it is then unchanged.
pub fn rewrite_with(path: &Path, write: impl FnOnce(&mut fs::File) -> io::Result<()>) -> io::Result<()> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    path.parent().into_iter().for_each(sweep);
    replace(&path, |new| {
        let mut file = fs::File::create_new(new)?;
        if let Ok(old) = path.metadata() {
            file.set_permissions(old.permissions())?;
        }
        write(&mut file)?;
        file.sync_all()
    })
}

/// Returns the files in a directory whose writers have ended.
pub fn dead_in(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let is_dead = |entry: &fs::DirEntry| entry.file_name().to_str().is_some_and(is_dead);
    entries.filter(is_dead).map(|entry| entry.path()).collect()
}

/// Returns whether this is the file name of a writer that has ended.
pub fn is_dead(name: &str) -> bool {
    owner(name).is_some_and(|owner| owner.state() == ProcessState::Ended)
}

/// Returns whether this process made this name.
pub fn is_own(name: &str) -> bool {
    owner(name) == Some(Tag::own())
}

/// Removes the files that [`dead_in`] finds. Errors are ignored: the files do no harm.
pub fn sweep(dir: &Path) {
    dead_in(dir).iter().for_each(|path| drop(fs::remove_file(path)));
}

/// Returns the process that writes a file of this name.
fn owner(name: &str) -> Option<Tag> {
    let (_, word) = name.rsplit_once(MARK)?;
    let (tag, count) = word.split_once('.')?;
    count.parse::<u32>().ok()?;
    Tag::parse(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_the_file_completely_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let count = || fs::read_dir(dir.path()).unwrap().count();
        replace(&path, |new| fs::write(new, "whole")).unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), count()), ("whole", 1));
        let fails = |new: &Path| fs::write(new, "ha").and(Err(io::Error::other("disk full")));
        assert!(replace(&path, fails).is_err());
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), count()), ("whole", 1));
    }

    #[test]
    fn removes_folders_on_drop_and_those_of_killed_processes() {
        let place = tempfile::tempdir().unwrap();
        let dead = |name: &str| {
            let path = place.path().join(format!("{name}{}.7", Tag::of_ended_process()));
            fs::create_dir_all(path.join("x")).unwrap();
            path
        };
        let (dead, other) = (dead("git-lattice-"), dead("other-lattice-"));
        let folder = Folder::make_in(place.path()).unwrap();
        assert!(!dead.exists() && other.exists(), "only what is named like ours goes");
        let path = folder.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        assert_eq!(dead_folders_in(place.path()), Vec::<PathBuf>::new(), "this process runs");
        fs::write(path.join("file"), "").unwrap();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn sweeps_only_files_of_ended_processes() {
        let dir = tempfile::tempdir().unwrap();
        let (own, ended) = (unique_name(), Tag::of_ended_process());
        let stay =
            [format!(".file.{own}"), format!("lattice-{ended}"), format!("{ended}.0"), ".gitlattice-1.2".to_owned()];
        let go = [format!(".file.lattice-{ended}.0"), format!("tmp_obj_lattice-{ended}.12")];
        stay.iter().chain(&go).for_each(|name| fs::write(dir.path().join(name), "").unwrap());
        sweep(dir.path());
        let mut left: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, {
            let mut stay = stay.to_vec();
            stay.sort();
            stay
        });
    }
}
