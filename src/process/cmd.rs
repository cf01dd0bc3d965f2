//! A program with its arguments, environment and directory; prints itself as a shell command.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::watch::Bounds;
use super::{Error, TRACE, terminal};
use crate::{env, text};

/// Whether this process is [supervised](super::supervised).
pub(super) static SUPERVISED: AtomicBool = AtomicBool::new(false);

/// A program with its arguments, to be read or shown.
#[derive(Debug, Clone)]
pub struct Cmd {
    program: OsString,
    args: Vec<OsString>,
    /// The variables inherited from our environment; `None` inherits all.
    inherited: Option<Vec<(OsString, OsString)>>,
    envs: Vec<(OsString, Option<OsString>)>,
    pub(super) cwd: Option<PathBuf>,
    pub(super) stdin: Option<Vec<u8>>,
    pub(super) bounds: Bounds,
    /// Whether it may ask for a password on the terminal.
    may_ask: bool,
}

impl Cmd {
    /// Creates a command for `program`, a path or a name on PATH.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            inherited: None,
            envs: Vec::new(),
            cwd: None,
            stdin: None,
            bounds: Bounds::default(),
            may_ask: false,
        }
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

    /// Replaces the inherited environment by these variables; [`env`](Self::env) adds to them.
    #[must_use]
    pub fn only_env(mut self, variables: Vec<(OsString, OsString)>) -> Self {
        self.inherited = Some(variables);
        self
    }

    /// Sets an environment variable of the child.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.envs.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Removes an environment variable from the child.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.envs.push((name.as_ref().to_owned(), None));
        self
    }

    /// Removes all variables by which git tells the child about this repository.
    #[must_use]
    pub fn without_git_env(mut self) -> Self {
        self.envs.extend(env::GIT_LOCAL.iter().map(|name| (OsString::from(name), None)));
        self
    }

    /// Runs the program in `dir`.
    #[must_use]
    pub fn cwd(mut self, dir: impl AsRef<Path>) -> Self {
        self.cwd = Some(dir.as_ref().to_owned());
        self
    }

    /// Writes `bytes` to its stdin, which is otherwise closed for a read command.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Ends the program and its descendants when it takes longer than `limit`.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.bounds.total = Some(limit);
        self
    }

    /// Ends the program and its descendants after `limit` without activity; `what` names what is waited for ("`origin` to answer").
    #[must_use]
    pub fn stall_limit(mut self, limit: Duration, what: impl Into<String>) -> Self {
        (self.bounds.stalled, self.bounds.what) = (Some(limit), what.into());
        self
    }

    /// Lets the program ask for a password: on a terminal it stays in our process group, the foreground group.
    #[must_use]
    pub fn may_ask(mut self) -> Self {
        self.may_ask = true;
        self
    }

    /// Returns whether the program leads its own process group. The children of a supervised process stay in its group, which its
    /// supervisor ends.
    pub(super) fn leads_group(&self) -> bool {
        self.bounds.has_limit() && !SUPERVISED.load(Ordering::SeqCst) && !(self.may_ask && terminal::is_there())
    }

    /// Returns the standard library's command, for callers that need more of it (detaching, `exec`).
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
    pub(super) fn trace(&self) {
        if TRACE.load(Ordering::Relaxed) {
            eprintln!("trace: {}", text::terminal_safe(&self.to_string()));
        }
    }

    pub(super) fn not_started(&self, source: io::Error) -> Error {
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

/// Quotes `word` for a POSIX shell, with single quotes where needed.
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
