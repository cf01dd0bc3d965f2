//! `git lattice ops`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};

use super::Session;
use super::shared::operation::{command_line, hex};
use crate::error;
use crate::git::commit::time_at;
use crate::journal::{Entry, Journal, Operation, State};
use crate::ops::change::KEPT;
use crate::text::tally;
use crate::ui::table::Cell;
use crate::ui::{Tone, terminal_safe};

pub(super) fn command() -> Command {
    Command::new("ops")
        .about("List the operations: what commands did to refs, the newest first")
        .long_about(
            "List the operations: what commands did to refs in this repository, in all its worktrees, the newest first.\n\n\
             `git lattice undo OP` takes one back. The journal keeps the last ones, about a thousand.",
        )
        .arg(
            Arg::new("count")
                .short('n')
                .long("count")
                .value_name("N")
                .value_parser(clap::value_parser!(usize))
                .help("The maximum number of operations"),
        )
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON"))
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (context, ui) = (session.context()?, &session.ui);
    let history = Journal::of(&context.repo).read()?;
    let most = args.get_one("count").copied().unwrap_or(usize::MAX);
    let entries: Vec<_> = history.shown().take(most).collect();
    if args.get_flag("json") {
        ui.json(json!({
            "operations": entries.iter().map(|entry| to_json(entry)).collect::<Vec<_>>(), "damaged": history.damaged,
        }));
        return Ok(error::OK);
    }
    let rows: Vec<_> = entries.iter().map(|entry| row(entry)).collect();
    ui.table(&rows);
    if history.damaged > 0 {
        ui.warn(format!("{} of the journal cannot be read", tally(history.damaged, "line", "lines")));
    }
    Ok(error::OK)
}

fn row(entry: &Entry) -> Vec<Cell> {
    let tone = match entry.state {
        State::Done => Tone::Good,
        State::Undone => Tone::Faint,
        State::Pending => Tone::Odd,
    };
    let operation = &entry.operation;
    let refs = operation.moves(KEPT).count();
    vec![
        operation.id.as_str().into(),
        Cell::new(entry.state.word(), tone),
        time_at(operation.time).into(),
        tally(refs, "ref", "refs").into(),
        terminal_safe(&command_line(operation)).into(),
    ]
}

fn to_json(entry: &Entry) -> Value {
    let Operation { id, title, command, time, user, undoes, .. } = &entry.operation;
    let refs = entry
        .operation
        .moves(KEPT)
        .map(|change| json!({ "name": change.name, "old": hex(change.old), "new": hex(change.new) }));
    json!({
        "id": id, "state": entry.state.word(), "title": title, "command": command, "time": time_at(*time), "user": user,
        "undoes": undoes, "undone_by": entry.undone_by, "refs": refs.collect::<Vec<_>>(),
    })
}
