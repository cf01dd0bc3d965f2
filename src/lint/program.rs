//! A linter of others as a program: found, asked who it is, and run within a time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::{self, Clock, Cmd, Output};

/// A program that has not printed its help by then serves something.
const RECOGNITION: Duration = Duration::from_secs(5);

/// A program that was looked at: where it is, and its version where it tells.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) version: Option<String>,
    pub(super) limit: Duration,
}

impl Program {
    /// The program that is named, else the one on PATH.
    pub(super) fn find(name: &str, given: Option<&Path>, limit: Duration) -> Result<Self, String> {
        let path = match given {
            Some(path) => path.to_owned(),
            None => which::which(name)
                .map_err(|_| format!("it is not on PATH (get it with `nix profile install nixpkgs#{name}`)"))?,
        };
        Ok(Self { path, version: None, limit })
    }

    /// What it prints for these arguments, where it does so soon and ends with 0.
    pub(super) fn tell(&self, args: &[&str]) -> Result<String, String> {
        let output = within(Cmd::new(&self.path).args(args), RECOGNITION.min(self.limit));
        match output.map_err(|error| error.to_string()) {
            Ok(output) if output.status.success() => Ok(output.text()),
            Ok(_) => Ok(String::new()),
            Err(why) => Err(why),
        }
    }

    /// What to call a program of the same name that is no linter.
    pub(super) fn stranger(&self) -> String {
        // The crate `statix` in the Rust registry serves static files.
        let help = self.tell(&["--help"]).unwrap_or_default().to_lowercase();
        let what = if help.contains("server") || help.contains("serves") || help.contains("http") {
            "a web server of that name"
        } else {
            "another program of that name"
        };
        format!("`{}` is {what}, not the linter for Nix", self.path.display())
    }
}

/// Runs a linter and gives it up after a time.
pub(super) fn within(cmd: Cmd, limit: Duration) -> process::Result<Output> {
    let mut stderr = Vec::new();
    let (status, stdout) = cmd.without_git_env().stream_within(Some(limit), |line| {
        stderr.extend_from_slice(line);
        Clock::Run
    })?;
    Ok(Output { status, stdout, stderr })
}
