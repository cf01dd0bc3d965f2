//! Flags for the content of new points.

use std::io::Read;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};

use super::session::Session;
use crate::commands::complete::Slot;
use crate::config::{self, StepData};
use crate::git::size::Kind;
use crate::lint;
use crate::ops::new::Request;
use crate::template::Template;

/// Adds the flags for config.toml and the template.
pub(in crate::commands) fn add_args(command: Command) -> Command {
    let template = Arg::new("template")
        .long("template")
        .value_name("NAME")
        .help("config, step, nixpkgs or rust; otherwise lattice.toml's, or that of the point below");
    command
        .arg(
            Arg::new("config")
                .long("config")
                .alias("config-path")
                .value_name("FILE")
                .value_hint(ValueHint::FilePath)
                .help("The step's config.toml, kept byte for byte; `-` reads stdin"),
        )
        .arg(Slot::Template.of(template))
}

/// Adds these flags and those for the step.nix of a new point.
pub(in crate::commands) fn add_new_args(command: Command) -> Command {
    add_args(command)
        .arg(
            // `--step` is the flag of the axis.
            Arg::new("step-nix")
                .long("step-nix")
                .value_name("FILE")
                .value_hint(ValueHint::FilePath)
                .help("Its step.nix; otherwise that of the point below, or a starter where there is none"),
        )
        .arg(
            Arg::new("fresh")
                .long("fresh")
                .action(ArgAction::SetTrue)
                .conflicts_with("step-nix")
                .help("Begin with a starter step.nix instead of that of the point below"),
        )
}

/// Reads the content from the arguments, without points.
pub(in crate::commands) fn read(session: &Session, args: &ArgMatches) -> Result<Request> {
    let data = args.get_one::<String>("config").map(|path| read_data(session, path)).transpose()?;
    let template = args.get_one::<String>("template").map(|name| Template::parse(name)).transpose()?;
    Ok(Request { data, template, ..Request::default() })
}

/// The name of the given config.toml for messages.
pub(in crate::commands) fn origin(args: &ArgMatches) -> Option<&str> {
    args.get_one::<String>("config").map(|path| name_of(path))
}

/// Like [`read`], with the flags of [`add_new_args`].
pub(in crate::commands) fn read_new(session: &Session, args: &ArgMatches) -> Result<Request> {
    let step = args.get_one::<String>("step-nix").map(|path| read_step(session, path)).transpose()?;
    Ok(Request { step, fresh: args.get_flag("fresh"), ..read(session, args)? })
}

/// Reads a step.nix, which must be a text that Nix can parse.
fn read_step(session: &Session, path: &str) -> Result<Vec<u8>> {
    let bytes = read_file(session, path, Kind::File)?;
    let name = name_of(path);
    match lint::syntax_error(Path::new(name), &bytes) {
        Some(finding) => bail!("the step.nix is not valid: {finding}"),
        None => Ok(bytes),
    }
}

fn read_data(session: &Session, path: &str) -> Result<StepData> {
    let bytes = read_file(session, path, Kind::ConfigToml)?;
    let origin = name_of(path).to_owned();
    Ok(StepData::parse(bytes).map_err(|flaw| config::Error::Text { origin, flaw })?)
}

fn name_of(path: &str) -> &str {
    if path == "-" { "stdin" } else { path }
}

/// Reads a file of limited size; `-` is stdin.
fn read_file(session: &Session, path: &str, kind: Kind) -> Result<Vec<u8>> {
    let name = name_of(path);
    let limit = session.context()?.repo.size_limit(kind)?;
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
    session.context()?.repo.check_size(name, bytes.len() as u64, kind)?;
    Ok(bytes)
}
