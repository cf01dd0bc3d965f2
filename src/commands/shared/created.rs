//! The last part of `new`, `next-step` and `promote`: push, switch, and output.

use std::time::Duration;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};

use super::session::Session;
use super::switching;
use crate::config::{self, Config, Named};
use crate::context::Context;
use crate::error;
use crate::git::Repo;
use crate::git::names::BranchName;
use crate::lint::{Engine, Report, Unchecked};
use crate::ops::limits;
use crate::ops::lint::{self, CheckedTexts};
use crate::ops::new::{self, Item, Plan, Request};
use crate::ops::push::{self, Outcome, PushedRecords};
use crate::ops::race::{self, RaceOutcome};
use crate::process::quote;
use crate::record::store::RefKind;
use crate::ui::table::Cell;
use crate::ui::{Tone, Ui, terminal_safe};

/// Adds the options that these commands share.
pub(in crate::commands) fn add_args(command: Command) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    command
        .arg(flag("no-push", "Do not push; the same command without it pushes later"))
        .arg(flag("no-switch", "Stay on the branch that HEAD is on"))
        .arg(flag("dry-run", "Show what would be made; write nothing, not even an object"))
        .arg(flag("json", "Print JSON"))
}

/// The points of a request, made and pushed.
struct CreatedPoints {
    plan: Plan,
    /// What the linters say of the generated files.
    checked: CheckedTexts,
    pushed: Outcome,
    /// The points that another clone had pushed first, and that were taken from there.
    taken: Vec<Named>,
}

/// Makes the points of a request and shows the result; returns the exit code.
pub(in crate::commands) fn make(session: &Session, args: &ArgMatches, request: &Request) -> Result<u8> {
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    if args.get_flag("dry-run") {
        let plan = new::plan(context, config, &Request { dry_run: true, ..request.clone() })?;
        let checked = lint::generated_for(&context.repo, &config.lint, &plan.texts)?;
        warn(ui, &plan, &checked);
        show(
            ui,
            &context.repo,
            args,
            &CreatedPoints { plan, checked, pushed: Outcome::Nothing, taken: Vec::new() },
            true,
        );
        return Ok(error::OK);
    }
    let made = make_and_push(context, config, args, request)?;
    warn(ui, &made.plan, &made.checked);
    show(ui, &context.repo, args, &made, false);
    if made.pushed.is_done() {
        hint_to_push_base(session)?;
    }
    if let Outcome::Refused { .. } = made.pushed {
        return Ok(error::NO);
    }
    switch(session, args, &made.plan)
}

fn warn(ui: &Ui, plan: &Plan, checked: &CheckedTexts) {
    plan.warnings.iter().chain(&checked.warnings).for_each(|warning| ui.warn(warning));
}

/// Makes and pushes the points. Where another clone was first, its points are taken and the rest is pushed again.
fn make_and_push(context: &Context, config: &Config, args: &ArgMatches, request: &Request) -> Result<CreatedPoints> {
    const TRIES: usize = 3;
    let check = |plan: &Plan| lint::generated_for(&context.repo, &config.lint, &plan.texts);
    // Read the limit first: an invalid value is an error before anything is made.
    let still = limits::network(&context.repo)?;
    let (mut plan, mut checked) = new::make(context, config, request, check)?;
    let mut pushed = push(context, config, args, &plan, still)?;
    let mut taken = Vec::new();
    for _ in 0..TRIES {
        match race::resolve(context, config, &mut plan, &pushed, still)? {
            RaceOutcome::NotRaced => break,
            RaceOutcome::Left(refused) => {
                pushed = refused;
                break;
            }
            RaceOutcome::Taken { points, is_incomplete } => {
                taken.extend(points);
                if is_incomplete {
                    (plan, checked) = new::make(context, config, request, check)?;
                }
                pushed = push(context, config, args, &plan, still)?;
            }
        }
    }
    Ok(CreatedPoints { plan, checked, pushed, taken })
}

