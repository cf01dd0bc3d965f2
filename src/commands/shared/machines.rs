//! Flags that name other machines.

use clap::{Arg, ArgMatches, Command};

use crate::ops::builds::Flags;

const NAMES: [(&str, &str, &str); 4] = [
    ("builders", "LINES", "Build on these machines, written as nix.conf's `builders`; '' for none"),
    ("store", "URL", "Build in this store, such as ssh-ng://USER@HOST"),
    ("substituters", "URLS", "Take ready-made outputs from these caches too, separated by commas"),
    ("push-cache", "URL", "Copy what was built to this cache or store, with its dependencies"),
];

/// Adds the flags.
pub(in crate::commands) fn add_args(command: Command) -> Command {
    let arg = |(name, value, help): (&'static str, &'static str, &'static str)| {
        Arg::new(name).long(name).value_name(value).help(help).help_heading("Other machines")
    };
    command.args(NAMES.map(arg))
}

/// Reads the flags.
pub(in crate::commands) fn read(args: &ArgMatches) -> Flags {
    let text = |name: &str| args.get_one::<String>(name).cloned();
    Flags {
        builders: text("builders"),
        store: text("store"),
        substituters: text("substituters"),
        push_cache: text("push-cache"),
    }
}
