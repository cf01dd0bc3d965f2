//! A program that is started before its stdin is known.

use std::process::Stdio;

use super::children::Reaped;
use super::{Clock, Cmd, Error, Output, OutputEvent, Result};

/// A running program that waits for its stdin; dropping it kills it.
#[derive(Debug)]
pub struct PendingInput {
    child: Reaped,
    cmd: Cmd,
}

impl Cmd {
    /// Starts the program with an open stdin; [`PendingInput::finish`] writes to it.
    ///
    /// # Errors
    /// When the program is missing or cannot be started.
    pub fn spawn_with_open_stdin(self) -> Result<PendingInput> {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(PendingInput { child: self.start(&mut command)?, cmd: self })
    }
}

impl PendingInput {
    /// Returns its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes `stdin`, waits for the end and requires exit status 0.
    ///
    /// # Errors
    /// When the exit status is not 0, or reading and writing its pipes failed.
    pub fn finish(self, stdin: &[u8]) -> Result<Output> {
        let mut stderr = Vec::new();
        let (status, stdout) = self.cmd.communicate(self.child, Some(stdin.to_vec()), |heard| {
            if let OutputEvent::Line(line) = heard {
                stderr.extend_from_slice(line);
            }
            Clock::Run
        })?;
        if status.success() {
            Ok(Output { status, stdout, stderr })
        } else {
            Err(Error::Failed { command: self.cmd.to_string(), status, stdout, stderr })
        }
    }
}
