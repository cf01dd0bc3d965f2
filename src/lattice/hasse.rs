//! The population and its covers: the Hasse diagram of the points that have a branch.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use super::Point;

type Sets = Vec<Box<[u32]>>;
type Ranks = Vec<u64>;
type Chain = BTreeMap<Ranks, Point>;

/// A set of points, arranged so that what is below a point is found without looking at all of them.
///
/// Points with equal sets form a chain. So below a point there is at most one maximal candidate per group of equal sets,
/// and only the groups whose sets are contained in the point's matter: one, for a point with one value per axis.
#[derive(Debug, Default, Clone)]
pub struct Population {
    points: BTreeSet<Point>,
    chains: HashMap<Sets, Chain>,
}

impl FromIterator<Point> for Population {
    fn from_iter<I: IntoIterator<Item = Point>>(points: I) -> Self {
        let mut population = Self::default();
        points.into_iter().for_each(|point| population.insert(point));
        population
    }
}

impl Population {
    /// Adds a point; one that is there already changes nothing.
    pub fn insert(&mut self, point: Point) {
        self.chains.entry(sets_of(&point)).or_default().insert(point.ranks().collect(), point.clone());
        self.points.insert(point);
    }

    /// Whether the point is one of these.
    pub fn contains(&self, point: &Point) -> bool {
        self.points.contains(point)
    }

    /// The points in the order of tables.
    pub fn points(&self) -> impl Iterator<Item = &Point> {
        self.points.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// The maximal points of the population that are below `point`, which itself need not be one of it; in the order of tables.
    ///
    /// For a point of the population these are its lower covers.
    pub fn maximal_below(&self, point: &Point) -> Vec<&Point> {
        let candidates = self.greatest_of_each_chain(point);
        let mut maximal: Vec<&Point> =
            candidates.iter().filter(|c| !candidates.iter().any(|other| c.is_below(other))).copied().collect();
        maximal.sort();
        maximal
    }

    /// The minimal points of the population that are above `point`, which itself need not be one of it; in the order of tables.
    pub fn minimal_above(&self, point: &Point) -> Vec<&Point> {
        let (own, ranks) = (sets_of(point), point.ranks().collect::<Ranks>());
        let above = self.chains.iter().filter(|(sets, _)| contained(&own, sets));
        let candidates: Vec<&Point> =
            above.filter_map(|(sets, chain)| after(chain, &ranks, *sets == own).next()).collect();
        let mut minimal: Vec<&Point> =
            candidates.iter().filter(|c| !candidates.iter().any(|other| other.is_below(c))).copied().collect();
        minimal.sort();
        minimal
    }

    /// All points of the population that are below `point`, in the order of tables.
    pub fn below(&self, point: &Point) -> Vec<&Point> {
        let own = sets_of(point);
        let ranks = point.ranks().collect::<Ranks>();
        let mut all: Vec<&Point> = self
            .groups_within(&own)
            .into_iter()
            .flat_map(|(sets, chain)| before(chain, &ranks, sets == &own))
            .collect();
        all.sort();
        all
    }

    /// The greatest point with the sets of `point` and its chain values but the last: the end of its phase, as far as it is made.
    pub fn greatest_in_phase(&self, point: &Point) -> Option<&Point> {
        let ranks: Ranks = point.ranks().collect();
        let (_, phase) = ranks.split_last()?;
        let end = [phase, &[u64::MAX]].concat();
        let (found, greatest) = self.chains.get(&sets_of(point))?.range(..=end).next_back()?;
        found.starts_with(phase).then_some(greatest)
    }

    /// The greatest point with the sets of `point`: from there its work goes on.
    pub fn greatest_of_chain(&self, point: &Point) -> Option<&Point> {
        self.chains.get(&sets_of(point))?.last_key_value().map(|(_, greatest)| greatest)
    }

    fn greatest_of_each_chain(&self, point: &Point) -> Vec<&Point> {
        let own = sets_of(point);
        let ranks = point.ranks().collect::<Ranks>();
        let greatest = |(sets, chain)| before(chain, &ranks, sets == &own).next_back();
        self.groups_within(&own).into_iter().filter_map(greatest).collect()
    }

    /// The groups whose sets are contained in `own`: by enumerating subsets where that is less work than looking at all groups.
    fn groups_within(&self, own: &Sets) -> Vec<(&Sets, &Chain)> {
        // To make a subset and hash it costs about as much as looking at several groups.
        if subset_count(own).is_some_and(|count| count == 1 || count < self.chains.len() / 4) {
            product(own).iter().filter_map(|sets| self.chains.get_key_value(sets)).collect()
        } else {
            self.chains.iter().filter(|(sets, _)| contained(sets, own)).collect()
        }
    }
}

/// The points of `chain` at or before `ranks`; strictly before, if so said.
fn before<'a>(chain: &'a Chain, ranks: &[u64], strictly: bool) -> impl DoubleEndedIterator<Item = &'a Point> {
    let end = if strictly { Bound::Excluded(ranks) } else { Bound::Included(ranks) };
    chain.range::<[u64], _>((Bound::Unbounded, end)).map(|(_, point)| point)
}

/// The points of `chain` at or after `ranks`; strictly after, if so said.
fn after<'a>(chain: &'a Chain, ranks: &[u64], strictly: bool) -> impl Iterator<Item = &'a Point> {
    let start = if strictly { Bound::Excluded(ranks) } else { Bound::Included(ranks) };
    chain.range::<[u64], _>((start, Bound::Unbounded)).map(|(_, point)| point)
}

/// How many ways there are to take a non-empty subset of each, if a number can hold that.
fn subset_count(own: &Sets) -> Option<usize> {
    own.iter().try_fold(1_usize, |count, set| {
        let all = 1_usize.checked_shl(u32::try_from(set.len()).ok()?)?;
        count.checked_mul(all - 1)
    })
}

fn sets_of(point: &Point) -> Sets {
    point.sets().map(Into::into).collect()
}

fn contained(sets: &Sets, own: &Sets) -> bool {
    sets.iter().zip(own).all(|(a, b)| a.iter().all(|member| b.binary_search(member).is_ok()))
}

/// Every way to take a non-empty subset of each.
fn product(own: &Sets) -> Vec<Sets> {
    own.iter().fold(vec![Vec::new()], |found, set| {
        let extend = |sets: &Sets| subsets(set).map(|subset| [sets.clone(), vec![subset]].concat()).collect::<Vec<_>>();
        found.iter().flat_map(extend).collect()
    })
}

fn subsets(set: &[u32]) -> impl Iterator<Item = Box<[u32]>> {
    (1usize..1 << set.len())
        .map(|mask| set.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1).map(|(_, &m)| m).collect())
}
