//! Points that lack commits of points below them, at any depth.
//!
//! A point that contains the tip of a lower cover contains everything that the cover contains. So only the lower covers have to be
//! looked at, unless one of them is behind itself.

use std::collections::HashSet;

use anyhow::Result;

use super::census::Census;
use crate::git::{Oid, Repo};
use crate::lattice::Point;

/// Which points lack commits of points below them.
pub struct Behind<'a> {
    census: &'a Census,
    found: HashSet<Point>,
}

impl<'a> Behind<'a> {
    /// Find which of `points` are behind. `points` must contain all points of the census below each of them. `contains` tells whether
    /// the tip of a point contains a commit.
    ///
    /// # Errors
    /// Those of `contains`.
    pub fn find<'p>(
        census: &'a Census,
        points: impl Iterator<Item = &'p Point> + Clone,
        mut contains: impl FnMut(&Point, Oid) -> Result<bool>,
    ) -> Result<Self> {
        let mut behind = Self { census, found: HashSet::new() };
        for point in points.clone() {
            if behind.lacks_cover(point, &mut contains)? {
                behind.found.insert(point.clone());
            }
        }
        if behind.found.is_empty() {
            return Ok(behind);
        }
        let mut others: Vec<&Point> = points.filter(|point| !behind.has(point)).collect();
        others.sort_by_cached_key(|point| point.extension_key());
        for point in others {
            if behind.lacks_deeper(point, &mut contains)? {
                behind.found.insert(point.clone());
            }
        }
        Ok(behind)
    }

    /// Whether `point` is behind.
    pub fn has(&self, point: &Point) -> bool {
        self.found.contains(point)
    }

    /// The points that are behind, lower ones first.
    pub fn into_points(self) -> Vec<Point> {
        let mut points: Vec<Point> = self.found.into_iter().collect();
        points.sort_by_cached_key(Point::extension_key);
        points
    }

    fn lacks_cover(&self, point: &Point, contains: &mut impl FnMut(&Point, Oid) -> Result<bool>) -> Result<bool> {
        for cover in self.census.population().maximal_below(point) {
            if let Some(tip) = self.census.commit(cover)
                && !contains(point, tip)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether `point`, which contains its lower covers, lacks something that one of them lacks.
    fn lacks_deeper(&self, point: &Point, contains: &mut impl FnMut(&Point, Oid) -> Result<bool>) -> Result<bool> {
        let population = self.census.population();
        let covers_behind = |point: &Point| population.maximal_below(point).into_iter().filter(|cover| self.has(cover));
        let mut waiting: Vec<&Point> = covers_behind(point).collect();
        let mut seen: HashSet<&Point> = waiting.iter().copied().collect();
        while let Some(below) = waiting.pop() {
            for cover in population.maximal_below(below) {
                if let Some(tip) = self.census.commit(cover)
                    && !contains(point, tip)?
                {
                    return Ok(true);
                }
                if self.has(cover) && seen.insert(cover) {
                    waiting.push(cover);
                }
            }
        }
        Ok(false)
    }
}

/// The points that `point` lacks commits of, directly below the point first.
///
/// # Errors
/// When history cannot be read.
pub fn lacking(repo: &Repo, census: &Census, point: &Point) -> Result<Vec<Point>> {
    let Some(own) = census.commit(point) else { return Ok(Vec::new()) };
    let below = census.population().below(point);
    let behind = Behind::find(census, below.iter().copied(), |point, tip| {
        census.commit(point).map_or(Ok(true), |own| contains_readable(repo, own, tip))
    })?;
    let mut found = Vec::new();
    let mut waiting = vec![point];
    let mut seen: HashSet<&Point> = HashSet::new();
    while let Some(above) = waiting.pop() {
        for cover in census.population().maximal_below(above) {
            let Some(tip) = census.commit(cover).filter(|_| seen.insert(cover)) else { continue };
            if !contains_readable(repo, own, tip)? {
                found.push(cover.clone());
            }
            waiting.extend(Some(cover).filter(|cover| behind.has(cover)));
        }
    }
    Ok(found)
}

/// Whether `commit` contains `ancestor`. An unreadable ancestor counts as contained: it is reported separately.
///
/// # Errors
/// When history cannot be read.
pub fn contains_readable(repo: &Repo, commit: Oid, ancestor: Oid) -> Result<bool> {
    Ok(repo.commit(ancestor).is_err() || repo.is_ancestor(ancestor, commit)?)
}
