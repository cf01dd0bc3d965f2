//! Summarises the records of all keys. Reads only notes that changed; the caller caches the rest.

use std::ops::ControlFlow;
use std::rc::Rc;

use foldhash::HashMap;

use super::{Attributed, MAX_PER_KEY, MAX_READ, Records, Span};
use crate::git::Oid;
use crate::git::bulk::{Batch, Take};
use crate::git::notes::Notes;
use crate::lattice::{Lattice, Spelled};
use crate::record::Verdicts;
use crate::record::few::Few;
use crate::record::note::{Note, each_line};
use crate::record::verdicts::Tally;

/// The result of the notes on one key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// The notes, ordered by writer: while they are unchanged, the judgement stays valid.
    pub notes: Box<[Oid]>,
    /// Their size in bytes.
    pub size: u64,
    /// How many of their lines were rejected.
    pub skipped: usize,
    /// By the point that the records name; nearly always one.
    pub verdicts: Vec<(Spelled, Rc<Verdicts>)>,
}

/// What all notes say.
#[derive(Debug, Default)]
pub struct Scan {
    /// The keys that have notes; `Some` if the judgement is new.
    pub keys: HashMap<Oid, Option<Judgement>>,
    /// How many notes and lines were rejected.
    pub skipped: usize,
    /// The clock times for which the new judgements stay valid.
    pub span: Span,
}

/// The notes on a key whose judgement is new.
struct Unjudged {
    key: Oid,
    /// Each with the index of its writer.
    notes: Box<[(usize, Oid)]>,
    size: u64,
    skipped: usize,
    /// The number of notes that were not read, since too much was read before.
    left_out: usize,
    /// By the point that the records name.
    points: Few<Spelled, Tally>,
}

/// A scan that has not read the notes yet. It can be sent to another thread, which reads those in packs.
pub struct Scanning {
    /// The keys with a known judgement.
    known: Vec<Oid>,
    skipped: usize,
    span: Span,
    keys: Vec<Unjudged>,
    /// The notes of `keys`, each by the index of its key.
    notes: Vec<usize>,
    batch: Batch,
    /// The size of the notes so far in bytes.
    read: u64,
    latest: String,
}

impl Records<'_> {
    /// Starts to judge the notes on all keys, except where `known` has a judgement of the same notes.
    pub fn start_scan<'k>(&self, known: impl Fn(Oid) -> Option<&'k Judgement>) -> Scanning {
        let (all, mut skipped) = self.all_notes();
        let (mut old, mut notes, mut read) = (Vec::new(), Vec::new(), 0);
        let mut keys = Vec::with_capacity(all.chunk_by(|a, b| a.0 == b.0).count());
        for group in all.chunk_by(|a, b| a.0 == b.0) {
            let key = group[0].0;
            let is_same = |known: &&Judgement| known.notes.iter().eq(group.iter().map(|(_, _, blob)| blob));
            if let Some(known) = known(key).filter(is_same) {
                read += known.size;
                skipped += known.skipped;
                old.push(key);
            } else {
                notes.extend(group.iter().map(|_| keys.len()));
                keys.push(Unjudged::new(key, group.iter().map(|(_, writer, blob)| (*writer, *blob)).collect()));
            }
        }
        drop(all);
        let blobs = keys.iter().flat_map(|key: &Unjudged| key.notes.iter().map(|(_, blob)| *blob));
        let batch = self.repo.batch(blobs, self.most_note);
        Scanning { known: old, skipped, span: Span::default(), keys, notes, batch, read, latest: self.latest.clone() }
    }

    /// Reads what is left, and judges.
    pub fn finish_scan(&self, mut scanning: Scanning, lattice: &Lattice) -> Scan {
        scanning.read(lattice, |batch, take| {
            batch.read_packed(take);
            batch.read_rest(self.repo, take);
        });
        let Scanning { known, skipped, span, keys, .. } = scanning;
        let mut scan = Scan { keys: known.into_iter().map(|key| (key, None)).collect(), skipped, span };
        keys.into_iter().for_each(|key| self.judge_scanned(key, lattice, &mut scan));
        scan
    }

    fn judge_scanned(&self, key: Unjudged, lattice: &Lattice, scan: &mut Scan) {
        if key.left_out > 0 {
            scan.skipped += key.notes.len();
            return;
        }
        let key = if key.size > MAX_PER_KEY { self.judge_large(key, lattice, &mut scan.span) } else { key };
        scan.skipped += key.skipped;
        let verdicts = key.points.into_iter().map(|(point, tally)| (point, Rc::new(tally.verdicts()))).collect();
        let notes = key.notes.into_iter().map(|(_, blob)| blob).collect();
        let judgement = Judgement { notes, size: key.size, skipped: key.skipped, verdicts };
        scan.keys.insert(key.key, Some(judgement));
    }

    /// Judges a key with more notes than are read for one key.
    fn judge_large(&self, key: Unjudged, lattice: &Lattice, span: &mut Span) -> Unjudged {
        let judged = self.judge(key.key, key.notes.to_vec());
        span.widen(judged.span);
        let mut key = Unjudged { skipped: judged.skipped, points: Few::default(), ..key };
        for Attributed { record, .. } in &judged.records {
            tally_of(&mut key.points, &record.point, lattice).into_iter().for_each(|tally| tally.add_record(record));
        }
        key
    }

    /// Returns key, index of the writer, and note, sorted by key; and the number of entries that are no notes.
    fn all_notes(&self) -> (Vec<(Oid, usize, Oid)>, usize) {
        let (mut all, mut skipped) = (Vec::new(), 0);
        for (i, found) in self.notes() {
            let found = found.unwrap_or_else(|_| Notes { odd: 1, left: 1, ..Notes::default() });
            skipped += found.odd + usize::from(found.left == 0);
            all.extend(found.notes.into_iter().map(|(key, blob)| (key, i, blob)));
        }
        all.sort_unstable();
        (all, skipped)
    }

    /// Returns whether a judgement with this span is still valid.
    pub fn are_as_in(&self, span: &Span) -> bool {
        span.holds(&self.latest)
    }
}

