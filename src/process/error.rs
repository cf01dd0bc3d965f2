//! Why a program gave no answer, as opposed to what it answered.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

/// Why a program did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program is not there.
    #[error("`{program}` was not found")]
    NotFound {
        /// What was looked for.
        program: String,
    },
    /// It could not be started, or talking to it failed.
    #[error("could not run `{command}`")]
    Io {
        /// The pasteable line.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ran and ended with something else than 0.
    #[error("`{command}` ended with {status}{}", said(stderr))]
    Failed {
        /// The pasteable line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to stdout.
        stdout: Vec<u8>,
        /// What it wrote to stderr.
        stderr: Vec<u8>,
    },
    /// It did not get as far as it should in the time it had, and was ended.
    #[error("`{command}` was stopped after {} seconds", limit.as_secs())]
    TimedOut {
        /// The pasteable line.
        command: String,
        /// The time it had.
        limit: Duration,
    },
    /// Nothing moved for too long while it spoke to a network, and it was ended.
    #[error("`{command}` was stopped: nothing moved for {} seconds", limit.as_secs())]
    Still {
        /// The pasteable line.
        command: String,
        /// The time in which something must move.
        limit: Duration,
    },
}

/// `Result` with this module's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

fn said(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let text = text.trim();
    if text.is_empty() { String::new() } else { format!(": {text}") }
}
