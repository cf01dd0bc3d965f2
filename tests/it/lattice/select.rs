//! Selectors against brute force over all points.

use std::collections::BTreeSet;

use git_lattice::lattice::{Chain, Error, Kind, Lattice, Point, Population, Selector};
use proptest::prelude::*;
use proptest::sample::Index;

use super::world::{Known, World, populated, world};

/// What is said about one axis: `None` is nothing.
type Said = Option<Vec<String>>;

/// A word for a text of an axis: the text, its values the other way round, or one with a `*` in it.
fn word(text: &str, how: usize, at: Index) -> String {
    let at = at.index(text.len() + 1);
    match how {
        0 | 1 => text.to_owned(),
        2 => text.rsplit('+').collect::<Vec<_>>().join("+"),
        3 => "*".to_owned(),
        4 => format!("{}*", &text[..at]),
        5 => format!("*{}", &text[at..]),
        _ => format!("{}*{}*", &text[..at], &text[at..]),
    }
}

fn said(world: &World) -> impl Strategy<Value = Vec<Said>> + use<> {
    let axes = 0..world.lattice.axes().len();
    let texts: Vec<Vec<String>> = axes.map(|i| world.texts_of(i).iter().map(ToString::to_string).collect()).collect();
    let one = |texts: Vec<String>| {
        let words = prop::collection::vec((any::<Index>(), 0..7_usize, any::<Index>()), 1..4);
        let words = words.prop_map(move |picks| {
            picks.into_iter().map(|(i, how, at)| word(i.get::<String>(&texts), how, at)).collect()
        });
        prop::option::weighted(0.9, words)
    };
    texts.into_iter().map(one).collect::<Vec<_>>()
}

fn selector(lattice: &Lattice, said: &[Said]) -> Selector {
    let mut selector = Selector::open(lattice);
    for (axis, words) in lattice.axes().iter().zip(said) {
        if let Some(words) = words {
            selector.choose(lattice, axis.name.as_str(), &words.join(",")).expect("words that are not empty");
        }
    }
    selector
}

/// `*` in the slow and obvious way.
fn matches(glob: &str, text: &str) -> bool {
    match (glob.chars().next(), text.chars().next()) {
        (None, None) => true,
        (Some('*'), None) => matches(&glob[1..], text),
        (Some('*'), Some(_)) => matches(&glob[1..], text) || matches(glob, &text[1..]),
        (Some(a), Some(b)) if a == b => matches(&glob[1..], &text[1..]),
        _ => false,
    }
}

fn same_set(a: &str, b: &str) -> bool {
    a.split('+').collect::<BTreeSet<_>>() == b.split('+').collect::<BTreeSet<_>>()
}

/// Whether an existing point is meant.
fn takes(word: &str, text: &str) -> bool {
    let sides: Vec<_> = word.split('+').collect();
    let each_value = || text.split('+').all(|value| sides.iter().any(|side| matches(side, value)));
    let each_side = || sides.iter().all(|side| text.split('+').any(|value| matches(side, value)));
    if word.contains('*') { each_value() && each_side() } else { same_set(word, text) }
}

/// Whether a point that need not exist is meant: `*` stands for one value.
fn makes(word: &str, text: &str) -> bool {
    if word.contains('*') { matches(word, text) && !text.contains('+') } else { same_set(word, text) }
}

fn fits(known: &Known, said: &[Said], by: fn(&str, &str) -> bool) -> bool {
    let axis =
        |(words, text): (&Said, &String)| words.as_ref().is_none_or(|words| words.iter().any(|word| by(word, text)));
    said.iter().zip(&known.texts).all(axis)
}

fn is_listed(lattice: &Lattice, i: usize) -> bool {
    matches!(&lattice.axes()[i].kind, Kind::Set(_) | Kind::Chain(Chain::Closed(_)))
}

