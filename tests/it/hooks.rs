//! Hooks through real `git commit`, `git checkout` and `git worktree add`, with a fake git-lattice.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use git_lattice::hooks::{Kind, Plan, State, dir, install, plan_uninstall, shim, status};
use git_lattice::process::Cmd;

use crate::scratch::Scratch;

const HOOKS: &str = "repo/.git/hooks";

/// A repository, and a git-lattice that appends its arguments to the file `called` and exits with `status`.
fn repo_and_binary(status: u8) -> Scratch {
    let scratch = Scratch::new();
    scratch.repo("repo");
    let called = scratch.path("called");
    let text = format!("#!/bin/sh\necho \"$*\" >>'{}'\nexit {status}\n", called.display());
    scratch.program("bin/git-lattice", &text);
    scratch
}

fn plan_install(folder: &Path, binary: Option<&Path>) -> Result<Plan, install::Error> {
    git_lattice::hooks::plan_install(folder, &Kind::USUAL, binary)
}

fn install_in(scratch: &Scratch, folder: &str) {
    let plan = plan_install(&scratch.path(folder), Some(&scratch.path("bin/git-lattice"))).unwrap();
    plan.apply().unwrap();
    rewrite_shims(scratch, folder);
}

/// A child process rewrites the shims, for the reason that [`Scratch::program`] gives.
fn rewrite_shims(scratch: &Scratch, folder: &str) {
    for event in ["pre-commit", "post-checkout"] {
        let again = Cmd::new("sh").args(["-c", r#"cp -p "$1" "$1.new" && mv "$1.new" "$1""#, "sh"]);
        again.arg(scratch.path(folder).join(event)).read().unwrap();
    }
}

fn uninstall_from(scratch: &Scratch, folder: &str) {
    plan_uninstall(&scratch.path(folder)).unwrap().apply().unwrap();
}

fn write_hook(scratch: &Scratch, event: &str, text: &str) {
    scratch.program(&format!("{HOOKS}/{event}"), text);
}

#[test]
fn commit_and_checkout_reach_git_lattice() {
    let scratch = repo_and_binary(0);
    install_in(&scratch, HOOKS);
    assert!(scratch.git("repo", &["commit", "-q", "--allow-empty", "-m", "x"]).status.success());
    assert!(scratch.git("repo", &["checkout", "-q", "other"]).status.success());
    let [main, other] = ["main", "other"].map(|name| scratch.git("repo", &["rev-parse", name]).text());
    let expected = format!("hook run pre-commit\nhook run post-checkout {main} {other} 1\n");
    assert_eq!(scratch.read("called"), expected);
}

#[test]
fn checkout_of_files_starts_nothing() {
    let scratch = repo_and_binary(0);
    scratch.write("repo/file", "1");
    scratch.git("repo", &["add", "file"]);
    scratch.git("repo", &["commit", "-q", "-m", "file"]);
    install_in(&scratch, HOOKS);
    assert!(scratch.git("repo", &["checkout", "-q", "--", "file"]).status.success());
    assert_eq!(scratch.read("called"), "", "flag 0 ends in the shim");
}

#[test]
fn linked_worktrees_run_the_same_hook() {
    let scratch = repo_and_binary(0);
    install_in(&scratch, HOOKS);
    let added = scratch.git("repo", &["worktree", "add", "-q", "../linked", "other"]);
    assert!(added.status.success(), "{}", added.error_text());
    assert!(scratch.read("called").starts_with("hook run post-checkout 0000000000"), "{}", scratch.read("called"));
    let found = dir::find(&scratch.git_program(), &scratch.path("linked")).unwrap();
    assert_eq!(found.path, scratch.path(HOOKS), "linked worktrees share the hooks folder");
}

#[test]
fn lint_stops_the_commit_but_no_hook_stops_a_checkout() {
    let scratch = repo_and_binary(1);
    install_in(&scratch, HOOKS);
    assert_eq!(scratch.git("repo", &["commit", "-q", "--allow-empty", "-m", "x"]).status.code(), Some(1));
    let switched = scratch.git("repo", &["checkout", "-q", "other"]);
    assert!(switched.status.success(), "post-checkout should never fail git checkout: {}", switched.error_text());
    assert_eq!(scratch.read("called").lines().count(), 2, "both were called: {}", scratch.read("called"));
}

#[test]
fn missing_program_prints_one_line_and_git_continues() {
    let scratch = repo_and_binary(0);
    install_in(&scratch, HOOKS);
    fs::remove_file(scratch.path("bin/git-lattice")).unwrap();
    for args in [&["commit", "-q", "--allow-empty", "-m", "x"][..], &["checkout", "-q", "other"]] {
        let output = scratch.git("repo", args);
        assert!(output.status.success(), "{args:?}: {}", output.error_text());
        let said = output.error_text();
        assert!(said.starts_with("git-lattice: program not found") && said.lines().count() == 1, "{args:?}: {said}");
    }
}

#[test]
fn moved_program_is_found_and_a_broken_one_ignored() {
    let scratch = repo_and_binary(0);
    let plan = plan_install(&scratch.path(HOOKS), Some(Path::new("/gone/git-lattice"))).unwrap();
    plan.apply().unwrap();
    rewrite_shims(&scratch, HOOKS);
    let shim = scratch.path(HOOKS).join("pre-commit");
    let path = format!("{}:/usr/bin:/bin", scratch.path("bin").display());
    let run = || Cmd::new(&shim).env("PATH", &path).output().unwrap();
    assert!(run().status.success());
    assert_eq!(scratch.read("called"), "hook run pre-commit\n");
    scratch.program("bin/git-lattice", "#!/no/such/interpreter\n");
    assert!(run().status.success(), "a program that cannot start should not stop the commit");
}

#[test]
fn existing_hook_runs_first() {
    let scratch = repo_and_binary(0);
    let note = |name: &str| {
        format!("#!/bin/sh\necho \"{name} $(basename \"$0\") $*\" >>'{}'\n", scratch.path("called").display())
    };
    write_hook(&scratch, "pre-commit", &note("mine"));
    write_hook(&scratch, "post-checkout", &format!("{}exit 3\n", note("mine")));
    install_in(&scratch, HOOKS);
    assert!(scratch.git("repo", &["commit", "-q", "--allow-empty", "-m", "x"]).status.success());
    assert!(
        scratch.git("repo", &["checkout", "-q", "other"]).status.success(),
        "its failure should not fail the checkout"
    );
    let [main, other] = ["main", "other"].map(|name| scratch.git("repo", &["rev-parse", name]).text());
    let told = format!("post-checkout {main} {other} 1");
    let expected = format!("mine pre-commit \nhook run pre-commit\nmine {told}\nhook run {told}\n");
    assert_eq!(scratch.read("called"), expected, "arguments and program name should be the same");
}

#[test]
fn existing_hook_may_refuse_a_commit() {
    let scratch = repo_and_binary(0);
    write_hook(&scratch, "pre-commit", "#!/usr/bin/env -S sh -e\nfalse\necho 'not reached'\n");
    install_in(&scratch, HOOKS);
    let output = scratch.git("repo", &["commit", "-q", "--allow-empty", "-m", "x"]);
    assert_eq!(
        (output.status.code(), output.error_text().as_str()),
        (Some(1), ""),
        "options of its interpreter should be kept"
    );
    assert_eq!(scratch.read("called"), "", "git-lattice should not run after a refusal");
}

#[test]
fn chained_program_gets_stdin_and_its_status_counts() {
    let scratch = repo_and_binary(0);
    let text = format!("#!/usr/bin/awk -f\n{{ print >\"{}\" }}\nEND {{ exit 7 }}\n", scratch.path("stdin").display());
    write_hook(&scratch, "pre-commit", &text);
    install_in(&scratch, HOOKS);
    let shim = Cmd::new(scratch.path(HOOKS).join("pre-commit"));
    assert_eq!(shim.stdin("one\ntwo\n").output().unwrap().status.code(), Some(7));
    assert_eq!(scratch.read("stdin"), "one\ntwo\n", "a hook in any language should run unchanged");
}

#[test]
fn uninstall_restores_the_folder() {
    let scratch = repo_and_binary(0);
    let hooks = scratch.path(HOOKS);
    scratch.program("script", "#!/bin/sh\nexit 0\n");
    symlink("../../../script", hooks.join("pre-commit")).unwrap();
    scratch.write(&format!("{HOOKS}/post-checkout"), "#!/bin/sh\nexit 1\n");
    let before = scratch.snapshot(HOOKS);
    install_in(&scratch, HOOKS);
    let after = scratch.snapshot(HOOKS);
    assert_ne!(after, before);
    let again = plan_install(&hooks, Some(&scratch.path("bin/git-lattice"))).unwrap();
    assert!(again.is_unchanged(), "a second run should change nothing: {again}");
    again.apply().unwrap();
    assert_eq!(scratch.snapshot(HOOKS), after);
    assert!(
        scratch.git("repo", &["checkout", "-q", "other"]).status.success(),
        "a hook that is not executable should not run"
    );
    uninstall_from(&scratch, HOOKS);
    assert_eq!(scratch.snapshot(HOOKS), before);
}

#[test]
fn uninstall_removes_only_a_folder_made_by_install() {
    let scratch = repo_and_binary(0);
    fs::remove_dir_all(scratch.path(HOOKS)).unwrap();
    install_in(&scratch, HOOKS);
    uninstall_from(&scratch, HOOKS);
    assert_eq!(scratch.snapshot(HOOKS), None, "the folder was made by install");
    install_in(&scratch, HOOKS);
    scratch.write(&format!("{HOOKS}/pre-push"), "");
    uninstall_from(&scratch, HOOKS);
    assert!(scratch.path(HOOKS).join("pre-push").exists(), "a folder with another file should stay");
    fs::remove_file(scratch.path(HOOKS).join("pre-push")).unwrap();
    install_in(&scratch, HOOKS);
    uninstall_from(&scratch, HOOKS);
    assert_eq!(scratch.snapshot(HOOKS).as_deref(), Some(""), "an empty folder that existed should stay");
}

#[test]
fn status_reports_each_hook() {
    let scratch = repo_and_binary(0);
    let states =
        || status(&scratch.path(HOOKS)).unwrap().into_iter().take(2).map(|(_, state)| state).collect::<Vec<_>>();
    assert_eq!(states(), [State::NotInstalled, State::NotInstalled]);
    write_hook(&scratch, "pre-commit", "#!/bin/sh\n");
    assert_eq!(states(), [State::Foreign(None), State::NotInstalled]);
    install_in(&scratch, HOOKS);
    let installed = |runs: Option<bool>| State::Installed {
        version: shim::VERSION,
        current: true,
        edited: false,
        runs: true,
        chained: runs.map(|runs| git_lattice::hooks::inspect::Chained { runs, manager: None }),
        called_by: None,
    };
    assert_eq!(states(), [installed(Some(true)), installed(None)]);
}

#[test]
fn shims_of_a_newer_version_are_not_replaced() {
    let scratch = repo_and_binary(0);
    let hooks = scratch.path(HOOKS);
    plan_install(&hooks, None).unwrap().apply().unwrap();
    let plan = plan_install(&hooks, Some(&scratch.path("bin/git-lattice"))).unwrap();
    assert!(plan.to_string().contains("pre-commit: updated\n"), "{plan}");
    plan.apply().unwrap();
    assert_eq!(
        plan.apply().unwrap_err().to_string(),
        format!("the hooks in `{}` were changed by another process meanwhile", hooks.display())
    );
    let newer = scratch.read(&format!("{HOOKS}/pre-commit")).replace("-shim 2 ", "-shim 99 ");
    write_hook(&scratch, "pre-commit", &newer);
    let plan = plan_install(&hooks, None).unwrap();
    assert!(plan.to_string().contains("pre-commit: unchanged, written by a newer git-lattice (shim 99)\n"), "{plan}");
}

#[test]
fn hooks_of_the_user_are_not_overwritten() {
    let scratch = repo_and_binary(0);
    let hooks = scratch.path(HOOKS);
    install_in(&scratch, HOOKS);
    let shim = scratch.read(&format!("{HOOKS}/pre-commit"));
    write_hook(&scratch, "pre-commit", &format!("{shim}make lint\n"));
    let uninstalled = plan_uninstall(&hooks).unwrap_err();
    assert!(matches!(uninstalled, install::Error::Edited { .. }), "{uninstalled}");
    let updated = plan_install(&hooks, None).unwrap_err();
    assert!(matches!(updated, install::Error::Edited { .. }), "{updated}");

    scratch.write(&format!("{HOOKS}/pre-commit.lattice-chained"), "old");
    write_hook(&scratch, "pre-commit", "#!/bin/sh\nnew\n");
    let both = plan_install(&hooks, None).unwrap_err();
    assert!(matches!(both, install::Error::Both { .. }), "{both}");
    uninstall_from(&scratch, HOOKS);
    assert_eq!(scratch.read(&format!("{HOOKS}/pre-commit")), "#!/bin/sh\nnew\n");
    assert_eq!(scratch.read(&format!("{HOOKS}/pre-commit.lattice-chained")), "old");
}

#[test]
fn interrupted_install_is_finished_or_undone() {
    let scratch = repo_and_binary(0);
    write_hook(&scratch, "pre-commit", "#!/bin/sh\nexit 0\n");
    let before = scratch.snapshot(HOOKS);
    let [hook, chained] = ["pre-commit", "pre-commit.lattice-chained"].map(|name| scratch.path(HOOKS).join(name));
    let twin = || fs::hard_link(&hook, &chained).unwrap();
    twin();
    uninstall_from(&scratch, HOOKS);
    assert_eq!(scratch.snapshot(HOOKS), before);
    twin();
    install_in(&scratch, HOOKS);
    assert!(scratch.read(&format!("{HOOKS}/pre-commit")).contains("# git-lattice-shim"));
    uninstall_from(&scratch, HOOKS);
    assert_eq!(scratch.snapshot(HOOKS), before);
}

#[test]
fn unusable_hook_path_is_refused() {
    let scratch = repo_and_binary(0);
    fs::create_dir(scratch.path(HOOKS).join("pre-commit")).unwrap();
    let refused = plan_install(&scratch.path(HOOKS), None).unwrap_err();
    assert!(matches!(refused, install::Error::IsFolder { .. }), "{refused}");
    let off = plan_install(Path::new("/dev/null"), None).unwrap_err();
    assert_eq!(off.to_string(), "`/dev/null` is not a folder, so hooks cannot be installed in it");
    assert_eq!(status(Path::new("/dev/null")).unwrap()[0].1, State::NotInstalled);
}

#[test]
fn failed_write_keeps_the_existing_hook() {
    const LONGEST_PATH: usize = if cfg!(target_os = "linux") { 4096 } else { 1024 };
    let scratch = repo_and_binary(0);
    let mut folder = scratch.path(HOOKS);
    // The hook's path is short enough here, the path of its temporary file is not.
    while let room @ 51.. = LONGEST_PATH - folder.as_os_str().len() {
        folder.push("f".repeat((room - 50).clamp(1, 200)));
    }
    fs::create_dir_all(&folder).unwrap();
    let text = "#!/bin/sh\nexit 0\n";
    fs::write(folder.join("pre-commit"), text).unwrap();
    plan_install(&folder, None).unwrap().apply().unwrap_err();
    assert_eq!(fs::read_to_string(folder.join("pre-commit")).unwrap(), text, "there should be a hook at every moment");
}

#[test]
fn hooks_folder_in_force_is_found() {
    let scratch = repo_and_binary(0);
    let git = scratch.git_program();
    let find = |cwd: &str| dir::find(&git, &scratch.path(cwd)).unwrap();
    fs::create_dir(scratch.path("repo/sub")).unwrap();
    assert_eq!(find("repo/sub"), dir::HooksDir { path: scratch.path(HOOKS), owner: dir::Owner::Git });

    scratch.git("repo", &["config", "core.hooksPath", ".husky"]);
    let owner = dir::Owner::Config { value: ".husky".to_owned() };
    assert_eq!(find("repo/sub"), dir::HooksDir { path: scratch.path("repo/.husky"), owner });
    let outside = dir::find(&git, &scratch.path("repo/.git")).unwrap_err();
    assert!(matches!(outside, dir::Error::NoWorktree { .. }), "{outside}");

    scratch.git(".", &["init", "-q", "--bare", "bare.git"]);
    assert_eq!(find("bare.git").path, scratch.path("bare.git/hooks"));
    scratch.git("bare.git", &["config", "core.hooksPath", "own"]);
    assert_eq!(find("bare.git/refs").path, scratch.path("bare.git/own"), "relative to the bare repository");
}

#[test]
fn shared_hooks_folder_is_refused() {
    let scratch = repo_and_binary(0);
    let git = scratch.git_program();
    let error = |cwd: &str| dir::find(&git, &scratch.path(cwd)).unwrap_err();
    assert!(matches!(error("."), dir::Error::Git(_)), "no repository");
    scratch.git("repo", &["config", "--global", "core.hooksPath", "~/hooks"]);
    let said = error("repo").to_string();
    assert!(said.starts_with("`core.hooksPath` is `~/hooks` in the global configuration (file:"), "{said}");
    scratch.git("repo", &["config", "core.hooksPath", ""]);
    assert!(matches!(error("repo"), dir::Error::Off { .. }));
    let common = scratch.git("repo", &["rev-parse", "--path-format=absolute", "--git-common-dir"]).text();
    scratch.git("repo", &["config", "--local", "core.hooksPath", &format!("{common}/hooks")]);
    assert_eq!(
        dir::find(&git, &scratch.path("repo")).unwrap().path,
        scratch.path(HOOKS),
        "the suggested command should work"
    );
}

#[test]
fn permissions_follow_the_umask() {
    let scratch = repo_and_binary(0);
    install_in(&scratch, HOOKS);
    let mode = fs::metadata(scratch.path(HOOKS).join("pre-commit")).unwrap().permissions().mode();
    assert_eq!(mode & 0o700, 0o700, "its owner should be able to run it");
}
