//! The laws of the lattice, the covers of populations, and the steps along a chain.

use git_lattice::lattice::{Kind, Lattice, Next, Point, Population};
use proptest::prelude::*;

use super::random::{ModelPoint, RandomLattice, lattice_and_population, lattice_with_points};

/// The lattice with its bottom, which is `None`.
type Element = Option<Point>;

fn at_or_below(p: &Element, q: &Element) -> bool {
    match (p, q) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(p), Some(q)) => p.is_at_or_below(q),
    }
}

fn join(p: &Element, q: &Element) -> Element {
    match (p, q) {
        (Some(p), Some(q)) => Some(p.join(q)),
        (p, q) => p.clone().or(q.clone()),
    }
}

fn meet(p: &Element, q: &Element) -> Element {
    p.as_ref()?.meet(q.as_ref()?)
}

/// Three elements, sometimes with the bottom among them.
fn three_elements() -> impl Strategy<Value = (RandomLattice, [Element; 3])> {
    (lattice_with_points(3), any::<[prop::sample::Index; 3]>()).prop_map(|((random, points), bottoms)| {
        let element = |i: usize| (bottoms[i].index(8) > 0).then(|| points[i].point.clone());
        (random, [element(0), element(1), element(2)])
    })
}

proptest! {
    #[test]
    fn join_and_meet_obey_the_laws((_, [p, q, r]) in three_elements()) {
        prop_assert_eq!(join(&p, &q), join(&q, &p), "join commutes");
        prop_assert_eq!(meet(&p, &q), meet(&q, &p), "meet commutes");
        prop_assert_eq!(join(&p, &join(&q, &r)), join(&join(&p, &q), &r), "join associates");
        prop_assert_eq!(meet(&p, &meet(&q, &r)), meet(&meet(&p, &q), &r), "meet associates");
        prop_assert_eq!(&join(&p, &meet(&p, &q)), &p, "join absorbs meet");
        prop_assert_eq!(&meet(&p, &join(&p, &q)), &p, "meet absorbs join");
        prop_assert_eq!(&join(&p, &p), &p, "join is idempotent");
        prop_assert_eq!(&meet(&p, &p), &p, "meet is idempotent");
        prop_assert_eq!(at_or_below(&p, &q), join(&p, &q) == q, "p <= q means that the join is q");
        prop_assert_eq!(at_or_below(&p, &q), meet(&p, &q) == p, "p <= q means that the meet is p");
    }

    #[test]
    fn order_is_a_partial_order((_, [p, q, r]) in three_elements()) {
        prop_assert!(at_or_below(&p, &p), "reflexive");
        prop_assert!(!(at_or_below(&p, &q) && at_or_below(&q, &p)) || p == q, "antisymmetric");
        prop_assert!(!(at_or_below(&p, &q) && at_or_below(&q, &r)) || at_or_below(&p, &r), "transitive");
    }

    #[test]
    fn order_combines_set_inclusion_and_chain_order((_, points) in lattice_with_points(2)) {
        let (p, q) = (&points[0], &points[1]);
        prop_assert_eq!(p.point.is_at_or_below(&q.point), p.is_at_or_below(q));
        prop_assert_eq!(p.point.is_below(&q.point), p.is_below(q));
        prop_assert_eq!(p.point == q.point, p.texts == q.texts);
    }

    #[test]
    fn table_order_agrees_with_chain_order((random, points) in lattice_with_points(1)) {
        let p = &points[0];
        for q in with_equal_prefix(&random, p, 0) {
            prop_assert_eq!(p.point.cmp(&q.point), p.ranks.cmp(&q.ranks), "step9 stands before step10");
        }
    }

    #[test]
    fn join_and_meet_are_the_tightest_bounds((random, points) in lattice_with_points(2)) {
        let (p, q) = (&points[0], &points[1]);
        let model = |point: &Point| random.points.iter().find(|model| model.point == *point).expect("a point of the lattice");
        let least = model(&p.point.join(&q.point));
        prop_assert!(p.is_at_or_below(least) && q.is_at_or_below(least), "an upper bound");
        for upper in random.points.iter().filter(|r| p.is_at_or_below(r) && q.is_at_or_below(r)) {
            prop_assert!(least.is_at_or_below(upper), "the least one");
        }
        let greatest = p.point.meet(&q.point);
        let greatest = greatest.as_ref().map(model);
        prop_assert!(greatest.is_none_or(|m| m.is_at_or_below(p) && m.is_at_or_below(q)), "a lower bound");
        for lower in random.points.iter().filter(|r| r.is_at_or_below(p) && r.is_at_or_below(q)) {
            prop_assert!(greatest.is_some_and(|m| lower.is_at_or_below(m)), "the greatest one");
        }
    }

    #[test]
    fn covers_are_the_transitive_reduction((random, some) in lattice_and_population(), outside in any::<prop::sample::Index>()) {
        let population: Population = some.iter().map(|model| model.point.clone()).collect();
        prop_assert_eq!(population.len(), some.len());
        for top in some.iter().take(12).chain([random.at(outside)]) {
            let below: Vec<_> = some.iter().filter(|p| p.is_below(top)).collect();
            let covers = below.iter().filter(|p| !below.iter().any(|between| p.is_below(between))).copied();
            prop_assert_eq!(population.maximal_below(&top.point), sorted(covers));
            prop_assert_eq!(population.below(&top.point), sorted(below.iter().copied()));
            let above: Vec<_> = some.iter().filter(|p| top.is_below(p)).collect();
            let covered_by = above.iter().filter(|p| !above.iter().any(|between| between.is_below(p))).copied();
            prop_assert_eq!(population.minimal_above(&top.point), sorted(covered_by));
        }
    }

    #[test]
    fn greatest_in_phase_and_chain_match_brute_force((random, some) in lattice_and_population(), of in any::<prop::sample::Index>()) {
        let population: Population = some.iter().map(|model| model.point.clone()).collect();
        let of = random.at(of);
        let greatest = |agreeing: usize| {
            let alike = some.iter().filter(|p| p.has_sets_of(of) && p.ranks[..agreeing] == of.ranks[..agreeing]);
            alike.max_by_key(|p| &p.ranks).map(|p| &p.point)
        };
        prop_assert_eq!(population.greatest_of_chain(&of.point), greatest(0));
        if let Some(phase) = of.ranks.len().checked_sub(1) {
            prop_assert_eq!(population.greatest_in_phase(&of.point), greatest(phase));
        }
    }

    #[test]
    fn next_is_the_immediate_successor((random, points) in lattice_with_points(1)) {
        for (nth, axis) in random.lattice.chain_axes().into_iter().enumerate() {
            check_next(&random, &points[0], nth, axis)?;
            check_first(&random, &points[0], nth, axis)?;
        }
    }

    #[test]
    fn sets_have_no_next((random, points) in lattice_with_points(1)) {
        for (axis, declared) in random.lattice.axes().iter().enumerate() {
            if matches!(declared.kind, Kind::Set(_)) {
                prop_assert_eq!(random.lattice.next_on(&points[0].point, axis), Next::End);
            }
        }
    }
}

