//! The flags of commands that print a text or install it.

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches};

use super::session::Session;
use crate::ops::install::{Done, Installable};

/// `--uninstall` with this help and `--force`, beside the command's own `--install`.
pub(in crate::commands) fn flags(uninstall: &'static str) -> [Arg; 2] {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    [
        flag("uninstall", uninstall).conflicts_with("install"),
        flag("force", "Replace or remove a file that git-lattice did not write"),
    ]
}

/// Installs or uninstalls the text, as the flags say, and prints what was done.
pub(in crate::commands) fn apply(session: &Session, args: &ArgMatches, what: &Installable) -> Result<Done> {
    let force = args.get_flag("force");
    let done = if args.get_flag("uninstall") { what.uninstall(force)? } else { what.install(force)? };
    let path = what.path.display();
    session.ui.data(match done {
        Done::Written => format!("wrote {path}"),
        Done::Removed => format!("removed {path}"),
        Done::Unchanged if args.get_flag("uninstall") => format!("unchanged: there is no {path}"),
        Done::Unchanged => format!("unchanged {path}"),
    });
    Ok(done)
}
