//! Faults at single system calls of a run, by strace(1).
//!
//! strace counts the calls of each process and thread separately (`when=N` is the Nth call of *every* tracee), so following a whole
//! run would fail the Nth call of git-lattice, of each git and of each Nix. One start of one program is traced instead: git, nix,
//! nix-store and git-lattice stand behind scripts that number their starts (`nix-store.1`) and put strace before the chosen
//! one. Its threads and forked children are followed up to their first `execve`: this includes the set-up of Nix's sandbox and excludes
//! the builder's program, whose failure would be its own. Among those, a call is named by its count if it is the first to reach that
//! count, else by its path and the count of calls on it (`-P`). Calls that neither names are left out: [`Trace::unnamed`].

mod log;
pub(crate) mod sample;

use std::collections::HashMap;
use std::fs;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::nix_setup::var;
use crate::sandbox::Sandbox;

/// A longer run counts as hanging.
const LIMIT: Duration = Duration::from_secs(60);

/// All calls that change a file system, and those that set up Nix's sandbox. `openat` counts if it may create. Left out: `execve` (another
/// test covers missing programs), calls on sockets, and writes to mapped memory (`SQLite`'s index of its log), which are not calls.
const WRITES: &str = "?write,?pwrite64,?writev,?pwritev,?pwritev2,?sendfile,?copy_file_range,?open,?openat,?creat,?mkdir,?mkdirat,\
    ?mknod,?mknodat,?link,?linkat,?symlink,?symlinkat,?rename,?renameat,?renameat2,?unlink,?unlinkat,?rmdir,?truncate,?ftruncate,\
    ?fallocate,?fsync,?fdatasync,?chmod,?fchmod,?fchmodat,?chown,?lchown,?fchown,?fchownat,?utimensat,?mount,?umount2,?pivot_root,\
    ?chroot,?clone,?clone3,?fork,?vfork,?unshare";

/// The path of strace; `None` only if the tests are told to go without.
pub(crate) fn strace() -> Option<PathBuf> {
    if var("GIT_LATTICE_TEST_WITHOUT_STRACE").is_some() {
        sample::print_past_harness("NOT TESTED: faults at single system calls");
        return None;
    }
    let works = |program: &PathBuf| {
        let run = Command::new(program).args(["-qq", "-f", "-o", "/dev/null", "true"]).output();
        run.is_ok_and(|output| output.status.success())
    };
    let missing = "strace is needed, and leave to use it (ptrace(2)): `scripts/test` installs it, \
                   GIT_LATTICE_TEST_WITHOUT_STRACE=1 goes without";
    Some(which::which("strace").ok().filter(works).unwrap_or_else(|| panic!("{missing}")))
}

/// What happens in place of a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The call fails with this error.
    Error(&'static str),
    /// The process gets this signal before the call does anything.
    Signal(&'static str),
    /// All processes of the sandbox are killed at once.
    KillAll,
    /// Only git-lattice is killed, and the git that makes the call continues.
    KillLattice,
}

impl Fault {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Error(name) | Self::Signal(name) => name,
            Self::KillAll => "SIGKILL to all",
            Self::KillLattice => "SIGKILL to git-lattice",
        }
    }

    fn option(self) -> String {
        match self {
            Self::Error(name) => format!("error={name}"),
            Self::Signal(name) => format!("signal={name}"),
            // The harness kills while the process is stopped.
            Self::KillAll | Self::KillLattice => "signal=SIGSTOP".to_owned(),
        }
    }
}

/// Stands for the sandbox in the path of a call: each run has its own sandbox.
const ROOT: &str = "@ROOT@";

/// One write-like system call of a run.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The program and the number of its start: `nix-store.1`.
    pub(crate) start: String,
    pub(crate) name: String,
    /// Its number among the calls of that name, on `path` if there is one.
    nth: usize,
    path: Option<String>,
    /// Its path, if it has one; it may differ between runs.
    on: Option<String>,
    /// Whether it writes to a pipe or socket, which never runs out of space.
    on_pipe: bool,
}

/// A fault at a call.
#[derive(Debug, Clone, Hash)]
pub(crate) struct Injection {
    pub(crate) call: Call,
    pub(crate) fault: Fault,
}

impl Call {
    /// Whether the fault can happen at this call: pipes never run out of space, and only a call of git can survive git-lattice.
    pub(crate) fn allows(&self, fault: Fault) -> bool {
        match fault {
            Fault::Error("ENOSPC") => !self.on_pipe,
            Fault::KillLattice => self.program() == "git",
            _ => true,
        }
    }

    /// Whether its path contains this text.
    pub(crate) fn is_on(&self, part: &str) -> bool {
        self.on.as_ref().is_some_and(|path| path.contains(part))
    }

    /// The program that makes it.
    pub(crate) fn program(&self) -> &str {
        self.start.split_once('.').map_or(&*self.start, |(program, _)| program)
    }
}

