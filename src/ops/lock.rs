//! `flake.lock` for templates with a nixpkgs input: without it, each build would use another nixpkgs.

use std::collections::HashMap;

use anyhow::{Context as _, Result};

use super::private_store;
use crate::git::Repo;
use crate::nix::Nix;
use crate::ops::flake_inputs::{self, BadInput};
use crate::template::FlakeInputs;
use crate::{process, temporary};

/// The file's name in a point's directory.
pub const LOCK: &str = "flake.lock";

/// Makes lock files, one per set of inputs and command: all points made together use the same nixpkgs.
#[derive(Debug, Default)]
pub struct Locker {
    made: HashMap<Question, Result<Vec<u8>, String>>,
}

/// The inputs, the old lock, and whether an untrusted author may have named the inputs.
type Question = (FlakeInputs, Option<Vec<u8>>, bool);

impl Locker {
    /// The lock file for a flake with this text and these inputs. Those that are in the lock `old` already stay as they are.
    ///
    /// # Errors
    /// A message for the user, such as that Nix is missing or the network fails.
    pub fn lock(&mut self, inputs: &FlakeInputs, flake: &str, old: Option<Vec<u8>>) -> Result<Vec<u8>, String> {
        let make = |old: Option<&[u8]>| make(Nix::find, flake, old).map_err(|error| brief(&error));
        let with_old = |old: Option<&[u8]>| {
            // Another author may have made the old lock, and locked an input to something else than it says.
            let kept = old.map(|old| make(Some(old))).transpose()?;
            let is_clean = |lock: &Vec<u8>| flake_inputs::check(flake.as_bytes(), Some(lock)).is_ok();
            kept.filter(is_clean).map_or_else(|| make(None), Ok)
        };
        self.once((inputs.clone(), old, false), with_old)
    }

    /// Like [`Self::lock`], for inputs inherited from the point below. An untrusted author may have named them, and
    /// that flake names its own inputs: evaluate it in the private store, and refuse inputs that are read from this
    /// machine.
    ///
    /// # Errors
    /// A message for the user.
    pub fn lock_untrusted(
        &mut self,
        repo: &Repo,
        inputs: &FlakeInputs,
        flake: &str,
        old: Option<Vec<u8>>,
    ) -> Result<Vec<u8>, String> {
        refuse_local(inputs)?;
        let make = |old: Option<&[u8]>| {
            let nix = || private_store::nix(&Nix::find()?, repo);
            let lock = make(nix, flake, old).map_err(|error| brief(&error))?;
            flake_inputs::check(flake.as_bytes(), Some(&lock)).map_err(|bad| bad.to_string())?;
            Ok(lock)
        };
        self.once((inputs.clone(), old, true), make)
    }

    fn once(
        &mut self,
        key: Question,
        make: impl FnOnce(Option<&[u8]>) -> Result<Vec<u8>, String>,
    ) -> Result<Vec<u8>, String> {
        if let Some(made) = self.made.get(&key) {
            return made.clone();
        }
        let lock = make(key.1.as_deref());
        self.made.insert(key, lock.clone());
        lock
    }
}

/// Refuses inputs that are read from this machine.
///
/// # Errors
/// A message for the user.
pub fn refuse_local(inputs: &FlakeInputs) -> Result<(), String> {
    let Some((name, place)) = inputs.named().find(|(_, url)| !flake_inputs::is_network(url)) else { return Ok(()) };
    let (name, place) = (name.to_owned(), place.to_owned());
    Err(format!("{}, and its config.toml was not written in this clone", BadInput::Local { name, place }))
}

/// Runs `nix flake lock` on the flake alone in a temporary directory: the lock depends only on its inputs.
fn make<E: Into<anyhow::Error>>(
    nix: impl FnOnce() -> Result<Nix, E>,
    flake: &str,
    old: Option<&[u8]>,
) -> Result<Vec<u8>> {
    let nix = nix().map_err(Into::into)?.with_agent();
    let folder = temporary::Folder::make().context("could not make a folder")?;
    std::fs::write(folder.path().join(crate::points::content::FLAKE), flake).context("could not write the flake")?;
    if let Some(old) = old {
        std::fs::write(folder.path().join(LOCK), old).context("could not write the old lock")?;
    }
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
