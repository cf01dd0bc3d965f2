//! The lattice of the documentation by example: lists per phase, sets of architectures, numbers.

use git_lattice::lattice::axis::Listed;
use git_lattice::lattice::{
    Axis, AxisName, Chain, Error, Kind, Lattice, Next, Numbered, Pattern, Point, Population, Selector, Value,
};

fn listed(values: &str) -> Listed {
    Listed::new(values.split(' ').map(|text| Value::parse(text).expect("a value")).collect()).expect("distinct values")
}

fn closed(values: &str) -> Chain {
    Chain::Closed(listed(values))
}

fn open(form: &str) -> Chain {
    Chain::Open(Numbered::parse(form, 1).expect("a numbered form"))
}

fn per_value(lists: &[(&str, &str)], rest: Option<Chain>) -> Chain {
    let of = lists.iter().map(|(key, values)| (Value::parse(key).expect("a value"), closed(values))).collect();
    Chain::Per { of, rest: rest.map(Box::new) }
}

fn axis(name: &str, kind: Kind) -> Axis {
    Axis { name: AxisName::parse(name).expect("an axis name"), kind }
}

fn phases_and(steps: Chain) -> Result<Lattice, Error> {
    Lattice::new(vec![
        axis("component", Kind::Set(listed("comp"))),
        axis("arch", Kind::Set(listed("x86_64 aarch64"))),
        axis("phase", Kind::Chain(closed("phase0 phase1"))),
        axis("step", Kind::Chain(steps)),
    ])
}

/// Two steps in phase0, five in phase1.
pub(super) fn ladder() -> Lattice {
    phases_and(per_value(&[("phase0", "step1 step2"), ("phase1", "step1 step2 step3 step4 step5")], None))
        .expect("a lattice")
}

/// Numbered phases and steps.
pub(super) fn open_ladder() -> Lattice {
    Lattice::new(vec![axis("phase", Kind::Chain(open("phase{n}"))), axis("step", Kind::Chain(open("step{n}")))])
        .expect("a lattice")
}

pub(super) fn point(lattice: &Lattice, text: &str) -> Point {
    lattice.parse_point(text).expect("a point")
}

fn spelled<'a>(lattice: &Lattice, points: impl IntoIterator<Item = &'a Point>) -> Vec<String> {
    points.into_iter().map(|point| lattice.spell(point).into()).collect()
}

#[test]
fn set_of_architectures_has_one_name() {
    let lattice = ladder();
    let pattern = Pattern::parse(&lattice, "feature/{component}/{arch}/{phase}/{step}").unwrap();
    let one = point(&lattice, "comp/aarch64+x86_64/phase0/step1");
    let other = point(&lattice, "comp/x86_64+aarch64/phase0/step1");
    assert_eq!(one, other);
    assert_eq!(other, point(&lattice, "comp/x86_64+aarch64+x86_64/phase0/step1"), "duplicates should be ignored");
    assert_eq!(pattern.encode(&lattice, &other), "feature/comp/aarch64+x86_64/phase0/step1");
    assert_eq!(
        pattern.decode(&lattice, "feature/comp/x86_64+aarch64/phase0/step1"),
        None,
        "the wrong order of a set should not decode"
    );
    let apart = ["aarch64", "x86_64"].map(|arch| point(&lattice, &format!("comp/{arch}/phase0/step1")));
    assert_eq!(apart[0].join(&apart[1]), one);
    assert_eq!(apart[0].meet(&apart[1]), None, "only the base branch is below both");
}

#[test]
fn join_of_architectures_covers_both() {
    let lattice = ladder();
    let texts = [
        "comp/aarch64/phase0/step1",
        "comp/aarch64/phase0/step2",
        "comp/x86_64/phase0/step1",
        "comp/x86_64/phase1/step1",
    ];
    let population: Population = texts.iter().map(|text| point(&lattice, text)).collect();
    let below = population.maximal_below(&point(&lattice, "comp/aarch64+x86_64/phase0/step2"));
    assert_eq!(spelled(&lattice, below), ["comp/x86_64/phase0/step1", "comp/aarch64/phase0/step2"]);
}

