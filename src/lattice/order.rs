//! The order, meet and join, and moves along a chain.

use std::cmp::Ordering;

use super::{Coordinate, Kind, Lattice, Point, Value};

impl Point {
    /// `self <= other`: sets contained, chain values lexicographically at or before.
    pub fn is_at_or_below(&self, other: &Self) -> bool {
        self.pairs(other).all(|pair| match pair {
            (Coordinate::Members(a), Coordinate::Members(b)) => is_subset(a, b),
            _ => true,
        }) && self.chain_cmp(other) != Ordering::Greater
    }

    /// `self < other`.
    pub fn is_below(&self, other: &Self) -> bool {
        self != other && self.is_at_or_below(other)
    }

    /// The least point at or above both: union of the sets, the later of the chain values.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        let later = if self.chain_cmp(other) == Ordering::Less { other } else { self };
        self.combine(other, later, union).unwrap_or_else(|| later.clone())
    }

    /// The greatest point at or below both: intersection of the sets, the earlier of the chain values; `None` is the bottom.
    pub fn meet(&self, other: &Self) -> Option<Self> {
        let earlier = if self.chain_cmp(other) == Ordering::Greater { other } else { self };
        self.combine(other, earlier, intersection)
    }

    /// Combines the sets by `sets` and takes the ranks of `chain`; `None` if a set would be empty.
    fn combine(&self, other: &Self, chain: &Self, sets: fn(&[u32], &[u32]) -> Box<[u32]>) -> Option<Self> {
        let coordinates = self.pairs(other).zip(chain.coordinates()).map(|(pair, rank)| match pair {
            (Coordinate::Members(a), Coordinate::Members(b)) => {
                let members = sets(a, b);
                (!members.is_empty()).then_some(Coordinate::Members(members))
            }
            _ => Some(rank.clone()),
        });
        coordinates.collect::<Option<Vec<_>>>().map(Self::from_coordinates)
    }

    /// A sort key that puts lower points first: a linear extension of the order.
    pub fn extension_key(&self) -> (usize, Vec<u64>, Self) {
        (self.sets().map(<[u32]>::len).sum(), self.ranks().collect(), self.clone())
    }

    /// Whether both have the same chain values but for the last: they are steps of one phase.
    pub fn shares_phase(&self, other: &Self) -> bool {
        let phase = self.ranks().count().saturating_sub(1);
        self.ranks().take(phase).eq(other.ranks().take(phase))
    }

    /// Whether both have the same chain values.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.chain_cmp(other) == Ordering::Equal
    }

    /// Compares the chain values only, lexicographically in the order of the axes.
    pub(super) fn chain_cmp(&self, other: &Self) -> Ordering {
        self.ranks().cmp(other.ranks())
    }

    /// The ranks on the chain axes, in order.
    pub(super) fn ranks(&self) -> impl Iterator<Item = u64> {
        self.coordinates().iter().filter_map(|coordinate| match coordinate {
            Coordinate::Rank(rank) => Some(*rank),
            Coordinate::Members(_) => None,
        })
    }

    /// The members on the set axes, in order.
    pub(super) fn sets(&self) -> impl Iterator<Item = &[u32]> {
        self.coordinates().iter().filter_map(|coordinate| match coordinate {
            Coordinate::Members(members) => Some(&**members),
            Coordinate::Rank(_) => None,
        })
    }

    fn pairs<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (&'a Coordinate, &'a Coordinate)> {
        self.coordinates().iter().zip(other.coordinates())
    }
}

/// Whether each member of `a` is in `b`; both are ascending.
fn is_subset(a: &[u32], b: &[u32]) -> bool {
    a.iter().all(|member| b.binary_search(member).is_ok())
}

fn union(a: &[u32], b: &[u32]) -> Box<[u32]> {
    let mut all: Vec<_> = a.iter().chain(b).copied().collect();
    all.sort_unstable();
    all.dedup();
    all.into()
}

fn intersection(a: &[u32], b: &[u32]) -> Box<[u32]> {
    a.iter().copied().filter(|member| b.binary_search(member).is_ok()).collect()
}

/// What follows a point on one of its chain axes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The point with the next value on this axis and the first value on each later chain axis.
    Point(Point),
    /// The point has the last value of the chain.
    End,
}

