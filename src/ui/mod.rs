//! What people and programs see: data on stdout, everything else on stderr.

pub mod crowd;
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

/// How to speak.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    /// Colour on stdout.
    pub color: bool,
    /// Colour on stderr.
    color_err: bool,
    /// Whether somebody sits before stdin and stderr who could be asked.
    pub interactive: bool,
}

/// Colours, by what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// Something is broken.
    Bad,
    /// Something wants looking at.
    Odd,
    /// Of less weight.
    Faint,
    /// Nothing special.
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
    /// Finds out what the terminals can show.
    pub fn new(environment: &Environment) -> Self {
        let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        let color = !environment.no_color;
        Self { color: out && color, color_err: err && color, interactive: std::io::stdin().is_terminal() && err }
    }

    /// A line of data.
    pub fn data(&self, line: impl AsRef<str>) {
        if LOST.get().is_none()
            && let Err(error) = writeln!(io::stdout(), "{}", sanitized(line.as_ref(), self.color))
        {
            LOST.set(error).ok();
        }
    }

    /// A line about what is happening.
    pub fn say(&self, line: impl AsRef<str>) {
        writeln!(io::stderr(), "{}", sanitized(line.as_ref(), self.color_err)).ok();
    }

    /// A line about something that the user should look at.
    pub fn warn(&self, line: impl AsRef<str>) {
        self.say(format!("{} {}", paint("warning:", Tone::Odd, self.color_err), line.as_ref()));
    }

    /// A line about what went wrong.
    pub fn error(&self, line: impl AsRef<str>) {
        self.say(format!("{} {}", paint("error:", Tone::Bad, self.color_err), line.as_ref()));
    }

    /// A line with what to do next.
    pub fn hint(&self, line: impl AsRef<str>) {
        self.say(format!("{} {}", paint("hint:", Tone::Odd, self.color_err), line.as_ref()));
    }

    /// Draws `line` over the last one, where there is a terminal; the empty line takes it away.
    pub fn progress(&self, line: &str) {
        if std::io::stderr().is_terminal() {
            let mut stderr = std::io::stderr();
            // A line that wraps cannot be drawn over: one column stays free.
            let columns = rustix::termios::tcgetwinsize(&stderr).ok().map(|size| usize::from(size.ws_col));
            let width = columns.filter(|columns| *columns > 0).unwrap_or(80) - 1;
            let short: String = harmless(line).chars().take(width).collect();
            write!(stderr, "\r\x1b[K{short}").and_then(|()| stderr.flush()).ok();
        }
    }

    /// One JSON document with `"version": 1` as its first field.
    pub fn json(&self, fields: impl Serialize) {
        if LOST.get().is_none()
            && let Err(error) = json::write(io::stdout(), fields)
        {
            LOST.set(error).ok();
        }
    }

    /// Asks yes or no where there is somebody to ask; otherwise `None`. An empty answer is a yes.
    pub fn ask(&self, question: &str) -> Option<bool> {
        self.answer(&format!("{question} [Y/n] ")).map(|answer| matches!(answer.as_str(), "" | "y" | "yes"))
    }

    /// The same for what cannot be taken back easily: an empty answer is a no.
    pub fn confirm(&self, question: &str) -> Option<bool> {
        self.answer(&format!("{question} [y/N] ")).map(|answer| matches!(answer.as_str(), "y" | "yes"))
    }

    fn answer(&self, prompt: &str) -> Option<String> {
        if !self.interactive {
            return None;
        }
        let mut stderr = std::io::stderr();
        write!(stderr, "{prompt}").and_then(|()| stderr.flush()).ok()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).ok().filter(|read| *read > 0)?;
        Some(answer.trim().to_lowercase())
    }
}

/// From now on, a terminal is told what is waited for where that takes more than a second.
pub fn announce_waits() {
    if io::stderr().is_terminal() {
        process::announce_waits(|what| {
            // Not drawn over: a password may be asked for on the same line.
            writeln!(io::stderr(), "waiting for {}", harmless(what)).ok();
        });
    }
}

/// `text` in a colour, if there is to be one.
pub fn paint(text: &str, tone: Tone, color: bool) -> String {
    match tone.code().filter(|_| color) {
        Some(code) => format!("\x1b[{code}m{text}\x1b[0m"),
        None => text.to_owned(),
    }
}

/// Lines for a terminal, whatever is in them: but for line breaks, and our own colours where there are any, all that would do something
/// to it is replaced. Everything that is shown passes here.
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

/// What kept data from being written; the first reason counts.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// The exit code after everything was said: `code`, unless stdout did not take the data.
///
/// Whoever reads may go away (`| head`): that stops no work halfway, and is no error of ours.
pub fn final_code(code: u8) -> u8 {
    match LOST.get() {
        None => code,
        // What a shell reports for a program that SIGPIPE ended.
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => 141,
        Some(error) => {
            writeln!(io::stderr(), "error: could not write to stdout: {error}").ok();
            error::CANNOT
        }
    }
}
