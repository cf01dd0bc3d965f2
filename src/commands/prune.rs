//! `git lattice prune`

use anyhow::{Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::json;

use super::Session;
use super::shared::moved::{self, Words};
use super::shared::points::{self, Selection};
use crate::ops::moves::{Item, Outcome, Plan, Reason};
use crate::ops::prune::{self, Request};
use crate::points::census::Census;
use crate::text::tally;
use crate::ui::Ui;

const WORDS: Words = Words {
    command: "prune",
    verb: "prune",
    done: "pruned",
    brings: "",
    nothing: "nothing to prune: no point is merged or superseded",
    here: "the branches are deleted here",
    pushed: "the deletion",
};

pub(super) fn command(axes: &[String]) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let command = Command::new("prune")
        .about("Delete the branches of points that are no longer needed")
        .long_about(
            "Delete the branches of points that are no longer needed, and show the reason for each.\n\n\
             Without a point, those go that are merged into the base branch, those that have another name now, and those that are \
             superseded: the last step of their phase contains them, and was promoted. With points, these go. A point stays while another that stays has it below it, \
             or while a worktree has it checked out; commits that no remote branch has stay without --force. \
             `git lattice undo` brings the branches back; records stay.",
        )
        .arg(flag("moved", "Only branches of old names: their points have other names now"))
        .arg(flag("remote", "Delete the branches on the remote too, if they have the commits that were last fetched"))
        .arg(flag("force", "Delete commits that no remote branch has"))
        .arg(flag("dry-run", "Show the plan; write nothing"))
        .arg(flag("json", "Print JSON"));
    points::add_args(command, axes, true)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    if !args.get_flag("dry-run") {
        session.recover()?;
    }
    let (context, config) = (session.context()?, session.config()?);
    let named = Selection::read(config, args)?;
    let exact = named.exact(session, config)?;
    let (points, absent) = if named.is_empty() {
        (None, Vec::new())
    } else {
        let (points, absent) = named.present(session, config, &Census::take(&context.repo, config)?)?;
        (Some(points), absent)
    };
    let (moved, remote, force) = (args.get_flag("moved"), args.get_flag("remote"), args.get_flag("force"));
    if moved && !named.is_empty() {
        bail!("`--moved` finds the branches by itself: name no points");
    }
    let request = Request { points, exact, absent, moved, remote, force };
    let only_there = |plan: &Plan| vec![("only_remote", json!(plan.only_there))];
    let nothing = match (named.is_empty(), moved) {
        (true, false) => WORDS.nothing,
        (true, true) => "nothing to prune: no branch has an old name of a point",
        (false, _) => "nothing to prune",
    };
    let words = Words { nothing, ..WORDS };
    let (plan, code) = moved::run_with(session, args, words, || prune::plan(context, config, &request), only_there)?;
    if !args.get_flag("json") {
        unpushed(&session.ui, &plan, args.get_flag("dry-run"));
        on_remote(&session.ui, &plan, config.remote.as_deref().unwrap_or_default());
    }
    Ok(code)
}

/// Warns of commits that no remote branch has.
fn unpushed(ui: &Ui, plan: &Plan, is_dry: bool) {
    let count = |is_counted: &dyn Fn(&Item) -> bool| plan.items.iter().filter(|item| is_counted(item)).count();
    let kept = count(&|item| matches!(item.outcome, Outcome::LeftOut(Reason::Unpushed(_))));
    let lost = count(&|item| matches!(&item.outcome, Outcome::Removed(removal) if removal.unpushed.is_some()));
    let have = |count| tally(count, "point has", "points have");
    if kept > 0 {
        ui.warn(format!("{} commits that no remote branch has", have(kept)));
        ui.hint("`git lattice sync` pushes them; `--force` deletes them");
    }
    if lost > 0 {
        let done = if is_dry { "would be deleted" } else { "were deleted; `git lattice undo` brings them back" };
        ui.warn(format!("{} commits that no remote branch has: they {done}", have(lost)));
    }
}

/// Reports the branches that stay on the remote, and the points that only the remote has.
fn on_remote(ui: &Ui, plan: &Plan, remote: &str) {
    let them = |count| if count == 1 { "it" } else { "them" };
    let stays = |item: &&Item| matches!(&item.outcome, Outcome::Removed(removal) if removal.stays_on_remote);
    let count = plan.items.iter().filter(stays).count();
    if count > 0 {
        let branches = tally(count, "branch stays", "branches stay");
        ui.say(format!("{branches} on `{remote}`, where `--remote` deletes {}", them(count)));
    }
    if plan.only_there > 0 {
        let points = tally(plan.only_there, "point is", "points are");
        ui.say(format!("{points} only on `{remote}`, where `--remote` deletes {}", them(plan.only_there)));
    }
}
