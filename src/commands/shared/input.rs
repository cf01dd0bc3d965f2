//! What the commands share that add a file or tree from outside.

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches};
use serde_json::json;

use super::session::Session;
use crate::error;
use crate::ops::inputs::{self, AddedInput, Change, Write};
use crate::template;
use crate::ui::Tone;
use crate::ui::table::Cell;

/// Their common flags.
pub(in crate::commands) fn flags() -> [Arg; 3] {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    [
        flag("replace", "Replace the hash that config.toml has for it"),
        flag("print", "Print the lines for config.toml instead of writing them").conflicts_with("replace"),
        flag("json", "Print JSON"),
    ]
}

/// What these flags say about config.toml.
pub(in crate::commands) fn write(args: &ArgMatches) -> Write {
    match (args.get_flag("print"), args.get_flag("replace")) {
        (true, _) => Write::Nothing,
        (false, true) => Write::Replacing,
        (false, false) => Write::New,
    }
}

/// Shows what was added.
pub(in crate::commands) fn report(session: &Session, args: &ArgMatches, added: &AddedInput) -> Result<u8> {
    let (ui, AddedInput { input, added, step }) = (&session.ui, added);
    if args.get_flag("json") {
        ui.json(json!({
            "kind": input.kind.to_string(), "name": input.name, "hash": added.hash.to_string(), "path": added.path.as_str(),
            "point": step.as_ref().map(|(named, _)| named.spelled.clone()),
            "written": step.as_ref().is_some_and(|(_, change)| *change != Change::Unchanged),
        }));
        return Ok(error::OK);
    }
    let Some((named, change)) = step else {
        ui.data(inputs::as_toml(input)?);
        return Ok(error::OK);
    };
    let word = match change {
        Change::Added => Cell::new("added", Tone::Good),
        Change::Replaced => Cell::new("replaced", Tone::Good),
        Change::Unchanged => Cell::new("unchanged", Tone::Faint),
    };
    let row = |name: &str, text: &str| vec![format!("  {name}").into(), Cell::from(text.to_owned())];
    ui.table(&[
        vec![word, format!("{} {}", input.kind, input.name).into()],
        row("hash", &added.hash.to_string()),
        row("path", added.path.as_str()),
        row("step", named.spelled.as_str()),
    ]);
    if *change != Change::Unchanged {
        let name = template::attribute(&input.name);
        ui.hint(format!("step.nix gets it as `{}.{name}`; commit config.toml", input.kind.table()));
    }
    Ok(error::OK)
}
