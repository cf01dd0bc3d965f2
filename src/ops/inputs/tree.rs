//! What a tree may hold that is used from the store.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Set-user-id and set-group-id (inode(7)).
const SET_ID: u32 = 0o6000;

/// Why a tree is no seed.
#[derive(Debug, thiserror::Error)]
pub enum BadTree {
    /// A link that leads out of the store.
    #[error("`{}` is a symbolic link to `{}`: in the store it would lead out of the tree", path.display(), target.display())]
    AbsoluteLink {
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
            Self::AbsoluteLink { .. } => "make the link relative, or remove it".to_owned(),
            Self::SetId(path) => format!("`chmod a-s {}`", crate::process::quote(path)),
            Self::Special(path) => format!("`rm {}`", crate::process::quote(path)),
        }
    }
}

/// Checks that a tree is the same in the store.
pub(super) fn ensure_movable(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("could not read `{}`", dir.display()))? {
        let path = entry?.path();
        let data = fs::symlink_metadata(&path)?;
        if data.is_symlink() {
            let target = fs::read_link(&path)?;
            if target.is_absolute() {
                return Err(BadTree::AbsoluteLink { path, target }.into());
            }
        } else if data.is_dir() {
            ensure_movable(&path)?;
        } else if !data.is_file() {
            return Err(BadTree::Special(path).into());
        } else if data.mode() & SET_ID != 0 {
            return Err(BadTree::SetId(path).into());
        }
    }
    Ok(())
}
