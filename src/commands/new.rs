//! `git lattice new`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Session;
use super::shared::points::{self, Selection};
use super::shared::{content, created};
use crate::ops::Cannot;
use crate::ops::new::Request;

pub(super) fn command(axes: &[String]) -> Command {
    let command = Command::new("new")
        .about("Make points: branches with a rendered flake, committed and pushed")
        .long_about(
            "Make points: for each a branch with a rendered flake, linted, committed and pushed, without touching index or worktree.\n\n\
             An axis that is not given has the value of HEAD's point, otherwise its only value or the first of its chain. Several \
             values of an axis make several points, in one transaction and one push; `a+b` makes one point over both. The parents of \
             a new point's commit are the tips of the highest existing points below it, or the base branch if there are none. \
             Running it again changes nothing, and pushes what an earlier run could not push.",
        )
        .arg(
            Arg::new("all-archs").long("all-archs").action(ArgAction::SetTrue).help("One point for every architecture in lattice.toml"),
        );
    created::add_args(content::add_new_args(points::complete_new(points::add_args(command, axes, true))))
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    if !args.get_flag("dry-run") {
        session.recover()?;
    }
    let (context, config) = (session.context()?, session.config()?);
    let mut selected = Selection::read(config, args)?;
    let head = context.head_point(config)?;
    if args.get_flag("all-archs") {
        let axis = config.systems.axis().ok_or_else(|| Cannot::NoAxis("no axis names the architecture".into()))?;
        selected = selected.with_every_value(&config.lattice, axis);
    }
    let points = selected.expand(config, head.as_ref())?;
    let request = Request { points, ..content::read_new(session, args)? };
    created::make(session, args, &request)
}
