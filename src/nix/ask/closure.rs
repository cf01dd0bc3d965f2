//! What is in the store, and what it needs.

use std::collections::HashMap;

use crate::nix::error::Error;
use crate::nix::exe::Nix;
use crate::nix::options::{Mode, Options};
use crate::nix::store_path::StorePath;

impl Nix {
    /// Returns a valid path and everything that it needs: for a derivation other derivations and their sources, for an output the paths
    /// that it refers to.
    ///
    /// # Errors
    /// When the path is not valid, or nix-store fails.
    pub fn closure(&self, path: &StorePath) -> Result<Vec<StorePath>, Error> {
        let output = self.store_cmd()?.args(["--query", "--requisites", path.as_str()]).read()?;
        Ok(output.text().lines().filter_map(|line| StorePath::parse(line).ok()).collect())
    }

    /// Returns the NAR hashes of those paths that are valid, in SRI form.
    ///
    /// # Errors
    /// When nix fails.
    pub fn nar_hashes<'a>(
        &self,
        paths: impl IntoIterator<Item = &'a StorePath>,
    ) -> Result<HashMap<StorePath, String>, Error> {
        let infos = self.path_infos(paths, &Options::new(Mode::Typed))?;
        Ok(infos.into_iter().map(|(path, info)| (path, info.nar_hash)).collect())
    }

    /// Returns the sizes of those paths that are valid, in bytes as NAR, where the store knows them.
    ///
    /// # Errors
    /// When nix fails.
    pub fn nar_sizes<'a>(
        &self,
        paths: impl IntoIterator<Item = &'a StorePath>,
    ) -> Result<HashMap<StorePath, Option<u64>>, Error> {
        let infos = self.path_infos(paths, &Options::new(Mode::Typed))?;
        Ok(infos.into_iter().map(|(path, info)| (path, info.nar_size)).collect())
    }
}
