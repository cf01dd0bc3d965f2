//! How hooks are switched off, and how `hooks status` reports it.

use std::fs;
use std::path::Path;

use crate::git_setup::every_git;
use crate::sandbox::Sandbox;
use crate::story::{at, branch, fields};

/// Whether the hooks act with these variables: a broken staged file stops a commit, and a switch queues a build or finds one running.
fn acting_hooks(sandbox: &Sandbox, variables: &[(&str, &str)]) -> (bool, bool) {
    sandbox.write("bad.nix", "{ a = 1 }\n");
    sandbox.git(&["add", "bad.nix"]);
    let commit = sandbox.try_git_with("work", &["commit", "-q", "-m", "bad"], variables);
    if commit.status.success() {
        sandbox.git(&["reset", "-q", "--hard", "HEAD~1"]);
    } else {
        sandbox.git(&["rm", "-q", "-f", "bad.nix"]);
    }
    let switch = sandbox.try_git_with("work", &["switch", "-q", &branch(&at("phase0/step1"))], variables);
    assert!(switch.status.success(), "{}", switch.error_text());
    sandbox.git(&["switch", "-q", "main"]);
    (!commit.status.success(), switch.error_text().contains("in the background"))
}

/// A clone with hooks and a Nix that always fails: only the start of a build matters.
fn with_hooks(git: Option<&Path>) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.use_git(git);
    sandbox.use_program("nix", "#!/bin/sh\nexec sleep 1\n");
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.lattice(&["hooks", "install"]).exits(0);
    sandbox
}

fn skipped_hooks(sandbox: &Sandbox, variables: &[(&str, &str)]) -> Vec<String> {
    let run =
        |args: &[&str]| sandbox.lattice_in("work", args, |command| command.envs(variables.iter().copied())).exits(0);
    let text = run(&["hooks", "status"]).stdout;
    let lines: Vec<String> = text.lines().filter(|line| line.contains("skipped here")).map(str::to_owned).collect();
    let json = run(&["hooks", "status", "--json"]).json();
    let reasons = json["hooks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|hook| hook["skipped"].is_string() && hook["installed"] == true);
    assert_eq!(reasons.count(), lines.len(), "JSON and text should agree: {json}\n{text}");
    lines
}

#[test]
fn every_skip_variable_works_and_is_reported() {
    for git in every_git() {
        let sandbox = with_hooks(git.as_deref());
        assert_eq!((acting_hooks(&sandbox, &[]), skipped_hooks(&sandbox, &[]).len()), ((true, true), 0));
        for (variables, lints, said) in [
            ([("SKIP", "black,lattice")], false, "SKIP is set"),
            ([("GIT_LATTICE_SKIP", "1")], false, "GIT_LATTICE_SKIP is set"),
            ([("CI", "true")], true, "CI is set"),
        ] {
            assert_eq!(acting_hooks(&sandbox, &variables), (lints, false), "{variables:?}");
            let lines = skipped_hooks(&sandbox, &variables);
            assert!(lines.iter().all(|line| line.ends_with(said)), "{lines:?}");
            assert_eq!(lines.len(), if lints { 1 } else { 2 }, "{lines:?}");
        }
        for variables in [[("CI", "false")], [("SKIP", "black")], [("GIT_LATTICE_SKIP", "0")]] {
            assert_eq!(skipped_hooks(&sandbox, &variables), [""; 0], "{variables:?} is no skip");
        }
    }
}

#[test]
fn git_config_disables_all_hooks_or_one() {
    for git in every_git() {
        let sandbox = with_hooks(git.as_deref());
        for (key, expected) in [
            ("lattice.hooks", (false, false)),
            ("lattice.hooks.pre-commit", (false, true)),
            ("lattice.hooks.post-checkout", (true, false)),
            ("hook.lattice-post-checkout.enabled", (true, false)),
        ] {
            sandbox.git(&["config", key, "false"]);
            assert_eq!(acting_hooks(&sandbox, &[]), expected, "{key} on {git:?}");
            let lines = skipped_hooks(&sandbox, &[]);
            assert!(
                !lines.is_empty() && lines.iter().all(|line| line.ends_with(&format!("`{key}` is false"))),
                "{lines:?}"
            );
            sandbox.git(&["config", "--unset", key]);
        }
        assert_eq!(acting_hooks(&sandbox, &[]), (true, true));
    }
}

#[test]
fn status_says_which_operation_triggers_what() {
    let sandbox = Sandbox::new();
    let status = sandbox.lattice(&["hooks", "status", "--json"]).exits(0).json();
    assert_eq!(fields(&status["hooks"], "event"), ["pre-commit", "post-checkout", "post-merge", "post-commit"]);
    assert_eq!(status["version"], 1);
    sandbox.lattice(&["hooks", "install", "--shim", "--post-merge"]).exits(0).says_out("post-merge: installed");
    let shown = sandbox.lattice(&["hooks", "status"]).exits(0).stdout;
    let line = |event: &str| shown.lines().find(|line| line.trim_start().starts_with(event)).unwrap().to_owned();
    assert_eq!(
        line("pre-commit"),
        "  pre-commit     installed      git commit                       lints the staged .nix files"
    );
    assert!(line("post-checkout").contains("git switch, git checkout BRANCH"), "{shown}");
    assert!(line("post-merge").contains("installed      git merge, git pull"), "{shown}");
    assert!(line("post-commit").ends_with("with `hooks install --post-commit`"), "{shown}");
    sandbox.lattice(&["hooks", "install"]).exits(0).says_out("post-merge: unchanged");
    let folder = fs::canonicalize(sandbox.work().join(".git/hooks")).unwrap();
    assert!(shown.starts_with(&format!("hooks in {}", folder.display())), "{shown}");
}
