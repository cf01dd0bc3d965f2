//! `git lattice new`

use std::sync::Arc;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Session;
use super::shared::points::{self, Selection};
use super::shared::{content, created};
use crate::config::{Config, StepData};
use crate::lattice::Pattern;
use crate::ops::Cannot;
use crate::ops::new::Request;

pub(super) fn command(axes: &[String]) -> Command {
    let command = Command::new("new")
        .about("Make points: branches with a rendered flake, committed and pushed")
        .long_about(
            "Make points: for each a branch with a rendered flake, linted, committed and pushed, without touching index or worktree.\n\n\
             An axis that is not given has the value of HEAD's point, otherwise its only value or the first of its chain. Several \
             values of an axis make several points, in one transaction and one push; `a+b` makes one point over both. The parents of \
             a new point's commit are the tips of the highest existing points below it, or the base branch if there are none. \
             `[git]` in the file of `--config` gives the coordinates that have no flag: `component`, `arch`, `phase`, `step`. \
             Running it again changes nothing, and pushes what an earlier run could not push.",
        )
        .arg(
            Arg::new("all-archs").long("all-archs").action(ArgAction::SetTrue).help("One point for every architecture in lattice.toml"),
        );
    created::add_args(content::add_new_args(points::complete_new(points::add_args(command, axes, true))))
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    if !args.get_flag("dry-run") {
        session.recover()?;
    }
    let (context, config) = (session.context()?, session.config()?);
    let mut request = content::read_new(session, args)?;
    let mut selected = Selection::read(config, args)?;
    if let Some((data, origin)) = request.data.as_ref().zip(content::origin(args)) {
        selected = selected.or_from_file(config, data, origin)?;
        request.warnings.extend(prefix_warnings(config, data, origin));
    }
    let head = context.head_point(config)?;
    if args.get_flag("all-archs") {
        let axis = config.systems.axis().ok_or_else(|| Cannot::NoAxis("no axis names the architecture".into()))?;
        selected = selected.with_every_value(&config.lattice, axis);
    }
    let points = selected.expand(config, head.as_ref())?;
    created::make(session, args, &Request { points, ..request })
}

/// Warnings of `[git]` keys that name other prefixes of branches and directories than `lattice.toml`.
fn prefix_warnings(config: &Config, data: &StepData, origin: &str) -> Vec<String> {
    let keys = data.keys();
    let patterns = [("git.new_flake_branch_prefix", &config.branch), ("git.output_dir_prefix", &config.flake)];
    let warning = |(key, pattern): (&str, &Arc<Pattern>)| {
        let (given, prefix) = (keys.text(key)?, pattern.prefix().trim_end_matches('/'));
        let differs = given.trim_end_matches('/') != prefix;
        differs.then(|| format!("`{key}` in `{origin}` is `{given}`, but lattice.toml has `{prefix}`, which is used"))
    };
    patterns.into_iter().filter_map(warning).collect()
}
