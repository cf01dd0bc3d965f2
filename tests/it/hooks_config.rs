//! Hooks in git's configuration: written as git documents them, run by a git that supports them, and reported by one that does not.

use std::fs;

use crate::git_setup::modern_git;
use crate::sandbox::Sandbox;
use crate::story::{at, branch};

/// A sandbox with a git that runs hooks from its configuration, and hooks installed in that way.
fn with_config_hooks() -> Option<Sandbox> {
    let git = modern_git()?;
    let sandbox = Sandbox::on_git(Some(&git));
    sandbox.lattice(&["hooks", "install"]).exits(0);
    Some(sandbox)
}

fn assert_commit_refused(sandbox: &Sandbox) -> String {
    sandbox.write("bad.nix", "{ a = 1 }\n");
    sandbox.git(&["add", "bad.nix"]);
    let commit = sandbox.try_git("work", &["commit", "-q", "-m", "bad"]);
    assert!(!commit.status.success(), "a broken file should stop the commit");
    commit.error_text()
}

#[test]
fn modern_git_gets_config_sections_and_no_files() {
    let Some(sandbox) = with_config_hooks() else { return };
    let hooks = sandbox.work().join(".git/hooks");
    assert!(!hooks.join("pre-commit").exists() && !hooks.join("post-checkout").exists());
    for event in ["pre-commit", "post-checkout"] {
        assert_eq!(sandbox.git(&["config", "--get-all", &format!("hook.lattice-{event}.event")]), event);
        assert_eq!(
            sandbox.git(&["hook", "list", event]),
            format!("lattice-{event}"),
            "git itself should list the hook"
        );
    }
    let status = sandbox.lattice(&["hooks", "status", "--json"]).exits(0).json();
    assert_eq!((&status["way"], &status["hooks"][0]["installed"]), (&"config".into(), &true.into()));
    assert_commit_refused(&sandbox);
}

#[test]
fn config_section_has_the_documented_form() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["hooks", "install", "--config"]).exits(0);
    let config = fs::read_to_string(sandbox.work().join(".git/config")).unwrap();
    let section = &config[config.find("[hook \"lattice-post-checkout\"]").unwrap()..];
    let lines: Vec<&str> = section.lines().collect();
    assert_eq!(lines[1], "\tevent = post-checkout");
    assert!(lines[2].starts_with("\tcommand = \"") && lines.len() == 3, "{section}");
    let command = sandbox.git(&["config", "hook.lattice-post-checkout.command"]);
    assert!(command.contains(&format!("lattice='{}'", env!("CARGO_BIN_EXE_git-lattice"))), "{command}");
}

#[test]
fn hooks_of_the_hooks_path_still_run() {
    let Some(sandbox) = with_config_hooks() else { return };
    let seen = sandbox.path("seen").display().to_string();
    let script = sandbox.path("bin-pre-commit/pre-commit");
    let mut sandbox = sandbox;
    sandbox.use_program("pre-commit", &format!("#!/bin/sh\necho theirs >>'{seen}'\n"));
    let folder = script.parent().unwrap().display().to_string();
    // A global hooks path is refused for shims; config sections work with it.
    sandbox.git(&["config", "--global", "core.hooksPath", &folder]);
    assert_eq!(assert_commit_refused(&sandbox).matches("the commit was stopped").count(), 1);
    assert_eq!(fs::read_to_string(&seen).unwrap(), "theirs\n", "once");
    sandbox.lattice(&["hooks", "install"]).exits(0).says_out("unchanged");
    sandbox
        .lattice(&["hooks", "install", "--shim"])
        .exits(2)
        .says_err("which other repositories share")
        .says_err("core.hooksPath");
    sandbox.lattice(&["hooks", "uninstall"]).exits(0).says_out("removed");
}

#[test]
fn every_worktree_runs_the_hooks() {
    let Some(sandbox) = with_config_hooks() else { return };
    sandbox.points(&[&at("phase0/step1")]);
    let added = sandbox.try_git("work", &["worktree", "add", "-q", "../linked", &branch(&at("phase0/step1"))]);
    assert!(added.error_text().contains("is not built in a new worktree"), "{}", added.error_text());
    let status = sandbox.lattice_in("linked", &["hooks", "status", "--json"], |command| command).exits(0).json();
    assert_eq!(status["hooks"][1]["installed"], true);
}

#[test]
fn older_git_gets_shims() {
    let Some(sandbox) = with_config_hooks() else { return };
    let older = "2.47.3";
    let script = "#!/bin/sh\nif [ \"$*\" = version ]; then echo git version 2.47.3; else exec \"$real\" \"$@\"; fi\n";
    let real = modern_git().unwrap();
    let (mut sandbox, script) = (sandbox, script.replace("$real", &real.display().to_string()));
    sandbox.use_program("git", &script);
    let status = sandbox.lattice(&["hooks", "status"]).exits(0).says_out("installed, but this git does not run it");
    assert!(status.stderr.contains(&format!("git {} does not run the hooks in", &older[..4])), "{}", status.stderr);
    let json = sandbox.lattice(&["hooks", "status", "--json"]).exits(0).json();
    assert_eq!(json["hooks"][0]["installed"], false);
    sandbox.lattice(&["hooks", "install"]).exits(0).says_out("pre-commit: installed").says_out("pre-commit: removed");
    assert!(sandbox.work().join(".git/hooks/pre-commit").exists());
    assert_eq!(sandbox.try_git("work", &["config", "hook.lattice-pre-commit.event"]).text(), "");
}

#[test]
fn shims_stay_until_migrated_and_run_once() {
    let Some(git) = modern_git() else { return };
    let sandbox = Sandbox::on_git(Some(&git));
    sandbox.lattice(&["hooks", "install", "--shim"]).exits(0);
    assert_eq!(assert_commit_refused(&sandbox).matches("the commit was stopped").count(), 1);
    sandbox.lattice(&["hooks", "install"]).exits(0).says_out("unchanged");
    sandbox.lattice(&["hooks", "install", "--config", "--post-merge"]).exits(0).says_out("pre-commit: removed");
    assert_eq!(assert_commit_refused(&sandbox).matches("the commit was stopped").count(), 1);
    sandbox.lattice(&["hooks", "install", "--shim"]).exits(0).says_out("post-merge: installed");
    assert_eq!(assert_commit_refused(&sandbox).matches("the commit was stopped").count(), 1);
}
