//! `git lattice seed`

use anyhow::Result;
use clap::{Arg, ArgMatches, Command, ValueHint};

use super::Session;
use super::shared::input;
use crate::error;
use crate::ops::inputs;

pub(super) fn command() -> Command {
    let add = Command::new("add")
        .about("Put a tree into the Nix store and write its hash into config.toml")
        .long_about(
            "Put a tree into the Nix store, such as the compiler that a chain starts from, and write it as [seeds.NAME] into the \
             config.toml of the step that HEAD is on. step.nix gets it as `seeds.NAME`.\n\n\
             A seed is not built from source in this lattice: it is part of what its points trust. It must be added on each machine, \
             or come from a cache. A tree with symbolic links out of it, set-user-id files or devices is refused.",
        )
        .arg(Arg::new("name").value_name("NAME").required(true).help("Its name"))
        .arg(Arg::new("dir").value_name("DIR").required(true).value_hint(ValueHint::DirPath).help("The tree"))
        .arg(Arg::new("origin").long("origin").value_name("TEXT").help("Where it comes from, for people"))
        .arg(Arg::new("description").long("description").value_name("TEXT").help("What it is, for people"))
        .args(input::flags());
    Command::new("seed").about("Add trees from outside to a step, by hash").subcommand_required(true).subcommand(add)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let Some(("add", args)) = args.subcommand() else { return Ok(error::CANNOT) };
    let text = |id: &str| args.get_one::<String>(id).map(String::as_str);
    let [name, dir] = ["name", "dir"].map(|id| text(id).unwrap_or_default());
    let words = (text("origin"), text("description"));
    session.ui.progress("adding it to the store");
    let added = inputs::add_seed(session.context()?, dir, name, words, input::write(args));
    session.ui.progress("");
    let added = added?;
    input::report(session, args, &added)
}
