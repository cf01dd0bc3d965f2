//! What a new user meets in the first hour.

use std::process::Stdio;

use crate::sandbox::Sandbox;
use crate::story::{at, branch, dir};

#[test]
fn init_on_a_terminal_does_not_read_stdin() {
    let sandbox = Sandbox::without_lattice();
    let mut command = std::process::Command::new(which::which("script").unwrap());
    command.args(["-qec", "git-lattice init --component a --arch x86_64; cat", "/dev/null"]);
    command.current_dir(sandbox.work()).stdin(Stdio::piped()).stdout(Stdio::piped());
    sandbox.environment(&mut command);
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"the next line\n\x04").unwrap();
    let output = String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned();
    assert_eq!(output.matches("the next line").count(), 2, "typed, and printed by cat:\n{output}");
    assert!(output.contains("it is not committed yet") && !output.contains('?'), "{output}");
}

#[test]
fn no_point_before_lattice_toml_is_committed() {
    let sandbox = Sandbox::without_lattice();
    sandbox.lattice(&["init", "--component", "toolchain", "--arch", "aarch64,x86_64"]).exits(0);
    sandbox.refused(&["new", "--arch", "x86_64", "--dry-run"]).exits(0);
    let run = sandbox.refused(&["new", "--arch", "x86_64"]).exits(1);
    run.says_err("`lattice.toml` is not committed").says_err("git add lattice.toml && git commit");
    sandbox.commit_lattice();
    sandbox.lattice(&["new", "--arch", "x86_64"]).exits(0);
}

#[test]
fn a_lattice_toml_on_another_branch_counts_as_committed() {
    let sandbox = Sandbox::without_lattice();
    sandbox.git(&["switch", "-q", "-c", "trial"]);
    sandbox.lattice(&["init", "--component", "toolchain", "--arch", "x86_64", "--base", "main"]).exits(0);
    sandbox.git(&["add", "lattice.toml"]);
    sandbox.git(&["commit", "-q", "-m", "declare the lattice"]);
    sandbox.lattice(&["new", "--no-push"]).exits(0);
}

#[test]
fn a_fresh_clone_names_sync() {
    const HINT: &str = "this clone has no records yet: `git lattice sync` fetches those of `origin`";
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", &at("phase0/step1")]).exits(0);
    sandbox.built_elsewhere(&[&at("phase0/step1")]);
    sandbox.git(&["push", "-q", "origin", "refs/notes/lattice/*"]);
    let run = sandbox.lattice(&["status"]).exits(0);
    assert!(!run.stderr.contains("no records"), "{}", run.stderr);
    sandbox.git_in("", &["clone", "-q", "remote.git", "colleague"]);
    sandbox.lattice_in("colleague", &["status"], |command| command).exits(0).says_err(HINT);
    sandbox.lattice_in("colleague", &["sync"], |command| command).exits(0);
    let run = sandbox.lattice_in("colleague", &["status"], |command| command).exits(0).says_out("✓ built");
    assert!(!run.stderr.contains("no records"), "{}", run.stderr);
}

#[test]
fn next_step_names_changes_that_come_along() {
    let sandbox = Sandbox::new();
    let step1 = at("phase0/step1");
    sandbox.lattice(&["new", &step1, "--template", "step"]).exits(0);
    let changed = format!("{}/step.nix", dir(&step1));
    sandbox.write(&changed, "{ ... }: null\n");
    sandbox.write("elsewhere", "not of the point\n");
    let run = sandbox.lattice(&["next-step"]).exits(0);
    run.says_err(&format!("uncommitted changes of `{}` came along: `{changed}`\n", branch(&step1)))
        .says_err(&format!("`git switch {}` takes them back", branch(&step1)));
    sandbox.git(&["switch", "-q", &branch(&step1)]);
    assert_eq!(sandbox.git(&["status", "--porcelain"]), format!(" M {changed}\n?? elsewhere"));
    sandbox.git(&["commit", "-q", "-a", "-m", "step 1"]);
    let run = sandbox.lattice(&["new", &at("phase0/step2")]).exits(0);
    assert!(!run.stderr.contains("came along"), "{}", run.stderr);
}

#[test]
fn names_of_other_tools_get_the_right_command() {
    let sandbox = Sandbox::new();
    for (name, command) in [
        ("rm", "git lattice prune"),
        ("mv", "git lattice new"),
        ("pull", "git lattice sync"),
        ("rebase", "git lattice restack"),
        ("graph", "git log --graph"),
        ("go", "git switch"),
        ("ci", "git lattice check"),
        ("ls", "git lattice status"),
    ] {
        let run = sandbox.refused(&[name]).exits(2);
        let hint = run.stderr.lines().find(|line| line.starts_with("hint: ")).unwrap_or_default();
        assert!(hint.contains(command) && !run.stderr.contains("similar"), "{name}: {}", run.stderr);
    }
    sandbox.refused(&["statsu"]).exits(2).says_err("'status'");
    sandbox.lattice(&["help"]).exits(0).says_out("Commands:");
    sandbox.lattice(&["help", "new"]).exits(0).says_out("Usage: git lattice new");
}