#[test]
fn each_phase_has_its_own_steps() {
    let lattice = ladder();
    let (phase, step) = (2, 3);
    assert!(lattice.parse_point("comp/aarch64/phase1/step5").is_ok());
    let error = lattice.parse_point("comp/aarch64/phase0/step5").unwrap_err();
    assert_eq!(error.to_string(), "unknown value `step5` for axis `step`");
    let last = point(&lattice, "comp/aarch64/phase0/step2");
    assert_eq!(lattice.next_on(&last, step), Next::End);
    assert_eq!(lattice.next_on(&last, phase), Next::Point(point(&lattice, "comp/aarch64/phase1/step1")));
    assert!(lattice.is_last_on(&point(&lattice, "comp/aarch64/phase1/step5"), phase));
    assert!(last.is_below(&point(&lattice, "comp/aarch64/phase1/step1")));
}

#[test]
fn lists_per_value_cover_every_value() {
    let why = |steps| phases_and(steps).unwrap_err().to_string();
    assert_eq!(why(per_value(&[("phase0", "step1")], None)), "axis `step`: it has no list for `phase1`");
    assert!(phases_and(per_value(&[("phase0", "step1")], Some(open("step{n}")))).is_ok());
    let misspelt = per_value(&[("phase0", "a"), ("phase1", "a"), ("phse1", "a")], None);
    assert_eq!(
        why(misspelt),
        "axis `step`: it has a list for `phse1`, which is not a value of the preceding chain axis"
    );
    assert!(
        why(per_value(&[], Some(per_value(&[], Some(open("step{n}")))))).contains("must not contain further lists")
    );
    let axes = vec![
        axis("phase", Kind::Chain(open("phase{n}"))),
        axis("step", Kind::Chain(per_value(&[("phase1", "a")], None))),
    ];
    assert!(Lattice::new(axes).unwrap_err().to_string().contains("add a list for the other values"));
}

#[test]
fn numbered_values_sort_as_numbers() {
    let lattice = open_ladder();
    let (nine, ten) = (point(&lattice, "phase1/step9"), point(&lattice, "phase1/step10"));
    assert!(nine.is_below(&ten) && nine < ten);
    assert_eq!(lattice.next_on(&nine, 1), Next::Point(ten));
    let greatest = point(&lattice, &format!("phase1/step{}", u64::MAX - 1));
    assert_eq!(lattice.next_on(&greatest, 1), Next::End, "a set without a name should not be made");
    for text in ["phase1/step0", "phase1/step01", "phase1/step", "phase1/step+1", "phase1/step18446744073709551615"] {
        assert!(lattice.parse_point(text).is_err(), "`{text}` is no point");
    }
}

#[test]
fn coordinate_count_equals_axis_count() {
    let lattice = ladder();
    for texts in [&["comp"][..], &["comp", "aarch64", "phase0", "step1", "more"]] {
        assert!(matches!(lattice.point_of(texts), Err(Error::NotAPoint { .. })), "{texts:?} is no point");
    }
}

#[test]
fn ambiguous_patterns_are_refused() {
    let lattice = ladder();
    let why = |pattern: &str| Pattern::parse(&lattice, pattern).unwrap_err().to_string();
    assert!(why("f/{arch}/{phase}").contains("does not name axis `step`"));
    assert!(why("f/{arch}/{arch}/{phase}/{step}").contains("twice"));
    assert!(why("f/{arch}-{phase}/{step}").contains("could share a name"));
    assert!(why("f/{arch}{phase}/{step}").contains("could share a name"));
    assert!(why("{arch}@{phase}@{step}").contains("needs a `/`"));
    assert!(why("f}/{arch}/{phase}/{step}").contains("the character '}'"));
    assert!(why("f/{arch}/{phase}/{step}.lock").contains(".lock"));
    assert!(why("f/{arch}/{phase}/{stp}").contains("unknown axis `stp`"));
}

