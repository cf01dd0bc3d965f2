//! The descendants of a process: to end them with it, and to see whether they work.
//!
//! A process group alone is not enough. A program that may ask for a password must stay in the terminal's foreground group, which is
//! ours. And a process that starts a session of its own (Nix's builders do) leaves the group, but stays a descendant.

use rustix::process::{Pid, Signal, kill_process};

/// A snapshot of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    pid: i32,
    parent: i32,
    group: i32,
    /// When it was started, since process ids are reused. 0 if the system does not tell.
    started: u64,
    /// A counter that grows with the CPU time of the process and of the children it has waited for.
    work: u64,
}

/// Returns `root` and all its descendants.
pub(super) fn below(root: Pid) -> Vec<Process> {
    let mut rest = all();
    let root = root.as_raw_nonzero().get();
    let mut found: Vec<Process> = take(&mut rest, |process| process.pid == root);
    let mut next = 0;
    while let Some(parent) = found.get(next).map(|process| process.pid) {
        found.extend(take(&mut rest, |process| process.parent == parent));
        next += 1;
    }
    found
}

fn take(from: &mut Vec<Process>, is_wanted: impl Fn(&Process) -> bool) -> Vec<Process> {
    let (wanted, rest) = std::mem::take(from).into_iter().partition(is_wanted);
    *from = rest;
    wanted
}

/// Returns the sum of the CPU time of `root` and its descendants: it changes between two calls if one of them worked.
pub(super) fn work(root: Pid) -> u64 {
    below(root).iter().map(|process| process.work).fold(0, u64::wrapping_add)
}

/// Signals `root` and those of its descendants in the same process group; ending its builders is up to Nix.
pub(super) fn signal_group(root: Pid, signal: Signal) {
    let all = below(root);
    let group = all.first().map(|process| process.group);
    all.iter().filter(|process| Some(process.group) == group).for_each(|process| process.send(signal));
}

/// Kills those processes that still run, and their descendants.
pub(super) fn kill(seen: &[Process]) {
    let now = all();
    let is_same = |old: &Process| now.iter().any(|new| new.pid == old.pid && new.started == old.started);
    for old in seen.iter().filter(|old| is_same(old)) {
        let Some(pid) = Pid::from_raw(old.pid) else { continue };
        below(pid).iter().for_each(|process| process.send(Signal::KILL));
    }
}

impl Process {
    fn send(&self, signal: Signal) {
        // Pid 1 is never a descendant.
        if let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.pid > 1) {
            kill_process(pid, signal).ok();
        }
    }
}

#[cfg(target_os = "linux")]
fn all() -> Vec<Process> {
    let Some(Ok(entries)) = super::proc::folder().map(std::fs::read_dir) else { return Vec::new() };
    let stat = |entry: std::fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        read_stat(pid, &std::fs::read_to_string(entry.path().join("stat")).ok()?)
    };
    entries.flatten().filter_map(stat).collect()
}

/// Reads a line of `proc_pid_stat`(5); the name in parentheses may hold any character.
#[cfg(target_os = "linux")]
fn read_stat(pid: i32, line: &str) -> Option<Process> {
    let fields: Vec<&str> = line.rsplit_once(") ")?.1.split(' ').collect();
    // `fields` begins with the third field of the line.
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let id = |field: usize| i32::try_from(number(field)?).ok();
    let work = (14..=17).map(number).sum::<Option<u64>>()?;
    Some(Process { pid, parent: id(4)?, group: id(5)?, started: number(22)?, work })
}

#[cfg(not(target_os = "linux"))]
fn all() -> Vec<Process> {
    let output = std::process::Command::new("ps").args(PS).stderr(std::process::Stdio::null()).output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).lines().filter_map(read_ps).collect())
        .unwrap_or_default()
}

#[cfg(any(test, not(target_os = "linux")))]
const PS: [&str; 3] = ["-A", "-o", "pid=,ppid=,pgid=,time="];

/// Reads a line of ps(1). The digits of the CPU time (`0:01.23`, `00:00:01`) suffice to see it grow.
#[cfg(any(test, not(target_os = "linux")))]
fn read_ps(line: &str) -> Option<Process> {
    let mut fields = line.split_whitespace();
    let mut id = || fields.next()?.parse().ok();
    let (pid, parent, group) = (id()?, id()?, id()?);
    let digits: String = fields.next()?.chars().filter(char::is_ascii_digit).collect();
    Some(Process { pid, parent, group, started: 0, work: digits.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_line_of_ps() {
        let process = read_ps("  41   7  40   1:02.03").unwrap();
        assert_eq!((process.pid, process.parent, process.group, process.work), (41, 7, 40, 10203));
        assert!(PS.contains(&"-A") && read_ps("PID PPID").is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn reads_a_stat_line_with_any_process_name() {
        let line = "41 (a) S 1 (b) S 7 40 40 0 -1 4194304 0 0 0 0 1 2 3 4 20 0 1 0 555 0";
        let process = read_stat(41, line).unwrap();
        assert_eq!((process.parent, process.group, process.work, process.started), (7, 40, 10, 555));
    }

    #[test]
    fn finds_and_kills_descendants() {
        if cfg!(target_os = "linux") && super::super::proc::folder().is_none() {
            return;
        }
        let mut child = std::process::Command::new("sh").args(["-c", "sleep 30; :"]).spawn().unwrap();
        let pid = Pid::from_child(&child);
        let found = || below(pid).len();
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while found() < 2 && std::time::Instant::now() < patience {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let seen = below(pid);
        assert_eq!(seen.len(), 2, "the shell and its sleep: {seen:?}");
        kill(&seen);
        child.wait().unwrap();
    }
}
