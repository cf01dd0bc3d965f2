//! `git lattice doctor`

use anyhow::Result;
use clap::{ArgMatches, Command};

use super::Session;

pub(super) fn command() -> Command {
    Command::new("doctor").about("Check this machine")
}

pub(super) fn run(_session: &Session, _args: &ArgMatches) -> Result<u8> {
    anyhow::bail!("not there yet")
}
