//! stdout that is closed, full or not a terminal.

use std::io::{BufRead, BufReader};
use std::process::{Output, Stdio};

use crate::sandbox::Sandbox;

fn with_points() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--all-archs", "--no-push"]).exits(0);
    sandbox
}

#[track_caller]
fn assert_no_panic(output: &Output) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn closed_pipe_is_no_error() {
    let sandbox = with_points();
    for args in [
        &[][..],
        &["status"],
        &["status", "--json"],
        &["show", "toolchain/aarch64/phase0/step1"],
        &["man"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let mut child = sandbox.command("work", args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_no_panic(&output);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}: a closed pipe is no error");

        let mut child = sandbox.command("work", args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert_no_panic(&child.wait_with_output().unwrap());
        assert!(!first.is_empty(), "{args:?}: the first line should be printed");
    }
}

#[test]
fn closed_pipe_does_not_stop_new_halfway() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command("work", &["new", "--arch", "aarch64"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_no_panic(&child.wait_with_output().unwrap());
    assert_eq!(sandbox.git(&["symbolic-ref", "--short", "HEAD"]), "feature/toolchain/aarch64/phase0/step1");
    sandbox.lattice(&["new", "--arch", "aarch64"]).exits(0).says_out("unchanged").says_out("pushed");
}

#[test]
fn closed_standard_streams_do_not_panic() {
    let sandbox = with_points();
    for script in
        ["exec git-lattice status >&-", "exec git-lattice status 2>&-", "exec git-lattice status <&- >&- 2>&-"]
    {
        let output = shell(&sandbox, script);
        assert_no_panic(&output);
        assert!(output.status.success(), "{script}: {output:?}");
    }
    let before = sandbox.state();
    assert_no_panic(&shell(&sandbox, "exec git-lattice new --arch aarch64 --no-push --no-switch <&- >&- 2>&-"));
    assert_eq!(sandbox.state(), before, "the point exists: nothing should change");
}

#[test]
fn failed_write_to_stdout_is_an_error() {
    if !std::path::Path::new("/dev/full").exists() {
        return; // Linux has it, macOS does not.
    }
    let sandbox = with_points();
    for args in ["status", "status --json", "show toolchain/aarch64/phase0/step1", "man", "completions bash"] {
        let output = shell(&sandbox, &format!("exec git-lattice {args} >/dev/full"));
        assert_eq!(output.status.code(), Some(2), "{args}: a failed write should be an error");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("error: could not write to stdout"), "{args}: {stderr}");
    }
}

fn shell(sandbox: &Sandbox, script: &str) -> Output {
    let lattice = sandbox.command("work", &[]);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script]).current_dir(sandbox.work()).env_clear();
    command.envs(lattice.get_envs().filter_map(|(name, value)| Some((name, value?)))).output().unwrap()
}

#[test]
fn pipes_get_no_colour() {
    let sandbox = with_points();
    for args in [
        &["status"][..],
        &["show", "toolchain/aarch64/phase0/step1"],
        &["new", "--arch", "riscv"],
        &["new", "--help"],
        &["nope"],
    ] {
        for variables in [&[][..], &[("NO_COLOR", "1")], &[("TERM", "dumb")], &[("TERM", "xterm-256color")]] {
            let run = sandbox.lattice_in("work", args, |command| command.envs(variables.iter().copied()));
            let escapes = run.stdout.contains('\u{1b}') || run.stderr.contains('\u{1b}');
            assert!(!escapes, "{args:?} {variables:?}: no escapes into a pipe\n{:?}{:?}", run.stdout, run.stderr);
        }
    }
}

/// script(1) of util-linux provides the terminal.
#[cfg(target_os = "linux")]
#[test]
fn terminal_gets_colour_unless_disabled() {
    let sandbox = with_points();
    let script = which::which("script").expect("script(1) is needed for this test (Debian: bsdutils)");
    let on_terminal = |variables: &[(&str, &str)]| {
        let lattice = sandbox.command("work", &[]);
        let mut command = std::process::Command::new(&script);
        command
            .args(["-qec", "git-lattice status", "/dev/null"])
            .current_dir(sandbox.work())
            .stdin(Stdio::null())
            .env_clear();
        command.envs(lattice.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", "xterm");
        let output = command.envs(variables.iter().copied()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(
        on_terminal(&[]).contains("\u{1b}[2maarch64"),
        "the terminal should get colour, or the test below proves nothing: {:?}",
        on_terminal(&[])
    );
    for variables in [[("NO_COLOR", "1")], [("TERM", "dumb")]] {
        let shown = on_terminal(&variables);
        assert!(shown.contains("aarch64") && !shown.contains("\u{1b}["), "{variables:?}: no escapes: {shown:?}");
    }
    assert!(on_terminal(&[("NO_COLOR", "")]).contains("\u{1b}["), "an empty NO_COLOR means nothing (no-color.org)");
}
