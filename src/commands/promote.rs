//! `git lattice promote`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};

use super::Session;
use super::shared::points::{self, Selection};
use super::shared::{content, created};
use crate::config::Config;
use crate::error;
use crate::git::Oid;
use crate::git::names::BranchName;
use crate::ops::Missing;
use crate::ops::new::Request;
use crate::ops::promote::{self, Promotion};
use crate::ops::push::{self, Outcome};
use crate::ops::{Refusal, limits};
use crate::points::census::Census;
use crate::ui::Tone;
use crate::ui::table::Cell;

pub(super) fn command(axes: &[String]) -> Command {
    let command = Command::new("promote")
        .about("Open the next phase: its first step, when this phase was built")
        .long_about(
            "Open the next phase: make its first step, when the records say that this phase was built.\n\n\
             It asks for a `built` record for the current content of the phase's last step, on every system that `[promote]` in \
             lattice.toml names (without that: the point's own). With `across = [\"arch\"]` all architectures must be ready, and then \
             all move. Otherwise it is refused, with the commands that would supply what is missing. After the last phase comes the next \
             component, where that is a chain, or the base branch with `--to base`.",
        )
        .arg(Arg::new("to").long("to").value_name("base").value_parser(["base"]).help("Merge into the base branch, without the worktree"))
        .arg(Arg::new("force").long("force").action(ArgAction::SetTrue).requires("reason").help("Promote without the records; the reason is kept in the commit"))
        .arg(Arg::new("reason").long("reason").value_name("TEXT").requires("force").help("The reason, for the `Lattice-Override:` trailer"));
    created::add_args(content::add_new_args(points::add_args(command, axes, false)))
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    if !args.get_flag("dry-run") {
        session.recover()?;
    }
    let (context, config) = (session.context()?, session.config()?);
    let census = Census::take(&context.repo, config)?;
    let point = Selection::read(config, args)?.one(session, config, &census)?;
    let to_base = args.contains_id("to");
    let promotion = promote::plan(context, config, &census, &point, to_base)?;
    if !promotion.missing.is_empty() && !args.get_flag("force") {
        return refuse(session, args, config, promotion);
    }
    let reason = args.get_one::<String>("reason").filter(|_| !promotion.missing.is_empty()).cloned();
    if to_base {
        return into_base(session, args, &census, &promotion, reason.as_deref());
    }
    let request = Request { points: promotion.targets, reason, ..content::read_new(session, args)? };
    created::make(session, args, &request)
}

fn refuse(session: &Session, args: &ArgMatches, config: &Config, promotion: Promotion) -> Result<u8> {
    let spell =
        |points: &[crate::lattice::Point]| points.iter().map(|p| config.spell(p)).collect::<Vec<_>>().join(", ");
    let target = if promotion.targets.is_empty() { config.base.to_string() } else { spell(&promotion.targets) };
    if args.get_flag("json") {
        let row = |lack: &Missing| json!({ "point": lack.point, "missing": lack.what, "command": lack.command });
        let missing: Vec<_> = promotion.missing.iter().map(row).collect();
        session.ui.json(json!({ "created": [], "unchanged": [], "refused": missing }));
    } else {
        let head = ["POINT", "MISSING", "COMMAND"].map(Cell::title).to_vec();
        let row = |lack: &Missing| {
            vec![lack.point.as_str().into(), Cell::new(lack.what.as_str(), Tone::Bad), lack.command.as_str().into()]
        };
        let rows: Vec<_> = std::iter::once(head).chain(promotion.missing.iter().map(row)).collect();
        session.ui.table(&rows);
    }
    Err(Refusal::NotReady { target, missing: promotion.missing }.into())
}

fn into_base(
    session: &Session,
    args: &ArgMatches,
    census: &Census,
    promotion: &Promotion,
    reason: Option<&str>,
) -> Result<u8> {
    let (context, config, dry) = (session.context()?, session.config()?, args.get_flag("dry-run"));
    let still = limits::network(&context.repo)?;
    let (commit, is_new) = promote::into_base(context, config, census, &promotion.from, reason, dry)?;
    let pushed = match &config.remote {
        Some(remote) if !dry && !args.get_flag("no-push") => {
            let branches = std::slice::from_ref(&config.base);
            let request = push::Request { branches, upstreams: branches, ..push::Request::default() };
            push::push(&context.repo, remote, &request, still)?
        }
        _ => Outcome::Nothing,
    };
    let word = if !is_new {
        "unchanged"
    } else if dry {
        "would move"
    } else {
        "moved"
    };
    if args.get_flag("json") {
        session.ui.json(merge_json(&config.base, commit, is_new, dry, &pushed));
    } else {
        let state = if pushed.is_done() { "pushed" } else { "not pushed" };
        let commit = commit.to_hex_with_len(10).to_string();
        session.ui.table(&[vec![word.into(), config.base.as_str().into(), commit.into(), state.into()]]);
    }
    created::carried(&session.ui, &pushed);
    created::refused(&session.ui, &pushed, "the merge exists locally", "it");
    Ok(if matches!(pushed, Outcome::Refused { .. }) { error::NO } else { error::OK })
}

/// The document of a merge into the base branch, with the fields of a promotion to points.
fn merge_json(base: &BranchName, commit: Oid, is_new: bool, dry: bool, pushed: &Outcome) -> Value {
    let merge = json!({ "point": null, "branch": base, "commit": commit.to_string(), "flake": null, "pushed": pushed.is_done() });
    let (created, unchanged) = if is_new { (vec![merge], vec![]) } else { (vec![], vec![merge]) };
    let mut value = json!({
        "created": created, "unchanged": unchanged, "dry_run": dry, "taken": [], "warnings": [], "checked": [], "unchecked": [],
    });
    created::add_push(&mut value, pushed);
    value
}