fn push(context: &Context, config: &Config, args: &ArgMatches, plan: &Plan, still: Duration) -> Result<Outcome> {
    match &config.remote {
        Some(remote) if !args.get_flag("no-push") => {
            let branches = &plan.unpushed();
            let request = push::Request { branches, upstreams: branches, ..push::Request::default() };
            Ok(push::push(&context.repo, remote, &request, still)?)
        }
        _ => Ok(Outcome::Nothing),
    }
}

/// Hints at a base branch whose `lattice.toml` is only here: other clones cannot read the pushed points without it.
pub(in crate::commands) fn hint_to_push_base(session: &Session) -> Result<()> {
    let (context, config) = (session.context()?, session.config()?);
    if let Some(remote) = &config.remote
        && push::lacks_lattice(&context.repo, config, remote)?
    {
        let (remote, base) = (quote(remote), quote(&config.base));
        session.ui.hint(format!("other clones need `{}` too: `git push -u {remote} {base}`", config::FILE));
    }
    Ok(())
}

/// Switches to the branch if the plan has a single point, like `git switch -c`.
fn switch(session: &Session, args: &ArgMatches, plan: &Plan) -> Result<u8> {
    let context = session.context()?;
    let [item] = plan.items.as_slice() else { return Ok(error::OK) };
    if args.get_flag("no-switch") || context.repo.workdir().is_none() {
        return Ok(error::OK);
    }
    if context.repo.head()?.branch.as_deref() == Some(&item.named.branch) {
        return Ok(error::OK);
    }
    Ok(if switching::to(session, &item.named.branch)? { error::OK } else { error::NO })
}

fn show(ui: &Ui, repo: &Repo, args: &ArgMatches, made: &CreatedPoints, dry: bool) {
    if args.get_flag("json") {
        ui.json(to_json(made, dry));
    } else if let [item] = made.plan.items.as_slice() {
        one(ui, item, made, dry);
    } else {
        let row = |item: &Item| {
            let branch = item.named.branch.as_str();
            vec![made.word(item, dry), branch.into(), short(item).into(), push_word(item, &made.pushed)]
        };
        let rows: Vec<_> = made.plan.items.iter().map(row).collect();
        ui.table(&rows);
    }
    let report = &made.checked.report;
    if !args.get_flag("json") && !report.checked.is_empty() {
        say_checked(ui, repo, report, dry);
    }
    for named in &made.taken {
        let point = &named.spelled;
        ui.say(format!("another clone pushed `{point}` first, with the same content: its commit is used"));
    }
    carried(ui, &made.pushed);
    refused(ui, &made.pushed, "the points exist locally", "them");
}

/// Reports which linters checked the generated files, and which did not.
fn say_checked(ui: &Ui, repo: &Repo, report: &Report, dry: bool) {
    let missing = report.not_checked_by().map(|names| format!("; not by {names}")).unwrap_or_default();
    ui.say(format!("checked by {}{missing}", report.checked_by()));
    for unchecked in lint::news(Some(repo), report, !dry) {
        ui.say(terminal_safe(&unchecked.to_string()));
    }
}

/// Reports the records and notes that were pushed with the branches.
pub(in crate::commands) fn carried(ui: &Ui, pushed: &Outcome) {
    match pushed {
        Outcome::Done(PushedRecords::Pushed(kinds)) => {
            ui.say(format!("the {} of this clone were pushed with it", words(kinds)));
        }
        Outcome::Done(PushedRecords::Refused(kinds, why)) => {
            let (what, why) = (words(kinds), terminal_safe(&why.to_string()));
            ui.warn(format!("the {what} of this clone were not pushed: {why}; `git lattice sync` tries again"));
        }
        _ => {}
    }
}

fn words(kinds: &[RefKind]) -> &'static str {
    match kinds {
        [RefKind::Records] => "records",
        [RefKind::PointNotes] => "notes",
        _ => "records and notes",
    }
}

/// Reports a failed push with its reasons and a hint; `what` names what exists locally.
pub(in crate::commands) fn refused(ui: &Ui, pushed: &Outcome, what: &str, pronoun: &str) {
    if let Outcome::Refused { reasons, hints, again } = pushed {
        let later = if *again {
            format!("and the same command pushes {pronoun} later")
        } else {
            "and the remote has other commits on the branch".to_owned()
        };
        ui.error(format!("the push failed; {what}, {later}"));
        reasons.iter().for_each(|reason| ui.say(format!("caused by: {}", terminal_safe(&reason.to_string()))));
        hints.iter().for_each(|hint| ui.hint(terminal_safe(hint)));
    }
}

