//! The population and its covers: the Hasse diagram of the points that have a branch.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use super::Point;

type Sets = Vec<Box<[u32]>>;
type Ranks = Vec<u64>;
type Chain = BTreeMap<Ranks, Point>;

/// A set of points, indexed so that the points below a point are found without a scan of all points.
///
/// Points with equal sets form a chain, so each group of equal sets has at most one maximal candidate below a point. Only
/// groups whose sets are contained in those of the point count: a single group for a point with one value per axis.
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
    /// Adds a point, unless the population has it.
    pub fn insert(&mut self, point: Point) {
        self.chains.entry(sets_of(&point)).or_default().insert(point.ranks().collect(), point.clone());
        self.points.insert(point);
    }

    /// Whether the population has this point.
    pub fn contains(&self, point: &Point) -> bool {
        self.points.contains(point)
    }

    /// The points in table order.
    pub fn points(&self) -> impl Iterator<Item = &Point> {
        self.points.iter()
    }

    /// The number of points.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there are no points.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// The maximal points of the population below `point`, in table order; `point` need not be in the population.
    ///
    /// For a point of the population these are its lower covers.
    pub fn maximal_below(&self, point: &Point) -> Vec<&Point> {
        let candidates = self.greatest_of_each_chain(point);
        let mut maximal: Vec<&Point> =
            candidates.iter().filter(|c| !candidates.iter().any(|other| c.is_below(other))).copied().collect();
        maximal.sort();
        maximal
    }

    /// The minimal points of the population above `point`, in table order; `point` need not be in the population.
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

    /// All points of the population below `point`, in table order.
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

    /// The greatest existing point that has the sets of `point` and its chain values except the last: the last step of its phase.
    pub fn greatest_in_phase(&self, point: &Point) -> Option<&Point> {
        let ranks: Ranks = point.ranks().collect();
        let (_, phase) = ranks.split_last()?;
        let end = [phase, &[u64::MAX]].concat();
        let (found, greatest) = self.chains.get(&sets_of(point))?.range(..=end).next_back()?;
        found.starts_with(phase).then_some(greatest)
    }

    /// The greatest point with the sets of `point`: the one to continue from.
    pub fn greatest_of_chain(&self, point: &Point) -> Option<&Point> {
        self.chains.get(&sets_of(point))?.last_key_value().map(|(_, greatest)| greatest)
    }

    fn greatest_of_each_chain(&self, point: &Point) -> Vec<&Point> {
        let own = sets_of(point);
        let ranks = point.ranks().collect::<Ranks>();
        let greatest = |(sets, chain)| before(chain, &ranks, sets == &own).next_back();
        self.groups_within(&own).into_iter().filter_map(greatest).collect()
    }

    /// The groups whose sets are contained in `own`. Enumerates the subsets of `own` if that is cheaper than a scan of all
    /// groups.
    fn groups_within(&self, own: &Sets) -> Vec<(&Sets, &Chain)> {
        // Making and hashing one subset costs about as much as comparing several groups.
        if subset_count(own).is_some_and(|count| count == 1 || count < self.chains.len() / 4) {
            product(own).iter().filter_map(|sets| self.chains.get_key_value(sets)).collect()
        } else {
            self.chains.iter().filter(|(sets, _)| contained(sets, own)).collect()
        }
    }
}

/// The points of `chain` before `ranks`; includes `ranks` itself unless `strictly`.
fn before<'a>(chain: &'a Chain, ranks: &[u64], strictly: bool) -> impl DoubleEndedIterator<Item = &'a Point> {
    let end = if strictly { Bound::Excluded(ranks) } else { Bound::Included(ranks) };
    chain.range::<[u64], _>((Bound::Unbounded, end)).map(|(_, point)| point)
}

/// The points of `chain` after `ranks`; includes `ranks` itself unless `strictly`.
fn after<'a>(chain: &'a Chain, ranks: &[u64], strictly: bool) -> impl Iterator<Item = &'a Point> {
    let start = if strictly { Bound::Excluded(ranks) } else { Bound::Included(ranks) };
    chain.range::<[u64], _>((start, Bound::Unbounded)).map(|(_, point)| point)
}

/// The number of combinations of one non-empty subset per set; `None` on overflow.
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

/// All combinations of one non-empty subset per set.
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
