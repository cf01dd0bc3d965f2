//! Real hook managers: their hooks and ours both run, each once, in whatever order they were installed.

use std::fs;
use std::path::Path;

use crate::git_setup::{every_git, managers};
use crate::sandbox::Sandbox;

/// How a manager is configured to run `echo theirs` before a commit, and how it is installed.
struct Manager {
    name: &'static str,
    file: (&'static str, &'static str),
    install: &'static [&'static str],
    /// Whether it calls an existing hook.
    calls_ours: bool,
}

const PRE_COMMIT: (&str, &str) = (
    ".pre-commit-config.yaml",
    "repos:\n- repo: local\n  hooks:\n  - id: theirs\n    name: theirs\n    language: system\n    entry: sh -c 'echo theirs >>.git/called'\n    \
     always_run: true\n    pass_filenames: false\n",
);

const MANAGERS: [Manager; 4] = [
    Manager { name: "pre-commit", file: PRE_COMMIT, install: &["install"], calls_ours: true },
    Manager { name: "prek", file: PRE_COMMIT, install: &["install"], calls_ours: true },
    Manager {
        name: "lefthook",
        file: ("lefthook.yml", "pre-commit:\n  commands:\n    theirs:\n      run: echo theirs >>.git/called\n"),
        install: &["install"],
        calls_ours: false,
    },
    Manager {
        name: "husky",
        file: (".husky/pre-commit", "echo theirs >>.git/called\n"),
        install: &[],
        calls_ours: false,
    },
];

impl Manager {
    #[track_caller]
    fn install(&self, sandbox: &Sandbox) {
        let program = managers().unwrap().join(self.name);
        let mut command = std::process::Command::new(program);
        command.args(self.install).current_dir(sandbox.work());
        sandbox.environment(&mut command);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}: {}", self.name, String::from_utf8_lossy(&output.stderr));
    }
}

/// Runs `act` for each manager, git and way, in a repository that the manager is configured for.
fn for_each(act: impl Fn(&Sandbox, &Manager, &[&str])) {
    let Some(folder) = managers() else { return };
    for git in every_git() {
        let ways: &[&[&str]] = if git.is_some() { &[&["--shim"], &["--config"]] } else { &[&[]] };
        for (manager, way) in MANAGERS.iter().flat_map(|manager| ways.iter().map(move |way| (manager, *way))) {
            let sandbox = configured_for(manager, &folder, git.as_deref());
            act(&sandbox, manager, way);
        }
    }
}

fn configured_for(manager: &Manager, folder: &Path, git: Option<&Path>) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.prepend_path(folder);
    sandbox.use_git(git);
    let (file, text) = manager.file;
    sandbox.write(file, text);
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "-q", "-m", "configure the hooks"]);
    sandbox
}

/// Installs our hooks.
#[track_caller]
fn install(sandbox: &Sandbox, way: &[&str]) {
    sandbox.lattice(&[&["hooks", "install"], way].concat()).exits(0);
}

/// Commits a broken Nix file; returns how often their hook ran and how often ours refused it, and the output.
fn commit(sandbox: &Sandbox) -> (usize, usize, String) {
    fs::remove_file(sandbox.work().join(".git/called")).ok();
    sandbox.write("bad.nix", "{ a = 1 }\n");
    sandbox.git(&["add", "bad.nix"]);
    let output = sandbox.try_git("work", &["commit", "-q", "-m", "bad"]);
    let theirs = fs::read_to_string(sandbox.work().join(".git/called")).unwrap_or_default().lines().count();
    let said = format!("{}{}", output.text(), output.error_text());
    let ours = said.matches("the commit was stopped").count();
    assert_eq!(output.status.success(), ours == 0, "{said}");
    if ours == 0 {
        sandbox.git(&["reset", "-q", "HEAD~1"]);
    }
    fs::remove_file(sandbox.work().join(".git/called")).ok();
    (theirs, ours, said)
}

#[track_caller]
fn assert_both_run(sandbox: &Sandbox, manager: &Manager, when: &str) {
    let (theirs, ours, said) = commit(sandbox);
    assert_eq!((theirs, ours), (1, 1), "{}, {when}: each should run once: {said}", manager.name);
    let status = sandbox.lattice(&["hooks", "status", "--json"]).exits(0).json();
    assert_eq!(status["hooks"][0]["installed"], true, "{}, {when}: {status}", manager.name);
    assert_eq!(status["hooks"][0]["manager"], manager.name, "{when}: {status}");
}

