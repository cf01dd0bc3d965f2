//! A terminal that is drawn again and again, until the user presses `q`.
//!
//! The alternate screen holds what is drawn, so that afterwards the terminal shows what it showed before. The terminal does not echo
//! keys meanwhile and passes Ctrl-C on as a key. A signal that ends the program brings the terminal back as well.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::Ui;
use super::safe::sanitized;
use crate::process;

/// Keys that end it: `q`, Ctrl-C, Ctrl-D, and Escape alone.
const END: [&[u8]; 5] = [b"q", b"Q", b"\x03", b"\x04", b"\x1b"];
/// Enters the alternate screen, hides the cursor, and cuts lines at the edge.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
/// Undoes [`ENTER`].
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// The mode of the terminal before, while it is changed.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// The terminal while it is drawn on. It is as before when the value is dropped.
pub struct Redraw {
    ui: Ui,
}

impl Redraw {
    /// Takes over the terminal.
    ///
    /// # Errors
    /// When stdin or stdout is no terminal, or its mode cannot be changed.
    pub fn begin(ui: Ui) -> Result<Self> {
        if !ui.out.is_terminal || !io::IsTerminal::is_terminal(&io::stdin()) {
            bail!("`--watch` needs a terminal: stdin or stdout is none");
        }
        process::before_end_by_signal(restore).context("could not catch signals")?;
        let before = tcgetattr(io::stdin()).context("could not read the mode of the terminal")?;
        let mut keys = before.clone();
        keys.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        *lock() = Some(before);
        let redraw = Self { ui };
        tcsetattr(io::stdin(), OptionalActions::Flush, &keys).context("could not change the mode of the terminal")?;
        print(ENTER);
        Ok(redraw)
    }

    /// Draws lines, as many as the terminal has, and `foot` below them.
    pub fn draw(&self, lines: &[String], foot: &str) {
        let room = self.ui.out.height().unwrap_or(usize::MAX).saturating_sub(1).max(1);
        let shown = if lines.len() > room { room - 1 } else { lines.len() };
        let more = lines.len() - shown;
        let more = (more > 0).then(|| format!("{more} more lines: a larger terminal shows them"));
        let mut text = String::from("\x1b[H");
        for line in lines[..shown].iter().chain(&more).map(String::as_str).chain([foot]) {
            write!(text, "\r{}\x1b[K\n", sanitized(line, self.ui.out.color)).ok();
        }
        text.truncate(text.trim_end().len());
        print(&(text + "\x1b[J"));
    }

    /// Waits; returns `true` as soon as the user ends it.
    pub fn is_ended_within(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        loop {
            let rest = until.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return false;
            }
            if key_within(rest).is_some_and(|key| END.contains(&key.as_slice()) || key.is_empty()) {
                return true;
            }
        }
    }
}

impl Drop for Redraw {
    fn drop(&mut self) {
        restore();
    }
}

/// The bytes of the next key; empty if the terminal is gone.
fn key_within(limit: Duration) -> Option<Vec<u8>> {
    let stdin = io::stdin();
    let limit = Timespec::try_from(limit).ok()?;
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    poll(&mut fds, Some(&limit)).ok().filter(|ready| *ready > 0)?;
    let mut key = [0; 16];
    let length = rustix::io::read(&stdin, &mut key).unwrap_or(0);
    Some(key[..length].to_vec())
}

/// Brings the terminal back, once.
fn restore() {
    if let Some(before) = lock().take() {
        print(LEAVE);
        tcsetattr(io::stdin(), OptionalActions::Flush, &before).ok();
    }
}

fn lock() -> std::sync::MutexGuard<'static, Option<Termios>> {
    BEFORE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn print(text: &str) {
    let mut out = io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}
