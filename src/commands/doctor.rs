//! `git lattice doctor`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};

use super::{Session, completions, man};
use crate::error;
use crate::ops::doctor::{self, Health, Line};
use crate::text::tally;
use crate::ui::table::Cell;
use crate::ui::{Tone, terminal_safe};

pub(super) fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    Command::new("doctor")
        .about("Check this machine and this clone: git, hooks, Nix, linters, the remote, leftovers")
        .long_about(
            "Check this machine and this clone: git, hooks, Nix, linters, the remote, leftovers.\n\n\
             Every line is ok, a warning, or an error with what to do about it. `--repair` does the safe repairs, and says what it \
             did. Exit status: 0 without errors, 1 with errors.",
        )
        .arg(flag("repair", "Do the safe repairs"))
        .arg(flag("offline", "Do not contact the remote"))
        .arg(flag("json", "Print JSON"))
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let ui = &session.ui;
    let context = session.context();
    let installed: Vec<_> = completions::folders().into_iter().chain(man::folder()).collect();
    let known = context.as_ref().map(|it| *it);
    let mut lines = doctor::examine(&session.environment, known, args.get_flag("offline"), &installed);
    let mut repaired = Vec::new();
    if let (true, Ok(context)) = (args.get_flag("repair"), &context) {
        for line in lines.iter().filter(|line| line.repair.is_some()) {
            if let Some(repair) = &line.repair {
                doctor::repair(context, repair)?;
                repaired.push(line.message.clone());
            }
        }
        lines.retain(|line| line.repair.is_none());
    }
    if args.get_flag("json") {
        ui.json(json!({ "lines": lines.iter().map(to_json).collect::<Vec<_>>(), "repaired": repaired }));
    } else {
        let rows: Vec<_> = lines.iter().map(row).collect();
        ui.table(&rows);
        repaired.iter().for_each(|what| ui.tell(format!("repaired: {}", terminal_safe(what))));
        ui.tell(summary(&lines));
    }
    Ok(if lines.iter().any(|line| line.health == Health::Error) { error::NO } else { error::OK })
}

fn row(line: &Line) -> Vec<Cell> {
    let (mark, tone) = match line.health {
        Health::Ok => ("✓ ok", Tone::Good),
        Health::Warning => ("! warning", Tone::Odd),
        Health::Error => ("✗ error", Tone::Bad),
    };
    let remedy = line.remedy.as_ref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
    vec![Cell::new(mark, tone), line.topic.into(), Cell::prose(format!("{}{remedy}", line.message))]
}

fn summary(lines: &[Line]) -> String {
    let count = |health: Health| lines.iter().filter(|line| line.health == health).count();
    let (errors, warnings) = (count(Health::Error), count(Health::Warning));
    match (errors, warnings) {
        (0, 0) => "no problems found".to_owned(),
        (0, _) => format!("no errors, {}", tally(warnings, "warning", "warnings")),
        _ => format!("{}, {}", tally(errors, "error", "errors"), tally(warnings, "warning", "warnings")),
    }
}

fn to_json(line: &Line) -> Value {
    json!({
        "topic": line.topic,
        "health": line.health.word(),
        "message": line.message,
        "remedy": line.remedy,
        "repairable": line.repair.is_some(),
    })
}
