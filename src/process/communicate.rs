//! Feeds a child's stdin and reads its output, within its time limits.
//!
//! One thread each reads stderr, reads stdout and waits for the child's end; all send events to the caller's thread. The threads are
//! never joined: a pipe stays open as long as any process holds it, perhaps long after the child has ended.

use std::io::{self, Read, Write};
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Instant;

use super::children::{GRACE, Reaped, wait_for_end};
use super::watch::{Alarm, ExceededLimit, Watch};

/// Whether the time limit of a program keeps running; once stopped, it never starts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Keep the limit.
    Run,
    /// Lift the limit: the part that had to end in time has ended.
    Stop,
}

/// What a listener is told about a running program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputEvent<'a> {
    /// A line of its stderr, with its newline.
    Line(&'a [u8]),
    /// There was no output for the requested time.
    Silence,
}

/// The event queue's length; when it is full, the child has to wait.
const MAX_QUEUED: usize = 1024;
const CHUNK: usize = 1 << 16;

/// What a thread reports about a child.
enum Event {
    /// A line of stderr, with its newline.
    Line(Vec<u8>),
    /// A chunk of stdout.
    Out(Vec<u8>),
    /// A part of a line on stderr.
    Moved,
    /// A stream was closed.
    Closed(io::Result<()>),
    /// The child has ended and is not reaped.
    Ended,
}

/// How the conversation with a child ended.
pub(super) enum ChildEnd {
    /// The child ended by itself.
    Ended(ExitStatus, Vec<u8>),
    /// The child exceeded a limit and was ended.
    ExceededLimit(ExceededLimit),
}

/// The events that are still expected.
struct Open {
    streams: usize,
    has_ended: bool,
}

impl Open {
    fn is_over(&self) -> bool {
        self.streams == 0 && self.has_ended
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Closed(_) => self.streams -= 1,
            Event::Ended => self.has_ended = true,
            _ => {}
        }
    }
}

/// Feeds a child's stdin and reads its output until both streams are closed and the child has ended. If a limit is exceeded, ends the
/// child and its descendants.
pub(super) fn communicate(
    mut child: Reaped,
    stdin: Option<Vec<u8>>,
    mut watch: Watch,
    mut on: impl FnMut(OutputEvent<'_>) -> Clock,
) -> io::Result<ChildEnd> {
    let events = start_threads(&mut child, stdin)?;
    let (mut open, mut stdout) = (Open { streams: 2, has_ended: false }, Vec::new());
    while !open.is_over() {
        let slice = watch.slice();
        let event = events.recv_timeout(slice);
        watch.pass(slice);
        let quiet = event.is_err();
        let clock = match event {
            Ok(event) => {
                watch.moved();
                open.note(&event);
                take(event, &mut watch, &mut stdout, &mut on)?
            }
            Err(RecvTimeoutError::Timeout) => Clock::Run,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        if clock == Clock::Stop {
            watch.lift();
        }
        match watch.alarm(quiet) {
            Alarm::None => {}
            Alarm::Left => break,
            Alarm::ExceededLimit(late) => return end(child, &events, open).map(|()| ChildEnd::ExceededLimit(late)),
            Alarm::Silence => {
                if on(OutputEvent::Silence) == Clock::Stop {
                    watch.lift();
                }
            }
        }
    }
    Ok(ChildEnd::Ended(child.reap()?, stdout))
}

fn take(
    event: Event,
    watch: &mut Watch,
    stdout: &mut Vec<u8>,
    on: &mut impl FnMut(OutputEvent<'_>) -> Clock,
) -> io::Result<Clock> {
    match event {
        Event::Line(line) => return Ok(on(OutputEvent::Line(&line))),
        Event::Out(bytes) => stdout.extend(bytes),
        Event::Closed(result) => result?,
        Event::Ended => watch.ended(),
        Event::Moved => {}
    }
    Ok(Clock::Run)
}

/// Sends SIGTERM to the child and its descendants, and kills those that stay. Closed pipes show that all of them have ended.
fn end(child: Reaped, events: &Receiver<Event>, mut open: Open) -> io::Result<()> {
    let ending = child.ask_to_end();
    let patience = Instant::now() + GRACE;
    while !open.is_over()
        && let Ok(event) = events.recv_timeout(patience.saturating_duration_since(Instant::now()))
    {
        open.note(&event);
    }
    ending.kill();
    child.reap().map(drop)
}

/// Starts the threads.
fn start_threads(child: &mut Reaped, stdin: Option<Vec<u8>>) -> io::Result<Receiver<Event>> {
    let (sender, events) = sync_channel(MAX_QUEUED);
    let (into, stdout, stderr, pid) = child.streams();
    if let (Some(mut pipe), Some(bytes)) = (into, stdin) {
        // A child may close its stdin early: ignore write errors.
        start("stdin", move || drop(pipe.write_all(&bytes)))?;
    }
    let to = sender.clone();
    start("stdout", move || {
        let read = stdout.map_or(Ok(()), |pipe| each_chunk(pipe, |bytes| to.send(Event::Out(bytes)).is_ok()));
        to.send(Event::Closed(read)).ok();
    })?;
    let to = sender.clone();
    start("stderr", move || {
        let read = stderr.map_or(Ok(()), |pipe| each_line(pipe, &to));
        to.send(Event::Closed(read)).ok();
    })?;
    start("wait", move || {
        wait_for_end(pid);
        sender.send(Event::Ended).ok();
    })?;
    Ok(events)
}

fn start(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

/// Passes what is read to `on` until the end of the stream or until `on` returns false.
fn each_chunk(mut pipe: impl Read, mut on: impl FnMut(Vec<u8>) -> bool) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) if !on(buffer[..read].to_vec()) => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
    }
}

/// Sends every line with its newline; the last one may lack it.
fn each_line(pipe: impl Read, sender: &SyncSender<Event>) -> io::Result<()> {
    let mut rest = Vec::new();
    each_chunk(pipe, |bytes| {
        let lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let mut is_heard = true;
        for line in lines {
            rest.extend_from_slice(line);
            let event = if line.ends_with(b"\n") { Event::Line(std::mem::take(&mut rest)) } else { Event::Moved };
            is_heard = is_heard && sender.send(event).is_ok();
        }
        is_heard
    })?;
    if !rest.is_empty() {
        sender.send(Event::Line(rest)).ok();
    }
    Ok(())
}
