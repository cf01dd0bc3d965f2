//! `git lattice try`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::report_unused;
use super::view::{Form, View};
use crate::commands::Session;
use crate::commands::shared::points::{self, Selection};
use crate::error;
use crate::ops::builds::{self, BuildOptions, Flags, Places, Trial, Typed};
use crate::ops::expect::Estimates;
use crate::ops::{Cannot, limits, queue, trust};
use crate::ui::live::Live;

pub(in crate::commands) fn command(axes: &[String]) -> Command {
    let command = Command::new("try")
        .about("Build the step as the worktree has it, and record nothing")
        .long_about(
            "Build HEAD's point, or the named one, from the files of this worktree: uncommitted and new files count, ignored ones do \
             not. Nothing is committed, and the result is not recorded: once it works, commit it, and `git lattice build` records \
             it.\n\n\
             A point below HEAD's can be named too, since the worktree has its files. Exit status: 0 when it is built, 1 when it is not.",
        )
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON"));
    points::add_args(command, axes, false)
}

pub(in crate::commands) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    let named = Selection::read(config, args)?;
    let head = context.head_point(config)?;
    let point = if named.is_empty() {
        head.ok_or(Cannot::NoHeadPoint)?
    } else {
        named.expand_one(session, config, head.as_ref())?
    };
    let Trial { mut plan, is_changed } = builds::plan_worktree(context, config, &point)?;
    let settings = trust::settings(context, config)?;
    let Typed { places, unused } = Places::typed(&own_machines(), &context.repo, &settings)?;
    report_unused(ui, &unused);
    let options = BuildOptions::trial().within(limits::typed(&context.repo)?).at(places);
    let form = if args.get_flag("json") { Form::Json } else { Form::Rows };
    let live = Live::new(ui, &plan.jobs);
    let live = live.estimating(|points| Estimates::read(context, points).ok());
    let mut view = View::new(ui, form, live).of_trial(is_changed);
    let built = queue::build(context, &mut plan, &options, &mut |progress| view.show(&progress));
    view.finish(&built, None);
    let done = built?;
    let is_good = done.iter().all(|done| done.record.verdict.is_good());
    if form == Form::Rows && is_good && done.iter().any(|done| done.fresh) {
        let commit = if is_changed { "commit it; then " } else { "" };
        ui.hint(format!("nothing is recorded: {commit}`git lattice build` records the result"));
    }
    Ok(if is_good { error::OK } else { error::NO })
}

/// The machines of `git lattice build`, but for the cache: it gets only what was recorded.
fn own_machines() -> Flags {
    Flags { push_cache: Some(String::new()), ..Flags::default() }
}
