//! `flake.lock` for the templates that have nixpkgs as an input: without one, every build would be of another nixpkgs.

use std::collections::HashMap;

use anyhow::{Context as _, Result};

use crate::nix::Nix;
use crate::process;

/// The file's name in a point's directory.
pub const LOCK: &str = "flake.lock";

/// Locks flakes, each nixpkgs once a command: all points that are made together get the same one.
#[derive(Debug, Default)]
pub struct Locker {
    made: HashMap<String, Result<Vec<u8>, String>>,
}

impl Locker {
    /// The lock of a flake with this text and this nixpkgs; for an error, why there is none (no Nix, no network).
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn lock(&mut self, nixpkgs: &str, flake: &str) -> Result<Vec<u8>, String> {
        self.made.entry(nixpkgs.to_owned()).or_insert_with(|| make(flake).map_err(|error| brief(&error))).clone()
    }
}

/// Only the inputs count for a lock, so the flake can stand alone in a folder.
fn make(flake: &str) -> Result<Vec<u8>> {
    let nix = Nix::find()?.with_agent();
    let folder = tempfile::Builder::new().prefix("git-lattice-lock-").tempdir().context("could not make a folder")?;
    std::fs::write(folder.path().join(super::content::FLAKE), flake).context("could not write the flake")?;
    let cmd = nix.cmd(["flake", "lock"]).args(["--no-accept-flake-config", "path:."]).cwd(folder.path());
    cmd.moving(process::USUAL_STILL, "the inputs of the flake").read()?;
    std::fs::read(folder.path().join(LOCK)).context("nix wrote no lock")
}

/// Nix' last error where it said one: before that come its tries, line by line.
fn brief(error: &anyhow::Error) -> String {
    let Some(process::Error::Failed { stderr, .. }) = error.downcast_ref() else { return format!("{error:#}") };
    let said = String::from_utf8_lossy(stderr);
    let last = said.lines().rev().find_map(|line| line.trim().strip_prefix("error: "));
    last.map_or_else(|| format!("{error:#}"), str::to_owned)
}
