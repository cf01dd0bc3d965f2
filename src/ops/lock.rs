//! `flake.lock` for templates with a nixpkgs input: without it, each build would use another nixpkgs.

use std::collections::HashMap;

use anyhow::{Context as _, Result};

use super::private_store;
use crate::git::Repo;
use crate::nix::Nix;
use crate::ops::flake_inputs::{self, BadInput};
use crate::{process, temporary};

/// The file's name in a point's directory.
pub const LOCK: &str = "flake.lock";

/// Makes lock files, one per nixpkgs and command: all points made together use the same nixpkgs.
#[derive(Debug, Default)]
pub struct Locker {
    made: HashMap<(String, bool), Result<Vec<u8>, String>>,
}

impl Locker {
    /// The lock file for a flake with this text and this nixpkgs.
    ///
    /// # Errors
    /// A message for the user, such as that Nix is missing or the network fails.
    pub fn lock(&mut self, nixpkgs: &str, flake: &str) -> Result<Vec<u8>, String> {
        let make = || make(Nix::find, flake).map_err(|error| brief(&error));
        self.made.entry((nixpkgs.to_owned(), false)).or_insert_with(make).clone()
    }

    /// Like [`Self::lock`], for a nixpkgs inherited from the point below. An untrusted author may have named it, and
    /// that flake names its own inputs: evaluate it in the private store, and refuse inputs that are read from this
    /// machine.
    ///
    /// # Errors
    /// A message for the user.
    pub fn lock_untrusted(&mut self, repo: &Repo, nixpkgs: &str, flake: &str) -> Result<Vec<u8>, String> {
        refuse_local(nixpkgs)?;
        let make = || {
            let lock = make(|| private_store::nix(&Nix::find()?, repo), flake).map_err(|error| brief(&error))?;
            flake_inputs::check(flake.as_bytes(), Some(&lock)).map_err(|bad| bad.to_string())?;
            Ok(lock)
        };
        self.made.entry((nixpkgs.to_owned(), true)).or_insert_with(make).clone()
    }
}

/// Refuses a nixpkgs that is read from this machine.
///
/// # Errors
/// A message for the user.
pub fn refuse_local(nixpkgs: &str) -> Result<(), String> {
    if flake_inputs::is_network(nixpkgs) {
        return Ok(());
    }
    let (name, place) = ("nixpkgs".to_owned(), nixpkgs.to_owned());
    Err(format!("{}, and its config.toml was not written in this clone", BadInput::Local { name, place }))
}

/// Runs `nix flake lock` on the flake alone in a temporary directory: the lock depends only on its inputs.
fn make<E: Into<anyhow::Error>>(nix: impl FnOnce() -> Result<Nix, E>, flake: &str) -> Result<Vec<u8>> {
    let nix = nix().map_err(Into::into)?.with_agent();
    let folder = temporary::Folder::make().context("could not make a folder")?;
    std::fs::write(folder.path().join(crate::points::content::FLAKE), flake).context("could not write the flake")?;
    let cmd = nix.cmd(["flake", "lock"]).args(["--no-accept-flake-config", "path:."]).cwd(folder.path());
    cmd.stall_limit(process::DEFAULT_STALL_LIMIT, "the inputs of the flake").read()?;
    std::fs::read(folder.path().join(LOCK)).context("nix wrote no lock")
}

/// The last error line of Nix, if any; the lines before it report retries.
fn brief(error: &anyhow::Error) -> String {
    let Some(process::Error::Failed { stderr, .. }) = error.downcast_ref() else { return format!("{error:#}") };
    let text = String::from_utf8_lossy(stderr);
    let last = text.lines().rev().find_map(|line| line.trim().strip_prefix("error: "));
    last.map_or_else(|| format!("{error:#}"), str::to_owned)
}
