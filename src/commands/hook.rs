//! `git lattice hook`: what the installed hooks call; not for people.

use std::ffi::OsString;

use anyhow::Result;

use super::{lint, report};
use crate::context::Context;
use crate::env::Environment;
use crate::error;
use crate::hooks::Event;
use crate::hooks::event::Flag;
use crate::ops::hook::{self, Reaction};
use crate::process::detach;
use crate::ui::Ui;

/// Runs `hook run EVENT ARGS..` or `hook build POINT COMMIT`; gives the exit code.
pub(crate) fn run(environment: Environment, args: &[OsString]) -> u8 {
    let ui = Ui::new(&environment);
    match args {
        [word, event, rest @ ..] if word == "run" => run_event(&ui, environment, event, rest),
        [word, point, commit] if word == "build" => {
            build(environment, &point.to_string_lossy(), &commit.to_string_lossy())
                .unwrap_or_else(|error| report(&ui, &error))
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
    if environment.skip.is_some() {
        return error::OK;
    }
    match event {
        Event::PreCommit => pre_commit(ui, environment).unwrap_or_else(|error| report(ui, &error)),
        Event::PostCheckout { flag: Flag::File, .. } => error::OK,
        Event::PostCheckout { flag: Flag::Branch, .. } => {
            // Its exit status becomes that of `git checkout`, which is done: whatever went wrong here is one line.
            if let Err(failure) = post_checkout(ui, environment) {
                ui.say(format!("git-lattice: no build was started: {failure:#}"));
            }
            error::OK
        }
    }
}

fn pre_commit(ui: &Ui, environment: Environment) -> Result<u8> {
    let context = Context::open(environment)?;
    if hook::is_off(&context) {
        return Ok(error::OK);
    }
    lint::before_commit(ui, &context)
}

fn post_checkout(ui: &Ui, environment: Environment) -> Result<()> {
    let context = Context::open(environment)?;
    if hook::is_off(&context) {
        return Ok(());
    }
    match hook::after_checkout(&context)? {
        Reaction::Nothing => {}
        Reaction::Say(line) => ui.say(format!("git-lattice: {line}")),
        Reaction::Build { point, commit } => {
            hook::start(&context, &point, commit)?;
            ui.say(format!(
                "git-lattice: building {point} in the background; `git lattice status` shows what becomes of it"
            ));
        }
    }
    Ok(())
}

fn build(environment: Environment, point: &str, commit: &str) -> Result<u8> {
    detach::become_session_leader()?;
    let context = Context::open(environment)?;
    let done = hook::build_in_background(&context, point, commit)?;
    Ok(if done.iter().all(|done| done.record.verdict.is_good()) { error::OK } else { error::NO })
}
