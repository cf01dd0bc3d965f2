//! What the user allowed: a file in the user's state directory, where no branch and no clone can write.

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
/// The layout of the file.
const VERSION: u32 = 1;
/// The group's and everybody's right to write.
const OTHERS_WRITE: u32 = 0o022;

/// Content, authors and settings that the user trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    version: u32,
    /// What may be built.
    pub content: Vec<Content>,
    /// Whose signatures count.
    pub authors: Vec<Author>,
    /// Which proposals of lattice.toml may be used, the newest last.
    #[serde(default)]
    pub settings: Vec<Settings>,
}

/// One proposal that may be used in one clone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The name of its canonical form: the id of its blob.
    #[serde(with = "hex")]
    pub key: Oid,
    /// The clone: what its worktrees share.
    pub repository: String,
    /// The canonical form, line by line.
    pub lines: Vec<String>,
    /// When it was allowed.
    pub when: String,
}

/// One content that may be built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Its build key: content is the same in every clone.
    #[serde(with = "hex")]
    pub key: Oid,
    /// The point whose it was.
    pub point: Spelled,
    /// When it was allowed.
    pub when: String,
}

/// One key whose signatures count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The fingerprint.
    pub key: String,
    /// What the public key says of its owner.
    pub comment: String,
    /// When it was added.
    pub when: String,
}

/// Why the ledger cannot be used. Then nothing is trusted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no place for it.
    #[error("there is no state directory to keep trust in: neither XDG_STATE_HOME nor HOME is set")]
    NoHome,
    /// The variable names a place that depends on the current directory.
    #[error("XDG_STATE_HOME is `{}`: expected an absolute path", .0.display())]
    Relative(PathBuf),
    /// A branch could bring the file.
    #[error("the state directory `{}` is inside this repository, where a branch could bring what is trusted", .0.display())]
    Inside(PathBuf),
    /// Somebody else can write it.
    #[error("`{}` can be written by others, so nothing in it is trusted", .0.display())]
    Open(PathBuf),
    /// It is not what is written here.
    #[error("`{}` is damaged, so nothing in it is trusted: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// It is larger than what is read.
    #[error("{0}, so nothing in it is trusted")]
    TooLarge(#[from] TooLarge),
    /// The limit is none.
    #[error(transparent)]
    Limit(#[from] git::Error),
    /// It cannot be read or written.
    #[error("could not {doing} `{}`", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NoHome | Self::Relative(_) | Self::Inside(_) => {
                "set XDG_STATE_HOME to an absolute path outside of the repository, or unset it".to_owned()
            }
            Self::Open(path) => format!("`chmod go-w {}` after a look at it", crate::process::quote(path)),
            Self::Malformed { path, .. } => {
                format!("mend it, or begin anew: `rm {}`", crate::process::quote(path))
            }
            Self::TooLarge(too_large) => too_large.hint(),
            Self::Limit(_) => format!("`git config --show-origin {}` shows where it is set", Kind::Trust.key()),
            Self::Io { path, .. } => format!("`ls -l {}` says whose it is", crate::process::quote(path)),
        }
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self { version: VERSION, content: Vec::new(), authors: Vec::new(), settings: Vec::new() }
    }
}

impl Ledger {
    /// Reads what is trusted; nothing where there is no file. It may not be in `repo`.
    ///
    /// # Errors
    /// When the file cannot be believed.
    pub fn read<'a>(repo: impl Into<Option<&'a Repo>>) -> Result<Self, Error> {
        let repo = repo.into();
        Self::load(&folder(repo)?.join(FILE), limit(repo)?)
    }

    /// How many bytes the file has; 0 where there is none that is read.
    pub(super) fn size(repo: &Repo) -> u64 {
        let meta = folder(Some(repo)).ok().and_then(|folder| fs::metadata(folder.join(FILE)).ok());
        meta.map_or(0, |meta| meta.len())
    }

    /// Changes what is trusted, one process at a time, and gives what `change` gives; the file is replaced in one step.
    ///
    /// # Errors
    /// When the file cannot be believed or written.
    pub fn change<'a, T>(repo: impl Into<Option<&'a Repo>>, change: impl FnOnce(&mut Self) -> T) -> Result<T, Error> {
        let repo = repo.into();
        let (folder, limit) = (folder(repo)?, limit(repo)?);
        let _held = hold(&folder)?;
        let path = folder.join(FILE);
        let mut ledger = Self::load(&path, limit)?;
        let given = change(&mut ledger);
        ledger.save(&folder, &path).map_err(failed("write", &path))?;
        Ok(given)
    }

    /// Trusts nothing any more, whatever the file holds.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn forget<'a>(repo: impl Into<Option<&'a Repo>>) -> Result<(), Error> {
        let folder = folder(repo.into())?;
        let _held = hold(&folder)?;
        let path = folder.join(FILE);
        Self::default().save(&folder, &path).map_err(failed("write", &path))
    }

    /// Whether this build key was allowed.
    pub fn allows(&self, key: Oid) -> bool {
        self.content.iter().any(|content| content.key == key)
    }

    /// Allows a content; the point is what it will be listed by.
    pub fn allow(&mut self, key: Oid, point: &Spelled) {
        if !self.allows(key) {
            self.content.push(Content { key, point: point.clone(), when: now() });
        }
    }

    /// Whether exactly this proposal was allowed in a clone.
    pub fn allows_settings(&self, repository: &str, lines: &[String]) -> bool {
        self.settings.iter().any(|settings| settings.repository == repository && settings.lines == lines)
    }

    /// What was allowed last in a clone.
    pub fn last_settings(&self, repository: &str) -> Option<&[String]> {
        let last = self.settings.iter().rfind(|settings| settings.repository == repository)?;
        Some(&last.lines)
    }

    /// Allows a proposal in a clone; it is the newest from then on.
    pub fn allow_settings(&mut self, repository: &str, key: Oid, lines: &[String]) {
        self.settings.retain(|settings| settings.repository != repository || settings.lines != lines);
        let (repository, lines) = (repository.to_owned(), lines.to_vec());
        self.settings.push(Settings { key, repository, lines, when: now() });
    }

    /// Adds a key whose signatures count; `false` when it was there.
    pub fn add_author(&mut self, key: &str, comment: &str) -> bool {
        let is_new = self.authors.iter().all(|author| author.key != key);
        if is_new {
            self.authors.push(Author { key: key.to_owned(), comment: comment.to_owned(), when: now() });
        }
        is_new
    }

    /// Takes away what has this name: a key of content or settings or its beginning, a point, the folder of a repository, or a
    /// fingerprint; gives how many there were.
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
            return Err(malformed(format!("it has version {}, and {VERSION} is known here", ledger.version)));
        }
        Ok(ledger)
    }

    /// A new file in place of the old one, which is readable by its owner alone.
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

/// How many bytes of the file are read: a checkout waits for it.
fn limit(repo: Option<&Repo>) -> Result<u64, Error> {
    Ok(repo.map_or(Ok(Kind::Trust.usual()), |repo| repo.size_limit(Kind::Trust))?)
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { doing, path, source }
}

/// Waits until no other process changes what is in the folder, which is made where it is missing. The lock goes with the value.
fn hold(folder: &Path) -> Result<File, Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed("make", folder))?;
    let lock = folder.join(LOCK);
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&lock);
    opened.and_then(|file| file.lock().map(|()| file)).map_err(failed("lock", &lock))
}

/// Our folder in the user's state directory.
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

/// The path without links, as far as it is there.
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
    fn what_is_revoked_is_named_by_key_point_or_fingerprint() {
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
