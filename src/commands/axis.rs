//! `git lattice axis add`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Session;
use super::complete::Slot;
use crate::config;
use crate::error;
use crate::ops::init;

pub(super) fn command() -> Command {
    let add = Command::new("add")
        .about("Add values to an axis: at the end of its list, comments and order kept")
        .arg(Slot::Axis.of(Arg::new("axis").value_name("AXIS").required(true).help("The axis, such as arch")))
        .arg(Arg::new("values").value_name("VALUE").required(true).num_args(1..).help("The new values"))
        .arg(
            Arg::new("system")
                .long("system")
                .value_name("ARCH=SYSTEM")
                .action(ArgAction::Append)
                .help("The Nix system of an architecture, if its name does not imply it"),
        );
    Command::new("axis").about("Edit the axes in lattice.toml").subcommand_required(true).subcommand(add)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let Some(("add", args)) = args.subcommand() else { return Ok(error::CANNOT) };
    let (context, ui) = (session.context()?, &session.ui);
    let list = |name: &str| {
        args.get_many::<String>(name).map(|values| values.cloned().collect::<Vec<_>>()).unwrap_or_default()
    };
    let axis = args.get_one::<String>("axis").map_or("", String::as_str);
    // Read the file in the worktree, which is edited, and not that of the base branch.
    init::worktree(context)?;
    let config = context.document()?.config()?;
    let added = init::add_values(context, &config, axis, &list("values"), &list("system"))?;
    if added.is_empty() {
        ui.data("unchanged");
    } else {
        ui.tell(format!("added {} to axis {axis} in {}", added.join(", "), config::FILE));
        ui.hint(format!("commit it on `{}`, so that every clone has it", config.base));
    }
    Ok(error::OK)
}
