//! What a tree may hold that is used from the store.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result};

/// Set-user-id and set-group-id (inode(7)).
const SET_ID: u32 = 0o6000;

/// Why a tree is no seed.
#[derive(Debug, thiserror::Error)]
pub enum BadTree {
    /// The directory is empty.
    #[error("`{}` is empty", .0.display())]
    Empty(PathBuf),
    /// A link that leads out of the tree.
    #[error("`{}` is a symbolic link to `{}`: in the store it would lead out of the tree", path.display(), target.display())]
    LeavingLink {
        /// The link.
        path: PathBuf,
        /// Its target.
        target: PathBuf,
    },
    /// A program that runs as another user.
    #[error("`{}` is set-user-id or set-group-id, which the store does not keep", .0.display())]
    SetId(PathBuf),
    /// A socket, pipe or device.
    #[error("`{}` is a socket, pipe or device, which the store cannot hold", .0.display())]
    Special(PathBuf),
}

impl BadTree {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Empty(_) => "check the path: a seed without files is refused".to_owned(),
            Self::LeavingLink { .. } => "link to a file of the tree by a relative path, or remove the link".to_owned(),
            Self::SetId(path) => format!("`chmod a-s {}`", crate::process::quote(path)),
            Self::Special(path) => format!("`rm {}`", crate::process::quote(path)),
        }
    }
}

/// Checks that a tree is the same in the store.
pub(super) fn ensure_movable(dir: &Path) -> Result<()> {
    if read_dir(dir)?.next().is_none() {
        return Err(BadTree::Empty(dir.to_owned()).into());
    }
    ensure_movable_at(dir, 0)
}

fn read_dir(dir: &Path) -> Result<fs::ReadDir> {
    fs::read_dir(dir).with_context(|| format!("could not read `{}`", dir.display()))
}

/// `depth` is the number of folders between the tree and `dir`, which counts.
fn ensure_movable_at(dir: &Path, depth: usize) -> Result<()> {
    for entry in read_dir(dir)? {
        let path = entry?.path();
        let data = fs::symlink_metadata(&path)?;
        if data.is_symlink() {
            let target = fs::read_link(&path)?;
            if is_leaving(&target, depth) {
                return Err(BadTree::LeavingLink { path, target }.into());
            }
        } else if data.is_dir() {
            ensure_movable_at(&path, depth + 1)?;
        } else if !data.is_file() {
            return Err(BadTree::Special(path).into());
        } else if data.mode() & SET_ID != 0 {
            return Err(BadTree::SetId(path).into());
        }
    }
    Ok(())
}

/// Whether a link in a folder of this depth leads out of the tree.
fn is_leaving(target: &Path, depth: usize) -> bool {
    let inside = target.components().try_fold(depth, |depth, component| match component {
        Component::Normal(_) => Some(depth + 1),
        Component::CurDir => Some(depth),
        Component::ParentDir => depth.checked_sub(1),
        Component::RootDir | Component::Prefix(_) => None,
    });
    inside.is_none()
}
