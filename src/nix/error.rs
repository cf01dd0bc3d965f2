//! Errors of asking nix, as opposed to its answers.

use std::path::PathBuf;

use super::version::Version;
use crate::nix::read::trouble;
use crate::process;

/// Nix is missing or unsuitable, was stopped, or printed something that cannot be parsed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `nix` is not on PATH.
    #[error("`nix` was not found on PATH")]
    Missing,
    /// `nix-store` is neither beside `nix` nor on PATH.
    #[error("`nix-store` was not found, neither beside `nix` nor on PATH")]
    NoStore,
    /// The program's `--version` is not Nix's.
    #[error("`{}` is not Nix: its `--version` prints `{printed}`", program.display())]
    NotNix {
        /// The program that was run.
        program: PathBuf,
        /// The first line of its output.
        printed: String,
    },
    /// Nix does not start, for example because of its settings.
    #[error("`{} --version` failed: {said}", program.display())]
    NotStarted {
        /// The program that was run.
        program: PathBuf,
        /// Its error.
        said: String,
    },
    /// Nix is older than 2.8, the first version with usable flakes.
    #[error("Nix {version} at `{}` is too old: 2.8 or later is needed", program.display())]
    TooOld {
        /// The program that was run.
        program: PathBuf,
        /// Its version.
        version: Version,
    },
    /// The settings in `NIX_CONFIG` could not be written to a file.
    #[error("could not write `NIX_CONFIG` to a file for Nix")]
    UserConfig(#[source] std::io::Error),
    /// The user interrupted both nix and us.
    #[error("nix was interrupted{}", signal.map(|n| format!(" (signal {n})")).unwrap_or_default())]
    Interrupted {
        /// The signal that ended nix, if a signal ended it directly.
        signal: Option<i32>,
    },
    /// A signal that was not sent to us ended nix.
    #[error("nix was killed{}", signal.map(|n| format!(" (signal {n})")).unwrap_or_default())]
    Killed {
        /// The signal, if one ended nix directly.
        signal: Option<i32>,
    },
    /// The output has a format that no known version prints.
    #[error("could not parse the output of `nix {command}`: {problem}")]
    Unreadable {
        /// The subcommand.
        command: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A URL could not be fetched.
    #[error("could not fetch `{url}`: {message}")]
    NotFetched {
        /// The URL.
        url: String,
        /// The first line of nix's message.
        message: String,
    },
    /// Copying to another store failed.
    #[error("could not copy to `{to}`: {message}")]
    NotCopied {
        /// The other store.
        to: String,
        /// The messages of nix and ssh.
        message: String,
    },
    /// Nix could not be run, or a command failed for which failure is not an answer.
    #[error(transparent)]
    Process(#[from] process::Error),
}

impl Error {
    /// Returns what the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing | Self::NoStore | Self::NotNix { .. } | Self::TooOld { .. } => Some(
                "install Nix from https://nixos.org/download or your distribution (Debian: the package `nix-bin`)"
                    .into(),
            ),
            Self::NotStarted { .. } => Some(
                "correct the setting in nix.conf (`/etc/nix/nix.conf`, `~/.config/nix/nix.conf`) or in `NIX_CONFIG`"
                    .into(),
            ),
            Self::NotFetched { message, .. } => trouble::hint(message, Some(trouble::Trouble::Fetch)),
            Self::Killed { signal: Some(9) } => trouble::hint("signal 9", None),
            Self::Killed { signal: Some(11) } => Some(trouble::CRASHED.into()),
            Self::Process(process::Error::Failed { stderr, .. }) => {
                trouble::hint(&String::from_utf8_lossy(stderr), None)
            }
            _ => None,
        }
    }

    pub(super) fn unreadable(command: &'static str, problem: &impl ToString) -> Self {
        Self::Unreadable { command, problem: problem.to_string() }
    }
}
