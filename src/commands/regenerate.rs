//! `git lattice regenerate`

use anyhow::{Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Session;
use super::shared::content;
use super::shared::moved::{self, Words};
use super::shared::points::{self, Selection};
use crate::ops::new;
use crate::ops::regenerate::{self, Request};
use crate::points::census::Census;

const WORDS: Words = Words {
    command: "regenerate",
    verb: "regenerate",
    done: "regenerated",
    brings: moved::MERGED,
    nothing: "nothing to do: each generated flake.nix fits its config.toml and the templates of this version",
    ..moved::WORDS
};

/// The only input of generated flakes.
const INPUT: &str = "nixpkgs";

pub(super) fn command(axes: &[String]) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let command = Command::new("regenerate")
        .about("Generate the flake.nix of existing points again, and edit their config.toml")
        .long_about(
            "Generate the flake.nix of points again from their config.toml, with the templates of this version: each point that changes \
             gets a commit on top. The points above are restacked in the same operation.\n\n\
             Without a point, all points are looked at. `--set` and `--config` change config.toml first, and keep comments. A flake.nix \
             with the comment `git-lattice: hand-written` is left out.",
        )
        .arg(
            Arg::new("set")
                .long("set")
                .value_name("KEY=VALUE")
                .action(ArgAction::Append)
                .help("Set a value in config.toml, as in `--set nix.nixpkgs_path=github:NixOS/nixpkgs`; comments stay"),
        )
        .arg(
            Arg::new("update-lock")
                .long("update-lock")
                .value_name("INPUT")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value(INPUT)
                .help("Lock the inputs again, which moves nixpkgs to its newest commit"),
        )
        .arg(flag("no-restack", "Leave the points above as they are; they are `behind` then"));
    moved::add_args(content::add_args(points::add_args(command, axes, true)))
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    if !args.get_flag("dry-run") {
        session.recover()?;
    }
    let (context, config) = (session.context()?, session.config()?);
    let named = Selection::read(config, args)?;
    let set = args
        .get_many::<String>("set")
        .into_iter()
        .flatten()
        .map(|text| assignment(text))
        .collect::<Result<Vec<_>>>()?;
    let new::Request { data, template, .. } = content::read(session, args)?;
    if named.is_empty() && (data.is_some() || !set.is_empty() || template.is_some()) {
        bail!("name the points to change, as in `git lattice regenerate '*/*/*/*' --set KEY=VALUE`");
    }
    let points = if named.is_empty() {
        None
    } else {
        Some(named.existing(session, config, &Census::take(&context.repo, config)?)?)
    };
    let update_lock = match args.get_one::<String>("update-lock").map(String::as_str) {
        Some(INPUT) => true,
        Some(other) => bail!("generated flakes have no input `{other}`: expected `{INPUT}`"),
        None => false,
    };
    let (no_restack, dry_run) = (args.get_flag("no-restack"), args.get_flag("dry-run"));
    let request = Request { points, template, data, set, update_lock, no_restack, dry_run };
    let (_, code) = moved::run(session, args, WORDS, || regenerate::plan(context, config, &request))?;
    Ok(code)
}

fn assignment(text: &str) -> Result<(String, String)> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => bail!("`--set {text}`: expected KEY=VALUE, as in `--set rust.version=1.83.0`"),
    }
}
