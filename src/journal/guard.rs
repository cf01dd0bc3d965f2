//! The journal while this process holds its lock: writes the lines.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::history::History;
use super::line::{self, Line, Operation, Push};
use super::{Error, Journal, LOCK_TIMEOUT, Result, at};
use crate::temporary;

const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// How many bytes from the end are searched for the last line; only a push of hundreds of refs has a longer one.
const TAIL: u64 = 64 << 10;

/// The journal, locked until the value is dropped.
#[derive(Debug)]
pub struct Guard<'j> {
    journal: &'j Journal,
    /// Dropping the file releases the lock.
    _lock: File,
}

impl<'j> Guard<'j> {
    pub(super) fn take(journal: &'j Journal) -> Result<Self> {
        let path = journal.dir.join("lock");
        let options = OpenOptions::new().create(true).truncate(false).write(true).clone();
        let lock = journal.shared.open(&options, &path).map_err(at(&path))?;
        let until = Instant::now() + LOCK_TIMEOUT;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { journal, _lock: lock }),
                Err(TryLockError::Error(error)) => return Err(at(&path)(error)),
                Err(TryLockError::WouldBlock) if Instant::now() > until => return Err(Error::Busy { path }),
                Err(TryLockError::WouldBlock) => std::thread::sleep(POLL_INTERVAL),
            }
        }
    }

    /// Returns the operations that were begun and not finished. Usually the last line alone shows that there are none.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn pending(&self) -> Result<Vec<Operation>> {
        let tail = self.tail()?;
        let last = tail.lines().last().map(Line::read);
        if tail.is_empty() || last.is_some_and(|line| line.closes()) {
            return Ok(Vec::new());
        }
        Ok(self.journal.read()?.pending().cloned().collect())
    }

    /// Writes an operation as pending and syncs it to disk. Returns the ids of the operations that were dropped to make room.
    ///
    /// # Errors
    /// When it cannot be written; the caller must then not move any ref.
    pub fn begin(&mut self, operation: &Operation) -> Result<Vec<String>> {
        let dropped = self.drop_old_operations()?;
        self.append(&Line::Pending(Box::new(operation.clone())), true)?;
        Ok(dropped)
    }

    /// Writes that the operation was done.
    ///
    /// # Errors
    /// When it cannot be written; the next command that writes works it out from the refs.
    pub fn finish(&mut self, id: &str) -> Result<()> {
        self.append(&Line::Done(id.to_owned()), false)
    }

    /// Writes that the operation did not happen.
    ///
    /// # Errors
    /// When it cannot be written; the next command that writes works it out from the refs.
    pub fn discard(&mut self, id: &str) -> Result<()> {
        self.append(&Line::Dropped(id.to_owned()), false)
    }

    /// Writes what was pushed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn pushed(&mut self, push: Push) -> Result<()> {
        self.append(&Line::Pushed(push), false)
    }

    /// Reads the end of the journal.
    fn tail(&self) -> Result<String> {
        let path = self.journal.file();
        let Ok(mut file) = File::open(&path) else { return Ok(String::new()) };
        let mut bytes = Vec::new();
        let length = file.metadata().map_err(at(&path))?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).map_err(at(&path))?;
        file.read_to_end(&mut bytes).map_err(at(&path))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn append(&mut self, line: &Line, must_last: bool) -> Result<()> {
        let path = self.journal.file();
        let is_new = !path.exists();
        // An earlier process was killed, or the disk was full, in the middle of a line.
        let is_torn = self.tail()?.ends_with(|last| last != '\n');
        let text = if is_torn { format!("\n{}", line.write()) } else { line.write() };
        let options = OpenOptions::new().create(true).append(true).clone();
        let mut file = self.journal.shared.open(&options, &path).map_err(at(&path))?;
        file.write_all(text.as_bytes()).map_err(at(&path))?;
        if must_last {
            file.sync_data().map_err(at(&path))?;
        }
        if is_new { self.sync_folder() } else { Ok(()) }
    }

    fn sync_folder(&self) -> Result<()> {
        let dir = &self.journal.dir;
        File::open(dir).and_then(|file| file.sync_all()).map_err(at(dir))
    }

    /// Drops the older half of a journal that is too large, except for pending operations.
    fn drop_old_operations(&mut self) -> Result<Vec<String>> {
        let (path, most) = (self.journal.file(), self.journal.most);
        if fs::metadata(&path).map_or(0, |data| data.len()) < most {
            return Ok(Vec::new());
        }
        let text = self.journal.text()?;
        let (kept, dropped) = newer_half(&text, usize::try_from(most / 2).unwrap_or(usize::MAX));
        let write = |new: &Path| {
            let options = OpenOptions::new().create_new(true).write(true).clone();
            let mut file = self.journal.shared.open(&options, new)?;
            file.write_all(kept.as_bytes())?;
            file.sync_all()
        };
        temporary::sweep(&self.journal.dir);
        temporary::replace(&path, write).map_err(at(&path))?;
        self.sync_folder()?;
        Ok(dropped)
    }
}