proptest! {
    #[test]
    fn filter_matches_brute_force(((world, some), said) in populated().prop_flat_map(|(world, some)| {
        let said = said(&world);
        (Just((world, some)), said)
    })) {
        let population: Population = some.iter().map(|known| known.point.clone()).collect();
        let found = selector(&world.lattice, &said).filter(&world.lattice, &population);
        let mut expected: Vec<_> = some.iter().filter(|known| fits(known, &said, takes)).map(|known| &known.point).collect();
        expected.sort();
        prop_assert_eq!(found, Ok(expected));
    }

    #[test]
    fn expand_matches_brute_force((world, said) in world().prop_flat_map(|world| (Just(world.clone()), said(&world)))) {
        let found = selector(&world.lattice, &said).expand(&world.lattice);
        let everything = |error: &Error, i: usize| format!("{error} about axis {i}");
        match found {
            Ok(found) => {
                prop_assume!(said.iter().all(Option::is_some));
                let mut expected: Vec<_> = world.points.iter().filter(|known| fits(known, &said, makes)).collect();
                expected.sort_by(|a, b| a.point.cmp(&b.point));
                let is_known = |point: &Point| world.points.iter().any(|known| known.point == *point);
                let (found, beyond): (Vec<_>, Vec<_>) = found.into_iter().partition(is_known);
                prop_assert_eq!(found, expected.iter().map(|known| known.point.clone()).collect::<Vec<_>>());
                // Of open chains the world has the first values only; what is beyond them must be what was said, and a point.
                for point in beyond {
                    let texts = world.lattice.texts(&point);
                    let is_said = |(text, words): (&String, &Said)| words.iter().flatten().any(|word| makes(word, text));
                    prop_assert!(texts.iter().zip(&said).all(is_said), "{texts:?}");
                    prop_assert!((0..texts.len()).any(|i| !is_listed(&world.lattice, i)), "{texts:?}");
                    prop_assert_eq!(world.lattice.point_of(&texts).ok(), Some(point));
                }
            }
            Err(error) => {
                let i = axis_of(&world.lattice, &error);
                let has_star = |words: &Said| words.iter().flatten().any(|word| word.contains('*'));
                let justified = match &error {
                    Error::Open { .. } => said[i].is_none(),
                    Error::Endless { .. } => has_star(&said[i]) && !is_listed(&world.lattice, i),
                    // A star beside a `+` makes no set; a step of one phase need not be one of another.
                    Error::UnknownValue { .. } | Error::BadValue { .. } => {
                        let plus = |word: &String| word.contains('*') && !world.points.iter().any(|p| makes(word, &p.texts[i]));
                        said[i].iter().flatten().any(plus) || !is_listed(&world.lattice, i)
                    }
                    _ => false,
                };
                prop_assert!(justified, "{}", everything(&error, i));
            }
        }
    }

    #[test]
    fn selector_text_equals_one_flag_per_axis((world, said) in world_and_all_said()) {
        let text: Vec<_> = said.iter().flatten().map(|words| format!("{{{}}}", words.join(","))).collect();
        prop_assert_eq!(Selector::parse(&world.lattice, &text.join("/")), Ok(selector(&world.lattice, &said)));
    }

    #[test]
    fn open_axes_are_filled_from_a_point((world, points) in super::world::world_with(1)) {
        let (lattice, point) = (&world.lattice, &points[0].point);
        let selector = Selector::open(lattice);
        prop_assert!(selector.is_open());
        prop_assert_eq!(selector.or_from(lattice, point).expand(lattice), Ok(vec![point.clone()]));
    }
}

/// A choice on every axis.
fn world_and_all_said() -> impl Strategy<Value = (World, Vec<Said>)> {
    let both = world().prop_flat_map(|world| (Just(world.clone()), said(&world)));
    both.prop_filter("something is said of every axis", |(_, said)| said.iter().all(Option::is_some))
}

fn axis_of(lattice: &Lattice, error: &Error) -> usize {
    match error {
        Error::UnknownValue { axis, .. } | Error::Open { axis, .. } | Error::Endless { axis, .. } => {
            lattice.axis_index(axis).expect("an axis of the lattice")
        }
        other => panic!("{other} names no axis"),
    }
}
