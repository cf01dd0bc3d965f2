//! Whether this process may draw on the terminal now.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::process::getpgrp;
use rustix::termios::tcgetpgrp;
use signal_hook::consts::SIGCONT;
use signal_hook::flag;

/// Returns whether our process group is in the foreground of `terminal`. A terminal that is not the controlling one has no
/// foreground and background.
pub fn is_in_foreground(terminal: impl AsFd) -> bool {
    tcgetpgrp(terminal).map_or(true, |group| group == getpgrp())
}

/// Returns whether this process was stopped (Ctrl-Z) and continued since the last call; the first call begins to watch.
pub fn was_continued() -> bool {
    static CONTINUED: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    let watch = || {
        let continued = Arc::new(AtomicBool::new(false));
        flag::register(SIGCONT, Arc::clone(&continued)).ok();
        continued
    };
    CONTINUED.get_or_init(watch).swap(false, Ordering::SeqCst)
}
