//! lattice.toml is read once per run.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::sandbox::Sandbox;
use crate::story::at;
use crate::strace::strace;

/// How often git-lattice itself opens the worktree's lattice.toml.
fn times_opened(sandbox: &Sandbox, strace: &Path, args: &[&str]) -> usize {
    let log = sandbox.path("opened");
    let mut command = Command::new(strace);
    command.args(["-qq", "-e", "trace=openat", "-o"]).arg(&log).arg(env!("CARGO_BIN_EXE_git-lattice"));
    command.args(args).current_dir(sandbox.work());
    sandbox.environment(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(log).unwrap().lines().filter(|line| line.contains("/lattice.toml\"")).count()
}

#[test]
fn edited_lattice_toml_is_read_once_per_run() {
    let Some(strace) = strace() else { return };
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1")]);
    let toml = fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap();
    sandbox.write("lattice.toml", format!("{toml}# edited\n"));
    let (first, next) = (at("phase0/step1"), at("phase0/step2"));
    let commands: [&[&str]; 8] = [
        &["status"],
        &["list"],
        &["show", &first],
        &["new", "--dry-run", &next],
        &["lint", "--all"],
        &["check"],
        &["doctor", "--offline"],
        &["trust", "list"],
    ];
    for args in commands {
        assert_eq!(times_opened(&sandbox, &strace, args), 1, "{args:?}");
    }
}
