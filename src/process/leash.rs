//! A child that must not outlive us, even when we are killed without a word.
//!
//! It is told through a pipe that only we hold: when the pipe closes, we are gone, and a byte before that says that its work is
//! no longer wanted. No signal can be as sure: prctl(2)'s is Linux' alone, and comes too late for a parent that died before the
//! child could ask for it. What it started is in its process group, and ends by the group's signals where it was killed itself.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStdin, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};

use super::cmd::LEASHED;
use super::{Cmd, Error, Result};

/// What the pipe says when the work is no longer wanted.
const STOP: u8 = b'.';
/// How long a group may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Whether whoever held our leash is gone.
static ALONE: AtomicBool = AtomicBool::new(false);

/// A child on a leash; it leads a process group of its own.
#[derive(Debug)]
pub struct Leashed {
    pid: Pid,
    leash: Option<ChildStdin>,
    over: mpsc::Receiver<io::Result<ExitStatus>>,
}

impl Cmd {
    /// Starts it on a leash; its stdout is `hold`, a file that it keeps open for us, and its stderr is ours.
    ///
    /// The program then calls [`heed`].
    ///
    /// # Errors
    /// When it is missing or cannot be started.
    pub fn spawn_leashed(self, hold: File) -> Result<Leashed> {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::from(hold)).process_group(0);
        self.trace();
        let mut child = command.spawn().map_err(|source| self.not_started(source))?;
        let (pid, leash) = (Pid::from_child(&child), child.stdin.take());
        let (tell, over) = mpsc::channel();
        let wait = move || tell.send(child.wait()).is_ok();
        let thread = std::thread::Builder::new().name("wait".to_owned()).spawn(wait);
        thread.map_err(|source| Error::Io { command: self.to_string(), source })?;
        Ok(Leashed { pid, leash, over })
    }
}

impl Leashed {
    /// How it ended, if it does within `time`.
    pub fn wait(&self, time: Duration) -> Option<io::Result<ExitStatus>> {
        self.over.recv_timeout(time).ok()
    }

    /// Tells it to end, with what it has to write down.
    pub fn stop(&mut self) {
        if let Some(mut leash) = self.leash.take() {
            leash.write_all(&[STOP]).ok();
        }
    }

    /// Kills it.
    pub fn kill(&self) {
        kill_process(self.pid, Signal::KILL).ok();
    }

    /// Ends what it has left behind. To be called when it has ended.
    pub fn end_group(&self) {
        if kill_process_group(self.pid, Signal::TERM).is_err() {
            return;
        }
        let patience = Instant::now() + GRACE;
        while test_kill_process_group(self.pid).is_ok() && Instant::now() < patience {
            std::thread::sleep(LOOK_AGAIN);
        }
        kill_process_group(self.pid, Signal::KILL).ok();
    }
}

/// From now on, this process ends as by SIGTERM when its leash says so or is let go, and keeps its children in its process group.
///
/// # Errors
/// When no thread can be started.
pub fn heed() -> io::Result<()> {
    LEASHED.store(true, Ordering::SeqCst);
    let wait = || {
        let mut said = [0];
        let is_told = io::stdin().read(&mut said).is_ok_and(|read| read == 1 && said == [STOP]);
        ALONE.store(!is_told, Ordering::SeqCst);
        kill_process(rustix::process::getpid(), Signal::TERM).ok();
    };
    std::thread::Builder::new().name("leash".to_owned()).spawn(wait).map(drop)
}

/// Whether whoever held our leash is gone: then nobody cancelled anything, and somebody will begin again.
pub fn is_alone() -> bool {
    ALONE.load(Ordering::SeqCst)
}

/// As low as an ordinary process can put itself: everything else goes first. The disk follows the processor (`ioprio_set`(2)), and
/// `ionice` makes that stricter where it is at hand.
pub fn give_way() {
    rustix::process::nice(19).ok();
    if let Ok(ionice) = which::which("ionice") {
        Cmd::new(ionice).args(["-c", "3", "-p", &std::process::id().to_string()]).output().ok();
    }
}
