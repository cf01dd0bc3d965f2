//! What clap needs, and the way from arguments to an exit code.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap::Command;

use crate::commands::{self, Session};
use crate::env::Environment;
use crate::{error, process, ui};

/// The axes whose flags exist where no `lattice.toml` says otherwise.
const USUAL_AXES: [&str; 4] = ["component", "arch", "phase", "step"];

/// Runs git-lattice with these arguments, the program's name first.
#[must_use]
pub fn main(args: Vec<OsString>) -> ExitCode {
    let environment = match Environment::read() {
        Ok(environment) => environment,
        Err(source) => {
            clap::Error::raw(clap::error::ErrorKind::Io, format!("the current directory is not usable: {source}\n"))
                .print()
                .ok();
            return ExitCode::from(error::CANNOT);
        }
    };
    process::set_trace(environment.trace);
    // A hook runs on every checkout of everybody: it goes past clap.
    if args.get(1).map(OsString::as_os_str) == Some(OsStr::new("hook")) {
        return ExitCode::from(commands::hook::run(environment, &args[2..]));
    }
    let session = Session::new(environment);
    let code = match command(&session.axis_names()).try_get_matches_from(args) {
        Ok(matches) => ui::final_code(commands::run(&session, &matches)),
        Err(wrong) => {
            wrong.print().ok();
            if wrong.use_stderr() { error::CANNOT } else { error::OK }
        }
    };
    ExitCode::from(code)
}

/// The whole command line; where points can be named there is a flag for each of `axes`.
#[must_use]
pub fn command(axes: &[String]) -> Command {
    Command::new("git-lattice")
        .bin_name("git lattice")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Build in stages: every step a branch, every branch a reproducible flake, every result recorded in git")
        .after_help(
            "A point is written component/arch/phase/step, with `*` and `{a,b}` where several can be meant, or by its branch.\n\
             What is left open comes from the branch that HEAD is on.\n\n\
             Exit status: 0 done, 1 the answer is no, 2 it could not be done.",
        )
        .disable_help_subcommand(true)
        .subcommands(commands::all(axes))
}

/// The command line with the usual axes, for the man page and completions.
#[must_use]
pub fn usual_command() -> Command {
    command(&usual_axes())
}

/// The usual axes' names.
#[must_use]
pub fn usual_axes() -> Vec<String> {
    USUAL_AXES.map(str::to_owned).to_vec()
}
