//! `hooks install` and `hooks uninstall` together restore everything byte for byte.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::git_setup::every_git;
use crate::sandbox::Sandbox;

/// The ways of installing hooks.
const WAYS: [&[&str]; 4] = [&[], &["--post-merge", "--post-commit"], &["--shim"], &["--config"]];

/// On every git and in every way: installs twice and uninstalls in `dir`; the paths in `kept` must be restored.
#[track_caller]
fn assert_restored(prepare: impl Fn(&Sandbox), dir: &str, kept: &[&str]) {
    for git in every_git() {
        let sandbox = Sandbox::on_git(git.as_deref());
        prepare(&sandbox);
        let state = || kept.iter().map(|name| sandbox.tree(name)).collect::<Vec<_>>().join("\n");
        let before = state();
        for way in WAYS {
            let install = [&["hooks", "install"], way].concat();
            sandbox.lattice_in(dir, &install, |command| command).exits(0);
            let installed = state();
            assert_ne!(installed, before, "{install:?} on {git:?} should install something");
            sandbox.lattice_in(dir, &install, |command| command).exits(0).says_out("unchanged");
            assert_eq!(state(), installed, "{install:?} on {git:?}: a second time changes nothing");
            sandbox.lattice_in(dir, &["hooks", "uninstall"], |command| command).exits(0);
            assert_eq!(state(), before, "{install:?} on {git:?} should leave nothing behind");
            sandbox
                .lattice_in(dir, &["hooks", "uninstall"], |command| command)
                .exits(0)
                .says_out("no hooks of git-lattice");
            assert_eq!(state(), before);
        }
    }
}

fn program(sandbox: &Sandbox, name: &str, text: &str) {
    let path = sandbox.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn restores_a_repository_without_hooks() {
    assert_restored(|_| {}, "work", &["work"]);
}

#[test]
fn restores_a_repository_without_a_hooks_folder() {
    assert_restored(|sandbox| drop(fs::remove_dir_all(sandbox.work().join(".git/hooks"))), "work", &["work"]);
}

#[test]
fn restores_a_repository_with_its_own_hooks() {
    let prepare = |sandbox: &Sandbox| {
        program(sandbox, "work/.git/hooks/pre-commit", "#!/bin/sh\nexit 0\n");
        program(sandbox, "work/.git/hooks/post-merge", "#!/usr/bin/env python3\n");
        fs::write(sandbox.work().join(".git/hooks/post-checkout"), "not a program").unwrap();
    };
    assert_restored(prepare, "work", &["work"]);
}

#[test]
fn restores_comments_and_blank_lines_of_git_config() {
    for text in [
        "\n\n# ours\n[alias]\n\n\tx = status ; a comment\n\n\n",
        "\n[hook \"other\"]\n\tevent = pre-commit\n\tcommand = true\n[alias]\n\tx = status",
        "\r\n[alias]\r\n\tx = status\r\n",
    ] {
        let prepare = |sandbox: &Sandbox| {
            let path = sandbox.work().join(".git/config");
            let config = fs::read_to_string(&path).unwrap();
            fs::write(&path, format!("{config}{text}")).unwrap();
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
        };
        assert_restored(prepare, "work", &["work"]);
    }
}

#[test]
fn restores_a_linked_worktree() {
    assert_restored(
        |sandbox| drop(sandbox.git(&["worktree", "add", "-q", "../linked"])),
        "linked",
        &["work", "linked"],
    );
}

#[test]
fn restores_a_bare_repository_and_its_worktrees() {
    let prepare =
        |sandbox: &Sandbox| drop(sandbox.git_in("remote.git", &["worktree", "add", "-q", "../linked", "main"]));
    assert_restored(prepare, "remote.git", &["remote.git"]);
    assert_restored(prepare, "linked", &["remote.git", "linked"]);
}

#[test]
fn restores_a_worktree_with_its_own_hooks() {
    let prepare = |sandbox: &Sandbox| {
        sandbox.git(&["worktree", "add", "-q", "../linked"]);
        sandbox.git(&["config", "extensions.worktreeConfig", "true"]);
        let own = sandbox.path("own").display().to_string();
        sandbox.git_in("linked", &["config", "--worktree", "core.hooksPath", &own]);
        program(sandbox, "own/pre-commit", "#!/bin/sh\nexit 0\n");
    };
    assert_restored(prepare, "linked", &["work", "linked", "own"]);
}

#[test]
fn restores_a_hooks_path_in_the_worktree() {
    let prepare = |sandbox: &Sandbox| {
        sandbox.git(&["config", "core.hooksPath", ".husky/_"]);
        program(sandbox, "work/.husky/_/pre-commit", "#!/usr/bin/env sh\n. \"$(dirname \"$0\")/h\"");
        program(sandbox, "work/.husky/_/h", "exit 0\n");
    };
    assert_restored(prepare, "work", &["work"]);
}

#[test]
fn later_changes_survive_uninstall() {
    for git in every_git() {
        for way in ["--config", "--shim"] {
            let sandbox = Sandbox::on_git(git.as_deref());
            let config = || fs::read_to_string(sandbox.work().join(".git/config")).unwrap();
            let before = config();
            sandbox.lattice(&["hooks", "install", way]).exits(0);
            sandbox.git(&["config", "user.email", "new@example.com"]);
            sandbox.git(&["config", "hook.lattice-pre-commit.enabled", "false"]);
            sandbox.lattice(&["hooks", "uninstall"]).exits(0);
            let left = config();
            assert!(left.starts_with(&before) && left.contains("new@example.com"), "{left}");
            assert_eq!(
                left.contains("lattice-pre-commit"),
                way == "--shim",
                "an option of our section goes with it: {left}"
            );
        }
    }
}

#[test]
fn section_edited_by_hand_is_kept() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["hooks", "install", "--config"]).exits(0);
    sandbox.git(&["config", "hook.lattice-pre-commit.command", "make lint"]);
    let before = sandbox.tree("work/.git");
    for args in [&["hooks", "install", "--config"][..], &["hooks", "uninstall"]] {
        sandbox.lattice(args).exits(2).says_err("[hook \"lattice-pre-commit\"]").says_err("was changed by hand");
        assert_eq!(sandbox.tree("work/.git"), before);
    }
    sandbox.lattice(&["hooks", "status"]).exits(0).says_out("pre-commit");
}

