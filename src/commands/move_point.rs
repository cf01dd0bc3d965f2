//! `git lattice move`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Session;
use super::complete::Slot;
use super::shared::moved::{self, Words};
use super::shared::points;
use crate::ops::rename::{self, Request};

const WORDS: Words = Words { command: "move", verb: "update", done: "updated", ..moved::WORDS };

pub(super) fn command() -> Command {
    let point = |id: &'static str, name: &'static str, help: &'static str| {
        Arg::new(id).value_name(name).required(true).help(help)
    };
    let command = Command::new("move")
        .about("Give a point another name: its branch, its directory and its coordinates")
        .long_about(
            "Give a point another name: its branch, its directory on every branch that has it, its coordinates in generated files \
             and in trailers.\n\n\
             Nothing is rewritten: the point gets a commit on top of its own, and so do the points above it. The new branches are \
             created and the old one is deleted in one transaction. A point keeps its place in the order: the move is refused if a \
             point would grow on other points than before, if the new point exists, or if a point above is behind or checked out \
             with uncommitted changes. A moved point has to be built anew, because its coordinates are part of its content. \
             `git lattice undo` takes it back.",
        )
        .arg(Slot::Point.of(point("from", "POINT", "The point, as component/arch/phase/step or by its branch")))
        .arg(Slot::NewPoint.of(point("to", "NEW", "Its new name")))
        .arg(delete_remote());
    moved::add_args(command)
}

/// The option that deletes old branches on the remote.
pub(super) fn delete_remote() -> Arg {
    Arg::new("delete-remote")
        .long("delete-remote")
        .action(ArgAction::SetTrue)
        .help("Delete the old branches on the remote too, if they have the commits that were last fetched")
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    if !args.get_flag("dry-run") {
        session.recover()?;
    }
    let (context, config) = (session.context()?, session.config()?);
    let point = |id: &str| points::one(config, args.get_one::<String>(id).map_or("", String::as_str));
    let request = Request { from: point("from")?, to: point("to")?, delete_remote: args.get_flag("delete-remote") };
    let (plan, code) = moved::run(session, args, WORDS, || rename::plan(context, config, &request))?;
    if !args.get_flag("json") {
        moved::report_old_branches(&session.ui, &plan, config.remote.as_deref().unwrap_or_default());
    }
    Ok(code)
}
