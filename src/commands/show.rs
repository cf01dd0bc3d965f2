//! `git lattice show`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};

use super::Session;
use super::shared::points::{self, Selection};
use crate::config::Config;
use crate::error;
use crate::nix::StorePath;
use crate::ops::show::{self, Details};
use crate::process::quote;
use crate::record::{Attributed, Dispute, Record, Side, Verdict};
use crate::ui::point::PointView;
use crate::ui::table::Cell;
use crate::ui::{Tone, terminal_safe};

pub(super) fn command(axes: &[String]) -> Command {
    let command = Command::new("show")
        .about("Show one point in full: where it is, what it holds, and its build results")
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON"));
    points::add_args(command, axes, false)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    let named = Selection::read(config, args)?;
    let census = named.census(session, config)?;
    let point = named.one(session, config, &census)?;
    let details = show::details(context, config, &census, &point)?;
    if args.get_flag("json") {
        let mut value = json!(PointView::of(config, &details.status));
        value["template"] = json!(details.template);
        value["config_hash"] = json!(details.config_hash);
        value["files"] = json!(details.files);
        value["below"] = json!(details.below);
        value["records"] = details.records.iter().map(attributed_json).collect();
        value["disputes"] = details.disputes.iter().map(|dispute| dispute_json(&details.records, dispute)).collect();
        value["logs"] = json!(details.logs);
        value["flake_ref"] = json!(details.flake.as_ref().map(ToString::to_string));
        value["nix_build"] = json!(nix_build(&details));
        ui.json(value);
    } else {
        ui.table(&rows(config, &details));
    }
    Ok(error::OK)
}

fn rows(config: &Config, details: &Details) -> Vec<Vec<Cell>> {
    let (lattice, status) = (&config.lattice, &details.status);
    let named = &status.named;
    let mut rows: Vec<Vec<Cell>> = vec![vec!["point".into(), named.spelled.as_str().into()]];
    let mut row = |name: &str, text: String| rows.push(vec![name.into(), Cell::prose(text)]);
    for (axis, text) in lattice.axes().iter().zip(lattice.texts(&status.named.point)) {
        row(&format!("  {}", axis.name), text);
    }
    row("state", status.state.word().to_owned());
    row("branch", named.branch.to_string());
    row("commit", status.commit.to_string());
    row("pushed", if status.pushed { "yes" } else { "no" }.to_owned());
    row("parents", status.parents.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    row("below", if details.below.is_empty() { config.base.to_string() } else { details.below.join(", ") });
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
    row("flake", details.flake.as_ref().map(ToString::to_string).unwrap_or_default());
    list(&mut rows, "files", &details.files);
    let commands = nix_build(details).into_iter().chain([format!("git lattice build {}", named.spelled)]);
    list(&mut rows, "build", commands);
    let disputes = details.disputes.iter().flat_map(|dispute| dispute_lines(&details.records, dispute));
    for (i, line) in disputes.enumerate() {
        rows.push(vec![if i == 0 { "disputed" } else { "" }.into(), Cell::prose(line).toned(Tone::Bad)]);
    }
    for (i, Attributed { record, .. }) in details.records.iter().enumerate() {
        let tone = match record.verdict {
            Verdict::Built | Verdict::Reproduced => Tone::Good,
            Verdict::Failed | Verdict::Differs => Tone::Bad,
            Verdict::NoBuilder | Verdict::Cancelled => Tone::Odd,
        };
        let cell = Cell::prose(record_line(record)).toned(tone);
        rows.push(vec![if i == 0 { "records" } else { "" }.into(), cell]);
    }
    list(&mut rows, "logs", details.logs.iter().map(|log| log.display().to_string()));
    rows
}

/// The command that builds the point without git-lattice.
fn nix_build(details: &Details) -> Option<String> {
    let (flake, system) = (details.flake.as_ref()?, details.status.systems.first()?);
    let features = "--extra-experimental-features 'nix-command flakes'";
    Some(format!("nix build {features} {}", quote(flake.installable(system))))
}

fn list(rows: &mut Vec<Vec<Cell>>, name: &str, lines: impl IntoIterator<Item: AsRef<str>>) {
    let cell = Cell::lines(lines);
    if !cell.is_blank() {
        rows.push(vec![name.into(), cell]);
    }
}

fn record_line(record: &Record) -> String {
    let what = record.outputs.get("out").map(|out| out.path.as_str()).or(record.error.as_deref());
    let what = what.map(|what| format!(": {what}")).unwrap_or_default();
    let verdict = record.verdict.word();
    let nix = record.nix.as_deref().unwrap_or("?");
    let took = record.took().map(|seconds| format!("{seconds:.1} s ")).unwrap_or_default();
    terminal_safe(&format!(
        "{verdict} {} {} {took}by {}@{} with Nix {nix}{what}",
        record.system, record.started, record.user, record.host
    ))
}

fn attributed_json(attributed: &Attributed) -> Value {
    let mut value = json!(attributed.record);
    value["writer"] = json!(attributed.writer);
    value
}

fn dispute_json(records: &[Attributed], dispute: &Dispute) -> Value {
    let side = |side: &Side| {
        let by = side.records.iter().filter_map(|i| records.get(*i)).map(attributed_json).collect::<Vec<_>>();
        json!({ "narHash": side.nar_hash, "records": by })
    };
    json!({
        "system": dispute.system.as_str(), "drv": dispute.drv.as_ref().map(StorePath::as_str), "output": dispute.output,
        "sides": dispute.sides.iter().map(side).collect::<Vec<_>>(),
    })
}

/// The disputed output, and a line for each side with its records.
fn dispute_lines(records: &[Attributed], dispute: &Dispute) -> Vec<String> {
    let drv = dispute.drv.as_ref().map_or("an unknown derivation", StorePath::as_str);
    let line = |side: &Side| {
        let by = |attributed: &Attributed| {
            format!(
                "{}@{} ({}, {})",
                attributed.record.user, attributed.record.host, attributed.writer, attributed.record.started
            )
        };
        let by: Vec<_> = side.records.iter().filter_map(|i| records.get(*i)).map(by).collect();
        let what = side.nar_hash.as_deref().unwrap_or("a rebuild differs");
        format!("  {what} by {}", by.join(", "))
    };
    let output = dispute.output.as_deref().map(|output| format!("output `{output}` of ")).unwrap_or_default();
    let head = format!("{}: {output}{drv}", dispute.system);
    std::iter::once(head).chain(dispute.sides.iter().map(line)).map(|line| terminal_safe(&line)).collect()
}
