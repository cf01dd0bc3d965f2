//! `git lattice lint`

use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};

use super::Session;
use super::complete::Slot;
use crate::context::Context;
use crate::error;
use crate::git;
use crate::lint::{self, Report, Verdict};
use crate::ops::lint::{self as ops, Fixed, SourceSet, Target};
use crate::ui::Ui;
use crate::ui::lint::{annotate, human, sarif, warn_of_unknown};
use crate::ui::{lint as view, terminal_safe, wrap};

const FORMATS: [&str; 5] = ["human", "json", "github", "sarif", "errfmt"];

pub(super) fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let text = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new("lint")
        .about("Check Nix files: syntax, the rules of git-lattice, format, and statix and deadnix if they are installed")
        .long_about(
            "Check Nix files: syntax, the rules of git-lattice, format, and statix and deadnix if they are installed.\n\n\
             Without arguments all .nix files of the worktree are checked, tracked and untracked, that no .gitignore leaves out. \
             `-` is stdin. What was not checked is reported.\n\n\
             Exit status: 0 nothing but hints, 1 findings, 2 something could not be checked.",
        )
        .arg(Arg::new("paths").value_name("PATH").num_args(0..).value_parser(value_parser!(PathBuf)).help(
            "Files, and folders with .nix files; `-` for stdin",
        ))
        .arg(flag("staged", "Check what the next commit would change, as it is in the index"))
        .arg(Slot::Branch.of(text("from-ref", "A", "Check the files of --to-ref that are new or changed since this commit")))
        .arg(Slot::Branch.of(text("to-ref", "B", "The commit whose files are checked [default: HEAD]").requires("from-ref")))
        .arg(flag("all", "Check all .nix files of HEAD"))
        .arg(text("stdin-name", "PATH", "What to call stdin in the findings").value_parser(value_parser!(PathBuf)))
        .arg(flag("fix", "Apply safe fixes and the format to files of the worktree"))
        .arg(text("format", "FORMAT", "How to print the findings").value_parser(PossibleValuesParser::new(FORMATS)))
        .arg(flag("json", "Print JSON; the same as --format json").conflicts_with("format"))
        .arg(text("explain", "CODE", "Print what a code means, such as L01").exclusive(true))
        .group(ArgGroup::new("what").args(["paths", "staged", "from-ref", "all"]))
        .group(ArgGroup::new("fixed").args(["fix"]).conflicts_with_all(["staged", "from-ref", "all", "stdin-name"]))
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    if let Some(code) = args.get_one::<String>("explain") {
        let text = lint::explain(code).with_context(|| unknown_code(code))?;
        session.ui.data(wrap::paragraphs(text.trim_end(), session.ui.out.width));
        return Ok(error::OK);
    }
    let ui = &session.ui;
    let context = context(session)?;
    let what = what(args)?;
    let fix = args.get_flag("fix");
    if fix && matches!(what, Target::Stdin { .. }) {
        bail!("`--fix` writes files of the worktree, and stdin is not one");
    }
    let settings = ops::settings(context)?;
    warn_of_unknown(ui, &settings);
    let mut gathered = ops::collect_sources(context, &session.environment.cwd, &what)?;
    let fixed =
        if fix { ops::fix(&session.environment.cwd, &mut gathered.sources, &settings) } else { Fixed::default() };
    let report = ops::look(context, &gathered, settings)?;
    show(ui, args, &report, &gathered, &fixed);
    if !matches!(format(args), "json" | "sarif") {
        say_unchecked(ui, &report, context);
        ui.say(human::summary(&report, gathered.sources.len()));
    }
    if format(args) == "human" && report.findings.iter().any(|finding| finding.fix.is_some()) {
        ui.hint("`git lattice lint --fix` applies safe fixes and the format");
    }
    Ok(exit_code(report.verdict()))
}

fn unknown_code(code: &str) -> String {
    let known: Vec<&str> = lint::rules::all().iter().map(|rule| rule.code).collect();
    format!("there is no rule `{code}`: expected one of {}, or a code of statix such as W04", known.join(", "))
}

/// The repository, if there is one: files and stdin can be checked without.
fn context(session: &Session) -> Result<Option<&Context>> {
    match session.context() {
        Ok(context) => Ok(Some(context)),
        Err(failure) if matches!(failure.downcast_ref(), Some(git::Error::NotARepository(_))) => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn what(args: &ArgMatches) -> Result<Target> {
    let paths: Vec<PathBuf> = args.get_many("paths").unwrap_or_default().cloned().collect();
    let stdin = paths.iter().any(|path| path.as_os_str() == "-");
    let name = args.get_one::<PathBuf>("stdin-name");
    if name.is_some() && !stdin {
        bail!("`--stdin-name` names stdin, but `-` is not among the paths");
    }
    if stdin {
        if paths.len() > 1 {
            bail!("`-` is stdin, and cannot be checked together with other paths");
        }
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).context("could not read stdin")?;
        let name = name.cloned().unwrap_or_else(|| PathBuf::from("<stdin>"));
        return Ok(Target::Stdin { name, bytes });
    }
    if args.get_flag("staged") {
        return Ok(Target::Staged);
    }
    if args.get_flag("all") {
        return Ok(Target::All);
    }
    let text = |name: &str| args.get_one::<String>(name).cloned();
    Ok(match text("from-ref") {
        Some(from) => Target::Between { from, to: text("to-ref").unwrap_or_else(|| "HEAD".to_owned()) },
        None => Target::Paths(paths),
    })
}

fn format(args: &ArgMatches) -> &str {
    if args.get_flag("json") { "json" } else { args.get_one("format").map_or("human", String::as_str) }
}

fn show(ui: &Ui, args: &ArgMatches, report: &Report, gathered: &SourceSet, fixed: &Fixed) {
    let print = |lines: Vec<String>| lines.iter().for_each(|line| ui.data(line));
    match format(args) {
        "json" => ui.json(view::json(report, &gathered.sources, fixed)),
        "sarif" => {
            let document = sarif::document(report, &gathered.sources);
            ui.data(serde_json::to_string_pretty(&document).unwrap_or_default());
        }
        "github" => print(annotate::lines(report)),
        "errfmt" => print(view::errfmt(report)),
        _ => print(human::findings(report, &gathered.sources, ui.out)),
    }
    let path = |path: &std::path::Path| terminal_safe(&path.display().to_string());
    fixed.changed.iter().for_each(|changed| ui.say(format!("fixed {}", path(changed))));
    fixed.left.iter().for_each(|(left, why)| ui.say(format!("not fixed: {}: {}", path(left), terminal_safe(why))));
}

fn say_unchecked(ui: &Ui, report: &Report, context: Option<&Context>) {
    for unchecked in ops::news(context.map(|context| &context.repo), report, true) {
        let text = terminal_safe(&unchecked.to_string());
        if unchecked.required {
            ui.error(format!("{text}; `lint.require` in lattice.toml requires it"));
        } else {
            ui.say(text);
        }
    }
}

fn exit_code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Clean => error::OK,
        Verdict::Findings => error::NO,
        Verdict::CouldNotCheck => error::CANNOT,
    }
}