fn sorted<'a>(points: impl Iterator<Item = &'a ModelPoint>) -> Vec<&'a Point> {
    let mut points: Vec<_> = points.map(|model| &model.point).collect();
    points.sort();
    points
}

/// The points with the same sets as `point` and the same values on the chain axes before the `nth`.
fn with_equal_prefix<'a>(
    random: &'a RandomLattice,
    point: &'a ModelPoint,
    nth: usize,
) -> impl Iterator<Item = &'a ModelPoint> {
    random.points.iter().filter(move |other| other.has_sets_of(point) && other.ranks[..nth] == point.ranks[..nth])
}

fn check_next(random: &RandomLattice, point: &ModelPoint, nth: usize, axis: usize) -> Result<(), TestCaseError> {
    let later = with_equal_prefix(random, point, nth).filter(|other| other.ranks[nth] > point.ranks[nth]);
    let expected = later.min_by(|a, b| a.ranks.cmp(&b.ranks));
    let next = random.lattice.next_on(&point.point, axis);
    prop_assert_eq!(next == Next::End, point.ends[nth], "the chain ends exactly at its last value");
    prop_assert_eq!(random.lattice.is_last_on(&point.point, axis), point.ends[nth]);
    if let (Next::Point(next), Some(expected)) = (&next, expected) {
        prop_assert_eq!(next, &expected.point);
        prop_assert!(point.point.is_below(next));
        let between = random.points.iter().find(|r| point.is_below(r) && r.is_below(expected));
        prop_assert!(nth + 1 < point.ranks.len() || between.is_none(), "on the last axis it is an upper cover");
    }
    check_is_readable(&random.lattice, &next)
}

/// Also for values of open chains beyond the generated ones.
fn check_is_readable(lattice: &Lattice, next: &Next) -> Result<(), TestCaseError> {
    if let Next::Point(next) = next {
        let read = lattice.parse_point(&lattice.spell(next));
        prop_assert_eq!(read.as_ref(), Ok(next));
    }
    Ok(())
}

fn check_first(random: &RandomLattice, point: &ModelPoint, nth: usize, axis: usize) -> Result<(), TestCaseError> {
    let least = with_equal_prefix(random, point, nth).min_by(|a, b| a.ranks.cmp(&b.ranks)).expect("the point itself");
    let first = random.lattice.first_from(&point.point, axis);
    prop_assert_eq!(first.as_ref(), Some(&least.point));
    Ok(())
}
