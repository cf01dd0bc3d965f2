//! When the builder of each derivation ran, by our own clock.
//!
//! The start of a builder's activity is its start. Newer versions of Nix stop the activity when the builder ends. Older versions (2.8)
//! stop those of the requested derivations only when everything has ended. They count each end at once, as a success or a failure; while
//! several builders run, the count does not say which one ended. Nix's log files say it, where they can be read ([`LogFiles`]). Without
//! them, a builder ended at the only count that fits: not before it started, printed a line or had its output registered. If several
//! fit, it is not known when it ended.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::nix::read::graph::base;
use crate::nix::read::internal_json::{Event, Work};
use crate::nix::run::log_files::LogFiles;
use crate::nix::store_path::StorePath;

/// When the builder of a derivation ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunTime {
    /// When it started.
    pub started: SystemTime,
    /// How long it ran; `None` if it is not known when it ended.
    pub took: Option<Duration>,
}

/// The builders of one call of Nix.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// By base name of the derivation.
    runs: HashMap<String, Run>,
    /// The derivations of running activities, the newest last.
    activities: Vec<(u64, String)>,
    /// The ends that were counted and belong to no run yet, the oldest first.
    ends: Vec<End>,
    /// Nix's own counter: a remote builder has another one.
    counter: Option<u64>,
    counts: Counts,
    /// How many ends were seen in the store before they were counted.
    owed: usize,
    /// Whether the last event that says something counted an end.
    has_just_counted: bool,
    /// Whether Nix goes on after it counted an end, without stopping the activity.
    stops_late: bool,
}

/// What Nix counts.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    done: u64,
    failed: u64,
    running: u64,
}

/// An end of a builder that was counted.
#[derive(Debug, Clone, Copy)]
struct End {
    at: Timestamp,
    is_good: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Timestamp {
    at: Instant,
    clock: SystemTime,
}

/// What is known of a builder that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Over<'a> {
    pub(super) drv: &'a StorePath,
    /// Whether it succeeded, if known.
    pub(super) is_good: Option<bool>,
    /// The second in which the output was registered, if it was.
    pub(super) registered: Option<u64>,
}

#[derive(Debug)]
struct Run {
    started: Timestamp,
    /// When the builder printed its last line.
    last_line: Instant,
    ended: Ended,
}

/// What is known of the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// It runs, as far as known.
    No,
    At(Timestamp),
    /// It has ended; when is not known.
    Sometime,
}

impl Timestamp {
    fn now() -> Self {
        Self { at: Instant::now(), clock: SystemTime::now() }
    }

    /// The time of a file that was changed after this.
    fn later(self, file: SystemTime) -> Self {
        let after = file.duration_since(self.clock).unwrap_or_default();
        Self { at: self.at + after, clock: self.clock + after }
    }
}

impl Run {
    fn is_open(&self) -> bool {
        self.ended == Ended::No
    }

    /// Whether it may have ended at this count, given when its output was registered.
    fn may_end(&self, end: &End, is_good: Option<bool>, registered: Option<u64>) -> bool {
        let not_before = registered.map_or(UNIX_EPOCH, |seconds| UNIX_EPOCH + Duration::from_secs(seconds));
        end.at.at >= self.last_line
            && end.at.clock >= not_before
            && is_good.is_none_or(|is_good| is_good == end.is_good)
    }
}

impl Counts {
    /// The builders that ended since `before`: that succeeded, and that failed. Nix also counts builds whose builder never ran, since
    /// one below failed: then no fewer run than before.
    fn ends_since(self, before: Self) -> (u64, u64) {
        let ended = before.running.saturating_sub(self.running);
        let good = self.done.saturating_sub(before.done).min(ended);
        (good, self.failed.saturating_sub(before.failed).min(ended - good))
    }
}

impl Times {
    /// Records an event at the time when it is read. `is_wanted` says whether a derivation was requested.
    pub(super) fn note(&mut self, event: &Event, is_wanted: impl Fn(&str) -> bool) {
        self.note_at(Timestamp::now(), event, is_wanted);
    }

