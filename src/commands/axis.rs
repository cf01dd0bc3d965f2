//! `git lattice axis`: the axes in lattice.toml, and the points that get other names by that.

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::json;

use super::complete::Slot;
use super::shared::moved::{self, Words};
use super::{Session, move_point};
use crate::config::{self, Config};
use crate::context::Context;
use crate::error;
use crate::ops::axis::{self, Change};
use crate::ops::{init, limits};
use crate::process::quote;

pub(super) fn command() -> Command {
    let command = Command::new("axis").about("Change the axes in lattice.toml, and the points with them");
    command.subcommand_required(true).subcommands([add(), rename(), remove(), reorder()])
}

/// `{n}` in a help text, where clap prints a newline in its place unless a style is in between.
const NUMBER: &str = "{\u{1b}[0mn}";

fn axis_arg() -> Arg {
    Slot::Axis.of(Arg::new("axis").value_name("AXIS").required(true).help("The axis, such as arch"))
}

fn values_arg(help: &'static str) -> Arg {
    Arg::new("values").value_name("VALUE").num_args(1..).help(help)
}

fn add() -> Command {
    Command::new("add")
        .about("Add values to an axis: at the end of its list, comments and order kept")
        .arg(axis_arg())
        .arg(values_arg("The new values").required(true))
        .arg(
            Arg::new("system")
                .long("system")
                .value_name("ARCH=SYSTEM")
                .action(ArgAction::Append)
                .help("The Nix system of an architecture, if its name does not imply it"),
        )
}

fn rename() -> Command {
    let names = Arg::new("names").value_names(["VALUE", "NEW"]).required(true).num_args(1..=2);
    let names = names.help("The new name of the axis; or a value and its new name");
    let command = Command::new("rename")
        .about("Give an axis, or one of its values, another name; the points follow")
        .long_about(format!(
            "Give an axis another name (`axis rename arch machine`), or one of its values (`axis rename arch x86_64 amd64`). The \
             values of a numbered chain are renamed by their pattern: `axis rename step 'step{NUMBER}' 'stage{NUMBER}'`.\n\n\
             lattice.toml in the worktree is edited, with its comments kept, and all points with that axis or value get another \
             name as by `git lattice move`, in one operation: all or none. lattice.toml must be that of the base branch, where you \
             commit it afterwards. The same command again also renames points that another clone has pushed by the old name.",
        ))
        .arg(axis_arg())
        .arg(Slot::ValueOfAxis.of(names))
        .arg(move_point::delete_remote());
    moved::add_args(command)
}

fn remove() -> Command {
    let command = Command::new("remove")
        .about("Remove values that no point has, or an axis that has one value")
        .long_about(
            "Remove values of an axis that no point has: `axis remove arch riscv64`. Without a value, remove the axis, which must \
             have one value: the patterns of branches and directories get the value in its place, so that these keep their names, \
             and the flakes of all points lose the coordinate.",
        )
        .arg(axis_arg())
        .arg(Slot::ValueOfAxis.of(values_arg("The values; without one, the axis itself")));
    moved::add_args(command)
}

fn reorder() -> Command {
    let command = Command::new("reorder")
        .about("Put the values of an axis in another order")
        .long_about(
            "Put the values of an axis in another order. The first value of a chain is the lowest; for a set, the order is that of \
             tables. The order of a chain cannot change between values that points have: their commits grow on each other.",
        )
        .arg(axis_arg())
        .arg(Slot::ValueOfAxis.of(values_arg("All values of the axis, in the new order").required(true)));
    moved::add_args(command)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    match args.subcommand() {
        Some(("add", args)) => run_add(session, args),
        Some(("rename", args)) => {
            let (axis, new) = (axis_of(args), texts(args, "names"));
            let change = match <[String; 2]>::try_from(new.clone()) {
                Ok([value, new]) => Change::RenameValue { axis, value, new },
                Err(_) => Change::RenameAxis { axis, new: new.concat() },
            };
            run_change(session, args, &change, args.get_flag("delete-remote"))
        }
        Some(("remove", args)) => {
            let (axis, values) = (axis_of(args), texts(args, "values"));
            let change =
                if values.is_empty() { Change::RemoveAxis { axis } } else { Change::RemoveValues { axis, values } };
            run_change(session, args, &change, false)
        }
        Some(("reorder", args)) => {
            let change = Change::Reorder { axis: axis_of(args), values: texts(args, "values") };
            run_change(session, args, &change, false)
        }
        _ => Ok(error::CANNOT),
    }
}

fn axis_of(args: &ArgMatches) -> String {
    args.get_one::<String>("axis").cloned().unwrap_or_default()
}

fn texts(args: &ArgMatches, name: &str) -> Vec<String> {
    args.get_many::<String>(name).map(|values| values.cloned().collect()).unwrap_or_default()
}

fn run_add(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (context, ui) = (session.context()?, &session.ui);
    let axis = axis_of(args);
    // Read the file in the worktree, which is edited, and not that of the base branch.
    init::worktree(context)?;
    let config = context.document()?.config()?;
    let added = init::add_values(context, &config, &axis, &texts(args, "values"), &texts(args, "system"))?;
    if added.is_empty() {
        ui.data("unchanged");
    } else {
        ui.tell(format!("added {} to axis {axis} in {}", added.join(", "), config::FILE));
        ui.hint(commit(context, &config, &format!("add {} to {axis}", added.join(", "))));
    }
    Ok(error::OK)
}

/// Says how lattice.toml is committed.
fn commit(context: &Context, config: &Config, message: &str) -> String {
    let (base, message) = (quote(&config.base), quote(message));
    let is_there = context.repo.head().is_ok_and(|head| head.branch.is_some_and(|branch| branch == config.base));
    let switch = if is_there { String::new() } else { format!("git switch {base} && ") };
    let is_tracked = context.base_document().is_ok_and(|document| document.is_some());
    let add = if is_tracked { String::new() } else { format!("git add {} && ", config::FILE) };
    let remotes = context.repo.remotes();
    let remote = config.remote.as_ref().filter(|remote| remotes.contains(remote));
    let push = remote.map(|remote| format!(" && git push {} {base}", quote(remote))).unwrap_or_default();
    format!("commit it, so that each clone has it: `{switch}{add}git commit -m {message} {}{push}`", config::FILE)
}

fn run_change(session: &Session, args: &ArgMatches, change: &Change, delete_remote: bool) -> Result<u8> {
    let dry = args.get_flag("dry-run");
    if !dry {
        session.recover()?;
    }
    let context = session.context()?;
    let edit = axis::edit(context, change, delete_remote)?;
    let words =
        Words { command: "axis", verb: "update", done: "updated", nothing: "no point has to change", ..moved::WORDS };
    // Read the limit first: an invalid value is an error before anything is changed.
    let still = limits::network(&context.repo)?;
    let planned = if dry { (edit.plan(context)?, None) } else { edit.apply(context, "lattice: axis")? };
    let is_changed = edit.is_change() && planned.0.is_complete();
    let (plan, code) = moved::finish(session, args, words, planned, still, &[("lattice_toml", json!(is_changed))])?;
    if !args.get_flag("json") {
        let config = edit.config();
        moved::report_old_branches(&session.ui, &plan, config.remote.as_deref().unwrap_or_default());
        if is_changed {
            let done = if dry { "would be changed" } else { "is changed" };
            session.ui.say(format!("axis `{}` {done} in {}", change.axis(), config::FILE));
            session.ui.hint(self::commit(context, config, &change.to_string()));
        }
    }
    Ok(code)
}
