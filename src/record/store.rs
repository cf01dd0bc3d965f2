//! Where records live: in git notes, one ref per writer.

mod scan;

use super::budget::{self, Budget};
use super::flaw::Flaw;
use super::note::{Note, read_lines};
use super::span::Span;
use super::{Record, line};
use crate::git::commit::time_in;
use crate::git::size::Kind;
use crate::git::{Error, Oid, Repo, Result};
use crate::lattice::Spelled;

pub use scan::{Judgement, Scan};

/// Under which all writers' refs are.
pub const NOTES: &str = "refs/notes/lattice/";
/// Where a clone keeps the name that it writes under.
const WRITER: &str = "lattice.writer";
/// How far another machine's clock may be ahead, in seconds.
const CLOCK: i64 = 24 * 60 * 60;
/// How many bytes of all notes together are read: ten times what a hundred thousand points need.
const MOST_READ: u64 = 1 << 30;
/// How many bytes of the notes on one key are read where it is asked for alone.
const MOST_OF_KEY: u64 = 8 << 20;

/// The records of a repository as they are now.
pub struct Records<'a> {
    repo: &'a Repo,
    writers: Vec<(String, Oid)>,
    broken: Vec<LeftOut>,
    latest: String,
    most_note: u64,
    budget: Budget,
}

/// A record and who wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The writer's name: the end of its ref's.
    pub writer: String,
    /// The record.
    pub record: Record,
}

/// What the notes on one key come to.
#[derive(Debug, Default)]
struct Judged {
    /// The records that count, in the order of their start.
    said: Vec<Said>,
    skipped: usize,
    span: Span,
}

/// Something in the notes that is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The notes ref that holds it.
    pub notes: String,
    /// The key that it hangs on; `None` when it is the ref itself.
    pub key: Option<String>,
    /// What is wrong, in words.
    pub reason: String,
    /// How many lines of this kind there are.
    pub count: usize,
}

/// A ref that does not count.
#[derive(Debug)]
struct LeftOut {
    /// Its full name; `None` where only git's own words tell it.
    notes: Option<String>,
    why: String,
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.notes.iter().try_for_each(|notes| write!(f, "`{notes}`: "))?;
        f.write_str(&self.why)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)?;
        if self.count > 1 {
            write!(f, ", {} times", self.count)?;
        }
        self.key.as_ref().map_or(Ok(()), |key| write!(f, ", on {key}"))
    }
}

