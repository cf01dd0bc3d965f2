//! `git lattice diff`

use anyhow::{Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};

use super::Session;
use super::shared::points::{self, Selection};
use crate::error;
use crate::git::show_diff::DiffFormat;
use crate::nix::StorePath;
use crate::ops::Cannot;
use crate::ops::diff::{self, Calls, Closure, ClosureChange, Comparison, Side};
use crate::points::census::Census;
use crate::system::System;
use crate::ui::table::Cell;
use crate::ui::{Tone, Ui};

pub(super) fn command(axes: &[String]) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let command = Command::new("diff")
        .about("Show what differs between two points apart from their coordinates")
        .long_about(
            "Show what differs between two points apart from their coordinates: the directory of the first as it would be at the \
             coordinates of the second, compared with the directory of the second.\n\n\
             A generated flake.nix is rendered for the second point. In other files, a line that names the first point, its branch, \
             its system or its values equals the line that names those of the second. With one point, it is compared with HEAD's. \
             git prints the difference, with your colours and pager.",
        )
        .arg(flag("stat", "Show how many lines differ in each file").conflicts_with_all(["name-only", "json"]))
        .arg(flag("name-only", "Show only the paths of the files").conflicts_with("json"))
        .arg(flag("closure", "Show the derivations and outputs that differ, too, by Nix"))
        .arg(flag("calls", "Show the calls that differ, too, where the builds have an output `calls`"))
        .arg(flag("exit-code", "Exit with 1 if files differ"))
        .arg(flag("json", "Print JSON"));
    points::add_args(command, axes, true)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    let (from, to) = sides(session, args)?;
    let comparison = Comparison::of(context, config, from, to)?;
    let closures = if args.get_flag("closure") {
        ui.progress("evaluating both points");
        let found = diff::closures(context, config, &comparison.from, &comparison.to);
        ui.progress("");
        Some(found?)
    } else {
        None
    };
    let has_calls = args.get_flag("calls");
    let calls = if has_calls { diff::calls(context, config, &comparison.from, &comparison.to)? } else { Vec::new() };
    if args.get_flag("json") {
        ui.json(to_json(&comparison, closures.as_deref(), has_calls.then_some(&calls)));
    } else {
        comparison.show(&calls, format(args), ui.out.color, true)?;
        if comparison.is_empty() {
            let (from, to) = (&comparison.from.named.spelled, &comparison.to.named.spelled);
            ui.say(format!("the files of `{from}` and `{to}` differ in nothing but the coordinates"));
        }
        closures.iter().flatten().for_each(|closure| show_closure(ui, closure));
        for Calls { from, to, .. } in calls.iter().filter(|calls| calls.before == calls.after) {
            ui.say(format!("the calls for {} do not differ", systems(from, to)));
        }
    }
    let differs = args.get_flag("exit-code") && !comparison.is_empty();
    Ok(if differs { error::NO } else { error::OK })
}

/// The two points; HEAD's is the second if one is named.
fn sides(session: &Session, args: &ArgMatches) -> Result<(Side, Side)> {
    let (context, config) = (session.context()?, session.config()?);
    let named = Selection::read(config, args)?;
    let census = named.census(session, config)?;
    if named.is_empty() {
        bail!("name the points to compare, as in `git lattice diff POINT POINT`");
    }
    let side = |point| Side::tip(config, &census, point);
    match named.existing(session, config, &census)?.as_slice() {
        [from, to] => Ok((side(from)?, side(to)?)),
        [from] => {
            let head = context.head_point(config)?.ok_or(Cannot::NoHeadPoint)?;
            let own = Census::around(&context.repo, config, std::slice::from_ref(&head))?;
            Ok((side(from)?, Side::tip(config, &own, &head)?))
        }
        several => bail!("expected two points, but this names {}", several.len()),
    }
}

fn format(args: &ArgMatches) -> DiffFormat {
    match (args.get_flag("stat"), args.get_flag("name-only")) {
        (true, _) => DiffFormat::Stat,
        (_, true) => DiffFormat::NameOnly,
        _ => DiffFormat::Patch,
    }
}

fn systems(from: &System, to: &System) -> String {
    if from == to { to.to_string() } else { format!("{from} and {to}") }
}

fn show_closure(ui: &Ui, closure: &Closure) {
    let systems = systems(&closure.from, &closure.to);
    show_changes(ui, &format!("derivations for {systems}"), &closure.derivations);
    match &closure.outputs {
        Some(outputs) => show_changes(ui, &format!("outputs for {systems}"), outputs),
        None => ui.say(format!("outputs for {systems} were not compared: not both are in the store of this machine")),
    }
}

fn show_changes(ui: &Ui, what: &str, changes: &[ClosureChange]) {
    if changes.is_empty() {
        ui.say(format!("{what} do not differ"));
        return;
    }
    ui.data(format!("{what}:"));
    let row = |change: &ClosureChange| {
        let word = match (change.from.as_slice(), change.to.as_slice()) {
            ([], _) => Cell::new("  added", Tone::Good),
            (_, []) => Cell::new("  deleted", Tone::Bad),
            _ => Cell::new("  modified", Tone::Odd),
        };
        vec![word, change.name.as_str().into()]
    };
    ui.table(&changes.iter().map(row).collect::<Vec<_>>());
}

fn to_json(comparison: &Comparison, closures: Option<&[Closure]>, calls: Option<&Vec<Calls>>) -> Value {
    let side = |side: &Side| json!({ "point": side.named.spelled, "branch": side.named.branch, "commit": side.commit.to_string() });
    let files = comparison.files().map(|(path, status)| json!({ "path": path, "status": status.word() }));
    json!({
        "from": side(&comparison.from), "to": side(&comparison.to), "files": files.collect::<Vec<_>>(),
        "closures": closures.map(|all| all.iter().map(closure_json).collect::<Vec<_>>()),
        "calls": calls.map(|all| all.iter().map(calls_json).collect::<Vec<_>>()),
    })
}

fn calls_json(calls: &Calls) -> Value {
    let (from, to) = calls.changes();
    json!({ "from_system": calls.from.as_str(), "to_system": calls.to.as_str(), "from": from, "to": to })
}

fn closure_json(closure: &Closure) -> Value {
    let change = |change: &ClosureChange| {
        let paths = |paths: &[StorePath]| paths.iter().map(ToString::to_string).collect::<Vec<_>>();
        json!({ "name": change.name, "from": paths(&change.from), "to": paths(&change.to) })
    };
    let changes = |changes: &[ClosureChange]| changes.iter().map(change).collect::<Vec<_>>();
    json!({
        "from_system": closure.from.as_str(), "to_system": closure.to.as_str(),
        "derivations": changes(&closure.derivations), "outputs": closure.outputs.as_deref().map(changes),
    })
}
