//! Adding, changing and removing notes.

use anyhow::Result;

use super::find;
use crate::config::Config;
use crate::context::Context;
use crate::git::commit::time_in;
use crate::lattice::{Point, Spelled};
use crate::note::{self, Draft, Note, NoteId, Text};
use crate::ops::{Cannot, Refusal};
use crate::points::census::Census;
use crate::points::keys::Keys;
use crate::record::store;

/// What to do with the notes of points.
#[derive(Debug, Clone)]
pub enum Deed {
    /// Add one.
    Add(Text),
    /// Replace the text of one.
    Edit(Text),
    /// Remove one.
    Remove,
}

/// A planned change of notes.
pub struct Request<'a> {
    context: &'a Context,
    points: Vec<Subject>,
}

/// A point with its notes.
struct Subject {
    point: Point,
    spelled: Spelled,
    notes: Vec<Note>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The note was added.
    Added,
    /// Its text was replaced.
    Changed,
    /// It was removed.
    Removed,
    /// The point has this note already.
    Unchanged,
}

/// The result for one point.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The point.
    pub point: Spelled,
    /// What happened.
    pub outcome: Outcome,
    /// The id of the note; `None` if it was removed, or nothing was written.
    pub id: Option<NoteId>,
    /// The note that was replaced or removed.
    pub replaces: Option<NoteId>,
    /// Its text now.
    pub text: Option<Text>,
}

/// Reads the notes of points, to change them.
///
/// # Errors
/// When refs or history cannot be read.
pub fn prepare<'a>(context: &'a Context, config: &Config, census: &Census, points: &[Point]) -> Result<Request<'a>> {
    let mut notes = find::of(context, config, census, points)?;
    let subject = |point: &Point| {
        let notes = notes.remove(point).unwrap_or_default();
        Subject { point: point.clone(), spelled: config.spell(point), notes }
    };
    Ok(Request { context, points: points.iter().map(subject).collect() })
}

impl Request<'_> {
    /// The note that `--edit` and `--remove` mean: the one whose id begins with `id`, else the only one.
    ///
    /// # Errors
    /// When there is none, or there are several.
    pub fn chosen(&self, id: Option<&str>) -> Result<&Note> {
        let Some(Subject { spelled, notes, .. }) = self.points.first() else { return Err(Cannot::NoHeadPoint.into()) };
        let fits: Vec<&Note> = notes.iter().filter(|note| id.is_none_or(|id| fits_id(note, id))).collect();
        match (fits.as_slice(), id) {
            ([one], _) => Ok(one),
            ([], None) => Err(Refusal::NoNote { point: spelled.clone() }.into()),
            ([], Some(id)) => Err(Cannot::NoSuchNote { point: spelled.clone(), id: id.to_owned() }.into()),
            (several, _) => {
                let notes = several.iter().map(|note| (note.id.short(), note.text.first_line().to_owned())).collect();
                Err(Cannot::SeveralNotes { point: spelled.clone(), notes }.into())
            }
        }
    }

    /// Does it, in one commit; `old` is the note to replace or remove. With `dry_run`, nothing is written.
    ///
    /// # Errors
    /// When the user has no identity, or the notes cannot be written.
    pub fn run(
        &self,
        config: &Config,
        census: &Census,
        deed: &Deed,
        old: Option<&Note>,
        dry_run: bool,
    ) -> Result<Vec<Entry>> {
        let own = store::known_writer(&self.context.repo)?;
        let mut entries: Vec<Entry> =
            self.points.iter().map(|subject| entry(subject, deed, old, own.as_deref())).collect();
        let mut drafts = Vec::new();
        for (subject, entry) in self.points.iter().zip(&entries) {
            if entry.outcome != Outcome::Unchanged {
                drafts.push(self.draft(config, census, subject, entry)?);
            }
        }
        if dry_run || drafts.is_empty() {
            return Ok(entries);
        }
        let ids = note::append(&self.context.repo, &message(&entries), &drafts)?;
        let written = entries.iter_mut().filter(|entry| entry.outcome != Outcome::Unchanged);
        for (entry, id) in written.zip(ids) {
            entry.id = entry.text.as_ref().map(|_| id);
        }
        Ok(entries)
    }

    fn draft(&self, config: &Config, census: &Census, subject: &Subject, entry: &Entry) -> Result<Draft> {
        let repo = &self.context.repo;
        let commit = census.commit(&subject.point).ok_or_else(|| Cannot::no_point(config, &subject.point))?;
        let key = Keys::new(repo, config).key(repo.tree_of_commit(commit)?, &subject.point)?;
        let (author, email) = repo.identity()?.author();
        Ok(Draft {
            point: subject.spelled.clone(),
            commit,
            key,
            author,
            email,
            written: time_in(0),
            text: entry.text.clone(),
            replaces: entry.replaces.into_iter().collect(),
        })
    }
}

/// An empty text is the beginning of each id, but names none.
fn fits_id(note: &Note, id: &str) -> bool {
    !id.is_empty() && note.id.begins_with(id)
}

fn entry(subject: &Subject, deed: &Deed, old: Option<&Note>, own: Option<&str>) -> Entry {
    let is_same = |note: &&Note, text: &Text| Some(note.writer.as_str()) == own && note.text == *text;
    let (outcome, text, known) = match deed {
        Deed::Add(text) => match subject.notes.iter().find(|note| is_same(note, text)) {
            Some(note) => (Outcome::Unchanged, Some(text), Some(note.id)),
            None => (Outcome::Added, Some(text), None),
        },
        Deed::Edit(text) if old.is_some_and(|old| old.text == *text) => {
            (Outcome::Unchanged, Some(text), old.map(|old| old.id))
        }
        Deed::Edit(text) => (Outcome::Changed, Some(text), None),
        Deed::Remove => (Outcome::Removed, None, None),
    };
    let replaces = old.map(|old| old.id).filter(|_| outcome != Outcome::Unchanged);
    Entry { point: subject.spelled.clone(), outcome, id: known, replaces, text: text.cloned() }
}

/// The message of the commit on the notes ref.
fn message(entries: &[Entry]) -> String {
    let mut written = entries.iter().filter(|entry| entry.outcome != Outcome::Unchanged);
    let first = written.next().map(|entry| entry.point.to_string()).unwrap_or_default();
    match written.count() {
        0 => format!("lattice: note on {first}"),
        more => format!("lattice: notes on {first} and {more} more"),
    }
}
