//! `git lattice list`

use std::collections::BTreeMap;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Session;
use super::complete::Slot;
use super::shared::points::{self, Selection};
use super::shared::{left_out, wanted};
use crate::error;
use crate::ops::note;
use crate::points::rows::Rows;
use crate::ui::list::{self, Field, List, ListFormat};

pub(super) fn command(axes: &[String]) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let fields = Field::NAMED.map(|(name, _)| format!("%({name})")).join(", ");
    let command = Command::new("list")
        .about("List points for scripts, one per line")
        .long_about(
            "List points for scripts, one per line, sorted: all points that have a branch, or the named ones. Without such a point it \
             prints nothing. The output has no colours, and stays the same in later versions.\n\n\
             Only what the format asks for is read: names, branches and commits need the refs alone.",
        )
        .arg(Slot::Format.of(Arg::new("format").long("format").value_name("FORMAT").default_value(list::DEFAULT).help(
            format!(
                "What to print of each point, with fields as in `git for-each-ref`: {fields}, or an axis by its name, such as %(arch); \
                 %% is a %, and %00 a NUL"
            ),
        )))
        .arg(Arg::new("z").short('z').action(ArgAction::SetTrue).help("End lines with NUL instead of a newline"))
        .arg(flag("json", "Print JSON, with the fields of the format").conflicts_with("z"));
    points::add_args(wanted::add_args(command), axes, true)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    let format = ListFormat::parse(config, args.get_one::<String>("format").map_or(list::DEFAULT, String::as_str))?;
    let selection = Selection::read(config, args)?;
    let census = selection.census_to_filter(context, config)?;
    let points = selection.filter(config, &census)?;
    let found = Rows::read(context, config, &census, points, (format.depth(), &wanted::read(args)?))?;
    left_out::warn(ui, config, &found.broken, &found.unreadable);
    let notes = if format.has_notes() {
        note::of(context, config, &census, found.rows.iter().map(|row| &row.point))?
    } else {
        BTreeMap::new()
    };
    let list = List { config, census: &census, format: &format, rows: &found.rows, notes: &notes };
    if args.get_flag("json") {
        ui.json(&list);
    } else {
        ui.lines(list.lines(), if args.get_flag("z") { 0 } else { b'\n' });
    }
    Ok(error::OK)
}