/// Returns the last lines of a journal and earlier pending operations, and the ids of the operations that are dropped.
fn newer_half(text: &str, bytes: usize) -> (String, Vec<String>) {
    let lines: Vec<_> = text.lines().map(|text| (text, Line::read(text))).collect();
    let history = History::of(line::parse(text));
    let pending: Vec<_> = history.pending().map(|operation| operation.id.clone()).collect();
    let newest = lines.iter().rposition(|(_, line)| matches!(line, Line::Pending(_))).unwrap_or(lines.len());
    let mut left = bytes;
    let fits = |(_, (text, _)): &(usize, &(&str, Line))| {
        left = left.saturating_sub(text.len() + 1);
        left > 0
    };
    let first = lines.iter().enumerate().rev().take_while(fits).last().map_or(lines.len(), |(i, _)| i).min(newest);
    let (mut kept, mut dropped) = (String::new(), Vec::new());
    for (i, (text, line)) in lines.iter().enumerate() {
        let stays = match line {
            Line::Damaged => false,
            Line::Pending(operation) => i >= first || pending.contains(&operation.id),
            _ => i >= first,
        };
        match line {
            _ if stays => kept.extend([text, "\n"]),
            Line::Pending(operation) => dropped.push(operation.id.clone()),
            _ => {}
        }
    }
    (kept, dropped)
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::operation;
    use super::super::{Journal, State};
    use super::*;
    use crate::git::Shared;

    fn scratch() -> (tempfile::TempDir, Journal) {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal { most: 4096, ..Journal::in_dir(dir.path(), Shared::default()) };
        (dir, journal)
    }

    #[test]
    fn operation_is_pending_until_closed() {
        let (_dir, journal) = scratch();
        let mut guard = journal.lock().unwrap();
        assert!(guard.pending().unwrap().is_empty(), "a new journal is empty");
        guard.begin(&operation("a", None)).unwrap();
        assert_eq!(guard.pending().unwrap(), [operation("a", None)]);
        guard.finish("a").unwrap();
        guard.begin(&operation("b", None)).unwrap();
        guard.discard("b").unwrap();
        assert!(guard.pending().unwrap().is_empty());
        assert_eq!(journal.read().unwrap().entries.len(), 1, "a discarded operation is not listed");
    }

    #[test]
    fn torn_line_does_not_affect_others() {
        let (_dir, journal) = scratch();
        let mut guard = journal.lock().unwrap();
        guard.begin(&operation("a", None)).unwrap();
        guard.finish("a").unwrap();
        let mut file = OpenOptions::new().append(true).open(journal.file()).unwrap();
        file.write_all(b"{\"state\":\"pending\",\"version\":1,\"id\":\"b").unwrap();
        assert!(guard.pending().unwrap().is_empty(), "half a line is not an operation");
        guard.begin(&operation("c", None)).unwrap();
        let history = journal.read().unwrap();
        let states: Vec<_> = history.entries.iter().map(|entry| (entry.operation.id.as_str(), entry.state)).collect();
        assert_eq!((states, history.damaged), (vec![("a", State::Done), ("c", State::Pending)], 1));
    }

    #[test]
    fn full_journal_keeps_pending_operations() {
        let (_dir, journal) = scratch();
        let mut guard = journal.lock().unwrap();
        guard.begin(&operation("lost", None)).unwrap();
        let mut dropped = Vec::new();
        for i in 0..100 {
            dropped.extend(guard.begin(&operation(&format!("n{i}"), None)).unwrap());
            guard.finish(&format!("n{i}")).unwrap();
            assert!(fs::metadata(journal.file()).unwrap().len() < 2 * journal.most);
        }
        let history = journal.read().unwrap();
        let ids: Vec<_> = history.entries.iter().map(|entry| entry.operation.id.clone()).collect();
        assert!(ids.len() > 2 && ids[0] == "lost" && ids.last().is_some_and(|id| id == "n99"), "{ids:?}");
        assert_eq!(history.pending().count(), 1);
        assert_eq!(ids.len() + dropped.len(), 101, "each is kept or named as dropped");
        assert!(dropped.contains(&"n0".to_owned()) && !dropped.contains(&"lost".to_owned()));
    }

    #[test]
    fn lock_is_exclusive() {
        let (_dir, journal) = scratch();
        std::thread::scope(|scope| {
            for name in ["a", "b", "c", "d"] {
                let journal = &journal;
                scope.spawn(move || {
                    for i in 0..20 {
                        let mut guard = journal.lock().unwrap();
                        assert!(guard.pending().unwrap().is_empty(), "another thread's operation is pending");
                        guard.begin(&operation(&format!("{name}{i}"), None)).unwrap();
                        guard.finish(&format!("{name}{i}")).unwrap();
                    }
                });
            }
        });
        assert_eq!(journal.read().unwrap().damaged, 0);
    }
}
