//! The only place that starts other programs.
//!
//! A [`Cmd`] is *read* (ours: output captured, stdin closed or given, messages in English) or *shown* (the user's
//! business: it speaks to the terminal itself). Its [`Display`](std::fmt::Display) is a line that can be pasted into a
//! shell, and its errors carry that line, the status and what the program said.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::env;

mod children;
pub mod detach;
pub mod identity;
pub mod leash;

pub use children::{end_by_signal, end_children_on_signals, is_ending, is_ending_soon};

static TRACE: AtomicBool = AtomicBool::new(false);

/// Switches the logging of child processes on stderr on or off for this process.
pub fn set_trace(on: bool) {
    TRACE.store(on, Ordering::Relaxed);
}

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
    /// It did not get as far as it should in the time it had, and was killed.
    #[error("`{command}` was stopped after {} seconds", limit.as_secs())]
    TimedOut {
        /// The pasteable line.
        command: String,
        /// The time it had.
        limit: Duration,
    },
}

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

/// `Result` with this module's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

fn said(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let text = text.trim();
    if text.is_empty() { String::new() } else { format!(": {text}") }
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

/// One program with its arguments, to be read or shown.
#[derive(Debug, Clone)]
pub struct Cmd {
    program: OsString,
    args: Vec<OsString>,
    /// All of the environment that it gets from ours; `None`: everything.
    inherited: Option<Vec<(OsString, OsString)>>,
    envs: Vec<(OsString, Option<OsString>)>,
    cwd: Option<PathBuf>,
    stdin: Option<Vec<u8>>,
}

impl Cmd {
    /// A command that runs `program`, a path or a name to be found on PATH.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self { program: program.into(), args: Vec::new(), inherited: None, envs: Vec::new(), cwd: None, stdin: None }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args<I: IntoIterator<Item = A>, A: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Gives the child these variables in place of our environment; [`env`](Self::env) adds to them.
    #[must_use]
    pub fn only_env(mut self, variables: Vec<(OsString, OsString)>) -> Self {
        self.inherited = Some(variables);
        self
    }

    /// Sets one variable of the child's environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.envs.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Removes one variable from the child's environment.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.envs.push((name.as_ref().to_owned(), None));
        self
    }

    /// Removes everything by which git would tell the child about this repository.
    #[must_use]
    pub fn without_git_env(mut self) -> Self {
        self.envs.extend(env::GIT_LOCAL.iter().map(|name| (OsString::from(name), None)));
        self
    }

    /// Runs it in `dir`.
    #[must_use]
    pub fn cwd(mut self, dir: impl AsRef<Path>) -> Self {
        self.cwd = Some(dir.as_ref().to_owned());
        self
    }

    /// Gives it `bytes` on stdin, which otherwise is closed when read.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

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

    /// The standard library's command, for the few who must say more (detaching, `exec`).
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        if let Some(variables) = &self.inherited {
            command.env_clear().envs(variables.iter().map(|(name, value)| (name, value)));
        }
        for (name, value) in &self.envs {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(dir) = &self.cwd {
            command.current_dir(dir);
        }
        command
    }

    #[expect(clippy::print_stderr, reason = "the trace is asked for by a variable and has no other place")]
    fn trace(&self) {
        if TRACE.load(Ordering::Relaxed) {
            eprintln!("trace: {self}");
        }
    }

    fn not_started(&self, source: io::Error) -> Error {
        if source.kind() == io::ErrorKind::NotFound && self.cwd.as_ref().is_none_or(|dir| dir.is_dir()) {
            Error::NotFound { program: self.program.to_string_lossy().into_owned() }
        } else {
            Error::Io { command: self.to_string(), source }
        }
    }
}

impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.envs {
            if let Some(value) = value {
                write!(f, "{}={} ", name.to_string_lossy(), quote(value))?;
            }
        }
        f.write_str(&quote(&self.program))?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", quote(arg)))
    }
}

/// `word` as a POSIX shell reads it back: bare where that is safe, else in single quotes.
#[must_use]
pub fn quote(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref().to_string_lossy();
    let bare = |c: char| c.is_ascii_alphanumeric() || "_-+=./:,@%^".contains(c);
    if !word.is_empty() && word.chars().all(bare) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
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

/// Lines that may wait for whoever hears them; then the child waits.
const UNHEARD: usize = 1024;

/// Feeds a child's stdin and reads its stdout and stderr until both end; also tells whether it had to be killed.
fn talk(
    child: &mut Child,
    stdin: &[u8],
    (limit, patience): (Option<Duration>, Option<Duration>),
    mut on: impl FnMut(Heard<'_>) -> Clock,
) -> io::Result<(Vec<u8>, bool)> {
    let (into, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let pid = Pid::from_child(child);
    let (running, stopped) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || into.map(|mut pipe| pipe.write_all(stdin)));
        let out = scope.spawn(move || read_all(stdout));
        // The child is waited for only after this scope, so that its id stays its own.
        let guard = limit.map(|limit| scope.spawn(move || kill_after(limit, &stopped, pid)));
        let (say, lines) = mpsc::sync_channel(UNHEARD);
        let err = scope.spawn(move || each_line(stderr, &say));
        let mut running = Some(running);
        loop {
            let clock = match next(&lines, patience) {
                Ok(line) => on(Heard::Line(&line)),
                Err(mpsc::RecvTimeoutError::Timeout) => on(Heard::Silence),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            };
            if clock == Clock::Stop {
                running = None;
            }
        }
        drop(running);
        let late = guard.is_some_and(|guard| guard.join().unwrap_or(false));
        let panicked = |_| Err(io::Error::other("a reader panicked"));
        err.join().unwrap_or_else(panicked)?;
        let stdout = out.join().unwrap_or_else(|_| Err(io::Error::other("the reader of stdout panicked")))?;
        Ok((stdout, late))
    })
}

/// The next line, if it comes in time.
fn next(
    lines: &mpsc::Receiver<Vec<u8>>,
    patience: Option<Duration>,
) -> std::result::Result<Vec<u8>, mpsc::RecvTimeoutError> {
    match patience {
        Some(patience) => lines.recv_timeout(patience),
        None => lines.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
    }
}

/// Kills `pid` unless the other end of `stopped` goes away within `limit`; tells whether it did.
///
/// Not with a gentler signal: nix does not heed one while it evaluates.
fn kill_after(limit: Duration, stopped: &mpsc::Receiver<()>, pid: Pid) -> bool {
    let late = stopped.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
    late && kill_process(pid, Signal::KILL).is_ok()
}

fn read_all(pipe: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes))?;
    Ok(bytes)
}

/// Sends every line with its newline; whoever does not listen any more ends it.
fn each_line(pipe: Option<impl Read>, say: &mpsc::SyncSender<Vec<u8>>) -> io::Result<()> {
    let Some(pipe) = pipe else { return Ok(()) };
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        if say.send(std::mem::take(&mut line)).is_err() {
            break;
        }
    }
    Ok(())
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
