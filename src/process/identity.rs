//! Which process it was: a process id alone is given again to another, sooner or later.

use std::fs;

use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

use super::proc;

/// One process among all that ever ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its id.
    pub pid: u32,
    /// When it was started, in clock ticks since the machine was (`proc_pid_stat`(5)).
    #[serde(default)]
    pub start: Option<u64>,
    /// Which start of the machine that was.
    #[serde(default)]
    pub boot: Option<String>,
    /// The space of process ids that the id is from: containers have their own.
    #[serde(default)]
    pub space: Option<String>,
    /// The machine.
    pub host: String,
}

/// What is known of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It runs.
    Running,
    /// It has ended.
    Ended,
    /// It ran on another machine, or in another container.
    Unknown,
}

impl Identity {
    /// The process with this id, which runs now.
    #[must_use]
    pub fn of(pid: u32) -> Self {
        Self { pid, start: started(pid), boot: boot(), space: proc::space(), host: host() }
    }

    /// This process.
    #[must_use]
    pub fn own() -> Self {
        Self::of(std::process::id())
    }

    /// Whether it still runs.
    #[must_use]
    pub fn life(&self) -> Life {
        let is_same_boot = self.boot.is_some() && self.boot == boot();
        if !is_same_boot && self.host != host() {
            return Life::Unknown;
        }
        // Another start of this machine: nothing of it is left.
        if !is_same_boot && self.boot.is_some() {
            return Life::Ended;
        }
        if self.space.is_some() && self.space != proc::space() {
            return Life::Unknown;
        }
        let runs = match self.start {
            Some(start) if proc::folder().is_some() => started(self.pid) == Some(start),
            _ => exists(self.pid),
        };
        if runs { Life::Running } else { Life::Ended }
    }
}

/// The start time of a process that runs; one that has ended and was not waited for counts as ended.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(proc::folder()?.join(pid.to_string()).join("stat")).ok()?;
    // `PID (NAME) STATE ..`: a name may hold anything, parentheses too.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    fields.next().filter(|state| !matches!(*state, "Z" | "X"))?;
    fields.nth(18)?.parse().ok()
}

fn boot() -> Option<String> {
    Some(fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned())
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_more_than_its_id() {
        let own = Identity::own();
        assert_eq!(own.life(), Life::Running);
        if let Some(start) = own.start {
            assert_eq!(
                Identity { start: Some(start + 1), ..own.clone() }.life(),
                Life::Ended,
                "the id was given again"
            );
            let boot = Some("another".to_owned());
            assert_eq!(Identity { boot: boot.clone(), ..own.clone() }.life(), Life::Ended, "the machine was restarted");
            assert_eq!(Identity { boot, host: "elsewhere".to_owned(), ..own }.life(), Life::Unknown);
        }
    }
}
