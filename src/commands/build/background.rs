//! `git lattice build --background`, `--wait` and `--cancel`

use std::time::Duration;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::json;

use crate::commands::Session;
use crate::commands::shared::choice;
use crate::commands::shared::points::Selection;
use crate::commands::shared::report::report_aside;
use crate::error;
use crate::git::{Oid, Repo};
use crate::lattice::{Point, Spelled};
use crate::nix::{self, Nix};
use crate::ops::builds::{self, Done, Plan};
use crate::ops::queue::{self, BuildRequest, CancelOutcome, RequestOptions};
use crate::ops::{limits, log};
use crate::points::census::Census;
use crate::queue::{Job, Put, Queue, RequestedBy, Snapshot};
use crate::ui::live::{Elsewhere, Live};
use crate::ui::result::{log_end, row};
use crate::ui::{Ui, terminal_safe};

/// Adds the flags for background builds.
pub(super) fn add_args(command: Command) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    command
        .arg(flag("background", "Put the builds into the queue and return at once").conflicts_with_all([
            "check",
            "builders",
            "store",
            "substituters",
            "push-cache",
        ]))
        .arg(flag("wait", "Wait for the points' background builds, and print their results"))
        .arg(
            flag(
                "cancel",
                "Remove the points' background builds from the queue, and stop a running one; with --all, every build",
            )
            .conflicts_with_all(["background", "wait", "again", "frontier", "failed"]),
        )
}

/// Whether one of these flags is set.
pub(super) fn is_requested(args: &ArgMatches) -> bool {
    ["background", "wait", "cancel"].iter().any(|name| args.get_flag(name))
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    if args.get_flag("cancel") {
        return cancel(session, args);
    }
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    let census = Census::take(&context.repo, config)?;
    let points = choice::points(session, config, &census, args)?;
    let plan = builds::plan(context, config, &census, &points)?;
    let (json, waits) = (args.get_flag("json"), args.get_flag("wait"));
    if args.get_flag("background") {
        let asked = request(session, &plan, args.get_flag("again"))?;
        if !waits {
            asked.show(ui, json);
            return Ok(error::OK);
        }
    } else {
        queue::resume(context)?;
    }
    wait(session, &plan, json)
}

/// Queues builds of points that have just changed, and shows that unless `is_quiet`.
pub(in crate::commands) fn queue_changed(session: &Session, points: &[Point], is_quiet: bool) -> Result<()> {
    let (context, config) = (session.context()?, session.config()?);
    let plan = builds::plan(context, config, &Census::take(&context.repo, config)?, points)?;
    let answer = request(session, &plan, false)?;
    if !is_quiet {
        answer.show(&session.ui, false);
    }
    Ok(())
}

/// What happened to the requested points.
#[derive(Default)]
struct RequestedPoints {
    queued: Vec<Spelled>,
    building: Vec<Spelled>,
    built: Vec<Spelled>,
}

fn request(session: &Session, plan: &Plan, again: bool) -> Result<RequestedPoints> {
    let context = session.context()?;
    let mut answer = RequestedPoints::default();
    let mut requests: Vec<BuildRequest> = Vec::new();
    for job in &plan.jobs {
        let request = BuildRequest { named: job.named.clone(), key: job.key, commit: job.commit };
        let is_needed = again || plan.jobs.iter().any(|other| other.key == job.key && other.known.is_none());
        let to = if is_needed { None } else { Some(&mut answer.built) };
        match to {
            Some(built) if !built.contains(&request.named.spelled) => built.push(request.named.spelled.clone()),
            None if !requests.contains(&request) => requests.push(request),
            _ => {}
        }
    }
    // Check the limits now: the worker cannot report an error to the user.
    limits::background(&context.repo)?;
    if !requests.is_empty() && !Nix::is_on_path() {
        return Err(nix::Error::Missing.into());
    }
    let options = RequestOptions { asked: RequestedBy::Typed, again, supersede: false };
    let puts = if requests.is_empty() { Vec::new() } else { queue::put(context, &requests, options)? };
    for (request, put) in requests.into_iter().zip(puts) {
        let to = if put == Put::Building { &mut answer.building } else { &mut answer.queued };
        to.push(request.named.spelled.clone());
    }
    queue::resume(context)?;
    Ok(answer)
}

