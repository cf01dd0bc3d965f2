//! Running children, and how they end: at a limit, when we end, and on Ctrl-C, SIGTERM and SIGHUP.
//!
//! A child with a limit leads its own process group, so that the whole group can be signalled. Other children stay in our group:
//! they get the terminal's SIGINT, may read from the terminal, and die when our group is killed with SIGKILL. But `kill` sends
//! SIGTERM to us alone. git notices that we are gone; nix, while it evaluates, does not and would run on for ever. So a thread waits
//! for the signal, sends SIGTERM to the children, kills those that stay, and then ends us by the same signal as if it had not been
//! caught. A build gets a moment to record that it was cancelled.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;

use super::tree::{self, Process};

/// Time for git to remove its locks and for nix to stop its builders.
pub(super) const GRACE: Duration = Duration::from_secs(2);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The caught signal; 0 means none.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

static RUNNING: Mutex<Vec<Running>> = Mutex::new(Vec::new());

/// What to do before a signal ends us.
static BEFORE_END: OnceLock<fn()> = OnceLock::new();
/// Adds signals to those that are caught.
static CAUGHT: OnceLock<Handle> = OnceLock::new();
/// Whether the signal thread runs.
static WAITING: AtomicBool = AtomicBool::new(false);

/// Whether the caller still writes records after the children have ended.
static WRITES_RECORDS: AtomicBool = AtomicBool::new(false);

/// Whether a child takes SIGINT itself.
static INTERRUPTS_ARE_LEFT: AtomicBool = AtomicBool::new(false);

/// A child that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Running {
    pid: Pid,
    leads_group: bool,
}

impl Running {
    fn send(self, signal: Signal) {
        if self.leads_group {
            kill_process_group(self.pid, signal).ok();
        } else {
            tree::signal_group(self.pid, signal);
        }
    }

    /// Kills the child, its descendants, and the former descendants in `seen`.
    fn kill(self, seen: &[Process]) {
        let now = tree::below(self.pid);
        if self.leads_group {
            kill_process_group(self.pid, Signal::KILL).ok();
        }
        tree::kill(&now);
        tree::kill(seen);
    }
}

/// Makes SIGINT, SIGTERM and SIGHUP end the children first and leave time to record how they ended.
///
/// # Errors
/// When the signals cannot be caught.
pub fn end_children_on_signals() -> io::Result<()> {
    WRITES_RECORDS.store(true, Ordering::SeqCst);
    catch_signals()
}

/// Calls `restore` before a signal ends this process, SIGQUIT too: it brings back what the user's terminal was.
///
/// # Errors
/// When the signals cannot be caught.
pub fn before_end_by_signal(restore: fn()) -> io::Result<()> {
    BEFORE_END.set(restore).ok();
    catch_signals()?;
    CAUGHT.get().map_or(Ok(()), |caught| caught.add_signal(SIGQUIT))
}

fn catch_signals() -> io::Result<()> {
    if WAITING.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    // nohup(1) ignores SIGHUP for us: keep ignoring it.
    let caught = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| *signal != SIGHUP || !is_ignored(SIGHUP));
    let mut signals = Signals::new(caught)?;
    CAUGHT.set(signals.handle()).ok();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let is_left = |signal: i32| signal == SIGINT && INTERRUPTS_ARE_LEFT.load(Ordering::SeqCst);
        if let Some(signal) = signals.forever().find(|signal| !is_left(*signal)) {
            SIGNAL.store(signal, Ordering::SeqCst);
            end_children();
            // The caller that waited for a child now records how it ended and calls `end_by_signal`.
            std::thread::sleep(if WRITES_RECORDS.load(Ordering::SeqCst) { GRACE } else { POLL_INTERVAL });
            // Children that were started after `end_children` listed them.
            running().clone().into_iter().for_each(|child| child.kill(&[]));
            BEFORE_END.get().into_iter().for_each(|restore| restore());
            emulate_default_handler(signal).ok();
        }
    })?;
    Ok(())
}

/// Leaves SIGINT to the children until the value is dropped.
pub(super) fn leave_interrupts_to_children() -> impl Drop {
    struct Left;
    impl Drop for Left {
        fn drop(&mut self) {
            INTERRUPTS_ARE_LEFT.store(false, Ordering::SeqCst);
        }
    }
    INTERRUPTS_ARE_LEFT.store(true, Ordering::SeqCst);
    Left
}

