//! Which git operations make the hooks act: each is tried with both ways of installing them.

use std::fs;
use std::path::{Path, PathBuf};

use git_lattice::process::Output;

use crate::git_setup::every_git;
use crate::hook_limits::wait_for_empty_queue;
use crate::sandbox::Sandbox;
use crate::story::{at, branch, dir};

/// The branch of the point that the tests use.
fn point() -> String {
    branch(&at("phase0/step1"))
}

/// Runs `act` on every git, in a sandbox with all hooks, on the branch of a point that would be built.
fn on_every_git(act: impl Fn(&Sandbox)) {
    for git in every_git() {
        let sandbox = Sandbox::on_git(git.as_deref());
        sandbox.points(&[&at("phase0/step1")]);
        sandbox.git(&["switch", "-q", &point()]);
        sandbox.lattice(&["hooks", "install", "--post-merge", "--post-commit"]).exits(0);
        act(&sandbox);
    }
}

/// Runs git with all hooks and returns the messages of git-lattice.
#[track_caller]
fn run_git(sandbox: &Sandbox, args: &[&str]) -> String {
    let output = sandbox.try_git("work", args);
    assert!(output.status.success(), "git {args:?}: {}", output.error_text());
    lattice_messages(&output)
}

fn lattice_messages(output: &Output) -> String {
    let text = format!("{}\n{}", output.text(), output.error_text());
    text.lines().filter(|line| line.starts_with("git-lattice")).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn assert_silent(sandbox: &Sandbox, args: &[&str]) {
    assert_eq!(run_git(sandbox, args), "", "git {args:?}");
    assert!(!sandbox.nix_was_called(), "git {args:?} should start no build");
}

#[track_caller]
fn assert_builds(sandbox: &Sandbox, args: &[&str]) {
    let line = run_git(sandbox, args);
    assert!(line.starts_with("git-lattice: building ") && line.lines().count() == 1, "git {args:?} said: {line}");
}

/// Commits a change of the point's data, without hooks.
fn commit_change(sandbox: &Sandbox, text: &str) {
    sandbox.write(&format!("{}/config.toml", dir(&at("phase0/step1"))), text);
    sandbox.git(&["-c", "lattice.hooks=false", "commit", "-q", "-a", "-m", text]);
}

#[test]
fn files_and_resets_start_nothing() {
    on_every_git(|sandbox| {
        for args in [
            &["checkout", "-q", "--", "README"][..],
            &["checkout", "-q", "main", "--", "README"],
            &["restore", "README"],
            &["reset", "-q", "--hard"],
        ] {
            assert_silent(sandbox, args);
        }
        sandbox.write("README", "changed\n");
        assert_silent(sandbox, &["stash", "-q"]);
        assert_silent(sandbox, &["stash", "pop", "-q"]);
        assert_silent(sandbox, &["update-ref", "refs/heads/x", "HEAD"]);
    });
}

#[test]
fn rebase_starts_nothing() {
    on_every_git(|sandbox| {
        commit_change(sandbox, "n = 1");
        commit_change(sandbox, "n = 2");
        sandbox.git(&["-c", "lattice.hooks=false", "switch", "-q", "main"]);
        sandbox.git(&["commit", "-q", "--allow-empty", "-m", "main moves"]);
        sandbox.git(&["-c", "lattice.hooks=false", "switch", "-q", &point()]);
        for backend in ["--merge", "--apply"] {
            assert_silent(sandbox, &["rebase", "-q", backend, "--force-rebase", "main"]);
        }
        assert_silent(sandbox, &["rebase", "-q", "--exec", "true", "HEAD~1"]);
    });
}

#[test]
fn stopped_rebase_starts_nothing() {
    on_every_git(|sandbox| {
        commit_change(sandbox, "n = 1");
        let file = format!("{}/config.toml", dir(&at("phase0/step1")));
        sandbox.git(&["branch", "other", "HEAD~1"]);
        sandbox.git(&["-c", "lattice.hooks=false", "switch", "-q", "other"]);
        commit_change(sandbox, "n = 2");
        sandbox.git(&["-c", "lattice.hooks=false", "switch", "-q", &point()]);
        for (backend, end) in [("--merge", "--abort"), ("--apply", "--abort"), ("-i", "--continue")] {
            let variables = [("GIT_SEQUENCE_EDITOR", "true"), ("GIT_EDITOR", "true")];
            let stopped = sandbox.try_git_with("work", &["rebase", backend, "other"], &variables);
            assert!(!stopped.status.success(), "{backend} should stop at the conflict");
            assert_eq!(lattice_messages(&stopped), "", "{backend}");
            sandbox.write(&file, "n = 3");
            assert_silent(sandbox, &["add", &file]);
            let ended = sandbox.try_git_with("work", &["rebase", end], &variables);
            assert!(ended.status.success(), "{backend} {end}: {}", ended.error_text());
            assert_eq!(lattice_messages(&ended), "", "{backend} {end}");
            assert!(!sandbox.nix_was_called(), "{backend} {end}");
        }
    });
}

#[test]
fn bisect_starts_nothing() {
    on_every_git(|sandbox| {
        for n in 0..5 {
            commit_change(sandbox, &format!("n = {n}"));
        }
        for args in
            [&["bisect", "start", "HEAD", "HEAD~4"][..], &["bisect", "good"], &["bisect", "bad"], &["bisect", "reset"]]
        {
            assert_silent(sandbox, args);
        }
        assert_eq!(sandbox.git(&["symbolic-ref", "--short", "HEAD"]), point());
    });
}

#[test]
fn submodule_update_starts_nothing() {
    on_every_git(|sandbox| {
        sandbox.git(&["config", "--global", "protocol.file.allow", "always"]);
        let remote = sandbox.path("remote.git").display().to_string();
        assert_silent(sandbox, &["submodule", "--quiet", "add", "-b", "main", &remote, "sub"]);
        sandbox.git_in("work/sub", &["commit", "-q", "--allow-empty", "-m", "ahead"]);
        // A submodule of the same lattice, with hooks on: `submodule update` detaches its HEAD.
        sandbox.lattice_in("work/sub", &["hooks", "install"], |command| command).exits(0);
        assert_silent(sandbox, &["submodule", "--quiet", "update", "--force"]);
        assert!(!sandbox.try_git("work/sub", &["symbolic-ref", "-q", "HEAD"]).status.success());
    });
}

#[test]
fn only_a_switch_to_a_branch_builds() {
    on_every_git(|sandbox| {
        assert_silent(sandbox, &["checkout", "-q", "--detach"]);
        assert_silent(sandbox, &["switch", "-q", "main"]);
        assert_builds(sandbox, &["switch", "-q", &point()]);
    });
}

#[test]
fn reader_of_git_output_does_not_wait_for_the_build() {
    for git in every_git() {
        let mut sandbox = Sandbox::new();
        sandbox.use_git(git.as_deref());
        sandbox.points(&[&at("phase0/step1")]);
        sandbox.lattice(&["hooks", "install"]).exits(0);
        let [go, over] = ["go", "over"].map(|name| sandbox.path(name).display().to_string());
        let wait = format!("n=0\nwhile [ ! -e '{go}' ] && [ $n -lt 300 ]; do sleep 0.1; n=$((n + 1)); done\n");
        sandbox.use_program("nix", &format!("#!/bin/sh\n{wait}echo >'{over}'\nexit 1\n"));
        // Both streams are pipes that are read to the end, as in `git checkout x 2>&1 | cat`.
        assert_builds(&sandbox, &["checkout", "-q", &point()]);
        assert!(!Path::new(&over).exists(), "{git:?}: the checkout should end while Nix is still running");
        fs::write(go, "").unwrap();
    }
}

#[test]
fn commits_and_merges_build_when_enabled() {
    on_every_git(|sandbox| {
        sandbox.write(&format!("{}/config.toml", dir(&at("phase0/step1"))), "n = 1\n");
        assert_builds(sandbox, &["commit", "-q", "-a", "-m", "another content"]);
        // A hook does not wait for a queue that the worker is about to change.
        wait_for_empty_queue(sandbox);
        sandbox.git(&["-c", "lattice.hooks=false", "switch", "-q", "-c", "topic"]);
        commit_change(sandbox, "n = 2\n");
        sandbox.git(&["-c", "lattice.hooks=false", "switch", "-q", &point()]);
        assert_eq!(run_git(sandbox, &["merge", "-q", "--squash", "topic"]), "", "a squash merge moves no branch");
        sandbox.git(&["reset", "-q", "--hard"]);
        assert_builds(sandbox, &["merge", "-q", "--ff-only", "topic"]);
    });
}

#[test]
fn commits_and_merges_do_not_build_by_default() {
    on_every_git(|sandbox| {
        sandbox.lattice(&["hooks", "uninstall"]).exits(0);
        sandbox.lattice(&["hooks", "install"]).exits(0);
        sandbox.git(&["-c", "lattice.hooks=false", "switch", "-q", "-c", "topic"]);
        commit_change(sandbox, "n = 2\n");
        sandbox.git(&["-c", "lattice.hooks=false", "switch", "-q", &point()]);
        assert_silent(sandbox, &["merge", "-q", "--ff-only", "topic"]);
        assert_silent(sandbox, &["commit", "-q", "--allow-empty", "-m", "x"]);
    });
}

#[test]
fn clone_with_hooks_prints_one_line_and_builds_nothing() {
    for git in every_git() {
        let sandbox = Sandbox::on_git(git.as_deref());
        sandbox.lattice(&["new", &at("phase0/step1"), "--no-switch"]).exits(0);
        sandbox.lattice(&["hooks", "install", "--shim"]).exits(0);
        fs::create_dir(sandbox.path("template")).unwrap();
        fs::rename(sandbox.work().join(".git/hooks"), sandbox.path("template/hooks")).unwrap();
        let template = format!("init.templateDir={}", sandbox.path("template").display());
        let clone = sandbox.try_git("", &["-c", &template, "clone", "-q", "-b", &point(), "remote.git", "clone"]);
        assert!(clone.status.success(), "{}", clone.error_text());
        let line = format!("git-lattice: {} is not built in a new worktree or clone", at("phase0/step1"));
        assert!(
            lattice_messages(&clone).starts_with(&line) && lattice_messages(&clone).lines().count() == 1,
            "{git:?} {}",
            clone.error_text()
        );
        assert!(!sandbox.nix_was_called());
    }
}

#[test]
fn hooks_run_with_the_short_path_of_an_editor() {
    for git in every_git() {
        let sandbox = Sandbox::on_git(git.as_deref());
        sandbox.lattice(&["hooks", "install"]).exits(0);
        sandbox.write("bad.nix", "{ a = 1 }\n");
        sandbox.git(&["add", "bad.nix"]);
        let git = git.unwrap_or_else(|| which::which("git").unwrap());
        let commit = commit_with_path(&sandbox, &git, Path::new("/nonexistent"));
        assert!(!commit.status.success() && commit.error_text().contains("bad.nix"), "{}", commit.error_text());
    }
}

/// Runs `git commit` with a PATH of this one folder.
fn commit_with_path(sandbox: &Sandbox, git: &Path, path: &Path) -> Output {
    let mut command = std::process::Command::new(git);
    command.args(["commit", "-q", "--allow-empty", "-m", "x"]).current_dir(sandbox.work());
    sandbox.environment(&mut command);
    let std::process::Output { status, stdout, stderr } = command.env("PATH", path).output().unwrap();
    Output { status, stdout, stderr }
}

#[test]
fn missing_program_prints_one_line() {
    for git in every_git() {
        for way in ["--shim", "--config"] {
            if way == "--config" && git.is_none() {
                continue;
            }
            let sandbox = Sandbox::on_git(git.as_deref());
            let gone = copy_program(&sandbox);
            let mut command = std::process::Command::new(&gone);
            run_in_work(&sandbox, command.args(["hooks", "install", way, "--post-commit"]));
            fs::remove_file(&gone).unwrap();
            let git = git.clone().unwrap_or_else(|| which::which("git").unwrap());
            let commit = commit_with_path(&sandbox, &git, sandbox.search_path().as_ref());
            assert!(commit.status.success(), "{way}: {}", commit.error_text());
            let lines = ["pre-commit", "post-commit"];
            let expected =
                lines.map(|event| format!("git-lattice: program not found, {event} hook skipped")).join("\n");
            assert_eq!(commit.error_text(), expected, "{way}: one line for each hook");
        }
    }
}

/// A copy of git-lattice that a test may remove.
fn copy_program(sandbox: &Sandbox) -> PathBuf {
    let path = sandbox.path("program/git-lattice");
    fs::create_dir(path.parent().unwrap()).unwrap();
    // A child process copies it, for the reason that `Scratch::program` gives.
    let copied = std::process::Command::new("cp").arg(env!("CARGO_BIN_EXE_git-lattice")).arg(&path).status();
    assert!(copied.unwrap().success());
    path
}

fn run_in_work(sandbox: &Sandbox, command: &mut std::process::Command) {
    command.current_dir(sandbox.work());
    sandbox.environment(command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn index_of_the_commit_is_linted() {
    for git in every_git() {
        let sandbox = Sandbox::on_git(git.as_deref());
        sandbox.lattice(&["hooks", "install"]).exits(0);
        sandbox.git(&["worktree", "add", "-q", "../linked"]);
        for place in ["work", "linked"] {
            let write = |name: &str, text: &str| {
                let path = sandbox.path(place).join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            };
            write("deep/good.nix", "{ a = 1; }\n");
            write("deep/bad.nix", "{ a = 1 }\n");
            sandbox.git_in(place, &["add", "deep"]);
            let below = format!("{place}/deep");
            let all = sandbox.try_git(&below, &["commit", "-q", "-m", "all"]);
            assert!(!all.status.success() && all.error_text().contains("deep/bad.nix"), "{}", all.error_text());
            let one = sandbox.try_git(&below, &["commit", "-q", "-m", "one", "good.nix"]);
            assert!(one.status.success(), "`commit PATH` has an index of its own: {}", one.error_text());
            let other = sandbox.try_git(&below, &["commit", "-q", "-m", "other", "bad.nix"]);
            assert!(!other.status.success(), "{place}");
        }
    }
}
