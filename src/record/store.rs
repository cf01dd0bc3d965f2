//! Reads and writes records in git notes, one ref per writer.

mod scan;
mod writers;

use std::ops::ControlFlow;

use super::budget::{self, Budget};
use super::flaw::Flaw;
use super::note::{Note, read_lines};
use super::span::Span;
use super::{Record, line};
use crate::git::bulk::Unread;
use crate::git::commit::time_in;
use crate::git::notes::Notes;
use crate::git::size::Kind;
use crate::git::{Error, Oid, Repo, Result};
use crate::lattice::{Lattice, Spelled};

pub use scan::{Judgement, Scan, Scanning};
pub use writers::{LeftOut, NOTES, RefKind, Writer, WriterRef, fetched_under, is_writer};

/// How far another machine's clock may be ahead, in seconds.
const CLOCK: i64 = 24 * 60 * 60;
/// Maximum size of all notes that are read: ten times what 100,000 points need.
const MAX_READ: u64 = 1 << 30;
/// Maximum size of the notes that are read for one key.
const MAX_PER_KEY: u64 = 8 << 20;

/// The records of a repository at the time of opening.
pub struct Records<'a> {
    repo: &'a Repo,
    writers: Vec<Writer>,
    broken: Vec<LeftOut>,
    latest: String,
    most_note: u64,
    budget: Budget,
}

/// A record with its writer.
#[derive(Debug, Clone, PartialEq)]
pub struct Attributed {
    /// The writer's name, the last part of its ref.
    pub writer: String,
    /// The record.
    pub record: Record,
}

/// The result of the notes on one key.
#[derive(Debug, Default)]
struct Judged {
    /// The accepted records, ordered by start.
    records: Vec<Attributed>,
    skipped: usize,
    span: Span,
}

/// Something in the notes that is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The notes ref that holds it.
    pub notes: String,
    /// The key of the note; `None` if the ref itself is wrong.
    pub key: Option<String>,
    /// What is wrong.
    pub reason: String,
    /// The number of such lines.
    pub count: usize,
}

/// What was found in the notes.
#[derive(Debug, Default)]
pub struct Examined {
    /// What is rejected.
    pub problems: Vec<Problem>,
    /// How many valid records name points that the lattice does not have, such as the old names of renamed points.
    pub elsewhere: usize,
}

impl Problem {
    /// A ref that is ignored.
    pub fn of_ref(LeftOut { notes, why }: &LeftOut) -> Self {
        let notes = notes.clone().unwrap_or_else(|| NOTES.to_owned());
        Self { notes, key: None, reason: why.clone(), count: 1 }
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
    /// Finds the writers' refs, local and fetched. A ref without notes is skipped: another program owns it.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub fn open(repo: &'a Repo) -> Result<Self> {
        let (writers, broken) = writers::find(repo, RefKind::Records)?;
        Self::of_writers(repo, writers, broken, Budget::endless())
    }

