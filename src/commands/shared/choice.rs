//! Flags that choose the points to build by their state: `--all`, `--frontier`, `--failed`.

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::points::Selection;
use super::session::Session;
use crate::config::Config;
use crate::lattice::Point;
use crate::points::census::Census;
use crate::points::choice::{self, Choice};

const CHOICES: [(&str, Choice, &str); 3] = [
    ("all", Choice::All, "Build every point that has a branch"),
    (
        "frontier",
        Choice::Frontier,
        "Build what can be worked on now: each point that is not built and has no unbuilt point directly below it",
    ),
    ("failed", Choice::Failed, "Build again what failed"),
];

/// Adds the flags.
pub(in crate::commands) fn add_args(command: Command) -> Command {
    command.args(CHOICES.map(|(name, _, help)| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)))
}

/// The points to build: the named ones or HEAD's. A flag chooses among the named points, or among all.
///
/// An empty choice is not an error; the reason is printed.
pub(in crate::commands) fn points(
    session: &Session,
    config: &Config,
    census: &Census,
    args: &ArgMatches,
) -> Result<Vec<Point>> {
    let named = Selection::read(config, args)?;
    let chosen: Vec<_> = CHOICES.iter().filter(|(name, ..)| args.get_flag(name)).collect();
    if chosen.is_empty() {
        return named.existing(session, config, census);
    }
    let among = named.filter(config, census)?;
    let choices: Vec<_> = chosen.iter().map(|(_, choice, _)| *choice).collect();
    let points = choice::choose(session.context()?, config, census, among, &choices)?;
    if points.is_empty() {
        session.ui.say(nothing_to_build(&choices, named.is_empty()));
    }
    Ok(points)
}

fn nothing_to_build(choices: &[Choice], is_anywhere: bool) -> String {
    let place = if is_anywhere { "" } else { " among the named points" };
    let frontier = "is built, or depends on something that is not";
    match (choices.contains(&Choice::Frontier), choices.contains(&Choice::Failed)) {
        (true, true) => format!("nothing to build{place}: nothing that failed can be worked on now"),
        (true, false) => format!("nothing to build{place}: everything {frontier}"),
        (false, true) => format!("nothing to build{place}: nothing has failed"),
        (false, false) => format!("nothing to build{place}: no such point has a branch"),
    }
}
