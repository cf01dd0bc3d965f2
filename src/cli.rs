//! Runs the program: from arguments to an exit code.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use crate::commands::{self, Session};
use crate::env::Environment;
use crate::{error, process, ui};

/// Runs git-lattice with these arguments (the program name first) and returns the exit code.
#[must_use]
pub fn main(args: Vec<OsString>) -> ExitCode {
    let is_completion = args.get(1).map(OsString::as_os_str) == Some(OsStr::new("complete"));
    let mut environment = match Environment::read() {
        Ok(environment) => environment,
        Err(_) if is_completion => return ExitCode::from(error::OK),
        Err(source) => {
            clap::Error::raw(clap::error::ErrorKind::Io, format!("the current directory is not usable: {source}\n"))
                .print()
                .ok();
            return ExitCode::from(error::CANNOT);
        }
    };
    environment.command = args.iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    // Nothing but candidates may reach the terminal while the user types.
    if is_completion {
        return ExitCode::from(commands::complete::run(environment, &args[2..], commands::line));
    }
    process::set_trace(environment.trace);
    ui::announce_waits();
    // Hooks run on every checkout; skip clap for speed.
    if args.get(1).map(OsString::as_os_str) == Some(OsStr::new("hook")) {
        let code = commands::hook::run(environment, &args[2..]);
        if process::is_cut_off() {
            process::end_by_signal();
        }
        return ExitCode::from(code);
    }
    // The shell prompt runs after every command and takes no axis flags: do not read lattice.toml for them.
    let is_prompt = args.get(1).map(OsString::as_os_str) == Some(OsStr::new("prompt"));
    let session = Session::new(environment);
    let axes = if is_prompt { Vec::new() } else { session.axis_names() };
    let mut line = commands::line(&axes);
    let code = match line.try_get_matches_from_mut(args) {
        Ok(matches) => ui::final_code(commands::run(&session, &matches)),
        Err(wrong) => commands::usage::refuse(&session, &line, wrong),
    };
    process::end_by_signal();
    ExitCode::from(code)
}
