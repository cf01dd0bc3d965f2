//! The builders that Nix runs, from its log: which derivation each builds, for which point, and on which machine.

use std::collections::HashSet;
use std::time::Instant;

use super::{Job, Progress};
use crate::nix::{Event, StorePath, Work};
use crate::process;

/// Nix asks its store: too short and too frequent to be told.
const QUERYING: &str = "querying info about ";

/// A builder that runs.
#[derive(Debug, Clone)]
pub struct RunningBuilder<'j> {
    /// The derivation.
    pub drv: StorePath,
    /// The build whose own derivation it is; `None` for a dependency.
    pub own: Option<&'j Job>,
    /// The builds that need it, as far as known.
    pub needed_by: Vec<&'j Job>,
    /// The remote builder; `None` for this machine.
    pub machine: Option<String>,
    /// When it started.
    pub since: Instant,
    /// Its activities in the log. A remote builder reports one of its own.
    activities: Vec<u64>,
}

impl RunningBuilder<'_> {
    /// The point whose own derivation it builds, else the name of the derivation.
    pub fn name(&self) -> &str {
        let name = || self.drv.name().strip_suffix(".drv").unwrap_or(self.drv.name());
        self.own.map_or_else(name, |job| job.named.spelled.as_str())
    }
}

/// The builders that run.
#[derive(Debug, Default)]
pub(super) struct RunningBuilders<'j> {
    all: Vec<RunningBuilder<'j>>,
    /// The ends that Nix has counted: of builders that succeeded and that failed.
    counted: [u64; 2],
    /// The builders that run, as Nix counted them last.
    count: u64,
    /// What Nix counted last, if no builder stopped since: whether a builder succeeded. Nix counts an end before it stops the activity.
    ended: Option<bool>,
    /// The derivations that may be meant, for each failure that Nix has counted without stopping an activity: Nix 2.8 does not stop
    /// those of what was asked for before its end, and there may be no log files that say it. A builder that prints something
    /// afterwards is not meant.
    suspects: Vec<Vec<StorePath>>,
    /// The derivations whose builder failed, according to Nix' counts. Why, Nix says at its end.
    failed: HashSet<StorePath>,
}

