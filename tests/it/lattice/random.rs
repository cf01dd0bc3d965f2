//! Small random lattices with all their points, and a plain model of each point to compare with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use git_lattice::lattice::axis::Listed;
use git_lattice::lattice::{Axis, AxisName, Chain, Kind, Lattice, Numbered, Point, Value};
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

/// How many values of an open chain are generated.
const OPEN_VALUES: u64 = 3;
const MOST_POINTS: u64 = 300;
/// No two are equal when letter case is ignored; some end in `.lock` with a suffix of a pattern.
const WORDS: [&str; 14] = [
    "a",
    "B",
    "aarch64",
    "x86_64",
    "v1.0",
    "1.83",
    "a-b",
    "a_b",
    "lock",
    "x.loc",
    "Phase0",
    "phase10",
    "0",
    "solana-rust-1.83",
];
const FORMS: [&str; 5] = ["{n}", "step{n}", "v1.{n}-rc", "Phase-{n}", "s{n}.loc"];

/// The values of a chain.
#[derive(Debug, Clone)]
enum List {
    Closed(Vec<&'static str>),
    Open(&'static str, u64),
}

impl List {
    fn values(&self) -> Vec<String> {
        match self {
            Self::Closed(values) => values.iter().map(ToString::to_string).collect(),
            Self::Open(form, first) => {
                (*first..first + OPEN_VALUES).map(|n| form.replace("{n}", &n.to_string())).collect()
            }
        }
    }

    fn is_open(&self) -> bool {
        matches!(self, Self::Open(..))
    }

    /// The list as a value in `lattice.toml`.
    fn toml(&self) -> String {
        match self {
            Self::Closed(values) => format!("{values:?}"),
            Self::Open(form, _) => format!("{form:?}"),
        }
    }

    fn chain(&self) -> Chain {
        match self {
            Self::Closed(values) => Chain::Closed(listed(values)),
            Self::Open(form, first) => Chain::Open(Numbered::parse(form, *first).expect("a form from the list")),
        }
    }
}

#[derive(Debug, Clone)]
enum AxisPlan {
    Set(Vec<&'static str>),
    Chain(List),
    /// Lists to distribute over the values of the chain before, and one for the rest.
    Per(Vec<List>, Option<List>),
}

impl AxisPlan {
    fn most_points(&self) -> u64 {
        match self {
            Self::Set(values) => (1 << values.len()) - 1,
            Self::Chain(_) | Self::Per(..) => OPEN_VALUES,
        }
    }
}

/// The lists of a chain axis; the list under `None` holds for all other values.
type Lists = BTreeMap<Option<String>, List>;

/// The expected properties of a point.
#[derive(Debug, Clone)]
pub(crate) struct ModelPoint {
    pub(super) point: Point,
    pub(crate) texts: Vec<String>,
    sets: Vec<BTreeSet<String>>,
    pub(super) ranks: Vec<u64>,
    /// Per chain axis, whether the chain ends with this value.
    pub(super) ends: Vec<bool>,
}

impl ModelPoint {
    pub(super) fn is_at_or_below(&self, other: &Self) -> bool {
        self.sets.iter().zip(&other.sets).all(|(a, b)| a.is_subset(b)) && self.ranks <= other.ranks
    }

    pub(crate) fn is_below(&self, other: &Self) -> bool {
        self.is_at_or_below(other) && self.texts != other.texts
    }

    pub(super) fn has_sets_of(&self, other: &Self) -> bool {
        self.sets == other.sets
    }
}

/// A lattice and all its points (the first few values of open chains).
#[derive(Clone)]
pub(crate) struct RandomLattice {
    pub(super) lattice: Lattice,
    pub(super) points: Vec<ModelPoint>,
    /// The axes in `lattice.toml`; `None` for an open chain that it cannot have.
    toml: Option<String>,
}

impl fmt::Debug for RandomLattice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = |axis: &Axis| if matches!(axis.kind, Kind::Set(_)) { "set" } else { "chain" };
        let describe = |axis: &Axis| format!("{} {}: {}", kind(axis), axis.name, axis.describe());
        f.debug_list().entries(self.lattice.axes().iter().map(describe)).finish()
    }
}

impl RandomLattice {
    pub(super) fn at(&self, index: Index) -> &ModelPoint {
        index.get(&self.points)
    }

