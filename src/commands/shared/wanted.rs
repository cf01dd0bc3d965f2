//! Options that choose points by their state or their age.

use anyhow::{Result, anyhow};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::git::date;
use crate::points::wanted::Wanted;
use crate::record::State;

/// Adds `--state`, `--failed` and `--since`.
pub(in crate::commands) fn add_args(command: Command) -> Command {
    command
        .arg(
            Arg::new("state")
                .long("state")
                .value_name("STATE")
                .action(ArgAction::Append)
                .value_delimiter(',')
                .value_parser(PossibleValuesParser::new(State::ALL.map(State::word)))
                .help("Only points in this state; several repeated or separated by commas"),
        )
        .arg(
            Arg::new("failed")
                .long("failed")
                .action(ArgAction::SetTrue)
                .help("Only points without a `built` record whose last build failed, also if they are behind now"),
        )
        .arg(Arg::new("since").long("since").value_name("TIME").help(
            "Only points with a new commit or an ended build since a time, such as `2 days ago`, `yesterday`, or `2026-11-30`, in UTC",
        ))
}

/// What to say if there are points, and none fulfils the conditions.
pub(in crate::commands) const NONE_FULFILS: &str = "no point fulfils the conditions";

/// What to say if no point is shown; `is_part` says whether only some points were asked for.
pub(in crate::commands) fn none(is_part: bool) -> &'static str {
    if is_part { "no such point has a branch" } else { "no point has a branch yet" }
}

/// Reads the options.
pub(in crate::commands) fn read(args: &ArgMatches) -> Result<Wanted> {
    let words: Vec<&String> = args.get_many("state").into_iter().flatten().collect();
    let states = State::ALL.into_iter().filter(|state| words.iter().any(|word| *word == state.word())).collect();
    let time = |text: &String| {
        date::parse(text).ok_or_else(|| {
            anyhow!("invalid time `{text}` for `--since`: expected one such as `2 days ago`, `yesterday`, `2026-11-30` or `2026-11-30 09:00:00 +0100`")
        })
    };
    let since = args.get_one::<String>("since").map(time).transpose()?;
    Ok(Wanted { states, failed: args.get_flag("failed"), since })
}
