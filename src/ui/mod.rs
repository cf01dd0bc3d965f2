//! Output: data on stdout, everything else on stderr.

pub mod dispute;
pub mod duration;
pub mod folded;
pub mod format;
pub mod graph;
mod json;
pub mod junit;
pub mod layout;
pub mod link;
pub mod lint;
pub mod list;
pub mod live;
pub mod markdown;
pub mod next;
pub mod page;
pub mod pick;
pub mod picture;
pub mod point;
pub mod redraw;
mod region;
pub mod report;
pub mod result;
mod safe;
pub mod screen;
pub mod survey;
pub mod table;
pub mod trusted_base;
pub mod wrap;

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::OnceLock;

use rustix::fs::FileType;
use serde::Serialize;

use self::link::Link;
use self::safe::sanitized;
pub use self::screen::{Screen, Tone, paint};
use self::table::Cell;
use crate::env::{Environment, Terminal};
pub use crate::text::terminal_safe;
use crate::{error, process};

/// Writes to stdout and stderr.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    /// What stdout can show.
    pub out: Screen,
    /// What stderr can show.
    pub err: Screen,
    /// Whether stderr can show progress that is drawn again and again.
    pub draws: bool,
    /// Whether stdin and stderr are terminals, so that the user can be asked.
    pub interactive: bool,
}

fn is_pipe(file: &impl AsFd) -> bool {
    rustix::fs::fstat(file).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo)
}

impl Ui {
    /// Detects the terminals.
    pub fn new(environment: &Environment) -> Self {
        let [out, err] = [Screen::of(&io::stdout(), environment), Screen::of(&io::stderr(), environment)];
        // What reads a pipe may print to the same terminal.
        let draws = err.is_terminal && environment.terminal != Terminal::Dumb && !is_pipe(&io::stdout());
        Self { out, err, draws, interactive: io::stdin().is_terminal() && err.is_terminal }
    }

    /// A line as it is printed in a pager, without links: less before version 566 shows their addresses.
    pub fn paged(&self, line: &str) -> String {
        sanitized(&link::unlinked(line), self.out.color).into_owned()
    }

    /// Prints a line of data to stdout, as it is.
    pub fn data(&self, line: impl AsRef<str>) {
        self.make_way();
        if STDOUT_ERROR.get().is_none()
            && let Err(error) = writeln!(io::stdout(), "{}", sanitized(line.as_ref(), self.out.color))
        {
            STDOUT_ERROR.set(error).ok();
        }
    }

    /// Prints lines for scripts to stdout, each followed by `end`: byte by byte, unless a terminal shows them line by line.
    pub fn lines(&self, lines: impl IntoIterator<Item = Vec<u8>>, end: u8) {
        self.make_way();
        let (mut to, is_shown) = (io::BufWriter::new(io::stdout().lock()), self.out.is_terminal && end == b'\n');
        let mut print = |line: Vec<u8>| {
            if is_shown {
                to.write_all(sanitized(&String::from_utf8_lossy(&line), false).as_bytes())?;
            } else {
                to.write_all(&line)?;
            }
            to.write_all(&[end])
        };
        if let Err(error) = lines.into_iter().try_for_each(&mut print).and_then(|()| to.flush()) {
            STDOUT_ERROR.set(error).ok();
        }
    }

    /// Lets `write` print a document to stdout, as it is.
    pub fn document(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        let mut to = io::BufWriter::new(io::stdout().lock());
        if let Err(error) = write(&mut to).and_then(|()| to.flush()) {
            STDOUT_ERROR.set(error).ok();
        }
    }

    /// Prints a sentence to stdout, broken into lines of the terminal.
    pub fn tell(&self, text: impl AsRef<str>) {
        self.data(wrap::message(text.as_ref(), self.out.width));
    }

    /// Prints a table to stdout.
    pub fn table(&self, rows: &[Vec<Cell>]) {
        table::lines(rows, self.out).iter().for_each(|line| self.data(line));
    }

    /// Prints a table to stdout in which some texts at the end of a line are links, if the terminal has them.
    pub fn table_with_links(&self, rows: &[Vec<Cell>], links: &[(String, Link)]) {
        let linked = |line: &String| {
            let end = |text: &String| line.strip_suffix(text.as_str()).filter(|before| before.ends_with(' '));
            let found = links.iter().filter(|_| self.out.links).find_map(|(text, link)| Some((end(text)?, text, link)));
            found.map_or_else(|| line.clone(), |(before, text, link)| format!("{before}{}", link.on(text)))
        };
        table::lines(rows, self.out).iter().for_each(|line| self.data(linked(line)));
    }

    /// The path of a file for stderr: a link, if the terminal has them.
    pub fn path(&self, path: &Path) -> String {
        let text = terminal_safe(&path.display().to_string());
        if self.err.links { Link::to_file(path).on(&text) } else { text }
    }

    /// Prints a table to stderr.
    pub fn say_table(&self, rows: &[Vec<Cell>]) {
        table::lines(rows, self.err).iter().for_each(|line| self.quote(line));
    }

    /// Prints a line to stderr, as it is.
    pub fn quote(&self, line: impl AsRef<str>) {
        region::erase();
        writeln!(io::stderr(), "{}", sanitized(line.as_ref(), self.err.color)).ok();
    }

    /// Prints a message to stderr, broken into lines of the terminal.
    pub fn say(&self, text: impl AsRef<str>) {
        self.quote(wrap::message(text.as_ref(), self.err.width));
    }

    /// Prints a warning.
    pub fn warn(&self, text: impl AsRef<str>) {
        self.say_as("warning:", Tone::Odd, text.as_ref());
    }

    /// Prints an error.
    pub fn error(&self, text: impl AsRef<str>) {
        self.say_as("error:", Tone::Bad, text.as_ref());
    }

    /// Prints a hint.
    pub fn hint(&self, text: impl AsRef<str>) {
        self.say_as("hint:", Tone::Odd, text.as_ref());
    }

    fn say_as(&self, head: &str, tone: Tone, text: &str) {
        self.say(format!("{} {text}", paint(head, tone, self.err.color)));
    }

    /// Draws a line of progress, if stderr is a terminal, until something else is printed; an empty line removes it.
    pub fn progress(&self, line: &str) {
        if line.is_empty() {
            region::erase();
        } else if self.draws {
            region::draw(&[terminal_safe(line)], false);
        }
    }

    /// Removes progress from the terminal before something is printed to stdout there.
    fn make_way(&self) {
        if self.out.is_terminal {
            region::erase();
        }
    }

    /// Prints one JSON document with `"version": 1` as its first field.
    pub fn json(&self, fields: impl Serialize) {
        self.make_way();
        if STDOUT_ERROR.get().is_none()
            && let Err(error) = json::write(io::stdout(), fields)
        {
            STDOUT_ERROR.set(error).ok();
        }
    }

    /// Prints one JSON object with `"version": 1` as its first field on a line, at once.
    pub fn json_line(&self, fields: impl Serialize) {
        self.make_way();
        if STDOUT_ERROR.get().is_none()
            && let Err(error) = json::write_line(io::stdout(), fields)
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
            region::erase();
            writeln!(io::stderr(), "waiting for {}", terminal_safe(what)).ok();
        });
    }
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
