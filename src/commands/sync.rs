//! `git lattice sync`

use anyhow::Result;
use clap::{ArgMatches, Command};

use super::Session;
use super::points;

pub(super) fn command(axes: &[String]) -> Command {
    points::add_args(Command::new("sync").about("Fetch and push points and records together"), axes, true)
}

pub(super) fn run(_session: &Session, _args: &ArgMatches) -> Result<u8> {
    anyhow::bail!("not there yet")
}
