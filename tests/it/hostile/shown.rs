//! The command that `trust` names shows everything that would be built, whatever the branch does to hide it.

use std::fs;

use super::victim::{FileChange, Victim};
use crate::sandbox::Sandbox;
use crate::story::{at, branch, dir};

/// A word of step.nix that must be shown.
const EVIL: &str = "throw \"evil\"";

fn evil_step() -> (&'static str, FileChange) {
    ("step.nix", FileChange::Text(format!("{{ ... }}: {EVIL}\n")))
}

/// Runs the command that `trust` names in a directory of the worktree, and returns its output.
#[track_caller]
fn look_from(sandbox: &Sandbox, folder: &str) -> String {
    let run = sandbox.lattice(&["trust", &at("phase0/step1")]).exits(2);
    let command = run.stderr.lines().find_map(|line| line.strip_prefix("        git "));
    let command = command.unwrap_or_else(|| panic!("a command should be named: {}", run.stderr));
    let script = sandbox.program("look", &format!("#!/bin/sh\nexec git {command}\n"));
    let mut shell = std::process::Command::new(script);
    shell.current_dir(sandbox.path(folder));
    sandbox.environment(&mut shell);
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
fn assert_shown(sandbox: &Sandbox) {
    let shown = look_from(sandbox, "work");
    assert!(shown.contains(EVIL), "the content to be built should be shown:\n{shown}");
}

fn switch_to_foreign_branch(victim: &Victim) {
    victim.sandbox.git(&["-c", "core.hooksPath=/dev/null", "switch", "-q", &branch(&at("phase0/step1"))]);
}

#[test]
fn git_attributes_hide_nothing() {
    for attributes in ["* -diff\n", "* binary\n", "* diff=quiet\n"] {
        let victim = Victim::new(None);
        let sandbox = &victim.sandbox;
        sandbox.git(&["config", "diff.quiet.textconv", "true"]);
        sandbox.git(&[
            "config",
            "diff.quiet.command",
            &format!("{}; true", victim.trace_command().replace(' ', "\\ ")),
        ]);
        let files = [evil_step(), ("/.gitattributes", FileChange::Text(attributes.to_owned()))];
        victim.receives_branch("step", &files);
        switch_to_foreign_branch(&victim);
        assert_shown(sandbox);
        assert!(!std::path::Path::new(&victim.trace_file()).exists(), "no program of a diff driver should be run");
    }
}

#[test]
fn tags_named_like_branches_hide_nothing() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    victim.receives_branch("step", &[evil_step()]);
    switch_to_foreign_branch(&victim);
    let name = branch(&at("phase0/step1"));
    for tag in ["main", "origin/main", "heads/main", "refs/heads/main"] {
        sandbox.git(&["update-ref", &format!("refs/tags/{tag}"), &format!("refs/heads/{name}")]);
    }
    for tag in [name.clone(), format!("heads/{name}"), format!("refs/heads/{name}")] {
        sandbox.git(&["update-ref", &format!("refs/tags/{tag}"), "refs/heads/main"]);
    }
    assert_shown(sandbox);
}

#[test]
fn text_reverted_on_the_base_is_shown() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    let point = dir(&at("phase0/step1"));
    sandbox.write(&format!("{point}/step.nix"), format!("{{ ... }}: {EVIL}\n"));
    sandbox.git(&["add", "flakes"]);
    sandbox.git(&["commit", "-q", "-m", "a mistake"]);
    sandbox.git(&["push", "-q"]);
    victim.receives_branch("step", &[("flake.nix", FileChange::Text("{ }\n".to_owned()))]);
    sandbox.git(&["revert", "--no-edit", "HEAD"]);
    assert_shown(sandbox);
}

#[test]
fn renames_links_and_directories_hide_nothing() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    let point = dir(&at("phase0/step1"));
    sandbox.write(&format!("{point}/notes"), format!("{{ ... }}: {EVIL}\n"));
    sandbox.git(&["add", "flakes"]);
    sandbox.git(&["commit", "-q", "-m", "notes"]);
    sandbox.git(&["push", "-q"]);
    victim.receives_branch("step", &[evil_step(), ("notes", FileChange::Gone)]);
    let shown = look_from(sandbox, &format!("work/{point}"));
    assert!(shown.contains(&format!("+{{ ... }}: {EVIL}")), "{shown}");
}

#[test]
fn replaced_objects_hide_nothing() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    victim.receives_branch("step", &[evil_step()]);
    let there = |path: &str| sandbox.git(&["rev-parse", &format!("origin/{}:{path}", branch(&at("phase0/step1")))]);
    let blob = there(&format!("{}/step.nix", dir(&at("phase0/step1"))));
    fs::write(sandbox.path("harmless"), "{ ... }: null\n").unwrap();
    let harmless = sandbox.git(&["hash-object", "-w", sandbox.path("harmless").to_str().unwrap()]);
    sandbox.git(&["replace", &blob, &harmless]);
    assert_shown(sandbox);
}

/// If the base has the same content, or there is no base, the history is shown; git leaves out merges.
#[test]
fn merges_hide_nothing() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    let path = format!("{}/step.nix", dir(&at("phase0/step1")));
    victim.receives_branch_with("step", &[], |clone| {
        sandbox.git_in(clone, &["commit", "-q", "--allow-empty", "-m", "x"]);
        sandbox
            .git_in(clone, &["merge", "-q", "--no-commit", "-s", "ours", "--allow-unrelated-histories", "origin/main"]);
        fs::write(sandbox.path(clone).join(&path), format!("{{ ... }}: {EVIL}\n")).unwrap();
        sandbox.git_in(clone, &["add", "-A"]);
        let tree = sandbox.git_in(clone, &["write-tree"]);
        let merge = ["commit-tree", "-p", "HEAD", "-p", "origin/main", "-m", "merge", &tree];
        let merge = sandbox.git_in(clone, &merge);
        sandbox.git_in(clone, &["reset", "-q", "--hard", &merge]);
    });
    let name = branch(&at("phase0/step1"));
    sandbox.git(&["merge", "-q", "--ff-only", &format!("origin/{name}")]);
    assert_shown(sandbox);
}

/// A diff does not show what a terminal interprets: hiding colours, overwritten lines, and text from right to left.
#[test]
fn control_characters_are_escaped() {
    let point = dir(&at("phase0/step1"));
    for (odd, line) in [("\u{1b}[8m", 2), ("\r\u{1b}[K", 2), ("\u{202e}", 2), ("\r\n\u{9b}8m", 3)] {
        let victim = Victim::new(None);
        let files = [
            ("step.nix", FileChange::Text(format!("{{ ... }}: {EVIL}\n# {odd}\n"))),
            ("b\u{1b}c", FileChange::Text("a\r\n".into())),
        ];
        victim.receives_branch("step", &files);
        let run = victim.sandbox.lattice(&["trust", &at("phase0/step1")]).exits(2);
        let mark = format!("    {point}/step.nix  (line {line} has terminal control characters)\n");
        run.says_err(&mark)
            .says_err(&format!("    {point}/b\u{fffd}c\n"))
            .says_err(&format!("    {point}/flake.nix\n"));
    }
}
