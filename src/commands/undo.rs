//! `git lattice undo`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};

use super::Session;
use super::complete::Slot;
use super::shared::operation::{command_line, hex};
use crate::error;
use crate::git::names::{RENAMED, shown};
use crate::git::{Change, Oid};
use crate::ops::undo::{self, Pushed};
use crate::process::quote;
use crate::ui::table::Cell;
use crate::ui::{Tone, Ui, terminal_safe};

pub(super) fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    Command::new("undo")
        .about("Take back what a command did to refs; undoing an undo brings it back")
        .long_about(
            "Take back what a command did to refs: exactly its refs go back to what they were, and nothing else is touched.\n\n\
             Without an operation the newest one that is in force is taken back; `git lattice ops` lists them. Where a ref has moved \
             since, nothing is done and the exit status is 1. An undo is an operation itself: undoing it brings everything back. \
             Index, worktree, stashes and untracked files stay as they are, except that the files of a clean worktree follow a branch that moves back. A branch that would be deleted has to be left first.",
        )
        .arg(Slot::Operation.of(Arg::new("operation").value_name("OP").help("The operation, or the beginning of its id")))
        .arg(flag("remote", "Undo the push too, if the remote still has exactly that"))
        .arg(flag("dry-run", "Show what would be taken back; write nothing"))
        .arg(flag("json", "Print JSON"))
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let dry = args.get_flag("dry-run");
    if !dry {
        session.recover()?;
    }
    let (context, ui) = (session.context()?, &session.ui);
    let plan = undo::plan(context, args.get_one::<String>("operation").map(String::as_str))?;
    let (operation, changes, pushed) = (plan.operation.clone(), plan.changes.clone(), plan.pushed.clone());
    let with_remotes = args.get_flag("remote");
    let by = if dry { None } else { Some(plan.apply(context, with_remotes)?) };
    if args.get_flag("json") {
        ui.json(json!({
            "dry_run": dry, "undone": operation.id, "command": operation.command, "operation": by,
            "refs": changes.iter().map(to_json).collect::<Vec<_>>(),
            "pushed": pushed.iter().map(|pushed| pushed_json(pushed, with_remotes && !dry)).collect::<Vec<_>>(),
        }));
        return Ok(error::OK);
    }
    let word = if dry { "would undo" } else { "undone" };
    let mut rows = vec![vec![Cell::new(word, Tone::Good), terminal_safe(&command_line(&operation)).into()]];
    let shown = changes.iter().filter(|change| !change.name.starts_with(RENAMED));
    rows.extend(shown.map(|change| vec![format!("  {}", word_for(change)).into(), Cell::prose(line(change))]));
    ui.table(&rows);
    pushed.iter().for_each(|pushed| report_pushed(ui, pushed, with_remotes, dry));
    if let Some(by) = by {
        ui.say(format!("`git lattice undo {by}` brings it back"));
    }
    Ok(error::OK)
}

fn word_for(change: &Change) -> &'static str {
    match (change.old, change.new) {
        (_, None) => "deleted",
        (None, _) => "made again",
        _ => "moved back",
    }
}

fn line(change: &Change) -> String {
    let short = |id: Oid| id.to_hex_with_len(10).to_string();
    let name = terminal_safe(shown(&change.name));
    match (change.old, change.new) {
        (Some(old), None) => format!("{name} (was {})", short(old)),
        (Some(old), Some(new)) => format!("{name} from {} to {}", short(old), short(new)),
        (None, new) => format!("{name} at {}", new.map(short).unwrap_or_default()),
    }
}

fn report_pushed(ui: &Ui, pushed: &Pushed, with_remotes: bool, dry: bool) {
    let (name, remote) = (terminal_safe(shown(&pushed.change.name)), terminal_safe(&pushed.remote));
    match (with_remotes, dry) {
        (true, true) => ui.say(format!("it would be taken back on `{remote}` too: {name}")),
        (true, false) => ui.say(format!("taken back on `{remote}` too: {name}")),
        (false, true) => ui.say(format!("`{name}` was pushed to `{remote}`: `--remote` takes it back there too")),
        (false, false) => {
            ui.warn(format!("`{name}` was pushed to `{remote}`, and stays there"));
            ui.hint(format!("`{}` takes it back there", terminal_safe(&by_hand(pushed))));
        }
    }
}

/// The git command that undoes the change on the remote.
fn by_hand(Pushed { remote, change: Change { name, old, new } }: &Pushed) -> String {
    let hex = |id: &Option<Oid>| id.map(|id| id.to_hex_with_len(12).to_string()).unwrap_or_default();
    let lease = quote(format!("--force-with-lease={name}:{}", hex(old)));
    format!("git push {lease} {} {}", quote(remote), quote(format!("{}:{name}", hex(new))))
}

fn to_json(change: &Change) -> Value {
    json!({ "name": change.name, "from": hex(change.old), "to": hex(change.new) })
}

fn pushed_json(pushed: &Pushed, is_done: bool) -> Value {
    let mut value = to_json(&pushed.change);
    value["remote"] = json!(pushed.remote);
    value["taken_back"] = json!(is_done);
    value
}
