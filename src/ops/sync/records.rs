//! Records and notes on points: fetching those of other clones and pushing our own.

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use super::Sync;
use crate::git::{Change, Oid, Repo};
use crate::journal::Origin;
use crate::ops::RemoteFailure;
use crate::record::store::{self, NOTES, RefKind, WriterRef};

/// How often to try to rename while builds write under the old name.
const TRIES: usize = 5;

/// What happened to the records or notes that this clone wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnRecords {
    /// There are none.
    Nothing,
    /// The remote had them already.
    Same,
    /// The remote does not have them yet.
    Due,
    /// They were pushed.
    Pushed,
    /// The remote refused them.
    Refused(RemoteFailure),
}

/// The result for records and notes.
#[derive(Debug, Clone)]
pub struct RecordsReport {
    /// The writer name of this clone.
    pub writer: Option<String>,
    /// The former writer name, if another clone used it too and this one took a new one.
    pub renamed_from: Option<String>,
    /// How many notes refs on the remote are not named after a writer or hold no notes.
    pub strange: usize,
    /// The build records.
    pub records: KindReport,
    /// The notes on points.
    pub notes: KindReport,
}

/// The result for the records, or for the notes.
#[derive(Debug, Clone)]
pub struct KindReport {
    /// The result for this clone's own.
    pub own: OwnRecords,
    /// The writers whose were fetched, or would be.
    pub received: Vec<String>,
    /// The writers whose diverged; the local ones were kept.
    pub diverged: Vec<String>,
    /// This clone's commit.
    pub(super) own_id: Option<Oid>,
}

impl KindReport {
    fn new(own_id: Option<Oid>) -> Self {
        Self { own: OwnRecords::Nothing, received: Vec::new(), diverged: Vec::new(), own_id }
    }
}

impl RecordsReport {
    /// The result for a kind.
    pub fn of(&self, kind: RefKind) -> &KindReport {
        match kind {
            RefKind::Records => &self.records,
            RefKind::PointNotes => &self.notes,
        }
    }

    pub(super) fn of_mut(&mut self, kind: RefKind) -> &mut KindReport {
        match kind {
            RefKind::Records => &mut self.records,
            RefKind::PointNotes => &mut self.notes,
        }
    }

    /// This clone's ref of a kind.
    pub(super) fn own_ref(&self, kind: RefKind) -> Option<WriterRef> {
        self.writer.as_ref().map(|writer| kind.of(writer))
    }

    /// The kinds to push, each with its ref.
    pub(super) fn to_push(&self) -> Vec<(RefKind, String)> {
        let is_due = |kind: &RefKind| self.of(*kind).own == OwnRecords::Due;
        let due = RefKind::ALL.into_iter().filter(is_due);
        due.filter_map(|kind| Some((kind, self.own_ref(kind)?.full()))).collect()
    }
}

/// This clone's own ref of a kind, compared with the remote's of the same name.
struct Standing {
    own: OwnRecords,
    /// The remote's commit, if another clone wrote it.
    is_foreign: bool,
    there: Option<Oid>,
}