#[test]
fn branch_names_ending_in_dot_lock_are_refused() {
    let axes = vec![axis("kind", Kind::Set(listed("lock x.loc key"))), axis("step", Kind::Chain(open("{n}.lo")))];
    let lattice = Lattice::new(axes).unwrap();
    for pattern in ["f/v.{kind}/{step}", "f/{kind}k/{step}", "f/{kind}/{step}ck", "f/v.{step}/a@v.{kind}"] {
        let message = Pattern::parse(&lattice, pattern).map(|p| p.to_string()).unwrap_err().to_string();
        assert!(pattern.contains("@v") || message.contains("with the value"), "`{pattern}`: {message}");
    }
    assert!(Pattern::parse(&lattice, "f/v.{kind}@{step}").is_ok(), "nothing ends in `.lock` here");
}

#[test]
fn values_differing_only_in_case_are_refused() {
    let values = ["arm", "ARM"].map(|text| Value::parse(text).unwrap());
    assert_eq!(Listed::new(values.to_vec()).unwrap_err(), "`arm` and `ARM` differ only in letter case");
}

#[test]
fn selectors_accept_stars_braces_and_sets() {
    let lattice = ladder();
    let texts = ["comp/aarch64/phase0/step1", "comp/aarch64+x86_64/phase0/step2", "comp/x86_64/phase1/step1"];
    let population: Population = texts.iter().map(|text| point(&lattice, text)).collect();
    let select = |text: &str| {
        let found = Selector::parse(&lattice, text).and_then(|selector| selector.filter(&lattice, &population));
        found.map_or_else(|error| vec![error.to_string()], |points| spelled(&lattice, points))
    };
    assert_eq!(select("*/x86_64+aarch64/*/*"), ["comp/aarch64+x86_64/phase0/step2"]);
    assert_eq!(select("*/aarch64+*/*/*"), [texts[1], texts[0]], "all points over aarch64");
    assert_eq!(select("*/aarch64/*/*"), [texts[0]], "points over aarch64 only");
    assert_eq!(select("comp/{aarch64,x86_64}/phase*/step1"), [texts[2], texts[0]]);
    assert_eq!(select("*/aarch46/*/*"), ["unknown value `aarch46` for axis `arch`"]);
    assert_eq!(select("*/*/*/stpe1"), ["unknown value `stpe1` for axis `step`"]);
    assert_eq!(
        select("*/*/phase0+phase1/*"),
        ["axis `phase` is a chain: a point has one value on it, not `phase0+phase1`"]
    );
}

#[test]
fn star_expands_to_the_steps_of_each_phase() {
    let lattice = ladder();
    let expand = |text: &str| {
        let points = Selector::parse(&lattice, text).and_then(|selector| selector.expand(&lattice));
        points.map(|points| spelled(&lattice, &points)).map_err(|error| error.to_string())
    };
    assert_eq!(expand("comp/*/phase0/step1").unwrap().len(), 2);
    assert_eq!(expand("comp/aarch64/*/*").unwrap().len(), 7);
    assert_eq!(expand("comp/aarch64/*/*5").unwrap(), ["comp/aarch64/phase1/step5"]);
    assert_eq!(expand("comp/aarch64/*/step5").unwrap_err(), "unknown value `step5` for axis `step`");
    assert_eq!(expand("comp/aarch64/*/*9").unwrap_err(), "unknown value `*9` for axis `step`");
}

#[test]
fn flags_accept_commas_and_braces() {
    let lattice = ladder();
    let mut selector = Selector::open(&lattice);
    selector.choose(&lattice, "arch", "{aarch64,x86_64},x86_64+aarch64").unwrap();
    assert_eq!(selector.expand(&lattice).unwrap().len(), 3, "open axes take the only value, or the chain's first");
    assert!(selector.choose(&lattice, "arch", "").is_err());
    assert!(selector.choose(&lattice, "ark", "aarch64").is_err());
}
