//! `git lattice status`, and bare `git lattice`

mod found;
mod watch;

use std::mem::ManuallyDrop;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};

use self::found::Found;
use super::Session;
use super::shared::points;
use super::shared::{left_out, pager, wanted};
use crate::commands::complete::Slot;
use crate::config::Config;
use crate::context::Context;
use crate::error;
use crate::git::Repo;
use crate::git::repo::UNSHALLOW;
use crate::ops::refspec;
use crate::points::status::{self, Survey};
use crate::text;
use crate::ui::Ui;
use crate::ui::point::SurveyView;
use crate::ui::survey::Place;

pub(super) fn command(axes: &[String]) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let of_axes = |name: &'static str, help: &'static str| {
        let arg =
            Arg::new(name).long(name).value_name("AXIS").action(ArgAction::Append).value_delimiter(',').help(help);
        Slot::Axis.of(arg)
    };
    let command = Command::new("status")
        .about("Show which points exist, which are built, and what can be done next")
        .long_about(
            "Show which points exist, which are built, and what can be done next: a table per component, steps as rows and \
             architectures as columns. `*` marks HEAD's point, `^` what the remote does not have, `~` what was built with files of the \
             machine. With 300 or more points, a phase is a line of counts, and only components are shown that have HEAD's point, or \
             points that failed, are disputed or behind, wait or are being built; the others are counted together.\n\n\
             On a terminal, what is longer than the screen is shown in git's pager.",
        )
        .arg(flag("all", "Show each selected point, also of a large lattice, whose phases are counted otherwise"))
        .arg(of_axes("rows", "The axes that form the rows of the tables, such as `phase,step`"))
        .arg(of_axes("cols", "The axes that form the columns; each value of the other axes gets its own table"))
        .arg(flag("ascii", "Draw marks with ASCII characters only"))
        .arg(
            flag("watch", "Redraw the tables as things change, until `q` is pressed").conflicts_with_all(["json", "all"]),
        )
        .arg(flag("json", "Print JSON"));
    points::add_args(wanted::add_args(command), axes, true)
}

pub(super) fn run(session: &Session, args: Option<&ArgMatches>) -> Result<u8> {
    match args.filter(|args| args.get_flag("watch")) {
        Some(args) => watch::run(session, args),
        None => once(session, args),
    }
}

fn once(session: &Session, args: Option<&ArgMatches>) -> Result<u8> {
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    // The program ends after this, and freeing many points takes time.
    let found = ManuallyDrop::new(Found::look(session, args)?);
    warn(ui, config, &found.survey);
    if args.is_some_and(|args| args.get_flag("json")) {
        ui.json(SurveyView::of(config, &found.survey, &found.notes(context, config)?));
        return Ok(error::OK);
    }
    print(session, &found, config, &context.repo);
    if found.survey.points.is_empty() && !found.is_part {
        hint_of_first(ui, context, config);
    }
    if found.survey.maybe_behind > 0 {
        let points = text::tally(found.survey.maybe_behind, "point is", "points are");
        ui.say(format!("not known whether {points} behind: the clone is shallow; `{UNSHALLOW}` brings the history"));
    }
    if let Some(remote) = unfetched_records(context, config, &found.survey) {
        ui.hint(format!("records of `{remote}` were never fetched: `git lattice sync` fetches them"));
    }
    Ok(error::OK)
}

fn print(session: &Session, found: &Found, config: &Config, repo: &Repo) {
    let lines = |place| found.lines(repo, config, session.ui.out, place);
    match found.none() {
        Some(none) => session.ui.say(none),
        None => pager::print_or(session, &lines(Place::Anywhere), || lines(Place::Pager)),
    }
}

/// How to get the first point.
fn hint_of_first(ui: &Ui, context: &Context, config: &Config) {
    if let Some(fetch) = status::fetch_of_others(context, config) {
        ui.hint(format!("this clone has only some of the remote's branches: `{fetch}` brings all of them"));
    } else {
        let (command, shape) = (points::command_of_first(&config.lattice), config.lattice.shape());
        ui.hint(format!("`{command}` makes the first one; the axes are {shape}"));
    }
}

/// The remote that may have records of other clones which this one never fetched.
fn unfetched_records<'c>(context: &Context, config: &'c Config, survey: &Survey) -> Option<&'c String> {
    let remote = config.remote.as_ref()?;
    let has_points = survey.points.iter().any(|point| point.pushed);
    (has_points && !refspec::is_settled(&context.repo, remote)).then_some(remote)
}

/// Warns of refs, points and records that were left out.
fn warn(ui: &Ui, config: &Config, survey: &Survey) {
    left_out::warn(ui, config, &survey.broken, &survey.unreadable);
    if survey.stranded > 0 {
        ui.warn(format!("left in the queue by a worker that was killed: {}", builds(survey.stranded)));
        ui.hint("`git lattice build --background` resumes them");
    }
    if survey.skipped > 0 {
        let lines = if survey.skipped == 1 { "one line of the records is" } else { "lines of the records are" };
        let count = if survey.skipped == 1 { String::new() } else { format!("{} ", survey.skipped) };
        ui.hint(format!("{count}{lines} invalid: `git lattice doctor` lists them"));
    }
}

fn builds(count: usize) -> String {
    if count == 1 { "1 build".to_owned() } else { format!("{count} builds") }
}
