//! Runs other programs; no other module starts one.
//!
//! A [`Cmd`] is either *read* (output captured, stdin closed or given, messages in English) or *shown* (it uses the user's
//! terminal). Its [`Display`](std::fmt::Display) is a line that can be pasted into a shell; its errors carry that line, the exit
//! status and stderr.
//!
//! A program may have a time limit: for the whole run, or for the time without any activity. At the limit it is ended with all its
//! descendants. A process that still holds one of its pipes is not waited for.

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
pub use watch::{USUAL_STALL_LIMIT, announce_waits};

static TRACE: AtomicBool = AtomicBool::new(false);

/// Switches logging of child processes on stderr on or off.
pub fn set_trace(on: bool) {
    TRACE.store(on, Ordering::Relaxed);
}
