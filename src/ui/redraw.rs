//! Redraws the terminal and reads keys until the user quits.
//!
//! The alternate screen holds what is drawn, so that afterwards the terminal shows what it showed before. The terminal does not echo
//! keys meanwhile and passes Ctrl-C and Ctrl-Z on as keys. A signal that ends or stops the program also restores the terminal.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::Ui;
use super::safe::sanitized;
use crate::process::{self, Stops};

/// The keys of a terminal, by what they send (ECMA-48, and the keypad mode of xterm).
const KEYS: [(&[u8], Key); 14] = [
    (b"\x1b[A", Key::Up),
    (b"\x1bOA", Key::Up),
    (b"\x10", Key::Up),
    (b"\x1b[B", Key::Down),
    (b"\x1bOB", Key::Down),
    (b"\x0e", Key::Down),
    (b"\r", Key::Enter),
    (b"\n", Key::Enter),
    (b"\x7f", Key::Erase),
    (b"\x08", Key::Erase),
    (b"\x15", Key::EraseAll),
    (b"\x03", Key::Interrupt),
    (b"\x04", Key::End),
    (b"\x1a", Key::Stop),
];
/// Enters the alternate screen, hides the cursor, and cuts lines at the edge.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
/// Undoes [`ENTER`].
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// The mode of the terminal before, while it is changed.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// A key that the user pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Char(char),
    /// The arrow up, or Ctrl-P.
    Up,
    /// The arrow down, or Ctrl-N.
    Down,
    /// Enter.
    Enter,
    /// Backspace.
    Erase,
    /// Ctrl-U.
    EraseAll,
    /// Ctrl-D, Escape, or the end of the terminal.
    End,
    /// Ctrl-C, which ends the program by SIGINT.
    Interrupt,
    /// Ctrl-Z.
    Stop,
    /// The program was continued: nothing of it is on the screen.
    Continued,
}

/// The terminal while it is drawn on. It is as before when the value is dropped.
pub struct Redraw {
    ui: Ui,
    stops: Stops,
}

impl Redraw {
    /// Takes over the terminal for `what`.
    ///
    /// # Errors
    /// When stdin or stdout is no terminal, or its mode cannot be changed.
    pub fn begin(ui: Ui, what: &str) -> Result<Self> {
        if !ui.out.is_terminal || !io::IsTerminal::is_terminal(&io::stdin()) {
            bail!("`{what}` needs a terminal: stdin or stdout is not one");
        }
        process::before_end_by_signal(restore).context("could not catch signals")?;
        let stops = Stops::catch().context("could not catch signals")?;
        *lock() = Some(tcgetattr(io::stdin()).context("could not read the mode of the terminal")?);
        let redraw = Self { ui, stops };
        enter().context("could not change the mode of the terminal")?;
        Ok(redraw)
    }

    /// Draws lines, as many as the terminal has, and `foot` below them.
    pub fn draw(&self, lines: &[String], foot: &str) {
        let room = self.room();
        let shown = if lines.len() > room { room - 1 } else { lines.len() };
        let more = lines.len() - shown;
        let more = (more > 0).then(|| format!("{more} more lines: a larger terminal shows them"));
        let mut text = String::from("\x1b[H");
        let foot = (self.rows() > 1).then_some(foot);
        for line in lines[..shown].iter().chain(&more).map(String::as_str).chain(foot) {
            write!(text, "\r{}\x1b[K\n", sanitized(line, self.ui.out.color)).ok();
        }
        text.truncate(text.trim_end().len());
        print(&(text + "\x1b[J"));
    }

    /// How many lines [`draw`](Self::draw) shows, besides `foot`.
    pub fn room(&self) -> usize {
        self.rows().saturating_sub(1).max(1)
    }

    fn rows(&self) -> usize {
        self.ui.out.height().unwrap_or(usize::MAX)
    }

    /// Waits until the user presses keys, `limit` at most.
    pub fn keys_within(&self, limit: Option<Duration>) -> Vec<Key> {
        let stdin = io::stdin();
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        let signals = self.stops.signals();
        let mut fds = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(&signals, PollFlags::IN)];
        if poll(&mut fds, limit.as_ref()).ok().is_none_or(|ready| ready == 0) {
            return Vec::new();
        }
        if !fds[1].revents().is_empty() {
            self.pause();
            return vec![Key::Continued];
        }
        let mut bytes = [0; 256];
        match rustix::io::read(&stdin, &mut bytes).unwrap_or(0) {
            0 => vec![Key::End],
            length => {
                let keys = keys(&bytes[..length]);
                if keys.contains(&Key::Stop) {
                    Stops::ask();
                }
                keys
            }
        }
    }

    /// Stops if that was asked for, with the terminal as before, and takes the terminal over again.
    fn pause(&self) {
        if self.stops.take() {
            leave(lock().as_ref());
            self.stops.stop();
        }
        enter().ok();
    }
}

/// The keys that sent these bytes. Unknown ones are left out.
fn keys(mut bytes: &[u8]) -> Vec<Key> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        if let Some((code, key)) = KEYS.iter().find(|(code, _)| bytes.starts_with(code)) {
            found.push(*key);
            bytes = &bytes[code.len()..];
        } else if bytes[0] == 0x1b {
            // Alone it is Escape; otherwise the rest belongs to a key that is not known.
            found.extend((bytes.len() == 1).then_some(Key::End));
            return found;
        } else {
            let text = bytes.utf8_chunks().next().map(|chunk| chunk.valid()).unwrap_or_default();
            let char = text.chars().next();
            found.extend(char.filter(|char| !char.is_control()).map(Key::Char));
            bytes = &bytes[char.map_or(1, char::len_utf8)..];
        }
    }
    found
}

impl Drop for Redraw {
    fn drop(&mut self) {
        restore();
    }
}

/// Restores the terminal, once.
fn restore() {
    leave(lock().take().as_ref());
}

/// Takes over the terminal, whose mode before is known.
fn enter() -> io::Result<()> {
    if let Some(mut keys) = lock().clone() {
        keys.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        tcsetattr(io::stdin(), OptionalActions::Flush, &keys)?;
        print(ENTER);
    }
    Ok(())
}

fn leave(before: Option<&Termios>) {
    if let Some(before) = before {
        print(LEAVE);
        tcsetattr(io::stdin(), OptionalActions::Flush, before).ok();
    }
}

fn lock() -> std::sync::MutexGuard<'static, Option<Termios>> {
    BEFORE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn print(text: &str) {
    let mut out = io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_one_by_one() {
        assert_eq!(keys("aß\x1b[B\n".as_bytes()), [Key::Char('a'), Key::Char('ß'), Key::Down, Key::Enter]);
        assert_eq!(keys(b"q\x7f\x15\x03"), [Key::Char('q'), Key::Erase, Key::EraseAll, Key::Interrupt]);
        assert_eq!(keys(b"\x1b"), [Key::End]);
        assert_eq!(keys(b"a\x1b[5~"), [Key::Char('a')]);
        assert_eq!(keys(b"\xffb\x01"), [Key::Char('b')]);
    }
}
