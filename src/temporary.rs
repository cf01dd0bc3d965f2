//! Files that are being written. Such a file is renamed into place when complete; until then its name contains the identity of the
//! process that writes it.
//!
//! A killed process leaves its file behind. [`dead_in`] finds these without touching files of running processes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::process::identity::{Life, Tag};

/// Prefix of the process tag.
const MARK: &str = "lattice-";

/// Returns a unique name for a new file of this process: `lattice-TAG.N`. It is also valid as a part of a branch name.
pub fn word() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{MARK}{}.{}", Tag::own(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Lets `write` create a new file beside `path`, then renames it to `path`.
///
/// # Errors
/// Those of `write` and of the rename; the new file is then removed.
pub fn replace(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}.{}", word()));
    write(&new).and_then(|()| std::fs::rename(&new, path)).inspect_err(|_| drop(std::fs::remove_file(&new)))
}

/// Returns the files in a directory whose writers have ended.
pub fn dead_in(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let is_dead = |entry: &std::fs::DirEntry| entry.file_name().to_str().is_some_and(is_dead);
    entries.filter(is_dead).map(|entry| entry.path()).collect()
}

/// Returns whether this is the file name of a writer that has ended.
pub fn is_dead(name: &str) -> bool {
    owner(name).is_some_and(|owner| owner.life() == Life::Ended)
}

/// Returns whether this process made this name.
pub fn is_own(name: &str) -> bool {
    owner(name) == Some(Tag::own())
}

/// Removes the files that [`dead_in`] finds. Errors are ignored: the files do no harm.
pub fn sweep(dir: &Path) {
    dead_in(dir).iter().for_each(|path| drop(std::fs::remove_file(path)));
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
        let count = || std::fs::read_dir(dir.path()).unwrap().count();
        replace(&path, |new| std::fs::write(new, "whole")).unwrap();
        assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), count()), ("whole", 1));
        let fails = |new: &Path| std::fs::write(new, "ha").and(Err(io::Error::other("disk full")));
        assert!(replace(&path, fails).is_err());
        assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), count()), ("whole", 1));
    }

    #[test]
    fn sweeps_only_files_of_ended_processes() {
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
