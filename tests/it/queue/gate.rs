//! Builds that wait until a test opens their gate, so that no test depends on the speed of the machine.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use git_lattice::process::{Cmd, Output};
use serde_json::Value;
use tempfile::TempDir;

use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::{at, branch, dir};

/// Linux's `O_NONBLOCK`.
const NONBLOCK: i32 = 0o4000;

/// A sandbox whose points are built by scripts that each wait at a FIFO.
pub(super) struct BlockedBuilds {
    pub(super) sandbox: Sandbox,
    /// A folder without spaces for the FIFOs: nix.conf has no quotes, and the sandbox's path has a space.
    fifos: TempDir,
}

/// Waits up to a minute for a condition.
#[track_caller]
pub(super) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("within a minute: {what}");
}

impl BlockedBuilds {
    /// One for each version of Nix.
    pub(super) fn on_every_nix() -> impl Iterator<Item = Self> {
        every_nix().into_iter().map(|nix| Self::new(&nix, Sandbox::new()))
    }

    /// One for tests where the version makes no difference.
    pub(super) fn on_first_nix() -> Option<Self> {
        every_nix().first().map(|nix| Self::new(nix, Sandbox::new()))
    }

    /// The same with these lines in lattice.toml.
    pub(super) fn with_config(more: &str) -> Option<Self> {
        let builds = Self::on_first_nix()?;
        let toml = fs::read_to_string(builds.sandbox.work().join("lattice.toml")).unwrap();
        builds.sandbox.write("lattice.toml", format!("{toml}\n{more}\n"));
        builds.sandbox.commit_lattice();
        Some(builds)
    }

    fn new(nix: &Path, mut sandbox: Sandbox) -> Self {
        sandbox.use_nix(nix);
        let builds = Self { sandbox, fifos: TempDir::new().unwrap() };
        builds.settings(&format!("sandbox-paths = /bin/sh=/bin/busybox /gate={}\n", builds.fifos.path().display()));
        builds
    }

    /// Adds lines to nix.conf.
    pub(super) fn settings(&self, lines: &str) {
        let path = self.sandbox.path("nix/conf/nix.conf");
        let conf = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{conf}{lines}")).unwrap();
    }

    /// A word in the command line of every process of this sandbox's builds.
    pub(super) fn token(&self) -> String {
        fs::metadata(self.sandbox.path("")).map(|facts| format!("token-{}", facts.ino())).unwrap()
    }

    /// Makes a point of template `step` whose builder runs this script.
    #[track_caller]
    pub(super) fn point(&self, place: &str, script: &str) -> String {
        let point = at(place);
        self.sandbox.lattice(&["new", &point, "--template", "step", "--no-push", "--no-switch"]).exits(0);
        let script = format!(": {}; {script}", self.token());
        let step = format!(
            "{{ system, ... }}:\nderivation {{\n  name = \"gated\";\n  inherit system;\n  builder = \"/bin/sh\";\n  args = [\n    \
             \"-c\"\n    ''{script}''\n  ];\n}}\n"
        );
        self.sandbox.commit_to(&point, &[("step.nix", &step)]);
        point
    }

    /// A point that starts, waits at its gate, prints what it reads there, and is built.
    #[track_caller]
    pub(super) fn blocked_point(&self, place: &str) -> String {
        self.blocked_point_with(place, "echo built >$out")
    }

    /// The same with another end of the script.
    #[track_caller]
    pub(super) fn blocked_point_with(&self, place: &str, end: &str) -> String {
        let name = place.replace('/', "-");
        Cmd::new("mkfifo").arg(self.fifos.path().join(&name)).read().unwrap();
        self.point(place, &format!("echo begun {name}; read word </gate/{name}; echo heard $word; {end}"))
    }

    /// Three queued points, the first of which is being built.
    #[track_caller]
    pub(super) fn one_running_two_waiting(&self) -> [String; 3] {
        let points = ["phase0/step1", "phase0/step2", "phase0/step3"].map(|place| self.blocked_point(place));
        self.queue(&points[0]);
        self.wait_until_running(&points[0]);
        points[1..].iter().for_each(|point| self.queue(point));
        points
    }

    /// Opens the gate for a builder that waits there, now or later.
    #[track_caller]
    pub(super) fn open(&self, place: &str) {
        let path = self.fifos.path().join(place.replace('/', "-"));
        // Without blocking, so that a failing test does not hang (fifo(7)).
        let open = || fs::OpenOptions::new().write(true).custom_flags(NONBLOCK).open(&path).ok();
        wait_until(&format!("a builder waits at the gate of {place}"), || {
            open().is_some_and(|mut gate| gate.write_all(b"go on\n").is_ok())
        });
    }

