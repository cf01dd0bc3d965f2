//! Combines the records of one key: the verdict on each system, and whether records contradict each other.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::few::Few;
use super::{Record, Verdict};
use crate::nix::StorePath;
use crate::system::System;

/// The verdict on each system: `reproduced` or `built` if there is such a record, since the key never changes; else the newest, with
/// `cancelled` only if there is no other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdicts(Vec<OnSystem>);

/// What the records say about one system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnSystem {
    /// The system.
    pub system: System,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether records contradict each other.
    pub is_disputed: bool,
    /// Whether it was built with files of the machine, and never without.
    pub is_impure: bool,
}

/// What a record says that verdicts depend on, beside the NAR hashes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim<'a> {
    pub(super) system: &'a str,
    pub(super) verdict: Verdict,
    pub(super) started: &'a str,
    pub(super) drv: Option<&'a str>,
    /// Whether the builder could read files of the machine, where it is known.
    pub(super) is_impure: Option<bool>,
}

/// Combines records one by one, without keeping them.
#[derive(Debug, Default)]
pub(super) struct Tally(Few<System, OfSystem>);

/// What the records of one system say.
#[derive(Debug)]
struct OfSystem {
    verdict: Verdict,
    /// The start of the record with this verdict.
    started: String,
    is_disputed: bool,
    /// The NAR hashes of the outputs, by derivation and name; empty once one is disputed.
    contents: Few<Box<str>, Box<str>>,
    was_pure: bool,
    was_impure: bool,
}

impl Tally {
    /// Adds a record, with the NAR hashes of its outputs by name. A record whose system is invalid is ignored.
    pub(super) fn add<'a>(&mut self, claim: Claim<'a>, hashes: impl Iterator<Item = (&'a str, &'a str)>) {
        let new = || Some((System::parse(claim.system).ok()?, OfSystem::new(claim)));
        if let Some(of) = self.0.get_or_insert(claim.system, new) {
            of.add(claim, hashes);
        }
    }

    /// Adds a record.
    pub(super) fn add_record(&mut self, record: &Record) {
        self.add(record.claim(), record.hashes());
    }

    /// Returns the verdicts of the records so far.
    pub(super) fn verdicts(self) -> Verdicts {
        let verdict = |(system, of): (System, OfSystem)| OnSystem {
            system,
            verdict: of.verdict,
            is_disputed: of.is_disputed,
            is_impure: of.was_impure && !of.was_pure,
        };
        self.0.into_iter().map(verdict).collect()
    }
}

impl OfSystem {
    fn new(claim: Claim<'_>) -> Self {
        Self {
            verdict: claim.verdict,
            started: claim.started.to_owned(),
            is_disputed: false,
            contents: Few::default(),
            was_pure: false,
            was_impure: false,
        }
    }

    fn add<'a>(&mut self, claim: Claim<'a>, hashes: impl Iterator<Item = (&'a str, &'a str)>) {
        if rank(self.verdict, &self.started) < rank(claim.verdict, claim.started) {
            (self.verdict, self.started) = (claim.verdict, claim.started.to_owned());
        }
        self.is_disputed |= claim.verdict == Verdict::Differs;
        if let Some(drv) = claim.drv {
            hashes.for_each(|(name, hash)| self.add_content(drv, name, hash));
        }
        if let Some(is_impure) = claim.is_impure.filter(|_| claim.verdict.is_good()) {
            (self.was_pure, self.was_impure) = (self.was_pure || !is_impure, self.was_impure || is_impure);
        }
    }

    fn add_content(&mut self, drv: &str, name: &str, hash: &str) {
        if self.is_disputed {
            self.contents = Few::default();
            return;
        }
        if let Some(known) = self.contents.first_if(|place| place.split_once(' ') == Some((drv, name))) {
            self.is_disputed = **known != *hash;
            return;
        }
        // A store path has no space.
        let place = format!("{drv} {name}");
        let known = self.contents.get_or_insert(place.as_str(), || Some((place.as_str().into(), hash.into())));
        self.is_disputed = known.is_some_and(|known| **known != *hash);
    }
}

