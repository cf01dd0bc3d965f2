//! `git lattice log`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::json;

use super::Session;
use super::shared::points::{self, Selection};
use super::shared::report::report_aside;
use crate::error;
use crate::git::{Oid, Repo};
use crate::ops::Cannot;
use crate::ops::builds::Done;
use crate::ops::log::{self, Log, Step};
use crate::points::status::{self, PointStatus};
use crate::queue::Queue;
use crate::ui::result::row;
use crate::ui::{Ui, terminal_safe};

pub(super) fn command(axes: &[String]) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let command = Command::new("log")
        .about("Show the log of a point's build")
        .long_about(
            "Show the log of the last build of a point's present content: HEAD's point, or the named one.\n\n\
             With --follow it goes on while the build waits or runs, in the background or in another terminal, and then ends \
             with the build's exit status.",
        )
        .arg(flag("follow", "Follow the log until the build has ended").short('f'))
        .arg(flag("json", "Print JSON").conflicts_with("follow"));
    points::add_args(command, axes, false)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    let selection = Selection::read(config, args)?;
    let point = match context.head_point(config)? {
        Some(head) if selection.is_empty() => head,
        _ => selection.one(session, config, &selection.census(session, config)?)?,
    };
    let Some(status) = status::status_of(context, config, &point)? else {
        return Err(Cannot::no_point(config, &point).into());
    };
    let named = &status.named;
    let Some(key) = status.key else { return Err(Cannot::no_flake(named, status.commit).into()) };
    let logs = log::logs(context, key, &status.systems);
    if args.get_flag("follow") {
        follow(session, &named.spelled, &status, key, &logs)
    } else {
        show(ui, &context.repo, &status, &logs, args.get_flag("json"))
    }
}

fn show(ui: &Ui, repo: &Repo, status: &PointStatus, logs: &[Log], json: bool) -> Result<u8> {
    let point = status.named.spelled.as_str();
    let aside = status.key.and_then(|key| Queue::of(repo).aside(key));
    let mut there = Vec::new();
    for log in logs.iter().filter(|log| log.path.exists()) {
        there.push((log, String::from_utf8_lossy(&std::fs::read(&log.path)?).into_owned()));
    }
    if json {
        let one = |(log, text): &(&Log, String)| json!({ "system": log.system.to_string(), "path": log.path.display().to_string(), "text": text });
        ui.json(json!({ "point": point, "state": status.state, "logs": there.iter().map(one).collect::<Vec<_>>() }));
        return Ok(error::OK);
    }
    for (log, text) in &there {
        if logs.len() > 1 {
            header(ui, &log.system.to_string());
        }
        text.lines().for_each(|line| ui.data(terminal_safe(line)));
    }
    say_paths(ui, there.iter().map(|(log, _)| *log));
    if status.activity.is_some() {
        ui.say(format!("{point} is {}; `git lattice log -f` follows it", status.state.word()));
    } else if let Some(aside) = aside {
        report_aside(ui, repo, point, &aside);
    } else if there.is_empty() {
        ui.error(format!("there is no log: the current content of {point} was not built in this clone"));
        ui.hint(format!(
            "`git lattice build {point}` builds it; `git lattice show {point}` shows what others recorded"
        ));
        return Ok(error::NO);
    }
    Ok(error::OK)
}

fn follow(session: &Session, point: &str, status: &PointStatus, key: Oid, logs: &[Log]) -> Result<u8> {
    let (context, ui) = (session.context()?, &session.ui);
    let is_over = log::follow(context, key, logs, &mut |step| match step {
        Step::Waits { before: 0 } => ui.say(format!("{point} waits for its build to begin")),
        Step::Waits { before } => ui.say(format!("{point} waits in the queue, after {before} others")),
        Step::Of(system) => header(ui, system.as_str()),
        Step::Text(text) => text.lines().for_each(|line| ui.data(terminal_safe(line))),
    })?;
    if !is_over {
        ui.error(format!("{point} waits in the queue, and its worker was killed"));
        ui.hint("`git lattice build --background` resumes it");
        return Ok(error::NO);
    }
    if let Some(aside) = Queue::of(&context.repo).aside(key) {
        report_aside(ui, &context.repo, point, &aside);
        return Ok(error::CANNOT);
    }
    let results = log::results(context, key, point, &status.systems)?;
    if results.is_empty() {
        return show(ui, &context.repo, &PointStatus { activity: None, ..status.clone() }, logs, false);
    }
    say_paths(ui, logs.iter().filter(|log| log.path.exists()));
    for done in results.iter().map(Done::known) {
        ui.say_table(&[row(&done)]);
        done.hints.iter().for_each(|hint| ui.hint(hint));
    }
    let is_built = results.len() == status.systems.len() && results.iter().all(|record| record.verdict.is_good());
    Ok(if is_built { error::OK } else { error::NO })
}

/// Says on a terminal where the logs are, so that an editor can open them.
fn say_paths<'l>(ui: &Ui, logs: impl Iterator<Item = &'l Log>) {
    if ui.out.is_terminal {
        logs.for_each(|log| ui.say(format!("log: {}", ui.path(&log.path))));
    }
}

fn header(ui: &Ui, system: &str) {
    ui.data(format!("==> {system} <=="));
}