impl Sync<'_> {
    /// Plans the changes of other writers' refs.
    pub(super) fn others_records(&self, tracked: &HashMap<String, Oid>) -> Result<(RecordsReport, Vec<Change>)> {
        let writer = store::known_writer(self.repo)?;
        let here: HashMap<_, _> = self.repo.list_refs(&[NOTES.to_owned()])?.refs.into_iter().collect();
        let own_id = |kind: RefKind| writer.as_ref().and_then(|writer| here.get(&kind.of(writer).full())).copied();
        let [records, notes] = RefKind::ALL.map(|kind| KindReport::new(own_id(kind)));
        let strange = self.remote_state.strange;
        let mut report = RecordsReport { writer, renamed_from: None, strange, records, notes };
        let mut changes = Vec::new();
        for (writer, id) in &self.remote_state.writers {
            let name = writer.full();
            let old = here.get(&name).copied();
            if report.writer.as_ref() == Some(&writer.writer) || old == Some(*id) {
                continue;
            }
            let known = report.of_mut(writer.kind);
            if self.options.dry_run && tracked.get(&name) != Some(id) {
                known.received.push(writer.writer.clone());
            } else if self.repo.tree_of_commit(*id).is_err() {
                report.strange += 1;
            } else if old.is_none_or(|old| self.is_descendant(old, *id)) {
                known.received.push(writer.writer.clone());
                changes.push(Change { name, old, new: Some(*id) });
            } else if !old.is_some_and(|old| self.is_descendant(*id, old)) {
                known.diverged.push(writer.writer.clone());
            }
        }
        Ok((report, changes))
    }

    /// Whether `new` is a descendant of `old`; false if the history cannot be read.
    fn is_descendant(&self, old: Oid, new: Oid) -> bool {
        self.repo.is_ancestor(old, new).unwrap_or(false)
    }

    /// Decides whether to push this clone's records and notes. If the remote has others under the same name, this clone is a copy of
    /// the one that wrote them (or lost its own): it takes a new writer name and moves its own there.
    pub(super) fn own_records(&self, report: &mut RecordsReport) -> Result<()> {
        let Some(writer) = report.writer.clone() else { return Ok(()) };
        let standings = RefKind::ALL.map(|kind| (kind, self.standing(&kind.of(&writer), report.of(kind).own_id)));
        if standings.iter().any(|(_, standing)| standing.is_foreign) {
            report.renamed_from = Some(writer.clone());
            if !self.options.dry_run {
                return self.rename(report, &writer, &standings.map(|(kind, standing)| (kind, standing.there)));
            }
        }
        for (kind, standing) in standings {
            report.of_mut(kind).own = standing.own;
        }
        Ok(())
    }

    fn standing(&self, own: &WriterRef, here: Option<Oid>) -> Standing {
        let there = match &self.remote_state.pushed {
            Some(pushed) => pushed.everywhere.get(&own.full()),
            None => self.remote_state.writers.get(own),
        };
        let there = there.copied();
        let (own, is_foreign) = match (here, there) {
            (None, None) => (OwnRecords::Nothing, false),
            (Some(here), Some(there)) if here == there => (OwnRecords::Same, false),
            (Some(_), None) => (OwnRecords::Due, false),
            (Some(here), Some(there)) if self.repo.size_of(there).is_some() && self.is_descendant(there, here) => {
                (OwnRecords::Due, false)
            }
            // The remote's commit is not fetched, only known to differ.
            (_, Some(there)) if self.repo.size_of(there).is_none() => (OwnRecords::Due, false),
            (_, Some(_)) => (OwnRecords::Due, true),
        };
        Standing { own, is_foreign, there }
    }

    /// Moves what this clone wrote to a new name, and sets the refs of the old one to the remote's.
    fn rename(&self, report: &mut RecordsReport, old: &str, there: &[(RefKind, Option<Oid>)]) -> Result<()> {
        let new = store::random_name();
        let mut tried = 0;
        loop {
            let mut changes = Vec::new();
            for (kind, there) in there {
                let name = kind.of(old).full();
                let here = self.repo.find_ref(&name)?;
                self.copy(&name, here, *there, &kind.of(&new).full())?;
                changes.push(Change { name, old: here, new: *there });
            }
            if tried == 0 {
                store::replace_writer(self.repo, old, &new)?;
            }
            // Reset the old name only when everything is under the new one.
            changes.retain(|change| change.old != change.new);
            match self.apply("sync: another clone's", changes, Origin::Tracking) {
                Err(_) if tried < TRIES => tried += 1,
                done => break done?,
            }
        }
        for kind in RefKind::ALL {
            let id = self.repo.find_ref(&kind.of(&new).full())?;
            let own = if id.is_some() { OwnRecords::Due } else { OwnRecords::Nothing };
            (report.of_mut(kind).own_id, report.of_mut(kind).own) = (id, own);
        }
        report.writer = Some(new);
        Ok(())
    }

    /// Copies the lines of the ref `old`, which is at `here`, to the ref `new`, except those that the remote has.
    fn copy(&self, old: &str, here: Option<Oid>, there: Option<Oid>, new: &str) -> Result<()> {
        let others = [there, self.repo.find_ref(new)?];
        let own = here.map(|here| lines_only_in(self.repo, here, &others)).transpose()?.unwrap_or_default();
        if !own.is_empty() {
            let message = format!("lattice: written as {}", old.rsplit('/').next().unwrap_or(old));
            self.repo.append_notes(&self.repo.identity_or_fallback(), new, &message, &own)?;
        }
        Ok(())
    }
}

/// The lines of each note in `notes` that none of `others` has.
fn lines_only_in(repo: &Repo, notes: Oid, others: &[Option<Oid>]) -> Result<Vec<(Oid, Vec<u8>)>> {
    let mut there: HashMap<Oid, HashSet<Vec<u8>>> = HashMap::new();
    for other in others.iter().flatten() {
        for (object, blob) in repo.all_notes(*other)?.notes {
            // An unreadable blob counts as empty, so that our lines are kept.
            let text = repo.blob(blob).unwrap_or_default();
            there.entry(object).or_default().extend(text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
        }
    }
    let mut only = Vec::new();
    for (object, blob) in repo.all_notes(notes)?.notes {
        let text = repo.blob(blob)?;
        let known = there.get(&object);
        let is_new = |line: &&[u8]| !line.is_empty() && known.is_none_or(|known| !known.contains(*line));
        let lines: Vec<u8> =
            text.split(|byte| *byte == b'\n').filter(is_new).flat_map(|line| [line, b"\n"].concat()).collect();
        if !lines.is_empty() {
            only.push((object, lines));
        }
    }
    Ok(only)
}