impl std::hash::Hash for Call {
    /// Only the parts that name the call.
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.start, &self.name, self.nth, &self.path).hash(state);
    }
}

impl std::fmt::Display for Injection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Call { start, name, nth, path, on, .. } = &self.call;
        write!(f, "{} at {name} {nth} of {start}", self.fault.name())?;
        match (path, on) {
            (Some(path), _) => write!(f, " on {path}"),
            (None, Some(on)) => write!(f, " (on {on})"),
            (None, None) => Ok(()),
        }
    }
}

impl Injection {
    /// strace's options in the sandbox at `root`.
    fn options(&self, root: &str) -> String {
        let Call { name, nth, path, .. } = &self.call;
        let path = path.as_ref().map(|path| format!(" -P {}", quoted(&path.replace(ROOT, root)))).unwrap_or_default();
        format!("-e trace={name} -e inject={name}:{}:when={nth}{path}", self.fault.option())
    }
}

/// The write-like calls of a run, in no particular order of the starts.
pub(crate) struct Trace {
    pub(crate) calls: Vec<Call>,
    /// How many more calls strace cannot hit individually.
    pub(crate) unnamed: usize,
}

/// How a run ended.
pub(crate) struct Ended {
    /// `None` if it had to be stopped.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The line of strace's log that shows the fault; `None` if the run did not reach that call.
    pub(crate) hit: Option<String>,
}

impl Ended {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status?.code()
    }

    pub(crate) fn signal(&self) -> Option<i32> {
        self.status?.signal()
    }
}

/// A sandbox whose git, Nix and git-lattice can be started under strace.
pub(crate) struct Tracer {
    pub(crate) sandbox: Sandbox,
    /// Where git-lattice runs.
    dir: &'static str,
    strace: PathBuf,
    folder: PathBuf,
}

impl Tracer {
    /// In the clone; with this Nix, if its calls are traced too.
    pub(crate) fn new(mut sandbox: Sandbox, strace: &Path, nix: Option<&Path>) -> Self {
        let folder = sandbox.path("trace");
        fs::create_dir(&folder).unwrap();
        let git = which::which_in("git", Some(sandbox.search_path()), "/").unwrap();
        let git = numbered(&sandbox, &folder, "git", &git);
        sandbox.prepend_path(git.parent().unwrap());
        if let Some(nix) = nix {
            numbered(&sandbox, &folder, "nix-store", &nix.with_file_name("nix-store"));
            let nix = numbered(&sandbox, &folder, "nix", nix);
            sandbox.use_nix(&nix);
        }
        numbered(&sandbox, &folder, "git-lattice", Path::new(env!("CARGO_BIN_EXE_git-lattice")));
        Self { sandbox, dir: "work", strace: strace.to_owned(), folder }
    }

    /// The same in another worktree.
    pub(crate) fn in_dir(self, dir: &'static str) -> Self {
        Self { dir, ..self }
    }

    /// Runs git-lattice without a fault, and returns the write-like calls of it and its programs.
    pub(crate) fn trace(&self, args: &[&str]) -> (Ended, Trace) {
        let ended = self.run(args, "*", &format!("-y -s 4096 -e trace={WRITES}"), || false);
        let mut trace = Trace { calls: Vec::new(), unnamed: 0 };
        for (start, log) in self.logs() {
            log::add(&start, &log, &self.root(), &mut trace);
        }
        (ended, trace)
    }

    /// Runs git-lattice with this fault.
    pub(crate) fn inject(&self, args: &[&str], injection: &Injection) -> Ended {
        let stopped = Stopped { tracer: self, injection };
        let mut ended = self.run(args, &injection.call.start, &injection.options(&self.root()), || stopped.kill());
        let log = self.logs().remove(&injection.call.start).unwrap_or_default();
        // A killed process shows its call without a result (strace(1): "?", or cut off).
        let shows = |line: &&str| match injection.fault {
            Fault::Error(_) => line.contains("(INJECTED)"),
            Fault::Signal("SIGKILL") => line.ends_with("= ?") || line.ends_with("<unfinished ...>"),
            Fault::Signal(name) => line.contains(&format!("--- {name} ")),
            Fault::KillAll | Fault::KillLattice => line.contains(STOPPED),
        };
        ended.hit = log.lines().rfind(shows).map(str::to_owned);
        ended
    }

    fn root(&self) -> String {
        self.sandbox.path("").to_str().unwrap().trim_end_matches('/').to_owned()
    }

    /// Runs it with strace before the starts that match a shell pattern, and without strace afterwards.
    fn run(&self, args: &[&str], starts: &str, options: &str, act: impl Fn() -> bool) -> Ended {
        let strace = quoted(&self.strace.display().to_string());
        let log = "-o \"$trace/$start/log\"";
        let plan = format!(
            "case $start in git.*) until= ;; *) until='-b execve' ;; esac\n\
             case $start in {starts}) set -- {strace} -qq -f $until {log} {options} -- \"$@\" ;; esac\n"
        );
        fs::write(self.folder.join("plan"), plan).unwrap();
        let ended = self.limited(args, act);
        fs::remove_file(self.folder.join("plan")).unwrap();
        ended
    }

