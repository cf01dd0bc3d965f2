//! `git lattice next-step`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Session;
use super::shared::points::{self, Selection};
use super::shared::{content, created};
use crate::config::Config;
use crate::lattice::Point;
use crate::ops::new::Request;
use crate::ops::next;
use crate::points::census::Census;
use crate::points::status;
use crate::record::State;

pub(super) fn command(axes: &[String]) -> Command {
    let command = Command::new("next-step")
        .about("Make the step above HEAD's point, or above the named one")
        .long_about(
            "Make the step above HEAD's point, or above the named one. Its flake takes the output of the step below.\n\n\
             At the end of a listed chain there is no next step: `git lattice promote` opens the next phase.",
        )
        .arg(
            Arg::new("all-archs")
                .long("all-archs")
                .action(ArgAction::SetTrue)
                .help("The next step for every architecture that has points in this phase"),
        );
    created::add_args(content::add_new_args(points::add_args(command, axes, true)))
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    if !args.get_flag("dry-run") {
        session.recover()?;
    }
    let (context, config) = (session.context()?, session.config()?);
    let named = Selection::read(config, args)?;
    let all_archs = args.get_flag("all-archs");
    let census = if all_archs { Census::take(&context.repo, config)? } else { named.census(session, config)? };
    let mut from = named.existing(session, config, &census)?;
    if all_archs {
        let mut all = Vec::new();
        for point in &from {
            all.extend(next::greatest_on_all_archs(config, &census, point)?);
        }
        from = all;
    }
    warn_of_failed(session, config, &census, &from)?;
    let next = next::above_all(config, &from)?;
    let (points, warnings) = (next.points, left_out(config, &next.last).into_iter().collect());
    created::make(session, args, &Request { points, warnings, ..content::read_new(session, args)? })
}

/// A sentence about the points that have no next step.
fn left_out(config: &Config, last: &[Point]) -> Option<String> {
    let names: Vec<_> = last.iter().map(|point| format!("`{}`", config.spell(point))).collect();
    let why = if last.len() == 1 { "is the last step of its phase" } else { "are the last steps of their phases" };
    (!names.is_empty()).then(|| format!("left out: {} {why}", names.join(", ")))
}

/// Warns of points that failed or are disputed: the new step takes their output.
fn warn_of_failed(session: &Session, config: &Config, census: &Census, from: &[Point]) -> Result<()> {
    // Read errors are reported when the step is made.
    for below in status::statuses_of(session.context()?, config, census, from).unwrap_or_default() {
        let point = &below.named.spelled;
        let what = match below.state {
            State::Failed => "failed to build",
            State::Disputed => "is disputed: its builds have different outputs",
            _ => continue,
        };
        session.ui.warn(format!("`{point}` {what}; see `git lattice show {point}`"));
    }
    Ok(())
}