impl Next {
    fn point(self) -> Option<Point> {
        match self {
            Self::Point(point) => Some(point),
            Self::End => None,
        }
    }
}

impl Lattice {
    /// The positions of the chain axes, in order of declaration.
    pub fn chain_axes(&self) -> Vec<usize> {
        (0..self.axes().len()).filter(|&i| matches!(self.axes()[i].kind, Kind::Chain(_))).collect()
    }

    /// The point with the next value on chain axis `axis` and the first value on each later chain axis.
    pub fn next_on(&self, point: &Point, axis: usize) -> Next {
        let Coordinate::Rank(rank) = point.coordinates()[axis] else { return Next::End };
        let next = rank.checked_add(1).and_then(|rank| self.starting_at(point, axis, Some(rank)));
        next.map_or(Next::End, Next::Point)
    }

    /// The point with the next value on the last chain axis; `None` at the end of a closed chain.
    pub fn next_step(&self, point: &Point) -> Option<Point> {
        self.next_on(point, *self.chain_axes().last()?).point()
    }

    /// The point with the value before on the last chain axis; `None` at the first one.
    pub fn previous_step(&self, point: &Point) -> Option<Point> {
        let axis = *self.chain_axes().last()?;
        let Coordinate::Rank(rank) = point.coordinates()[axis] else { return None };
        self.starting_at(point, axis, Some(rank.checked_sub(1)?))
    }

    /// The first step of the next phase: the next value on the last chain axis that has one, not counting the step axis.
    pub fn next_phase(&self, point: &Point) -> Option<Point> {
        self.chain_axes().iter().rev().skip(1).find_map(|&axis| self.next_on(point, axis).point())
    }

    /// The variants of `point` with each combination of single values on the set axes `axes`.
    pub fn variants(&self, point: &Point, axes: &[usize]) -> Vec<Point> {
        axes.iter().fold(vec![point.clone()], |points, &axis| {
            let members = match &self.axes()[axis].kind {
                Kind::Set(listed) => 0..u32::try_from(listed.values().len()).unwrap_or(u32::MAX),
                Kind::Chain(_) => 0..0,
            };
            points.iter().flat_map(|point| members.clone().map(|m| self.with_member(point, axis, m))).collect()
        })
    }

    /// Whether `point` has the last value of chain axis `axis`.
    pub fn is_last_on(&self, point: &Point, axis: usize) -> bool {
        self.next_on(point, axis) == Next::End
    }

    /// Whether the chain of `axis` that holds at `point` is closed.
    pub fn is_closed_at(&self, point: &Point, axis: usize) -> bool {
        let values = self.values(point);
        let before = self.chain_axes().into_iter().rfind(|&i| i < axis).and_then(|i| values[i].first());
        matches!(self.chain(axis, before), Some(super::Chain::Closed(_)))
    }

    /// `point` with the first value on chain axis `axis` and on each later one.
    pub fn first_from(&self, point: &Point, axis: usize) -> Option<Point> {
        self.starting_at(point, axis, None)
    }

    /// `point` with `rank` (default: the first) on chain axis `axis`, and the first value on each later chain axis.
    fn starting_at(&self, point: &Point, axis: usize, rank: Option<u64>) -> Option<Point> {
        let mut before: Option<Value> = None;
        let mut coordinates = point.coordinates().to_vec();
        for i in self.chain_axes() {
            let rank = match (&coordinates[i], i.cmp(&axis)) {
                (Coordinate::Rank(own), Ordering::Less) => Some(*own),
                (_, Ordering::Equal) => rank.or_else(|| self.first(i, before.as_ref())),
                _ => self.first(i, before.as_ref()),
            }?;
            before = Some(self.value_at(i, before.as_ref(), rank)?);
            coordinates[i] = Coordinate::Rank(rank);
        }
        Some(Point::from_coordinates(coordinates))
    }

    /// `point` with `member` (a position) as its only value on set axis `axis`.
    pub fn with_member(&self, point: &Point, axis: usize, member: u32) -> Point {
        let mut coordinates = point.coordinates().to_vec();
        coordinates[axis] = Coordinate::Members([member].into());
        Point::from_coordinates(coordinates)
    }
}
