//! The builders that Nix runs, from its log: which derivation each builds, for which point, and on which machine.

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
    /// What Nix counted last, if no builder stopped since: whether a builder succeeded. Nix counts an end before it stops the activity.
    ended: Option<bool>,
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
            Event::Stopped { id } => self.stop(*id, on),
            Event::LogLine { id, text } => match self.all.iter().find(|running| running.activities.contains(id)) {
                Some(running) => on(Progress::Said { running, text }),
                None => on(Progress::Doing(text)),
            },
            Event::Progress { work: Work::Builds, done, failed, .. } => self.count([*done, *failed]),
            Event::Doing { text, .. } if text.starts_with(QUERYING) => {}
            Event::Doing { text, .. } | Event::Fetch { what: text, .. } => on(Progress::Doing(text)),
            Event::Substitute { path, from, .. } => on(Progress::Doing(&format!("copying {path} from {from}"))),
            Event::Silence => on(Progress::Tick),
            _ => {}
        }
    }

    fn count(&mut self, now: [u64; 2]) {
        for (good, (known, now)) in [true, false].into_iter().zip(self.counted.iter_mut().zip(now)) {
            if now > *known {
                *known = now;
                self.ended = Some(good);
            }
        }
    }

    fn stop(&mut self, id: u64, on: &mut dyn FnMut(Progress<'_>)) {
        let Some(at) = self.all.iter().position(|running| running.activities.contains(&id)) else { return };
        self.all[at].activities.retain(|activity| *activity != id);
        if self.all[at].activities.is_empty() {
            let running = self.all.remove(at);
            let is_good = self.ended.take().filter(|_| !process::is_ending());
            on(Progress::Stopped { running: &running, is_good });
        }
    }

    /// Ends the builder of this derivation, if it still counts as running: Nix 2.8 stops the activities of what was asked for at the
    /// very end.
    pub(super) fn end(&mut self, drv: &StorePath, on: &mut dyn FnMut(Progress<'_>)) {
        if let Some(at) = self.all.iter().position(|running| running.drv == *drv) {
            on(Progress::Stopped { running: &self.all.remove(at), is_good: None });
        }
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
        Event::Progress { id: 9, work: Work::Builds, done, failed, expected: 2, running: 0 }
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
        builders.end(&drv(1), &mut on);
        lines
    }

    #[test]
    fn knows_how_each_dependency_ended() {
        let line = |id| Event::LogLine { id, text: "hi".to_owned() };
        let [stop1, stop2] = [1, 2].map(|id| Event::Stopped { id });
        let events = [started(1, 0, None), started(2, 1, None), line(2), counted(0, 1), stop1, line(7), counted(1, 1)];
        let heard = heard(&[&events[..], &[stop2]].concat());
        assert_eq!(
            heard,
            ["start a None", "start b-1.0 None", "b-1.0: hi", "stop a Some(false)", "hi", "stop b-1.0 Some(true)"]
        );
    }

    #[test]
    fn a_remote_builder_counts_once() {
        let [stop1, stop2] = [1, 2].map(|id| Event::Stopped { id });
        let events = [started(1, 0, Some("ssh://far")), started(2, 0, None), stop2, counted(1, 0), stop1];
        assert_eq!(heard(&events), ["start a Some(\"ssh://far\")", "stop a Some(true)"]);
    }

    #[test]
    fn a_builder_without_a_stop_ends_with_its_point() {
        assert_eq!(heard(&[started(1, 1, None)]), ["start b-1.0 None", "stop b-1.0 None"]);
    }
}