    /// Finds the writers' refs within the budget of a checkout: if there are too many, only this clone's own, and of the notes only
    /// what is read quickly. [`Self::is_whole`] tells afterwards whether that was all.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub fn for_checkout(repo: &'a Repo) -> Result<Self> {
        let prefixes = writers::fetched_prefixes(repo, RefKind::Records);
        let local = repo.list_few_refs(NOTES, budget::WRITERS)?;
        let fetched = repo.list_few_refs(writers::FETCHED, budget::WRITERS)?;
        let budget = Budget::of_checkout(local.is_some() && fetched.is_some());
        let (Some(local), Some(fetched)) = (local, fetched) else {
            let own = own_writer(repo)?.map(|it| Writer::local(RefKind::Records, it)).into_iter().collect();
            return Self::of_writers(repo, own, Vec::new(), budget);
        };
        let local = writers::of_kind(RefKind::Records, local.refs).collect();
        let leads_to = |old, new| writers::leads_to_within(repo, &budget, old, new);
        let writers = writers::united(repo, local, writers::fetched(&fetched.refs, &prefixes), leads_to);
        Self::of_writers(repo, writers, Vec::new(), budget)
    }

    fn of_writers(repo: &'a Repo, writers: Vec<Writer>, broken: Vec<LeftOut>, budget: Budget) -> Result<Self> {
        Ok(Self { repo, writers, broken, latest: time_in(CLOCK), most_note: repo.size_limit(Kind::Note)?, budget })
    }

    /// Returns whether everything was read so far, within the budget of a checkout.
    pub fn is_whole(&self) -> bool {
        self.budget.is_whole()
    }

    /// Returns the refs that are ignored, with the reason.
    pub fn broken(&self) -> Vec<String> {
        self.broken.iter().map(ToString::to_string).collect()
    }

    /// Returns the writers' refs with their tips: while these are unchanged, so are the records.
    pub fn writers(&self) -> &[Writer] {
        &self.writers
    }

    /// Returns the records of `point`, as it is spelled, for a key, ordered by start.
    ///
    /// # Errors
    /// None at present: unreadable notes are skipped like malformed ones.
    pub fn of(&self, key: Oid, point: &str) -> Result<Vec<Record>> {
        Ok(self.attributed(key, point)?.into_iter().map(|attributed| attributed.record).collect())
    }

    /// Like [`Self::of`], with the writers.
    ///
    /// # Errors
    /// Those of [`Self::of`].
    pub fn attributed(&self, key: Oid, point: &str) -> Result<Vec<Attributed>> {
        let note = |(i, writer): (usize, &Writer)| Some((i, self.find(writer.tip, key).ok()??));
        let notes = self.writers.iter().enumerate().filter_map(note).collect();
        let mut records = self.judge(key, notes).records;
        records.retain(|attributed| attributed.record.point == point);
        Ok(records)
    }

    fn find(&self, tip: Oid, key: Oid) -> Result<Option<Oid>> {
        if self.budget.is_endless() {
            return self.repo.note(tip, key);
        }
        self.repo.note_within(tip, key, &|size| self.budget.take(size))
    }

    /// Reads the notes on one key, each with the index of its writer. All commands use this one judgement.
    fn judge(&self, key: Oid, notes: Vec<(usize, Oid)>) -> Judged {
        let sized = |(writer, blob): (usize, Oid)| (self.repo.size_of(blob).unwrap_or(0), writer, blob);
        let mut notes: Vec<_> = notes.into_iter().map(sized).collect();
        // Read small notes first: many long ones must not delay a checkout or hide the short ones.
        notes.sort_unstable();
        let (mut judged, mut left) = (Judged::default(), MAX_PER_KEY);
        for (size, writer, blob) in notes {
            let Some(rest) = left.checked_sub(size).filter(|_| self.budget.take(size)) else {
                (judged.skipped, left) = (judged.skipped + 1, 0);
                continue;
            };
            left = rest;
            let note = self.read(key, blob);
            judged.skipped += note.flaws.values().sum::<usize>();
            judged.span.widen(note.span);
            let writer = &self.writers[writer].name;
            let attributed = |record| Attributed { writer: writer.clone(), record };
            judged.records.extend(note.records.into_iter().map(attributed));
        }
        judged.records.sort_by(|a, b| a.record.started.cmp(&b.record.started));
        judged
    }

    /// Calls `on` for every record, in no particular order.
    pub fn each(&self, on: &mut dyn FnMut(Record)) {
        let mut read = 0;
        for found in self.notes().into_iter().filter_map(|(_, found)| found.ok()) {
            self.each_note(&found.notes, &mut read, &mut |_, note| note.records.into_iter().for_each(&mut *on));
        }
    }

    /// The notes of each writer with its index, this clone's first: if there are too many, those of others are left out.
    fn notes(&self) -> Vec<(usize, Result<Notes>)> {
        let own = writers::own_name(self.repo);
        let mut order: Vec<usize> = (0..self.writers.len()).collect();
        order.sort_by_key(|i| own.as_ref() != Some(&self.writers[*i].name));
        let tips: Vec<Oid> = order.iter().map(|i| self.writers[*i].tip).collect();
        order.into_iter().zip(self.repo.notes_of(&tips)).collect()
    }

    /// Reads notes by key in the cheapest order, unless too much was read already, and calls `on` for each with its key.
    fn each_note(&self, notes: &[(Oid, Oid)], read: &mut u64, on: &mut dyn FnMut(Oid, Note)) {
        let ids = notes.iter().map(|(_, blob)| *blob);
        self.repo.each_blob(ids, self.most_note, &mut |i, bytes| {
            if *read > MAX_READ {
                return ControlFlow::Break(());
            }
            let (key, _) = notes[i];
            *read += bytes.map_or(0, |bytes| bytes.len() as u64);
            on(key, bytes.map_or_else(Note::unread, |bytes| read_lines(key, bytes, &self.latest)));
            ControlFlow::Continue(())
        });
    }

    /// Lists what is rejected, by ref and key. `known` maps a key to the spelling of its point.
    pub fn examine(&self, lattice: Option<&Lattice>, known: impl Fn(Oid) -> Option<Spelled>) -> Examined {
        let mut examined = Examined { problems: self.broken.iter().map(Problem::of_ref).collect(), elsewhere: 0 };
        let is_elsewhere = |record: &Record| lattice.is_some_and(|it| record.point.read_exactly(it).is_none());
        let mut read = 0;
        for (i, found) in self.notes() {
            self.examine_writer((&self.writers[i], found), (&is_elsewhere, &known), &mut read, &mut examined);
        }
        examined
    }

    fn examine_writer(
        &self,
        (writer, found): (&Writer, Result<Notes>),
        (is_elsewhere, known): (&impl Fn(&Record) -> bool, &impl Fn(Oid) -> Option<Spelled>),
        read: &mut u64,
        examined: &mut Examined,
    ) {
        let mut problems = Vec::new();
        let mut problem = |key: Option<Oid>, reason: String, count: usize| {
            let (notes, key) = (writer.notes.clone(), key.map(|key| key.to_string()));
            problems.push(Problem { notes, key, reason, count });
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                problem(None, error.to_string(), 1);
                return examined.problems.append(&mut problems);
            }
        };
        if found.odd > 0 {
            problem(None, "entries that are not notes".to_owned(), found.odd);
        }
        if found.left == 0 {
            problem(None, "too many notes: some were not read".to_owned(), 1);
        }
        self.each_note(&found.notes, read, &mut |key, note| {
            let (elsewhere, records): (Vec<_>, Vec<_>) = note.records.iter().partition(|record| is_elsewhere(record));
            examined.elsewhere += elsewhere.len();
            let point = known(key);
            let is_stranger = |record: &&&Record| point.as_ref().is_some_and(|point| *point != record.point);
            let strangers = records.iter().filter(is_stranger).count();
            let flaws = note.flaws.into_iter().chain((strangers > 0).then_some((Flaw::OtherPoint, strangers)));
            flaws.for_each(|(flaw, count)| problem(Some(key), flaw.to_string(), count));
        });
        problems.sort_by(|a, b| a.key.cmp(&b.key));
        examined.problems.append(&mut problems);
    }

    fn read(&self, key: Oid, blob: Oid) -> Note {
        if self.repo.size_of(blob).is_some_and(|size| size > self.most_note) {
            return Note::unread(Unread::TooLarge);
        }
        match self.repo.blob(blob) {
            Ok(bytes) => read_lines(key, &bytes, &self.latest),
            Err(_) => Note::unread(Unread::Unreadable),
        }
    }
}

