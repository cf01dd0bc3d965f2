//! When the builder of each derivation ran, by our own clock.
//!
//! The start of a builder's activity is its start. Newer versions of Nix stop the activity when the builder ends. Older versions (2.8)
//! stop those of the requested derivations only when everything has ended, but count each end at once. While several builders run, such
//! a count does not say which one ended: it was none that printed a line later, or whose output was registered later.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::nix::read::graph::base;
use crate::nix::read::internal_json::{Event, Work};
use crate::nix::store_path::StorePath;

/// When the builder of a derivation ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunTime {
    /// When it started.
    pub started: SystemTime,
    /// How long it ran.
    pub took: Duration,
}

/// The builders of one call of Nix.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// By base name of the derivation.
    runs: HashMap<String, Run>,
    /// The derivations of running activities, the newest last.
    activities: Vec<(u64, String)>,
    /// The ends that were counted and belong to no run yet.
    ends: Vec<Timestamp>,
    /// Nix's own counter: a remote builder has another one.
    counter: Option<u64>,
    counted: u64,
    /// How many ends were seen in the store before they were counted.
    owed: usize,
    /// Whether the last event that says something counted an end.
    has_just_counted: bool,
    /// Whether Nix goes on after it counted an end, without stopping the activity.
    stops_late: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Timestamp {
    at: Instant,
    clock: SystemTime,
}

#[derive(Debug)]
struct Run {
    started: Timestamp,
    /// When the builder printed its last line.
    last_line: Instant,
    ended: Option<Timestamp>,
}

impl Timestamp {
    fn now() -> Self {
        Self { at: Instant::now(), clock: SystemTime::now() }
    }
}

impl Times {
    /// Records an event at the time when it is read. `is_wanted` says whether a derivation was requested.
    pub(super) fn note(&mut self, event: &Event, is_wanted: impl Fn(&str) -> bool) {
        self.note_at(Timestamp::now(), event, is_wanted);
    }

    fn note_at(&mut self, now: Timestamp, event: &Event, is_wanted: impl Fn(&str) -> bool) {
        match event {
            Event::Progress { id, work: Work::Builds, done, failed, .. } => self.count(now, *id, done + failed),
            Event::Progress { .. } | Event::Silence => {}
            Event::Stopped { id } => self.stop(now, *id, is_wanted),
            event => {
                self.stops_late |= self.has_just_counted;
                self.has_just_counted = false;
                match event {
                    Event::BuildStarted { id, drv, .. } => self.start(now, *id, base(drv.as_str())),
                    Event::LogLine { id, .. } => self.hear(now, *id),
                    _ => {}
                }
            }
        }
    }

    fn start(&mut self, now: Timestamp, id: u64, drv: &str) {
        // A remote builder reports its own activity, within the one that uses it.
        if !self.activities.iter().any(|(_, running)| running == drv) {
            self.runs.insert(drv.to_owned(), Run { started: now, last_line: now.at, ended: None });
        }
        self.activities.push((id, drv.to_owned()));
    }

    fn hear(&mut self, now: Timestamp, id: u64) {
        let drv = self.activities.iter().find(|(activity, _)| *activity == id);
        if let Some(run) = drv.and_then(|(_, drv)| self.runs.get_mut(drv)) {
            run.last_line = now.at;
        }
    }

    fn count(&mut self, now: Timestamp, id: u64, ended: u64) {
        if *self.counter.get_or_insert(id) != id || ended <= self.counted {
            return;
        }
        // Another end was counted, and nothing stopped in between.
        self.stops_late |= self.has_just_counted;
        self.has_just_counted = true;
        let more = usize::try_from(ended - self.counted).unwrap_or(1);
        self.counted = ended;
        let known = more.min(self.owed);
        self.owed -= known;
        if more == known {
            return;
        }
        let mut open: Vec<_> = self.runs.values_mut().filter(|run| run.ended.is_none()).collect();
        match open.as_mut_slice() {
            [] => {}
            [only] => (only.ended, self.ends) = (Some(now), Vec::new()),
            several => self.ends.extend(std::iter::repeat_n(now, (more - known).min(several.len()))),
        }
    }

