//! Time limits of a program, and how much of them has passed.
//!
//! One limit is for the whole run. The other is for the time without activity: no output, and no CPU time used by the program or its
//! descendants. The second suits network programs, where a long transfer is fine and a silent one is not.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::{terminal, tree};

/// How long to read from pipes that descendants stalled hold after the program has ended, when they write nothing. ssh leaves a
/// background connection (`ControlPersist`) that keeps our pipe open for hours.
const LINGER: Duration = Duration::from_secs(1);
/// The longest single wait, so that time during which we were stopped (Ctrl-Z) does not count.
const MAX_WAIT: Duration = Duration::from_secs(1);
/// How long to wait before the user is told what is waited for.
const ANNOUNCE_AFTER: Duration = Duration::from_secs(1);

/// The default limit for the time without activity while a program uses the network.
pub const DEFAULT_STALL_LIMIT: Duration = Duration::from_secs(30);

static ANNOUNCE: OnceLock<fn(&str)> = OnceLock::new();

/// Sets the function that tells the user what is waited for, if a wait takes more than a second.
pub fn announce_waits(say: fn(&str)) {
    ANNOUNCE.set(say).ok();
}

/// The time limits of a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Limit for the whole run.
    pub(super) total: Option<Duration>,
    /// Limit for the time without activity.
    pub(super) stalled: Option<Duration>,
    /// Time without output after which the listener is called.
    pub(super) patience: Option<Duration>,
    /// What is waited for, for the user.
    pub(super) what: String,
}

impl Bounds {
    /// Returns whether the program may be ended.
    pub(super) fn has_limit(&self) -> bool {
        self.total.is_some() || self.stalled.is_some()
    }
}

/// The limit that was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExceededLimit {
    /// The one for the whole run.
    Total(Duration),
    /// The one for the time without activity.
    Stalled(Duration),
}

/// What to do after a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alarm {
    /// Nothing.
    None,
    /// Tell the listener that there was no output.
    Silence,
    /// Stop reading: the program has ended, and its descendants write nothing.
    Left,
    /// End the program.
    ExceededLimit(ExceededLimit),
}

/// The clock of one program.
#[derive(Debug)]
pub(super) struct Watch {
    bounds: Bounds,
    pid: Pid,
    last: Instant,
    total: Duration,
    stalled: Duration,
    silent: Duration,
    /// Time since the program ended or its descendants last wrote something.
    left: Option<Duration>,
    /// The CPU time at the last look, and the time without activity at that moment.
    work: (u64, Duration),
    is_announced: bool,
}

impl Watch {
    pub(super) fn new(bounds: Bounds, pid: Pid) -> Self {
        let none = Duration::ZERO;
        Self {
            bounds,
            pid,
            last: Instant::now(),
            total: none,
            stalled: none,
            silent: none,
            left: None,
            work: (0, none),
            is_announced: false,
        }
    }

    /// Returns how long to wait for the next event.
    pub(super) fn slice(&self) -> Duration {
        let Bounds { total, stalled, patience, .. } = &self.bounds;
        let rest = |limit: Option<Duration>, spent: Duration| limit.map(|limit| limit.saturating_sub(spent));
        let ends = [
            rest(*total, self.total),
            rest(stalled.map(|limit| limit / 4), self.stalled.saturating_sub(self.work.1)),
            rest(*patience, self.silent),
            self.left.map(|since| LINGER.saturating_sub(since)),
        ];
        ends.into_iter().flatten().min().unwrap_or(MAX_WAIT).min(MAX_WAIT)
    }

    /// Adds the time that passed, at most `asked` and a slice: time that the listener takes is not the program's.
    pub(super) fn pass(&mut self, asked: Duration) {
        let step = self.last.elapsed().min(asked + MAX_WAIT);
        self.last = Instant::now();
        self.total += step;
        self.stalled += step;
        self.silent += step;
        self.left = self.left.map(|since| since + step);
        self.announce();
    }

    /// Notes activity.
    pub(super) fn moved(&mut self) {
        self.stalled = Duration::ZERO;
        self.work.1 = Duration::ZERO;
        self.silent = Duration::ZERO;
        self.left = self.left.map(|_| Duration::ZERO);
    }

    /// Notes that the program has ended.
    pub(super) fn ended(&mut self) {
        self.left = Some(Duration::ZERO);
    }

    /// Removes the limit for the whole run.
    pub(super) fn lift(&mut self) {
        self.bounds.total = None;
    }

    /// Returns what to do now; `quiet` says that nothing came since the last call.
    pub(super) fn alarm(&mut self, quiet: bool) -> Alarm {
        let is_over = |limit: Option<Duration>, spent: Duration| limit.filter(|limit| spent >= *limit);
        if let Some(since) = self.left {
            return if quiet && since >= LINGER { Alarm::Left } else { Alarm::None };
        }
        if let Some(limit) = is_over(self.bounds.total, self.total) {
            return Alarm::ExceededLimit(ExceededLimit::Total(limit));
        }
        if let Some(limit) = self.bounds.stalled.filter(|_| quiet)
            && self.is_stalled(limit)
        {
            return Alarm::ExceededLimit(ExceededLimit::Stalled(limit));
        }
        if quiet && is_over(self.bounds.patience, self.silent).is_some() {
            self.silent = Duration::ZERO;
            return Alarm::Silence;
        }
        Alarm::None
    }

    /// Returns whether there was no activity for `limit`. A password prompt counts as activity: it waits for the user.
    fn is_stalled(&mut self, limit: Duration) -> bool {
        if self.stalled < self.work.1 + limit / 4 {
            return false;
        }
        let work = tree::work(self.pid);
        if work != self.work.0 || terminal::is_asked() {
            self.stalled = Duration::ZERO;
        }
        self.work = (work, self.stalled);
        self.stalled >= limit
    }

    fn announce(&mut self) {
        if self.bounds.stalled.is_some() && !self.is_announced && self.total >= ANNOUNCE_AFTER {
            self.is_announced = true;
            if let Some(say) = ANNOUNCE.get().filter(|_| !terminal::is_asked()) {
                say(&self.bounds.what);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(bounds: Bounds) -> Watch {
        Watch::new(bounds, rustix::process::getpid())
    }

    #[test]
    fn ignores_the_time_we_were_stopped() {
        let mut watch = watch(Bounds { total: Some(Duration::from_secs(60)), ..Bounds::default() });
        watch.last = Instant::now().checked_sub(Duration::from_secs(3600)).unwrap_or_else(Instant::now);
        watch.pass(MAX_WAIT);
        assert!(watch.total <= 2 * MAX_WAIT, "an hour in which we were stopped: {:?}", watch.total);
        assert_eq!(watch.alarm(true), Alarm::None);
    }

    #[test]
    fn total_limit_applies_despite_activity() {
        let limit = Duration::from_millis(1);
        let mut watch = watch(Bounds { total: Some(limit), ..Bounds::default() });
        std::thread::sleep(2 * limit);
        watch.pass(MAX_WAIT);
        watch.moved();
        assert_eq!(watch.alarm(false), Alarm::ExceededLimit(ExceededLimit::Total(limit)));
        watch.lift();
        assert_eq!(watch.alarm(false), Alarm::None, "the limit is lifted");
    }
}
