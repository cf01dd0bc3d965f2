//! `git lattice page`

use std::path::Path;

use anyhow::{Result, bail};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};
use serde_json::json;

use super::Session;
use super::shared::points::{self, Selection};
use super::shared::{left_out, wanted};
use crate::error;
use crate::ops::Cannot;
use crate::ops::page::{self, Contents, NotOurs};
use crate::points::census::Census;
use crate::ui;

/// The id of the argument that names the folder.
pub(super) const DIR: &str = "dir";
/// The folder by default.
const DEFAULT: &str = "page";
/// Stands for stdout.
const STDOUT: &str = "-";

pub(super) fn command(axes: &[String]) -> Command {
    let command = Command::new("page")
        .about("Write an HTML page about the points: tables, diagram, records, logs")
        .long_about(
            "Write an HTML page about the points, for people who have no terminal: the tables of `git lattice status`, the diagram, \
             and for each point where it is, what it holds, its notes, its records and the end of its log in this clone. The page is \
             one file that loads no other file; only search and zoom need JavaScript.\n\n\
             With 300 or more points, components and diagrams are folded; with more, only points that need attention have details.\n\n\
             The page contains no creation time: the same refs, records, notes, logs and queue give the same file. Its path is \
             printed. An `index.html` that git-lattice did not write is not overwritten.",
        )
        .arg(
            Arg::new(DIR)
                .value_name("DIR")
                .default_value(DEFAULT)
                .value_hint(ValueHint::DirPath)
                .help("The folder of `index.html`, made if it does not exist; `-` prints the page"),
        )
        .arg(
            Arg::new("title")
                .long("title")
                .value_name("TEXT")
                .help("The title of the page, by default the name of the repository"),
        )
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON: the path, the size, what is on the page"));
    points::add_flags(wanted::add_args(command), axes)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    let dir = args.get_one::<String>(DIR).map_or(DEFAULT, String::as_str);
    let (folder, is_json) = (session.environment.cwd.join(dir), args.get_flag("json"));
    if is_json && dir == STDOUT {
        bail!("`--json` and `-` cannot both print to stdout");
    }
    if !folder.exists() && points::are_points(config, dir) {
        return Err(Cannot::PointsForFolder { text: dir.to_owned() }.into());
    }
    if args.value_source(DIR) == Some(ValueSource::DefaultValue) && folder.is_symlink() {
        return Err(NotOurs::link(folder).into());
    }
    let contents = contents(session, args)?;
    let title = args.get_one::<String>("title").cloned().unwrap_or_else(|| page::title(&context.repo, config));
    let document = ui::page::of(config, &contents, title);
    if dir == STDOUT {
        ui.document(|to| document.write(to));
        return Ok(error::OK);
    }
    let (path, size) = page::write(&folder, |to| document.write(to))?;
    if is_json {
        let path = path.canonicalize().unwrap_or(path);
        let (points, details) = (contents.survey.points.len(), contents.details.len());
        ui.json(json!({ "path": path.to_string_lossy(), "size": size, "points": points, "details": details }));
    } else {
        ui.data(Path::new(dir).join(page::FILE).to_string_lossy());
    }
    Ok(error::OK)
}

fn contents(session: &Session, args: &ArgMatches) -> Result<Contents> {
    let (context, config) = (session.context()?, session.config()?);
    let census = Census::take(&context.repo, config)?;
    let named = Selection::read(config, args)?;
    let which = if named.is_empty() { None } else { Some(named.filter(config, &census)?) };
    let contents = page::contents(context, config, &census, (which.as_deref(), &wanted::read(args)?))?;
    left_out::warn(&session.ui, config, &contents.survey.broken, &contents.survey.unreadable);
    Ok(contents)
}
