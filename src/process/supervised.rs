//! Children that must not outlive us, even when we are killed with SIGKILL.
//!
//! The child reads its stdin, a pipe whose other end only we hold. A closed pipe means that we are gone; a byte before that means
//! that its work is cancelled. Signals are less reliable: prctl(2) `PR_SET_PDEATHSIG` exists only on Linux, and comes too late if the
//! parent died before the child called it. The child's own children are in its process group; if it is killed, we signal the group.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStdin, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};

use super::cmd::SUPERVISED;
use super::{Cmd, Error, Result};

/// The byte that cancels the work.
const STOP_BYTE: u8 = b'.';
/// How long a group may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(2);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Whether our supervisor is gone.
static ORPHANED: AtomicBool = AtomicBool::new(false);

/// A child that ends with this process; it leads its own process group.
#[derive(Debug)]
pub struct SupervisedChild {
    pid: Pid,
    stdin: Option<ChildStdin>,
    over: mpsc::Receiver<io::Result<ExitStatus>>,
}

impl Cmd {
    /// Starts the program under supervision. Its stdout is `hold`, a file that it keeps open for us; its stderr is ours.
    ///
    /// The program must call [`watch`].
    ///
    /// # Errors
    /// When the program is missing or cannot be started.
    pub fn spawn_supervised(self, hold: File) -> Result<SupervisedChild> {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::from(hold)).process_group(0);
        self.trace();
        let mut child = command.spawn().map_err(|source| self.not_started(source))?;
        let (pid, stdin) = (Pid::from_child(&child), child.stdin.take());
        let (sender, over) = mpsc::channel();
        let wait = move || sender.send(child.wait()).is_ok();
        let thread = std::thread::Builder::new().name("wait".to_owned()).spawn(wait);
        thread.map_err(|source| Error::Io { command: self.to_string(), source })?;
        Ok(SupervisedChild { pid, stdin, over })
    }
}

impl SupervisedChild {
    /// Waits at most `time`; returns how the child ended, if it did.
    pub fn wait(&self, time: Duration) -> Option<io::Result<ExitStatus>> {
        self.over.recv_timeout(time).ok()
    }

    /// Asks the child to end and to record that it was cancelled.
    pub fn stop(&mut self) {
        if let Some(mut stdin) = self.stdin.take() {
            stdin.write_all(&[STOP_BYTE]).ok();
        }
    }

    /// Kills the child with SIGKILL.
    pub fn kill(&self) {
        kill_process(self.pid, Signal::KILL).ok();
    }

    /// Ends the rest of the child's process group. Call this after the child has ended.
    pub fn end_group(&self) {
        if kill_process_group(self.pid, Signal::TERM).is_err() {
            return;
        }
        let patience = Instant::now() + GRACE;
        while test_kill_process_group(self.pid).is_ok() && Instant::now() < patience {
            std::thread::sleep(POLL_INTERVAL);
        }
        kill_process_group(self.pid, Signal::KILL).ok();
    }
}

/// Makes this process end as by SIGTERM when its supervisor cancels the work or is gone, and keeps its children in its process group.
///
/// # Errors
/// When no thread can be started.
pub fn watch() -> io::Result<()> {
    SUPERVISED.store(true, Ordering::SeqCst);
    let wait = || {
        let mut byte = [0];
        let is_told = io::stdin().read(&mut byte).is_ok_and(|read| read == 1 && byte == [STOP_BYTE]);
        ORPHANED.store(!is_told, Ordering::SeqCst);
        kill_process(rustix::process::getpid(), Signal::TERM).ok();
    };
    std::thread::Builder::new().name("supervisor".to_owned()).spawn(wait).map(drop)
}

/// Returns whether our supervisor is gone: the work was not cancelled, and another process will start it again.
pub fn is_orphaned() -> bool {
    ORPHANED.load(Ordering::SeqCst)
}

/// Gives this process the lowest priority. I/O priority follows the nice value (`ioprio_set`(2)); `ionice`, if installed, lowers it
/// further.
pub fn lower_priority() {
    rustix::process::nice(19).ok();
    if let Ok(ionice) = which::which("ionice") {
        Cmd::new(ionice).args(["-c", "3", "-p", &std::process::id().to_string()]).output().ok();
    }
}
