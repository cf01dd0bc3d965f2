//! `git lattice note`

use std::io::Read as _;

use anyhow::{Context as _, Result};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};
use serde_json::{Value, json};

use super::Session;
use super::complete::Slot;
use super::shared::points::{self, Selection};
use super::shared::{notes, wanted};
use crate::config::Config;
use crate::error;
use crate::lattice::Point;
use crate::note::{BadText, Hidden, MAX_READ, Note, NoteId, Text};
use crate::ops::Cannot;
use crate::ops::note::{self, Deed, Entry, Listed, Outcome, editor};
use crate::points::census::Census;
use crate::ui::Tone;
use crate::ui::table::Cell;

pub(super) fn command(axes: &[String]) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let command = Command::new("note")
        .about("Add, change, remove or list notes on points")
        .long_about(
            "Add a note to a point: a text for other people, such as `waits for upstream bug 123`. Without `-m` and `-F`, git's editor \
             opens.\n\n\
             Notes are kept beside the build records, and `sync`, `git fetch` and every push of a point share them: each clone writes \
             a ref of its own, so notes of two clones never conflict. A note belongs to the name of the point and records the commit \
             at which it was written; a moved point keeps its notes. A change is a new line that replaces the old one, which stays in the \
             history of the ref. `show`, `report` and `list --format '%(note)'` show notes.",
        )
        .arg(
            Arg::new("message")
                .short('m')
                .long("message")
                .value_name("TEXT")
                .action(ArgAction::Append)
                .allow_hyphen_values(true)
                .help("The text; several are paragraphs"),
        )
        .arg(
            Arg::new("file")
                .short('F')
                .long("file")
                .value_name("FILE")
                .value_hint(ValueHint::FilePath)
                .conflicts_with("message")
                .help("Read the text from a file; `-` reads stdin"),
        )
        .arg(flag("edit", "Replace the text of a note, by default in the editor").conflicts_with_all(["remove", "list"]))
        .arg(flag("remove", "Remove a note").conflicts_with_all(["message", "file", "list"]))
        .arg(flag("list", "List notes, by default those of all points").conflicts_with_all(["message", "file"]))
        .arg(
            Slot::Note.of(Arg::new("id").long("id").value_name("ID").conflicts_with("list"))
                .help("The note to change or to remove, by the beginning of its id; needed if the point has several"),
        )
        .arg(flag("dry-run", "Show what would be written; write nothing"))
        .arg(flag("json", "Print JSON"));
    points::add_args(command, axes, true)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    if args.get_flag("list") {
        return list(session, args);
    }
    let dry_run = args.get_flag("dry-run");
    if !dry_run {
        session.recover()?;
    }
    let (context, config) = (session.context()?, session.config()?);
    let named = Selection::read(config, args)?;
    let census = named.census(session, config)?;
    let changes_one = args.get_flag("edit") || args.get_flag("remove") || args.contains_id("id");
    let points = if changes_one {
        vec![named.one(session, config, &census)?]
    } else {
        named.existing(session, config, &census)?
    };
    let request = note::prepare(context, config, &census, &points)?;
    let old = if changes_one { Some(request.chosen(args.get_one::<String>("id").map(String::as_str))?) } else { None };
    let deed = if args.get_flag("remove") { Deed::Remove } else { read_deed(session, args, config, &points, old)? };
    let entries = request.run(config, &census, &deed, old, dry_run)?;
    show(session, args, &entries, dry_run);
    Ok(error::OK)
}

/// What to write, from the arguments or the editor.
fn read_deed(
    session: &Session,
    args: &ArgMatches,
    config: &Config,
    points: &[Point],
    old: Option<&Note>,
) -> Result<Deed> {
    let text = match given(session, args)? {
        Some(bytes) => parse(&bytes)?,
        None => from_editor(session, config, points, old)?,
    };
    Ok(if old.is_some() { Deed::Edit(text) } else { Deed::Add(text) })
}

