//! Being stopped and continued (Ctrl-Z and `fg`), for a program that draws on the whole terminal.

use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Signal, getpgrp, getsid, kill_process_group};
use signal_hook::consts::{SIGCONT, SIGTSTP};
use signal_hook::low_level::{emulate_default_handler, pipe};
use signal_hook::{SigId, flag};

/// Catches SIGTSTP and SIGCONT until the value is dropped.
#[derive(Debug)]
pub struct Stops {
    /// Gets a byte with each of the signals.
    signals: UnixStream,
    is_asked: Arc<AtomicBool>,
    /// Whether SIGTSTP stops us at once.
    is_over: Arc<AtomicBool>,
    pipes: [SigId; 2],
}

impl Stops {
    /// Begins to catch the signals.
    ///
    /// # Errors
    /// When they cannot be caught.
    pub fn catch() -> io::Result<Self> {
        let (signals, writer) = UnixStream::pair()?;
        signals.set_nonblocking(true)?;
        let (is_asked, is_over) = (Arc::default(), Arc::default());
        flag::register_conditional_default(SIGTSTP, Arc::clone(&is_over))?;
        flag::register(SIGTSTP, Arc::clone(&is_asked))?;
        let pipes = [pipe::register(SIGTSTP, writer.try_clone()?)?, pipe::register(SIGCONT, writer)?];
        Ok(Self { signals, is_asked, is_over, pipes })
    }

    /// Is readable when one of the signals came.
    pub fn signals(&self) -> BorrowedFd<'_> {
        self.signals.as_fd()
    }

    /// Returns whether we should [`stop`](Self::stop), and forgets the signals.
    pub fn take(&self) -> bool {
        self.forget();
        self.is_asked.swap(false, Ordering::SeqCst)
    }

    /// Asks our whole job to stop, as Ctrl-Z does: git may have started us, and the shell waits for git.
    pub fn ask() {
        if is_job() {
            kill_process_group(getpgrp(), Signal::TSTP).ok();
        }
    }

    /// Stops, and returns when we are continued.
    pub fn stop(&self) {
        if is_job() {
            emulate_default_handler(SIGTSTP).ok();
            self.forget();
        }
    }

    fn forget(&self) {
        let mut bytes = [0; 64];
        while (&self.signals).read(&mut bytes).is_ok_and(|length| length > 0) {}
    }
}

impl Drop for Stops {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        for pipe in self.pipes {
            signal_hook::low_level::unregister(pipe);
        }
    }
}

/// Whether a shell can continue us. Where there is none, as below `ssh -t` or a terminal emulator, we lead the session or are in the
/// group that does.
fn is_job() -> bool {
    getsid(None).is_ok_and(|session| session != getpgrp())
}
