//! `git lattice graph`

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Session;
use super::shared::points::{self, Selection};
use super::shared::{left_out, pager, wanted};
use crate::lattice::Point;
use crate::ops::page;
use crate::points::MANY;
use crate::points::census::Census;
use crate::points::diagram::Diagram;
use crate::points::status;
use crate::points::wanted::Wanted;
use crate::ui::Screen;
use crate::ui::graph::{Picture, dot, json, mermaid, svg, text};
use crate::{error, ui};

const HTML: &str = "html";
const FORMATS: [&str; 6] = ["text", "dot", "mermaid", "svg", HTML, "json"];

pub(super) fn command(axes: &[String]) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let command = Command::new("graph")
        .about("Draw which points are built on which")
        .long_about(
            "Draw the Hasse diagram of all points that have a branch, or of the named ones: a line joins each point to the points \
             directly below it, and the lowest points to the base branch. A dotted line skips points that are not selected.\n\n\
             `text` draws each point above the points that it is built on, in the style of `git log --graph`, with the marks of `git \
             lattice status`. With 300 or more points, points in the middle of a chain that are in the same state are counted. `dot` is for Graphviz, \
             `mermaid` for GitHub and other wikis, `svg` for browsers, and `html` is the page of `git lattice page`.",
        )
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .default_value(FORMATS[0])
                .value_parser(PossibleValuesParser::new(FORMATS))
                .help("The language of the diagram"),
        )
        .arg(flag("all", "Draw each selected point in text, also of a large lattice, whose chains are folded otherwise"))
        .arg(flag("ascii", "Draw text with ASCII characters only"))
        .arg(flag("json", "Print JSON, as with --format json").conflicts_with("format"));
    points::add_args(wanted::add_args(command), axes, true)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    let selection = Selection::read(config, args)?;
    let census = selection.census_to_filter(context, config)?;
    let points = selection.filter(config, &census)?;
    let is_all = points.len() == census.population().len();
    let (which, conditions) = ((!is_all).then_some(points.as_slice()), wanted::read(args)?);
    if format(args) == HTML {
        return print_page(session, &census, (which, &conditions));
    }
    let mut survey = status::states(context, config, &census, which)?;
    left_out::warn(ui, config, &survey.broken, &survey.unreadable);
    conditions.retain(&context.repo, &mut survey.points)?;
    let shown: Vec<_> = survey.points.iter().map(|status| &status.named.point).collect();
    let diagram = Diagram::of(config, census.population(), &shown);
    let head = context.head_point(config)?;
    let picture = Picture { config, points: &survey.points, diagram: &diagram, head: head.as_ref() };
    if survey.points.is_empty() {
        let is_refused = !points.is_empty() && !conditions.is_anything();
        ui.say(if is_refused { wanted::NONE_FULFILS } else { wanted::none(!selection.is_empty()) });
        if format(args) == FORMATS[0] && !args.get_flag("json") {
            return Ok(error::OK);
        }
    }
    print(session, &picture, args);
    Ok(error::OK)
}

fn format(args: &ArgMatches) -> &str {
    args.get_one::<String>("format").map_or(FORMATS[0], String::as_str)
}

/// Prints the page that `git lattice page` writes.
fn print_page(session: &Session, census: &Census, which: (Option<&[Point]>, &Wanted)) -> Result<u8> {
    let (context, config) = (session.context()?, session.config()?);
    let contents = page::contents(context, config, census, which)?;
    left_out::warn(&session.ui, config, &contents.survey.broken, &contents.survey.unreadable);
    let page = ui::page::of(config, &contents, page::title(&context.repo, config));
    session.ui.document(|to| page.write(to));
    Ok(error::OK)
}

fn print(session: &Session, picture: &Picture<'_>, args: &ArgMatches) {
    let ui = &session.ui;
    let format = format(args);
    let document = match format {
        _ if args.get_flag("json") => return ui.json(json::GraphView::of(*picture)),
        "json" => return ui.json(json::GraphView::of(*picture)),
        "dot" => dot::document(picture),
        "mermaid" => mermaid::document(picture),
        "svg" => svg::document(picture),
        _ => {
            let folds = picture.points.len() >= MANY && !args.get_flag("all");
            let screen = Screen { ascii: ui.out.ascii || args.get_flag("ascii"), ..ui.out };
            return pager::print(session, &text::lines(picture, folds, screen));
        }
    };
    ui.data(document.trim_end());
    if format == "mermaid" && picture.diagram.edges().count() > mermaid::MOST_EDGES {
        ui.hint(format!(
            "Mermaid draws at most {} edges by default: select fewer points, or set `maxEdges`",
            mermaid::MOST_EDGES
        ));
    }
}
