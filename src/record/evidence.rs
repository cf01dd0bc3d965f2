//! Counts the machines that confirm a result.
//!
//! A record only claims its host name. A writer can claim any number of hosts, but only under the one notes ref of its clone. So each
//! writer confirms at most one host, and each host counts once.

use std::collections::BTreeMap;

use super::{Attributed, Record};
use crate::system::System;

/// Returns the number of hosts with good records of `system` that agree on the derivation and its outputs.
pub fn hosts(records: &[Attributed], system: &System) -> usize {
    let good = records.iter().filter(|one| one.record.system == *system && one.record.verdict.is_good());
    let mut agreeing: BTreeMap<String, Vec<(&str, &str)>> = BTreeMap::new();
    for Attributed { writer, record } in good.filter(|one| !one.record.host.is_empty()) {
        agreeing.entry(result(record)).or_default().push((writer, &record.host));
    }
    agreeing.values().map(|pairs| pairing(pairs)).max().unwrap_or(0)
}

/// Formats the derivation and output hashes of a build for comparison.
fn result(record: &Record) -> String {
    let outputs = record.outputs.iter().map(|(name, output)| format!("{name} {:?}", output.nar_hash));
    std::iter::once(format!("{:?}", record.drv)).chain(outputs).collect::<Vec<_>>().join("\n")
}

/// Returns the size of the maximum matching of writers and hosts (augmenting paths).
fn pairing(pairs: &[(&str, &str)]) -> usize {
    let mut claims: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (writer, host) in pairs {
        claims.entry(writer).or_default().push(host);
    }
    let mut taken = BTreeMap::new();
    claims.keys().filter(|writer| place(writer, &claims, &mut taken, &mut Vec::new())).count()
}

/// Finds a host for `writer`, moving other writers to another of their hosts if needed.
fn place<'a>(
    writer: &'a str,
    claims: &BTreeMap<&'a str, Vec<&'a str>>,
    taken: &mut BTreeMap<&'a str, &'a str>,
    seen: &mut Vec<&'a str>,
) -> bool {
    for host in claims.get(writer).into_iter().flatten() {
        if seen.contains(host) {
            continue;
        }
        seen.push(host);
        let holder = taken.get(host).copied();
        if holder.is_none_or(|holder| place(holder, claims, taken, seen)) {
            taken.insert(host, writer);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::pairing;

    #[test]
    fn writer_confirms_one_host_and_host_counts_once() {
        assert_eq!(pairing(&[]), 0);
        assert_eq!(pairing(&[("a", "1"), ("a", "2"), ("a", "3")]), 1, "one clone with many names");
        assert_eq!(pairing(&[("a", "1"), ("b", "1")]), 1, "two clones on one machine");
        assert_eq!(pairing(&[("a", "1"), ("a", "2"), ("b", "1")]), 2);
        assert_eq!(pairing(&[("a", "1"), ("b", "1"), ("c", "1"), ("c", "2"), ("c", "3")]), 2);
    }
}