impl<'a> Records<'a> {
    /// Finds the writers' refs. One that does not hold notes is left out: it is somebody else's, and hides no other.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub fn open(repo: &'a Repo) -> Result<Self> {
        let listing = repo.list_refs(&[NOTES.to_owned()])?;
        let mut broken: Vec<_> = listing.broken.into_iter().map(|why| LeftOut { notes: None, why }).collect();
        let mut writers = Vec::new();
        for (name, id) in listing.refs {
            match repo.tree_of_commit(id) {
                Ok(_) => writers.push((name, id)),
                Err(error) => broken.push(LeftOut { notes: Some(name), why: error.to_string() }),
            }
        }
        Self::of_writers(repo, writers, broken, Budget::endless())
    }

    /// Finds the writers' refs for a checkout, which waits: where there are too many, only this clone's own, and of the notes only
    /// as much as is read quickly. [`Self::is_whole`] tells afterwards whether that was all.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub fn for_checkout(repo: &'a Repo) -> Result<Self> {
        let all = repo.list_few_refs(NOTES, budget::WRITERS)?;
        let budget = Budget::of_checkout(all.is_some());
        let writers = match all {
            Some(listing) => listing.refs,
            None => own_writer(repo)?.into_iter().collect(),
        };
        Self::of_writers(repo, writers, Vec::new(), budget)
    }

    fn of_writers(repo: &'a Repo, writers: Vec<(String, Oid)>, broken: Vec<LeftOut>, budget: Budget) -> Result<Self> {
        Ok(Self { repo, writers, broken, latest: time_in(CLOCK), most_note: repo.size_limit(Kind::Note)?, budget })
    }

    /// Whether nothing was passed over so far because a checkout waits.
    pub fn is_whole(&self) -> bool {
        self.budget.is_whole()
    }

    /// What was left out.
    pub fn broken(&self) -> Vec<String> {
        self.broken.iter().map(ToString::to_string).collect()
    }

    /// The writers' refs and what they point at: as long as these stand, so do the records.
    pub fn writers(&self) -> &[(String, Oid)] {
        &self.writers
    }

    /// The records for a key that are of `point`, as it is written, in the order of their start.
    ///
    /// # Errors
    /// None at present: what cannot be read is passed over like what is malformed.
    pub fn of(&self, key: Oid, point: &str) -> Result<Vec<Record>> {
        Ok(self.said(key, point)?.into_iter().map(|said| said.record).collect())
    }

    /// The same, with who wrote them.
    ///
    /// # Errors
    /// Those of [`Self::of`].
    pub fn said(&self, key: Oid, point: &str) -> Result<Vec<Said>> {
        let note = |(i, (_, tip)): (usize, &(String, Oid))| Some((i, self.find(*tip, key).ok()??));
        let notes = self.writers.iter().enumerate().filter_map(note).collect();
        let mut said = self.judge(key, notes).said;
        said.retain(|said| said.record.point == point);
        Ok(said)
    }

    fn find(&self, tip: Oid, key: Oid) -> Result<Option<Oid>> {
        if self.budget.is_endless() {
            return self.repo.note(tip, key);
        }
        self.repo.note_within(tip, key, &|size| self.budget.take(size))
    }

    /// Reads the notes on one key, each with its writer's place: the one judgement of what counts, for whoever asks.
    fn judge(&self, key: Oid, notes: Vec<(usize, Oid)>) -> Judged {
        let sized = |(writer, blob): (usize, Oid)| (self.repo.size_of(blob).unwrap_or(0), writer, blob);
        let mut notes: Vec<_> = notes.into_iter().map(sized).collect();
        // A checkout waits for this: many writers' long notes must not hold it up, nor hide the short ones.
        notes.sort_unstable();
        let (mut judged, mut left) = (Judged::default(), MOST_OF_KEY);
        for (size, writer, blob) in notes {
            let Some(rest) = left.checked_sub(size).filter(|_| self.budget.take(size)) else {
                (judged.skipped, left) = (judged.skipped + 1, 0);
                continue;
            };
            left = rest;
            let Note { records, flaws, to_come } = self.read(key, blob);
            judged.skipped += flaws.values().sum::<usize>();
            judged.span.note(records.iter().map(|record| record.started.as_str()).max(), to_come);
            let name = &self.writers[writer].0;
            let writer = name.strip_prefix(NOTES).unwrap_or(name);
            judged.said.extend(records.into_iter().map(|record| Said { writer: writer.to_owned(), record }));
        }
        judged.said.sort_by(|a, b| a.record.started.cmp(&b.record.started));
        judged
    }

    /// Tells `on` of every record there is.
    pub fn each(&self, on: &mut dyn FnMut(Record)) {
        let mut read = 0;
        for (_, notes) in &self.writers {
            let Ok(found) = self.repo.all_notes(*notes) else { continue };
            for (key, blob) in found.notes {
                let Some(note) = self.read_within(&mut read, key, blob) else { continue };
                note.records.into_iter().for_each(&mut *on);
            }
        }
    }

    /// What is not believed, ref by ref and key by key. `known` gives the point whose key it is, as it is written.
    pub fn problems(&self, known: impl Fn(Oid) -> Option<Spelled>) -> Vec<Problem> {
        let broken = self.broken.iter().map(|LeftOut { notes, why }| Problem {
            notes: notes.clone().unwrap_or_else(|| NOTES.to_owned()),
            key: None,
            reason: why.clone(),
            count: 1,
        });
        let mut read = 0;
        let found = self.writers.iter().flat_map(|(name, notes)| self.problems_in(name, *notes, &known, &mut read));
        broken.chain(found.collect::<Vec<_>>()).collect()
    }

    fn problems_in(
        &self,
        name: &str,
        notes: Oid,
        known: &impl Fn(Oid) -> Option<Spelled>,
        read: &mut u64,
    ) -> Vec<Problem> {
        let problem = |key: Option<Oid>, reason: String, count: usize| Problem {
            notes: name.to_owned(),
            key: key.map(|key| key.to_string()),
            reason,
            count,
        };
        let found = match self.repo.all_notes(notes) {
            Ok(found) => found,
            Err(error) => return vec![problem(None, error.to_string(), 1)],
        };
        let mut problems = Vec::new();
        if found.odd > 0 {
            problems.push(problem(None, "entries that are no notes".to_owned(), found.odd));
        }
        if found.left == 0 {
            problems.push(problem(None, "more notes than are looked at".to_owned(), 1));
        }
        for (key, blob) in found.notes {
            let Some(note) = self.read_within(read, key, blob) else { continue };
            let point = known(key);
            let is_stranger = |record: &&Record| point.as_ref().is_some_and(|point| *point != record.point);
            let strangers = note.records.iter().filter(is_stranger).count();
            let flaws = note.flaws.into_iter().chain((strangers > 0).then_some((Flaw::OtherPoint, strangers)));
            problems.extend(flaws.map(|(flaw, count)| problem(Some(key), flaw.to_string(), count)));
        }
        problems
    }

    /// A note, as long as not too much was read already.
    fn read_within(&self, read: &mut u64, key: Oid, blob: Oid) -> Option<Note> {
        if *read > MOST_READ {
            return None;
        }
        *read += self.repo.size_of(blob).unwrap_or(0);
        Some(self.read(key, blob))
    }

    fn read(&self, key: Oid, blob: Oid) -> Note {
        let flawed = |flaw| Note { flaws: [(flaw, 1)].into(), ..Note::default() };
        if self.repo.size_of(blob).is_some_and(|size| size > self.most_note) {
            return flawed(Flaw::HugeNote);
        }
        match self.repo.blob(blob) {
            Ok(bytes) => read_lines(key, &bytes, &self.latest),
            Err(_) => flawed(Flaw::NoText),
        }
    }
}