pub(super) fn write(repo: &Repo, records: &[Record]) -> Result<()> {
    let texts: Vec<_> = records.iter().map(|record| (record.key, line::of(record))).collect();
    let name = format!("{NOTES}{}", writer(repo)?);
    repo.append_notes(&repo.identity_or_fallback(), &name, "lattice: record", &texts).map(drop)
}

/// Finds the refs of a kind, local and fetched, one for each writer, and those that are ignored.
///
/// # Errors
/// When refs cannot be read.
pub fn writers_of(repo: &Repo, kind: RefKind) -> Result<(Vec<Writer>, Vec<LeftOut>)> {
    writers::find(repo, kind)
}

/// Returns the name that this clone writes under, if it has written before.
///
/// # Errors
/// When git's configuration cannot be read.
pub fn known_writer(repo: &Repo) -> Result<Option<String>> {
    Ok(repo.git().local_config(writers::KEY)?.into_iter().find(|name| is_writer(name)))
}

/// Returns this clone's ref and its tip, without starting git.
fn own_writer(repo: &Repo) -> Result<Option<(String, Oid)>> {
    let Some(name) = writers::own_name(repo) else { return Ok(None) };
    let name = format!("{NOTES}{name}");
    Ok(repo.find_ref(&name)?.map(|tip| (name, tip)))
}

/// Returns the name that this clone writes under. The first call makes it at random, so that no two clones share one.
///
/// # Errors
/// When it cannot be stored.
pub fn writer(repo: &Repo) -> Result<String> {
    if let Some(name) = known_writer(repo)? {
        return Ok(name);
    }
    let (git, own) = (repo.git(), random_name());
    git.add_config(writers::KEY, &own)?;
    // If several processes do this at once, all use the first name in the file, and the others remove theirs.
    let name = known_writer(repo)?.ok_or_else(|| Error::Malformed(format!("git did not store `{}`", writers::KEY)))?;
    if name != own {
        git.unset_config(writers::KEY, &own)?;
    }
    Ok(name)
}

/// Returns 64 random bits in hexadecimal; the standard library seeds its hashers from the system's randomness.
pub fn random_name() -> String {
    use std::hash::{BuildHasher, Hasher};
    let bits = std::collections::hash_map::RandomState::new().build_hasher().finish();
    format!("{bits:016x}")
}

/// Replaces the name that this clone writes under.
///
/// # Errors
/// When it cannot be stored.
pub fn replace_writer(repo: &Repo, old: &str, new: &str) -> Result<()> {
    repo.git().add_config(writers::KEY, new)?;
    repo.git().unset_config(writers::KEY, old)
}
