//! `git lattice undo`

use std::collections::BTreeMap;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};

use super::Session;
use super::complete::Slot;
use super::shared::operation::{command_line, hex};
use crate::config;
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
        .about("Undo what a command did to refs; an undo can be undone, too")
        .long_about(
            "Undo what a command did to refs: each ref that it moved gets its earlier value again, and no other ref moves.\n\n\
             Without an operation, the newest one that is not undone yet is undone; `git lattice ops` lists them. If one of its refs \
             has moved since, nothing is done and the exit status is 1. An undo is an operation itself, so it can be undone, too. \
             Index, worktree, stashes and untracked files stay as they are, except that a clean worktree gets the files of its branch \
             when that branch moves back. Before a branch can be deleted, switch to another one.",
        )
        .arg(Slot::Operation.of(Arg::new("operation").value_name("OP").help("The operation, or the beginning of its id")))
        .arg(flag("remote", "Undo the push, too; refused if a branch has moved on the remote since"))
        .arg(flag("dry-run", "Show what would be undone; write nothing"))
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
    let again = by.as_ref().map(|by| format!("git lattice undo {by} && git lattice undo {} --remote", operation.id));
    for (remote, changes) in by_remote(&pushed) {
        report_pushed(ui, remote, &changes, with_remotes, again.as_deref());
    }
    if operation.command.first().is_some_and(|word| word == "axis") {
        ui.hint(format!(
            "`git checkout HEAD -- {0}` takes back the edit of {0}, unless it was committed",
            config::FILE
        ));
    }
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

/// The changes of each remote, in the order of the remotes' names.
fn by_remote(pushed: &[Pushed]) -> BTreeMap<&str, Vec<&Change>> {
    let mut remotes: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for Pushed { remote, change } in pushed {
        remotes.entry(remote).or_default().push(change);
    }
    remotes
}

/// Reports what was pushed to a remote. `again` is the command that undoes it all on the remotes too; `None` in a dry run.
fn report_pushed(ui: &Ui, remote: &str, changes: &[&Change], with_remotes: bool, again: Option<&str>) {
    /// The most branches that a command of git names.
    const MAX_NAMED: usize = 10;
    let names: Vec<_> = changes.iter().map(|change| terminal_safe(shown(&change.name))).collect();
    let (what, stays, it) = match names.as_slice() {
        [one] => (format!("`{one}` was"), "stays", "it"),
        several => (format!("{} branches were", several.len()), "stay", "them"),
    };
    let (names, place) = (names.join(", "), terminal_safe(remote));
    match (with_remotes, again) {
        (true, None) => ui.say(format!("would be undone on `{place}` too: {names}")),
        (true, Some(_)) => ui.say(format!("undone on `{place}` too: {names}")),
        (false, None) => ui.say(format!("{what} pushed to `{place}`: `--remote` undoes that too")),
        (false, Some(again)) => {
            let is_long = changes.len() > MAX_NAMED;
            let command = if is_long { again.to_owned() } else { by_hand(remote, changes) };
            ui.warn(format!("{what} pushed to `{place}`, and {stays} there"));
            ui.hint(format!("to undo {it} there: `{}`", terminal_safe(&command)));
        }
    }
}

/// The git command that undoes the changes on a remote, all or none.
fn by_hand(remote: &str, changes: &[&Change]) -> String {
    let hex = |id: Option<Oid>| id.map(|id| id.to_hex_with_len(12).to_string()).unwrap_or_default();
    let leases = changes.iter().map(|it| format!("--force-with-lease={}:{}", it.name, hex(it.old)));
    let refspecs = changes.iter().map(|it| format!("{}:{}", hex(it.new), it.name));
    let words = leases.chain([remote.to_owned()]).chain(refspecs).map(quote).collect::<Vec<_>>().join(" ");
    format!("git push {}{words}", if changes.len() > 1 { "--atomic " } else { "" })
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