/// Returns whether a signal is ignored, if the system tells (`proc_pid_status`(5)).
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Returns whether we are ending because of a signal: start no long work.
pub fn is_ending() -> bool {
    SIGNAL.load(Ordering::SeqCst) != 0
}

/// Like [`is_ending`], for a child that a signal ended: the terminal may have sent us the same signal, which arrives any moment.
pub fn is_ending_soon() -> bool {
    /// The signal thread runs within this time even on a busy machine.
    const SIGNAL_DELAY: Duration = Duration::from_millis(300);
    let until = Instant::now() + SIGNAL_DELAY;
    while !is_ending() && Instant::now() < until {
        std::thread::sleep(POLL_INTERVAL);
    }
    is_ending()
}

/// Returns whether a signal ends us without a report: the work was cut off, and there is nothing to record.
pub fn is_cut_off() -> bool {
    is_ending() && !WRITES_RECORDS.load(Ordering::SeqCst)
}

/// Lets [`end_by_signal`] end the process by SIGINT: the terminal passed Ctrl-C on as a key.
pub fn end_by_interrupt_later() {
    SIGNAL.store(SIGINT, Ordering::SeqCst);
}

/// Ends by the caught signal, if any, so that a shell sees it. `main` calls this last.
pub fn end_by_signal() {
    match SIGNAL.load(Ordering::SeqCst) {
        0 => {}
        signal => drop(emulate_default_handler(signal)),
    }
}

fn end_children() {
    let all = running().clone();
    let seen: Vec<_> = all.iter().map(|child| tree::below(child.pid)).collect();
    all.iter().for_each(|child| child.send(Signal::TERM));
    let patience = Instant::now() + GRACE;
    while !running().is_empty() && Instant::now() < patience {
        std::thread::sleep(POLL_INTERVAL);
    }
    running().clone().into_iter().for_each(|child| child.kill(&[]));
    seen.iter().for_each(|seen| tree::kill(seen));
}

fn running() -> MutexGuard<'static, Vec<Running>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until a child has ended without reaping it, so that its id is not reused.
pub(super) fn wait_for_end(pid: Pid) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(pid), options), Err(rustix::io::Errno::INTR)) {}
}

/// A child that is killed when the value is dropped.
#[derive(Debug)]
pub(super) struct Reaped {
    child: Child,
    running: Running,
}

/// A child that was asked to end.
pub(super) struct Ending {
    running: Running,
    seen: Vec<Process>,
}

impl Reaped {
    /// Starts a child that ends with us. The lock delays a signal until the child is in the list.
    pub(super) fn start(command: &mut Command, leads_group: bool) -> io::Result<Self> {
        catch_signals()?;
        if leads_group {
            command.process_group(0);
        }
        let mut all = running();
        if is_cut_off() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let child = command.spawn()?;
        let running = Running { pid: Pid::from_child(&child), leads_group };
        all.push(running);
        Ok(Self { child, running })
    }

    pub(super) fn pid(&self) -> Pid {
        self.running.pid
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Takes its streams that are pipes; returns them with its id.
    pub(super) fn streams(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>, Pid) {
        let Child { stdin, stdout, stderr, .. } = &mut self.child;
        (stdin.take(), stdout.take(), stderr.take(), self.running.pid)
    }

    /// Sends SIGTERM to the child and its descendants.
    pub(super) fn ask_to_end(&self) -> Ending {
        let seen = tree::below(self.running.pid);
        self.running.send(Signal::TERM);
        Ending { running: self.running, seen }
    }

    /// Returns how the child ended. It must have been killed or be about to end.
    pub(super) fn reap(mut self) -> io::Result<ExitStatus> {
        wait_for_end(self.running.pid);
        // Before the id can be reused.
        self.forget();
        self.child.wait()
    }

    fn forget(&self) {
        running().retain(|other| *other != self.running);
    }
}

impl Ending {
    /// Kills the processes that are left.
    pub(super) fn kill(self) {
        self.running.kill(&self.seen);
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.running.kill(&[]);
            self.child.wait().ok();
        }
        self.forget();
    }
}
