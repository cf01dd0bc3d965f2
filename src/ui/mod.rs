//! Output: data on stdout, everything else on stderr.

pub mod batch;
pub mod duration;
mod json;
pub mod lint;
pub mod picture;
pub mod point;
pub mod result;
pub mod table;

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use serde::Serialize;

use crate::env::Environment;
pub use crate::text::harmless;
use crate::{error, process};

/// Writes to stdout and stderr.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    /// Whether stdout is coloured.
    pub color: bool,
    /// Whether stderr is coloured.
    color_err: bool,
    /// Whether stdin and stderr are terminals, so that the user can be asked.
    pub interactive: bool,
}

/// Colours by meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Success.
    Good,
    /// Failure.
    Bad,
    /// Needs attention.
    Odd,
    /// Less important.
    Faint,
    /// Neutral.
    Plain,
}

impl Tone {
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Good => Some("32"),
            Self::Bad => Some("31"),
            Self::Odd => Some("33"),
            Self::Faint => Some("2"),
            Self::Plain => None,
        }
    }
}

impl Ui {
    /// Detects the terminals.
    pub fn new(environment: &Environment) -> Self {
        let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        let color = !environment.no_color;
        Self { color: out && color, color_err: err && color, interactive: std::io::stdin().is_terminal() && err }
    }

    /// Prints a line of data to stdout.
    pub fn data(&self, line: impl AsRef<str>) {
        if STDOUT_ERROR.get().is_none()
            && let Err(error) = writeln!(io::stdout(), "{}", sanitized(line.as_ref(), self.color))
        {
            STDOUT_ERROR.set(error).ok();
        }
    }

    /// Prints a message to stderr.
    pub fn say(&self, line: impl AsRef<str>) {
        writeln!(io::stderr(), "{}", sanitized(line.as_ref(), self.color_err)).ok();
    }

    /// Prints a warning.
    pub fn warn(&self, line: impl AsRef<str>) {
        self.say(format!("{} {}", paint("warning:", Tone::Odd, self.color_err), line.as_ref()));
    }

    /// Prints an error.
    pub fn error(&self, line: impl AsRef<str>) {
        self.say(format!("{} {}", paint("error:", Tone::Bad, self.color_err), line.as_ref()));
    }

    /// Prints a hint.
    pub fn hint(&self, line: impl AsRef<str>) {
        self.say(format!("{} {}", paint("hint:", Tone::Odd, self.color_err), line.as_ref()));
    }

    /// Draws `line` over the previous progress line, if stderr is a terminal; an empty line removes it.
    pub fn progress(&self, line: &str) {
        if std::io::stderr().is_terminal() {
            let mut stderr = std::io::stderr();
            // A wrapped line cannot be drawn over: leave one column free.
            let columns = rustix::termios::tcgetwinsize(&stderr).ok().map(|size| usize::from(size.ws_col));
            let width = columns.filter(|columns| *columns > 0).unwrap_or(80) - 1;
            let short: String = harmless(line).chars().take(width).collect();
            write!(stderr, "\r\x1b[K{short}").and_then(|()| stderr.flush()).ok();
        }
    }

    /// Prints one JSON document with `"version": 1` as its first field.
    pub fn json(&self, fields: impl Serialize) {
        if STDOUT_ERROR.get().is_none()
            && let Err(error) = json::write(io::stdout(), fields)
        {
            STDOUT_ERROR.set(error).ok();
        }
    }

    /// Asks a yes-or-no question; an empty answer means no. `None` without a terminal.
    pub fn confirm(&self, question: &str) -> Option<bool> {
        if !self.interactive {
            return None;
        }
        let mut stderr = std::io::stderr();
        write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush()).ok()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).ok().filter(|read| *read > 0)?;
        Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }
}

/// From now on, waits of more than a second are announced on a terminal.
pub fn announce_waits() {
    if io::stderr().is_terminal() {
        process::announce_waits(|what| {
            // Print a whole line: git may ask for a password on it.
            writeln!(io::stderr(), "waiting for {}", harmless(what)).ok();
        });
    }
}

/// Colours `text` if `color` is set.
pub fn paint(text: &str, tone: Tone, color: bool) -> String {
    match tone.code().filter(|_| color) {
        Some(code) => format!("\x1b[{code}m{text}\x1b[0m"),
        None => text.to_owned(),
    }
}

/// Replaces characters that a terminal interprets, except line breaks and, with `color`, our own colour codes. All
/// output passes through here.
fn sanitized(text: &str, color: bool) -> String {
    const OWN: [&str; 5] = ["\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[2m", "\x1b[0m"];
    let (mut shown, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(c) = rest.chars().next() {
        let own = OWN.into_iter().find(|code| color && rest.starts_with(code));
        let piece = own.unwrap_or(&rest[..c.len_utf8()]);
        let is_shown = own.is_some() || c == '\n' || !crate::text::is_terminal_unsafe(c);
        shown.push_str(if is_shown { piece } else { "\u{fffd}" });
        rest = &rest[piece.len()..];
    }
    shown
}

/// The first error in writing to stdout.
static STDOUT_ERROR: OnceLock<io::Error> = OnceLock::new();

/// The final exit code: `code`, unless writing to stdout failed.
///
/// The reader may close the pipe (`| head`). That does not interrupt the work and is not reported as an error.
pub fn final_code(code: u8) -> u8 {
    match STDOUT_ERROR.get() {
        None => code,
        // The status that a shell reports for a program ended by SIGPIPE.
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => 141,
        Some(error) => {
            writeln!(io::stderr(), "error: could not write to stdout: {error}").ok();
            error::CANNOT
        }
    }
}
