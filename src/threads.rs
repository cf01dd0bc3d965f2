//! Work on all cores.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Returns the number of threads that run at the same time; 1 if the system does not tell.
#[must_use]
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Calls `work` for each item on all cores; the answers are in the order of the items.
///
/// Each thread takes `batch` items at a time and has a state of its own, from `start`. With fewer items no thread is started:
/// choose a batch that takes much longer than starting a thread.
pub fn on_all_cores<S: Send, T: Sync, A: Send>(
    items: &[T],
    batch: usize,
    mut start: impl FnMut() -> S,
    work: impl Fn(&mut S, &T) -> A + Sync,
) -> Vec<A> {
    let threads = cores().min(items.len().div_ceil(batch));
    if threads < 2 {
        let mut state = start();
        return items.iter().map(|item| work(&mut state, item)).collect();
    }
    let next = AtomicUsize::new(0);
    let take = |mut state: S| {
        let mut done = Vec::new();
        loop {
            let from = next.fetch_add(batch, Ordering::Relaxed);
            let Some(rest) = items.get(from..).filter(|rest| !rest.is_empty()) else { return done };
            let answers: Vec<A> = rest.iter().take(batch).map(|item| work(&mut state, item)).collect();
            done.push((from, answers));
        }
    };
    let take = &take;
    let mut done = thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|_| start()).map(|state| scope.spawn(move || take(state))).collect();
        let joined = started.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.flatten().collect::<Vec<_>>()
    });
    done.sort_by_key(|(from, _)| *from);
    done.into_iter().flat_map(|(_, answers)| answers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_in_the_order_of_the_items() {
        for count in [0, 1, 5, 6, 7, 100] {
            let items: Vec<usize> = (0..count).collect();
            let mut states = 0;
            let answers = on_all_cores(
                &items,
                3,
                || states += 1,
                |(), item| {
                    thread::yield_now();
                    item * 2
                },
            );
            assert_eq!(answers, items.iter().map(|item| item * 2).collect::<Vec<_>>());
            assert!((1..=cores().max(1)).contains(&states), "{states} threads for {count} items");
            assert!(count > 3 || states == 1, "no thread is started for a single batch");
        }
    }
}
