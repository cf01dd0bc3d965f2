//! `git lattice status`, and bare `git lattice`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};

use super::points::Selection;
use super::{Session, points};
use crate::config::Config;
use crate::error;
use crate::lattice::Point;
use crate::points::census::Census;
use crate::points::status::{self, PointStatus, Survey};
use crate::ui::{Ui, harmless, picture};

pub(super) fn command(axes: &[String]) -> Command {
    let command = Command::new("status")
        .about("Show which points exist, which are built, and what can be done next")
        .long_about(
            "Show which points exist, which are built, and what can be done next: a table per component, steps as rows and \
             architectures as columns. `*` marks HEAD's point, `^` what the remote does not have.",
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
        let points: Vec<_> = survey.points.iter().map(|point| to_json(config, point)).collect();
        ui.json(json!({ "base": config.base, "points": points, "skipped_records": survey.skipped }));
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
    picture::tables(config, &survey.points, head.as_ref(), ui.color).iter().for_each(|line| ui.data(line));
    next(session, config, &census, &survey.points, head.as_ref());
    Ok(error::OK)
}

/// What is not in the picture because it could not be read.
fn warn(ui: &Ui, config: &Config, survey: &Survey) {
    survey.broken.iter().for_each(|broken| ui.warn(format!("a ref was left out: {}", harmless(broken))));
    if survey.stranded > 0 {
        ui.warn(format!("left in the queue by a worker that was killed: {}", builds(survey.stranded)));
        ui.hint("`git lattice build --background` goes on with them");
    }
    for (point, error) in &survey.unreadable {
        let branch = config.branch_of(point);
        ui.warn(format!("`{branch}` was left out: {}", harmless(&format!("{error:#}"))));
    }
    if survey.skipped > 0 {
        let lines = if survey.skipped == 1 { "one line of the records is" } else { "lines of the records are" };
        let count = if survey.skipped == 1 { String::new() } else { format!("{} ", survey.skipped) };
        ui.hint(format!("{count}{lines} not believed: `git lattice doctor` says which"));
    }
}

fn builds(count: usize) -> String {
    if count == 1 { "1 build".to_owned() } else { format!("{count} builds") }
}

/// What can be done next: a few lines, the nearest first.
fn next(session: &Session, config: &Config, census: &Census, points: &[PointStatus], head: Option<&Point>) {
    const MOST: usize = 4;
    let ui = &session.ui;
    let (suggestions, all) = picture::suggestions(config, census, points, head, MOST);
    if !suggestions.is_empty() {
        ui.data("");
    }
    suggestions.iter().for_each(|line| ui.data(line));
    if all > suggestions.len() {
        ui.data(format!("and {} more", all - suggestions.len()));
    }
}

/// A point as `status --json` and `show --json` give it.
pub(super) fn to_json(config: &Config, status: &PointStatus) -> Value {
    let (lattice, named) = (&config.lattice, config.name(&status.point));
    let axes = lattice.axes().iter().map(|axis| axis.name.to_string());
    let axes: serde_json::Map<_, _> =
        axes.zip(lattice.texts(&status.point)).map(|(name, text)| (name, json!(text))).collect();
    let verdicts: serde_json::Map<_, _> =
        status.verdicts.iter().map(|(system, verdict, _)| (system.to_string(), json!(verdict))).collect();
    json!({
        "point": named.spelled,
        "axes": axes,
        "branch": named.branch,
        "commit": status.commit.to_string(),
        "flake": named.dir,
        "systems": status.systems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "parents": status.parents.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "key": status.key.map(|key| key.to_string()),
        "state": status.state,
        "activity": status.activity.map(|it| json!({ "seconds": it.seconds(), "expected": it.expected() })),
        "pushed": status.pushed,
        "verdicts": verdicts,
        "disputed": status.disputed.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
