//! `git lattice source`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};
use serde_json::{Value, json};

use super::Session;
use super::shared::points::{self, Selection};
use super::shared::{input, uncommitted};
use crate::error;
use crate::ops::inputs::{self, CheckedSource, SourceState};
use crate::points::content::CONFIG;
use crate::ui::table::Cell;
use crate::ui::{Tone, terminal_safe};

pub(super) fn command(axes: &[String]) -> Command {
    let add = Command::new("add")
        .about("Put a file into the Nix store and write its hash into config.toml")
        .long_about(
            "Put a file into the Nix store, fetched from a URL or read from this machine, and write it as [sources.NAME] into the \
             config.toml of the step that HEAD is on. step.nix gets it as `sources.NAME`.\n\n\
             Comments and other keys of config.toml stay; another hash of a source that it has is replaced only with --replace. A \
             source with a URL is fetched again where it is missing; one without must be added on each machine, or come from a cache.",
        )
        .arg(
            Arg::new("from")
                .value_name("URL|FILE")
                .required(true)
                .value_hint(ValueHint::AnyPath)
                .help("Where it is; a URL has `://`"),
        )
        .arg(Arg::new("name").long("name").value_name("NAME").help("Its name; by default that of the file without version"))
        .arg(
            Arg::new("unpack")
                .long("unpack")
                .action(ArgAction::SetTrue)
                .help("`sources.NAME` is the folder in the archive; Nix unpacks it without a shell"),
        )
        .args(input::flags());
    let check = Command::new("check")
        .about("Fetch the sources of points and compare them with their hashes")
        .long_about(
            "Fetch the sources of points from their URLs and compare them with the hashes in config.toml as it is committed; without a \
             point, those of HEAD's. Exit status: 0 if all are as expected, 1 if one differs or cannot be fetched.",
        )
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON"));
    Command::new("source")
        .about("Add files from outside to a step, by hash")
        .subcommand_required(true)
        .subcommand(add)
        .subcommand(points::add_args(check, axes, true))
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    match args.subcommand() {
        Some(("add", args)) => add(session, args),
        Some(("check", args)) => check(session, args),
        _ => Ok(error::CANNOT),
    }
}

fn add(session: &Session, args: &ArgMatches) -> Result<u8> {
    let text = |id: &str| args.get_one::<String>(id).map(String::as_str);
    let from = text("from").unwrap_or_default();
    let (name, unpack, write) = (text("name"), args.get_flag("unpack"), input::write(args));
    session.ui.progress("adding it to the store");
    let added = inputs::add_source(session.context()?, from, name, unpack, write);
    session.ui.progress("");
    let added = added?;
    input::report(session, args, &added)
}

fn check(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    let named = Selection::read(config, args)?;
    let census = named.census(session, config)?;
    let points = named.existing(session, config, &census)?;
    uncommitted::warn(session, &points, Some(CONFIG), "checked")?;
    ui.progress("fetching the sources");
    let checked = inputs::check_sources(context, config, &census, &points);
    ui.progress("");
    let checked = checked?;
    if args.get_flag("json") {
        ui.json(json!({ "sources": checked.iter().map(to_json).collect::<Vec<_>>() }));
    } else if checked.is_empty() {
        ui.data("no sources");
    } else {
        ui.table(&checked.iter().map(row).collect::<Vec<_>>());
    }
    let is_fine = |one: &CheckedSource| matches!(one.state, SourceState::Good | SourceState::NoUrl);
    Ok(if checked.iter().all(is_fine) { error::OK } else { error::NO })
}

fn row(checked: &CheckedSource) -> Vec<Cell> {
    let url = terminal_safe(checked.url.as_deref().unwrap_or_default());
    let (word, tone, what) = match &checked.state {
        SourceState::Good => ("ok", Tone::Good, url),
        SourceState::NoUrl => ("no url", Tone::Faint, String::new()),
        SourceState::Unreachable(why) => ("unreachable", Tone::Bad, terminal_safe(why)),
        SourceState::Other { expected, got } => {
            let expected = expected.map_or_else(|| "none".to_owned(), |hash| hash.to_string());
            ("differs", Tone::Bad, format!("{url} has {got}, config.toml {expected}"))
        }
    };
    vec![Cell::new(word, tone), checked.point.spelled.as_str().into(), checked.name.as_str().into(), Cell::prose(what)]
}

fn to_json(checked: &CheckedSource) -> Value {
    let (state, expected, got, error) = match &checked.state {
        SourceState::Good => ("ok", None, None, None),
        SourceState::NoUrl => ("no-url", None, None, None),
        SourceState::Unreachable(why) => ("unreachable", None, None, Some(why)),
        SourceState::Other { expected, got } => {
            ("differs", expected.map(|hash| hash.to_string()), Some(got.to_string()), None)
        }
    };
    json!({
        "point": checked.point.spelled, "name": checked.name, "url": checked.url, "state": state,
        "expected": expected, "got": got, "error": error,
    })
}
