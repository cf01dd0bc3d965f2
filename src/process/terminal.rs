//! The terminal that we were started from, if any: a program may ask there whatever its streams are.

use std::fs::File;
use std::sync::OnceLock;

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, tcgetattr, tcgetpgrp};

static TERMINAL: OnceLock<Option<File>> = OnceLock::new();

fn terminal() -> Option<&'static File> {
    TERMINAL.get_or_init(|| File::options().read(true).write(true).open("/dev/tty").ok()).as_ref()
}

/// Whether a program that is started now could ask there.
pub(super) fn is_there() -> bool {
    terminal().is_some()
}

/// Whether a program asks for a password there at this moment: what is typed is not shown. A shell that waits for its next command
/// does not show it either, but then the terminal listens to its group and not to ours.
pub(super) fn is_asked() -> bool {
    let hides = |file: &File| tcgetattr(file).is_ok_and(|modes| !modes.local_modes.contains(LocalModes::ECHO));
    let is_ours = |file: &File| tcgetpgrp(file).is_ok_and(|group| group == getpgrp());
    terminal().is_some_and(|file| is_ours(file) && hides(file))
}
