//! `git lattice port`

use anyhow::{Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Session;
use super::complete::Slot;
use super::shared::moved::{self, Words};
use super::shared::points::{self, Selection};
use crate::config::Config;
use crate::ops::port::{self, Request};
use crate::points::census::Census;

const WORDS: Words =
    Words { command: "port", verb: "port", done: "ported", nothing: "nothing to port", ..moved::WORDS };

/// The id of the flag for the siblings' value on an axis.
fn flag_id(axis: &str) -> String {
    format!("to axis {axis}")
}

pub(super) fn command(axes: &[String]) -> Command {
    let command = Command::new("port")
        .about("Carry the changes of a point to its siblings")
        .long_about(
            "Carry the changes that were made on a point since it was generated to its siblings: the points with other values on some \
             axes, such as the same step on another architecture. Each sibling gets a commit on top; one that does not exist is made \
             first. Then what is above is restacked in the same operation.\n\n\
             step.nix, config.toml and all other files in the point's directory are merged, with the last port as the base; a generated \
             flake.nix is rendered for the sibling. Porting again carries only what is new, and what came from the sibling does not \
             go back. A sibling with a conflict is left out; the others get the changes, and the exit status is 1.",
        )
        .arg(
            Arg::new("to")
                .long("to")
                .value_name("AXIS=VALUE")
                .action(ArgAction::Append)
                .help("The value of the siblings on an axis; several separated by commas, `*` for all"),
        )
        .args(axes.iter().filter(|axis| !axes.contains(&format!("to-{axis}"))).map(flag))
        .arg(
            Arg::new("no-restack")
                .long("no-restack")
                .action(ArgAction::SetTrue)
                .help("Leave the points above as they are; they are `behind` then"),
        );
    moved::add_args(points::add_args(command, axes, true))
}

fn flag(axis: &String) -> Arg {
    let flag = Arg::new(flag_id(axis))
        .long(format!("to-{axis}"))
        .value_name("VALUE")
        .action(ArgAction::Append)
        .allow_hyphen_values(true)
        .help(format!("The same as `--to {axis}=VALUE`"))
        .help_heading("Axes");
    Slot::NewValue(axis.clone()).of(flag)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    if !args.get_flag("dry-run") {
        session.recover()?;
    }
    let (context, config) = (session.context()?, session.config()?);
    let to = values(config, args)?;
    let census = Census::take(&context.repo, config)?;
    let sources = Selection::read(config, args)?.existing(session, config, &census)?;
    let request = Request { sources, to, no_restack: args.get_flag("no-restack") };
    let (_, code) = moved::run(session, args, WORDS, || port::plan(context, config, &request))?;
    Ok(code)
}

/// The axes and values of the siblings.
fn values(config: &Config, args: &ArgMatches) -> Result<Vec<(String, String)>> {
    let mut values = Vec::new();
    for text in args.get_many::<String>("to").into_iter().flatten() {
        match text.split_once('=') {
            Some((axis, value)) if !value.is_empty() => values.push((axis.to_owned(), value.to_owned())),
            _ => bail!("`--to {text}`: expected AXIS=VALUE, as in `--to arch=x86_64`"),
        }
    }
    for axis in config.lattice.axes() {
        let name = axis.name.as_str();
        let given = args.try_get_many::<String>(&flag_id(name)).ok().flatten().into_iter().flatten();
        values.extend(given.map(|value| (name.to_owned(), value.clone())));
    }
    if values.is_empty() {
        let axis = config.systems.axis().unwrap_or_default();
        let axis = config.lattice.axes().get(axis).map_or("arch", |axis| axis.name.as_str());
        bail!("name the siblings, as in `git lattice port POINT --to {axis}=VALUE`");
    }
    Ok(values)
}
