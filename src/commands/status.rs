//! `git lattice status`, and bare `git lattice`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Session;
use super::shared::left_out;
use super::shared::points::{self, Selection};
use crate::config::Config;
use crate::context::Context;
use crate::error;
use crate::ops::refspec;
use crate::points::census::Census;
use crate::points::status::{self, Survey};
use crate::ui::layout::Layout;
use crate::ui::point::SurveyView;
use crate::ui::{Ui, folded, picture};

pub(super) fn command(axes: &[String]) -> Command {
    let command = Command::new("status")
        .about("Show which points exist, which are built, and what can be done next")
        .long_about(
            "Show which points exist, which are built, and what can be done next: a table per component, steps as rows and \
             architectures as columns. `*` marks HEAD's point, `^` what the remote does not have, `~` what was built with files of the \
             machine. From 300 points on, a phase is a line of counts, and only components are shown that have HEAD's point, or \
             points that failed, are behind, wait or are being built; the others are counted together.",
        )
        .arg(
            Arg::new("all")
                .long("all")
                .action(ArgAction::SetTrue)
                .help("Show each point, also of a large lattice, whose phases are counted otherwise"),
        )
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON"));
    points::add_args(command, axes, true)
}

pub(super) fn run(session: &Session, args: Option<&ArgMatches>) -> Result<u8> {
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    let census = Census::take(&context.repo, config)?;
    let which = match args {
        Some(args) => {
            let named = Selection::read(config, args)?;
            if named.is_empty() { None } else { Some(named.filter(config, &census)?) }
        }
        None => None,
    };
    let survey = status::survey(context, config, &census, which.as_deref())?;
    warn(ui, config, &survey);
    if args.is_some_and(|args| args.get_flag("json")) {
        ui.json(SurveyView::of(config, &survey));
        return Ok(error::OK);
    }
    if survey.points.is_empty() {
        ui.data(if which.is_some() { "no such point has a branch" } else { "no point has a branch yet" });
        if which.is_none()
            && let Some(fetch) = status::fetch_of_others(context, config)
        {
            ui.hint(format!("this clone has only some of the remote's branches: `{fetch}` brings all of them"));
        } else if which.is_none() {
            ui.hint(format!("`git lattice new` makes the first one; the axes are {}", config.lattice.shape()));
        }
        return Ok(error::OK);
    }
    let head = context.head_point(config)?;
    let layout = Layout::of(config);
    let shows_all = args.is_some_and(|args| args.get_flag("all"));
    if survey.points.len() >= folded::MANY && !shows_all {
        ui.table(&folded::rows(config, &layout, &survey.points, head.as_ref(), ui.out.ascii));
        ui.tell(format!("{} points; `git lattice status --all` shows each", survey.points.len()));
    } else {
        picture::tables(config, &layout, &survey.points, head.as_ref(), ui.out).iter().for_each(|line| ui.data(line));
    }
    next(ui, config, &survey);
    if let Some(remote) = unfetched_records(context, config, &survey) {
        ui.hint(format!("records of `{remote}` were never fetched: `git lattice sync` fetches them"));
    }
    Ok(error::OK)
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

/// Prints the first suggestions of what to do next.
fn next(ui: &Ui, config: &Config, survey: &Survey) {
    const MAX_SHOWN: usize = 4;
    if !survey.next.is_empty() {
        ui.data("");
    }
    let row = |next| picture::suggestion(config, survey, next);
    ui.table(&survey.next.iter().take(MAX_SHOWN).map(row).collect::<Vec<_>>());
    if survey.next.len() > MAX_SHOWN {
        ui.tell(format!("and {} more, which `git lattice status --json` lists", survey.next.len() - MAX_SHOWN));
    }
}
