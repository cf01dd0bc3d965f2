//! `git lattice hooks`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};

use super::Session;
use super::shared::hooks::show;
use crate::error;
use crate::git::GitVersion;
use crate::hooks::{Kind, State, Way};
use crate::ops::hooks::{self, InstallOptions, Row, Survey};
use crate::ui::table::Cell;

pub(super) fn command() -> Command {
    let sub = |name: &'static str, about: &'static str| Command::new(name).about(about);
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    Command::new("hooks")
        .about("Install, remove or show the git hooks")
        .long_about(
            "Install, remove or show the git hooks: pre-commit lints the staged .nix files, post-checkout builds the point that was \
             switched to, in the background. A hook that exists already still runs.",
        )
        .subcommand_required(true)
        .subcommand(
            sub("install", "Install them; a second time changes nothing")
                .arg(flag("post-merge", "Also build after `git merge` and `git pull`"))
                .arg(flag("post-commit", "Also build after `git commit`"))
                .arg(flag("config", "Put them into the configuration, which git 2.54 and later reads").conflicts_with("shim"))
                .arg(flag("shim", "Put them into the hooks folder, which every git reads")),
        )
        .subcommand(sub("uninstall", "Remove them and put back what was there before"))
        .subcommand(
            sub("status", "Show which are installed and what triggers them").arg(flag("json", "Print JSON")),
        )
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    match args.subcommand() {
        Some(("install", args)) => show(&session.ui, &hooks::install(session.context()?, &options(args))?),
        Some(("uninstall", _)) => show(&session.ui, &hooks::uninstall(session.context()?)?),
        Some(("status", args)) => status(session, args.get_flag("json"))?,
        _ => return Ok(error::CANNOT),
    }
    Ok(error::OK)
}

fn options(args: &ArgMatches) -> InstallOptions {
    let ways = [("config", Way::Config), ("shim", Way::Shim)];
    let more = [Kind::PostMerge, Kind::PostCommit].into_iter().filter(|kind| args.get_flag(kind.as_str()));
    let way = ways.into_iter().find(|(name, _)| args.get_flag(name)).map(|(_, way)| way);
    InstallOptions { way, more: more.collect() }
}

fn status(session: &Session, json: bool) -> Result<()> {
    let survey = hooks::survey(session.context()?)?;
    if json {
        session.ui.json(document(&survey));
        return Ok(());
    }
    let ui = &session.ui;
    if let Some(place) = place(&survey) {
        ui.tell(format!("hooks in {place}"));
    }
    let rows: Vec<Vec<Cell>> = survey.rows.iter().map(|row| line(&survey, row)).collect();
    ui.table(&rows);
    for row in survey.rows.iter().filter(|row| row.is_installed()) {
        if let Some(skip) = &row.skip {
            ui.tell(format!("{} is skipped here: {skip}", row.kind));
        }
    }
    survey.warnings().iter().for_each(|warning| ui.warn(warning.to_string()));
    Ok(())
}

fn line(survey: &Survey, row: &Row) -> Vec<Cell> {
    vec![
        format!("  {}", row.kind).into(),
        state_word(survey, row).into(),
        trigger(row.kind).into(),
        action(row.kind).into(),
        other_hook(row).into(),
    ]
}

/// Where our hooks are or would be installed.
fn place(survey: &Survey) -> Option<String> {
    match way(survey) {
        Some(Way::Config) => Some(survey.config.display().to_string()),
        _ => survey.folder.as_ref().ok().map(|folder| folder.path.display().to_string()),
    }
}

fn way(survey: &Survey) -> Option<Way> {
    let shim = survey.rows.iter().any(|row| matches!(row.shim, State::Installed { .. }));
    let section = survey.rows.iter().any(|row| row.section.is_some());
    if section { Some(Way::Config) } else { shim.then_some(Way::Shim) }
}

fn document(survey: &Survey) -> Value {
    json!({
        "way": way(survey).map(Way::as_str),
        "git": survey.git.as_ref().map(GitVersion::to_string),
        "folder": survey.folder.as_ref().ok().map(|folder| folder.path.display().to_string()),
        "config": survey.config.display().to_string(),
        "hooks": survey.rows.iter().map(|row| object(survey, row)).collect::<Vec<_>>(),
        "warnings": survey.warnings().iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn object(survey: &Survey, row: &Row) -> Value {
    let beside = row.beside();
    json!({
        "event": row.kind.as_str(),
        "state": state_word(survey, row),
        "installed": runs(survey, row),
        "trigger": trigger(row.kind),
        "does": action(row.kind),
        "chained": row.is_installed() && beside.is_some(),
        "manager": beside.flatten().map(|manager| manager.to_string()),
        "skipped": row.skip.as_ref().map(ToString::to_string),
    })
}

/// Whether git runs our hook.
fn runs(survey: &Survey, row: &Row) -> bool {
    matches!(row.shim, State::Installed { runs: true, .. }) || (row.section.is_some() && survey.reads_config())
}

fn state_word(survey: &Survey, row: &Row) -> String {
    let word = match &row.shim {
        _ if row.is_ignored() && !runs(survey, row) => "not executable, so git ignores it",
        _ if row.is_installed() && !runs(survey, row) => "installed, but this git does not run it",
        _ if row.is_edited() => "installed, changed by hand",
        _ if row.is_installed() && !row.is_current() => "installed, another version",
        _ if row.is_installed() => "installed",
        State::Foreign(Some(manager)) => return format!("not installed: {manager}'s hook is there"),
        State::Foreign(None) => "not installed: another hook is there",
        _ => "not installed",
    };
    word.to_owned()
}

fn trigger(kind: Kind) -> &'static str {
    match kind {
        Kind::PreCommit => "git commit",
        Kind::PostCheckout => "git switch, git checkout BRANCH",
        Kind::PostMerge => "git merge, git pull",
        Kind::PostCommit => "git commit, git cherry-pick",
    }
}

fn action(kind: Kind) -> &'static str {
    match kind {
        Kind::PreCommit => "lints the staged .nix files",
        _ => "builds the point in the background",
    }
}

fn other_hook(row: &Row) -> String {
    match row.beside().filter(|_| row.is_installed()) {
        Some(Some(manager)) => format!("beside {manager}'s hook"),
        Some(None) => "beside the hook that was there before".to_owned(),
        None if row.is_installed() || Kind::USUAL.contains(&row.kind) => String::new(),
        None => format!("with `hooks install --{}`", row.kind),
    }
}