    /// Runs git-lattice in its own process group, which is killed at the time limit. Meanwhile `act` is called until it returns
    /// `true`.
    fn limited(&self, args: &[&str], act: impl Fn() -> bool) -> Ended {
        let streams = ["stdout", "stderr"].map(|name| self.folder.join(name));
        let [stdout, stderr] = streams.each_ref().map(|path| fs::File::create(path).unwrap());
        let mut command = Command::new(self.folder.join("git-lattice.d/git-lattice"));
        command.args(args).current_dir(self.sandbox.path(self.dir)).stdin(std::process::Stdio::null());
        self.sandbox.environment(&mut command);
        let mut child = command.process_group(0).stdout(stdout).stderr(stderr).spawn().unwrap();
        let status = wait(&mut child, act);
        if status.is_none() {
            kill_process_group(Pid::from_child(&child), Signal::KILL).ok();
            child.wait().unwrap();
        }
        let [stdout, stderr] = streams.map(|path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
        Ended { status, stdout, stderr, hit: None }
    }

    /// strace's logs by start; removes them.
    fn logs(&self) -> HashMap<String, String> {
        let starts = fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path());
        let of_start = |path: PathBuf| {
            let log = fs::read(path.join("log")).ok();
            let number = path.extension()?.to_str()?.parse::<u32>().ok();
            number.and_then(|_| fs::remove_dir_all(&path).ok())?;
            Some((path.file_name()?.to_str()?.to_owned(), String::from_utf8_lossy(&log?).into_owned()))
        };
        starts.filter_map(of_start).collect()
    }
}

fn wait(child: &mut Child, act: impl Fn() -> bool) -> Option<ExitStatus> {
    let begun = Instant::now();
    let mut is_done = false;
    while begun.elapsed() < LIMIT {
        is_done = is_done || act();
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    None
}

/// How strace's log shows a stopped process.
const STOPPED: &str = "--- stopped by SIGSTOP ---";

/// A process that is stopped at a call while others are killed.
struct Stopped<'a> {
    tracer: &'a Tracer,
    injection: &'a Injection,
}

impl Stopped<'_> {
    /// Kills the processes that the fault names, once the process is stopped; returns whether that was done.
    fn kill(&self) -> bool {
        let fault = self.injection.fault;
        if !matches!(fault, Fault::KillAll | Fault::KillLattice) || !self.stands_still() {
            return false;
        }
        let ours = Path::new(env!("CARGO_BIN_EXE_git-lattice"));
        let is_ours = |pid: &Pid| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == ours);
        // A process that has ended meanwhile needs no signal.
        let tell =
            |pids: Vec<Pid>, signal| pids.into_iter().for_each(|pid| kill_process(pid, signal).unwrap_or_default());
        if fault == Fault::KillLattice {
            tell(self.processes().into_iter().filter(is_ours).collect(), Signal::KILL);
            tell(self.processes(), Signal::CONT);
        }
        while fault == Fault::KillAll && !self.processes().is_empty() {
            tell(self.processes(), Signal::KILL);
        }
        true
    }

    fn stands_still(&self) -> bool {
        let log = self.tracer.folder.join(&self.injection.call.start).join("log");
        fs::read(log).is_ok_and(|log| String::from_utf8_lossy(&log).contains(STOPPED))
    }

    /// The processes that work in the sandbox.
    fn processes(&self) -> Vec<Pid> {
        let root = self.tracer.sandbox.path("").canonicalize().unwrap();
        let is_here = |pid: &Pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&root));
        let all = fs::read_dir("/proc").unwrap().flatten();
        let pids = all.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
        pids.filter(is_here).collect()
    }
}

/// A script for a program that numbers its starts while there is a plan, and follows the plan.
fn numbered(sandbox: &Sandbox, folder: &Path, name: &str, program: &Path) -> PathBuf {
    let script = format!(
        "#!/bin/sh\ntrace={}\nset -- {} \"$@\"\nif [ -e \"$trace/plan\" ]; then\n  n=1\n  \
         while ! mkdir \"$trace/{name}.$n\" 2>/dev/null && [ $n -lt 200 ]; do n=$((n + 1)); done\n  \
         start={name}.$n\n  . \"$trace/plan\"\nfi\nexec \"$@\"\n",
        quoted(&folder.display().to_string()),
        quoted(&program.display().to_string()),
    );
    let of_nix = if name.starts_with("nix") { "nix" } else { name };
    sandbox.program(&format!("trace/{of_nix}.d/{name}"), &script)
}

/// Quotes a word for sh(1).
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
