//! What a user can write next: the values of an axis in order, for completion.

use std::collections::BTreeSet;

use super::{Chain, Kind, Lattice, Numbered, Value};

/// What limits the values of an axis to those that fit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Offer<'a> {
    /// The value on the preceding chain axis, if known: lists may depend on it.
    pub before: Option<&'a str>,
    /// Whether values that no point has yet are offered too.
    pub has_new: bool,
}

impl Lattice {
    /// The values of axis `i` to offer, in the order of the axis: those among `known`, the texts of existing points. With new
    /// ones it offers each listed value and, where values are numbered, the next number.
    pub fn offered(&self, i: usize, offer: Offer<'_>, known: &BTreeSet<&str>) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        match &self.axes()[i].kind {
            Kind::Set(listed) => {
                if offer.has_new {
                    found.extend(listed.values().iter().map(Value::to_string));
                }
                let mut others: Vec<_> =
                    known.iter().filter_map(|text| Some((self.parse_coordinate(i, None, text).ok()?, text))).collect();
                others.sort();
                found.extend(others.into_iter().map(|(_, text)| (*text).to_owned()));
            }
            Kind::Chain(chain) => {
                chains(chain, offer.before).iter().for_each(|chain| of_chain(chain, offer, known, &mut found));
            }
        }
        let mut seen = BTreeSet::new();
        found.retain(|text| seen.insert(text.clone()));
        found
    }

    /// The chain axis before axis `i`, on which its lists may depend.
    pub fn chain_before(&self, i: usize) -> Option<usize> {
        (0..i).rev().find(|axis| matches!(self.axes()[*axis].kind, Kind::Chain(_)))
    }
}

/// The chains that hold the values: one if the value before is known, else all.
fn chains<'c>(chain: &'c Chain, before: Option<&str>) -> Vec<&'c Chain> {
    let before = before.and_then(|text| Value::parse(text).ok());
    match (before.and_then(|value| chain.under(Some(&value))), chain) {
        (Some(one), _) => vec![one],
        (None, Chain::Per { .. }) => chain.lists(),
        (None, plain) => vec![plain],
    }
}

fn of_chain(chain: &Chain, offer: Offer<'_>, known: &BTreeSet<&str>, found: &mut Vec<String>) {
    match chain {
        Chain::Closed(listed) => {
            let is_offered = |value: &&Value| offer.has_new || known.contains(value.as_str());
            found.extend(listed.values().iter().filter(is_offered).map(Value::to_string));
        }
        Chain::Open(numbered) => of_numbered(numbered, offer, known, found),
        Chain::Per { .. } => {}
    }
}

fn of_numbered(numbered: &Numbered, offer: Offer<'_>, known: &BTreeSet<&str>, found: &mut Vec<String>) {
    let mut numbers: BTreeSet<u64> = known.iter().filter_map(|text| numbered.number(text)).collect();
    if offer.has_new {
        numbers.insert(numbers.last().map_or(numbered.first(), |last| last.saturating_add(1)));
    }
    found.extend(numbers.into_iter().filter_map(|n| numbered.value(n)).map(|value| value.to_string()));
}

#[cfg(test)]
mod tests {
    use super::super::axis::Listed;
    use super::super::{Axis, AxisName};
    use super::*;

    fn axis(name: &str, kind: Kind) -> Axis {
        Axis { name: AxisName::parse(name).unwrap(), kind }
    }

    fn listed(values: &[&str]) -> Listed {
        Listed::new(values.iter().map(|value| Value::parse(value).unwrap()).collect()).unwrap()
    }

    /// A set, a numbered chain, and a chain whose list depends on it.
    fn lattice() -> Lattice {
        let steps = [(Value::parse("phase0").unwrap(), Chain::Closed(listed(&["fetch", "build"])))].into();
        let rest = Some(Box::new(Chain::Open(Numbered::parse("step{n}", 1).unwrap())));
        Lattice::new(vec![
            axis("arch", Kind::Set(listed(&["x86_64", "aarch64"]))),
            axis("phase", Kind::Chain(Chain::Open(Numbered::parse("phase{n}", 0).unwrap()))),
            axis("step", Kind::Chain(Chain::Per { of: steps, rest })),
        ])
        .unwrap()
    }

    fn offered(i: usize, before: Option<&str>, has_new: bool, known: &[&str]) -> Vec<String> {
        lattice().offered(i, Offer { before, has_new }, &known.iter().copied().collect())
    }

    #[test]
    fn offers_existing_values_in_the_order_of_the_axis() {
        assert_eq!(offered(0, None, false, &["aarch64", "aarch64+x86_64", "mips"]), ["aarch64+x86_64", "aarch64"]);
        assert_eq!(offered(1, None, false, &["phase10", "phase2", "phase02"]), ["phase2", "phase10"]);
        assert_eq!(offered(2, Some("phase0"), false, &["build", "fetch", "step1"]), ["fetch", "build"]);
        assert_eq!(offered(2, Some("phase1"), false, &["build", "step2"]), ["step2"]);
    }

    #[test]
    fn offers_new_values_and_the_next_number() {
        assert_eq!(offered(0, None, true, &["aarch64+x86_64"]), ["x86_64", "aarch64", "aarch64+x86_64"]);
        assert_eq!(offered(1, None, true, &["phase3"]), ["phase3", "phase4"]);
        assert_eq!(offered(1, None, true, &[]), ["phase0"]);
        assert_eq!(offered(2, Some("phase0"), true, &[]), ["fetch", "build"]);
    }

    #[test]
    fn offers_all_lists_if_the_value_before_is_unknown() {
        assert_eq!(offered(2, None, true, &["step4"]), ["fetch", "build", "step4", "step5"]);
        assert_eq!(lattice().chain_before(2), Some(1));
        assert_eq!(lattice().chain_before(1), None);
    }
}
