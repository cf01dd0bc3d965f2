//! Selectors against brute force over all points.

use std::collections::BTreeSet;

use git_lattice::lattice::{Chain, Error, Kind, Lattice, Point, Population, Selector};
use proptest::prelude::*;
use proptest::sample::Index;

use super::random::{ModelPoint, RandomLattice, lattice_and_population, random_lattice};

/// The choice for one axis; `None` if there is none.
type Choice = Option<Vec<String>>;

/// A word for a value of an axis: the value, its parts in reverse order, or a glob with `*`.
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

fn choices(random: &RandomLattice) -> impl Strategy<Value = Vec<Choice>> + use<> {
    let axes = 0..random.lattice.axes().len();
    let texts: Vec<Vec<String>> = axes.map(|i| random.texts_of(i).iter().map(ToString::to_string).collect()).collect();
    let one = |texts: Vec<String>| {
        let words = prop::collection::vec((any::<Index>(), 0..7_usize, any::<Index>()), 1..4);
        let words = words.prop_map(move |picks| {
            picks.into_iter().map(|(i, how, at)| word(i.get::<String>(&texts), how, at)).collect()
        });
        prop::option::weighted(0.9, words)
    };
    texts.into_iter().map(one).collect::<Vec<_>>()
}

fn selector(lattice: &Lattice, choices: &[Choice]) -> Selector {
    let mut selector = Selector::open(lattice);
    for (axis, words) in lattice.axes().iter().zip(choices) {
        if let Some(words) = words {
            selector.choose(lattice, axis.name.as_str(), &words.join(",")).expect("words that are not empty");
        }
    }
    selector
}

/// `*` matching in the slow and obvious way.
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

/// Whether a word selects an existing point's value.
fn matches_existing(word: &str, text: &str) -> bool {
    let sides: Vec<_> = word.split('+').collect();
    let each_value = || text.split('+').all(|value| sides.iter().any(|side| matches(side, value)));
    let each_side = || sides.iter().all(|side| text.split('+').any(|value| matches(side, value)));
    if word.contains('*') { each_value() && each_side() } else { same_set(word, text) }
}

/// Whether a word selects the value of a point that need not exist: `*` stands for one value.
fn matches_new(word: &str, text: &str) -> bool {
    if word.contains('*') { matches(word, text) && !text.contains('+') } else { same_set(word, text) }
}

fn point_matches(model: &ModelPoint, choices: &[Choice], by: fn(&str, &str) -> bool) -> bool {
    let axis =
        |(words, text): (&Choice, &String)| words.as_ref().is_none_or(|words| words.iter().any(|word| by(word, text)));
    choices.iter().zip(&model.texts).all(axis)
}

fn is_listed(lattice: &Lattice, i: usize) -> bool {
    matches!(&lattice.axes()[i].kind, Kind::Set(_) | Kind::Chain(Chain::Closed(_)))
}

proptest! {
    #[test]
    fn filter_matches_brute_force(((random, some), choices) in lattice_and_population().prop_flat_map(|(random, some)| {
        let choices = choices(&random);
        (Just((random, some)), choices)
    })) {
        let population: Population = some.iter().map(|model| model.point.clone()).collect();
        let found = selector(&random.lattice, &choices).filter(&random.lattice, &population);
        let mut expected: Vec<_> = some.iter().filter(|model| point_matches(model, &choices, matches_existing)).map(|model| &model.point).collect();
        expected.sort();
        prop_assert_eq!(found, Ok(expected));
    }

    #[test]
    fn expand_matches_brute_force((random, choices) in random_lattice().prop_flat_map(|random| (Just(random.clone()), choices(&random)))) {
        let found = selector(&random.lattice, &choices).expand(&random.lattice);
        let everything = |error: &Error, i: usize| format!("{error} about axis {i}");
        match found {
            Ok(found) => {
                prop_assume!(choices.iter().all(Option::is_some));
                let mut expected: Vec<_> = random.points.iter().filter(|model| point_matches(model, &choices, matches_new)).collect();
                expected.sort_by(|a, b| a.point.cmp(&b.point));
                let is_known = |point: &Point| random.points.iter().any(|model| model.point == *point);
                let (found, beyond): (Vec<_>, Vec<_>) = found.into_iter().partition(is_known);
                prop_assert_eq!(found, expected.iter().map(|model| model.point.clone()).collect::<Vec<_>>());
                // Only the first values of open chains are generated; a point beyond them must match the choices and parse back.
                for point in beyond {
                    let texts = random.lattice.texts(&point);
                    let is_said = |(text, words): (&String, &Choice)| words.iter().flatten().any(|word| matches_new(word, text));
                    prop_assert!(texts.iter().zip(&choices).all(is_said), "{texts:?}");
                    prop_assert!((0..texts.len()).any(|i| !is_listed(&random.lattice, i)), "{texts:?}");
                    prop_assert_eq!(random.lattice.point_of(&texts).ok(), Some(point));
                }
            }
            Err(error) => {
                let i = axis_of(&random.lattice, &error);
                let has_star = |words: &Choice| words.iter().flatten().any(|word| word.contains('*'));
                let justified = match &error {
                    Error::Open { .. } => choices[i].is_none(),
                    Error::Endless { .. } => has_star(&choices[i]) && !is_listed(&random.lattice, i),
                    // A `*` within `+` is no set; a step of one phase need not exist in another.
                    Error::UnknownValue { .. } | Error::BadValue { .. } => {
                        let plus = |word: &String| word.contains('*') && !random.points.iter().any(|p| matches_new(word, &p.texts[i]));
                        choices[i].iter().flatten().any(plus) || !is_listed(&random.lattice, i)
                    }
                    _ => false,
                };
                prop_assert!(justified, "{}", everything(&error, i));
            }
        }
    }

    #[test]
    fn selector_text_equals_one_flag_per_axis((random, choices) in lattice_and_full_choice()) {
        let text: Vec<_> = choices.iter().flatten().map(|words| format!("{{{}}}", words.join(","))).collect();
        prop_assert_eq!(Selector::parse(&random.lattice, &text.join("/")), Ok(selector(&random.lattice, &choices)));
    }

    #[test]
    fn open_axes_are_filled_from_a_point((random, points) in super::random::lattice_with_points(1)) {
        let (lattice, point) = (&random.lattice, &points[0].point);
        let selector = Selector::open(lattice);
        prop_assert!(selector.is_open());
        prop_assert_eq!(selector.or_from(lattice, point).expand(lattice), Ok(vec![point.clone()]));
    }
}

/// A choice on every axis.
fn lattice_and_full_choice() -> impl Strategy<Value = (RandomLattice, Vec<Choice>)> {
    let both = random_lattice().prop_flat_map(|random| (Just(random.clone()), choices(&random)));
    both.prop_filter("something is said of every axis", |(_, choices)| choices.iter().all(Option::is_some))
}

fn axis_of(lattice: &Lattice, error: &Error) -> usize {
    match error {
        Error::UnknownValue { axis, .. } | Error::Open { axis, .. } | Error::Endless { axis, .. } => {
            lattice.axis_index(axis).expect("an axis of the lattice")
        }
        other => panic!("{other} names no axis"),
    }
}