fn one(ui: &Ui, item: &Item, made: &CreatedPoints, dry: bool) {
    let mut rows = vec![
        vec![made.word(item, dry), Cell::prose(item.named.branch.as_str())],
        vec!["  commit".into(), item.commit.to_string().into()],
    ];
    if let Some(creation) = &item.creation {
        rows.push(vec![
            "  parents".into(),
            Cell::prose(creation.parents.iter().map(BranchName::as_str).collect::<Vec<_>>().join(", ")),
        ]);
        rows.push(vec!["  template".into(), creation.template.name().into()]);
        rows.push(vec!["  files".into(), Cell::lines(&creation.files)]);
        rows.extend(creation.step_from.iter().map(|from| vec!["  step.nix".into(), format!("that of {from}").into()]));
    }
    rows.push(vec!["  push".into(), push_word(item, &made.pushed)]);
    ui.table(&rows);
}

impl CreatedPoints {
    fn word(&self, item: &Item, dry: bool) -> Cell {
        match (&item.creation, dry) {
            (None, _) if self.taken.contains(&item.named) => Cell::new("fetched", Tone::Good),
            (None, _) => Cell::new("unchanged", Tone::Faint),
            (Some(_), true) => Cell::new("would create", Tone::Good),
            (Some(_), false) => Cell::new("created", Tone::Good),
        }
    }
}

fn short(item: &Item) -> String {
    item.commit.to_hex_with_len(10).to_string()
}

fn is_pushed(item: &Item, pushed: &Outcome) -> bool {
    item.pushed || pushed.is_done()
}

fn push_word(item: &Item, pushed: &Outcome) -> Cell {
    if is_pushed(item, pushed) { Cell::new("pushed", Tone::Good) } else { Cell::new("not pushed", Tone::Odd) }
}

fn to_json(CreatedPoints { plan, checked, pushed, taken }: &CreatedPoints, dry: bool) -> Value {
    let item = |item: &Item| {
        let mut value = json!({
            "point": item.named.spelled, "branch": item.named.branch, "commit": item.commit.to_string(), "flake": item.named.dir,
            "pushed": is_pushed(item, pushed),
        });
        if let Some(creation) = &item.creation {
            value["parents"] = json!(creation.parents);
            value["template"] = json!(creation.template.name());
            value["files"] = json!(creation.files);
            value["step_from"] = json!(creation.step_from);
        }
        value
    };
    let (created, unchanged): (Vec<_>, Vec<_>) = plan.items.iter().partition(|item| item.creation.is_some());
    let list = |items: Vec<&Item>| items.into_iter().map(item).collect::<Vec<_>>();
    let mut value = json!({ "created": list(created), "unchanged": list(unchanged), "dry_run": dry });
    value["taken"] = taken.iter().map(|named| json!(named.spelled)).collect();
    value["warnings"] = json!(plan.warnings.iter().chain(&checked.warnings).collect::<Vec<_>>());
    value["checked"] = checked.report.checked.iter().map(Engine::to_string).collect();
    value["unchecked"] = checked.report.unchecked.iter().map(Unchecked::to_string).collect();
    add_push(&mut value, pushed);
    value
}

/// Adds the fields about the push to a document.
pub(in crate::commands) fn add_push(value: &mut Value, pushed: &Outcome) {
    value["records_pushed"] = carried_json(pushed);
    if let Outcome::Refused { reasons, .. } = pushed {
        value["push_refused"] = json!(reasons.iter().map(ToString::to_string).collect::<Vec<_>>());
    }
}

/// Whether this clone's records and notes were pushed; null if there was nothing to push.
fn carried_json(pushed: &Outcome) -> Value {
    match pushed {
        Outcome::Done(PushedRecords::Pushed(_)) => json!(true),
        Outcome::Done(PushedRecords::Refused(..)) => json!(false),
        _ => Value::Null,
    }
}