impl<'j> RunningBuilders<'j> {
    /// Handles an event of Nix about `jobs`; `own` is the job whose own derivation it names.
    pub(super) fn note(
        &mut self,
        event: &Event,
        own: Option<&'j Job>,
        jobs: &[&'j Job],
        on: &mut dyn FnMut(Progress<'_>),
    ) {
        match event {
            Event::BuildStarted { id, drv, machine } => {
                if let Some(running) = self.all.iter_mut().find(|running| running.drv == *drv) {
                    running.activities.push(*id);
                    return;
                }
                let (drv, machine, needed_by) = (drv.clone(), machine.clone(), jobs.to_vec());
                let running =
                    RunningBuilder { drv, own, needed_by, machine, since: Instant::now(), activities: vec![*id] };
                on(Progress::Started(&running));
                self.all.push(running);
            }
            Event::Stopped { id, is_good } => self.stop(*id, *is_good, on),
            Event::LogLine { id, text } => self.said(*id, text, on),
            Event::Progress { work: Work::Builds, done, failed, running, .. } => {
                self.suspect([*done, *failed], *running);
                self.count([*done, *failed]);
                self.convict(on);
            }
            Event::Doing { text, .. } if text.starts_with(QUERYING) => {}
            Event::Doing { text, .. } | Event::Fetch { what: text, .. } => on(Progress::Doing(text)),
            Event::Substitute { path, from, .. } => on(Progress::Doing(&format!("copying {path} from {from}"))),
            Event::Silence => on(Progress::Tick),
            _ => {}
        }
    }

    fn said(&mut self, id: u64, text: &str, on: &mut dyn FnMut(Progress<'_>)) {
        let Some(running) = self.all.iter().find(|running| running.activities.contains(&id)) else {
            return on(Progress::Doing(text));
        };
        let drv = (!self.suspects.is_empty()).then(|| running.drv.clone());
        on(Progress::Said { running, text });
        drv.iter().for_each(|drv| self.clear(drv, on));
    }

    fn count(&mut self, now: [u64; 2]) {
        for (good, (known, now)) in [true, false].into_iter().zip(self.counted.iter_mut().zip(now)) {
            if now > *known {
                *known = now;
                self.ended = Some(good);
            }
        }
    }

    /// Notes who may have failed. Nix also counts builds whose builder never ran: then no fewer run than before.
    fn suspect(&mut self, [done, failed]: [u64; 2], running: u64) {
        let ended = self.count.saturating_sub(running).saturating_sub(done.saturating_sub(self.counted[0]));
        let failed = failed.saturating_sub(self.counted[1]).min(ended);
        self.count = running;
        // What fails from now on is stopped by us.
        for _ in (0..failed).filter(|_| !process::is_ending()) {
            self.suspects.push(self.all.iter().map(|running| running.drv.clone()).collect());
        }
    }

    /// A builder is none of those that have failed.
    fn clear(&mut self, drv: &StorePath, on: &mut dyn FnMut(Progress<'_>)) {
        self.suspects.iter_mut().for_each(|suspects| suspects.retain(|suspect| suspect != drv));
        self.convict(on);
    }

    /// Ends the builders that must be those that have failed, since no others are left.
    fn convict(&mut self, on: &mut dyn FnMut(Progress<'_>)) {
        while let Some(at) = self.suspects.iter().position(|suspects| suspects.len() < 2) {
            let Some(drv) = self.suspects.remove(at).pop() else { continue };
            self.suspects.iter_mut().for_each(|suspects| suspects.retain(|suspect| *suspect != drv));
            if let Some(at) = self.all.iter().position(|running| running.drv == drv) {
                self.ended = None;
                on(Progress::Stopped { running: &self.all.remove(at), is_good: Some(false) });
            }
            self.failed.insert(drv);
        }
    }

    fn stop(&mut self, id: u64, is_good: Option<bool>, on: &mut dyn FnMut(Progress<'_>)) {
        let Some(at) = self.all.iter().position(|running| running.activities.contains(&id)) else { return };
        self.all[at].activities.retain(|activity| *activity != id);
        if self.all[at].activities.is_empty() {
            let running = self.all.remove(at);
            let counted = self.ended.take();
            let is_good = is_good.or(counted).filter(|_| !process::is_ending());
            on(Progress::Stopped { running: &running, is_good });
            if is_good == Some(false) {
                self.failed.insert(running.drv.clone());
            }
            is_good.into_iter().for_each(|is_good| self.settle(&running.drv, is_good, on));
        }
    }

    /// Notes how a builder ended: if it failed, one failure less has no builder.
    fn settle(&mut self, drv: &StorePath, is_good: bool, on: &mut dyn FnMut(Progress<'_>)) {
        let own = self.suspects.iter().position(|suspects| !is_good && suspects.contains(drv));
        own.into_iter().for_each(|at| drop(self.suspects.remove(at)));
        self.clear(drv, on);
    }

    /// Whether the builder of this derivation may be one that failed, of which Nix has not said which they are.
    pub(super) fn may_have_failed(&self, drv: &StorePath) -> bool {
        self.suspects.iter().any(|suspects| suspects.contains(drv))
    }

    /// Whether the builder of this derivation failed before we were stopped.
    pub(super) fn has_failed(&self, drv: &StorePath) -> bool {
        self.failed.contains(drv)
    }

    /// Ends the builder of this derivation, if it still counts as running: Nix 2.8 stops the activities of what was asked for at the
    /// very end.
    pub(super) fn end(&mut self, drv: &StorePath, is_good: bool, on: &mut dyn FnMut(Progress<'_>)) {
        if let Some(at) = self.all.iter().position(|running| running.drv == *drv) {
            on(Progress::Stopped { running: &self.all.remove(at), is_good: None });
        }
        self.settle(drv, is_good, on);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRVS: [&str; 2] = ["190dcwls8d1n1anspzqi3hrl025y56cn-a.drv", "h24kygbrhigxk7k5z4vr2hd0lpdrwcly-b-1.0.drv"];

    fn drv(n: usize) -> StorePath {
        StorePath::parse(&format!("/nix/store/{}", DRVS[n])).unwrap()
    }

    fn started(id: u64, n: usize, machine: Option<&str>) -> Event {
        Event::BuildStarted { id, drv: drv(n), machine: machine.map(str::to_owned) }
    }

    fn counted(done: u64, failed: u64) -> Event {
        running(0, done, failed)
    }

    fn running(running: u64, done: u64, failed: u64) -> Event {
        Event::Progress { id: 9, work: Work::Builds, done, failed, expected: 2, running }
    }

    /// What the events become, one line each.
    fn heard(events: &[Event]) -> Vec<String> {
        let (mut builders, mut lines) = (RunningBuilders::default(), Vec::new());
        let mut on = |progress: Progress<'_>| {
            lines.push(match progress {
                Progress::Started(running) => format!("start {} {:?}", running.name(), running.machine),
                Progress::Said { running, text } => format!("{}: {text}", running.name()),
                Progress::Stopped { running, is_good } => format!("stop {} {is_good:?}", running.name()),
                Progress::Doing(text) => text.to_owned(),
                _ => "?".to_owned(),
            });
        };
        events.iter().for_each(|event| builders.note(event, None, &[], &mut on));
        builders.end(&drv(1), true, &mut on);
        lines
    }

    #[test]
    fn knows_how_each_dependency_ended() {
        let line = |id| Event::LogLine { id, text: "hi".to_owned() };
        let [stop1, stop2] = [1, 2].map(|id| Event::Stopped { id, is_good: None });
        let events = [started(1, 0, None), started(2, 1, None), line(2), counted(0, 1), stop1, line(7), counted(1, 1)];
        let heard = heard(&[&events[..], &[stop2]].concat());
        assert_eq!(
            heard,
            ["start a None", "start b-1.0 None", "b-1.0: hi", "stop a Some(false)", "hi", "stop b-1.0 Some(true)"]
        );
    }

    #[test]
    fn a_remote_builder_counts_once() {
        let [stop1, stop2] = [1, 2].map(|id| Event::Stopped { id, is_good: None });
        let events = [started(1, 0, Some("ssh://far")), started(2, 0, None), stop2, counted(1, 0), stop1];
        assert_eq!(heard(&events), ["start a Some(\"ssh://far\")", "stop a Some(true)"]);
    }

    #[test]
    fn builder_that_prints_after_a_failure_is_another_one() {
        let line = |id| Event::LogLine { id, text: "hi".to_owned() };
        let begin = [started(1, 0, None), started(2, 1, None), running(2, 0, 0)];
        let names = ["start a None", "start b-1.0 None"];
        let ends = |events: &[Event]| heard(&[&begin[..], events].concat())[names.len()..].to_vec();
        assert_eq!(ends(&[running(1, 0, 1), line(1)]), ["a: hi", "stop b-1.0 Some(false)"]);
        assert_eq!(
            ends(&[running(1, 0, 1), line(2), line(2)])[1..],
            ["stop a Some(false)", "b-1.0: hi", "stop b-1.0 None"]
        );
        assert_eq!(
            ends(&[running(2, 0, 1), line(1)]),
            ["a: hi", "stop b-1.0 None"],
            "another build failed without a builder"
        );
        assert_eq!(ends(&[running(1, 1, 0), line(1)]), ["a: hi", "stop b-1.0 None"], "a builder succeeded");
    }

    #[test]
    fn a_builder_without_a_stop_ends_with_its_point() {
        assert_eq!(heard(&[started(1, 1, None)]), ["start b-1.0 None", "stop b-1.0 None"]);
    }
}
