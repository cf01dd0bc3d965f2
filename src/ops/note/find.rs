//! The notes of points.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::Result;

use crate::config::Config;
use crate::context::Context;
use crate::git::Repo;
use crate::lattice::{Lattice, Point, Spelled};
use crate::note::{self, Hidden, Note, PointNotes, Written};
use crate::ops::rename;
use crate::points::census::Census;
use crate::record::store::Examined;

/// Up to this number of points times writers, the notes of each point are looked up; above it, all notes are read at once.
const FEW: usize = 64;

/// Returns the notes of these points, the oldest first; a point without notes is left out.
///
/// # Errors
/// When refs or history cannot be read. Malformed notes are skipped.
pub fn of<'p>(
    context: &Context,
    config: &Config,
    census: &Census,
    points: impl IntoIterator<Item = &'p Point>,
) -> Result<BTreeMap<Point, Vec<Note>>> {
    let current = |(point, lines): (Point, Vec<Written>)| (point, note::current(lines));
    let found = lines_of(context, config, census, points)?.into_iter().map(current);
    Ok(found.filter(|(_, notes)| !notes.is_empty()).collect())
}

/// The notes of a point, and those that other clones have hidden.
pub struct Listed {
    /// The notes, the oldest first.
    pub notes: Vec<Note>,
    /// What was hidden.
    pub hidden: Vec<Hidden>,
}

/// Returns the notes of these points, and those that other clones have hidden; a point with neither is left out.
///
/// # Errors
/// When refs or history cannot be read. Malformed notes are skipped.
pub fn with_hidden(
    context: &Context,
    config: &Config,
    census: &Census,
    points: &[Point],
) -> Result<BTreeMap<Point, Listed>> {
    let both = |(point, lines): (Point, Vec<Written>)| {
        let hidden = note::hidden(&lines);
        (point, Listed { notes: note::current(lines), hidden })
    };
    let found = lines_of(context, config, census, points)?.into_iter().map(both);
    Ok(found.filter(|(_, Listed { notes, hidden })| !(notes.is_empty() && hidden.is_empty())).collect())
}

fn lines_of<'p>(
    context: &Context,
    config: &Config,
    census: &Census,
    points: impl IntoIterator<Item = &'p Point>,
) -> Result<Vec<(Point, Vec<Written>)>> {
    let repo = &context.repo;
    let notes = PointNotes::open(repo)?;
    if notes.writers() == 0 {
        return Ok(Vec::new());
    }
    let finder = Finder { repo, config, census };
    let points: Vec<&Point> = points.into_iter().collect();
    let is_few = points.len() <= 1 || points.len() * notes.writers() <= FEW;
    if is_few { finder.few(&notes, &points) } else { finder.many(&notes, &points) }
}

/// Finds malformed notes, and counts those of names that the lattice does not have.
///
/// # Errors
/// When refs cannot be read.
pub fn examine(repo: &Repo, lattice: Option<&Lattice>) -> Result<Examined> {
    let all = PointNotes::open(repo)?.all();
    let is_elsewhere = |name: &&Spelled| lattice.is_some_and(|lattice| name.read_exactly(lattice).is_none());
    let elsewhere = all.lines.keys().filter(is_elsewhere).map(|name| all.lines[name].len()).sum();
    Ok(Examined { problems: all.problems, elsewhere })
}

struct Finder<'a> {
    repo: &'a Repo,
    config: &'a Config,
    census: &'a Census,
}

impl Finder<'_> {
    fn few(&self, notes: &PointNotes<'_>, points: &[&Point]) -> Result<Vec<(Point, Vec<Written>)>> {
        let mut found = Vec::new();
        for &point in points {
            let mut lines = notes.on(&self.config.spell(point));
            for name in self.former_names(point)? {
                let older = notes.on(&name);
                if !older.is_empty() && !self.is_point(&name)? {
                    lines.extend(older);
                }
            }
            found.push((point.clone(), lines));
        }
        Ok(found)
    }

    fn many(&self, notes: &PointNotes<'_>, points: &[&Point]) -> Result<Vec<(Point, Vec<Written>)>> {
        let mut all = notes.all().lines;
        // Of many points few have notes: their names are read instead of those of all points being spelled.
        let lattice = &self.config.lattice;
        let spelled: HashMap<Point, Spelled> =
            all.keys().filter_map(|name| Some((name.read_exactly(lattice)?, name.clone()))).collect();
        let named = points.iter().filter_map(|&point| Some((point, all.remove(spelled.get(point)?)?)));
        let mut found: BTreeMap<Point, Vec<Written>> = named.map(|(point, lines)| (point.clone(), lines)).collect();
        let left = self.left_by_points(&all)?;
        for &point in points.iter().filter(|_| !left.is_empty()) {
            for name in self.former_names(point)?.iter().filter(|name| left.contains(*name)) {
                found.entry(point.clone()).or_default().extend(all.get(name).into_iter().flatten().cloned());
            }
        }
        Ok(found.into_iter().collect())
    }

    /// Those of these names that no point has now.
    fn left_by_points(&self, lines: &HashMap<Spelled, Vec<Written>>) -> Result<HashSet<Spelled>> {
        let points: Vec<Point> = lines.keys().filter_map(|name| name.read_exactly(&self.config.lattice)).collect();
        let around = Census::around(self.repo, self.config, &points)?;
        let is_point = |name: &Spelled| {
            name.read_exactly(&self.config.lattice).is_some_and(|point| around.commit(&point).is_some())
        };
        Ok(lines.keys().filter(|name| !is_point(name)).cloned().collect())
    }

    /// The names that a point had before.
    fn former_names(&self, point: &Point) -> Result<Vec<Spelled>> {
        let Some(tip) = self.census.commit(point) else { return Ok(Vec::new()) };
        let before = rename::names_before(self.repo, tip, &self.config.spell(point))?;
        Ok(before.into_iter().map(|before| before.spelled).collect())
    }

    /// Whether a point has this name now. The census may have only some points.
    fn is_point(&self, name: &Spelled) -> Result<bool> {
        let Some(point) = name.read_exactly(&self.config.lattice) else { return Ok(false) };
        let around = Census::around(self.repo, self.config, std::slice::from_ref(&point))?;
        Ok(around.commit(&point).is_some())
    }
}
