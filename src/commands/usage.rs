//! Arguments that clap refuses: prints why, with a hint that fits the command, and which help to read.

use std::io::{self, Write as _};

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Session, unknown};
use crate::error;
use crate::process::quote;

/// What clap names as the help. git opens a man page for `git lattice --help`, which may not be installed.
const OWN_HELP: &str = "--help";

/// Prints why the arguments of `line` are wrong, or the help that they ask for; returns the exit code.
pub(crate) fn refuse(session: &Session, line: &Command, mut wrong: clap::Error) -> u8 {
    if !wrong.use_stderr() {
        wrong.print().ok();
        return error::OK;
    }
    let path = path(line, &session.environment.command);
    let hint = hint(session, &path, &wrong);
    if hint.is_some() {
        wrong.remove(ContextKind::SuggestedSubcommand);
    }
    drop_escapes(&mut wrong);
    let text = wrong.render();
    let text = if session.ui.err.color { text.ansi().to_string() } else { text.to_string() };
    write!(io::stderr(), "{}", with_help(&text, &path)).ok();
    hint.iter().for_each(|hint| session.ui.hint(hint));
    error::CANNOT
}

/// The command that the arguments reach, preceded by those above it: `git-lattice`, `hooks`.
fn path<'c>(line: &'c Command, args: &[String]) -> Vec<&'c Command> {
    let mut path = vec![line];
    let is_help = args.first().is_some_and(|arg| arg == "help");
    for arg in args.iter().skip(usize::from(is_help)) {
        let Some(inner) = path.last().and_then(|command| command.find_subcommand(arg)) else { break };
        path.push(inner);
    }
    path
}

/// `git lattice hooks`
fn name(path: &[&Command]) -> String {
    path.iter().skip(1).fold("git lattice".to_owned(), |name, command| format!("{name} {}", command.get_name()))
}

/// What the user may have meant; `None` where clap names the nearest spelling.
fn hint(session: &Session, path: &[&Command], wrong: &clap::Error) -> Option<String> {
    let text = |kind: ContextKind| match wrong.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    if let Some(wanted) = text(ContextKind::InvalidSubcommand) {
        return match path {
            [_] if wanted.contains('/') => Some(of_status(session)),
            [_] => unknown::hint(wanted).map(str::to_owned),
            _ if wrong.get(ContextKind::SuggestedSubcommand).is_some() => None,
            _ => Some(subcommands(path)),
        };
    }
    let argument = text(ContextKind::InvalidArg).filter(|_| wrong.kind() == ErrorKind::UnknownArgument)?;
    let status = path[0].find_subcommand("status").filter(|_| path.len() == 1);
    let has_flag = |status: &Command| status.get_arguments().any(|arg| arg.get_long() == argument.strip_prefix("--"));
    if status.is_some_and(has_flag) {
        return Some(of_status(session));
    }
    unknown::hint_for_argument(session, &name(path), argument)
}

/// The command that has the arguments of bare `git lattice`.
fn of_status(session: &Session) -> String {
    let args: Vec<_> = session.environment.command.iter().map(quote).collect();
    format!("`git lattice` takes no arguments: `git lattice status {}`", args.join(" "))
}

fn subcommands(path: &[&Command]) -> String {
    let inner = path.last().into_iter().flat_map(|command| command.get_subcommands());
    let names: Vec<_> = inner.map(Command::get_name).filter(|name| *name != "help").collect();
    format!("the commands of `{}`: `{}`", name(path), names.join("`, `"))
}

/// Drops the advice to pass an unknown flag as a value after `--`: no value begins with `-`.
fn drop_escapes(wrong: &mut clap::Error) {
    if let Some(ContextValue::StyledStrs(mut tips)) = wrong.remove(ContextKind::Suggested) {
        tips.retain(|tip| !tip.to_string().contains(" as a value"));
        if !tips.is_empty() {
            wrong.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
        }
    }
}

/// Replaces the help that clap names at the end by one that git passes on.
fn with_help(text: &str, path: &[&Command]) -> String {
    let help = if path.len() == 1 { "git lattice help".to_owned() } else { format!("{} {OWN_HELP}", name(path)) };
    match text.rfind("For more information").and_then(|at| Some((at, text[at..].find(OWN_HELP)?))) {
        Some((at, more)) => format!("{}{help}{}", &text[..at + more], &text[at + more + OWN_HELP.len()..]),
        None => text.to_owned(),
    }
}
