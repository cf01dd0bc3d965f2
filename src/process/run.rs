//! Runs a [`Cmd`]: reads both streams, or shows it on the terminal.

use std::io::{self, Write as _};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use super::children::Reaped;
use super::communicate::{ChildEnd, communicate};
use super::watch::{ExceededLimit, Watch};
use super::{Clock, Cmd, Error, OutputEvent, Result};

/// The result of a program that was read.
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
    /// Returns stdout as text without the final newline; invalid UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end_matches('\n').to_owned()
    }

    /// Returns stderr as trimmed text; invalid UTF-8 is replaced.
    #[must_use]
    pub fn error_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).trim().to_owned()
    }
}

impl Cmd {
    /// Runs the program, captures both streams and requires exit status 0.
    ///
    /// # Errors
    /// When it is missing, cannot be started, exceeds a limit, or ends with another status.
    pub fn read(self) -> Result<Output> {
        let command = self.to_string();
        let Output { status, stdout, stderr } = self.output()?;
        if status.success() {
            Ok(Output { status, stdout, stderr })
        } else {
            Err(Error::Failed { command, status, stdout, stderr })
        }
    }

    /// Runs the program and captures both streams, whatever its exit status.
    ///
    /// # Errors
    /// When it is missing, cannot be started, or exceeds a limit.
    pub fn output(self) -> Result<Output> {
        let mut stderr = Vec::new();
        let (status, stdout) = self.stream_within(None, |line| {
            stderr.extend_from_slice(line);
            Clock::Run
        })?;
        Ok(Output { status, stdout, stderr })
    }

    /// Like [`output`](Self::output), for a program whose exit status is its answer: being killed is none.
    ///
    /// # Errors
    /// When it is missing, cannot be started, exceeds a limit, or is killed.
    pub fn answer(self) -> Result<Output> {
        let command = self.to_string();
        let Output { status, stdout, stderr } = self.output()?;
        if status.code().is_none() {
            return Err(Error::Failed { command, status, stdout, stderr });
        }
        Ok(Output { status, stdout, stderr })
    }

    /// Runs the program, passes every stderr line (with its newline) to `on_stderr` as it comes, and returns the status and stdout.
    /// Ends the program and its descendants if `limit` passes before `on_stderr` stops the clock.
    ///
    /// # Errors
    /// When it is missing, cannot be started, or exceeds a limit.
    pub fn stream_within(
        self,
        limit: Option<Duration>,
        mut on_stderr: impl FnMut(&[u8]) -> Clock,
    ) -> Result<(ExitStatus, Vec<u8>)> {
        self.listen(limit, None, |heard| match heard {
            OutputEvent::Line(line) => on_stderr(line),
            OutputEvent::Silence => Clock::Run,
        })
    }