    fn stop(&mut self, now: Timestamp, id: u64, is_wanted: impl Fn(&str) -> bool) {
        let Some(at) = self.activities.iter().position(|(activity, _)| *activity == id) else { return };
        let (_, drv) = self.activities.remove(at);
        if self.activities.iter().any(|(_, running)| *running == drv) {
            return;
        }
        let is_now = !self.stops_late || (self.has_just_counted && !is_wanted(&drv));
        self.has_just_counted = false;
        if let Some(run) = self.runs.get_mut(&drv).filter(|run| is_now && run.ended.is_none()) {
            run.ended = Some(self.ends.pop().unwrap_or(now));
        }
    }

    /// Settles when these builders ended, given what else is known: the second in which the output was registered, if there is one.
    pub(super) fn settle(&mut self, ended: &[(&StorePath, Option<u64>)]) {
        self.settle_at(Timestamp::now(), ended);
    }

    fn settle_at(&mut self, now: Timestamp, ended: &[(&StorePath, Option<u64>)]) {
        let mut open: Vec<_> = ended.iter().filter(|(drv, _)| self.is_open(drv)).collect();
        // What printed the last line first probably ended first.
        let last_line = |drv: &StorePath| self.runs.get(base(drv.as_str())).map(|run| run.last_line);
        open.sort_by_key(|(drv, registered)| (*registered, last_line(drv)));
        for (drv, registered) in open {
            let Some(run) = self.runs.get_mut(base(drv.as_str())) else { continue };
            let not_before = registered.map_or(UNIX_EPOCH, |seconds| UNIX_EPOCH + Duration::from_secs(seconds));
            let fits = |end: &Timestamp| end.at >= run.last_line && end.clock >= not_before;
            // The clock of the machine that registered it may differ from this one.
            let place = self.ends.iter().position(fits).or_else(|| self.ends.len().checked_sub(1));
            run.ended = Some(place.map_or(now, |place| self.ends.remove(place)));
            self.owed += usize::from(place.is_none());
        }
    }

    fn is_open(&self, drv: &StorePath) -> bool {
        self.runs.get(base(drv.as_str())).is_some_and(|run| run.ended.is_none())
    }

    /// Returns whether the builder of a derivation was started.
    pub(super) fn has_started(&self, drv: &StorePath) -> bool {
        self.runs.contains_key(base(drv.as_str()))
    }

