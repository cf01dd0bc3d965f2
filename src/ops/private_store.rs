//! A private Nix store, used to evaluate and lock flakes from untrusted authors.
//!
//! Nix copies the arguments of `builtins.fetchTree { type = "path"; .. }`, `builtins.getFlake "path:.."`,
//! `builtins.fetchurl "file:.."` and the inputs of an input into the store before it checks their hash, even in pure
//! evaluation. Every user of the machine can read the store, and no setting of Nix 2.8 or 2.34 prevents all of these
//! copies. Such flakes are therefore evaluated in a store that only the user can read. From there only what is built is
//! copied: a derivation with its sources, whose hashes were right.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::env;
use crate::git::Repo;
use crate::nix::{Nix, StoreUrl};

/// Mode of the store's directory: access for the user only.
const PRIVATE: u32 = 0o700;

/// Returns the same Nix with the private store, in the user's cache directory. The store is kept, so that inputs are
/// fetched once.
///
/// # Errors
/// When the directory cannot be made, or its mode cannot be set.
pub fn nix(nix: &Nix, repo: &Repo) -> Result<Nix> {
    let dir = place(repo);
    make(&dir).with_context(|| format!("could not make `{}`", dir.display()))?;
    Ok(nix.clone().in_store(StoreUrl::folder(&real(dir))))
}

/// The URL of the private store, if it exists.
pub fn existing(repo: &Repo) -> Option<StoreUrl> {
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

/// Resolves symbolic links: Nix refuses a store path that contains one.
fn real(dir: PathBuf) -> PathBuf {
    dir.canonicalize().unwrap_or(dir)
}
