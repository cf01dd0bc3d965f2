//! Errors of running a program.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use crate::remote_url::without_secrets;

/// Why running a program failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program does not exist.
    #[error("`{program}` was not found")]
    NotFound {
        /// The program's name or path.
        program: String,
    },
    /// It could not be started, or reading and writing its pipes failed.
    #[error("could not run `{}`", shortened(command))]
    Io {
        /// The command line.
        command: String,
        /// The system's error.
        source: io::Error,
    },
    /// It ended with another exit status than 0.
    #[error("`{}` ended with {status}{}", shortened(command), message(stderr))]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to stdout.
        stdout: Vec<u8>,
        /// What it wrote to stderr.
        stderr: Vec<u8>,
    },
    /// It exceeded its time limit and was ended.
    #[error("`{}` was stopped after {} seconds", shortened(command), limit.as_secs())]
    TimedOut {
        /// The command line.
        command: String,
        /// The limit.
        limit: Duration,
    },
    /// It exceeded its limit for the time without activity and was ended.
    #[error("`{}` was stopped: nothing moved for {} seconds", shortened(command), limit.as_secs())]
    Stalled {
        /// The command line.
        command: String,
        /// The limit.
        limit: Duration,
    },
}

/// `Result` with this module's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Cuts a command line: a call of Nix may name thousands of derivations.
fn shortened(command: &str) -> String {
    const MOST: usize = 300;
    match command.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} ...", &command[..end]),
        None => command.to_owned(),
    }
}

fn message(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let text = text.trim();
    if text.is_empty() { String::new() } else { format!(": {}", without_secrets(text)) }
}
