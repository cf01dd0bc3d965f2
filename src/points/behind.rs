//! Points that lack commits of points below them, at any depth.
//!
//! A point that contains the tip of a lower cover contains everything that the cover contains. So only the lower covers have to be
//! looked at, unless one of them is behind itself.

use anyhow::Result;
use foldhash::{HashMap, HashSet};

use super::census::Census;
use crate::git::{Oid, Repo};
use crate::lattice::Point;

/// Which points lack commits of points below them.
pub struct Behind<'a> {
    census: &'a Census,
    /// Each with one point that it lacks commits of.
    found: HashMap<Point, Point>,
    /// Those of which a shallow clone lacks the history that tells.
    unknown: HashSet<Point>,
}

impl<'a> Behind<'a> {
    /// Find which of `points` are behind. `points` must contain all points of the census below each of them. `contains` tells whether
    /// the tip of a point contains a commit, if that is known.
    ///
    /// # Errors
    /// Those of `contains`.
    pub fn find<'p>(
        census: &'a Census,
        points: impl Iterator<Item = &'p Point> + Clone,
        mut contains: impl FnMut(&Point, Oid) -> Result<Option<bool>>,
    ) -> Result<Self> {
        let mut unknown = HashSet::default();
        let contains = |point: &Point, tip: Oid| {
            let known = contains(point, tip)?;
            if known.is_none() {
                unknown.insert(point.clone());
            }
            Ok(known.unwrap_or(true))
        };
        let behind = Self::known(census, points, contains)?;
        unknown.retain(|point| !behind.has(point));
        Ok(Self { unknown, ..behind })
    }

    fn known<'p>(
        census: &'a Census,
        points: impl Iterator<Item = &'p Point> + Clone,
        mut contains: impl FnMut(&Point, Oid) -> Result<bool>,
    ) -> Result<Self> {
        let mut behind = Self { census, found: HashMap::default(), unknown: HashSet::default() };
        for point in points.clone() {
            if let Some(cover) = behind.lacked_cover(point, &mut contains)? {
                behind.found.insert(point.clone(), cover);
            }
        }
        if behind.found.is_empty() {
            return Ok(behind);
        }
        let mut others: Vec<&Point> = points.filter(|point| !behind.has(point)).collect();
        others.sort_by_cached_key(|point| point.extension_key());
        for point in others {
            if let Some(below) = behind.lacked_deeper(point, &mut contains)? {
                behind.found.insert(point.clone(), below);
            }
        }
        Ok(behind)
    }

    /// Whether `point` is behind.
    pub fn has(&self, point: &Point) -> bool {
        self.found.contains_key(point)
    }

    /// Whether `point` may be behind: a shallow clone lacks the history that tells.
    pub fn may_be(&self, point: &Point) -> bool {
        self.unknown.contains(point)
    }

    /// The points that may be behind: a shallow clone lacks the history that tells. Lower ones first.
    pub fn unknown(&self) -> Vec<&Point> {
        let mut points: Vec<&Point> = self.unknown.iter().collect();
        points.sort_by_cached_key(|point| point.extension_key());
        points
    }

    /// The points that are behind, lower ones first.
    pub fn into_points(self) -> Vec<Point> {
        let mut points: Vec<Point> = self.found.into_keys().collect();
        points.sort_by_cached_key(Point::extension_key);
        points
    }

    /// A lower cover that `point` lacks commits of.
    fn lacked_cover(
        &self,
        point: &Point,
        contains: &mut impl FnMut(&Point, Oid) -> Result<bool>,
    ) -> Result<Option<Point>> {
        for cover in self.census.population().maximal_below(point) {
            if !self.is_contained(cover, point, contains)? {
                return Ok(Some(cover.clone()));
            }
        }
        Ok(None)
    }

    /// A point that one of the lower covers of `point`, which it contains, lacks commits of, and that it lacks too. What a cover is
    /// known to lack comes first: mostly that settles it, and a long chain is not walked for each of its points.
    fn lacked_deeper(
        &self,
        point: &Point,
        contains: &mut impl FnMut(&Point, Oid) -> Result<bool>,
    ) -> Result<Option<Point>> {
        let population = self.census.population();
        let mut waiting: Vec<&Point> =
            population.maximal_below(point).into_iter().filter(|cover| self.has(cover)).collect();
        for lacked in waiting.iter().filter_map(|cover| self.found.get(cover)) {
            if !self.is_contained(lacked, point, contains)? {
                return Ok(Some(lacked.clone()));
            }
        }
        let mut seen: HashSet<&Point> = waiting.iter().copied().collect();
        while let Some(below) = waiting.pop() {
            for cover in population.maximal_below(below) {
                if !self.is_contained(cover, point, contains)? {
                    return Ok(Some(cover.clone()));
                }
                if self.has(cover) && seen.insert(cover) {
                    waiting.push(cover);
                }
            }
        }
        Ok(None)
    }

    /// Whether `point` contains the commits of `below`.
    fn is_contained(
        &self,
        below: &Point,
        point: &Point,
        contains: &mut impl FnMut(&Point, Oid) -> Result<bool>,
    ) -> Result<bool> {
        self.census.commit(below).map_or(Ok(true), |tip| contains(point, tip))
    }
}

/// The points that a point lacks commits of.
#[derive(Debug, Default)]
pub struct Lacking {
    /// The points, directly below it first.
    pub points: Vec<Point>,
    /// Whether it may lack commits of others: a shallow clone lacks the history that tells.
    pub is_open: bool,
}

/// The points that `point` lacks commits of.
///
/// # Errors
/// When history cannot be read.
pub fn lacking(repo: &Repo, census: &Census, point: &Point) -> Result<Lacking> {
    let Some(own) = census.commit(point) else { return Ok(Lacking::default()) };
    let mut ancestry = repo.ancestry();
    let below = census.population().below(point);
    let behind = Behind::find(census, below.iter().copied(), |point, tip| {
        census.commit(point).map_or(Ok(Some(true)), |own| Ok(ancestry.contains_if_known(own, tip)?))
    })?;
    let mut found = Lacking::default();
    let mut waiting = vec![point];
    let mut seen: HashSet<&Point> = HashSet::default();
    while let Some(above) = waiting.pop() {
        for cover in census.population().maximal_below(above) {
            let Some(tip) = census.commit(cover).filter(|_| seen.insert(cover)) else { continue };
            match ancestry.contains_if_known(own, tip)? {
                Some(true) => {}
                Some(false) => found.points.push(cover.clone()),
                None => found.is_open = true,
            }
            waiting.extend(Some(cover).filter(|cover| behind.has(cover)));
        }
    }
    Ok(found)
}
