//! Plans and applies the installation and removal of our shims in the hooks folder.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::event::Kind;
use super::inspect::{self, HookFiles, LEGACY_SUFFIX, Shim, Slot, aside, chained, hook};
use super::manager::Manager;
use super::shim::{self, Folder};
use crate::temporary;

/// Why hooks could not be installed or removed. Only [`Error::Io`] may leave some steps done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder could not be read.
    #[error(transparent)]
    Inspect(#[from] inspect::Error),
    /// The path of the hooks folder is not a folder.
    #[error("`{}` is not a folder, so hooks cannot be installed in it", path.display())]
    NoFolder {
        /// The path.
        path: PathBuf,
    },
    /// A folder has the name of a hook.
    #[error("`{}` is a folder, where git expects a program", path.display())]
    IsFolder {
        /// The path.
        path: PathBuf,
    },
    /// A second foreign hook was added after the first was moved aside.
    #[error("`{}` is a new hook, but `{}` was moved aside before; merge them or delete one", hook.display(), chained.display())]
    Both {
        /// The hook that git runs now.
        hook: PathBuf,
        /// The hook that was moved aside.
        chained: PathBuf,
    },
    /// The shim was edited by hand, and the edit would be lost.
    #[error("`{}` was changed by hand; move your lines to `{}` and delete it", hook.display(), chained.display())]
    Edited {
        /// The shim.
        hook: PathBuf,
        /// The path for a hook of the user.
        chained: PathBuf,
    },
    /// Another process changed the folder after the plan was made.
    #[error("the hooks in `{}` were changed by another process meanwhile", path.display())]
    Changed {
        /// The folder.
        path: PathBuf,
    },
    /// A step failed.
    #[error("could not write `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

/// One action in the hooks folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Create the folder.
    MakeFolder,
    /// Move the foreign hook aside; the shim runs it first.
    SetAside(Kind),
    /// Write the shim.
    Write {
        /// The event.
        kind: Kind,
        /// The text of the shim.
        text: Vec<u8>,
        /// Whether it replaces a different shim.
        update: bool,
    },
    /// Replace the manager's older hook, which was moved aside, by its newer one.
    Supersede(Kind),
    /// Write the shim where a manager keeps and calls it.
    WriteLegacy {
        /// The event.
        kind: Kind,
        /// The text of the shim.
        text: Vec<u8>,
    },
    /// Leave an up-to-date shim.
    Keep(Kind),
    /// Leave a shim that a manager moved aside and calls.
    KeepLegacy(Kind, Manager),
    /// Leave a shim that a newer git-lattice wrote.
    KeepNewer(Kind, u32),
    /// Remove the shim.
    Remove(Kind),
    /// Move the hook that was moved aside back in its place.
    PutBack(Kind),
    /// Move the hook that was moved aside to where its manager would have moved it.
    PutBackLegacy(Kind),
    /// Remove the hook that was moved aside: it equals the current one, or is an older one of the same manager.
    RemoveTwin(Kind),
    /// Remove a shim of ours that was moved aside to this suffix.
    RemoveAside(Kind, &'static str),
    /// Leave both a foreign hook and the one that was moved aside before.
    LeaveBoth(Kind),
    /// Remove the folder, which git-lattice created, if it is empty.
    RemoveFolder,
}

/// The actions in a hooks folder, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The folder.
    pub folder: PathBuf,
    /// The steps.
    pub steps: Vec<Step>,
    goal: Goal,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Goal {
    Install { kinds: Vec<Kind>, binary: Option<PathBuf> },
    Uninstall,
}

/// Plans the installation of our hooks in `folder`, for `kinds` and for all events that have one. The shims try `binary`, if
/// it is absolute, before PATH.
///
/// # Errors
/// When the folder cannot be read, or a file there prevents it.
pub fn plan_install(folder: &Path, kinds: &[Kind], binary: Option<&Path>) -> Result<Plan, Error> {
    let binary = binary.filter(|path| path.is_absolute());
    let exists = exists(folder)?;
    let found = look(folder)?;
    let origin = if exists && !made_by_us(&found) { Folder::Existing } else { Folder::Made };
    let mut steps = if exists { Vec::new() } else { vec![Step::MakeFolder] };
    for (kind, found) in found.iter().filter(|(kind, found)| kinds.contains(kind) || found.is_installed()) {
        steps.extend(installing(folder, *kind, found, &shim::render(*kind, binary, origin))?);
    }
    let goal = Goal::Install { kinds: kinds.to_vec(), binary: binary.map(Path::to_owned) };
    Ok(Plan { folder: folder.to_owned(), steps, goal })
}

/// Plans the removal of all our hooks from `folder`, which restores its previous state.
///
/// # Errors
/// When the folder cannot be read, or a shim was edited by hand.
pub fn plan_uninstall(folder: &Path) -> Result<Plan, Error> {
    let found = look(folder)?;
    let mut steps = Vec::new();
    for (kind, found) in &found {
        steps.extend(removing(folder, *kind, found)?);
    }
    if made_by_us(&found) {
        steps.push(Step::RemoveFolder);
    }
    Ok(Plan { folder: folder.to_owned(), steps, goal: Goal::Uninstall })
}

fn exists(folder: &Path) -> Result<bool, Error> {
    let path = folder.to_owned();
    match fs::metadata(folder) {
        Ok(meta) if meta.is_dir() => Ok(true),
        Ok(_) => Err(Error::NoFolder { path }),
        Err(source) => match source.kind() {
            io::ErrorKind::NotFound => Ok(false),
            io::ErrorKind::NotADirectory => Err(Error::NoFolder { path }),
            _ => Err(inspect::Error { path, source }.into()),
        },
    }
}

fn look(folder: &Path) -> Result<Vec<(Kind, HookFiles)>, Error> {
    Kind::ALL.into_iter().map(|kind| Ok((kind, HookFiles::look(folder, kind)?))).collect()
}

fn made_by_us(found: &[(Kind, HookFiles)]) -> bool {
    let made = |slot: &Slot| matches!(slot, Slot::Shim(shim) if shim.mark.folder == Folder::Made);
    found.iter().any(|(_, found)| made(&found.slot))
}

fn installing(folder: &Path, kind: Kind, found: &HookFiles, new: &[u8]) -> Result<Vec<Step>, Error> {
    if let Some((shim, manager)) = &found.legacy {
        return installing_legacy(folder, kind, found, shim, *manager, new);
    }
    let write = |update| Step::Write { kind, text: new.to_owned(), update };
    let mut steps = match (&found.slot, &found.chained) {
        (Slot::Folder, _) => return Err(Error::IsFolder { path: hook(folder, kind) }),
        (Slot::Shim(shim), _) if shim.mark.version > shim::VERSION => vec![Step::KeepNewer(kind, shim.mark.version)],
        (Slot::Shim(shim), _) if shim.runs && shim.text == new => vec![Step::Keep(kind)],
        (Slot::Shim(shim), _) if shim.mark.edited => return Err(edited(folder, kind)),
        (Slot::Shim(_), _) => vec![write(true)],
        (Slot::Nothing, _) => vec![write(false)],
        (Slot::Foreign { .. }, None) => vec![Step::SetAside(kind), write(false)],
        (Slot::Foreign { id, .. }, Some(twin)) if *id == twin.id => vec![write(false)],
        (Slot::Foreign { .. }, Some(_)) if found.supersedes() => vec![Step::Supersede(kind), write(false)],
        (Slot::Foreign { .. }, Some(_)) => {
            return Err(Error::Both { hook: hook(folder, kind), chained: chained(folder, kind) });
        }
    };
    steps.extend(found.strays.iter().map(|suffix| Step::RemoveAside(kind, suffix)));
    Ok(steps)
}

/// Plans one event whose manager calls our shim. The manager's hook must not be chained too, or each would call the other.
fn installing_legacy(
    folder: &Path,
    kind: Kind,
    found: &HookFiles,
    shim: &Shim,
    manager: Manager,
    new: &[u8],
) -> Result<Vec<Step>, Error> {
    let is_newer = shim.mark.version > shim::VERSION;
    let mut steps = match shim.text == new && shim.runs {
        true => vec![Step::KeepLegacy(kind, manager)],
        false if is_newer => vec![Step::KeepNewer(kind, shim.mark.version)],
        false if shim.mark.edited => return Err(edited_at(folder, kind, aside(folder, kind, LEGACY_SUFFIX))),
        false => vec![Step::WriteLegacy { kind, text: new.to_owned() }],
    };
    steps.extend(found.supersedes().then_some(Step::RemoveTwin(kind)));
    steps.extend(found.strays.iter().map(|suffix| Step::RemoveAside(kind, suffix)));
    Ok(steps)
}

fn removing(folder: &Path, kind: Kind, found: &HookFiles) -> Result<Vec<Step>, Error> {
    let mut steps = match (&found.slot, &found.chained) {
        (Slot::Shim(shim), _) if shim.mark.edited => return Err(edited(folder, kind)),
        (Slot::Shim(_) | Slot::Nothing, Some(_)) => vec![Step::PutBack(kind)],
        (Slot::Shim(_), None) => vec![Step::Remove(kind)],
        (Slot::Foreign { id, .. }, Some(twin)) if *id == twin.id => vec![Step::RemoveTwin(kind)],
        (Slot::Foreign { .. }, Some(_)) if found.supersedes() => vec![Step::RemoveTwin(kind)],
        (Slot::Foreign { .. }, Some(_)) if found.legacy.is_some() => vec![Step::PutBackLegacy(kind)],
        (Slot::Foreign { .. } | Slot::Folder, Some(_)) => vec![Step::LeaveBoth(kind)],
        (_, None) => Vec::new(),
    };
    if let Some((shim, _)) = &found.legacy {
        if shim.mark.edited {
            return Err(edited_at(folder, kind, aside(folder, kind, LEGACY_SUFFIX)));
        }
        // `PutBackLegacy` overwrites it.
        if !steps.contains(&Step::PutBackLegacy(kind)) {
            steps.push(Step::RemoveAside(kind, LEGACY_SUFFIX));
        }
    }
    steps.extend(found.strays.iter().map(|suffix| Step::RemoveAside(kind, suffix)));
    Ok(steps)
}

fn edited(folder: &Path, kind: Kind) -> Error {
    edited_at(folder, kind, hook(folder, kind))
}

fn edited_at(folder: &Path, kind: Kind, hook: PathBuf) -> Error {
    Error::Edited { hook, chained: chained(folder, kind) }
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.steps.iter().all(Step::is_nothing)
    }

    /// Applies the plan, if the folder has not changed since the plan was made.
    ///
    /// # Errors
    /// When another process changed the folder, or a step fails. No hook is lost, and the command can be run again.
    pub fn apply(&self) -> Result<(), Error> {
        let now = match &self.goal {
            Goal::Install { kinds, binary } => plan_install(&self.folder, kinds, binary.as_deref())?,
            Goal::Uninstall => plan_uninstall(&self.folder)?,
        };
        if now != *self {
            return Err(Error::Changed { path: self.folder.clone() });
        }
        temporary::sweep(&self.folder);
        self.steps.iter().try_for_each(|step| step.apply(&self.folder))
    }
}

