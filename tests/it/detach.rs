//! Programs that outlive git-lattice.

use std::fs::{self, File};

use git_lattice::process::Cmd;
use rustix::io::{FdFlags, fcntl_setfd};

use crate::scratch::Scratch;

/// The lines that the detached program reports. It opens a FIFO when they are written, so no clock is needed.
fn report_of(scratch: &Scratch, script: &str) -> String {
    let fifo = scratch.path("fifo");
    Cmd::new("mkfifo").arg(&fifo).read().unwrap();
    let cmd = Cmd::new("sh").args(["-c", &format!("{{ {script}; }} >\"$1\""), "sh"]).arg(&fifo);
    cmd.env("GIT_DIR", "/elsewhere").spawn_detached(Some(&scratch.path("log"))).unwrap();
    fs::read_to_string(fifo).unwrap()
}

#[test]
fn detached_program_inherits_nothing() {
    let scratch = Scratch::new();
    let held = File::create(scratch.path("held")).unwrap();
    fcntl_setfd(&held, FdFlags::empty()).unwrap();
    let script = "for fd in /proc/$$/fd/*; do readlink $fd; done; pwd; echo \"git dir: $GIT_DIR\"; echo oops >&2";
    let told = report_of(&scratch, script);
    assert!(!told.contains("/held"), "inherited descriptors should be closed: {told}");
    assert!(!told.contains("pipe:"), "no pipe of the caller should be held: {told}");
    assert!(told.starts_with("/dev/null\n"), "stdin should be empty: {told}");
    assert!(told.ends_with("\n/\ngit dir: \n"), "it should run in / without variables of a repository: {told}");
    assert_eq!(scratch.read("log"), "oops\n", "its stderr should be in the log");
    drop(held);
}

#[test]
fn failure_to_start_is_reported() {
    let missing = Cmd::new("/no/such/program").spawn_detached(None).unwrap_err();
    assert_eq!(missing.to_string(), "`/no/such/program` was not found");
    let unlogged = Cmd::new("true").spawn_detached(Some("/no/such/log".as_ref())).unwrap_err();
    assert_eq!(unlogged.to_string(), "could not run `true`");
}

/// In a container the session may start outside of it, where its leader has no process id in this namespace.
#[test]
fn session_from_outside_the_container_is_left() {
    let inside = ["--pid", "--fork", "--map-root-user"];
    let is_possible = Cmd::new("unshare").args(inside).arg("true").output().is_ok_and(|output| output.status.success());
    if !is_possible {
        return;
    }
    let program = assert_cmd::cargo::cargo_bin!("git-lattice");
    // Not as a group leader, hence the shell in between: `hook worker` needs a repository, which does not exist here.
    let script = "\"$1\" hook worker; exit 7";
    let output =
        Cmd::new("unshare").args(inside).args(["sh", "-c", script, "sh"]).arg(program).cwd("/").output().unwrap();
    assert_eq!(output.status.code(), Some(7), "the shell should end");
    assert!(
        output.error_text().starts_with("error: `/` is not inside a git repository"),
        "it should get to the missing repository: {}",
        output.error_text()
    );
}
