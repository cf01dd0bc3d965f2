//! The trust ledger: a file in the user's state directory, outside of any repository, with everything that the user
//! allowed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::env;
use crate::git::commit::now;
use crate::git::size::{Kind, TooLarge, read_at_most};
use crate::git::{self, Oid, Repo, hex};
use crate::lattice::Spelled;
use crate::temporary;

const FOLDER: &str = "git-lattice";
const FILE: &str = "trust.json";
const LOCK: &str = "trust.lock";
/// The version of the file format.
const VERSION: u32 = 1;
/// The write permission of group and others.
const OTHERS_WRITE: u32 = 0o022;

/// Content, authors and settings that the user trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    version: u32,
    /// Content that may be built.
    pub content: Vec<Content>,
    /// Keys whose signatures are accepted.
    pub authors: Vec<Author>,
    /// Proposals of lattice.toml that may be used, newest last.
    #[serde(default)]
    pub settings: Vec<Settings>,
}

/// A proposal that may be used in one clone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The blob id of its canonical form.
    #[serde(with = "hex")]
    pub key: Oid,
    /// The common directory of the clone.
    pub repository: String,
    /// The canonical form, line by line.
    pub lines: Vec<String>,
    /// When it was allowed.
    pub when: String,
}

/// Content that may be built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Its build key: content is the same in every clone.
    #[serde(with = "hex")]
    pub key: Oid,
    /// The point that it was allowed for.
    pub point: Spelled,
    /// When it was allowed.
    pub when: String,
}

/// A key whose signatures are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The fingerprint.
    pub key: String,
    /// The comment of the public key.
    pub comment: String,
    /// When it was added.
    pub when: String,
}

/// Why the ledger cannot be used; then nothing is trusted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no state directory.
    #[error("there is no state directory for the trust ledger: neither XDG_STATE_HOME nor HOME is set")]
    NoHome,
    /// `XDG_STATE_HOME` is a relative path.
    #[error("XDG_STATE_HOME is `{}`: expected an absolute path", .0.display())]
    Relative(PathBuf),
    /// The state directory is inside the repository, so a branch could contain the ledger.
    #[error("the state directory `{}` is inside this repository, where a branch could change what is trusted", .0.display())]
    Inside(PathBuf),
    /// Other users can write the file.
    #[error("`{}` is writable by other users, so nothing in it is trusted", .0.display())]
    Open(PathBuf),
    /// The file is malformed.
    #[error("`{}` is damaged, so nothing in it is trusted: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The file exceeds the size limit.
    #[error("{0}, so nothing in it is trusted")]
    TooLarge(#[from] TooLarge),
    /// The size limit is invalid.
    #[error(transparent)]
    Limit(#[from] git::Error),
    /// The file cannot be read or written.
    #[error("could not {doing} `{}`", path.display())]
    Io {
        /// The action, such as `read`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

impl Error {
    /// A hint for the user.
    pub fn hint(&self) -> String {
        match self {
            Self::NoHome | Self::Relative(_) | Self::Inside(_) => {
                "set XDG_STATE_HOME to an absolute path outside of the repository, or unset it".to_owned()
            }
            Self::Open(path) => format!("`chmod go-w {}` after checking its content", crate::process::quote(path)),
            Self::Malformed { path, .. } => {
                format!("correct it, or start over: `rm {}`", crate::process::quote(path))
            }
            Self::TooLarge(too_large) => too_large.hint(),
            Self::Limit(_) => format!("`git config --show-origin {}` shows where it is set", Kind::Trust.key()),
            Self::Io { path, .. } => format!("`ls -l {}` shows its owner", crate::process::quote(path)),
        }
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self { version: VERSION, content: Vec::new(), authors: Vec::new(), settings: Vec::new() }
    }
}

impl Ledger {
    /// Reads the ledger; a missing file is empty. The file must not be inside `repo`.
    ///
    /// # Errors
    /// When the file is invalid.
    pub fn read<'a>(repo: impl Into<Option<&'a Repo>>) -> Result<Self, Error> {
        let repo = repo.into();
        Self::load(&folder(repo)?.join(FILE), limit(repo)?)
    }

    /// The size of the file in bytes; 0 if it does not exist.
    pub(super) fn size(repo: &Repo) -> u64 {
        let meta = folder(Some(repo)).ok().and_then(|folder| fs::metadata(folder.join(FILE)).ok());
        meta.map_or(0, |meta| meta.len())
    }

    /// Changes the ledger under a lock and replaces the file atomically; returns the result of `change`.
    ///
    /// # Errors
    /// When the file is invalid or cannot be written.
    pub fn change<'a, T>(repo: impl Into<Option<&'a Repo>>, change: impl FnOnce(&mut Self) -> T) -> Result<T, Error> {
        let repo = repo.into();
        let (folder, limit) = (folder(repo)?, limit(repo)?);
        let _held = lock_folder(&folder)?;
        let path = folder.join(FILE);
        let mut ledger = Self::load(&path, limit)?;
        let given = change(&mut ledger);
        ledger.save(&folder, &path).map_err(failed("write", &path))?;
        Ok(given)
    }

    /// Empties the ledger, even if the file is invalid.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn forget<'a>(repo: impl Into<Option<&'a Repo>>) -> Result<(), Error> {
        let folder = folder(repo.into())?;
        let _held = lock_folder(&folder)?;
        let path = folder.join(FILE);
        Self::default().save(&folder, &path).map_err(failed("write", &path))
    }

    /// Whether a build key is allowed.
    pub fn allows(&self, key: Oid) -> bool {
        self.content.iter().any(|content| content.key == key)
    }

    /// Allows content; `point` is only for listing.
    pub fn allow(&mut self, key: Oid, point: &Spelled) {
        if !self.allows(key) {
            self.content.push(Content { key, point: point.clone(), when: now() });
        }
    }

    /// Whether exactly this proposal is allowed in a clone.
    pub fn allows_settings(&self, repository: &str, lines: &[String]) -> bool {
        self.settings.iter().any(|settings| settings.repository == repository && settings.lines == lines)
    }

    /// The proposal last allowed in a clone.
    pub fn last_settings(&self, repository: &str) -> Option<&[String]> {
        let last = self.settings.iter().rfind(|settings| settings.repository == repository)?;
        Some(&last.lines)
    }

    /// Allows a proposal in a clone, as the newest.
    pub fn allow_settings(&mut self, repository: &str, key: Oid, lines: &[String]) {
        self.settings.retain(|settings| settings.repository != repository || settings.lines != lines);
        let (repository, lines) = (repository.to_owned(), lines.to_vec());
        self.settings.push(Settings { key, repository, lines, when: now() });
    }

    /// Adds a key whose signatures are accepted; `false` if it was there.
    pub fn add_author(&mut self, key: &str, comment: &str) -> bool {
        let is_new = self.authors.iter().all(|author| author.key != key);
        if is_new {
            self.authors.push(Author { key: key.to_owned(), comment: comment.to_owned(), when: now() });
        }
        is_new
    }

    /// Removes the entries with this name: a build key or settings key or a prefix of it, a point, the common directory
    /// of a repository, or a fingerprint. Returns how many were removed.
    pub fn revoke(&mut self, name: &str) -> usize {
        let count = |ledger: &Self| ledger.content.len() + ledger.authors.len() + ledger.settings.len();
        let before = count(self);
        let begins = |key: Oid| name.len() >= 7 && key.to_string().starts_with(&name.to_lowercase());
        self.content.retain(|content| content.point != *name && !begins(content.key));
        self.authors.retain(|author| author.key != name);
        self.settings.retain(|settings| settings.repository != name && !begins(settings.key));
        before - count(self)
    }

    fn load(path: &Path, limit: u64) -> Result<Self, Error> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(failed("read", path)(error)),
        };
        let meta = file.metadata().map_err(failed("read", path))?;
        let us = rustix::process::geteuid().as_raw();
        if meta.permissions().mode() & OTHERS_WRITE != 0 || ![us, 0].contains(&meta.uid()) {
            return Err(Error::Open(path.to_owned()));
        }
        let what = || path.display().to_string();
        let bytes = read_at_most(&file, limit).map_err(failed("read", path))?;
        let bytes = bytes.map_err(|size| TooLarge { what: what(), size, limit, kind: Kind::Trust })?;
        let malformed = |why: String| Error::Malformed { path: path.to_owned(), why };
        let ledger: Self = serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
        if ledger.version != VERSION {
            return Err(malformed(format!("it has version {}: expected {VERSION}", ledger.version)));
        }
        Ok(ledger)
    }

    /// Replaces the file; only its owner can read it.
    fn save(&self, folder: &Path, path: &Path) -> io::Result<()> {
        temporary::sweep(folder);
        temporary::replace(path, |new| {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(new)?;
            serde_json::to_writer_pretty(&mut file, self)?;
            file.write_all(b"\n")?;
            file.sync_all()
        })
    }
}

