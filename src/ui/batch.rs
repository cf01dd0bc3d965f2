//! Progress of several builds in one line: how many are done, how many failed, what is running.

use std::collections::HashSet;

use crate::lattice::Spelled;
use crate::nix::Event;
use crate::ops::builds::{Done, Job};

/// The progress of several builds.
#[derive(Debug, Default)]
pub struct BatchProgress {
    total: usize,
    done: usize,
    failed: usize,
    is_evaluated: bool,
    running: Vec<(u64, Spelled)>,
    /// Points whose builds have ended; late events for them are ignored.
    ended: HashSet<Spelled>,
    last: String,
}

impl BatchProgress {
    /// Progress of `total` builds.
    pub fn of(total: usize) -> Self {
        Self { total, ..Self::default() }
    }

    /// Whether there is more than one build.
    pub fn is_batch(&self) -> bool {
        self.total > 1
    }

    /// Notes that evaluation has ended.
    pub fn evaluated(&mut self) {
        self.is_evaluated = true;
    }

    /// Handles an event of Nix.
    pub fn note(&mut self, event: &Event, jobs: &[&Job]) {
        match event {
            Event::BuildStarted { id, .. } => {
                let begun = jobs.iter().filter(|job| !self.ended.contains(&job.named.spelled));
                self.running.extend(begun.map(|job| (*id, job.named.spelled.clone())));
                self.last.clear();
            }
            Event::Stopped { id } => self.running.retain(|(running, _)| running != id),
            Event::LogLine { text, .. } => self.last.clone_from(text),
            _ => {}
        }
    }

    /// Notes that a build has ended.
    pub fn end(&mut self, done: &Done) {
        if done.fresh {
            self.done += 1;
            self.failed += usize::from(!done.record.verdict.is_good());
        }
        self.running.retain(|(_, point)| *point != done.record.point);
        self.ended.insert(done.record.point.clone());
    }

    /// The progress line.
    pub fn line(&self) -> String {
        if !self.is_evaluated {
            return format!("evaluating {} builds", self.total - self.done);
        }
        let failed = if self.failed == 0 { String::new() } else { format!(", {} failed", self.failed) };
        let running: Vec<_> = self.running.iter().map(|(_, point)| point.as_str()).collect();
        let text = if self.last.is_empty() { String::new() } else { format!(": {}", self.last) };
        format!("{}/{} done{failed}  {}{text}", self.done, self.total, running.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_progress_in_one_line() {
        let mut batch = BatchProgress::of(12);
        assert_eq!(batch.line(), "evaluating 12 builds");
        batch.evaluated();
        (batch.done, batch.failed) = (5, 2);
        batch.running = vec![(1, "a/x/p/s1".into()), (2, "b/x/p/s1".into())];
        batch.note(&Event::LogLine { id: 1, text: "compiling".to_owned() }, &[]);
        assert_eq!(batch.line(), "5/12 done, 2 failed  a/x/p/s1, b/x/p/s1: compiling");
        batch.note(&Event::Stopped { id: 1 }, &[]);
        assert_eq!(batch.line(), "5/12 done, 2 failed  b/x/p/s1: compiling");
    }
}