impl Step {
    fn is_nothing(&self) -> bool {
        matches!(self, Self::Keep(_) | Self::KeepLegacy(..) | Self::KeepNewer(..) | Self::LeaveBoth(_))
    }

    fn apply(&self, folder: &Path) -> Result<(), Error> {
        let at = |kind: &Kind| (hook(folder, *kind), chained(folder, *kind));
        let legacy = |kind: &Kind| aside(folder, *kind, LEGACY_SUFFIX);
        let (path, done) = match self {
            Self::Keep(_) | Self::KeepLegacy(..) | Self::KeepNewer(..) | Self::LeaveBoth(_) => return Ok(()),
            Self::MakeFolder => (folder.to_owned(), fs::create_dir_all(folder)),
            Self::RemoveFolder => (folder.to_owned(), remove_if_empty(folder)),
            Self::SetAside(kind) => (at(kind).1, set_aside(&at(kind).0, &at(kind).1)),
            Self::Supersede(kind) => (at(kind).1, fs::rename(at(kind).0, at(kind).1)),
            Self::Write { kind, text, .. } => (at(kind).0, write_program(&at(kind).0, text)),
            Self::WriteLegacy { kind, text } => (legacy(kind), write_program(&legacy(kind), text)),
            Self::Remove(kind) => (at(kind).0, fs::remove_file(at(kind).0)),
            Self::PutBack(kind) => (at(kind).0, fs::rename(at(kind).1, at(kind).0)),
            Self::PutBackLegacy(kind) => (legacy(kind), fs::rename(at(kind).1, legacy(kind))),
            Self::RemoveAside(kind, suffix) => {
                let path = aside(folder, *kind, suffix);
                (path.clone(), fs::remove_file(path))
            }
            Self::RemoveTwin(kind) => (at(kind).1, fs::remove_file(at(kind).1)),
        };
        done.map_err(|source| Error::Io { path, source })
    }
}