impl Verdicts {
    /// Combines records.
    pub fn of(records: &[Record]) -> Self {
        let mut tally = Tally::default();
        records.iter().for_each(|record| tally.add_record(record));
        tally.verdicts()
    }

    /// Returns the verdict on a system.
    pub fn get(&self, system: &System) -> Option<Verdict> {
        self.on(system).map(|it| it.verdict)
    }

    /// Returns whether the records of a system contradict each other.
    pub fn is_disputed(&self, system: &System) -> bool {
        self.on(system).is_some_and(|it| it.is_disputed)
    }

    /// Returns whether a system was built with files of the machine, and never without.
    pub fn is_impure(&self, system: &System) -> bool {
        self.on(system).is_some_and(|it| it.is_impure)
    }

    fn on(&self, system: &System) -> Option<&OnSystem> {
        self.0.iter().find(|it| it.system == *system)
    }

    /// Iterates over the systems that have records.
    pub fn iter(&self) -> impl Iterator<Item = &OnSystem> {
        self.0.iter()
    }
}

impl FromIterator<OnSystem> for Verdicts {
    fn from_iter<I: IntoIterator<Item = OnSystem>>(verdicts: I) -> Self {
        Self(verdicts.into_iter().collect())
    }
}

/// The order in which records decide: the newest of those with the greatest weight.
fn rank(verdict: Verdict, started: &str) -> (u8, &str, Reverse<Verdict>) {
    (weight(verdict), started, Reverse(verdict))
}

/// A build that was stopped says nothing about the content, so it does not replace an earlier failure.
fn weight(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Reproduced => 3,
        Verdict::Built => 2,
        Verdict::Failed | Verdict::NoBuilder | Verdict::Differs => 1,
        Verdict::Cancelled => 0,
    }
}

impl Record {
    fn claim(&self) -> Claim<'_> {
        Claim {
            system: self.system.as_str(),
            verdict: self.verdict,
            started: &self.started,
            drv: self.drv.as_ref().map(StorePath::as_str),
            is_impure: self.impure.as_ref().map(|paths| !paths.is_empty()),
        }
    }

    /// Returns the NAR hashes of outputs by name.
    fn hashes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.outputs.iter().filter_map(|(name, output)| Some((name.as_str(), output.nar_hash.as_deref()?)))
    }
}

/// A dispute: one derivation gave different contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// The system.
    pub system: System,
    /// The derivation, where it is known.
    pub drv: Option<StorePath>,
    /// The output that differs; `None` if the record does not name it.
    pub output: Option<String>,
    /// The claims.
    pub sides: Vec<Side>,
}

/// A claimed content with its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// The hash of the contents.
    pub nar_hash: Option<String>,
    /// Indices of the records in the list that was passed.
    pub records: Vec<usize>,
}

