//! The only place that starts other programs.
//!
//! A [`Cmd`] is *read* (ours: output captured, stdin closed or given, messages in English) or *shown* (the user's
//! business: it speaks to the terminal itself). Its [`Display`](std::fmt::Display) is a line that can be pasted into a
//! shell, and its errors carry that line, the status and what the program said.
//!
//! A program may have a limit: of time in all, or of time in which nothing moves. At the limit it is ended with everything that it
//! started, and nothing that still holds one of its pipes is waited for.

use std::sync::atomic::{AtomicBool, Ordering};

mod begun;
mod children;
mod cmd;
pub mod detach;
mod error;
pub mod identity;
pub mod leash;
pub mod proc;
mod run;
mod talk;
mod terminal;
mod tree;
mod watch;

pub use begun::Begun;
pub use children::{end_by_signal, end_children_on_signals, is_cut_off, is_ending, is_ending_soon};
pub use cmd::{Cmd, quote};
pub use error::{Error, Result};
pub use run::Output;
pub use talk::{Clock, Heard};
pub use watch::{USUAL_STILL, announce_waits};

static TRACE: AtomicBool = AtomicBool::new(false);

/// Switches the logging of child processes on stderr on or off for this process.
pub fn set_trace(on: bool) {
    TRACE.store(on, Ordering::Relaxed);
}
