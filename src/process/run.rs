//! Running a [`Cmd`]: read, with both streams captured, or shown on the terminal.

use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::talk::talk;
use super::{Cmd, Error, Result, children};

/// Whether the time limit of a program goes on running; once stopped, it stays so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// It does.
    Run,
    /// The limit is lifted: what had to be done in time is done.
    Stop,
}

/// What is heard of a program that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard<'a> {
    /// A line of its stderr, with its newline.
    Line(&'a [u8]),
    /// Nothing, for as long as was asked.
    Silence,
}

/// What a program that was read gave back.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to stdout.
    pub stdout: Vec<u8>,
    /// What it wrote to stderr.
    pub stderr: Vec<u8>,
}

impl Output {
    /// stdout as text, whatever its bytes, without the final newline.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end_matches('\n').to_owned()
    }

    /// stderr as text, whatever its bytes, trimmed.
    #[must_use]
    pub fn error_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).trim().to_owned()
    }
}

impl Cmd {
    /// Runs it, captures both streams and asks for exit status 0.
    ///
    /// # Errors
    /// When it is missing, cannot be started, or ends otherwise.
    pub fn read(self) -> Result<Output> {
        let command = self.to_string();
        let Output { status, stdout, stderr } = self.output()?;
        if status.success() {
            Ok(Output { status, stdout, stderr })
        } else {
            Err(Error::Failed { command, status, stdout, stderr })
        }
    }

    /// Runs it and captures both streams, whatever its exit status.
    ///
    /// # Errors
    /// When it is missing or cannot be started.
    pub fn output(self) -> Result<Output> {
        let mut stderr = Vec::new();
        let (status, stdout) = self.stream(|line| stderr.extend_from_slice(line))?;
        Ok(Output { status, stdout, stderr })
    }

    /// Runs it, hands every line of stderr (with its newline) to `on_stderr` as it comes, and gives back how it ended and its stdout.
    ///
    /// # Errors
    /// When it is missing or cannot be started.
    pub fn stream(self, mut on_stderr: impl FnMut(&[u8])) -> Result<(ExitStatus, Vec<u8>)> {
        self.stream_within(None, |line| {
            on_stderr(line);
            Clock::Stop
        })
    }

    /// Like [`stream`](Self::stream), but the child is killed when `limit` passes before `on_stderr` says that the clock may stop.
    ///
    /// # Errors
    /// When it is missing, cannot be started, or took too long.
    pub fn stream_within(
        self,
        limit: Option<Duration>,
        mut on_stderr: impl FnMut(&[u8]) -> Clock,
    ) -> Result<(ExitStatus, Vec<u8>)> {
        self.listen(limit, None, |heard| match heard {
            Heard::Line(line) => on_stderr(line),
            Heard::Silence => Clock::Run,
        })
    }

    /// Like [`stream_within`](Self::stream_within); `on` is also told each time that nothing was said for `patience`.
    ///
    /// # Errors
    /// When it is missing, cannot be started, or took too long.
    pub fn listen(
        self,
        limit: Option<Duration>,
        patience: Option<Duration>,
        on: impl FnMut(Heard<'_>) -> Clock,
    ) -> Result<(ExitStatus, Vec<u8>)> {
        let mut command = self.command();
        command.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.trace();
        let mut child = Reaped::start(&mut command).map_err(|source| self.not_started(source))?;
        let stdin = self.stdin.as_deref().unwrap_or_default();
        let (stdout, late) =
            talk(&mut child.0, stdin, (limit, patience), on).map_err(|source| self.not_started(source))?;
        let status = child.0.wait().map_err(|source| self.not_started(source))?;
        match limit.filter(|_| late) {
            Some(limit) => Err(Error::TimedOut { command: self.to_string(), limit }),
            None => Ok((status, stdout)),
        }
    }

    /// Starts it with a stdin that stays open: it waits for what [`Begun::finish`] says.
    ///
    /// # Errors
    /// When it is missing or cannot be started.
    pub fn begin(self) -> Result<Begun> {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.trace();
        let child = Reaped::start(&mut command).map_err(|source| self.not_started(source))?;
        Ok(Begun { child, cmd: self })
    }

    /// Runs it on the user's terminal: stdin and stderr are ours, its stdout goes to stderr, since stdout is for data.
    ///
    /// # Errors
    /// When it is missing or cannot be started.
    pub fn show(self) -> Result<ExitStatus> {
        let mut command = self.command();
        command.stdout(io::stderr());
        self.trace();
        let mut child = Reaped::start(&mut command).map_err(|source| self.not_started(source))?;
        child.0.wait().map_err(|source| self.not_started(source))
    }
}

/// A program that runs and waits for its stdin; dropped, it is killed.
pub struct Begun {
    child: Reaped,
    cmd: Cmd,
}

impl Begun {
    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Gives it `stdin`, waits for its end and asks for exit status 0.
    ///
    /// # Errors
    /// When it ends otherwise, or talking to it failed.
    pub fn finish(mut self, stdin: &[u8]) -> Result<Output> {
        let mut stderr = Vec::new();
        let on = |heard: Heard<'_>| {
            if let Heard::Line(line) = heard {
                stderr.extend_from_slice(line);
            }
            Clock::Stop
        };
        let talked = talk(&mut self.child.0, stdin, (None, None), on);
        let (stdout, _) = talked.map_err(|source| self.cmd.not_started(source))?;
        let status = self.child.0.wait().map_err(|source| self.cmd.not_started(source))?;
        if status.success() {
            Ok(Output { status, stdout, stderr })
        } else {
            Err(Error::Failed { command: self.cmd.to_string(), status, stdout, stderr })
        }
    }
}

/// A child that does not outlive the value.
struct Reaped(Child);

impl Reaped {
    fn start(command: &mut Command) -> io::Result<Self> {
        children::start(command).map(Self)
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.0.kill().ok();
            self.0.wait().ok();
        }
        children::forget(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, clock: Clock) -> Result<(ExitStatus, Vec<u8>)> {
        Cmd::new("sh").args(["-c", script]).stream_within(Some(Duration::from_secs(2)), |_| clock)
    }

    #[test]
    fn a_child_that_takes_too_long_is_killed() {
        assert!(matches!(shell("echo line >&2; exec sleep 600", Clock::Run), Err(Error::TimedOut { .. })));
    }

    #[test]
    fn a_stopped_clock_never_kills() {
        let (status, stdout) = shell("echo line >&2; sleep 3; echo done", Clock::Stop).unwrap();
        assert!(status.success() && stdout == b"done\n");
    }
}
