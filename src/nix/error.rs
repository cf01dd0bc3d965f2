//! Why nix could not be asked, as opposed to what it answered.

use std::path::PathBuf;

use super::version::Version;
use crate::nix::read::trouble;
use crate::process;

/// Nix is missing, is not what is needed, was stopped, or said something that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no `nix` on PATH.
    #[error("`nix` was not found on PATH")]
    Missing,
    /// There is no `nix-store`, neither beside `nix` nor on PATH.
    #[error("`nix-store` was not found, neither beside `nix` nor on PATH")]
    NoStore,
    /// The program is there but does not introduce itself as Nix does.
    #[error("`{}` is not Nix: its `--version` says `{said}`", program.display())]
    NotNix {
        /// What was run.
        program: PathBuf,
        /// The first line of its answer.
        said: String,
    },
    /// This Nix is older than 2.8, the first whose flakes are usable.
    #[error("Nix {version} at `{}` is too old: 2.8 or later is needed", program.display())]
    TooOld {
        /// What was run.
        program: PathBuf,
        /// What it calls itself.
        version: Version,
    },
    /// The settings that the environment holds could not be put into a file.
    #[error("could not put `NIX_CONFIG` into a file for Nix")]
    UserConfig(#[source] std::io::Error),
    /// The user stopped it, and us.
    #[error("nix was interrupted{}", signal.map(|n| format!(" (signal {n})")).unwrap_or_default())]
    Interrupted {
        /// The signal that ended it, when one did directly.
        signal: Option<i32>,
    },
    /// A signal ended it that the user did not send us.
    #[error("nix was killed{}", signal.map(|n| format!(" (signal {n})")).unwrap_or_default())]
    Killed {
        /// The signal, when one ended it directly.
        signal: Option<i32>,
    },
    /// Its answer does not have the shape that all known versions give it.
    #[error("could not read what `nix {command}` printed: {problem}")]
    Unreadable {
        /// The subcommand.
        command: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Copying to another store did not succeed.
    #[error("could not copy to `{to}`: {said}")]
    NotCopied {
        /// The other store.
        to: String,
        /// What nix and ssh said.
        said: String,
    },
    /// It could not be run, or a question that cannot be answered with "no" failed.
    #[error(transparent)]
    Process(#[from] process::Error),
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing | Self::NoStore | Self::NotNix { .. } | Self::TooOld { .. } => Some(
                "Nix comes from https://nixos.org/download or your distribution (Debian: the package `nix-bin`)".into(),
            ),
            Self::Killed { signal: Some(9) } => trouble::hint("signal 9", None),
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
