//! `git lattice hooks`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::json;

use super::Session;
use crate::error;
use crate::hooks::{self, HooksDir, Kind, State, dir};
use crate::ui::table::{self, Cell};

pub(super) fn command() -> Command {
    let sub = |name: &'static str, about: &'static str| Command::new(name).about(about);
    Command::new("hooks")
        .about("Install, remove or show the git hooks")
        .long_about(
            "Install, remove or show the git hooks: pre-commit lints the staged .nix files, post-checkout builds the point that was \
             switched to, in the background. A hook that is there already goes on running, before ours.",
        )
        .subcommand_required(true)
        .subcommand(sub("install", "Install them; a second time changes nothing"))
        .subcommand(sub("uninstall", "Remove them and put back what was there before"))
        .subcommand(
            sub("status", "Show which are installed and what triggers them")
                .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON")),
        )
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    match args.subcommand() {
        Some(("install", _)) => install(session)?,
        Some(("uninstall", _)) => uninstall(session)?,
        Some(("status", args)) => status(session, args.get_flag("json"))?,
        _ => return Ok(error::CANNOT),
    }
    Ok(error::OK)
}

/// Installs the hooks and says what was done; also for `init --hooks`.
pub(super) fn install(session: &Session) -> Result<()> {
    let dir = find(session)?;
    let plan = hooks::plan_install(&dir.path, std::env::current_exe().ok().as_deref())?;
    plan.apply()?;
    session.ui.data(plan.to_string().trim_end());
    Ok(())
}

fn uninstall(session: &Session) -> Result<()> {
    let plan = hooks::plan_uninstall(&find(session)?.path)?;
    plan.apply()?;
    session.ui.data(plan.to_string().trim_end());
    Ok(())
}

fn find(session: &Session) -> Result<HooksDir> {
    let repo = &session.context()?.repo;
    Ok(dir::find(repo.git().program().as_os_str(), &session.environment.cwd)?)
}

fn status(session: &Session, json: bool) -> Result<()> {
    let ui = &session.ui;
    let dir = find(session)?;
    let states = hooks::status(&dir.path)?;
    if json {
        let row = |(kind, state): &(Kind, State)| json!({ "event": kind.as_str(), "state": word(state), "chained": is_chained(state) });
        ui.json(
            json!({ "folder": dir.path.display().to_string(), "hooks": states.iter().map(row).collect::<Vec<_>>() }),
        );
        return Ok(());
    }
    ui.data(format!("hooks in {}", dir.path.display()));
    let row = |(kind, state): &(Kind, State)| -> Vec<Cell> {
        let chained = if is_chained(state) { "after the hook that was there before" } else { "" };
        vec![format!("  {kind}").into(), word(state).into(), trigger(*kind).into(), chained.into()]
    };
    table::lines(&states.iter().map(row).collect::<Vec<_>>(), ui.color).iter().for_each(|line| ui.data(line));
    if let Some(variable) = session.environment.skip {
        ui.data(format!("switched off by {variable}"));
    }
    Ok(())
}

fn trigger(kind: Kind) -> &'static str {
    match kind {
        Kind::PreCommit => "git commit: lints the staged .nix files",
        Kind::PostCheckout => "git switch, git checkout BRANCH: builds the point in the background",
    }
}

fn word(state: &State) -> &'static str {
    match state {
        State::NotInstalled => "not installed",
        State::Installed { edited: true, .. } => "installed, changed by hand",
        State::Installed { current: false, .. } => "installed, another version",
        State::Installed { .. } => "installed",
        State::Foreign => "not ours",
    }
}

fn is_chained(state: &State) -> bool {
    matches!(state, State::Installed { chained: Some(chained), .. } if chained.runs)
}
