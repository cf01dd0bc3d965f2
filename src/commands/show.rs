//! `git lattice show`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::json;

use super::points::Named;
use super::{Session, points, status};
use crate::config::Config;
use crate::error;
use crate::ops::census::Census;
use crate::ops::show::{self, Details};
use crate::record::{Record, Verdict};
use crate::ui::table::{self, Cell};
use crate::ui::{Tone, harmless};

pub(super) fn command(axes: &[String]) -> Command {
    let command = Command::new("show")
        .about("Show one point in full: where it is, what it holds, what became of its builds")
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON"));
    points::add_args(command, axes, false)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    let census = Census::take(&context.repo, config)?;
    let point = Named::read(config, args)?.one(session, config, &census)?;
    let details = show::details(context, config, &census, &point)?;
    if args.get_flag("json") {
        let mut value = status::to_json(config, &details.status);
        value["template"] = json!(details.template);
        value["config_hash"] = json!(details.config_hash);
        value["files"] = json!(details.files);
        value["below"] = json!(details.below);
        value["records"] = json!(details.records);
        value["logs"] = json!(details.logs);
        ui.json(value);
    } else {
        table::lines(&rows(config, &details), ui.color).iter().for_each(|line| ui.data(line));
    }
    Ok(error::OK)
}

fn rows(config: &Config, details: &Details) -> Vec<Vec<Cell>> {
    let (lattice, status) = (&config.lattice, &details.status);
    let mut rows: Vec<Vec<Cell>> = vec![vec!["point".into(), lattice.spell(&status.point).into()]];
    let mut row = |name: &str, text: String| rows.push(vec![name.into(), text.into()]);
    for (axis, text) in lattice.axes().iter().zip(lattice.texts(&status.point)) {
        row(&format!("  {}", axis.name), text);
    }
    row("state", status.state.word().to_owned());
    row("branch", config.branch.encode(lattice, &status.point));
    row("commit", status.commit.to_string());
    row("pushed", if status.pushed { "yes" } else { "no" }.to_owned());
    row("parents", status.parents.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    row("below", if details.below.is_empty() { config.base.clone() } else { details.below.join(", ") });
    row("systems", status.systems.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    row(
        "key",
        status.key.map_or_else(|| "none: the branch does not hold its directory".to_owned(), |key| key.to_string()),
    );
    row(
        "template",
        details
            .template
            .clone()
            .unwrap_or_else(|| "none of this version's: changed by hand, or made by another version".to_owned()),
    );
    row("config hash", details.config_hash.clone().unwrap_or_default());
    list(&mut rows, "files", &details.files);
    for (i, record) in details.records.iter().enumerate() {
        let tone = match record.verdict {
            Verdict::Built | Verdict::Reproduced => Tone::Good,
            Verdict::Failed | Verdict::Differs => Tone::Bad,
            Verdict::NoBuilder | Verdict::Cancelled => Tone::Odd,
        };
        let cell = Cell::new(record_line(record), tone);
        rows.push(vec![if i == 0 { "records" } else { "" }.into(), cell]);
    }
    list(&mut rows, "logs", &details.logs.iter().map(|log| log.display().to_string()).collect::<Vec<_>>());
    rows
}

fn list(rows: &mut Vec<Vec<Cell>>, name: &str, texts: &[String]) {
    let named = |(i, text): (usize, &String)| vec![if i == 0 { name } else { "" }.into(), text.as_str().into()];
    rows.extend(texts.iter().enumerate().map(named));
}

fn record_line(record: &Record) -> String {
    let what =
        record.outputs.get("out").map(|out| out.path.clone()).or_else(|| record.error.clone()).unwrap_or_default();
    let verdict =
        serde_json::to_value(record.verdict).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default();
    let nix = record.nix.as_deref().unwrap_or("?");
    harmless(&format!(
        "{verdict} {} {} {:.1} s by {}@{} with Nix {nix}: {what}",
        record.system, record.started, record.seconds, record.user, record.host
    ))
}