#[track_caller]
fn assert_only_theirs_runs(sandbox: &Sandbox, manager: &Manager, when: &str) {
    let (theirs, ours, said) = commit(sandbox);
    assert_eq!((theirs, ours), (1, 0), "{}, {when}: {said}", manager.name);
}

#[test]
fn existing_manager_keeps_running() {
    for_each(|sandbox, manager, way| {
        manager.install(sandbox);
        let state = || ["work/.git/hooks", "work/.git/config", "work/.husky"].map(|name| sandbox.try_tree(name));
        let before = state();
        install(sandbox, way);
        assert_both_run(sandbox, manager, "ours last");
        sandbox.git(&["rm", "-q", "-f", "bad.nix"]);
        sandbox.lattice(&["hooks", "uninstall"]).exits(0);
        assert_only_theirs_runs(sandbox, manager, "ours gone");
        assert_eq!(state(), before, "{}", manager.name);
    });
}

#[test]
fn later_manager_runs_too_or_status_says_what_to_do() {
    for_each(|sandbox, manager, way| {
        install(sandbox, way);
        manager.install(sandbox);
        if !manager.calls_ours && way != ["--config"] {
            let status = sandbox.lattice(&["hooks", "status"]).exits(0);
            let state = format!("not installed: {}'s hook is there", manager.name);
            status.says_out(&state).says_err("`git lattice hooks install`");
            assert_only_theirs_runs(sandbox, manager, "ours were pushed aside");
            install(sandbox, way);
        }
        assert_both_run(sandbox, manager, "theirs last");
        install(sandbox, way);
        assert_both_run(sandbox, manager, "after ours were installed again");
        sandbox.lattice(&["hooks", "uninstall"]).exits(0);
        assert_only_theirs_runs(sandbox, manager, "ours gone");
        let traces = sandbox.tree("work/.git");
        assert!(
            !traces.contains("git-lattice-shim") && !traces.contains("lattice-chained"),
            "{}: {traces}",
            manager.name
        );
    });
}

#[test]
fn reinstalled_manager_keeps_both_running() {
    for_each(|sandbox, manager, way| {
        manager.install(sandbox);
        install(sandbox, way);
        for round in 0..2 {
            manager.install(sandbox);
            if manager.calls_ours || way == ["--config"] {
                assert_both_run(sandbox, manager, "theirs again");
            }
            install(sandbox, way);
            assert_both_run(sandbox, manager, &format!("both again, round {round}"));
        }
        sandbox.lattice(&["hooks", "uninstall"]).exits(0);
        assert_only_theirs_runs(sandbox, manager, "ours gone");
    });
}

#[test]
fn user_hook_survives_two_managers() {
    let Some(folder) = managers() else { return };
    for manager in MANAGERS.iter().filter(|manager| manager.calls_ours) {
        let mut sandbox = configured_for(manager, &folder, None);
        let seen = sandbox.path("seen");
        sandbox.use_program("own", &format!("#!/bin/sh\necho \"${{0##*/}}\" >>'{}'\n", seen.display()));
        let hooks = sandbox.work().join(".git/hooks");
        fs::create_dir_all(&hooks).unwrap();
        std::os::unix::fs::symlink(sandbox.path("bin-own/own"), hooks.join("pre-commit")).unwrap();
        install(&sandbox, &["--shim"]);
        manager.install(&sandbox);
        assert_both_run(&sandbox, manager, "the user's own first, then ours, then theirs");
        assert_eq!(
            fs::read_to_string(&seen).unwrap(),
            "pre-commit\n",
            "{}: the folder should keep its name and number",
            manager.name
        );
        sandbox.lattice(&["hooks", "uninstall"]).exits(0);
        assert_only_theirs_runs(&sandbox, manager, "ours gone");
        assert_eq!(fs::read_to_string(&seen).unwrap().lines().count(), 2, "{} should call the hook now", manager.name);
    }
}

#[test]
fn worktree_without_husky_gets_no_folder() {
    let Some(folder) = managers() else { return };
    let husky = MANAGERS.iter().find(|manager| manager.name == "husky").unwrap();
    let sandbox = configured_for(husky, &folder, None);
    husky.install(&sandbox);
    sandbox.git(&["worktree", "add", "-q", "../linked"]);
    let install = |dir: &str| sandbox.lattice_in(dir, &["hooks", "install", "--shim"], |command| command);
    install("linked")
        .exits(2)
        .says_err("`.husky/_`")
        .says_err("no such folder")
        .says_err("hint: ")
        .says_err("npm install");
    assert_eq!(sandbox.git_in("linked", &["status", "--porcelain"]), "");
    install("work").exits(0);
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "", "husky's folder should be ignored by git");
}