    /// The log of a point's build so far.
    pub(super) fn log(&self, point: &str) -> String {
        let key = self.sandbox.point(point)["key"].as_str().unwrap().to_owned();
        let logs = fs::read_dir(self.sandbox.work().join(".git/lattice/log")).into_iter().flatten();
        let of_key = logs
            .map(|entry| entry.unwrap().path())
            .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&key));
        of_key.map(|path| fs::read_to_string(path).unwrap()).unwrap_or_default()
    }

    /// Waits until a point's builder waits at its gate.
    #[track_caller]
    pub(super) fn wait_until_running(&self, point: &str) {
        wait_until(&format!("{point} begins"), || self.log(point).contains("begun"));
    }

    /// Queues a point.
    #[track_caller]
    pub(super) fn queue(&self, point: &str) {
        self.sandbox.lattice(&["build", "--background", point]).exits(0).says_out(&format!("queued {point}"));
    }

    /// The verdicts on a point, in the order in which they were written.
    pub(super) fn verdicts(&self, point: &str) -> Vec<String> {
        let of_point = |record: &&Value| record["point"] == point;
        let verdict = |record: &Value| record["verdict"].as_str().unwrap().to_owned();
        self.sandbox.records().iter().filter(of_point).map(verdict).collect()
    }

    #[track_caller]
    pub(super) fn wait_for_verdicts(&self, point: &str, verdicts: &[&str]) {
        wait_until(&format!("{point} comes to {verdicts:?}"), || self.verdicts(point).len() >= verdicts.len());
        assert_eq!(self.verdicts(point), verdicts, "{point}");
    }

    /// Switches to a point's branch; returns what the hook prints.
    #[track_caller]
    pub(super) fn switch(&self, worktree: &str, point: &str) -> String {
        let output = self.sandbox.try_git(worktree, &["switch", "-q", &branch(point)]);
        assert!(output.status.success(), "{}", output.error_text());
        output.error_text()
    }

    /// Starts git-lattice and returns while it runs.
    pub(super) fn start(&self, worktree: &str, args: &[&str]) -> Child {
        let mut command: Command = self.sandbox.command(worktree, args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The process id in the worker's lock.
    pub(super) fn worker(&self) -> u32 {
        let read = || fs::read_to_string(self.queue_dir().join("worker")).ok()?.trim().parse().ok();
        wait_until("there is a worker", || read().is_some());
        read().unwrap()
    }

    pub(super) fn queue_dir(&self) -> PathBuf {
        self.sandbox.work().join(".git/lattice/queue")
    }

    /// The runner that the worker has started.
    pub(super) fn runner(&self) -> u32 {
        let worker = self.worker();
        let mut found = None;
        wait_until("the worker starts a runner", || {
            found = processes().into_iter().find(|process| process.parent == worker).map(|process| process.id);
            found.is_some()
        });
        found.unwrap()
    }

    /// The running Nix and builder processes of this sandbox.
    pub(super) fn builders(&self) -> Vec<String> {
        let (token, source) = (self.token(), self.sandbox.path("work/.git/lattice/").display().to_string());
        let is_ours = |process: &Process| process.command.contains(&token) || process.command.contains(&source);
        processes().into_iter().filter(is_ours).map(|process| process.command).collect()
    }

    #[track_caller]
    pub(super) fn assert_nothing_builds(&self) {
        wait_until("no Nix and no builder is left", || self.builders().is_empty());
    }

    /// The step.nix of a point, for tests that change it.
    pub(super) fn step_file(point: &str) -> String {
        format!("{}/step.nix", dir(point))
    }
}

impl Drop for BlockedBuilds {
    /// A failed test leaves no process running.
    fn drop(&mut self) {
        let run = self.sandbox.lattice(&["build", "--cancel", "--all"]);
        assert!(run.code == 0 || std::thread::panicking(), "the queue should be emptied: {}", run.stderr);
    }
}

/// A process, as the kernel reports it.
pub(super) struct Process {
    pub(super) id: u32,
    pub(super) parent: u32,
    pub(super) nice: i32,
    pub(super) command: String,
}

/// All processes without zombies.
pub(super) fn processes() -> Vec<Process> {
    let ids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    ids.filter_map(process).collect()
}

fn process(id: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // proc_pid_stat(5): the name in parentheses may contain anything; state, parent and, 15 fields later, the niceness follow it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let command = String::from_utf8_lossy(&fs::read(format!("/proc/{id}/cmdline")).ok()?).replace('\0', " ");
    let is_alive = !matches!(fields[0], "Z" | "X");
    is_alive.then(|| Process { id, parent: fields[1].parse().unwrap(), nice: fields[16].parse().unwrap(), command })
}

/// Kills a process with SIGKILL.
pub(super) fn kill(id: u32) {
    Cmd::new("kill").args(["-9", &id.to_string()]).read().unwrap();
}

/// How a child ended, and its output.
pub(super) fn ended(child: Child) -> Output {
    let std::process::Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    Output { status, stdout, stderr }
}
