//! What the command that `trust` names shows: what would be built, whatever the branch brings to hide it.

use std::fs;

use super::victim::{Put, Victim};
use crate::sandbox::Sandbox;
use crate::story::{at, branch, dir};

/// A word of the step.nix that is to be seen.
const EVIL: &str = "throw \"evil\"";

fn step() -> (&'static str, Put) {
    ("step.nix", Put::Text(format!("{{ ... }}: {EVIL}\n")))
}

/// Runs the command that `trust` names, in a directory of the worktree, and gives what it shows.
#[track_caller]
fn looked_at_from(sandbox: &Sandbox, folder: &str) -> String {
    let run = sandbox.lattice(&["trust", &at("phase0/step1")]).exits(2);
    let command = run.stderr.lines().find_map(|line| line.strip_prefix("    look: "));
    let command = command.unwrap_or_else(|| panic!("a command should be named: {}", run.stderr));
    let script = sandbox.program("look", &format!("#!/bin/sh\nexec {command}\n"));
    let mut shell = std::process::Command::new(script);
    shell.current_dir(sandbox.path(folder));
    sandbox.environment(&mut shell);
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
fn is_shown(sandbox: &Sandbox) {
    let shown = looked_at_from(sandbox, "work");
    assert!(shown.contains(EVIL), "what would be built should be seen:\n{shown}");
}

fn lies_in(victim: &Victim) {
    victim.sandbox.git(&["-c", "core.hooksPath=/dev/null", "switch", "-q", &branch(&at("phase0/step1"))]);
}

#[test]
fn git_attributes_hide_nothing() {
    for attributes in ["* -diff\n", "* binary\n", "* diff=quiet\n"] {
        let victim = Victim::new(None);
        let sandbox = &victim.sandbox;
        sandbox.git(&["config", "diff.quiet.textconv", "true"]);
        sandbox.git(&["config", "diff.quiet.command", &format!("{}; true", victim.evil().replace(' ', "\\ "))]);
        let files = [step(), ("/.gitattributes", Put::Text(attributes.to_owned()))];
        victim.is_sent("step", &files);
        lies_in(&victim);
        is_shown(sandbox);
        assert!(!std::path::Path::new(&victim.touched()).exists(), "no program of a diff driver should be run");
    }
}

#[test]
fn tags_named_like_branches_hide_nothing() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    victim.is_sent("step", &[step()]);
    lies_in(&victim);
    let name = branch(&at("phase0/step1"));
    for tag in ["main", "origin/main", "heads/main", "refs/heads/main"] {
        sandbox.git(&["update-ref", &format!("refs/tags/{tag}"), &format!("refs/heads/{name}")]);
    }
    for tag in [name.clone(), format!("heads/{name}"), format!("refs/heads/{name}")] {
        sandbox.git(&["update-ref", &format!("refs/tags/{tag}"), "refs/heads/main"]);
    }
    is_shown(sandbox);
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
    victim.is_sent("step", &[("flake.nix", Put::Text("{ }\n".to_owned()))]);
    sandbox.git(&["revert", "--no-edit", "HEAD"]);
    is_shown(sandbox);
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
    victim.is_sent("step", &[step(), ("notes", Put::Gone)]);
    let shown = looked_at_from(sandbox, &format!("work/{point}"));
    assert!(shown.contains(&format!("+{{ ... }}: {EVIL}")), "{shown}");
}

#[test]
fn replaced_objects_hide_nothing() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    victim.is_sent("step", &[step()]);
    let there = |path: &str| sandbox.git(&["rev-parse", &format!("origin/{}:{path}", branch(&at("phase0/step1")))]);
    let blob = there(&format!("{}/step.nix", dir(&at("phase0/step1"))));
    fs::write(sandbox.path("harmless"), "{ ... }: null\n").unwrap();
    let harmless = sandbox.git(&["hash-object", "-w", sandbox.path("harmless").to_str().unwrap()]);
    sandbox.git(&["replace", &blob, &harmless]);
    is_shown(sandbox);
}

/// Where the base has the same, or no base is at hand, the history is shown; git leaves merges out of it.
#[test]
fn merges_hide_nothing() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    let path = format!("{}/step.nix", dir(&at("phase0/step1")));
    victim.is_sent_with("step", &[], |clone| {
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
    is_shown(sandbox);
}

/// A diff does not show what a terminal obeys: colours that hide, writing over a line, and text from right to left.
#[test]
fn control_characters_are_escaped() {
    let point = dir(&at("phase0/step1"));
    for (odd, line) in [("\u{1b}[8m", 2), ("\r\u{1b}[K", 2), ("\u{202e}", 2), ("\r\n\u{9b}8m", 3)] {
        let victim = Victim::new(None);
        let files =
            [("step.nix", Put::Text(format!("{{ ... }}: {EVIL}\n# {odd}\n"))), ("b\u{1b}c", Put::Text("a\r\n".into()))];
        victim.is_sent("step", &files);
        let run = victim.sandbox.lattice(&["trust", &at("phase0/step1")]).exits(2);
        let mark = format!("    {point}/step.nix  (line {line} has terminal control characters)\n");
        run.says_err(&mark)
            .says_err(&format!("    {point}/b\u{fffd}c\n"))
            .says_err(&format!("    {point}/flake.nix\n"));
    }
}
