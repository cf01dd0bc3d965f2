//! `git lattice check`

use anyhow::Result;
use clap::{ArgMatches, Command};

use super::Session;
use super::points;

pub(super) fn command(axes: &[String]) -> Command {
    points::add_args(Command::new("check").about("Check the whole lattice"), axes, true)
}

pub(super) fn run(_session: &Session, _args: &ArgMatches) -> Result<u8> {
    anyhow::bail!("not there yet")
}
