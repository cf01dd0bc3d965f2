//! Summarises the records of all keys. Reads only notes that changed; the caller caches the rest.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::{Attributed, Judged, MAX_READ, Records, Span};
use crate::git::Oid;
use crate::lattice::{Lattice, Spelled};
use crate::record::{Record, Verdicts};

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

/// The result of scanning all keys.
#[derive(Debug, Default)]
pub struct Scan {
    /// The keys that have notes; `Some` if the judgement is new.
    pub keys: HashMap<Oid, Option<Judgement>>,
    /// How many notes and lines were rejected.
    pub skipped: usize,
    /// The clock times for which the new judgements stay valid.
    pub span: Span,
}

impl Records<'_> {
    /// Judges the notes on all keys, except where `known` has a judgement of the same notes.
    pub fn scan<'k>(&self, lattice: &Lattice, known: impl Fn(Oid) -> Option<&'k Judgement>) -> Scan {
        let mut scan = Scan::default();
        let all = self.all_notes(&mut scan);
        let mut read = 0;
        for notes in all.chunk_by(|a, b| a.0 == b.0) {
            let key = notes[0].0;
            let blobs: Box<[Oid]> = notes.iter().map(|(_, _, blob)| *blob).collect();
            let known = known(key).filter(|known| known.notes == blobs);
            let size =
                known.map_or_else(|| blobs.iter().filter_map(|blob| self.repo.size_of(*blob)).sum(), |it| it.size);
            let is_too_much = read > MAX_READ;
            read += size;
            if is_too_much {
                scan.skipped += blobs.len();
            } else if let Some(known) = known {
                scan.skipped += known.skipped;
                scan.keys.insert(key, None);
            } else {
                let judged = self.judge(key, notes.iter().map(|(_, writer, blob)| (*writer, *blob)).collect());
                scan.take(key, Judgement { notes: blobs, size, ..Judgement::default() }, judged, lattice);
            }
        }
        scan
    }

    /// Returns key, index of the writer, and note, sorted by key so that the records of one key at a time are in memory.
    fn all_notes(&self, scan: &mut Scan) -> Vec<(Oid, usize, Oid)> {
        let mut all = Vec::new();
        for (i, writer) in self.writers.iter().enumerate() {
            match self.repo.all_notes(writer.tip) {
                Ok(found) => {
                    scan.skipped += found.odd + usize::from(found.left == 0);
                    all.extend(found.notes.into_iter().map(|(key, blob)| (key, i, blob)));
                }
                Err(_) => scan.skipped += 1,
            }
        }
        all.sort_unstable();
        all
    }

    /// Returns whether a judgement with this span is still valid.
    pub fn are_as_in(&self, span: &Span) -> bool {
        span.holds(&self.latest)
    }
}

impl Scan {
    fn take(&mut self, key: Oid, mut judgement: Judgement, judged: Judged, lattice: &Lattice) {
        judgement.skipped = judged.skipped;
        self.span.widen(judged.span);
        let mut points: BTreeMap<Spelled, Vec<Record>> = BTreeMap::new();
        judged.records.into_iter().for_each(|Attributed { record, .. }| {
            points.entry(record.point.clone()).or_default().push(record);
        });
        // After a renaming, the records of the old names stay: they are valid and belong to no point.
        points.retain(|text, _| text.read_exactly(lattice).is_some());
        judgement.verdicts.extend(points.into_iter().map(|(text, records)| (text, Rc::new(Verdicts::of(&records)))));
        self.skipped += judgement.skipped;
        self.keys.insert(key, Some(judgement));
    }
}
