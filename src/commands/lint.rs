//! `git lattice lint`

use anyhow::Result;
use clap::{ArgMatches, Command};

use super::Session;

pub(super) fn command() -> Command {
    Command::new("lint").about("Check Nix files")
}

pub(super) fn run(_session: &Session, _args: &ArgMatches) -> Result<u8> {
    anyhow::bail!("not there yet")
}
