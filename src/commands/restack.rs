//! `git lattice restack`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::shared::moved::{self, Words};
use super::shared::points::{self, Selection};
use super::{Session, build};
use crate::ops::restack::{self, Request};
use crate::points::census::Census;

const WORDS: Words = Words {
    command: "restack",
    verb: moved::RESTACK.0,
    done: moved::RESTACK.1,
    brings: moved::MERGED,
    nothing: "nothing is behind",
    ..moved::WORDS
};

pub(super) fn command(axes: &[String]) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let command = Command::new("restack")
        .about("Merge what moved in lower points into the points above them")
        .long_about(
            "Merge what moved in lower points into the points above them: each point that is behind gets a merge commit on top of its \
             own, in the order of the lattice.\n\n\
             Nothing is rewritten and nothing is forced. Without a point, everything that is behind is restacked; with points, only \
             these and the points below them. A point that also differs from the remote's, as after two clones restacked at once, is merged with it. \
             A point whose content conflicts is left out together with the points above it, and so is a branch that is checked out in a \
             worktree with uncommitted changes. The others are restacked, and the exit status is 1. `git lattice undo` undoes it.",
        )
        .arg(flag("base", "Merge the base branch into the lowest points as well"))
        .arg(flag("build", "Build the restacked points in the background"));
    moved::add_args(points::add_args(command, axes, true))
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    if !args.get_flag("dry-run") {
        session.recover()?;
    }
    let (context, config) = (session.context()?, session.config()?);
    let named = Selection::read(config, args)?;
    let points = if named.is_empty() {
        None
    } else {
        Some(named.existing(session, config, &Census::take(&context.repo, config)?)?)
    };
    let request = Request { points, base: args.get_flag("base") };
    let (plan, code) = moved::run(session, args, WORDS, || restack::plan(context, config, &request))?;
    let changed = plan.moved();
    if args.get_flag("build") && !args.get_flag("dry-run") && !changed.is_empty() {
        build::queue_changed(session, &changed, args.get_flag("json"))?;
    }
    Ok(code)
}
