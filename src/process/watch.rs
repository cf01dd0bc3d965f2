//! How long a program may take, and how much of that has passed.
//!
//! There are two limits. One is for all of its work. The other is for the time in which nothing moves: no byte comes from it, and
//! neither it nor what it started computes. The second suits what speaks to a network, where a long transfer is fine and a silent
//! one is not.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::{terminal, tree};

/// How long what a program started may go on speaking after the program has ended, when it says nothing: ssh leaves a connection
/// behind (`ControlPersist`) that keeps our pipe open for hours.
const LINGER: Duration = Duration::from_secs(1);
/// No wait is longer, so that time in which we were stopped ourselves (Ctrl-Z) is not counted.
const SLICE: Duration = Duration::from_secs(1);
/// When what is waited for is said.
const SAID_AFTER: Duration = Duration::from_secs(1);

/// The usual time in which something must move while a program speaks to a network.
pub const USUAL_STILL: Duration = Duration::from_secs(30);

static ANNOUNCE: OnceLock<fn(&str)> = OnceLock::new();

/// From now on, `say` is told what is waited for where that takes more than a second.
pub fn announce_waits(say: fn(&str)) {
    ANNOUNCE.set(say).ok();
}

/// What a program may take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Time in all.
    pub(super) total: Option<Duration>,
    /// Time in which nothing moves.
    pub(super) still: Option<Duration>,
    /// Time without a word, after which the listener is told.
    pub(super) patience: Option<Duration>,
    /// What is waited for, in words.
    pub(super) what: String,
}

impl Bounds {
    /// Whether the program may be ended.
    pub(super) fn has_limit(&self) -> bool {
        self.total.is_some() || self.still.is_some()
    }
}

/// The limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    /// That of all of its work.
    Total(Duration),
    /// That of the time in which nothing moves.
    Still(Duration),
}

/// What is to be done after some time in which nothing was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alarm {
    /// Nothing.
    None,
    /// Tell the listener that nothing was said.
    Silence,
    /// The program has ended, and what it left behind says nothing.
    Left,
    /// End it.
    Late(Late),
}

/// The clock of one program.
#[derive(Debug)]
pub(super) struct Watch {
    bounds: Bounds,
    pid: Pid,
    last: Instant,
    total: Duration,
    still: Duration,
    unheard: Duration,
    /// Since when it has ended, or what it left behind has spoken.
    left: Option<Duration>,
    /// What it had computed at a look, and how long nothing moved at that time.
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
            still: none,
            unheard: none,
            left: None,
            work: (0, none),
            is_announced: false,
        }
    }

    /// How long to wait for the next word.
    pub(super) fn slice(&self) -> Duration {
        let Bounds { total, still, patience, .. } = &self.bounds;
        let rest = |limit: Option<Duration>, spent: Duration| limit.map(|limit| limit.saturating_sub(spent));
        let ends = [
            rest(*total, self.total),
            rest(still.map(|limit| limit / 4), self.still.saturating_sub(self.work.1)),
            rest(*patience, self.unheard),
            self.left.map(|since| LINGER.saturating_sub(since)),
        ];
        ends.into_iter().flatten().min().unwrap_or(SLICE).min(SLICE)
    }

    /// Takes note of the time that passed while waiting for `asked`; that of the listener's work is not the program's fault.
    pub(super) fn pass(&mut self, asked: Duration) {
        let step = self.last.elapsed().min(asked + SLICE);
        self.last = Instant::now();
        self.total += step;
        self.still += step;
        self.unheard += step;
        self.left = self.left.map(|since| since + step);
        self.announce();
    }

    /// Something came from it.
    pub(super) fn moved(&mut self) {
        self.still = Duration::ZERO;
        self.work.1 = Duration::ZERO;
        self.unheard = Duration::ZERO;
        self.left = self.left.map(|_| Duration::ZERO);
    }

    /// It has ended.
    pub(super) fn ended(&mut self) {
        self.left = Some(Duration::ZERO);
    }

    /// The limit of all of its work is lifted.
    pub(super) fn lift(&mut self) {
        self.bounds.total = None;
    }

    /// What is to be done now; `quiet` says that nothing came meanwhile.
    pub(super) fn alarm(&mut self, quiet: bool) -> Alarm {
        let is_over = |limit: Option<Duration>, spent: Duration| limit.filter(|limit| spent >= *limit);
        if let Some(since) = self.left {
            return if quiet && since >= LINGER { Alarm::Left } else { Alarm::None };
        }
        if let Some(limit) = is_over(self.bounds.total, self.total) {
            return Alarm::Late(Late::Total(limit));
        }
        if let Some(limit) = self.bounds.still.filter(|_| quiet)
            && self.is_still(limit)
        {
            return Alarm::Late(Late::Still(limit));
        }
        if quiet && is_over(self.bounds.patience, self.unheard).is_some() {
            self.unheard = Duration::ZERO;
            return Alarm::Silence;
        }
        Alarm::None
    }

    /// Whether nothing moved for `limit`. Whoever asks for a password waits for the user.
    fn is_still(&mut self, limit: Duration) -> bool {
        if self.still < self.work.1 + limit / 4 {
            return false;
        }
        let work = tree::work(self.pid);
        if work != self.work.0 || terminal::is_asked() {
            self.still = Duration::ZERO;
        }
        self.work = (work, self.still);
        self.still >= limit
    }

    fn announce(&mut self) {
        if self.bounds.still.is_some() && !self.is_announced && self.total >= SAID_AFTER {
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
    fn time_in_which_we_were_stopped_does_not_count() {
        let mut watch = watch(Bounds { total: Some(Duration::from_secs(60)), ..Bounds::default() });
        watch.last = Instant::now().checked_sub(Duration::from_secs(3600)).unwrap_or_else(Instant::now);
        watch.pass(SLICE);
        assert!(watch.total <= 2 * SLICE, "an hour in which we were stopped: {:?}", watch.total);
        assert_eq!(watch.alarm(true), Alarm::None);
    }

    #[test]
    fn a_total_limit_holds_for_a_chatty_program() {
        let limit = Duration::from_millis(1);
        let mut watch = watch(Bounds { total: Some(limit), ..Bounds::default() });
        std::thread::sleep(2 * limit);
        watch.pass(SLICE);
        watch.moved();
        assert_eq!(watch.alarm(false), Alarm::Late(Late::Total(limit)));
        watch.lift();
        assert_eq!(watch.alarm(false), Alarm::None, "the limit is lifted");
    }
}
