//! What stands in the hooks folder now.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::event::Kind;
use super::manager::Manager;
use super::shim::{CHAINED_SUFFIX, Mark, VERSION};

/// Where pre-commit and prek put the hook that they found, and call it.
pub(super) const LEGACY_SUFFIX: &str = ".legacy";
/// Where lefthook puts the hook that it found, and forgets it.
pub(super) const OLD_SUFFIX: &str = ".old";

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
        /// Whether it is executable: git passes over a hook that is not.
        runs: bool,
        /// The hook that was there before and still runs first.
        chained: Option<Chained>,
        /// The manager that moved our shim aside and calls it.
        called_by: Option<Manager>,
    },
    /// There is a hook, but none of ours.
    Foreign(Option<Manager>),
}

/// A hook that was moved aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chained {
    /// Whether it is a program that runs; git passes over a hook that is none, and so do we.
    pub runs: bool,
    /// Whose it is.
    pub manager: Option<Manager>,
}

/// What there is for each event in the hooks folder `folder`, which need not exist.
///
/// # Errors
/// When it cannot be read.
pub fn status(folder: &Path) -> Result<Vec<(Kind, State)>, Error> {
    Kind::ALL.into_iter().map(|kind| Ok((kind, Found::look(folder, kind)?.state()))).collect()
}

/// Whether something of ours is left of an event's hook, though maybe nobody calls it.
pub fn has_traces(folder: &Path, kind: Kind) -> bool {
    Found::look(folder, kind)
        .is_ok_and(|found| found.is_installed() || found.chained.is_some() || !found.strays.is_empty())
}

/// Where an event's hook stands.
pub(super) fn hook(folder: &Path, kind: Kind) -> PathBuf {
    folder.join(kind.as_str())
}

/// Where the hook that was there before stands now.
pub(super) fn chained(folder: &Path, kind: Kind) -> PathBuf {
    aside(folder, kind, CHAINED_SUFFIX)
}

/// An event's hook under another name.
pub(super) fn aside(folder: &Path, kind: Kind, suffix: &str) -> PathBuf {
    let mut name = OsString::from(kind.as_str());
    name.push(suffix);
    folder.join(name)
}

/// What stands under an event's name.
#[derive(Debug)]
pub(super) enum Slot {
    Nothing,
    Shim(Shim),
    Foreign { id: FileId, text: Vec<u8> },
    Folder,
}

/// A shim of ours, wherever it stands.
#[derive(Debug)]
pub(super) struct Shim {
    pub(super) mark: Mark,
    pub(super) text: Vec<u8>,
    pub(super) runs: bool,
}

/// Which file a name leads to, without following a symlink.
pub(super) type FileId = (u64, u64);

/// The hook that was moved aside.
#[derive(Debug)]
pub(super) struct Aside {
    pub(super) id: FileId,
    pub(super) text: Vec<u8>,
    pub(super) chained: Chained,
}

/// All that there is for one event.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) slot: Slot,
    pub(super) chained: Option<Aside>,
    /// Our shim, which the manager whose hook stands in the slot moved aside and calls.
    pub(super) legacy: Option<(Shim, Manager)>,
    /// The suffixes of shims of ours that were moved aside and that nobody calls.
    pub(super) strays: Vec<&'static str>,
}

impl Found {
    pub(super) fn look(folder: &Path, kind: Kind) -> Result<Self, Error> {
        let slot = Slot::look(&hook(folder, kind))?;
        let shim_at = |suffix| match Slot::look(&aside(folder, kind, suffix))? {
            Slot::Shim(shim) => Ok(Some(shim)),
            _ => Ok(None),
        };
        let (legacy, old) = (shim_at(LEGACY_SUFFIX)?, shim_at(OLD_SUFFIX)?);
        let caller = slot.manager().filter(|manager| manager.calls_legacy());
        let (legacy, stray) = match (legacy, caller) {
            (Some(shim), Some(caller)) => (Some((shim, caller)), None),
            (shim, _) => (None, shim.map(|_| LEGACY_SUFFIX)),
        };
        let strays = stray.into_iter().chain(old.map(|_| OLD_SUFFIX)).collect();
        Ok(Self { slot, chained: Aside::look(&chained(folder, kind))?, legacy, strays })
    }

    /// Whether our shim is called, wherever it stands.
    pub(super) fn is_installed(&self) -> bool {
        matches!(self.slot, Slot::Shim(_)) || self.legacy.is_some()
    }

    /// Whether the hook that stands there now is a newer one of the manager whose old one was moved aside, or the same again.
    pub(super) fn supersedes(&self) -> bool {
        let (Slot::Foreign { text, .. }, Some(aside)) = (&self.slot, &self.chained) else { return false };
        let manager = Manager::of(text);
        !text.is_empty() && (*text == aside.text || (manager.is_some() && manager == aside.chained.manager))
    }

    fn state(&self) -> State {
        let (shim, called_by) = match (&self.slot, &self.legacy) {
            (Slot::Nothing, _) => return State::NotInstalled,
            (Slot::Shim(shim), _) => (shim, None),
            (_, Some((shim, caller))) => (shim, Some(*caller)),
            (slot, None) => return State::Foreign(slot.manager()),
        };
        let Mark { version, edited, .. } = shim.mark;
        let chained = self.chained.as_ref().map(|aside| aside.chained).filter(|_| !self.supersedes());
        State::Installed { version, current: version == VERSION, edited, runs: shim.runs, chained, called_by }
    }
}

impl Slot {
    fn look(path: &Path) -> Result<Self, Error> {
        let Some(meta) = entry(path)? else { return Ok(Self::Nothing) };
        if fs::metadata(path).is_ok_and(|target| target.is_dir()) {
            return Ok(Self::Folder);
        }
        let text = text(path)?;
        Ok(match Mark::read(&text) {
            Some(mark) => Self::Shim(Shim { mark, text, runs: runs(path) }),
            None => Self::Foreign { id: id(&meta), text },
        })
    }

    fn manager(&self) -> Option<Manager> {
        if let Self::Foreign { text, .. } = self { Manager::of(text) } else { None }
    }
}

impl Aside {
    fn look(path: &Path) -> Result<Option<Self>, Error> {
        let Some(meta) = entry(path)? else { return Ok(None) };
        let text = text(path)?;
        let chained = Chained { runs: runs(path), manager: Manager::of(&text) };
        Ok(Some(Self { id: id(&meta), text, chained }))
    }
}

/// The text of a hook; empty for a device, a symlink that leads nowhere, and a program that may be run but not read.
fn text(path: &Path) -> Result<Vec<u8>, Error> {
    if !fs::metadata(path).is_ok_and(|target| target.is_file()) {
        return Ok(Vec::new());
    }
    match fs::read(path) {
        Err(source) if source.kind() == io::ErrorKind::PermissionDenied => Ok(Vec::new()),
        read => read.map_err(|source| Error { path: path.to_owned(), source }),
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