#[test]
fn locked_configuration_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write(".git/config.lock", "");
    sandbox.lattice(&["hooks", "install", "--config"]).exits(2).says_err("config.lock").says_err("hint:");
    fs::remove_file(sandbox.work().join(".git/config.lock")).unwrap();
    sandbox.lattice(&["hooks", "install", "--config"]).exits(0);
    assert!(!sandbox.work().join(".git/config.lock").exists(), "our own lock is gone");
}

#[test]
fn non_executable_hook_is_not_called_installed() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["hooks", "install", "--shim"]).exits(0);
    let hook = sandbox.work().join(".git/hooks/post-checkout");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o644)).unwrap();
    let status = sandbox.lattice(&["hooks", "status", "--json"]).exits(0).json();
    let row = status["hooks"].as_array().unwrap().iter().find(|row| row["event"] == "post-checkout").unwrap().clone();
    assert_eq!((&row["installed"], &row["state"]), (&false.into(), &"not executable, so git ignores it".into()));
    sandbox.lattice(&["hooks", "status"]).exits(0).says_err("`git lattice hooks install` makes it executable");
    let doctor = ["doctor", "--offline"];
    sandbox
        .lattice(&doctor)
        .exits(1)
        .says_out("post-checkout: installed, but not executable")
        .says_out("doctor --repair");
    sandbox.lattice(&["doctor", "--offline", "--repair"]).exits(0).says_out("repaired: post-checkout");
    sandbox.lattice(&doctor).exits(0).says_out("post-checkout: installed");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o644)).unwrap();
    sandbox.lattice(&["hooks", "install"]).exits(0).says_out("post-checkout: updated");
    assert_eq!(fs::metadata(&hook).unwrap().permissions().mode() & 0o777, 0o755);
}
