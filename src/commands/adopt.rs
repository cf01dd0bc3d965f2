//! `git lattice adopt`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};

use super::Session;
use super::complete::Slot;
use super::shared::adoption;
use crate::config;
use crate::config::document::AxisDraft;
use crate::error;
use crate::ops::adopt::{self, Proposal};
use crate::process::quote;
use crate::ui::terminal_safe;

pub(super) fn command() -> Command {
    let text = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let command = Command::new("adopt")
        .about("Propose a lattice.toml for existing branches")
        .long_about(
            "Propose a lattice.toml whose points are existing branches, and show which branches are points of it and which are not. \
             Branches of the remote, as last fetched, count as well.\n\n\
             Nothing is written: `git lattice init --adopt` writes the file. Exit status: 0 when all branches with the prefix are \
             points, 1 otherwise.",
        );
    adoption::add_args(command)
        .arg(
            text("chain", "AXIS", "An axis whose values are ordered; numbered values are")
                .action(ArgAction::Append)
                .value_delimiter(','),
        )
        .arg(Slot::Branch.of(text(
            "base",
            "BRANCH",
            "The branch below all points; otherwise the remote's default branch, or main",
        )))
        .arg(Slot::Remote.of(text(
            "remote",
            "NAME",
            "The remote whose branches count; otherwise origin, if it exists; \"\" for none",
        )))
        .arg(text(
            "flake",
            "PATTERN",
            "How a point names its directory; otherwise guessed from where the branches have a flake.nix",
        ))
        .arg(
            text("system", "ARCH=SYSTEM", "The Nix system of an architecture, if its name does not imply it")
                .action(ArgAction::Append)
                .value_delimiter(','),
        )
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON"))
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (context, ui) = (session.context()?, &session.ui);
    let proposal = adopt::propose(context, &adoption::request(args)?)?;
    if args.get_flag("json") {
        ui.json(to_json(&proposal));
        return Ok(if proposal.left_out.is_empty() { error::OK } else { error::NO });
    }
    ui.data(&proposal.text);
    let code = adoption::show(ui, &proposal);
    let file = config::FILE;
    ui.hint(if context.repo.worktree_file(file)?.is_some() {
        format!("there is a `{file}` already; `git lattice check` compares the branches with it")
    } else {
        format!("`{}` writes this {file}", terminal_safe(&init_command(session)))
    });
    Ok(code)
}

/// The command that writes what this command line proposes.
fn init_command(session: &Session) -> String {
    let options = session.environment.command.iter().skip(1).map(quote);
    ["git", "lattice", "init", "--adopt"].map(str::to_owned).into_iter().chain(options).collect::<Vec<_>>().join(" ")
}

fn to_json(proposal: &Proposal) -> Value {
    let Proposal { from, draft, text, points, left_out, others, shapes, .. } = proposal;
    let point = |point: &adopt::Adopted| {
        let names = point.named.names();
        json!({ "point": names.spelled, "branch": names.branch, "flake": names.dir, "standing": point.standing.name() })
    };
    let misfit = |it: &adopt::Misfit| json!({ "branch": it.branch, "reason": it.reason, "proposed": it.proposed });
    json!({
        "from": from.to_string(), "lattice_toml": text,
        "axes": draft.axes.iter().map(|(name, axis)| axis_json(name, axis)).collect::<Vec<_>>(),
        "points": points.iter().map(point).collect::<Vec<_>>(),
        "left_out": left_out.iter().map(misfit).collect::<Vec<_>>(),
        "others": others,
        "shapes": shapes.iter().map(|shape| json!({ "from": shape.from, "branches": shape.branches })).collect::<Vec<_>>(),
    })
}

fn axis_json(name: &str, axis: &AxisDraft) -> Value {
    match axis {
        AxisDraft::Set(values) => json!({ "axis": name, "kind": "set", "values": values }),
        AxisDraft::Closed(values) => json!({ "axis": name, "kind": "chain", "values": values }),
        AxisDraft::Open(text, first) => json!({ "axis": name, "kind": "numbered", "values": [text], "first": first }),
    }
}
