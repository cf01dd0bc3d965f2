//! Feeding a child and reading what it says, within its time.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::Child;
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::{Clock, Heard};

/// Lines that may wait for whoever hears them; then the child waits.
const UNHEARD: usize = 1024;

/// Feeds a child's stdin and reads its stdout and stderr until both end; also tells whether it had to be killed.
pub(super) fn talk(
    child: &mut Child,
    stdin: &[u8],
    (limit, patience): (Option<Duration>, Option<Duration>),
    mut on: impl FnMut(Heard<'_>) -> Clock,
) -> io::Result<(Vec<u8>, bool)> {
    let (into, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let pid = Pid::from_child(child);
    let (running, stopped) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || into.map(|mut pipe| pipe.write_all(stdin)));
        let out = scope.spawn(move || read_all(stdout));
        // The child is waited for only after this scope, so that its id stays its own.
        let guard = limit.map(|limit| scope.spawn(move || kill_after(limit, &stopped, pid)));
        let (say, lines) = mpsc::sync_channel(UNHEARD);
        let err = scope.spawn(move || each_line(stderr, &say));
        let mut running = Some(running);
        loop {
            let clock = match next(&lines, patience) {
                Ok(line) => on(Heard::Line(&line)),
                Err(mpsc::RecvTimeoutError::Timeout) => on(Heard::Silence),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            };
            if clock == Clock::Stop {
                running = None;
            }
        }
        drop(running);
        let late = guard.is_some_and(|guard| guard.join().unwrap_or(false));
        let panicked = |_| Err(io::Error::other("a reader panicked"));
        err.join().unwrap_or_else(panicked)?;
        let stdout = out.join().unwrap_or_else(|_| Err(io::Error::other("the reader of stdout panicked")))?;
        Ok((stdout, late))
    })
}

/// The next line, if it comes in time.
fn next(
    lines: &mpsc::Receiver<Vec<u8>>,
    patience: Option<Duration>,
) -> std::result::Result<Vec<u8>, mpsc::RecvTimeoutError> {
    match patience {
        Some(patience) => lines.recv_timeout(patience),
        None => lines.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
    }
}

/// Kills `pid` unless the other end of `stopped` goes away within `limit`; tells whether it did.
///
/// Not with a gentler signal: nix does not heed one while it evaluates.
fn kill_after(limit: Duration, stopped: &mpsc::Receiver<()>, pid: Pid) -> bool {
    let late = stopped.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
    late && kill_process(pid, Signal::KILL).is_ok()
}

fn read_all(pipe: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes))?;
    Ok(bytes)
}

/// Sends every line with its newline; whoever does not listen any more ends it.
fn each_line(pipe: Option<impl Read>, say: &mpsc::SyncSender<Vec<u8>>) -> io::Result<()> {
    let Some(pipe) = pipe else { return Ok(()) };
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        if say.send(std::mem::take(&mut line)).is_err() {
            break;
        }
    }
    Ok(())
}