    fn note_at(&mut self, now: Timestamp, event: &Event, is_wanted: impl Fn(&str) -> bool) {
        match event {
            Event::Progress { id, work: Work::Builds, done, failed, running, .. } => {
                self.count(now, *id, Counts { done: *done, failed: *failed, running: *running });
            }
            Event::Progress { .. } | Event::Silence => {}
            Event::Stopped { id, .. } => self.stop(now, *id, is_wanted),
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
            self.runs.insert(drv.to_owned(), Run { started: now, last_line: now.at, ended: Ended::No });
        }
        self.activities.push((id, drv.to_owned()));
    }

    fn hear(&mut self, now: Timestamp, id: u64) {
        let drv = self.activities.iter().find(|(activity, _)| *activity == id);
        if let Some(run) = drv.and_then(|(_, drv)| self.runs.get_mut(drv)) {
            run.last_line = now.at;
        }
    }

    fn count(&mut self, now: Timestamp, id: u64, counts: Counts) {
        if *self.counter.get_or_insert(id) != id {
            return;
        }
        let (good, failed) = counts.ends_since(std::mem::replace(&mut self.counts, counts));
        if good + failed == 0 {
            return;
        }
        // Another end was counted, and nothing stopped in between.
        self.stops_late |= self.has_just_counted;
        self.has_just_counted = true;
        for is_good in (0..good).map(|_| true).chain((0..failed).map(|_| false)) {
            if is_good && self.owed > 0 {
                self.owed -= 1;
            } else {
                self.ends.push(End { at: now, is_good });
            }
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
        if let Some(run) = self.runs.get_mut(&drv).filter(|run| is_now && run.is_open()) {
            run.ended = Ended::At(self.ends.pop().map_or(now, |end| end.at));
        }
    }

    /// Returns the stops that Nix owes before this event: it counted ends, and goes on without stopping the activities.
    pub(super) fn missing_stops(&mut self, event: &Event, files: &LogFiles<'_>) -> Vec<Event> {
        let is_late = match event {
            Event::Progress { .. } => false,
            Event::Stopped { .. } => self.stops_late,
            _ => true,
        };
        if is_late && self.has_just_counted { self.find_stops(files) } else { Vec::new() }
    }

    /// Finds the builders whose ends were counted, and returns the stops of their activities, unless it is not known which succeeded.
    pub(super) fn find_stops(&mut self, files: &LogFiles<'_>) -> Vec<Event> {
        let found = self.find_ended(files);
        if found.is_empty() || found.len() < self.ends.len() {
            return Vec::new();
        }
        let ends = std::mem::take(&mut self.ends);
        let found: Vec<_> = found.into_iter().zip(ends).collect();
        let mut stops = Vec::new();
        for ((at, drv), end) in &found {
            self.end(drv, Ended::At((*at).min(end.at)));
            // Ends of the same time may have been counted in either order.
            if found.iter().all(|((other, _), one)| other != at || one.is_good == end.is_good) {
                let own = self.activities.iter().filter(|(_, running)| running == drv);
                stops.extend(own.map(|(id, _)| Event::Stopped { id: *id, is_good: Some(end.is_good) }));
            }
        }
        stops
    }

    /// The builders that have ended, in the order in which Nix counts them: the only one that runs, else those of which the log files
    /// say it.
    fn find_ended(&mut self, files: &LogFiles<'_>) -> Vec<(Timestamp, String)> {
        let Some(last) = self.ends.last().copied() else { return Vec::new() };
        let open: Vec<_> = self.runs.iter().filter(|(_, run)| run.is_open()).collect();
        if let [(drv, _)] = open.as_slice() {
            let only = vec![(last.at, (*drv).clone())];
            self.ends = vec![last];
            return only;
        }
        let end = |(drv, run): (&String, &Run)| {
            let file = files.end(drv, run.started.clock)?;
            Some((run.started.later(file), drv.clone()))
        };
        let mut found: Vec<_> = open.into_iter().filter_map(end).collect();
        found.sort();
        found
    }

    /// Settles when these builders ended.
    pub(super) fn settle(&mut self, over: &[Over<'_>]) {
        self.settle_at(Timestamp::now(), over);
    }

    fn settle_at(&mut self, now: Timestamp, over: &[Over<'_>]) {
        let mut over: Vec<_> = over.iter().filter(|one| self.is_open(one.drv)).collect();
        // Each end that is placed leaves fewer for the others.
        while let Some((one, end)) = over.iter().enumerate().find_map(|(n, one)| Some((n, self.only_end(one)?))) {
            let at = self.ends.remove(end).at;
            self.end(base(over.remove(one).drv.as_str()), Ended::At(at));
        }
        for one in over {
            // The store shows a result before its end is counted.
            let is_uncounted = self.ends.is_empty() && one.is_good != Some(false);
            self.owed += usize::from(is_uncounted);
            self.end(base(one.drv.as_str()), if is_uncounted { Ended::At(now) } else { Ended::Sometime });
        }
    }

    /// The counted end that must be that of this builder.
    fn only_end(&self, one: &Over<'_>) -> Option<usize> {
        let run = self.runs.get(base(one.drv.as_str()))?;
        let mut fitting = self.ends.iter().enumerate().filter(|(_, end)| run.may_end(end, one.is_good, one.registered));
        fitting.next().filter(|_| fitting.next().is_none()).map(|(n, _)| n)
    }

    fn end(&mut self, drv: &str, ended: Ended) {
        if let Some(run) = self.runs.get_mut(drv) {
            run.ended = ended;
        }
    }

    fn is_open(&self, drv: &StorePath) -> bool {
        self.runs.get(base(drv.as_str())).is_some_and(Run::is_open)
    }

    /// Returns whether the builder of a derivation was started.
    pub(super) fn has_started(&self, drv: &StorePath) -> bool {
        self.runs.contains_key(base(drv.as_str()))
    }

    /// Returns when the builder of a derivation ran; `None` if it did not run, or runs still.
    pub(super) fn of(&self, drv: &StorePath) -> Option<RunTime> {
        let run = self.runs.get(base(drv.as_str()))?;
        let took = match run.ended {
            Ended::No => return None,
            Ended::At(end) => Some(end.at.saturating_duration_since(run.started.at)),
            Ended::Sometime => None,
        };
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

    fn stop(id: u64) -> Event {
        Event::Stopped { id, is_good: None }
    }

    /// Counts by which 9 builders run, have succeeded or have failed.
    fn count(id: u64, done: u64, failed: u64) -> Event {
        Event::Progress { id, work: Work::Builds, done, expected: 9, running: 9 - done - failed, failed }
    }

    impl Call {
        fn of(events: &[(u64, Event)]) -> Self {
            let clock = UNIX_EPOCH + Duration::from_secs(1000);
            let mut call = Self { times: Times::default(), zero: Timestamp { at: Instant::now(), clock } };
            call.note(0, &count(COUNTER, 0, 0));
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

        /// Settles derivations at the second 30: failures, and successes by the second in which the output was registered.
        fn settle(&mut self, over: &[(&str, Option<u64>)]) {
            let over: Vec<_> = over.iter().map(|(name, second)| (drv(name), second.map(|it| 1000 + it))).collect();
            let over: Vec<_> = over
                .iter()
                .map(|(drv, registered)| Over { drv, is_good: Some(registered.is_some()), registered: *registered })
                .collect();
            self.times.settle_at(self.at(30), &over);
        }

        /// When a builder started and how long it ran, in seconds; 0 if that is not known.
        fn ran(&self, name: &str) -> Option<(u64, u64)> {
            let ran = self.times.of(&drv(name))?;
            let started = ran.started.duration_since(self.zero.clock).unwrap();
            Some((started.as_secs(), ran.took.unwrap_or_default().as_secs()))
        }
    }

    #[test]
    fn new_versions_stop_what_has_ended() {
        let call = Call::of(&[
            (0, start(11, "a")),
            (1, start(12, "b")),
            (3, count(COUNTER, 1, 0)),
            (3, stop(12)),
            (7, count(COUNTER, 1, 1)),
            (7, stop(11)),
        ]);
        assert_eq!((call.ran("a"), call.ran("b"), call.ran("c")), (Some((0, 7)), Some((1, 2)), None));
    }

    #[test]
    fn old_versions_count_the_end_of_a_chain() {
        let mut call = Call::of(&[
            (0, start(11, "a")),
            (2, count(COUNTER, 1, 0)),
            (5, start(12, "b")),
            (9, count(COUNTER, 1, 1)),
            (20, stop(12)),
            (20, stop(11)),
        ]);
        call.settle(&[("a", Some(2)), ("b", None)]);
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
            (4, stop(12)),
            (9, count(COUNTER, 3, 0)),
            (9, stop(13)),
            (9, stop(11)),
        ];
        let mut call = Call::of(&events);
        assert_eq!((call.ran("below"), call.ran("a"), call.ran("b")), (Some((0, 4)), None, None));
        call.settle(&[("a", Some(3)), ("b", Some(8))]);
        assert_eq!((call.ran("a"), call.ran("b")), (Some((0, 3)), Some((0, 9))));
    }

    #[test]
    fn a_failure_ended_when_a_failure_was_counted() {
        let begin = [(0, start(11, "a")), (0, start(12, "b")), (0, start(13, "c")), (2, count(COUNTER, 0, 1))];
        let mut call = Call::of(&begin);
        call.note(8, &count(COUNTER, 1, 1));
        call.settle(&[("a", Some(7))]);
        call.settle(&[("b", None)]);
        assert_eq!((call.ran("a"), call.ran("b"), call.ran("c")), (Some((0, 8)), Some((0, 2)), None));
    }

    #[test]
    fn a_line_is_printed_before_the_end() {
        let mut call = Call::of(&[
            (0, start(11, "a")),
            (0, start(12, "b")),
            (1, count(COUNTER, 0, 1)),
            (3, Event::LogLine { id: 12, text: "still here".to_owned() }),
            (4, count(COUNTER, 0, 2)),
            (9, stop(12)),
        ]);
        call.settle(&[("a", None), ("b", None)]);
        assert_eq!((call.ran("a"), call.ran("b")), (Some((0, 1)), Some((0, 4))));
    }

    #[test]
    fn a_time_that_may_be_another_s_is_not_known() {
        let mut call =
            Call::of(&[(0, start(11, "a")), (0, start(12, "b")), (2, count(COUNTER, 0, 1)), (8, count(COUNTER, 0, 2))]);
        call.settle(&[("a", None), ("b", None)]);
        assert_eq!((call.ran("a"), call.ran("b")), (Some((0, 0)), Some((0, 0))));
    }

    #[test]
    fn a_build_whose_builder_did_not_run_is_no_end() {
        let mut call = Call::of(&[(0, start(11, "a")), (0, start(12, "b"))]);
        let failed =
            |running| Event::Progress { id: COUNTER, work: Work::Builds, done: 0, expected: 9, running, failed: 1 };
        call.note(2, &failed(9));
        call.note(3, &start(13, "c"));
        assert!(!call.times.stops_late && call.times.ends.is_empty());
    }

    #[test]
    fn a_remote_builder_counts_for_itself() {
        let call = Call::of(&[
            (0, count(COUNTER, 0, 0)),
            (0, start(11, "a")),
            (2, count(2, 0, 0)),
            (2, start(21, "a")),
            (5, count(2, 1, 0)),
            (5, stop(21)),
            (8, count(COUNTER, 1, 0)),
            (8, stop(11)),
        ]);
        assert_eq!(call.ran("a"), Some((0, 8)), "copying there and back is part of the build");
    }

    #[test]
    fn another_clock_is_not_relied_on() {
        let mut call =
            Call::of(&[(0, start(11, "a")), (0, start(12, "b")), (3, count(COUNTER, 1, 0)), (4, count(COUNTER, 2, 0))]);
        call.settle(&[("a", Some(900)), ("b", Some(900))]);
        assert_eq!((call.ran("a"), call.ran("b")), (Some((0, 0)), Some((0, 0))));
    }

    #[test]
    fn an_end_seen_in_the_store_is_not_another_s() {
        let mut call = Call::of(&[(0, start(11, "a")), (0, start(12, "b"))]);
        call.settle(&[("a", Some(30))]);
        call.note(31, &count(COUNTER, 1, 0));
        call.note(40, &count(COUNTER, 2, 0));
        call.settle(&[("b", Some(40))]);
        assert_eq!((call.ran("a"), call.ran("b")), (Some((0, 30)), Some((0, 40))));
    }
}
