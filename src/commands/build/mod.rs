//! `git lattice build`

mod background;
mod events;
mod junit;
pub(super) mod trial;
mod view;

pub(super) use background::queue_changed;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::json;

use self::junit::Junit;
use self::view::{Form, View};
use super::Session;
use super::shared::{choice, machines, points, uncommitted};
use crate::config::Named;
use crate::error;
use crate::ops::builds::{self, BuildOptions, Places, Typed};
use crate::ops::expect::Estimates;
use crate::ops::{limits, queue, regenerate, trust};
use crate::points::census::Census;
use crate::ui::live::Live;
use crate::ui::{Ui, terminal_safe};

/// The command that allows the machines in lattice.toml.
const ALLOW_COMMAND: &str = "git lattice trust --settings";

pub(super) fn command(axes: &[String]) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let command = Command::new("build")
        .about("Build points with Nix and record the results in git")
        .long_about(
            "Build HEAD's point, or the named points, with Nix and record the results in git. `--all`, `--frontier` and `--failed` \
             choose from the named points, or from all points if none is named. All are evaluated first and then built by one call \
             to Nix, which spreads them over cores and builders and continues if some fail.\n\n\
             The branch's commit is built, not the worktree. What has a `built` record for the same content is not built again. \
             Exit status: 0 when everything is built, 1 when something is not.",
        )
        .arg(flag("again", "Build even what has a record"))
        .arg(flag("check", "Build each result a second time, and compare"))
        .arg(flag("json", "Print JSON"))
        .arg(
            flag("json-lines", "Print what happens as JSON, one line each, and what --json prints as the last line")
                .conflicts_with_all(["json", "background", "wait", "cancel"]),
        )
        .arg(junit::arg());
    points::add_args(choice::add_args(background::add_args(machines::add_args(command))), axes, true)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    if background::is_requested(args) {
        return background::run(session, args);
    }
    session.recover()?;
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    queue::resume(context)?;
    let census = Census::take(&context.repo, config)?;
    let points = choice::points(session, config, &census, args)?;
    let mut plan = builds::plan(context, config, &census, &points)?;
    let settings = trust::settings(context, config)?;
    let Typed { places, unused } = Places::typed(&machines::read(args), &context.repo, &settings)?;
    report_unused(ui, &unused);
    for path in builds::submodules(&context.repo, config, &plan)? {
        ui.say(format!(
            "left out: `{path}` of `[build] include` is a submodule, whose files are not in this repository"
        ));
    }
    let options = BuildOptions::typed(args.get_flag("again")).within(limits::typed(&context.repo)?).at(places);
    let options = options.checking(args.get_flag("check"));
    let needed = plan.jobs.iter().filter(|job| options.is_needed(job)).map(|job| (&job.named, job.commit));
    warn_of_outdated(ui, &regenerate::outdated(&context.repo, config, needed)?);
    uncommitted::warn(session, &points, None, "built")?;
    let live = Live::new(ui, plan.jobs.iter().filter(|job| options.is_needed(job)));
    let mut view = View::new(ui, form(args), live.estimating(|points| Estimates::read(context, points).ok()));
    let mut junit = Junit::read(session, args, &plan.jobs)?;
    let built = queue::build(context, &mut plan, &options, &mut |progress| {
        junit.iter_mut().for_each(|junit| junit.apply(&progress));
        view.show(&progress);
    });
    let proposal =
        || json!({ "keys": unused, "settings": settings.proposal().lines(), "used": false, "command": ALLOW_COMMAND });
    view.finish(&built, (!unused.is_empty()).then(proposal));
    let written = junit.map_or(Ok(()), |junit| junit.write(built.as_ref().err()));
    if let (Err(_), Err(error)) = (&built, &written) {
        ui.warn(terminal_safe(&format!("{error:#}")));
    }
    let done = built?;
    written?;
    let is_good = view.is_good() && done.iter().all(|done| done.record.verdict.is_good());
    Ok(if is_good { error::OK } else { error::NO })
}

/// What stdout gets.
fn form(args: &ArgMatches) -> Form {
    match (args.get_flag("json"), args.get_flag("json-lines")) {
        (true, _) => Form::Json,
        (false, true) => Form::Events,
        (false, false) => Form::Rows,
    }
}

/// Warns of points that are built with a flake.nix that does not fit their config.toml.
fn warn_of_outdated(ui: &Ui, points: &[&Named]) {
    let Some((first, others)) = points.split_first() else { return };
    let more = if others.is_empty() { String::new() } else { format!(" and of {} more points", others.len()) };
    ui.warn(format!("`flake.nix` of `{}`{more} is not what `config.toml` and its template make", first.spelled));
    ui.hint(format!(
        "`git lattice check` shows the difference; to generate it again: `git lattice regenerate {}`",
        first.spelled
    ));
}

/// Reports machines in lattice.toml that are not used.
fn report_unused(ui: &Ui, keys: &[&str]) {
    if !keys.is_empty() {
        let keys = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        ui.say(format!(
            "not used: {keys} under `[build]` in lattice.toml; `{ALLOW_COMMAND}` shows what is proposed, and allows it"
        ));
    }
}
