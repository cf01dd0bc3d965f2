//! The view of a trusted base.

use anyhow::Result;
use serde_json::{Value, json};

use super::session::Session;
use crate::error;
use crate::lattice::Point;
use crate::ops::trusted_base::{self, HostPaths, Origin, TrustedBase, TrustedInput};
use crate::points::census::Census;
use crate::text;
use crate::ui::table::Cell;
use crate::ui::trusted_base::summary;
use crate::ui::{Tone, Ui, terminal_safe};

/// Shows the trusted base of a point.
pub(in crate::commands) fn run(session: &Session, census: &Census, point: &Point, is_json: bool) -> Result<u8> {
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    ui.progress("evaluating the point");
    let base = trusted_base::of(context, config, census, point);
    ui.progress("");
    let base = base?;
    if is_json {
        let mut value = to_json(&base);
        value["point"] = json!(config.spell(point));
        ui.json(value);
    } else {
        show(ui, &base);
    }
    Ok(error::OK)
}

fn show(ui: &Ui, base: &TrustedBase) {
    let host = base.impure.iter().flat_map(host_rows);
    ui.table(&base.inputs.iter().map(row).chain(host).collect::<Vec<_>>());
    let (sum, unknown) = base.size();
    let by = match base.from {
        Origin::Derivations => "its derivations",
        Origin::Record { .. } => "a record",
        Origin::Config { .. } => "config.toml",
    };
    let count = base.inputs.len().saturating_add(base.left_out);
    ui.data(match base.impure.iter().map(|host| host.paths.len()).sum() {
        0 => format!("{}, by {by}", summary(count, sum, unknown)),
        paths => {
            let paths = text::tally(paths, "path", "paths");
            let files =
                if count == 0 { "no file or tree from outside".to_owned() } else { summary(count, sum, unknown) };
            format!("{files}, by {by}; {paths} of machines, by the records")
        }
    });
    match &base.from {
        Origin::Derivations => {}
        Origin::Record { why, build } => {
            ui.warn(terminal_safe(&format!("this is what the build of {build} recorded: {why}")));
        }
        Origin::Config { why } => {
            ui.warn(terminal_safe(&format!(
                "this is only what config.toml of the point and those below it name: {why}"
            )));
        }
    }
}

fn row(input: &TrustedInput) -> Vec<Cell> {
    let words = [&input.url, &input.origin, &input.description].into_iter().flatten();
    let place = words.map(String::as_str).collect::<Vec<_>>().join("; ");
    vec![
        input.kind.to_string().into(),
        terminal_safe(&input.name).into(),
        terminal_safe(input.hash.as_deref().unwrap_or("no hash")).into(),
        input.size.map_or_else(|| "?".to_owned(), text::size).into(),
        Cell::prose(terminal_safe(&place)),
    ]
}

/// What has no hash: the paths of the machine.
fn host_rows(host: &HostPaths) -> impl Iterator<Item = Vec<Cell>> {
    host.paths.iter().map(|path| {
        let place = format!("of the machine that built {}", host.point);
        vec![
            Cell::new("machine", Tone::Bad),
            terminal_safe(path).into(),
            "no hash".into(),
            "?".into(),
            Cell::prose(terminal_safe(&place)),
        ]
    })
}

fn to_json(base: &TrustedBase) -> Value {
    let (from, why, build) = match &base.from {
        Origin::Derivations => ("derivations", None, None),
        Origin::Record { why, build } => ("record", Some(why), Some(build)),
        Origin::Config { why } => ("config", Some(why), None),
    };
    let (sum, unknown) = base.size();
    json!({
        "point": null, "from": from, "why": why, "build": build,
        "inputs": base.inputs.iter().map(input_json).collect::<Vec<_>>(), "left_out": base.left_out,
        "size": sum, "unknown_sizes": unknown,
        "impure": base.impure.iter().map(host_json).collect::<Vec<_>>(),
    })
}

/// A file or tree from outside.
pub(in crate::commands) fn input_json(input: &TrustedInput) -> Value {
    json!({
        "kind": input.kind, "name": input.name, "hash": input.hash, "size": input.size,
        "path": input.path.as_ref().map(crate::nix::StorePath::as_str), "url": input.url, "origin": input.origin,
        "description": input.description,
    })
}

/// Paths of a machine.
pub(in crate::commands) fn host_json(host: &HostPaths) -> Value {
    json!({ "point": host.point, "system": host.system.as_str(), "paths": host.paths })
}
