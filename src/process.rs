//! Runs other programs; no other module starts one.
//!
//! A [`Cmd`] is either *read* (output captured, stdin closed or given, messages in English) or *shown* (it uses the user's
//! terminal). Its [`Display`](std::fmt::Display) is a line that can be pasted into a shell; its errors carry that line, the exit
//! status and stderr.
//!
//! A program may have a time limit: for the whole run, or for the time without any activity. At the limit it is ended with all its
//! descendants. A process that still holds one of its pipes is not waited for.

use std::sync::atomic::{AtomicBool, Ordering};

mod children;
mod cmd;
mod communicate;
pub mod detach;
mod error;
mod foreground;
pub mod identity;
mod pending_input;
pub mod proc;
mod run;
mod stops;
pub mod supervised;
mod terminal;
mod tree;
mod watch;

pub use children::{
    before_end_by_signal, end_by_interrupt_later, end_by_signal, end_children_on_signals, is_cut_off, is_ending,
    is_ending_soon,
};
pub use cmd::{Cmd, quote};
pub use communicate::{Clock, OutputEvent};
pub use error::{Error, Result};
pub use foreground::{is_in_foreground, was_continued};
pub use pending_input::PendingInput;
pub use run::Output;
pub use stops::Stops;
pub use terminal::is_asked;
pub use watch::{DEFAULT_STALL_LIMIT, announce_waits};

static TRACE: AtomicBool = AtomicBool::new(false);

/// Switches logging of child processes on stderr on or off.
pub fn set_trace(on: bool) {
    TRACE.store(on, Ordering::Relaxed);
}
