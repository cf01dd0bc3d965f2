//! Changes of an axis: `lattice.toml` in the worktree, and the points that have other names afterwards.
//!
//! The file is written first, then the refs move in one transaction. The points before are those of the base branch's file. So if this
//! process is killed in between, the same command finds the edited file, and the points under their old names, and goes on. After the
//! file was committed, a renaming still finds points of the old name: the change back of the committed file says what that was. They may
//! have come from another clone in the meantime.

mod change;

use std::fs::File;
use std::path::Path;

use anyhow::Result;

pub use self::change::Change;
use super::Refusal;
use super::change::is_pending;
use super::generated::{AXIS, MOVE};
use super::init;
use super::moves::{self, Plan, Planner};
use super::rename::{Map, Renamer, Renaming};
use crate::config::{Config, Document};
use crate::context::Context;
use crate::lattice::Point;
use crate::points::census::{self, Census};
use crate::temporary;

/// A planned change of an axis.
pub struct Edit<'a> {
    change: &'a Change,
    delete_remote: bool,
    root: &'a Path,
    /// The file as it is.
    here: Document,
    /// The file afterwards.
    edited: Document,
    /// The lattice before.
    old: Config,
    /// The lattice afterwards.
    new: Config,
    /// Whether the file differs from that of the base branch by nothing but this change.
    is_clean: bool,
    _held: File,
}

/// Reads `lattice.toml` and plans its change.
///
/// # Errors
/// [`Refusal::Uncommitted`] when only the base branch's file has the axis and the value; when there is no such axis or value, or the
/// result is not a valid lattice.
pub fn edit<'a>(context: &'a Context, change: &'a Change, delete_remote: bool) -> Result<Edit<'a>> {
    change.check_names()?;
    let root = init::worktree(context)?;
    let held = init::lock_file(&context.repo)?;
    let here = context.document()?;
    let base = context.base_document()?;
    let is_same = |a: &Document, b: &Document| lines(a) == lines(b);
    let is_committed = base.as_ref().is_some_and(|base| is_same(base, &here));
    let edited_base = base.as_ref().and_then(|base| change.edit(base).ok());
    let is_edited = edited_base.as_ref().is_some_and(|edited| is_same(edited, &here));
    let (old, edited) = match (base, change.edit(&here)) {
        (Some(base), _) if is_edited && !is_committed => (base, here.clone()),
        (_, Ok(edited)) => (here.clone(), edited),
        (Some(base), Err(_)) if !is_committed && edited_base.is_some() => {
            return Err(Refusal::Uncommitted { base: base.config()?.base.to_string() }.into());
        }
        (_, Err(error)) => {
            let back = change.inverse().and_then(|change| change.edit(&here).ok());
            (back.filter(|_| is_committed).ok_or(error)?, here.clone())
        }
    };
    let (old, new) = (old.config()?, edited.config()?);
    Ok(Edit { change, delete_remote, root, here, edited, old, new, is_clean: is_committed || is_edited, _held: held })
}

/// The text of a file; a checkout may have written other line ends.
fn lines(document: &Document) -> Vec<String> {
    document.to_string().lines().map(str::to_owned).collect()
}

impl Edit<'_> {
    /// The lattice afterwards.
    pub fn config(&self) -> &Config {
        &self.new
    }

    /// Whether the file changes.
    pub fn is_change(&self) -> bool {
        lines(&self.here) != lines(&self.edited)
    }

    /// Plans the new names of the points. Nothing is written, not even an object.
    ///
    /// # Errors
    /// [`Refusal`] when points have a removed value, a point would grow on other points than before, or points change while
    /// `lattice.toml` has other changes; when refs, objects or history cannot be read.
    pub fn plan(&self, context: &Context) -> Result<Plan> {
        let Self { change, old, new, delete_remote, .. } = self;
        let memory = context.repo.in_memory();
        let census = Census::take(&memory, old)?;
        self.check_unused(&census)?;
        let map = match change {
            _ if change.keeps_positions() => Map::Positions,
            _ => Map::Values { without: change.removed(old) },
        };
        let renaming = Renaming { old, new, map, delete_remote: *delete_remote };
        let mut points: Vec<Point> = census.population().points().cloned().collect();
        points.sort_by_cached_key(Point::extension_key);
        let cause = change.trailer().map(|text| (AXIS, text));
        let renamer = Renamer::new(context, &census, &memory, &renaming, cause)?;
        let unwritten = renamer.staying_here().run(&points)?;
        let plan = unwritten.with_objects(memory);
        if !plan.items.is_empty() && !self.is_clean {
            return Err(Refusal::Uncommitted { base: old.base.to_string() }.into());
        }
        if plan.items.is_empty() { self.owed(context) } else { Ok(plan) }
    }

    /// Plans what an earlier run did not push or delete.
    fn owed(&self, context: &Context) -> Result<Plan> {
        let Self { change, old, new, delete_remote, .. } = self;
        let memory = context.repo.in_memory();
        let census = Census::take(&memory, new)?;
        let mut planner = Planner::new(context, new, &census, &memory);
        for point in census.population().points() {
            planner.owe(&new.name(point), &[MOVE, AXIS])?;
            planner.count();
        }
        if let (true, true, Some(remote)) = (*delete_remote, change.keeps_positions(), &new.remote) {
            for branch in census::renamed(&context.repo, remote, "")?.into_keys() {
                let was = old.branch.decode(&old.lattice, &branch);
                if let Some(point) = was.filter(|_| new.branch.decode(&new.lattice, &branch).is_none()) {
                    planner.delete_renamed(&old.name(&point))?;
                }
            }
        }
        Ok(planner.finish().with_objects(memory))
    }

    /// Checks that no point has a value that goes.
    fn check_unused(&self, census: &Census) -> Result<()> {
        let Change::RemoveValues { axis, values } = self.change else { return Ok(()) };
        let lattice = &self.old.lattice;
        let i = lattice.axis_index(axis)?;
        let has_one =
            |point: &&Point| lattice.texts(point)[i].split('+').any(|text| values.iter().any(|it| it == text));
        let mut using = census.population().points().filter(has_one);
        match using.next() {
            None => Ok(()),
            Some(point) => {
                let (point, others) = (self.old.spell(point), using.count());
                Err(Refusal::ValueInUse { axis: axis.clone(), point, others }.into())
            }
        }
    }

    /// Writes the file, then moves the refs. Returns the plan and the id of the operation; the file stays as it was if the plan leaves
    /// something out.
    ///
    /// # Errors
    /// Those of [`Self::plan`], and when the file or refs cannot be written; then the file is as it was, unless the next command finishes
    /// the operation.
    pub fn apply(&self, context: &Context, title: &str) -> Result<(Plan, Option<String>)> {
        let plan = self.plan(context)?;
        if !plan.is_complete() {
            return Ok((plan, None));
        }
        // What a killed process left of an edit.
        temporary::sweep(self.root);
        if self.is_change() {
            init::save(self.root, &self.edited)?;
        }
        let applied = moves::make(context, title, || self.plan(context));
        let keeps_edit = match &applied {
            Ok((plan, _)) => plan.is_complete(),
            Err(error) => is_pending(error),
        };
        if self.is_change() && !keeps_edit {
            init::save(self.root, &self.here)?;
        }
        applied
    }
}
