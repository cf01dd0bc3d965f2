//! `git lattice prompt`

use anyhow::Result;
use clap::{ArgMatches, Command};

use super::Session;

pub(super) fn command() -> Command {
    Command::new("prompt").about("Print the state of HEAD's point for a shell's prompt")
}

pub(super) fn run(_session: &Session, _args: &ArgMatches) -> Result<u8> {
    anyhow::bail!("not there yet")
}