impl Scanning {
    /// Reads the notes in packs.
    pub fn read_packed(&mut self, lattice: &Lattice) {
        self.read(lattice, |batch, take| batch.read_packed(take));
    }

    /// Adds the records of notes to the tallies of their keys, until too much is read.
    fn read(&mut self, lattice: &Lattice, read: impl FnOnce(&mut Batch, &mut Take<'_>)) {
        let (keys, span) = (&mut self.keys, &mut self.span);
        read(&mut self.batch, &mut |i, bytes| {
            let key = &mut keys[self.notes[i]];
            let size = bytes.map_or(0, |bytes| bytes.len() as u64);
            (key.left_out, key.size, self.read) = (key.left_out - 1, key.size + size, self.read + size);
            if key.size <= MAX_PER_KEY {
                let note = match bytes {
                    Ok(bytes) => key.add(bytes, &self.latest, lattice),
                    Err(why) => Note::unread(why),
                };
                key.skipped += note.flaws.values().sum::<usize>();
                span.widen(note.span);
            }
            if self.read > MAX_READ { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }
}

impl Unjudged {
    fn new(key: Oid, notes: Box<[(usize, Oid)]>) -> Self {
        Self { key, left_out: notes.len(), notes, size: 0, skipped: 0, points: Few::default() }
    }

    /// Adds the records of a note; returns the rest of the note.
    fn add(&mut self, bytes: &[u8], latest: &str, lattice: &Lattice) -> Note {
        let Self { key, points, .. } = self;
        each_line(*key, bytes, latest, &mut |line| {
            let tally = tally_of(points, line.point(), lattice);
            tally.into_iter().for_each(|tally| tally.add(line.claim(), line.hashes()));
            Ok(())
        })
    }
}

/// Returns the tally of a point; `None` if the lattice has no such point. After a renaming, the records of the old names stay: they are
/// valid and belong to no point.
fn tally_of<'t>(points: &'t mut Few<Spelled, Tally>, point: &str, lattice: &Lattice) -> Option<&'t mut Tally> {
    points.get_or_insert(point, || {
        let point = Spelled::from(point);
        point.read_exactly(lattice)?;
        Some((point, Tally::default()))
    })
}
