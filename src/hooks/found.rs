//! What stands in the hooks folder now.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::event::Kind;
use super::shim::{CHAINED_SUFFIX, Mark, VERSION};

/// The hooks folder or a file in it could not be read.
#[derive(Debug, thiserror::Error)]
#[error("could not read `{}`", path.display())]
pub struct Error {
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Whether our hook for an event is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// There is no hook for it at all.
    NotInstalled,
    /// Our shim is there.
    Installed {
        /// The version of the shim.
        version: u32,
        /// Whether this program would write the same version.
        current: bool,
        /// Whether somebody changed the shim by hand.
        edited: bool,
        /// The hook that was there before and still runs first.
        chained: Option<Chained>,
    },
    /// There is a hook, but none of ours.
    Foreign,
}

/// A hook that was moved aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chained {
    /// Whether it is a program that runs; git passes over a hook that is none, and so do we.
    pub runs: bool,
}

/// What there is for each event in the hooks folder `folder`, which need not exist.
///
/// # Errors
/// When it cannot be read.
pub fn status(folder: &Path) -> Result<Vec<(Kind, State)>, Error> {
    Kind::ALL.into_iter().map(|kind| Ok((kind, Found::look(folder, kind)?.state()))).collect()
}

/// Where an event's hook stands.
pub(super) fn hook(folder: &Path, kind: Kind) -> PathBuf {
    folder.join(kind.as_str())
}

/// Where the hook that was there before stands now.
pub(super) fn chained(folder: &Path, kind: Kind) -> PathBuf {
    let mut name = OsString::from(kind.as_str());
    name.push(CHAINED_SUFFIX);
    folder.join(name)
}

/// What stands under an event's name.
#[derive(Debug)]
pub(super) enum Slot {
    Nothing,
    Shim { mark: Mark, text: Vec<u8>, runs: bool },
    Foreign { id: FileId },
    Folder,
}

/// Which file a name leads to, without following a symlink.
pub(super) type FileId = (u64, u64);

/// All that there is for one event.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) slot: Slot,
    pub(super) chained: Option<(FileId, Chained)>,
}

impl Found {
    pub(super) fn look(folder: &Path, kind: Kind) -> Result<Self, Error> {
        let path = chained(folder, kind);
        let chained = entry(&path)?.map(|meta| (id(&meta), Chained { runs: runs(&path) }));
        Ok(Self { slot: Slot::look(&hook(folder, kind))?, chained })
    }

    fn state(&self) -> State {
        let chained = self.chained.map(|(_, chained)| chained);
        match self.slot {
            Slot::Nothing => State::NotInstalled,
            Slot::Shim { mark: Mark { version, edited, .. }, .. } => {
                State::Installed { version, current: version == VERSION, edited, chained }
            }
            Slot::Foreign { .. } | Slot::Folder => State::Foreign,
        }
    }
}

impl Slot {
    fn look(path: &Path) -> Result<Self, Error> {
        let Some(meta) = entry(path)? else { return Ok(Self::Nothing) };
        let foreign = Self::Foreign { id: id(&meta) };
        match fs::metadata(path) {
            Ok(target) if target.is_dir() => Ok(Self::Folder),
            Ok(target) if target.is_file() => match fs::read(path) {
                Ok(text) => Ok(Mark::read(&text).map_or(foreign, |mark| Self::Shim { mark, text, runs: runs(path) })),
                // A program may be executable without being readable; ours is readable.
                Err(source) if source.kind() == io::ErrorKind::PermissionDenied => Ok(foreign),
                Err(source) => Err(Error { path: path.to_owned(), source }),
            },
            // A device, or a symlink that leads nowhere.
            _ => Ok(foreign),
        }
    }
}

fn entry(path: &Path) -> Result<Option<Metadata>, Error> {
    match fs::symlink_metadata(path) {
        Ok(meta) => Ok(Some(meta)),
        Err(source) if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(source) => Err(Error { path: path.to_owned(), source }),
    }
}

fn id(meta: &Metadata) -> FileId {
    (meta.dev(), meta.ino())
}

fn runs(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
