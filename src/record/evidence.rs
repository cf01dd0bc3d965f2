//! How many machines vouch for a result.
//!
//! The name of a host is what a record claims. Whoever writes can claim any number of them, but only under the one notes ref of the
//! clone: so each writer vouches for one host at most, and each host counts once.

use std::collections::BTreeMap;

use super::{Record, Said};
use crate::system::System;

/// On how many hosts the good records of `system` were made that agree on the derivation and on what it came to.
pub fn hosts(said: &[Said], system: &System) -> usize {
    let good = said.iter().filter(|said| said.record.system == *system && said.record.verdict.is_good());
    let mut agreeing: BTreeMap<String, Vec<(&str, &str)>> = BTreeMap::new();
    for Said { writer, record } in good.filter(|said| !said.record.host.is_empty()) {
        agreeing.entry(result(record)).or_default().push((writer, &record.host));
    }
    agreeing.values().map(|pairs| pairing(pairs)).max().unwrap_or(0)
}

/// What a build came to, as a text.
fn result(record: &Record) -> String {
    let outputs = record.outputs.iter().map(|(name, output)| format!("{name} {:?}", output.nar_hash));
    std::iter::once(format!("{:?}", record.drv)).chain(outputs).collect::<Vec<_>>().join("\n")
}

/// The size of the greatest pairing of writers with hosts, found by augmenting paths.
fn pairing(pairs: &[(&str, &str)]) -> usize {
    let mut claims: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (writer, host) in pairs {
        claims.entry(writer).or_default().push(host);
    }
    let mut taken = BTreeMap::new();
    claims.keys().filter(|writer| place(writer, &claims, &mut taken, &mut Vec::new())).count()
}

/// Finds a host for `writer`, moving others to another of theirs where that makes room.
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
    fn a_writer_vouches_for_one_host_and_a_host_counts_once() {
        assert_eq!(pairing(&[]), 0);
        assert_eq!(pairing(&[("a", "1"), ("a", "2"), ("a", "3")]), 1, "one clone with many names");
        assert_eq!(pairing(&[("a", "1"), ("b", "1")]), 1, "two clones on one machine");
        assert_eq!(pairing(&[("a", "1"), ("a", "2"), ("b", "1")]), 2);
        assert_eq!(pairing(&[("a", "1"), ("b", "1"), ("c", "1"), ("c", "2"), ("c", "3")]), 2);
    }
}
