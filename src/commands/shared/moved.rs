//! The last part of commands that move the branches of several points: apply the plan, push, and output.

use std::time::Duration;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};

use super::created;
use super::operation::hex;
use super::session::Session;
use crate::error;
use crate::git::Oid;
use crate::git::names::BranchName;
use crate::ops::limits;
use crate::ops::moves::{self, Cause, Item, Plan, Reason, Removal, Unpushed};
use crate::ops::push::{self, Outcome};
use crate::ops::regenerate::GENERATED;
use crate::process::quote;
use crate::text::tally;
use crate::ui::table::Cell;
use crate::ui::{Tone, Ui, terminal_safe};

/// The words for a command that moves branches.
#[derive(Clone, Copy)]
pub(in crate::commands) struct Words {
    /// The command, for reflogs: `restack`.
    pub(in crate::commands) command: &'static str,
    /// What happens to a moved point: `restack`.
    pub(in crate::commands) verb: &'static str,
    /// What happened to a moved point: `restacked`.
    pub(in crate::commands) done: &'static str,
    /// What stands before the list of what a commit brings in: `with`, or nothing.
    pub(in crate::commands) brings: &'static str,
    /// What to say if there is nothing to do.
    pub(in crate::commands) nothing: &'static str,
    /// What is done here although the push failed: `the branches moved locally`.
    pub(in crate::commands) here: &'static str,
    /// What is to be pushed: `them`.
    pub(in crate::commands) pushed: &'static str,
}

/// The words that most of these commands share.
pub(in crate::commands) const WORDS: Words = Words {
    command: "",
    verb: "",
    done: "",
    brings: "",
    nothing: "",
    here: "the branches moved locally",
    pushed: "them",
};

/// What happened to a point that got another name.
const RENAMED: &str = "moved";
/// What happened to a created point.
const CREATED: &str = "created";
/// What a commit does that only merges the points below, and did.
pub(in crate::commands) const RESTACK: (&str, &str) = ("restack", "restacked");
/// What stands before the points that a commit merges.
pub(in crate::commands) const MERGED: &str = "with ";

/// Adds the options that these commands share.
pub(in crate::commands) fn add_args(command: Command) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    command
        .arg(flag("no-push", "Do not push; `git lattice sync` pushes later"))
        .arg(flag("dry-run", "Show the plan; write nothing, not even an object"))
        .arg(flag("json", "Print JSON"))
}

/// Makes a plan, applies it, pushes and shows the result. Returns the plan and the exit code.
pub(in crate::commands) fn run(
    session: &Session,
    args: &ArgMatches,
    words: Words,
    plan: impl Fn() -> Result<Plan>,
) -> Result<(Plan, u8)> {
    run_with(session, args, words, plan, |_| Vec::new())
}