    /// Like [`stream_within`](Self::stream_within), but also calls `on` after each `patience` without output.
    ///
    /// # Errors
    /// When it is missing, cannot be started, or exceeds a limit.
    pub fn listen(
        mut self,
        limit: Option<Duration>,
        patience: Option<Duration>,
        on: impl FnMut(OutputEvent<'_>) -> Clock,
    ) -> Result<(ExitStatus, Vec<u8>)> {
        let stdin = self.stdin.take();
        self.bounds.total = limit.or(self.bounds.total);
        self.bounds.patience = patience;
        let mut command = self.command();
        command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.start(&mut command)?;
        self.communicate(child, stdin, on)
    }

    /// Feeds and reads a child until it ends.
    pub(super) fn communicate(
        &self,
        child: Reaped,
        stdin: Option<Vec<u8>>,
        on: impl FnMut(OutputEvent<'_>) -> Clock,
    ) -> Result<(ExitStatus, Vec<u8>)> {
        let watch = Watch::new(self.bounds.clone(), child.pid());
        match communicate(child, stdin, watch, on).map_err(|source| self.not_started(source))? {
            ChildEnd::Ended(status, stdout) => Ok((status, stdout)),
            ChildEnd::ExceededLimit(ExceededLimit::Total(limit)) => {
                Err(Error::TimedOut { command: self.to_string(), limit })
            }
            ChildEnd::ExceededLimit(ExceededLimit::Stalled(limit)) => {
                Err(Error::Stalled { command: self.to_string(), limit })
            }
        }
    }

    /// Runs the program on the user's terminal. stdin and stderr are ours; its stdout goes to stderr, since our stdout is for data.
    ///
    /// # Errors
    /// When it is missing or cannot be started.
    pub fn show(self) -> Result<ExitStatus> {
        let mut command = self.command();
        command.stdout(io::stderr());
        let child = self.start(&mut command)?;
        child.reap().map_err(|source| self.not_started(source))
    }

    /// Like [`show`](Self::show), for a program that the user works in, such as an editor: it takes Ctrl-C itself.
    ///
    /// # Errors
    /// When it is missing or cannot be started.
    pub fn show_interactive(self) -> Result<ExitStatus> {
        let _working = super::children::leave_interrupts_to_children();
        self.show()
    }

    /// Runs the program on the user's terminal with all of our streams, for a program that pages its own output: a pager takes Ctrl-C
    /// itself.
    ///
    /// # Errors
    /// When it is missing or cannot be started.
    pub fn page(self) -> Result<ExitStatus> {
        let _paging = super::children::leave_interrupts_to_children();
        let child = self.start(&mut self.command())?;
        child.reap().map_err(|source| self.not_started(source))
    }

    /// Runs a pager on the user's terminal, with the text on its stdin. It may end before it has read all.
    ///
    /// # Errors
    /// When it is missing or cannot be started.
    pub fn feed(self, text: &[u8]) -> Result<ExitStatus> {
        let _paging = super::children::leave_interrupts_to_children();
        let mut command = self.command();
        command.stdin(Stdio::piped());
        let mut child = self.start(&mut command)?;
        let (stdin, ..) = child.streams();
        // The user may have left the pager.
        stdin.map(|mut stdin| stdin.write_all(text).ok());
        child.reap().map_err(|source| self.not_started(source))
    }

    pub(super) fn start(&self, command: &mut Command) -> Result<Reaped> {
        self.trace();
        Reaped::start(command, self.leads_group()).map_err(|source| self.not_started(source))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn shell(script: &str, clock: Clock) -> Result<(ExitStatus, Vec<u8>)> {
        Cmd::new("sh").args(["-c", script]).stream_within(Some(Duration::from_secs(2)), |_| clock)
    }

    #[test]
    fn kills_a_child_at_its_time_limit() {
        assert!(matches!(shell("echo line >&2; exec sleep 600", Clock::Run), Err(Error::TimedOut { .. })));
    }

    #[test]
    fn limit_ends_group_and_descendants_outside_it() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("mark");
        // One grandchild is in the group, one in its own session; both hold our pipes.
        let script =
            format!("sleep 5 && echo >'{0}' & setsid sh -c \"sleep 5; echo >'{0}'\" & sleep 600; :", mark.display());
        let started = Instant::now();
        assert!(matches!(shell(&script, Clock::Run), Err(Error::TimedOut { .. })));
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "we should not wait for grandchildren: {:?}",
            started.elapsed()
        );
        std::thread::sleep(Duration::from_secs(5));
        assert!(!mark.exists(), "no grandchild should survive");
    }

    #[test]
    fn gives_a_child_time_to_clean_up_on_sigterm() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("mark");
        let script = format!("trap 'sleep 0.2; echo >\"{}\"; exit' TERM; while :; do sleep 0.1; done", mark.display());
        assert!(matches!(shell(&script, Clock::Run), Err(Error::TimedOut { .. })));
        assert!(mark.exists(), "it should have had time to clean up");
    }

    #[test]
    fn does_not_wait_for_a_pipe_held_by_a_grandchild() {
        let started = Instant::now();
        let output = Cmd::new("sh").args(["-c", "echo done; sleep 15 & exit 3"]).output().unwrap();
        assert_eq!((output.status.code(), output.text().as_str()), (Some(3), "done"));
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    }

    #[test]
    fn cpu_time_and_output_count_as_activity() {
        let limit = Duration::from_secs(1);
        for moving in
            ["for i in 1 2 3 4 5 6; do sleep 0.4; printf . >&2; done", "timeout 3 sh -c 'while :; do :; done'; :"]
        {
            let output = Cmd::new("sh").args(["-c", moving]).stall_limit(limit, "it").output();
            assert!(output.is_ok(), "{moving}: {output:?}");
        }
        let still = Cmd::new("sh").args(["-c", "echo begun; exec sleep 600"]).stall_limit(limit, "it").read();
        assert!(matches!(still, Err(Error::Stalled { .. })), "{still:?}");
    }

    #[test]
    fn stopped_clock_lifts_the_limit() {
        let (status, stdout) = shell("echo line >&2; sleep 3; echo done", Clock::Stop).unwrap();
        assert!(status.success() && stdout == b"done\n");
    }
}
