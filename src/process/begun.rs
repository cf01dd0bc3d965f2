//! A program that is started before it is known what to tell it.

use std::process::Stdio;

use super::children::Reaped;
use super::{Clock, Cmd, Error, Heard, Output, Result};

/// A program that runs and waits for its stdin; dropped, it is killed.
#[derive(Debug)]
pub struct Begun {
    child: Reaped,
    cmd: Cmd,
}

impl Cmd {
    /// Starts it with a stdin that stays open: it waits for what [`Begun::finish`] says.
    ///
    /// # Errors
    /// When it is missing or cannot be started.
    pub fn begin(self) -> Result<Begun> {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(Begun { child: self.start(&mut command)?, cmd: self })
    }
}

impl Begun {
    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Gives it `stdin`, waits for its end and asks for exit status 0.
    ///
    /// # Errors
    /// When it ends otherwise, or talking to it failed.
    pub fn finish(self, stdin: &[u8]) -> Result<Output> {
        let mut stderr = Vec::new();
        let (status, stdout) = self.cmd.converse(self.child, Some(stdin.to_vec()), |heard| {
            if let Heard::Line(line) = heard {
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