    /// Returns when the builder of a derivation ran; `None` if it did not run, or runs still.
    pub(super) fn of(&self, drv: &StorePath) -> Option<RunTime> {
        let run = self.runs.get(base(drv.as_str()))?;
        let took = run.ended?.at.saturating_duration_since(run.started.at);
        Some(RunTime { started: run.started.clock, took })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTER: u64 = 1;

    /// A call of Nix that requested the derivations `a`, `b` and `c`, with a clock that the test sets.
    struct Call {
        times: Times,
        zero: Timestamp,
    }

    fn drv(name: &str) -> StorePath {
        StorePath::parse(&format!("/nix/store/n2mz96s9cc2904s0c1p6vcykas5smi4v-{name}.drv")).unwrap()
    }

    fn start(id: u64, name: &str) -> Event {
        Event::BuildStarted { id, drv: drv(name), machine: None }
    }

    fn count(id: u64, done: u64, failed: u64) -> Event {
        Event::Progress { id, work: Work::Builds, done, expected: 3, running: 0, failed }
    }

    impl Call {
        fn of(events: &[(u64, Event)]) -> Self {
            let clock = UNIX_EPOCH + Duration::from_secs(1000);
            let mut call = Self { times: Times::default(), zero: Timestamp { at: Instant::now(), clock } };
            events.iter().for_each(|(second, event)| call.note(*second, event));
            call
        }

        fn at(&self, second: u64) -> Timestamp {
            let after = Duration::from_secs(second);
            Timestamp { at: self.zero.at + after, clock: self.zero.clock + after }
        }

        fn note(&mut self, second: u64, event: &Event) {
            let is_wanted = |name: &str| ["-a.drv", "-b.drv", "-c.drv"].iter().any(|end| name.ends_with(end));
            self.times.note_at(self.at(second), event, is_wanted);
        }

        /// Settles a derivation at the second 30; its output was registered in the second `registered`.
        fn settle(&mut self, name: &str, registered: Option<u64>) {
            self.times.settle_at(self.at(30), &[(&drv(name), registered.map(|second| 1000 + second))]);
        }

        /// When a builder started and how long it ran, in seconds.
        fn ran(&self, name: &str) -> Option<(u64, u64)> {
            let ran = self.times.of(&drv(name))?;
            Some((ran.started.duration_since(self.zero.clock).unwrap().as_secs(), ran.took.as_secs()))
        }
    }

    #[test]
    fn new_versions_stop_what_has_ended() {
        let call = Call::of(&[
            (0, start(11, "a")),
            (1, start(12, "b")),
            (3, count(COUNTER, 1, 0)),
            (3, Event::Stopped { id: 12 }),
            (7, count(COUNTER, 1, 1)),
            (7, Event::Stopped { id: 11 }),
        ]);
        assert_eq!((call.ran("a"), call.ran("b"), call.ran("c")), (Some((0, 7)), Some((1, 2)), None));
    }

    #[test]
    fn old_versions_count_the_end_of_a_chain() {
        let call = Call::of(&[
            (0, start(11, "a")),
            (2, count(COUNTER, 1, 0)),
            (5, start(12, "b")),
            (9, count(COUNTER, 1, 1)),
            (20, Event::Stopped { id: 12 }),
            (20, Event::Stopped { id: 11 }),
        ]);
        assert_eq!((call.ran("a"), call.ran("b")), (Some((0, 2)), Some((5, 4))));
    }

    #[test]
    fn old_versions_stop_what_was_not_requested() {
        let events = [
            (0, start(11, "a")),
            (0, start(12, "below")),
            (0, start(13, "b")),
            (3, count(COUNTER, 1, 0)),
            (4, count(COUNTER, 2, 0)),
            (4, Event::Stopped { id: 12 }),
            (9, count(COUNTER, 3, 0)),
            (9, Event::Stopped { id: 13 }),
            (9, Event::Stopped { id: 11 }),
        ];
        let mut call = Call::of(&events);
        assert_eq!((call.ran("below"), call.ran("a"), call.ran("b")), (Some((0, 4)), None, None));
        call.settle("b", Some(8));
        call.settle("a", Some(3));
        assert_eq!((call.ran("a"), call.ran("b")), (Some((0, 3)), Some((0, 9))));
    }

    #[test]
    fn a_line_is_printed_before_the_end() {
        let mut call = Call::of(&[
            (0, start(11, "a")),
            (0, start(12, "b")),
            (1, count(COUNTER, 0, 1)),
            (3, Event::LogLine { id: 12, text: "still here".to_owned() }),
            (4, count(COUNTER, 0, 2)),
            (9, Event::Stopped { id: 12 }),
        ]);
        call.settle("b", None);
        call.settle("a", None);
        assert_eq!((call.ran("a"), call.ran("b")), (Some((0, 1)), Some((0, 4))));
    }

    #[test]
    fn a_remote_builder_counts_for_itself() {
        let call = Call::of(&[
            (0, count(COUNTER, 0, 0)),
            (0, start(11, "a")),
            (2, count(2, 0, 0)),
            (2, start(21, "a")),
            (5, count(2, 1, 0)),
            (5, Event::Stopped { id: 21 }),
            (8, count(COUNTER, 1, 0)),
            (8, Event::Stopped { id: 11 }),
        ]);
        assert_eq!(call.ran("a"), Some((0, 8)), "copying there and back is part of the build");
    }

    #[test]
    fn another_clock_is_not_relied_on() {
        let mut call =
            Call::of(&[(0, start(11, "a")), (0, start(12, "b")), (3, count(COUNTER, 1, 0)), (4, count(COUNTER, 2, 0))]);
        call.settle("a", Some(900));
        call.settle("b", Some(900));
        assert_eq!((call.ran("a"), call.ran("b")), (Some((0, 4)), Some((0, 3))));
    }

    #[test]
    fn an_end_seen_in_the_store_is_not_another_s() {
        let mut call = Call::of(&[(0, start(11, "a")), (0, start(12, "b"))]);
        call.settle("a", Some(30));
        call.note(31, &count(COUNTER, 1, 0));
        call.note(40, &count(COUNTER, 2, 0));
        assert_eq!((call.ran("a"), call.ran("b")), (Some((0, 30)), Some((0, 40))));
    }
}
