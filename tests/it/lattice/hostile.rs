//! Arbitrary text as input: every parser returns quickly and without a panic.

use git_lattice::lattice::{AxisName, Error, Lattice, Numbered, Pattern, Population, Selector, Value};
use proptest::prelude::*;

use super::examples::{ladder, point};
use super::random::{RandomLattice, lattice_with_points};

/// Passes the text to every parser.
fn feed(lattice: &Lattice, population: &Population, text: &str) -> Result<(), TestCaseError> {
    let _ = Numbered::parse(text, 1);
    for message in
        [Value::parse(text).err(), AxisName::parse(text).err(), lattice.parse_point(text).err()].iter().flatten()
    {
        check_message(message)?;
    }
    match Pattern::parse(lattice, text) {
        Ok(pattern) => drop(pattern.decode(lattice, text)),
        Err(error) => check_message(&error)?,
    }
    let mut by_flag = Selector::open(lattice);
    let flag = by_flag.choose(lattice, lattice.axes()[0].name.as_str(), text);
    for selector in [flag.map(|()| by_flag), Selector::parse(lattice, text)] {
        let answer = selector.and_then(|s| s.filter(lattice, population).map(|_| s.clone()).and(s.expand(lattice)));
        if let Err(error) = answer {
            check_message(&error)?;
        }
    }
    Ok(())
}

fn check_message(error: &Error) -> Result<(), TestCaseError> {
    let message = error.to_string();
    prop_assert!(!message.contains(char::is_control), "{:?} would disturb a terminal", message);
    prop_assert!(message.len() < 4_000, "a message of {} bytes", message.len());
    Ok(())
}

fn population(random: &RandomLattice) -> Population {
    random.points.iter().map(|model| model.point.clone()).collect()
}

proptest! {
    #[test]
    fn any_text_parses_without_panic((random, _) in lattice_with_points(0), text in any::<String>()) {
        feed(&random.lattice, &population(&random), &text)?;
    }

    #[test]
    fn any_text_of_pattern_characters_parses_without_panic((random, _) in lattice_with_points(0), text in "[*{},/+ab0a-z.@=-]{0,60}") {
        feed(&random.lattice, &population(&random), &text)?;
    }

    #[test]
    fn name_with_inserted_text_decodes_without_panic((random, points) in lattice_with_points(1), text in any::<String>()) {
        let axes: Vec<_> = random.lattice.axes().iter().map(|axis| format!("{{{}}}", axis.name)).collect();
        let pattern = Pattern::parse(&random.lattice, &format!("f/{}@x", axes.join("/"))).expect("a plain pattern");
        let name = pattern.encode(&random.lattice, &points[0].point);
        for at in 0..=name.len() {
            let _ = pattern.decode(&random.lattice, &format!("{}{text}{}", &name[..at], &name[at..]));
            let _ = pattern.decode(&random.lattice, &format!("{}{text}", &name[..at]));
        }
    }
}

#[test]
fn long_texts_parse_without_panic() {
    let lattice = ladder();
    let population = Population::from_iter([point(&lattice, "comp/aarch64+x86_64/phase1/step5")]);
    let pieces = [
        "*",
        "a*",
        "*a",
        "{",
        "}",
        "{a,b}",
        "{aarch64,x86_64}",
        "{a,",
        "{,}",
        "{a",
        ",",
        "+",
        "a+",
        "/",
        "*/",
        "a",
        "ä",
        "{arch}",
        "\u{1b}",
    ];
    for piece in pieces {
        let long = piece.repeat(10_000);
        let in_place = [
            long.clone(),
            format!("comp/{long}/phase0/step1"),
            format!("comp/aarch64/{long}*b/{long}*c"),
            format!("{long}/{long}/{long}/{long}"),
        ];
        for text in &in_place {
            feed(&lattice, &population, text).unwrap_or_else(|error| panic!("`{piece}` many times: {error}"));
        }
    }
}

#[test]
fn oversized_selection_is_refused_before_expansion() {
    let lattice = ladder();
    let braces = format!("comp/aarch64/phase0/step{}", "{1,2}".repeat(40));
    assert!(matches!(Selector::parse(&lattice, &braces), Err(Error::TooMany { .. })));

    let open = super::examples::open_ladder();
    let numbers = |name: &str| (1..=1_000).map(|n| format!("{name}{n}")).collect::<Vec<_>>().join(",");
    let many = format!("{{{}}}/{{{}}}", numbers("phase"), numbers("step"));
    let error = Selector::parse(&open, &many).expect("a selector").expand(&open).unwrap_err();
    assert!(matches!(error, Error::TooMany { .. }), "{error}");
}
