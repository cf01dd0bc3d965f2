//! Passes the user's `NIX_CONFIG` to Nix in a file.
//!
//! It may hold access tokens. A fixed-output derivation can name in `impureEnvVars` any variable of the process that builds it, and
//! without a daemon that process inherits our environment. So Nix gets the text as the first of the user's configuration files, which
//! has precedence like `NIX_CONFIG` (nix.conf(5)).

use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::version::Version;
use crate::{env, temporary};

/// The first Nix that reads `NIX_CONFIG_HOME` (its release notes).
const WITH_OWN_HOME: (u64, u64) = (2, 25);

/// The file, removed on drop. A killed process leaves it; the next process with a `NIX_CONFIG` removes it.
#[derive(Debug)]
pub(super) struct UserConfig {
    file: PathBuf,
    files: OsString,
}

impl UserConfig {
    /// Writes the file if `NIX_CONFIG` is not empty.
    pub(super) fn write(version: &Version) -> io::Result<Option<Self>> {
        let Some(text) = env::nix_config() else { return Ok(None) };
        let mut result = Err(io::Error::other("the path of every possible directory contains a colon"));
        for place in places() {
            result = put(&place, &text);
            if result.is_ok() {
                break;
            }
        }
        let file = result?;
        let mut files = file.clone().into_os_string();
        files.push(":");
        files.push(env::nix_user_conf_files(version.at_least(WITH_OWN_HOME.0, WITH_OWN_HOME.1)));
        Ok(Some(Self { file, files }))
    }

    /// Returns the value for `NIX_USER_CONF_FILES`.
    pub(super) fn files(&self) -> &OsStr {
        &self.files
    }
}

impl Drop for UserConfig {
    fn drop(&mut self) {
        fs::remove_file(&self.file).ok();
    }
}

/// Returns possible directories for the file. Nix separates paths by colons, so the path must not contain one.
fn places() -> impl Iterator<Item = PathBuf> {
    let cache = env::cache_home().map(|cache| cache.join("git-lattice"));
    let has_colon = |place: &PathBuf| place.as_os_str().as_encoded_bytes().contains(&b':');
    cache.into_iter().chain([std::env::temp_dir()]).filter(move |place| !has_colon(place))
}

fn put(place: &Path, text: &OsStr) -> io::Result<PathBuf> {
    fs::create_dir_all(place)?;
    temporary::sweep(place);
    let path = place.join(format!("nix.conf.{}", temporary::unique_name()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(text.as_encoded_bytes()).inspect_err(|_| drop(fs::remove_file(&path)))?;
    Ok(path)
}
