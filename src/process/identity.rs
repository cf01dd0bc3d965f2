//! Identifies a process beyond its id, which the system reuses.

use std::sync::LazyLock;
use std::{fmt, fs};

use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

use super::proc;

/// Identifies one process for all time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The process id.
    pub pid: u32,
    /// Start time in clock ticks since boot (`proc_pid_stat`(5)).
    #[serde(default)]
    pub start: Option<u64>,
    /// The boot id.
    #[serde(default)]
    pub boot: Option<String>,
    /// The pid namespace: containers have their own.
    #[serde(default)]
    pub space: Option<String>,
    /// The host name.
    pub host: String,
}

/// The state of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessState {
    /// It runs.
    Running,
    /// It has ended.
    Ended,
    /// It ran on another machine or in another container.
    Unknown,
}

impl Identity {
    /// Identifies the running process with this id.
    #[must_use]
    pub fn of(pid: u32) -> Self {
        Self { pid, start: started(pid), boot: boot(), space: proc::space(), host: host() }
    }

    /// Identifies this process.
    #[must_use]
    pub fn own() -> Self {
        Self::of(std::process::id())
    }

    /// Returns whether the process still runs.
    #[must_use]
    pub fn state(&self) -> ProcessState {
        self.tag().state()
    }

    /// Returns a short form for file names.
    #[must_use]
    pub fn tag(&self) -> Tag {
        let hash = |text: &Option<String>| text.as_deref().map_or(0, hash);
        let place = HostIds { boot: hash(&self.boot), host: self::hash(&self.host), space: hash(&self.space) };
        Tag { pid: self.pid, start: self.start.unwrap_or_default(), place }
    }
}

/// An [`Identity`] in letters, digits and hyphens: `1234-56789-0123456789abcdef01234567`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    pid: u32,
    /// 0 if unknown.
    start: u64,
    place: HostIds,
}

/// Hashes of boot id, host name and pid namespace; 0 if unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct HostIds {
    boot: u32,
    host: u32,
    space: u32,
}

impl Tag {
    /// Returns the tag of this process.
    #[must_use]
    pub fn own() -> Self {
        static OWN: LazyLock<Tag> = LazyLock::new(|| Identity::own().tag());
        *OWN
    }

    /// Returns the tag of a process that ran here and has ended.
    #[cfg(test)]
    pub(crate) fn of_ended_process() -> Self {
        let mut child = std::process::Command::new("true").spawn().expect("true(1) runs");
        let tag = Identity::of(child.id()).tag();
        child.wait().expect("it ends");
        // The process may have ended before its start time was read.
        Self { start: tag.start.max(1), ..tag }
    }

    /// Parses the output of [`Display`](fmt::Display).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (pid, rest) = text.split_once('-')?;
        let (start, place) = rest.split_once('-').filter(|(_, place)| place.len() == 24)?;
        let part = |from: usize| u32::from_str_radix(place.get(from..from + 8)?, 16).ok();
        let place = HostIds { boot: part(0)?, host: part(8)?, space: part(16)? };
        Some(Self { pid: pid.parse().ok()?, start: start.parse().ok()?, place })
    }

    /// Returns whether the process still runs.
    #[must_use]
    pub fn state(self) -> ProcessState {
        let (place, here) = (self.place, Self::own().place);
        let is_same_boot = place.boot != 0 && place.boot == here.boot;
        if !is_same_boot && place.host != here.host {
            return ProcessState::Unknown;
        }
        // The machine was restarted since: the process is gone.
        if !is_same_boot && place.boot != 0 {
            return ProcessState::Ended;
        }
        if place.space != 0 && place.space != here.space {
            return ProcessState::Unknown;
        }
        let runs = match self.start {
            0 => exists(self.pid),
            start if proc::folder().is_some() => started(self.pid) == Some(start),
            _ => exists(self.pid),
        };
        if runs { ProcessState::Running } else { ProcessState::Ended }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, start, place: HostIds { boot, host, space } } = self;
        write!(f, "{pid}-{start}-{boot:08x}{host:08x}{space:08x}")
    }
}

/// FNV-1a, which gives the same hash in every version of this program.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Returns the start time of a running process; a zombie counts as ended.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(proc::folder()?.join(pid.to_string()).join("stat")).ok()?;
    // `PID (NAME) STATE ..`: the name may contain parentheses.
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
    fn identity_detects_reused_process_ids() {
        let own = Identity::own();
        assert_eq!(own.state(), ProcessState::Running);
        if let Some(start) = own.start {
            assert_eq!(
                Identity { start: Some(start + 1), ..own.clone() }.state(),
                ProcessState::Ended,
                "the id was reused"
            );
            let boot = Some("another".to_owned());
            assert_eq!(
                Identity { boot: boot.clone(), ..own.clone() }.state(),
                ProcessState::Ended,
                "the machine was restarted"
            );
            assert_eq!(Identity { boot, host: "elsewhere".to_owned(), ..own }.state(), ProcessState::Unknown);
        }
    }

    #[test]
    fn tag_identifies_the_same_process() {
        let own = Tag::own();
        assert_eq!(Tag::parse(&own.to_string()), Some(own));
        assert_eq!(own.state(), ProcessState::Running);
        if own.start != 0 {
            assert_eq!(Tag { start: own.start + 1, ..own }.state(), ProcessState::Ended, "the id was reused");
        }
        for none in ["", "1", "1-2", "1-2-3", "a-2-0123456789abcdef01234567", "1-2-0123456789abcdef0123456g"] {
            assert_eq!(Tag::parse(none), None, "`{none}`");
        }
    }
}
