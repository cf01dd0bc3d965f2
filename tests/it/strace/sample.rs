//! Which of thousands of faults are tried, and on how many threads.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher as _};
use std::io::Write as _;
use std::sync::Mutex;

use super::{Call, Fault, Injection};
use crate::nix_setup::var;

/// How many faults are tried per situation by default.
const SAMPLE: usize = 6;

/// How many faults per situation: the default, or `GIT_LATTICE_TEST_FAULTS`, a number or `all`.
pub(crate) fn how_many() -> usize {
    let asked = var("GIT_LATTICE_TEST_FAULTS").map(|value| value.into_string().unwrap());
    match asked.as_deref() {
        None => SAMPLE,
        Some("all") => usize::MAX,
        Some(number) => number.parse().unwrap_or_else(|error| panic!("GIT_LATTICE_TEST_FAULTS={number}: {error}")),
    }
}

/// Whether more than the usual sample is requested: then the table is printed.
pub(crate) fn is_sweep() -> bool {
    how_many() > SAMPLE
}

/// The faults to try: one of each program and call in turn, in a pseudo-random order that is the same every time. `seed` also
/// chooses where to begin, so that several situations sample different calls.
pub(crate) fn choose(calls: &[Call], faults: &[Fault], seed: &impl Hash) -> Vec<Injection> {
    let of_call = |call: &Call| {
        let faults = faults.iter().filter(|fault| call.allows(**fault));
        faults.map(|fault| Injection { call: call.clone(), fault: *fault }).collect::<Vec<_>>()
    };
    let mut groups = BTreeMap::<_, Vec<Injection>>::new();
    for injection in calls.iter().flat_map(of_call) {
        groups.entry(hash(&(injection.call.program(), &injection.call.name))).or_default().push(injection);
    }
    groups.values_mut().for_each(|group| group.sort_by_cached_key(|injection| hash(&(seed, injection))));
    let mut groups: VecDeque<_> = groups.into_values().map(Vec::into_iter).collect();
    let first = hash(seed) % u64::try_from(groups.len().max(1)).unwrap();
    groups.rotate_left(usize::try_from(first).unwrap());
    let mut chosen = Vec::new();
    while let Some(mut group) = groups.pop_front().filter(|_| chosen.len() < how_many()) {
        if let Some(injection) = group.next() {
            chosen.push(injection);
            groups.push_back(group);
        }
    }
    chosen
}

/// Prints past the test harness, which hides the output of a passing test.
pub(crate) fn print_past_harness(text: &str) {
    std::io::stderr().write_all(format!("{text}\n").as_bytes()).unwrap();
}

pub(crate) fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Runs `act` for all tasks, on as many threads as there are cores.
pub(crate) fn on_all_cores<T: Send, R: Send>(tasks: Vec<T>, act: impl Fn(T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(4);
    let (tasks, results) = (Mutex::new(tasks.into_iter()), Mutex::new(Vec::new()));
    let next = || tasks.lock().unwrap().next();
    let work = || {
        while let Some(task) = next() {
            let result = act(task);
            results.lock().unwrap().push(result);
        }
    };
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    results.into_inner().unwrap()
}
