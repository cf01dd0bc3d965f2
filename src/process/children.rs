//! Ctrl-C and its kin end our children with us.
//!
//! The terminal sends SIGINT to us and to them alike, and `kill` sends SIGTERM to us alone. git heeds both; nix heeds neither while
//! it evaluates and would go on for ever with nobody to read it. So a thread waits for the signal, asks the children to end, kills
//! those that do not, and then lets us end by the signal as if nobody had waited for it, with a moment to write down what was
//! cancelled.

use std::io;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// Time for git to clean its locks and for nix to stop its builders.
const GRACE: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The signal that was caught; 0 is none.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// Whether signals are waited for already.
static WAITING: AtomicBool = AtomicBool::new(false);

/// From now on, SIGINT, SIGTERM and SIGHUP end the children first.
///
/// # Errors
/// When the signals cannot be caught.
pub fn end_children_on_signals() -> io::Result<()> {
    if WAITING.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            SIGNAL.store(signal, Ordering::SeqCst);
            end_children();
            // Whoever waited for a child writes down what became of it, and then ends by `end_by_signal`.
            std::thread::sleep(GRACE);
            // Whoever was started after the others had been told.
            tell(Signal::KILL);
            emulate_default_handler(signal).ok();
        }
    })?;
    Ok(())
}

/// Whether we are about to end by a signal: nothing long is to be started any more.
pub fn is_ending() -> bool {
    SIGNAL.load(Ordering::SeqCst) != 0
}

/// The same, asked when a child ended by a signal that the terminal may have sent to us as well: it is caught at any moment.
pub fn is_ending_soon() -> bool {
    /// A thread that waits for signals runs within this time, also on a busy machine.
    const SOON: Duration = Duration::from_millis(300);
    let until = Instant::now() + SOON;
    while !is_ending() && Instant::now() < until {
        std::thread::sleep(LOOK_AGAIN);
    }
    is_ending()
}

/// Ends by the signal that was caught, if one was: a shell wants to know. To be called by `main`, last.
pub fn end_by_signal() {
    match SIGNAL.load(Ordering::SeqCst) {
        0 => {}
        signal => drop(emulate_default_handler(signal)),
    }
}

fn end_children() {
    tell(Signal::TERM);
    let patience = Instant::now() + GRACE;
    while !running().is_empty() && Instant::now() < patience {
        std::thread::sleep(LOOK_AGAIN);
    }
    tell(Signal::KILL);
}

fn tell(signal: Signal) {
    for pid in running().iter() {
        kill_process(*pid, signal).ok();
    }
}

fn running() -> MutexGuard<'static, Vec<Pid>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a child that ends with us until [`forget`]. A signal that comes meanwhile waits until the child can be told of it.
pub(super) fn start(command: &mut Command) -> io::Result<Child> {
    let mut running = running();
    let child = command.spawn()?;
    running.push(Pid::from_child(&child));
    Ok(child)
}

/// It has ended by itself.
pub(super) fn forget(child: &Child) {
    let pid = Pid::from_child(child);
    running().retain(|other| *other != pid);
}
