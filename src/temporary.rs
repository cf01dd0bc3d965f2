//! Files that are being written: they take their place by one rename, and until then their name says which process writes them.
//!
//! A process that is killed leaves such a file. [`dead_in`] tells it from one that is still needed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::process::identity::{Life, Tag};

/// What stands before the tag of a process.
const MARK: &str = "lattice-";

/// A word for a new file of this process: `lattice-TAG.N`, which can also be part of the name of a branch.
pub fn word() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{MARK}{}.{}", Tag::own(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Writes a new file beside `path` by `write`, which is told where, and puts it in the place of `path`.
///
/// # Errors
/// Those of `write`, and when it cannot be renamed; then the new file is gone again.
pub fn replace(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}.{}", word()));
    write(&new).and_then(|()| std::fs::rename(&new, path)).inspect_err(|_| drop(std::fs::remove_file(&new)))
}

/// The files in a directory that were being written by processes which have ended.
pub fn dead_in(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let is_dead = |entry: &std::fs::DirEntry| entry.file_name().to_str().is_some_and(is_dead);
    entries.filter(is_dead).map(|entry| entry.path()).collect()
}

/// Whether a file of this name was being written by a process that has ended.
pub fn is_dead(name: &str) -> bool {
    owner(name).is_some_and(|owner| owner.life() == Life::Ended)
}

/// Whether this process made this name.
pub fn is_own(name: &str) -> bool {
    owner(name) == Some(Tag::own())
}

/// Removes what [`dead_in`] finds. Where one cannot be removed, it stays: it is only litter.
pub fn sweep(dir: &Path) {
    dead_in(dir).iter().for_each(|path| drop(std::fs::remove_file(path)));
}

/// The process that writes the file of this name.
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
    fn a_file_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let count = || std::fs::read_dir(dir.path()).unwrap().count();
        replace(&path, |new| std::fs::write(new, "whole")).unwrap();
        assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), count()), ("whole", 1));
        let fails = |new: &Path| std::fs::write(new, "ha").and(Err(io::Error::other("disk full")));
        assert!(replace(&path, fails).is_err());
        assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), count()), ("whole", 1));
    }

    #[test]
    fn only_files_of_dead_processes_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let (own, ended) = (word(), Tag::of_ended_process());
        let stay =
            [format!(".file.{own}"), format!("lattice-{ended}"), format!("{ended}.0"), ".gitlattice-1.2".to_owned()];
        let go = [format!(".file.lattice-{ended}.0"), format!("tmp_obj_lattice-{ended}.12")];
        stay.iter().chain(&go).for_each(|name| std::fs::write(dir.path().join(name), "").unwrap());
        sweep(dir.path());
        let mut left: Vec<_> =
            std::fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, {
            let mut stay = stay.to_vec();
            stay.sort();
            stay
        });
    }
}