/// The size limit of the file.
fn limit(repo: Option<&Repo>) -> Result<u64, Error> {
    Ok(repo.map_or(Ok(Kind::Trust.default_limit()), |repo| repo.size_limit(Kind::Trust))?)
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { doing, path, source }
}

/// Makes the folder if needed and locks it; the lock is released on drop.
fn lock_folder(folder: &Path) -> Result<File, Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed("make", folder))?;
    let lock = folder.join(LOCK);
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&lock);
    opened.and_then(|file| file.lock().map(|()| file)).map_err(failed("lock", &lock))
}

/// The folder in the user's state directory.
fn folder(repo: Option<&Repo>) -> Result<PathBuf, Error> {
    let home = env::state_home().ok_or(Error::NoHome)?;
    if !home.is_absolute() {
        return Err(Error::Relative(home));
    }
    let folder = home.join(FOLDER);
    match repo {
        Some(repo) if repo.surrounds(&real(&folder.join(FILE))) => Err(Error::Inside(folder)),
        _ => Ok(folder),
    }
}

/// Resolves links in the existing part of a path.
fn real(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|part| Some((part, fs::canonicalize(part).ok()?)));
    match there {
        Some((part, real)) => real.join(path.strip_prefix(part).unwrap_or(Path::new(""))),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revokes_by_key_point_or_fingerprint() {
        let key = Oid::from_hex(b"66d87dad6a2fdde04ae956097af06394cef1d940").unwrap();
        let mut ledger = Ledger::default();
        ledger.allow(key, &"a/b".into());
        ledger.allow(key, &"a/b".into());
        assert!(ledger.add_author("SHA256:x", "ada") && !ledger.add_author("SHA256:x", "ada"));
        assert_eq!((ledger.content.len(), ledger.authors.len()), (1, 1), "nothing is there twice");
        for none in ["a", "66d87d", "SHA256:", ""] {
            assert_eq!(ledger.clone().revoke(none), 0, "`{none}` names nothing");
        }
        for (name, count) in [("a/b", 1), ("66d87da", 1), ("66D87DAD6A", 1), ("SHA256:x", 1)] {
            assert_eq!(ledger.clone().revoke(name), count, "{name}");
        }
    }
}
