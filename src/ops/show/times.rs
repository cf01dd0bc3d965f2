//! How long the builds of a point took.

use crate::record::{Attributed, Record, Verdict};
use crate::system::System;

/// The times of one system.
#[derive(Debug, Clone, PartialEq)]
pub struct Times {
    /// The system.
    pub system: System,
    /// The seconds of the newest build whose builder ran.
    pub last: f64,
    /// The median of all of them.
    pub usual: f64,
    /// Their number.
    pub builds: usize,
}

/// The times of each system, from records in the order of their start; systems without one are left out.
pub fn of(records: &[Attributed], systems: &[System]) -> Vec<Times> {
    systems.iter().filter_map(|system| on(records, system)).collect()
}

/// How long the newest build of each system took whose builder ran, also if it failed.
pub fn newest(records: &[Attributed], systems: &[System]) -> Vec<(System, f64)> {
    let newest = |system: &System| {
        let own = records.iter().rev().map(|it| &it.record).filter(|it| it.system == *system);
        own.filter(|it| it.verdict != Verdict::Cancelled).find_map(Record::took)
    };
    systems.iter().filter_map(|system| Some((system.clone(), newest(system)?))).collect()
}

fn on(records: &[Attributed], system: &System) -> Option<Times> {
    let own = records.iter().map(|it| &it.record).filter(|it| it.system == *system && it.verdict.is_good());
    let all: Vec<f64> = own.filter_map(Record::took).collect();
    let mut sorted = all.clone();
    sorted.sort_by(f64::total_cmp);
    let usual = *sorted.get(sorted.len() / 2)?;
    Some(Times { system: system.clone(), last: *all.last()?, usual, builds: all.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::parse_oid;
    use crate::record::About;

    fn record(verdict: Verdict, seconds: f64) -> Attributed {
        let id = parse_oid(&"0".repeat(40)).unwrap();
        let about = About { point: "p".into(), key: id, commit: id, system: System::parse("x86_64-linux").unwrap() };
        Attributed { writer: "w".into(), record: Record::new(about, verdict, String::new(), seconds) }
    }

    #[test]
    fn only_builders_that_ran_and_succeeded_count() {
        let systems = ["aarch64-linux", "x86_64-linux"].map(|name| System::parse(name).unwrap());
        let records = [
            record(Verdict::Built, 10.0),
            record(Verdict::Reproduced, 30.0),
            record(Verdict::Built, 20.0),
            record(Verdict::Built, 0.0),
            record(Verdict::Failed, 99.0),
        ];
        let times = of(&records, &systems);
        assert_eq!(times.len(), 1);
        assert_eq!((times[0].last, times[0].usual, times[0].builds), (20.0, 20.0, 3));
        assert!(of(&records[3..], &systems).is_empty());
    }
}