pub(super) fn write(repo: &Repo, records: &[Record]) -> Result<()> {
    let texts: Vec<_> = records.iter().map(|record| (record.key, line::of(record))).collect();
    let name = format!("{NOTES}{}", writer(repo)?);
    repo.append_notes(&repo.identity_or_nobody(), &name, "lattice: record", &texts).map(drop)
}

/// The name that this clone writes under, if it ever wrote.
///
/// # Errors
/// When git's configuration cannot be read.
pub fn known_writer(repo: &Repo) -> Result<Option<String>> {
    Ok(repo.git().local_config(WRITER)?.into_iter().find(|name| is_writer(name)))
}

/// This clone's own ref and what it points at. No git is started to find it.
fn own_writer(repo: &Repo) -> Result<Option<(String, Oid)>> {
    let Some(name) = repo.config(WRITER).filter(|name| is_writer(name)) else { return Ok(None) };
    let name = format!("{NOTES}{name}");
    Ok(repo.find_ref(&name)?.map(|tip| (name, tip)))
}

/// Whether a name is one that clones write under.
pub fn is_writer(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric())
}

/// The name that this clone writes under, made once: random, so that no two clones share one.
///
/// # Errors
/// When it cannot be kept.
pub fn writer(repo: &Repo) -> Result<String> {
    if let Some(name) = known_writer(repo)? {
        return Ok(name);
    }
    let (git, own) = (repo.git(), random_name());
    git.add_config(WRITER, &own)?;
    // Of several processes that did this at once all take what comes first in the file, and the others take theirs back.
    let name = known_writer(repo)?.ok_or_else(|| Error::Malformed(format!("`{WRITER}` was not kept")))?;
    if name != own {
        git.unset_config(WRITER, &own)?;
    }
    Ok(name)
}

/// 64 random bits in hexadecimal: the standard library seeds its hashers from the system's randomness.
pub fn random_name() -> String {
    use std::hash::{BuildHasher, Hasher};
    let bits = std::collections::hash_map::RandomState::new().build_hasher().finish();
    format!("{bits:016x}")
}

/// Gives this clone another name to write under.
///
/// # Errors
/// When it cannot be kept.
pub fn replace_writer(repo: &Repo, old: &str, new: &str) -> Result<()> {
    repo.git().add_config(WRITER, new)?;
    repo.git().unset_config(WRITER, old)
}
