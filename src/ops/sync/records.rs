//! Records: fetching those of other clones and pushing our own.

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use super::Sync;
use crate::git::{Change, Oid, Repo};
use crate::journal::Origin;
use crate::ops::RemoteFailure;
use crate::record::store::{self, NOTES};

/// How often to try to rename while builds write under the old name.
const TRIES: usize = 5;

/// What happened to this clone's own records.
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

/// The result for records.
#[derive(Debug, Clone)]
pub struct RecordsReport {
    /// The writer name of this clone.
    pub writer: Option<String>,
    /// The result for its own records.
    pub own: OwnRecords,
    /// The former writer name, if another clone used it too and this one took a new one.
    pub renamed_from: Option<String>,
    /// The writers whose records were fetched, or would be.
    pub received: Vec<String>,
    /// The writers whose records diverged; the local ones were kept.
    pub diverged: Vec<String>,
    /// How many notes refs on the remote are not named after a writer or hold no notes.
    pub strange: usize,
    /// The notes commit to push.
    pub(super) own_id: Option<Oid>,
}

impl RecordsReport {
    /// The ref to push.
    pub(super) fn to_push(&self) -> Option<String> {
        (self.own == OwnRecords::Due).then_some(self.writer.as_ref()).flatten().map(|writer| format!("{NOTES}{writer}"))
    }
}

impl Sync<'_> {
    /// Plans the changes of other writers' refs.
    pub(super) fn others_records(&self, tracked: &HashMap<String, Oid>) -> Result<(RecordsReport, Vec<Change>)> {
        let writer = store::known_writer(self.repo)?;
        let here: HashMap<_, _> = self.repo.list_refs(&[NOTES.to_owned()])?.refs.into_iter().collect();
        let mut report = RecordsReport {
            own_id: writer.as_ref().and_then(|writer| here.get(&format!("{NOTES}{writer}"))).copied(),
            writer,
            own: OwnRecords::Nothing,
            renamed_from: None,
            received: Vec::new(),
            diverged: Vec::new(),
            strange: self.remote_state.strange,
        };
        let mut changes = Vec::new();
        for (writer, id) in &self.remote_state.writers {
            let name = format!("{NOTES}{writer}");
            let old = here.get(&name).copied();
            if report.writer.as_ref() == Some(writer) || old == Some(*id) {
                continue;
            }
            if self.options.dry_run && tracked.get(&name) != Some(id) {
                report.received.push(writer.clone());
            } else if self.repo.tree_of_commit(*id).is_err() {
                report.strange += 1;
            } else if old.is_none_or(|old| self.is_descendant(old, *id)) {
                report.received.push(writer.clone());
                changes.push(Change { name, old, new: Some(*id) });
            } else if !old.is_some_and(|old| self.is_descendant(*id, old)) {
                report.diverged.push(writer.clone());
            }
        }
        Ok((report, changes))
    }

    /// Whether `new` is a descendant of `old`; false if the history cannot be read.
    fn is_descendant(&self, old: Oid, new: Oid) -> bool {
        self.repo.is_ancestor(old, new).unwrap_or(false)
    }

    /// Decides whether to push this clone's records. If the remote has other records under the same name, this clone is
    /// a copy of the one that wrote them (or lost its own): it takes a new writer name and moves its records there.
    pub(super) fn own_records(&self, report: &mut RecordsReport) -> Result<()> {
        let Some(writer) = report.writer.clone() else { return Ok(()) };
        let there = match &self.remote_state.pushed {
            Some(pushed) => pushed.everywhere.get(&format!("{NOTES}{writer}")),
            None => self.remote_state.writers.get(&writer),
        };
        let (here, there) = (report.own_id, there.copied());
        report.own = match (here, there) {
            (None, None) => OwnRecords::Nothing,
            (Some(here), Some(there)) if here == there => OwnRecords::Same,
            (Some(_), None) => OwnRecords::Due,
            (Some(here), Some(there)) if self.repo.size_of(there).is_some() && self.is_descendant(there, here) => {
                OwnRecords::Due
            }
            // The remote's commit is not fetched, only known to differ.
            (_, Some(there)) if self.repo.size_of(there).is_none() => OwnRecords::Due,
            (_, Some(there)) => {
                report.renamed_from = Some(writer.clone());
                if self.options.dry_run {
                    OwnRecords::Due
                } else {
                    return self.rename(report, &writer, there);
                }
            }
        };
        Ok(())
    }

    fn rename(&self, report: &mut RecordsReport, old: &str, there: Oid) -> Result<()> {
        let new = store::random_name();
        let (old_ref, new_ref) = (format!("{NOTES}{old}"), format!("{NOTES}{new}"));
        let mut tried = 0;
        loop {
            let here = self.repo.find_ref(&old_ref)?;
            let theirs = [Some(there), self.repo.find_ref(&new_ref)?];
            let own = here.map(|here| lines_only_in(self.repo, here, &theirs)).transpose()?.unwrap_or_default();
            if !own.is_empty() {
                let message = format!("lattice: records that were written as {old}");
                self.repo.append_notes(&self.repo.identity_or_fallback(), &new_ref, &message, &own)?;
            }
            if tried == 0 {
                store::replace_writer(self.repo, old, &new)?;
            }
            // Reset the old name only when all own records are under the new one.
            let change = Change { name: old_ref.clone(), old: here, new: Some(there) };
            match self.apply("sync: another clone's", vec![change], Origin::Tracking) {
                Err(_) if tried < TRIES => tried += 1,
                done => break done?,
            }
        }
        report.own_id = self.repo.find_ref(&new_ref)?;
        report.own = if report.own_id.is_some() { OwnRecords::Due } else { OwnRecords::Nothing };
        report.writer = Some(new);
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