/// Like [`run`], in JSON with the fields `more`.
pub(in crate::commands) fn run_with(
    session: &Session,
    args: &ArgMatches,
    words: Words,
    plan: impl Fn() -> Result<Plan>,
    more: impl Fn(&Plan) -> Vec<(&'static str, Value)>,
) -> Result<(Plan, u8)> {
    let context = session.context()?;
    // Read the limit first: an invalid value is an error before anything is moved.
    let still = limits::network(&context.repo)?;
    let title = format!("lattice: {}", words.command);
    let planned = if args.get_flag("dry-run") { (plan()?, None) } else { moves::make(context, &title, plan)? };
    let more = more(&planned.0);
    finish(session, args, words, planned, still, &more)
}

/// Pushes what a plan moved, and shows the result, in JSON with some fields more. Returns the plan and the exit code.
pub(in crate::commands) fn finish(
    session: &Session,
    args: &ArgMatches,
    words: Words,
    (plan, operation): (Plan, Option<String>),
    still: Duration,
    more: &[(&str, Value)],
) -> Result<(Plan, u8)> {
    let (config, dry) = (session.config()?, args.get_flag("dry-run"));
    let no_push = args.try_get_one::<bool>("no-push").ok().flatten().copied().unwrap_or_default();
    // Without an operation there may be branches that an earlier run moved and did not push.
    let has_work = operation.is_some() || !plan.to_push().is_empty() || !plan.to_delete().is_empty();
    let remote = config.remote.as_deref().filter(|_| has_work && !no_push && !dry);
    let pushed = match remote {
        Some(remote) => push(session, &plan, remote, operation.as_deref(), still)?,
        None => Outcome::Nothing,
    };
    if args.get_flag("json") {
        let mut document = to_json(&plan, words, dry, operation.as_deref(), &pushed);
        more.iter().for_each(|(key, value)| document[*key] = value.clone());
        session.ui.json(document);
    } else {
        show(&session.ui, &plan, words, dry);
    }
    plan.warnings.iter().for_each(|warning| session.ui.warn(terminal_safe(warning)));
    if operation.is_none() && pushed.is_done() {
        report_owed(&session.ui, &plan, remote.unwrap_or_default());
    }
    created::carried(&session.ui, &pushed);
    created::refused(&session.ui, &pushed, words.here, words.pushed);
    let is_fine = plan.is_complete() && !matches!(pushed, Outcome::Refused { .. });
    Ok((plan, if is_fine { error::OK } else { error::NO }))
}

/// Reports what was pushed and deleted although no branch moved.
fn report_owed(ui: &Ui, plan: &Plan, remote: &str) {
    if !plan.to_push().is_empty() {
        ui.say("what an earlier run could not push was pushed now");
    }
    if !plan.to_delete().is_empty() {
        let branches = tally(plan.to_delete().len(), "old branch is deleted", "old branches are deleted");
        ui.say(format!("{branches} on `{remote}`"));
    }
}

fn push(session: &Session, plan: &Plan, remote: &str, operation: Option<&str>, still: Duration) -> Result<Outcome> {
    let (branches, deleted, repo) = (plan.to_push(), plan.to_delete(), &session.context()?.repo);
    // New branches, also those that an earlier run made and did not push.
    let is_new = |branch: &&BranchName| matches!(repo.tracking_tip(branch, remote), Ok(None));
    let upstreams: Vec<_> = branches.iter().filter(is_new).cloned().collect();
    let request = push::Request { branches, deleted, upstreams: &upstreams, operation };
    let pushed = push::push(repo, remote, &request, still)?;
    Ok(match pushed {
        // Another clone moved the same points.
        Outcome::Refused { reasons, again: false, .. } => {
            let hint = "`git lattice sync` and then `git lattice restack` merge the remote's commits and push";
            Outcome::Refused { reasons, hints: vec![hint.to_owned()], again: false }
        }
        pushed => pushed,
    })
}

fn show(ui: &Ui, plan: &Plan, words: Words, dry: bool) {
    if plan.items.is_empty() {
        ui.data(words.nothing);
        return;
    }
    let rows: Vec<_> = plan.items.iter().map(|item| row(item, words, dry)).collect();
    ui.table(&rows);
    if plan.unchanged > 0 {
        ui.data(format!("unchanged: {}", points(plan.unchanged)));
    }
    for item in &plan.items {
        let moves::Outcome::LeftOut(reason) = &item.outcome else { continue };
        if let Some(command) = command(item, reason) {
            ui.hint(format!("`{}` for `{}`", terminal_safe(&command), item.named.spelled));
        }
        if let Reason::Rejected { record, .. } = reason {
            ui.hint(format!("`{}` then counts as ported", terminal_safe(record)));
        }
    }
}

fn row(item: &Item, words: Words, dry: bool) -> Vec<Cell> {
    let done = |done: &str, verb: &str| if dry { format!("would {verb}") } else { done.to_owned() };
    // A plan's commits get another id when they are made, since they contain the time.
    let id = |to: Oid| if dry { String::new() } else { format!("{} ", to.to_hex_with_len(10)) };
    let commit = |to: Oid, brings: &[String]| format!("{}{}", id(to), brought(words, brings));
    let (word, what) = match &item.outcome {
        moves::Outcome::Moved { to, brings, is_restack: true } => {
            let words = Words { brings: MERGED, ..words };
            (Cell::new(done(RESTACK.1, RESTACK.0), Tone::Good), format!("{}{}", id(*to), brought(words, brings)))
        }
        moves::Outcome::Moved { to, brings, .. } => {
            (Cell::new(done(words.done, words.verb), Tone::Good), commit(*to, brings))
        }
        moves::Outcome::Created { to, brings } => (Cell::new(done(CREATED, "create"), Tone::Good), commit(*to, brings)),
        moves::Outcome::Renamed(target) => {
            let remote = if target.is_remote { ", also on the remote" } else { "" };
            let what = format!("{}to {}{remote}", id(target.commit), target.named.spelled);
            (Cell::new(done(RENAMED, "move"), Tone::Good), what)
        }
        moves::Outcome::Removed(removal) => (Cell::new(done(words.done, words.verb), Tone::Good), removed(removal)),
        moves::Outcome::Unchanged => (Cell::new("unchanged", Tone::Faint), String::new()),
        moves::Outcome::LeftOut(reason) => {
            let tone = if matches!(reason, Reason::Unpushed(_)) { Tone::Bad } else { Tone::Odd };
            (Cell::new("left out", tone), why(reason))
        }
    };
    vec![word, item.named.spelled.as_str().into(), Cell::prose(what)]
}

/// What a commit brings in. Where points are listed, changed files are listed apart from them.
fn brought(words: Words, brings: &[String]) -> String {
    let is_file = |name: &&str| !words.brings.is_empty() && GENERATED.contains(name);
    let (files, others): (Vec<_>, Vec<_>) = brings.iter().map(String::as_str).partition(is_file);
    let parts = [("changed ", files), (words.brings, others)].into_iter().filter(|(_, names)| !names.is_empty());
    parts.map(|(word, names)| format!("{word}{}", names.join(", "))).collect::<Vec<_>>().join("; ")
}

fn points(count: usize) -> String {
    if count == 1 { "one point".to_owned() } else { format!("{count} points") }
}

fn why(reason: &Reason) -> String {
    match reason {
        Reason::Conflict { paths, .. } | Reason::Rejected { paths, .. } => format!("conflict in {}", paths.join(", ")),
        Reason::Above(below) => format!("`{below}` below it was left out"),
        Reason::Unusable(why) => why.clone(),
        Reason::InUse(place) => format!("`{}` has uncommitted changes or unfinished work", place.display()),
        Reason::Untracked { worktree, path } => {
            format!("the untracked file `{}` is in the way", worktree.join(path).display())
        }
        Reason::CheckedOut { place, .. } => format!("checked out in `{}`", place.display()),
        Reason::Behind(below) => format!("behind `{below}`"),
        Reason::Diverged => "the remote has other commits on its branch".to_owned(),
        Reason::GrownOn(above) => format!("`{above}` grows on it"),
        Reason::Unpushed(unpushed) => not_pushed(unpushed),
        Reason::OnlyThere => "only on the remote: `--remote` deletes it there".to_owned(),
    }
}

fn not_pushed(Unpushed { commits, tip }: &Unpushed) -> String {
    let commits = tally(*commits, "commit", "commits");
    format!("{commits} that no remote branch has, up to {}", tip.to_hex_with_len(10))
}

/// Why a point is removed, and what goes with it.
fn removed(Removal { cause, is_local, is_remote, unpushed, .. }: &Removal) -> String {
    let cause = match cause {
        Cause::Merged(base) => format!("merged into `{base}`"),
        Cause::Moved(new) => format!("moved to `{new}`"),
        Cause::Superseded(last) => format!("superseded by `{last}`"),
        Cause::Named => "named".to_owned(),
    };
    let place = match (is_local, is_remote) {
        (true, true) => "; also on the remote",
        (false, true) => "; only on the remote",
        _ => "",
    };
    let lost = unpushed.as_ref().map(|unpushed| format!("; {}", not_pushed(unpushed))).unwrap_or_default();
    format!("{cause}{place}{lost}")
}

/// The command that lets the point go on.
fn command(item: &Item, reason: &Reason) -> Option<String> {
    match reason {
        Reason::Conflict { branches, .. } => {
            let branches = branches.iter().map(quote).collect::<Vec<_>>().join(" ");
            Some(format!("git switch {} && git merge {branches}", quote(&item.named.branch)))
        }
        Reason::InUse(place) | Reason::Untracked { worktree: place, .. } => {
            Some(format!("git -C {} status", quote(place)))
        }
        Reason::Rejected { apply, .. } => apply.clone(),
        Reason::CheckedOut { leave, .. } => Some(leave.clone()),
        Reason::Behind(_) => Some(format!("git lattice restack {}", quote(item.named.spelled.as_str()))),
        Reason::Diverged => Some(format!("git lattice sync {}", quote(item.named.spelled.as_str()))),
        Reason::Above(_) | Reason::Unusable(_) | Reason::GrownOn(_) | Reason::Unpushed(_) | Reason::OnlyThere => None,
    }
}

fn to_json(plan: &Plan, words: Words, dry: bool, operation: Option<&str>, pushed: &Outcome) -> Value {
    let mut value = json!({
        "points": plan.items.iter().map(|item| item_json(item, words)).collect::<Vec<_>>(),
        "unchanged": plan.unchanged, "warnings": plan.warnings, "dry_run": dry, "operation": operation,
        "pushed": pushed.is_done(),
    });
    created::add_push(&mut value, pushed);
    value
}

fn item_json(item: &Item, words: Words) -> Value {
    let mut value = json!({ "point": item.named.spelled, "branch": item.named.branch, "from": hex(item.from) });
    let mut set = |key: &str, with: Value| value[key] = with;
    match &item.outcome {
        moves::Outcome::Moved { to, brings, .. } | moves::Outcome::Created { to, brings } => {
            let done = match item.outcome {
                moves::Outcome::Created { .. } => CREATED,
                moves::Outcome::Moved { is_restack: true, .. } => RESTACK.1,
                _ => words.done,
            };
            set("outcome", json!(done));
            set("to", json!(to.to_string()));
            set("brings", json!(brings));
        }
        moves::Outcome::Renamed(target) => {
            set("outcome", json!(RENAMED));
            set("new_point", json!(target.named.spelled));
            set("new_branch", json!(target.named.branch));
            set("to", json!(target.commit.to_string()));
            set("remote", json!(target.is_remote));
        }
        moves::Outcome::Removed(removal) => {
            let (cause, by) = match &removal.cause {
                Cause::Merged(base) => ("merged", Some(base.as_str())),
                Cause::Moved(new) => ("moved", Some(new.as_str())),
                Cause::Superseded(last) => ("superseded", Some(last.as_str())),
                Cause::Named => ("named", None),
            };
            set("outcome", json!(words.done));
            set("cause", json!(cause));
            set("by", json!(by));
            set("local", json!(removal.is_local));
            set("remote", json!(removal.is_remote));
            set("unpushed", json!(removal.unpushed.as_ref().map_or(0, |unpushed| unpushed.commits)));
        }
        moves::Outcome::Unchanged => set("outcome", json!("unchanged")),
        moves::Outcome::LeftOut(reason) => {
            set("outcome", json!("left-out"));
            set("reason", json!(why(reason)));
            if let Reason::Conflict { paths, .. } | Reason::Rejected { paths, .. } = reason {
                set("conflicts", json!(paths));
            }
            if let Some(command) = command(item, reason) {
                set("command", json!(command));
            }
        }
    }
    value
}

/// Reports the old branches of renamed points that stay on the remote.
pub(in crate::commands) fn report_old_branches(ui: &Ui, plan: &Plan, remote: &str) {
    let stays = |item: &&Item| matches!(&item.outcome, moves::Outcome::Renamed(target) if target.stays_on_remote);
    let count = plan.items.iter().filter(stays).count();
    if count > 0 {
        let branches = tally(count, "old branch stays", "old branches stay");
        let them = if count == 1 { "it" } else { "them" };
        ui.say(format!("{branches} on `{remote}`: the same command with `--delete-remote` deletes {them}"));
    }
}
