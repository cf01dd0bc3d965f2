//! `git lattice show`

mod document;
mod rows;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Session;
use super::shared::points::{self, Selection};
use super::shared::trusted_base;
use crate::error;
use crate::ops::show::{self, Details};
use crate::ui::link::Link;
use crate::ui::terminal_safe;

pub(super) fn command(axes: &[String]) -> Command {
    let command = Command::new("show")
        .about("Show one point in full: its state, what can be done, its build results, where it is and what it holds")
        .long_about(
            "Show one point in full. What needs attention comes first: the state, the next commands, what it is behind, its notes, the \
             newest results and what its promotion needs. Then where it is and what it holds. `--json` has all records.",
        )
        .arg(Arg::new("trusted-base").long("trusted-base").action(ArgAction::SetTrue).help(
            "Show what is not built from source in this lattice: the sources and seeds of its closure, by Nix, with their hashes",
        ))
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON"));
    points::add_args(command, axes, false)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    let named = Selection::read(config, args)?;
    let census = named.census(session, config)?;
    let point = named.one(session, config, &census)?;
    if args.get_flag("trusted-base") {
        return trusted_base::run(session, &census, &point, args.get_flag("json"));
    }
    let details = show::details(context, config, &census, &point)?;
    if args.get_flag("json") {
        ui.json(document::of(config, &details));
    } else {
        ui.table_with_links(&rows::of(config, &details), &links(&details));
    }
    Ok(error::OK)
}

/// The log files, and the branch on the remote's website.
fn links(details: &Details) -> Vec<(String, Link)> {
    let log = |log: &PathBuf| (terminal_safe(&log.display().to_string()), Link::to_file(log));
    let page = details.page.as_deref().and_then(Link::to_page);
    let page = page.map(|page| (details.status.named.branch.to_string(), page));
    details.logs.iter().map(log).chain(page).collect()
}