/// The text of `-m` or `-F`.
fn given(session: &Session, args: &ArgMatches) -> Result<Option<Vec<u8>>> {
    if let Some(paragraphs) = args.get_many::<String>("message") {
        return Ok(Some(paragraphs.map(String::as_str).collect::<Vec<_>>().join("\n\n").into_bytes()));
    }
    let Some(path) = args.get_one::<String>("file") else { return Ok(None) };
    let mut bytes = Vec::new();
    let read = if path == "-" {
        std::io::stdin().take(MAX_READ).read_to_end(&mut bytes)
    } else {
        let file = std::fs::File::open(session.environment.cwd.join(path));
        file.and_then(|file| file.take(MAX_READ).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("could not read `{}`", if path == "-" { "stdin" } else { path }))?;
    Ok(Some(bytes))
}

fn parse(bytes: &[u8]) -> Result<Text, BadText> {
    if bytes.len() as u64 >= MAX_READ {
        return Err(BadText::TooLong { size: bytes.len() });
    }
    Text::parse(std::str::from_utf8(bytes).map_err(|_| BadText::NotUtf8)?)
}

fn from_editor(session: &Session, config: &Config, points: &[Point], old: Option<&Note>) -> Result<Text> {
    let (context, ui) = (session.context()?, &session.ui);
    if !ui.interactive {
        return Err(Cannot::NoNoteText.into());
    }
    let mut about: Vec<String> =
        points.iter().take(10).map(|point| format!("A note on {}", config.spell(point))).collect();
    about.extend((points.len() > 10).then(|| format!("and {} more points", points.len() - 10)));
    about.push("An empty note writes nothing.".to_owned());
    let bytes = editor::edit(context, old.map_or("", |old| old.text.as_str()), &about)?;
    parse(&bytes).map_err(|error| {
        if error != BadText::Empty
            && let Some(file) = editor::keep(context, &bytes)
        {
            ui.say(format!("the text is in `{}`; `-F` reads it", file.display()));
        }
        error.into()
    })
}

fn show(session: &Session, args: &ArgMatches, entries: &[Entry], dry_run: bool) {
    let ui = &session.ui;
    if args.get_flag("json") {
        ui.json(json!({ "dry_run": dry_run, "points": entries.iter().map(entry_json).collect::<Vec<_>>() }));
        return;
    }
    let row = |entry: &Entry| {
        let (word, tone) = word(entry.outcome, dry_run);
        let id = entry.id.or(entry.replaces).map(NoteId::short).unwrap_or_default();
        let line = entry.text.as_ref().map(|text| text.first_line().to_owned()).unwrap_or_default();
        vec![Cell::new(word, tone), entry.point.as_str().into(), id.into(), Cell::prose(line)]
    };
    ui.table(&entries.iter().map(row).collect::<Vec<_>>());
}

fn word(outcome: Outcome, dry_run: bool) -> (&'static str, Tone) {
    match (outcome, dry_run) {
        (Outcome::Added, false) => ("added", Tone::Good),
        (Outcome::Added, true) => ("would add", Tone::Good),
        (Outcome::Changed, false) => ("changed", Tone::Good),
        (Outcome::Changed, true) => ("would change", Tone::Good),
        (Outcome::Removed, false) => ("removed", Tone::Good),
        (Outcome::Removed, true) => ("would remove", Tone::Good),
        (Outcome::Unchanged, _) => ("unchanged", Tone::Faint),
    }
}

fn entry_json(entry: &Entry) -> Value {
    let done = match entry.outcome {
        Outcome::Added => "added",
        Outcome::Changed => "changed",
        Outcome::Removed => "removed",
        Outcome::Unchanged => "unchanged",
    };
    json!({ "point": entry.point, "done": done, "id": entry.id, "replaces": entry.replaces, "text": entry.text })
}

/// The newest notes that other clones have hidden, and by whom.
fn hidden_lines(hidden: &[Hidden]) -> impl Iterator<Item = String> {
    const MAX_SHOWN: usize = 5;
    let older = hidden.len().saturating_sub(MAX_SHOWN);
    let line = |it: &Hidden| {
        let what = if it.removed { "removed" } else { "replaced" };
        format!("{} of {}: {what} by {} of clone {}, {}", it.id.short(), it.author, it.by, it.writer, it.written)
    };
    let more =
        (older > 0).then(|| format!("{older} more that other clones have replaced or removed: `--json` lists them"));
    hidden[older..].iter().map(line).chain(more)
}

/// Lists the notes of the named points, else of all.
fn list(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    let named = Selection::read(config, args)?;
    let (census, points) = if named.is_empty() {
        let census = Census::take(&context.repo, config)?;
        let points = census.population().points().cloned().collect();
        (census, points)
    } else {
        let census = named.census(session, config)?;
        let points = named.shown(session, config, &census)?;
        (census, points)
    };
    let found = note::with_hidden(context, config, &census, &points)?;
    if args.get_flag("json") {
        let point = |(point, Listed { notes, hidden }): (&Point, &Listed)| json!({ "point": config.spell(point), "notes": notes, "hidden": hidden });
        ui.json(json!({ "points": found.iter().map(point).collect::<Vec<_>>() }));
        return Ok(error::OK);
    }
    for (point, Listed { notes, hidden }) in &found {
        ui.data(config.spell(point).as_str());
        let lines = notes.iter().flat_map(notes::lines).chain(hidden_lines(hidden));
        lines.for_each(|line| ui.tell(format!("  {line}").trim_end()));
    }
    if points.is_empty() {
        ui.say(wanted::none(!named.is_empty()));
    } else if found.is_empty() {
        ui.say("there are no notes");
    }
    Ok(error::OK)
}
