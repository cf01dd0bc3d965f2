//! `git lattice log`

use anyhow::Result;
use clap::{ArgMatches, Command};

use super::Session;
use super::points;

pub(super) fn command(axes: &[String]) -> Command {
    points::add_args(Command::new("log").about("Show the log of a point's build"), axes, true)
}

pub(super) fn run(_session: &Session, _args: &ArgMatches) -> Result<u8> {
    anyhow::bail!("not there yet")
}
