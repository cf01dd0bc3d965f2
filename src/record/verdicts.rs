//! Combines the records of one key: the verdict on each system, and whether records contradict each other.

use std::collections::BTreeMap;

use super::outside::Purity;
use super::{Record, Verdict};
use crate::nix::StorePath;
use crate::system::System;

/// The verdict on each system: `reproduced` or `built` if there is such a record, since the key never changes; else the newest.
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

impl Verdicts {
    /// Combines records.
    pub fn of(records: &[Record]) -> Self {
        let rank = |record: &Record| (weight(record.verdict), record.started.clone());
        let mut newest: BTreeMap<System, &Record> = BTreeMap::new();
        for record in records {
            let system = &record.system;
            if newest.get(system).is_none_or(|other| rank(other) < rank(record)) {
                newest.insert(system.clone(), record);
            }
        }
        let disputed = disputes(records);
        let is_disputed = |system: &System| disputed.iter().any(|dispute| dispute.system == *system);
        newest
            .into_iter()
            .map(|(system, record)| OnSystem {
                verdict: record.verdict,
                is_disputed: is_disputed(&system),
                is_impure: matches!(Purity::of(records, &system), Purity::Impure(_)),
                system,
            })
            .collect()
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

fn weight(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Reproduced => 2,
        Verdict::Built => 1,
        Verdict::Failed | Verdict::NoBuilder | Verdict::Cancelled | Verdict::Differs => 0,
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
    let mut contents: BTreeMap<(&System, &StorePath, &str), BTreeMap<&str, Vec<usize>>> = BTreeMap::new();
    for (i, record) in records.iter().enumerate() {
        let Some(drv) = &record.drv else { continue };
        for (name, output) in &record.outputs {
            let Some(hash) = &output.nar_hash else { continue };
            let place = (&record.system, drv, name.as_str());
            contents.entry(place).or_default().entry(hash).or_default().push(i);
        }
    }
    let side = |(hash, records): (&str, Vec<usize>)| Side { nar_hash: Some(hash.to_owned()), records };
    let dispute = |((system, drv, output), sides): ((&System, &StorePath, &str), BTreeMap<&str, Vec<usize>>)| Dispute {
        system: system.clone(),
        drv: Some(drv.clone()),
        output: Some(output.to_owned()),
        sides: sides.into_iter().map(side).collect(),
    };
    let hashes = contents.into_iter().filter(|(_, sides)| sides.len() > 1).map(dispute);
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
    use super::*;
    use crate::git::parse_oid;
    use crate::record::{About, Output, State};

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
