//! The repository's configuration file, changed as git changes it: under its lock, by a rename.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::config::{self, Entry};
use super::event::Kind;

/// How often and after what time a lock is tried again: two seconds in all.
const LOCK_TRIES: usize = 100;
const LOCK_WAIT: Duration = Duration::from_millis(20);

/// Why hooks could not be put into the configuration or taken out; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be read or written.
    #[error("could not change `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another git holds the lock.
    #[error("`{}` is there: another git changes the configuration, or was killed while it did", path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
    },
    /// A section of ours was changed by hand, and the change would be lost.
    #[error(
        "`[hook \"{name}\"]` in `{}` was changed by hand; give what you wrote a section of another name, and delete this one",
        path.display()
    )]
    Edited {
        /// The file.
        path: PathBuf,
        /// The section's name.
        name: String,
    },
    /// Somebody changed the file between plan and deed.
    #[error("`{}` was changed by somebody else just now", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

/// What will be done to the configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    path: PathBuf,
    before: Vec<u8>,
    after: Vec<u8>,
    said: Vec<String>,
}

/// Which hooks of ours the configuration file has.
///
/// # Errors
/// When it cannot be read.
pub fn status(path: &Path) -> Result<Vec<(Kind, Entry)>, Error> {
    Ok(config::status(&read(path)?))
}

/// Plans sections for `kinds`, and for those that have one.
///
/// # Errors
/// When the file cannot be read, or one of our sections was changed by hand.
pub fn plan_install(path: &Path, kinds: &[Kind], binary: Option<&Path>) -> Result<Plan, Error> {
    let before = read(path)?;
    let there = unedited(path, &before)?;
    let is_wanted = |kind: &Kind| kinds.contains(kind) || there.contains(kind);
    let wanted: Vec<Kind> = Kind::ALL.into_iter().filter(is_wanted).collect();
    let after = config::with(&before, &wanted, binary);
    let verb = |kind: &Kind| match (there.contains(kind), after == before) {
        (false, _) => "installed",
        (true, true) => "unchanged",
        (true, false) => "updated",
    };
    let said = wanted.iter().map(|kind| format!("{kind}: {}", verb(kind))).collect();
    Ok(Plan { path: path.to_owned(), before, after, said })
}

/// Plans the removal of our sections, so that the file is again as it was before.
///
/// # Errors
/// When the file cannot be read, or one of our sections was changed by hand.
pub fn plan_uninstall(path: &Path) -> Result<Plan, Error> {
    let before = read(path)?;
    let said = unedited(path, &before)?.iter().map(|kind| format!("{kind}: removed")).collect();
    let after = config::without(&before);
    Ok(Plan { path: path.to_owned(), before, after, said })
}

fn unedited(path: &Path, text: &[u8]) -> Result<Vec<Kind>, Error> {
    let edited = |kind| Error::Edited { path: path.to_owned(), name: config::name(kind) };
    let unedited = |(kind, entry): (Kind, Entry)| if entry.edited { Err(edited(kind)) } else { Ok(kind) };
    config::status(text).into_iter().map(unedited).collect()
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.before == self.after
    }

    /// Does it, if the file is still what the plan was made from.
    ///
    /// # Errors
    /// When it is not, or cannot be written; the file is then as it was.
    pub fn apply(&self) -> Result<(), Error> {
        if self.is_unchanged() {
            return Ok(());
        }
        // A configuration that is a link stays one, as with git.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let lock = Lock::take(&path)?;
        if read(&path)? != self.before {
            return Err(Error::Changed { path });
        }
        lock.replace(&path, &self.after).map_err(|source| Error::Io { path, source })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "hooks in {}:", self.path.display())?;
        if self.said.is_empty() {
            writeln!(f, "  nothing to do")?;
        }
        self.said.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

/// git's own lock of the file, which goes away with the value.
struct Lock {
    path: PathBuf,
    file: fs::File,
}

impl Lock {
    fn take(config: &Path) -> Result<Self, Error> {
        let mut name = config.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        for _ in 0..LOCK_TRIES {
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Self { path, file }),
                Err(source) if source.kind() == io::ErrorKind::AlreadyExists => std::thread::sleep(LOCK_WAIT),
                Err(source) => return Err(Error::Io { path, source }),
            }
        }
        Err(Error::Locked { path })
    }

    fn replace(mut self, config: &Path, text: &[u8]) -> io::Result<()> {
        self.file.write_all(text)?;
        if let Ok(meta) = fs::metadata(config) {
            fs::set_permissions(&self.path, meta.permissions())?;
        }
        self.file.sync_all()?;
        fs::rename(&self.path, config)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // After the rename there is none, or it is somebody else's: only ours has our file's number.
        if is_same_file(&self.file, &self.path) {
            fs::remove_file(&self.path).ok();
        }
    }
}

fn is_same_file(file: &fs::File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |meta: fs::Metadata| (meta.dev(), meta.ino());
    matches!((file.metadata().map(id), fs::metadata(path).map(id)), (Ok(ours), Ok(theirs)) if ours == theirs)
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    match fs::read(path) {
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|source| Error::Io { path: path.to_owned(), source }),
    }
}
