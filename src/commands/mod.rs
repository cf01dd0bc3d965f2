//! One file per command: arguments, one call, one view. `shared` has what several commands use.

mod adopt;
mod axis;
mod bisect;
mod build;
mod check;
pub(crate) mod complete;
mod completions;
mod diff;
mod doctor;
mod graph;
pub(crate) mod hook;
mod hooks;
mod init;
mod lint;
mod list;
mod log;
mod man;
mod move_point;
mod new;
mod next_step;
mod note;
mod ops;
mod page;
mod port;
mod promote;
mod prompt;
mod prune;
mod regenerate;
mod report;
mod restack;
mod seed;
mod shared;
mod show;
mod source;
mod status;
mod switch;
mod sync;
mod trust;
mod undo;
mod unknown;
pub(crate) mod usage;

use std::collections::HashSet;

use clap::{ArgMatches, Command};

use self::shared::points::POINTS;
use self::shared::report::report as report_error;
use self::shared::session::default_axes;
use crate::ops::unfinished;
use crate::{error, process};

pub(crate) use self::shared::session::Session;

/// The whole command line; commands that take points have a flag for each of `axes`.
pub(crate) fn line(axes: &[String]) -> Command {
    Command::new("git-lattice")
        .bin_name("git lattice")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Build in stages: every step a branch, every branch a reproducible flake, every result recorded in git")
        .after_help(
            "A point is written component/arch/phase/step, where `*` and `{a,b}` select several, or as the name of its branch.\n\
             Axes that are not given take their values from the branch of HEAD.\n\n\
             Exit status: 0 success, 1 refused or failed, 2 the command could not run.",
        )
        .subcommands(all(&axes_with_flags(axes)))
}

/// The axes that get a flag. A command's own flag of the same name has priority; such an axis can only be given within
/// a point.
fn axes_with_flags(axes: &[String]) -> Vec<String> {
    let own = all(&[]);
    let has_axes =
        |command: &&Command| command.get_arguments().any(|arg| [POINTS, page::DIR].iter().any(|id| arg.get_id() == id));
    let flags = own.iter().filter(has_axes).flat_map(Command::get_arguments).filter_map(clap::Arg::get_long);
    let taken: HashSet<&str> = flags.chain(["help", "version"]).collect();
    axes.iter().filter(|axis| !taken.contains(axis.as_str())).cloned().collect()
}

/// The command line with the usual axes, for the man page.
fn default_command() -> Command {
    line(&default_axes())
}

fn all(axes: &[String]) -> Vec<Command> {
    vec![
        init::command(),
        adopt::command(),
        axis::command(),
        new::command(axes),
        next_step::command(axes),
        promote::command(axes),
        restack::command(axes),
        regenerate::command(axes),
        port::command(axes),
        move_point::command(),
        prune::command(axes),
        build::command(axes),
        build::trial::command(axes),
        bisect::command(axes),
        log::command(axes),
        status::command(axes),
        list::command(axes),
        graph::command(axes),
        show::command(axes),
        note::command(axes),
        report::command(axes),
        page::command(axes),
        switch::command(axes),
        diff::command(axes),
        source::command(axes),
        seed::command(),
        sync::command(axes),
        undo::command(),
        ops::command(),
        trust::command(axes),
        lint::command(),
        check::command(axes),
        doctor::command(),
        hooks::command(),
        prompt::command(),
        completions::command(),
        man::command(),
    ]
}

/// Runs the given command; without one, `status`.
pub(crate) fn run(session: &Session, matches: &ArgMatches) -> u8 {
    let done = match matches.subcommand() {
        Some(("init", args)) => init::run(session, args),
        Some(("adopt", args)) => adopt::run(session, args),
        Some(("axis", args)) => axis::run(session, args),
        Some(("new", args)) => new::run(session, args),
        Some(("next-step", args)) => next_step::run(session, args),
        Some(("promote", args)) => promote::run(session, args),
        Some(("restack", args)) => restack::run(session, args),
        Some(("regenerate", args)) => regenerate::run(session, args),
        Some(("port", args)) => port::run(session, args),
        Some(("move", args)) => move_point::run(session, args),
        Some(("prune", args)) => prune::run(session, args),
        Some(("build", args)) => build::run(session, args),
        Some(("try", args)) => build::trial::run(session, args),
        Some(("status", args)) => status::run(session, Some(args)),
        Some(("list", args)) => list::run(session, args),
        Some(("graph", args)) => graph::run(session, args),
        Some(("show", args)) => show::run(session, args),
        Some(("note", args)) => note::run(session, args),
        Some(("report", args)) => report::run(session, args),
        Some(("page", args)) => page::run(session, args),
        Some(("switch", args)) => switch::run(session, args),
        Some(("diff", args)) => diff::run(session, args),
        Some(("bisect", args)) => bisect::run(session, args),
        Some(("log", args)) => log::run(session, args),
        Some(("source", args)) => source::run(session, args),
        Some(("seed", args)) => seed::run(session, args),
        Some(("sync", args)) => sync::run(session, args),
        Some(("undo", args)) => undo::run(session, args),
        Some(("ops", args)) => ops::run(session, args),
        Some(("trust", args)) => trust::run(session, args),
        Some(("lint", args)) => lint::run(session, args),
        Some(("check", args)) => check::run(session, args),
        Some(("doctor", args)) => doctor::run(session, args),
        Some(("prompt", args)) => prompt::run(session, args),
        Some(("hooks", args)) => hooks::run(session, args),
        Some(("completions", args)) => completions::run(session, args),
        Some(("man", args)) => man::run(session, args, default_command()),
        _ => status::run(session, None),
    };
    session.print_notices();
    if !process::is_ending() {
        session.recover_with(unfinished::settle_own);
    }
    match done {
        Ok(code) => code,
        // After Ctrl-C, errors of the interrupted work are not reported.
        Err(_) if process::is_cut_off() => error::CANNOT,
        Err(error) => report_error(&session.ui, &error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The long flags of all commands, except those for axes.
    fn own_flags() -> Vec<String> {
        let all = all(&[]);
        let flags = all.iter().flat_map(Command::get_arguments).filter_map(clap::Arg::get_long);
        let once: HashSet<&str> = flags.chain(["help", "version", "points"]).collect();
        once.into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn axis_flags_never_clash_with_own_flags() {
        line(&own_flags()).debug_assert();
    }

    #[test]
    fn own_flags_have_priority_over_axes() {
        let axes = ["again", "to", "json", "help", "arch", "operation", "points"].map(str::to_owned);
        assert_eq!(axes_with_flags(&axes), ["arch", "operation", "points"]);
    }
}
