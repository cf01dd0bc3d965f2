//! `git lattice hook`: internal command, called by the installed hooks.

mod pre_commit;

use std::ffi::OsString;

use anyhow::Result;

use self::pre_commit::before_commit;
use super::shared::report::report;
use crate::context::Context;
use crate::env::Environment;
use crate::error;
use crate::hooks::event::Flag;
use crate::hooks::{Event, Kind, Skip};
use crate::ops::hook::{self, BranchEvent, Reaction};
use crate::ops::hooks;
use crate::ops::queue;
use crate::process::detach;
use crate::queue::Put;
use crate::ui::{Ui, terminal_safe};

/// Runs `hook run EVENT ARGS..`, `hook later OCCASION`, `hook worker` or `hook build KEY`; returns the exit code.
pub(crate) fn run(environment: Environment, args: &[OsString]) -> u8 {
    let ui = Ui::new(&environment);
    match args {
        [word, event, rest @ ..] if word == "run" => run_event(&ui, environment, event, rest),
        [word, branch_event] if word == "later" => {
            later(environment, branch_event).unwrap_or_else(|error| report(&ui, &error))
        }
        [word] if word == "worker" => work(environment).unwrap_or_else(|error| report(&ui, &error)),
        [word, key] if word == "build" => {
            build(environment, &key.to_string_lossy()).unwrap_or_else(|error| report(&ui, &error))
        }
        _ => {
            ui.error("usage: git lattice hook run EVENT [ARGUMENT..]");
            error::CANNOT
        }
    }
}

fn run_event(ui: &Ui, environment: Environment, name: &OsString, args: &[OsString]) -> u8 {
    let event = match Event::parse(&name.to_string_lossy(), args) {
        Ok(event) => event,
        Err(wrong) => return report(ui, &wrong.into()),
    };
    // Check the environment before opening the repository.
    if Skip::find(event.kind(), environment.skip, environment.ci, |_| None).is_some() {
        return error::OK;
    }
    let branch_event = match event {
        Event::PreCommit => return pre_commit(ui, environment).unwrap_or_else(|error| report(ui, &error)),
        Event::PostCheckout { flag: Flag::File, .. } | Event::PostMerge { squash: true } => return error::OK,
        Event::PostCheckout { old: None, .. } => BranchEvent::Fresh,
        Event::PostCheckout { .. } | Event::PostMerge { .. } | Event::PostCommit => BranchEvent::Switch,
    };
    // The exit status would become that of `git checkout`, which has succeeded: report errors in one line only.
    if let Err(failure) = run_post_hook(ui, environment, event.kind(), branch_event) {
        say_line(ui, &format!("no build was started: {failure:#}"));
    }
    error::OK
}

/// Prints a text as one line.
fn say_line(ui: &Ui, text: &str) {
    ui.say(terminal_safe(&format!("git-lattice: {}", text.split_whitespace().collect::<Vec<_>>().join(" "))));
}

fn pre_commit(ui: &Ui, environment: Environment) -> Result<u8> {
    let context = Context::open(environment)?;
    if hooks::skip(&context, Kind::PreCommit).is_some() {
        return Ok(error::OK);
    }
    before_commit(ui, &context)
}

fn run_post_hook(ui: &Ui, environment: Environment, kind: Kind, branch_event: BranchEvent) -> Result<()> {
    let mut context = Context::open(environment)?;
    if hooks::skip(&context, kind).is_some() {
        return Ok(());
    }
    match hook::after_checkout(&mut context, branch_event)? {
        Reaction::Nothing => {}
        Reaction::Later => {
            hook::start_later(&context, branch_event)?;
            say_line(ui, "too much data to read during a checkout: a background process decides whether to build");
        }
        Reaction::Say(line) => say_line(ui, &line),
        Reaction::Build { request, supersede, too_much } => {
            let point = request.named.spelled.clone();
            say_line(ui, &start_message(&point, hook::start(&context, request, supersede)?, too_much));
        }
    }
    Ok(())
}

fn start_message(point: &str, put: Option<Put>, too_much: Option<&str>) -> String {
    match (put, too_much) {
        (None, _) => {
            format!("the queue is busy: {point} is queued in the background; `git lattice status` shows its state")
        }
        (Some(Put::Building), _) => {
            format!("{point} is being built in the background already; `git lattice log -f` follows it")
        }
        (Some(Put::Queued | Put::Renewed), None) => {
            format!("building {point} in the background; `git lattice status` shows its state")
        }
        (Some(Put::Queued | Put::Renewed), Some(what)) => format!(
            "{what} to read during a checkout: the background worker decides whether to build {point}; \
             `git lattice status` shows its state"
        ),
    }
}

fn later(environment: Environment, branch_event: &OsString) -> Result<u8> {
    detach::become_session_leader()?;
    let branch_event = if branch_event == BranchEvent::Fresh.word() { BranchEvent::Fresh } else { BranchEvent::Switch };
    hook::later(&Context::open(environment)?, branch_event)?;
    Ok(error::OK)
}

fn work(environment: Environment) -> Result<u8> {
    detach::become_session_leader()?;
    queue::work(&Context::open(environment)?)?;
    Ok(error::OK)
}

fn build(environment: Environment, key: &str) -> Result<u8> {
    let is_built = queue::run_job(&Context::open(environment)?, key, error::hints)?;
    Ok(if is_built { error::OK } else { error::NO })
}
