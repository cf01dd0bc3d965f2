//! `git lattice new`

use std::io::Read;

use anyhow::{Context as _, Result};
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::points::Selection;
use super::{Session, made, points};
use crate::config::{self, StepData};
use crate::git::size::Kind;
use crate::ops::Cannot;
use crate::ops::new::Request;
use crate::template::Template;

pub(super) fn command(axes: &[String]) -> Command {
    let command = Command::new("new")
        .about("Make points: branches with a rendered flake, committed and pushed")
        .long_about(
            "Make points: for each a branch with a rendered flake, linted, committed and pushed, without touching index or worktree.\n\n\
             What is not named comes from HEAD's point, else from an axis' only or first value. Several values of an axis make several \
             points, in one transaction and one push; `a+b` makes one point over both. A point grows from the greatest points below it, \
             else from the base branch. Running it again changes nothing; it pushes what an earlier run could not.",
        )
        .arg(
            Arg::new("all-archs").long("all-archs").action(ArgAction::SetTrue).help("One point for every architecture in lattice.toml"),
        );
    made::add_args(add_content_args(points::add_args(command, axes, true)))
}

/// What the new points hold.
pub(super) fn add_content_args(command: Command) -> Command {
    command
        .arg(
            Arg::new("config")
                .long("config")
                .alias("config-path")
                .value_name("FILE")
                .help("The step's config.toml, kept byte for byte; `-` reads stdin"),
        )
        .arg(
            Arg::new("template")
                .long("template")
                .value_name("NAME")
                .help("config, step, nixpkgs or rust; otherwise lattice.toml's, or that of the point below"),
        )
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    if !args.get_flag("dry-run") {
        session.recover()?;
    }
    let (context, config) = (session.context()?, session.config()?);
    let mut selected = Selection::read(config, args)?;
    let head = context.head_point(config)?;
    if args.get_flag("all-archs") {
        let axis = config.systems.axis().ok_or_else(|| Cannot::NoAxis("no axis says the architecture".into()))?;
        selected = selected.with_every_value(&config.lattice, axis);
    }
    let points = selected.expand(config, head.as_ref())?;
    let request = Request { points, ..content(session, args)? };
    made::make(session, args, &request)
}

/// The content that the arguments ask for, without points.
pub(super) fn content(session: &Session, args: &ArgMatches) -> Result<Request> {
    let data = args.get_one::<String>("config").map(|path| read_data(session, path)).transpose()?;
    let template = args.get_one::<String>("template").map(|name| Template::parse(name)).transpose()?;
    Ok(Request { data, template, ..Request::default() })
}

fn read_data(session: &Session, path: &str) -> Result<StepData> {
    let name = if path == "-" { "stdin" } else { path };
    let limit = session.context()?.repo.size_limit(Kind::ConfigToml)?;
    let read = |file: &mut dyn Read| {
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map(|_| bytes)
    };
    let bytes = if path == "-" {
        read(&mut std::io::stdin())
    } else {
        std::fs::File::open(session.environment.cwd.join(path)).and_then(|mut file| read(&mut file))
    };
    let bytes = bytes.with_context(|| format!("could not read `{name}`"))?;
    session.context()?.repo.check_size(name, bytes.len() as u64, Kind::ConfigToml)?;
    Ok(StepData::parse(bytes).map_err(|flaw| config::Error::Text { origin: name.to_owned(), flaw })?)
}
