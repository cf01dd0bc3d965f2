//! `git lattice report`

use std::collections::BTreeMap;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};

use super::Session;
use super::shared::disputes::dispute_json;
use super::shared::points::{self, Selection};
use super::shared::trusted_base::{host_json, input_json};
use super::shared::{left_out, wanted};
use crate::config::Config;
use crate::error;
use crate::ops::report::{self, Choice, Disputed, Failure, Report, Row};
use crate::ops::reproduce::nix_build;
use crate::points::census::Census;
use crate::record::State;
use crate::ui::report::{Options, text};

/// The most points whose commands are given.
const MAX_COMMANDS: usize = 5;

pub(super) fn command(axes: &[String]) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let command = Command::new("report")
        .about("Write a report on points in Markdown, for a change request")
        .long_about(
            "Write a report on points in Markdown, as GitHub, GitLab and Forgejo show it: states and times, what failed with the end of \
             the log, disputes, notes, what is not built from source, and how to build it again.\n\n\
             Without a point it reports on the point of HEAD and those below it that the base branch does not have, which is what a \
             change request adds; on another branch, on all points. More than 50 points are counted instead of listed. Nothing is \
             built or evaluated, and the same repository gives the same text. Names, notes and logs cannot add markup or mention \
             anyone.",
        )
        .arg(flag("all", "List each selected point, however many"))
        .arg(flag("json", "Print JSON"));
    points::add_args(command, axes, true)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    let named = Selection::read(config, args)?;
    let census = Census::take(&context.repo, config)?;
    let (choice, points) = if named.is_empty() {
        report::default_points(context, config, &census)?
    } else {
        (Choice::Named, named.shown(session, config, &census)?)
    };
    let report = report::make(context, config, &census, choice, &points)?;
    left_out::warn(ui, config, &report.broken, &report.unreadable);
    if args.get_flag("json") {
        ui.json(to_json(config, &report));
    } else if report.rows.is_empty() {
        ui.say(wanted::none(!named.is_empty()));
    } else {
        ui.data(text(config, &report, &commands(&report), Options { all: args.get_flag("all") }).trim_end());
    }
    Ok(error::OK)
}

/// The commands that build the maximal points, with git-lattice and without it.
fn commands(report: &Report) -> Vec<String> {
    let ends = report.ends.iter().take(MAX_COMMANDS);
    let commands = ends.flat_map(|(status, flake)| {
        std::iter::once(format!("git lattice build {}", status.named.spelled)).chain(nix_build(flake.as_ref(), status))
    });
    commands.collect()
}

fn to_json(config: &Config, report: &Report) -> Value {
    let choice = match report.choice {
        Choice::Named => "named",
        Choice::Head => "head",
        Choice::All => "all",
    };
    let mut totals: BTreeMap<&str, usize> = State::ALL.map(|state| (state.word(), 0)).into();
    report.rows.iter().for_each(|row| *totals.entry(row.status.state.word()).or_default() += 1);
    let outside = &report.outside;
    json!({
        "selection": choice,
        "base": { "branch": config.base, "commit": report.base.map(|base| base.to_string()) },
        "totals": totals,
        "points": report.rows.iter().map(row_json).collect::<Vec<_>>(),
        "failed": report.failures.0.iter().map(failure_json).collect::<Vec<_>>(),
        "disputed": report.disputes.0.iter().map(disputed_json).collect::<Vec<_>>(),
        "notes": report.notes.iter().map(|(point, notes)| json!({ "point": point, "notes": notes })).collect::<Vec<_>>(),
        "trusted_base": {
            "inputs": outside.inputs.iter().map(input_json).collect::<Vec<_>>(), "left_out": outside.left_out,
            "impure": outside.impure.iter().map(host_json).collect::<Vec<_>>(), "unbuilt": outside.unbuilt,
        },
        "commands": commands(report),
    })
}

fn row_json(Row { status, times }: &Row) -> Value {
    let times = times.iter().map(|(system, seconds)| (system.to_string(), *seconds)).collect::<BTreeMap<_, _>>();
    json!({
        "point": status.named.spelled, "branch": status.named.branch, "commit": status.commit.to_string(),
        "pushed": status.pushed, "key": status.key.map(|key| key.to_string()), "state": status.state,
        "systems": status.systems.iter().map(ToString::to_string).collect::<Vec<_>>(), "seconds": times,
    })
}

fn failure_json(failure: &Failure) -> Value {
    json!({
        "point": failure.point, "system": failure.system.as_str(), "error": failure.error, "started": failure.started,
        "log": failure.log,
    })
}

fn disputed_json(Disputed { point, records, disputes }: &Disputed) -> Value {
    let disputes: Vec<_> = disputes.iter().map(|dispute| dispute_json(records, dispute)).collect();
    json!({ "point": point, "disputes": disputes })
}
