//! Reads and writes notes on points in git notes, one ref per writer. The note of a point is on the id of a blob with the point's name.

use std::collections::{BTreeMap, HashMap};

use super::flaw::Flaw;
use super::{Draft, NoteId, Written, line};
use crate::git::commit::time_in;
use crate::git::notes::Notes;
use crate::git::size::Kind;
use crate::git::{Oid, Repo, Result};
use crate::lattice::Spelled;
use crate::record::store::{self, LeftOut, Problem, RefKind, Writer};

/// How far another machine's clock may be ahead, in seconds.
const CLOCK: i64 = 24 * 60 * 60;
/// Maximum size of all notes that are read.
const MAX_READ: u64 = 256 << 20;
/// Maximum size of the notes that are read for one point.
const MAX_PER_POINT: u64 = 8 << 20;

/// The notes of a repository at the time of opening.
pub struct PointNotes<'a> {
    repo: &'a Repo,
    writers: Vec<Writer>,
    broken: Vec<LeftOut>,
    latest: String,
    most_note: u64,
}

/// The lines of all points.
#[derive(Debug, Default)]
pub struct All {
    /// By the name that the point had.
    pub lines: HashMap<Spelled, Vec<Written>>,
    /// What is rejected, by ref and id.
    pub problems: Vec<Problem>,
}

/// A parsed git note.
#[derive(Default)]
struct Found {
    lines: Vec<Written>,
    flaws: BTreeMap<Flaw, usize>,
}

impl<'a> PointNotes<'a> {
    /// Finds the writers' refs, local and fetched.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub fn open(repo: &'a Repo) -> Result<Self> {
        let (writers, broken) = store::writers_of(repo, RefKind::PointNotes)?;
        Ok(Self { repo, writers, broken, latest: time_in(CLOCK), most_note: repo.size_limit(Kind::Note)? })
    }

    /// The number of writers.
    pub fn writers(&self) -> usize {
        self.writers.len()
    }

    /// The lines under the name of one point. Unreadable notes are skipped like malformed lines.
    pub fn on(&self, point: &Spelled) -> Vec<Written> {
        let (mut lines, mut left) = (Vec::new(), MAX_PER_POINT);
        let Ok(key) = key(self.repo, point) else { return lines };
        for writer in &self.writers {
            let Ok(Some(blob)) = self.repo.note(writer.tip, key) else { continue };
            let Some(rest) = left.checked_sub(self.repo.size_of(blob).unwrap_or(0)) else { continue };
            left = rest;
            lines.extend(self.read(writer, key, blob).lines);
        }
        lines
    }

    /// All lines, and what is rejected.
    pub fn all(&self) -> All {
        let mut all = All { problems: self.broken.iter().map(Problem::of_ref).collect(), ..All::default() };
        let tips: Vec<Oid> = self.writers.iter().map(|writer| writer.tip).collect();
        let (found, mut read) = (self.repo.notes_of(&tips), 0);
        self.writers.iter().zip(found).for_each(|(writer, found)| self.collect(writer, found, &mut read, &mut all));
        all
    }

    fn collect(&self, writer: &Writer, found: Result<Notes>, read: &mut u64, all: &mut All) {
        let mut problem = |key: Option<Oid>, reason: String, count: usize| {
            let (notes, key) = (writer.notes.clone(), key.map(|key| key.to_string()));
            all.problems.push(Problem { notes, key, reason, count });
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => return problem(None, error.to_string(), 1),
        };
        if found.left == 0 {
            problem(None, "too many notes: none were read".to_owned(), 1);
        }
        if found.odd > 0 {
            problem(None, "entries that are not notes".to_owned(), found.odd);
        }
        let total = found.notes.len();
        for (i, (key, blob)) in found.notes.into_iter().enumerate() {
            *read += self.repo.size_of(blob).unwrap_or(0);
            if *read > MAX_READ {
                return problem(None, "too many notes: some were not read".to_owned(), total - i);
            }
            let Found { lines, flaws } = self.read(writer, key, blob);
            flaws.into_iter().for_each(|(flaw, count)| problem(Some(key), flaw.to_string(), count));
            for line in lines {
                all.lines.entry(line.draft.point.clone()).or_default().push(line);
            }
        }
    }

    fn read(&self, writer: &Writer, key: Oid, blob: Oid) -> Found {
        let flawed = |flaw| Found { flaws: [(flaw, 1)].into(), ..Found::default() };
        if self.repo.size_of(blob).is_some_and(|size| size > self.most_note) {
            return flawed(Flaw::Huge);
        }
        let Ok(bytes) = self.repo.blob(blob) else { return flawed(Flaw::NoText) };
        let mut found = Found::default();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            match self.line(writer, key, line) {
                Ok(line) => found.lines.push(line),
                Err(flaw) => *found.flaws.entry(flaw).or_default() += 1,
            }
        }
        found
    }

    fn line(&self, writer: &Writer, key: Oid, line: &[u8]) -> std::result::Result<Written, Flaw> {
        let draft = line::read(line)?;
        if draft.written > self.latest {
            return Err(Flaw::Time);
        }
        if self::key(self.repo, &draft.point) != Ok(key) {
            return Err(Flaw::OtherPoint);
        }
        let id = self.repo.blob_id(line).map_err(|_| Flaw::NoText)?;
        Ok(Written { id: NoteId(id), writer: writer.name.clone(), draft })
    }
}

/// The id under which the lines of a point are kept.
fn key(repo: &Repo, point: &Spelled) -> std::result::Result<Oid, Flaw> {
    repo.blob_id(point.as_bytes()).map_err(|_| Flaw::NoText)
}

/// Appends lines under this clone's ref, in one commit; returns their ids.
///
/// # Errors
/// When the user has no identity, or the notes cannot be written.
pub fn append(repo: &Repo, message: &str, drafts: &[Draft]) -> Result<Vec<NoteId>> {
    let identity = repo.identity()?;
    let (mut texts, mut ids) = (Vec::new(), Vec::new());
    for draft in drafts {
        let text = line::of(draft);
        ids.push(NoteId(repo.blob_id(text.trim_ascii_end())?));
        texts.push((repo.blob_id(draft.point.as_bytes())?, text));
    }
    let name = RefKind::PointNotes.of(&store::writer(repo)?).full();
    repo.append_notes(&identity, &name, message, &texts)?;
    Ok(ids)
}
