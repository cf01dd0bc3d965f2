//! A Nix store of the user's own, for evaluating and locking what a stranger wrote.
//!
//! `builtins.fetchTree { type = "path"; .. }`, `builtins.getFlake "path:.."`, `builtins.fetchurl "file:.."` and the inputs of an
//! input are copied into the store before Nix looks at their hash, pure evaluation or not, and every user of the machine can read
//! the store. No setting of Nix 2.8 or 2.34 stops all of them. So this happens in a store that only the user can read, and what is
//! to be built is copied from there: a derivation with its sources, whose hashes were right.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::env;
use crate::git::Repo;
use crate::nix::{Nix, StoreUrl};

/// Only the user.
const PRIVATE: u32 = 0o700;

/// The same Nix with that store. It is kept, below the user's cache directory: inputs are fetched into it once.
///
/// # Errors
/// When its directory cannot be made, or not be closed to others.
pub fn nix(nix: &Nix, repo: &Repo) -> Result<Nix> {
    let dir = place(repo);
    make(&dir).with_context(|| format!("could not make `{}`", dir.display()))?;
    Ok(nix.clone().in_store(StoreUrl::folder(&real(dir))))
}

/// That store, if there is one.
pub fn found(repo: &Repo) -> Option<StoreUrl> {
    let dir = place(repo);
    dir.is_dir().then(|| StoreUrl::folder(&real(dir)))
}

fn place(repo: &Repo) -> PathBuf {
    let root = env::cache_home().map_or_else(|| repo.common_dir().join("lattice"), |cache| cache.join("git-lattice"));
    root.join("store")
}

fn make(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    fs::set_permissions(dir, Permissions::from_mode(PRIVATE))
}

/// Nix wants no symbolic link on the way.
fn real(dir: PathBuf) -> PathBuf {
    dir.canonicalize().unwrap_or(dir)
}
