//! The children that run, and ending them: at a limit, with us, and at Ctrl-C and its kin.
//!
//! A child that has a limit leads a process group of its own, so that all of it can be ended at once. The others stay in ours: the
//! terminal sends them SIGINT as it does to us, they may ask there, and who kills our group by SIGKILL kills them too. `kill` sends
//! SIGTERM to us alone. git heeds that; nix heeds nothing while it evaluates and would go on for ever with no reader. So a thread
//! waits for the signal, asks the children to end, kills those that do not, and then lets us end by the signal as if it had not
//! been caught. A build gets a moment to write down what was cancelled.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::tree::{self, Process};

/// Time for git to clean its locks and for nix to stop its builders.
pub(super) const GRACE: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The signal that was caught; 0 is none.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

static RUNNING: Mutex<Vec<Running>> = Mutex::new(Vec::new());

/// Whether signals are waited for already.
static WAITING: AtomicBool = AtomicBool::new(false);

/// Whether something is to be written down after the children have ended.
static WRITES_DOWN: AtomicBool = AtomicBool::new(false);

/// A child that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Running {
    pid: Pid,
    leads_group: bool,
}

impl Running {
    fn tell(self, signal: Signal) {
        if self.leads_group {
            kill_process_group(self.pid, signal).ok();
        } else {
            tree::tell(self.pid, signal);
        }
    }

    /// Kills it with everything that was once seen below it.
    fn kill(self, seen: &[Process]) {
        let now = tree::below(self.pid);
        if self.leads_group {
            kill_process_group(self.pid, Signal::KILL).ok();
        }
        tree::kill(&now);
        tree::kill(seen);
    }
}

/// From now on, SIGINT, SIGTERM and SIGHUP end the children first, and leave time to write down what became of them.
///
/// # Errors
/// When the signals cannot be caught.
pub fn end_children_on_signals() -> io::Result<()> {
    WRITES_DOWN.store(true, Ordering::SeqCst);
    catch_signals()
}

fn catch_signals() -> io::Result<()> {
    if WAITING.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    // What nohup(1) lets us ignore stays ignored.
    let caught = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| *signal != SIGHUP || !is_ignored(SIGHUP));
    let mut signals = Signals::new(caught)?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            SIGNAL.store(signal, Ordering::SeqCst);
            end_children();
            // Who waited for a child writes down what became of it, and then ends by `end_by_signal`.
            std::thread::sleep(if WRITES_DOWN.load(Ordering::SeqCst) { GRACE } else { LOOK_AGAIN });
            // Those that were started after the others had been told.
            running().clone().into_iter().for_each(|child| child.kill(&[]));
            emulate_default_handler(signal).ok();
        }
    })?;
    Ok(())
}

/// Whether a signal is ignored, as far as the system tells (`proc_pid_status`(5)).
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
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

/// Whether we end by a signal without a word: what was begun was cut off, and that is all there is to say.
pub fn is_cut_off() -> bool {
    is_ending() && !WRITES_DOWN.load(Ordering::SeqCst)
}

/// Ends by the signal that was caught, if one was: a shell wants to know. To be called by `main`, last.
pub fn end_by_signal() {
    match SIGNAL.load(Ordering::SeqCst) {
        0 => {}
        signal => drop(emulate_default_handler(signal)),
    }
}

fn end_children() {
    let all = running().clone();
    let seen: Vec<_> = all.iter().map(|child| tree::below(child.pid)).collect();
    all.iter().for_each(|child| child.tell(Signal::TERM));
    let patience = Instant::now() + GRACE;
    while !running().is_empty() && Instant::now() < patience {
        std::thread::sleep(LOOK_AGAIN);
    }
    running().clone().into_iter().for_each(|child| child.kill(&[]));
    seen.iter().for_each(|seen| tree::kill(seen));
}

fn running() -> MutexGuard<'static, Vec<Running>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until a child has ended, and does not reap it: its id stays its own.
pub(super) fn wait_for_end(pid: Pid) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(pid), options), Err(rustix::io::Errno::INTR)) {}
}

/// A child that does not outlive the value.
#[derive(Debug)]
pub(super) struct Reaped {
    child: Child,
    running: Running,
}

/// What was asked to end.
pub(super) struct Ending {
    running: Running,
    seen: Vec<Process>,
}

impl Reaped {
    /// Starts a child that ends with us. A signal that comes meanwhile waits until the child can be told of it.
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

    /// Its streams, as far as they are pipes, and its id.
    pub(super) fn streams(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>, Pid) {
        let Child { stdin, stdout, stderr, .. } = &mut self.child;
        (stdin.take(), stdout.take(), stderr.take(), self.running.pid)
    }

    /// Asks it and what it started to end.
    pub(super) fn ask_to_end(&self) -> Ending {
        let seen = tree::below(self.running.pid);
        self.running.tell(Signal::TERM);
        Ending { running: self.running, seen }
    }

    /// How it ended. It must be ending by itself, or have been killed.
    pub(super) fn reap(mut self) -> io::Result<ExitStatus> {
        wait_for_end(self.running.pid);
        // Before its id is free for another.
        self.forget();
        self.child.wait()
    }

    fn forget(&self) {
        running().retain(|other| *other != self.running);
    }
}

impl Ending {
    /// Kills what is still there.
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
