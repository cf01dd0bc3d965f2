//! Inspects the hooks folder.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::event::Kind;
use super::manager::Manager;
use super::shim::{CHAINED_SUFFIX, Mark, VERSION};

/// Suffix under which pre-commit and prek keep and call an existing hook.
pub(super) const LEGACY_SUFFIX: &str = ".legacy";
/// Suffix under which lefthook keeps an existing hook, without calling it.
pub(super) const OLD_SUFFIX: &str = ".old";

/// The hooks folder or a file in it could not be read.
#[derive(Debug, thiserror::Error)]
#[error("could not read `{}`", path.display())]
pub struct Error {
    /// The file or folder.
    pub path: PathBuf,
    /// The error of the system.
    pub source: io::Error,
}

/// Whether our hook for an event is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// There is no hook for the event.
    NotInstalled,
    /// Our shim is installed.
    Installed {
        /// The version of the shim.
        version: u32,
        /// Whether this program would write the same version.
        current: bool,
        /// Whether the shim was edited by hand.
        edited: bool,
        /// Whether it is executable; git ignores a hook that is not.
        runs: bool,
        /// The previous hook, which runs first.
        chained: Option<Chained>,
        /// The manager that moved our shim aside and calls it.
        called_by: Option<Manager>,
    },
    /// There is a hook of another origin.
    Foreign(Option<Manager>),
}

/// A hook that was moved aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chained {
    /// Whether it is executable; like git, the shim ignores a hook that is not.
    pub runs: bool,
    /// The manager that wrote it.
    pub manager: Option<Manager>,
}

/// The state of each event in the hooks folder `folder`, which need not exist.
///
/// # Errors
/// When it cannot be read.
pub fn status(folder: &Path) -> Result<Vec<(Kind, State)>, Error> {
    Kind::ALL.into_iter().map(|kind| Ok((kind, HookFiles::look(folder, kind)?.state()))).collect()
}

/// Whether any file of ours remains for an event, even one that no hook calls.
pub fn has_traces(folder: &Path, kind: Kind) -> bool {
    HookFiles::look(folder, kind)
        .is_ok_and(|found| found.is_installed() || found.chained.is_some() || !found.strays.is_empty())
}

/// The path of the hook of an event.
pub(super) fn hook(folder: &Path, kind: Kind) -> PathBuf {
    folder.join(kind.as_str())
}

/// The path of the previous hook, moved aside.
pub(super) fn chained(folder: &Path, kind: Kind) -> PathBuf {
    aside(folder, kind, CHAINED_SUFFIX)
}

/// The path of the hook of an event with a suffix.
pub(super) fn aside(folder: &Path, kind: Kind, suffix: &str) -> PathBuf {
    let mut name = OsString::from(kind.as_str());
    name.push(suffix);
    folder.join(name)
}

/// What exists at the path of a hook.
#[derive(Debug)]
pub(super) enum Slot {
    Nothing,
    Shim(Shim),
    Foreign { id: FileId, text: Vec<u8> },
    Folder,
}

/// One of our shims, at any path.
#[derive(Debug)]
pub(super) struct Shim {
    pub(super) mark: Mark,
    pub(super) text: Vec<u8>,
    pub(super) runs: bool,
}

/// Device and inode of a file, without following a symlink.
pub(super) type FileId = (u64, u64);

/// The hook that was moved aside.
#[derive(Debug)]
pub(super) struct ChainedHook {
    pub(super) id: FileId,
    pub(super) text: Vec<u8>,
    pub(super) chained: Chained,
}

/// All files for one event.
#[derive(Debug)]
pub(super) struct HookFiles {
    pub(super) slot: Slot,
    pub(super) chained: Option<ChainedHook>,
    /// Our shim, moved aside and called by the manager whose hook is in the slot.
    pub(super) legacy: Option<(Shim, Manager)>,
    /// The suffixes of shims of ours that were moved aside and that no hook calls.
    pub(super) strays: Vec<&'static str>,
}

impl HookFiles {
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
        Ok(Self { slot, chained: ChainedHook::look(&chained(folder, kind))?, legacy, strays })
    }

    /// Whether our shim runs, directly or called by a manager.
    pub(super) fn is_installed(&self) -> bool {
        matches!(self.slot, Slot::Shim(_)) || self.legacy.is_some()
    }

    /// Whether the hook in the slot replaces the one that was moved aside: a newer hook of the same manager, or the same text.
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

impl ChainedHook {
    fn look(path: &Path) -> Result<Option<Self>, Error> {
        let Some(meta) = entry(path)? else { return Ok(None) };
        let text = text(path)?;
        let chained = Chained { runs: runs(path), manager: Manager::of(&text) };
        Ok(Some(Self { id: id(&meta), text, chained }))
    }
}

/// The text of a hook; empty for a device, a dangling symlink, or a program without read permission.
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
