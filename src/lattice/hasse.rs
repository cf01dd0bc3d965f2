//! The population and its covers: the Hasse diagram of the points that have a branch.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use foldhash::HashMap;

use super::Point;

type Sets = Vec<Box<[u32]>>;
/// Points with equal sets, ascending.
type Chain = Vec<Point>;

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
        let (mut chains, mut points) = (HashMap::<Sets, Chain>::default(), Vec::from_iter(points));
        // Sorted, each point goes to the end of its chain, and most follow one of the same chain.
        points.sort();
        points.dedup();
        for run in points.chunk_by(|a, b| a.sets().eq(b.sets())) {
            chains.entry(sets_of(&run[0])).or_default().extend_from_slice(run);
        }
        Self { points: points.into_iter().collect(), chains }
    }
}

impl Population {
    /// Adds a point, unless the population has it.
    pub fn insert(&mut self, point: Point) {
        let chain = self.chains.entry(sets_of(&point)).or_default();
        if let Err(at) = chain.binary_search_by(|other| other.chain_cmp(&point)) {
            chain.insert(at, point.clone());
        }
        self.points.insert(point);
    }

    /// Whether the population has this point.
    pub fn contains(&self, point: &Point) -> bool {
        self.points.contains(point)
    }

    /// The points in table order.
    pub fn points(&self) -> impl Iterator<Item = &Point> + Clone {
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
        let own = sets_of(point);
        let above = self.chains.iter().filter(|(sets, _)| contained(&own, sets));
        let candidates: Vec<&Point> =
            above.filter_map(|(sets, chain)| after(chain, point, *sets == own).first()).collect();
        let mut minimal: Vec<&Point> =
            candidates.iter().filter(|c| !candidates.iter().any(|other| other.is_below(c))).copied().collect();
        minimal.sort();
        minimal
    }

    /// The points with no point below them, in table order.
    pub fn minimal(&self) -> Vec<Point> {
        self.points().filter(|point| self.maximal_below(point).is_empty()).cloned().collect()
    }

    /// All points of the population below `point`, in table order.
    pub fn below(&self, point: &Point) -> Vec<&Point> {
        let own = sets_of(point);
        let mut all: Vec<&Point> =
            self.groups_within(&own).into_iter().flat_map(|(sets, chain)| before(chain, point, sets == &own)).collect();
        all.sort();
        all
    }

    /// The greatest existing point that has the sets of `point` and its chain values except the last: the last step of its phase.
    pub fn greatest_in_phase(&self, point: &Point) -> Option<&Point> {
        let phase = point.ranks().count().checked_sub(1)?;
        let chain = self.chains.get(&sets_of(point))?;
        let order = |other: &Point| other.ranks().take(phase).cmp(point.ranks().take(phase));
        let end = chain.partition_point(|other| order(other) != Ordering::Greater);
        chain[..end].last().filter(|greatest| order(greatest) == Ordering::Equal)
    }

    /// The points with the sets of `point`, ascending.
    pub fn chain_of(&self, point: &Point) -> &[Point] {
        self.chains.get(&sets_of(point)).map_or(&[], Vec::as_slice)
    }

    /// The greatest point with the sets of `point`: the one to continue from.
    pub fn greatest_of_chain(&self, point: &Point) -> Option<&Point> {
        self.chains.get(&sets_of(point))?.last()
    }

    fn greatest_of_each_chain(&self, point: &Point) -> Vec<&Point> {
        let own = sets_of(point);
        let greatest = |(sets, chain)| before(chain, point, sets == &own).last();
        self.groups_within(&own).into_iter().filter_map(greatest).collect()
    }

    /// The groups whose sets are contained in `own`. Enumerates the subsets of `own` if that is cheaper than a scan of all
    /// groups.
    fn groups_within(&self, own: &Sets) -> Vec<(&Sets, &Chain)> {
        match subset_count(own) {
            Some(1) => self.chains.get_key_value(own).into_iter().collect(),
            // Making and hashing one subset costs about as much as comparing several groups.
            Some(count) if count < self.chains.len() / 4 => {
                product(own).iter().filter_map(|sets| self.chains.get_key_value(sets)).collect()
            }
            _ => self.chains.iter().filter(|(sets, _)| contained(sets, own)).collect(),
        }
    }
}

/// The points of `chain` before `point` by their chain values; includes equal ones unless `strictly`.
fn before<'a>(chain: &'a Chain, point: &Point, strictly: bool) -> &'a [Point] {
    let most = if strictly { Ordering::Less } else { Ordering::Equal };
    &chain[..chain.partition_point(|other| other.chain_cmp(point) <= most)]
}

/// The points of `chain` after `point` by their chain values; includes equal ones unless `strictly`.
fn after<'a>(chain: &'a Chain, point: &Point, strictly: bool) -> &'a [Point] {
    let least = if strictly { Ordering::Greater } else { Ordering::Equal };
    &chain[chain.partition_point(|other| other.chain_cmp(point) < least)..]
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
