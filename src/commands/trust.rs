//! `git lattice trust`

use anyhow::Result;
use clap::{ArgMatches, Command};

use super::Session;
use super::points;

pub(super) fn command(axes: &[String]) -> Command {
    points::add_args(
        Command::new("trust").about("Allow the background build of content that was not made here"),
        axes,
        true,
    )
}

pub(super) fn run(_session: &Session, _args: &ArgMatches) -> Result<u8> {
    anyhow::bail!("not there yet")
}