/// Links the hook to its new name. The shim then replaces the old name, so that a hook exists at all times.
fn set_aside(hook: &Path, chained: &Path) -> io::Result<()> {
    match fs::hard_link(hook, chained) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // Some file systems have no hard links.
        Err(_) => fs::rename(hook, chained),
        Ok(()) => Ok(()),
    }
}

fn write_program(path: &Path, text: &[u8]) -> io::Result<()> {
    temporary::replace(path, |new| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o777).open(new)?;
        file.write_all(text)?;
        file.sync_all()
    })
}

fn remove_if_empty(folder: &Path) -> io::Result<()> {
    match fs::remove_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        done => done,
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "hooks in {}:", self.folder.display())?;
        if self.steps.is_empty() {
            writeln!(f, "  nothing to do")?;
        }
        self.steps.iter().try_for_each(|step| writeln!(f, "  {step}"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = shim::CHAINED_SUFFIX;
        match self {
            Self::MakeFolder => write!(f, "create the folder"),
            Self::SetAside(kind) => write!(f, "{kind}: the previous hook is now {kind}{suffix} and runs first"),
            Self::Supersede(kind) => write!(f, "{kind}: the newer hook of its manager now runs first"),
            Self::WriteLegacy { kind, .. } => write!(f, "{kind}: updated, in {kind}{LEGACY_SUFFIX}"),
            Self::KeepLegacy(kind, manager) => {
                write!(f, "{kind}: unchanged, {manager}'s hook calls ours as {kind}{LEGACY_SUFFIX}")
            }
            Self::Write { kind, update: false, .. } => write!(f, "{kind}: installed"),
            Self::Write { kind, update: true, .. } => write!(f, "{kind}: updated"),
            Self::Keep(kind) => write!(f, "{kind}: unchanged"),
            Self::KeepNewer(kind, version) => {
                write!(f, "{kind}: unchanged, written by a newer git-lattice (shim {version})")
            }
            Self::Remove(kind) => write!(f, "{kind}: removed"),
            Self::PutBack(kind) => write!(f, "{kind}: removed, {kind}{suffix} restored"),
            Self::PutBackLegacy(kind) => {
                write!(f, "{kind}: removed, {kind}{suffix} moved to {kind}{LEGACY_SUFFIX}")
            }
            Self::RemoveTwin(kind) => write!(f, "{kind}: duplicate {kind}{suffix} removed"),
            Self::RemoveAside(kind, suffix) => write!(f, "{kind}: our {kind}{suffix} removed"),
            Self::LeaveBoth(kind) => write!(f, "{kind}: foreign hook left unchanged, as is {kind}{suffix}"),
            Self::RemoveFolder => write!(f, "remove the folder if it is empty"),
        }
    }
}
