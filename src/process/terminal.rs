//! The controlling terminal, if any: a program can prompt there even when its streams are pipes.

use std::fs::File;
use std::sync::OnceLock;

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, tcgetattr, tcgetpgrp};

static TERMINAL: OnceLock<Option<File>> = OnceLock::new();

fn terminal() -> Option<&'static File> {
    TERMINAL.get_or_init(|| File::options().read(true).write(true).open("/dev/tty").ok()).as_ref()
}

/// Returns whether a program started now can prompt on the terminal.
pub(super) fn is_there() -> bool {
    terminal().is_some()
}

/// Returns whether a program is prompting for a password: echo is off, and the terminal's foreground group is ours. A shell that
/// waits for a command also switches echo off, but in its own group.
pub fn is_asked() -> bool {
    let hides = |file: &File| tcgetattr(file).is_ok_and(|modes| !modes.local_modes.contains(LocalModes::ECHO));
    let is_ours = |file: &File| tcgetpgrp(file).is_ok_and(|group| group == getpgrp());
    terminal().is_some_and(|file| is_ours(file) && hides(file))
}
