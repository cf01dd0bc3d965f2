//! Flags for the content of new points.

use std::io::Read;

use anyhow::{Context as _, Result};
use clap::{Arg, ArgMatches, Command, ValueHint};

use super::session::Session;
use crate::commands::complete::Slot;
use crate::config::{self, StepData};
use crate::git::size::Kind;
use crate::ops::new::Request;
use crate::template::Template;

/// Adds the flags.
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

/// Reads the content from the arguments, without points.
pub(in crate::commands) fn read(session: &Session, args: &ArgMatches) -> Result<Request> {
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
