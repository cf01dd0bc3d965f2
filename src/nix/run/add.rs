//! Puts files and trees from outside into the store, where fixed-output derivations find them by name and hash.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::nix::error::Error;
use crate::nix::exe::{Nix, error_in};
use crate::nix::flake_ref::encoded;
use crate::nix::store_path::StorePath;
use crate::process;
use crate::sha256::Sha256;

const COMMAND: &str = "store prefetch-file --json";

/// A file or tree in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// Its store path.
    pub path: StorePath,
    /// Its hash, of the file or of the NAR of a tree.
    pub hash: Sha256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Prefetched {
    store_path: String,
    hash: String,
}

impl Nix {
    /// Fetches a file into the store under this name. Gives up when nothing comes for `still`.
    ///
    /// # Errors
    /// With nix's message, when the URL cannot be fetched.
    pub fn fetch_file(&self, url: &str, name: &str, still: Duration) -> Result<Added, Error> {
        let cmd = self.cmd(["store", "prefetch-file", "--json", "--name", name]).arg(url);
        let output = cmd.stall_limit(still, format!("`{url}` to answer")).read().map_err(|e| not_fetched(url, e))?;
        let Prefetched { store_path, hash } =
            serde_json::from_slice(&output.stdout).map_err(|e| Error::unreadable(COMMAND, &e))?;
        let path = StorePath::parse(&store_path).map_err(|e| Error::unreadable(COMMAND, &e))?;
        Ok(Added { path, hash: sha256(COMMAND, &hash)? })
    }

    /// Copies a file into the store under this name.
    ///
    /// # Errors
    /// With nix's message, when the file cannot be read.
    pub fn add_file(&self, file: &Path, name: &str, still: Duration) -> Result<Added, Error> {
        self.fetch_file(&format!("file://{}", encoded(file)), name, still)
    }

    /// Copies a tree into the store under this name.
    ///
    /// # Errors
    /// With nix's message, when the tree cannot be read.
    pub fn add_tree(&self, dir: &Path, name: &str) -> Result<Added, Error> {
        let output = self.cmd(["store", "add-path", "--name", name, "--"]).arg(dir).read()?;
        let path = StorePath::parse(&output.text()).map_err(|e| Error::unreadable("store add-path", &e))?;
        let missing = || Error::unreadable("path-info --json", &"the new path is missing");
        let hash = self.nar_hashes([&path])?.remove(&path).ok_or_else(missing)?;
        Ok(Added { path, hash: sha256("path-info --json", &hash)? })
    }
}

fn sha256(command: &'static str, hash: &str) -> Result<Sha256, Error> {
    Sha256::parse(hash).ok_or_else(|| Error::unreadable(command, &format!("`{hash}` is no SHA-256 hash")))
}

fn not_fetched(url: &str, error: process::Error) -> Error {
    let process::Error::Failed { stderr, .. } = &error else { return error.into() };
    match error_in(&String::from_utf8_lossy(stderr)) {
        Some(message) => Error::NotFetched { url: url.to_owned(), message },
        None => error.into(),
    }
}
