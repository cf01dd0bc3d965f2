//! External linters as programs: find, identify, and run them with a time limit.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::{self, Clock, Cmd, Output};

/// Time limit for printing help: a program that takes longer is not the linter (it may be a server).
const RECOGNITION: Duration = Duration::from_secs(5);

/// An external program with its version, if known.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) version: Option<String>,
    pub(super) limit: Duration,
}

impl Program {
    /// Finds the given program, or the one on PATH.
    pub(super) fn find(name: &str, given: Option<&Path>, limit: Duration) -> Result<Self, String> {
        let path = match given {
            Some(path) => path.to_owned(),
            None => which::which(name)
                .map_err(|_| format!("it is not on PATH (get it with `nix profile install nixpkgs#{name}`)"))?,
        };
        Ok(Self { path, version: None, limit })
    }

    /// Runs the program with these arguments and returns its output; empty if its exit status is not 0.
    pub(super) fn output_of(&self, args: &[&str]) -> Result<String, String> {
        let output = within(Cmd::new(&self.path).args(args), RECOGNITION.min(self.limit));
        match output.map_err(|error| error.to_string()) {
            Ok(output) if output.status.success() => Ok(output.text()),
            Ok(_) => Ok(String::new()),
            Err(why) => Err(why),
        }
    }

    /// The message for another program of the same name.
    pub(super) fn wrong_program(&self) -> String {
        // The crate `statix` in the Rust registry serves static files.
        let help = self.output_of(&["--help"]).unwrap_or_default().to_lowercase();
        let what = if help.contains("server") || help.contains("serves") || help.contains("http") {
            "a web server of that name"
        } else {
            "another program of that name"
        };
        format!("`{}` is {what}, not the linter for Nix", self.path.display())
    }
}

/// Runs a linter with a time limit.
pub(super) fn within(cmd: Cmd, limit: Duration) -> process::Result<Output> {
    let mut stderr = Vec::new();
    let (status, stdout) = cmd.without_git_env().stream_within(Some(limit), |line| {
        stderr.extend_from_slice(line);
        Clock::Run
    })?;
    Ok(Output { status, stdout, stderr })
}