/// Finds disputes among the records of one key, from any writer: the same derivation with different NAR hashes of one output,
/// and every record `differs`. Later records do not resolve them.
pub fn disputes(records: &[Record]) -> Vec<Dispute> {
    let mut by_place: BTreeMap<(&System, &StorePath, &str), BTreeMap<&str, Vec<usize>>> = BTreeMap::new();
    for (i, record) in records.iter().enumerate() {
        let Some(drv) = &record.drv else { continue };
        for (name, hash) in record.hashes() {
            by_place.entry((&record.system, drv, name)).or_default().entry(hash).or_default().push(i);
        }
    }
    let side = |(hash, records): (&str, Vec<usize>)| Side { nar_hash: Some(hash.to_owned()), records };
    let dispute = |((system, drv, output), sides): ((&System, &StorePath, &str), BTreeMap<&str, Vec<usize>>)| Dispute {
        system: system.clone(),
        drv: Some(drv.clone()),
        output: Some(output.to_owned()),
        sides: sides.into_iter().map(side).collect(),
    };
    let hashes = by_place.into_iter().filter(|(_, sides)| sides.len() > 1).map(dispute);
    let differing = records.iter().enumerate().filter(|(_, record)| record.verdict == Verdict::Differs);
    let differs = differing.map(|(i, record)| Dispute {
        system: record.system.clone(),
        drv: record.drv.clone(),
        output: None,
        sides: vec![Side { nar_hash: None, records: vec![i] }],
    });
    hashes.chain(differs).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::git::parse_oid;
    use crate::record::{About, Output, Purity, State};

    fn path(name: &str) -> StorePath {
        StorePath::parse(&format!("/nix/store/{}-{name}", "0".repeat(32))).unwrap()
    }

    fn record(verdict: Verdict, drv: &str, hash: &str, started: &str) -> Record {
        let id = parse_oid(&"0".repeat(40)).unwrap();
        let system = System::parse("x86_64-linux").unwrap();
        let about = About { point: "p".into(), key: id, commit: id, system };
        let out = Output { path: path("x"), nar_hash: Some(hash.into()) };
        Record {
            drv: Some(path(drv)),
            outputs: [("out".to_owned(), out)].into(),
            ..Record::new(about, verdict, started.into(), 1.0)
        }
    }

    fn state(records: &[Record]) -> State {
        State::of(&Verdicts::of(records), &[System::parse("x86_64-linux").unwrap()])
    }

    #[test]
    fn different_contents_of_a_derivation_stay_disputed() {
        let mut records = vec![record(Verdict::Built, "a.drv", "1", "1"), record(Verdict::Built, "a.drv", "1", "2")];
        assert_eq!(state(&records), State::Built);
        records.push(record(Verdict::Built, "b.drv", "2", "3"));
        assert_eq!(state(&records), State::Built, "another derivation may have other contents");
        records.push(record(Verdict::Built, "a.drv", "2", "4"));
        assert_eq!(state(&records), State::Disputed);
        records.push(record(Verdict::Reproduced, "a.drv", "1", "5"));
        assert_eq!(state(&records), State::Disputed, "a later record should not clear it");
        let found = disputes(&records);
        assert_eq!(found.len(), 1);
        let sides: Vec<_> = found[0].sides.iter().map(|side| side.records.clone()).collect();
        assert_eq!(sides, [vec![0, 1, 4], vec![3]]);
    }

    #[test]
    fn stopped_build_does_not_replace_a_failure() {
        let (failed, stopped) =
            (record(Verdict::Failed, "a.drv", "1", "1"), record(Verdict::Cancelled, "a.drv", "1", "2"));
        assert_eq!(state(&[failed.clone(), stopped.clone()]), State::Failed);
        assert_eq!(state(std::slice::from_ref(&stopped)), State::New);
        assert_eq!(state(&[failed, record(Verdict::NoBuilder, "a.drv", "1", "2"), stopped]), State::NoBuilder);
    }

    /// A record of one of two systems, with few values in each field, so that records agree and contradict.
    fn any_record() -> impl Strategy<Value = Record> {
        let verdict = prop::sample::select(vec![
            Verdict::Built,
            Verdict::Failed,
            Verdict::NoBuilder,
            Verdict::Cancelled,
            Verdict::Reproduced,
            Verdict::Differs,
        ]);
        let output = (prop::sample::select(vec!["out", "dev"]), prop::option::of("[12]"));
        let impure = prop::option::of(prop::collection::vec("/[ab]", 0..2));
        let of =
            (verdict, "[ab][.]drv", any::<bool>(), prop::collection::vec(output, 0..3), "[1-4]", any::<bool>(), impure);
        of.prop_map(|(verdict, drv, has_drv, outputs, started, is_other, impure)| {
            let outputs =
                outputs.into_iter().map(|(name, hash)| (name.to_owned(), Output { path: path("x"), nar_hash: hash }));
            let like = record(verdict, &drv, "1", &started);
            let system = if is_other { System::parse("aarch64-linux").unwrap() } else { like.system.clone() };
            let drv = like.drv.clone().filter(|_| has_drv);
            Record { system, outputs: outputs.collect(), drv, impure, ..like }
        })
    }

    proptest! {
        #[test]
        fn tally_agrees_with_the_whole_list(records in prop::collection::vec(any_record(), 0..8)) {
            let (verdicts, disputes) = (Verdicts::of(&records), disputes(&records));
            for system in ["x86_64-linux", "aarch64-linux"].map(|text| System::parse(text).unwrap()) {
                let of: Vec<_> = records.iter().filter(|record| record.system == system).collect();
                let best = of.iter().map(|record| weight(record.verdict)).max();
                let newest = of.iter().filter(|record| Some(weight(record.verdict)) == best).map(|it| &it.started).max();
                let is_best = |record: &&&Record| Some(weight(record.verdict)) == best && Some(&record.started) == newest;
                let possible: Vec<_> = of.iter().filter(is_best).map(|record| Some(record.verdict)).collect();
                let verdict = verdicts.get(&system);
                prop_assert!(possible.contains(&verdict) || (of.is_empty() && verdict.is_none()));
                prop_assert_eq!(verdicts.is_disputed(&system), disputes.iter().any(|it| it.system == system));
                prop_assert_eq!(verdicts.is_impure(&system), matches!(Purity::of(&records, &system), Purity::Impure(_)));
            }
        }

        #[test]
        fn order_of_records_does_not_matter(records in prop::collection::vec(any_record(), 0..8)) {
            let reversed: Vec<_> = records.iter().rev().cloned().collect();
            prop_assert_eq!(Verdicts::of(&records), Verdicts::of(&reversed));
        }
    }

    #[test]
    fn differing_rebuild_is_disputed_and_equal_one_is_built() {
        let built = record(Verdict::Built, "a.drv", "1", "1");
        assert_eq!(state(&[built.clone(), record(Verdict::Reproduced, "a.drv", "1", "2")]), State::Built);
        assert_eq!(state(&[record(Verdict::Reproduced, "a.drv", "1", "2")]), State::Built);
        assert_eq!(state(&[built, record(Verdict::Differs, "a.drv", "1", "2")]), State::Disputed);
    }

    #[test]
    fn dispute_on_another_system_does_not_count() {
        let mut records = vec![record(Verdict::Built, "a.drv", "1", "1")];
        records.extend(
            [record(Verdict::Built, "z.drv", "1", "1"), record(Verdict::Built, "z.drv", "2", "1")]
                .map(|record| Record { system: System::parse("aarch64-linux").unwrap(), ..record }),
        );
        assert_eq!(state(&records), State::Built);
    }

    #[test]
    fn one_pure_build_makes_a_result_pure() {
        let system = System::parse("x86_64-linux").unwrap();
        let with = |impure: Option<&[&str]>| Record {
            impure: impure.map(|paths| paths.iter().map(ToString::to_string).collect()),
            ..record(Verdict::Built, "a.drv", "1", "1")
        };
        let purity = |records: &[Record]| (Purity::of(records, &system), Verdicts::of(records).is_impure(&system));
        let (unknown, usr, lib) = (with(None), with(Some(&["/usr"])), with(Some(&["/lib", "/usr"])));
        assert_eq!(purity(std::slice::from_ref(&unknown)), (Purity::Unknown, false));
        let paths = ["/lib", "/usr"].map(str::to_owned).into();
        assert_eq!(purity(&[usr.clone(), unknown, lib]), (Purity::Impure(paths), true));
        assert_eq!(purity(&[usr.clone(), with(Some(&[]))]), (Purity::Pure, false));
        let failed = Record { verdict: Verdict::Failed, ..with(Some(&[])) };
        assert!(purity(&[usr, failed]).1, "a failed build is no evidence");
    }
}