    /// A `lattice.toml` with these axes, unless it cannot have them.
    pub(crate) fn toml(&self) -> Option<String> {
        Some(format!("base = \"main\"\n[systems]\n\"*\" = \"x86_64-linux\"\n[axes]\n{}", self.toml.as_ref()?))
    }

    /// The distinct spellings on axis `i`.
    pub(super) fn texts_of(&self, i: usize) -> Vec<&str> {
        let texts: BTreeSet<_> = self.points.iter().map(|model| model.texts[i].as_str()).collect();
        texts.into_iter().collect()
    }
}

fn list() -> impl Strategy<Value = List> {
    prop_oneof![
        3 => subsequence(&WORDS[..], 1..=3).prop_shuffle().prop_map(List::Closed),
        1 => (0..FORMS.len(), prop_oneof![Just(0_u64), Just(1), Just(8), Just(u64::MAX - 100)])
            .prop_map(|(form, first)| List::Open(FORMS[form], first)),
    ]
}

fn plan() -> impl Strategy<Value = AxisPlan> {
    prop_oneof![
        subsequence(&WORDS[..], 1..=3).prop_shuffle().prop_map(AxisPlan::Set),
        list().prop_map(AxisPlan::Chain),
        (prop::collection::vec(list(), 1..4), prop::option::of(list())).prop_map(|(of, rest)| AxisPlan::Per(of, rest)),
    ]
}

pub(super) fn random_lattice() -> impl Strategy<Value = RandomLattice> {
    prop::collection::vec(plan(), 1..=5)
        .prop_filter("small", |plans| plans.iter().map(AxisPlan::most_points).product::<u64>() <= MOST_POINTS)
        .prop_map(|plans| assemble(&plans))
}

/// A lattice and some of its points.
pub(super) fn lattice_with_points(points: usize) -> impl Strategy<Value = (RandomLattice, Vec<ModelPoint>)> {
    (random_lattice(), prop::collection::vec(any::<Index>(), points)).prop_map(|(random, chosen)| {
        let points = chosen.into_iter().map(|index| random.at(index).clone()).collect();
        (random, points)
    })
}

/// A lattice and some of its points, without duplicates.
pub(crate) fn lattice_and_population() -> impl Strategy<Value = (RandomLattice, Vec<ModelPoint>)> {
    random_lattice().prop_flat_map(|random| {
        let most = random.points.len();
        (subsequence(random.points.clone(), 0..=most.min(80)), Just(random)).prop_map(|(some, random)| (random, some))
    })
}

/// Axes named `a0`, `a1`, ..., and their points.
fn assemble(plans: &[AxisPlan]) -> RandomLattice {
    let mut before: Option<Lists> = None;
    let mut toml = Some(String::new());
    let (mut axes, mut found) = (Vec::new(), vec![(empty(), None)]);
    for (i, plan) in plans.iter().enumerate() {
        let kind = match plan {
            AxisPlan::Set(values) => {
                add_axis(&mut toml, i, Some(format!("set = {values:?}")));
                found = with_set(&found, values);
                Kind::Set(listed(values))
            }
            AxisPlan::Chain(list) => {
                let lists = before.insert(Lists::from([(None, list.clone())]));
                add_axis(&mut toml, i, chain_toml(lists));
                found = with_chain(&found, lists);
                Kind::Chain(list.chain())
            }
            AxisPlan::Per(of, rest) => {
                let lists = lists_per_value(of, rest.as_ref(), before.as_ref());
                add_axis(&mut toml, i, chain_toml(&lists));
                found = with_chain(&found, &lists);
                Kind::Chain(chain_of(before.insert(lists)))
            }
        };
        axes.push(Axis { name: AxisName::parse(&format!("a{i}")).expect("a name"), kind });
    }
    let lattice = Lattice::new(axes).expect("a lattice");
    let read = |model: ModelPoint| ModelPoint { point: lattice.point_of(&model.texts).expect("a point"), ..model };
    let points = found.into_iter().map(|(model, _)| read(model)).collect();
    RandomLattice { lattice, points, toml }
}

fn add_axis(toml: &mut Option<String>, i: usize, axis: Option<String>) {
    *toml = toml.take().zip(axis).map(|(all, axis)| format!("{all}a{i} = {{ {axis} }}\n"));
}

/// The chain of an axis in `lattice.toml`. All open chains of an axis begin with the same number.
fn chain_toml(lists: &Lists) -> Option<String> {
    let firsts: BTreeSet<_> =
        lists.values().filter_map(|list| if let List::Open(_, first) = list { Some(*first) } else { None }).collect();
    let from = firsts.first().map(|first| format!(", from = {first}")).unwrap_or_default();
    let named = || lists.iter().map(|(key, list)| format!("{:?} = {}", key.as_deref().unwrap_or("*"), list.toml()));
    let chain = match lists.get(&None).filter(|_| lists.len() == 1) {
        Some(only) => only.toml(),
        None => format!("{{ {} }}", named().collect::<Vec<_>>().join(", ")),
    };
    let fits = firsts.len() < 2 && firsts.iter().all(|first| i64::try_from(*first).is_ok());
    fits.then(|| format!("chain = {chain}{from}"))
}

/// Gives each value of the chain before a list; if that chain is open or there is a list for the rest, only the first values.
fn lists_per_value(of: &[List], rest: Option<&List>, before: Option<&Lists>) -> Lists {
    let Some(before) = before else { return Lists::from([(None, of[0].clone())]) };
    let needs_rest = before.values().any(List::is_open);
    let keys: BTreeSet<_> = before.values().flat_map(List::values).collect();
    let rest = rest.or(needs_rest.then_some(&of[0]));
    let most = if rest.is_some() { of.len() } else { usize::MAX };
    let named = keys.into_iter().take(most).map(Some).zip(of.iter().cycle().cloned());
    named.chain(rest.map(|list| (None, list.clone()))).collect()
}

fn chain_of(lists: &Lists) -> Chain {
    let rest = lists.get(&None).map(List::chain);
    if let (1, Some(rest)) = (lists.len(), &rest) {
        return rest.clone();
    }
    let named = lists.iter().filter_map(|(key, list)| Some((value(key.as_ref()?), list.chain())));
    Chain::Per { of: named.collect(), rest: rest.map(Box::new) }
}

type ModelPoints = Vec<(ModelPoint, Option<String>)>;

fn empty() -> ModelPoint {
    let axis = Axis { name: AxisName::parse("none").expect("a name"), kind: Kind::Set(listed(&["x"])) };
    let point = Lattice::new(vec![axis]).and_then(|lattice| lattice.parse_point("x")).expect("a point");
    ModelPoint { point, texts: Vec::new(), sets: Vec::new(), ranks: Vec::new(), ends: Vec::new() }
}

fn with_set(found: &ModelPoints, values: &[&str]) -> ModelPoints {
    let subset =
        |mask: u32| values.iter().enumerate().filter(move |(i, _)| mask >> i & 1 == 1).map(|(_, v)| v.to_string());
    let extend = |(model, before): &(ModelPoint, Option<String>), mask: u32| {
        let (mut model, members) = (model.clone(), subset(mask).collect::<BTreeSet<_>>());
        model.texts.push(members.iter().map(String::as_str).collect::<Vec<_>>().join("+"));
        model.sets.push(members);
        (model, before.clone())
    };
    found.iter().flat_map(|model| (1..1 << values.len()).map(move |mask| extend(model, mask))).collect()
}

fn with_chain(found: &ModelPoints, lists: &Lists) -> ModelPoints {
    let extend = |(model, before): &(ModelPoint, Option<String>)| {
        let list = lists.get(before).or(lists.get(&None)).expect("a list for every value");
        let values = list.values();
        let end = if list.is_open() { None } else { values.len().checked_sub(1) };
        let each = values.into_iter().enumerate().map(|(rank, text)| {
            let mut model = model.clone();
            model.texts.push(text.clone());
            model.ranks.push(rank as u64);
            model.ends.push(Some(rank) == end);
            (model, Some(text))
        });
        each.collect::<Vec<_>>()
    };
    found.iter().flat_map(extend).collect()
}

fn value(text: &str) -> Value {
    Value::parse(text).expect("a value")
}

fn listed(values: &[&str]) -> Listed {
    Listed::new(values.iter().map(|v| value(v)).collect()).expect("distinct values")
}