impl RequestedPoints {
    fn show(&self, ui: &Ui, json: bool) {
        if json {
            ui.json(json!({ "queued": self.queued, "building": self.building, "built": self.built }));
            return;
        }
        let parts =
            [("queued", &self.queued), ("being built already:", &self.building), ("built already:", &self.built)];
        let part = |(word, points): (&str, &Vec<Spelled>)| match points.as_slice() {
            [] => None,
            [one] => Some(format!("{word} {one}")),
            many => Some(format!("{word} {} points", many.len())),
        };
        ui.tell(parts.into_iter().filter_map(part).collect::<Vec<_>>().join("; "));
    }
}

/// Waits for the background builds of the plan's keys, then prints their results.
fn wait(session: &Session, plan: &Plan, json: bool) -> Result<u8> {
    let (context, ui) = (session.context()?, &session.ui);
    let keys: Vec<Oid> = plan.jobs.iter().map(|job| job.key).collect();
    let mut live = Live::new(ui, &plan.jobs);
    let waited = queue::wait(context, &keys, &mut |now| {
        let (open, running) = standing(&context.repo, plan, now);
        live.follow(&open, running);
        live.draw();
    });
    live.clear();
    waited?;
    let (mut code, mut records) = (error::OK, Vec::new());
    for job in &plan.jobs {
        let result = log::results(context, job.key, &job.named.spelled, std::slice::from_ref(&job.system))?.pop();
        let aside = Queue::of(&context.repo).aside(job.key);
        if let Some(aside) = aside {
            report_aside(ui, &context.repo, &job.named.spelled, &aside);
            code = error::CANNOT;
        } else if let Some(record) = result {
            if !record.verdict.is_good() {
                code = code.max(error::NO);
            }
            let done = Done::of_other(&context.repo, &record);
            if !json {
                ui.table(&[row(&done)]);
            }
            log_end(ui, &done);
            done.hints.iter().for_each(|hint| ui.hint(hint));
            records.push(record);
        } else {
            ui.error(format!("{} has no result for {}, and nothing builds it", job.named.spelled, job.system));
            code = code.max(error::NO);
        }
    }
    if json {
        ui.json(json!({ "evaluator": null, "results": records }));
    }
    Ok(code)
}

/// The builds that the queue still has, and those that run.
fn standing<'p>(repo: &Repo, plan: &'p Plan, now: &Snapshot) -> (Vec<&'p builds::Job>, Vec<Elsewhere>) {
    let is_open = |job: &&builds::Job| now.job(job.key).is_some() || now.claim(job.key).is_some();
    let open: Vec<_> = plan.jobs.iter().filter(is_open).collect();
    let running = |job: &&builds::Job| {
        let claim = now.claim(job.key)?;
        let time = Duration::from_millis(crate::queue::now().saturating_sub(claim.since));
        let last = builds::last_line(&builds::log_path(repo, job.key, &job.system));
        Some(Elsewhere { point: job.named.spelled.clone(), time, expected: claim.expected, last })
    };
    let running = open.iter().filter_map(running).collect();
    (open, running)
}

fn cancel(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    let points = if args.get_flag("all") {
        None
    } else {
        let named = Selection::read(config, args)?;
        // The branch of a job may have been deleted, so a fully written point need not exist.
        let points = match named.expand(config, context.head_point(config)?.as_ref()) {
            Ok(points) if !named.is_empty() => points,
            _ => named.existing(session, config, &Census::take(&context.repo, config)?)?,
        };
        Some(points.iter().map(|point| config.spell(point)).collect::<Vec<_>>())
    };
    let done = queue::cancel(context, points.as_deref())?;
    if args.get_flag("json") {
        let one = |(job, ended): &(Job, CancelOutcome)| json!({ "point": job.point, "was": ended.word() });
        ui.json(json!({ "cancelled": done.iter().map(one).collect::<Vec<_>>() }));
        return Ok(error::OK);
    }
    for (job, ended) in &done {
        let point = terminal_safe(&job.point);
        ui.tell(match ended {
            CancelOutcome::Removed => format!("cancelled {point}: it had not begun"),
            CancelOutcome::Ended => format!("cancelled {point}: its build was ended"),
            CancelOutcome::Stopping => format!("cancelling {point}: its build was told to stop but is still running"),
            CancelOutcome::Foreground(pid) => {
                format!("out of the queue: {point}; process {pid} builds it in the foreground, Ctrl-C there stops it")
            }
        });
    }
    if done.is_empty() {
        ui.say(match points.as_deref() {
            None => "nothing to cancel: the queue is empty".to_owned(),
            Some([one]) => format!("nothing to cancel: {one} is neither queued nor being built in the background"),
            Some(_) => "nothing to cancel: none of these is queued or being built in the background".to_owned(),
        });
    }
    Ok(error::OK)
}
