//! Whether this process may write a file, and if not, whose file it is.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::Access;
use rustix::io::Errno;

use crate::process::quote;

/// A file or folder that cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwritable {
    path: PathBuf,
    why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    /// The file system is mounted read-only.
    ReadOnly,
    /// It belongs to this user, and its permissions forbid writing.
    Mode,
    /// It belongs to another user.
    Owner(String),
}

impl Unwritable {
    /// What prevents writing `path`: the file itself, else the nearest existing folder above it. `None` if it can be written.
    pub fn of(path: &Path) -> Option<Self> {
        let there = path.ancestors().find(|path| path.exists())?;
        let folder = there.parent().filter(|_| !there.is_dir());
        [Some(there), folder].into_iter().flatten().find_map(Self::at)
    }

    fn at(path: &Path) -> Option<Self> {
        let why = match rustix::fs::access(path, Access::WRITE_OK) {
            Ok(()) => return None,
            Err(Errno::ROFS) => Why::ReadOnly,
            Err(_) => match fs::metadata(path).ok()?.uid() {
                own if own == rustix::process::geteuid().as_raw() => Why::Mode,
                other => Why::Owner(user(other)),
            },
        };
        Some(Self { path: path.to_owned(), why })
    }

    /// Why it cannot be written, and what to do about it.
    pub fn hint(&self) -> String {
        let (shown, path) = (self.path.display(), quote(&self.path));
        match &self.why {
            Why::ReadOnly => {
                format!("`{shown}` is on a file system that is mounted read-only; see `findmnt -T {path}`")
            }
            Why::Mode => format!("`{shown}` belongs to you, but you may not write it; allow it by `chmod u+w {path}`"),
            Why::Owner(owner) => {
                format!("`{shown}` belongs to `{owner}`: run the command as `{owner}`; see `ls -ld {path}`")
            }
        }
    }
}

/// The name of a user, or the number if /etc/passwd does not have it.
fn user(id: u32) -> String {
    let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = |line: &str| {
        let mut fields = line.split(':');
        let (name, _, number) = (fields.next()?, fields.next(), fields.next()?);
        (number.parse() == Ok(id)).then(|| name.to_owned())
    };
    known.lines().find_map(name).unwrap_or_else(|| format!("user {id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_folder_can_be_written() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Unwritable::of(dir.path()), None);
        assert_eq!(Unwritable::of(&dir.path().join("a/b")), None, "the folder above counts");
    }

    #[test]
    fn hint_names_the_owner_and_the_path() {
        let hint = |why| Unwritable { path: PathBuf::from("/a b"), why }.hint();
        let other = hint(Why::Owner(user(0)));
        assert!(other.contains("run the command as `root`") && other.ends_with("`ls -ld '/a b'`"), "{other}");
        assert!(hint(Why::Mode).ends_with("`chmod u+w '/a b'`"));
        assert!(hint(Why::ReadOnly).ends_with("`findmnt -T '/a b'`"));
        assert_eq!(user(u32::MAX - 1), "user 4294967294");
    }
}
