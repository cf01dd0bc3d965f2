//! Working directories: a dirty worktree, no branch, no commit, no worktree, another folder.

use std::fs;

use crate::sandbox::{Run, Sandbox};

const BRANCH: &str = "feature/toolchain/aarch64/phase0/step1";
const NEW: [&str; 4] = ["new", "--arch", "aarch64", "--no-switch"];
const FILES: &str =
    "flakes/toolchain/aarch64/phase0/step1/config.toml\nflakes/toolchain/aarch64/phase0/step1/flake.nix";

/// Asserts that the branch exists and differs from the base only in the point's files.
#[track_caller]
fn assert_only_the_point_changed(sandbox: &Sandbox, repo: &str) {
    let changed = sandbox.git_in(repo, &["diff", "--name-only", "main", BRANCH]);
    assert_eq!(changed, FILES, "the point's commit should hold its own files and nothing else");
}

/// A sandbox whose worktree has changes of every kind.
fn with_uncommitted_changes() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("kept", "1\n");
    sandbox.git(&["add", "kept"]);
    sandbox.git(&["commit", "-q", "-m", "kept"]);
    sandbox.write("README", "changed and staged\n");
    sandbox.write("flakes/toolchain/aarch64/phase0/step2/secret.nix", "staged, where a point will be\n");
    sandbox.git(&["add", "README", "flakes"]);
    sandbox.write("README", "changed again\n");
    sandbox.write("untracked", "mine\n");
    sandbox.write("intended", "mine too\n");
    sandbox.git(&["add", "-N", "intended"]);
    fs::remove_file(sandbox.work().join("kept")).unwrap();
    sandbox
}

/// HEAD, index and worktree, without the refs.
fn head_index_and_worktree(sandbox: &Sandbox) -> String {
    let run = |args: &[&str]| sandbox.git(args);
    [
        run(&["rev-parse", "HEAD"]),
        run(&["status", "--porcelain=v2", "--untracked-files=all"]),
        run(&["ls-files", "-s"]),
        run(&["diff"]),
        run(&["diff", "--cached"]),
        run(&["stash", "list"]),
    ]
    .join("\n--\n")
}

#[test]
fn uncommitted_changes_stay_and_are_never_committed() {
    let sandbox = with_uncommitted_changes();
    let before = head_index_and_worktree(&sandbox);
    sandbox.lattice(&NEW).exits(0).says_out("created");
    sandbox.lattice(&["next-step", "toolchain/aarch64/phase0/step1", "--no-switch"]).exits(0).says_out("created");
    sandbox
        .lattice(&["promote", "toolchain/aarch64/phase0/step2", "--no-switch", "--force", "--reason", "test"])
        .exits(0);
    sandbox.lattice(&["new", "aarch64", "--dry-run"]);
    sandbox.lattice(&["status"]).exits(0);
    assert_eq!(
        head_index_and_worktree(&sandbox),
        before,
        "HEAD, index, worktree and untracked files should be as they were"
    );
    assert_only_the_point_changed(&sandbox, "work");
    let step2 = sandbox.git(&["ls-tree", "-r", "--name-only", "feature/toolchain/aarch64/phase0/step2"]);
    assert!(
        !step2.contains("secret.nix") && !step2.contains("untracked"),
        "no staged file should be committed: {step2}"
    );
    let readme = sandbox.git(&["show", &format!("{BRANCH}:README")]);
    assert_eq!(readme, "a project", "the staged change should not be committed");
}

#[test]
fn switch_carries_local_changes_as_git_does() {
    let sandbox = with_uncommitted_changes();
    sandbox.lattice(&["new", "--arch", "aarch64"]).exits(0);
    assert_eq!(fs::read_to_string(sandbox.work().join("README")).unwrap(), "changed again\n");
    assert_eq!(fs::read_to_string(sandbox.work().join("untracked")).unwrap(), "mine\n");
    assert_only_the_point_changed(&sandbox, "work");
}

#[test]
fn works_during_a_merge_or_rebase() {
    let sandbox = Sandbox::new();
    sandbox.git(&["switch", "-q", "-c", "side", "HEAD~1"]);
    sandbox.write("lattice.toml", "conflict");
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "-q", "-m", "side"]);
    sandbox.git(&["switch", "-q", "main"]);
    assert!(!sandbox.try_git("work", &["merge", "side"]).status.success(), "there should be a conflict");
    sandbox.git(&["checkout", "-q", "--ours", "lattice.toml"]);
    let before = head_index_and_worktree(&sandbox);
    sandbox.lattice(&NEW).exits(0).says_out("created");
    assert_eq!(head_index_and_worktree(&sandbox), before, "the conflict should be as it was");
}

#[test]
fn works_with_a_detached_head() {
    let sandbox = Sandbox::new();
    sandbox.git(&["checkout", "-q", "--detach"]);
    let before = head_index_and_worktree(&sandbox);
    sandbox.lattice(&["status"]).exits(0);
    sandbox.lattice(&NEW).exits(0).says_out("created");
    assert_eq!(head_index_and_worktree(&sandbox), before, "HEAD should stay detached where it was");
    assert!(!sandbox.try_git("work", &["symbolic-ref", "-q", "HEAD"]).status.success(), "HEAD should be detached");
    for command in ["next-step", "promote", "build", "show"] {
        let run = sandbox.refused(&[command]).exits(2).says_err("HEAD is not on the branch of a point");
        run.says_err("hint: name a point");
    }
}

#[test]
fn refuses_a_repository_without_commits() {
    let sandbox = Sandbox::without_lattice();
    sandbox.git_in("", &["init", "-q", "empty"]);
    let run = |args: &[&str]| sandbox.lattice_in("empty", args, |command| command);
    let init = ["init", "--component", "a", "--arch", "aarch64", "--no-hooks"];
    run(&init)
        .exits(2)
        .says_err("the repository has no commit yet")
        .says_err("hint: points start from a commit: `git commit --allow-empty");
    assert!(!sandbox.path("empty/lattice.toml").exists(), "no file should be written");
    run(&["status"]).exits(2).says_err("there is no `lattice.toml` here");
    let toml = "base = \"main\"\nremote = \"\"\n[axes]\ncomponent = { set = [\"toolchain\"] }\narch = { set = [\"aarch64\"] }\n\
        phase = { chain = [\"phase0\"] }\nstep = { chain = \"step{n}\" }\n";
    fs::write(sandbox.path("empty/lattice.toml"), toml).unwrap();
    run(&["status"]).exits(0).says_err("no point has a branch yet");
    run(&NEW).exits(2).says_err("the repository has no commit yet").says_err("hint: ").says_err("git commit");
    assert_eq!(sandbox.git_in("empty", &["for-each-ref"]), "", "no ref should be written");
}

#[test]
fn refuses_outside_of_a_repository() {
    let sandbox = Sandbox::without_lattice();
    for args in
        [&[][..], &["status"], &["new", "--arch", "aarch64"], &["init", "--component", "a"], &["hooks", "install"]]
    {
        let run =
            sandbox.lattice_in("home", args, |command| command).exits(2).says_err("is not inside a git repository");
        run.says_err("hint: `git init` creates one");
    }
    for args in [&["--help"][..], &["--version"], &["new", "--help"], &["man"], &["completions", "fish"]] {
        sandbox.lattice_in("home", args, |command| command).exits(0);
    }
}

#[test]
fn works_in_a_linked_worktree() {
    let sandbox = Sandbox::new();
    sandbox.git(&["worktree", "add", "-q", "-b", "side", "../linked"]);
    fs::create_dir_all(sandbox.path("linked/a/b")).unwrap();
    let before = head_index_and_worktree(&sandbox);
    let run = |dir: &str, args: &[&str]| sandbox.lattice_in(dir, args, |command| command);
    run("linked/a/b", &["new", "--arch", "aarch64"]).exits(0).says_out("created");
    assert_eq!(
        sandbox.git_in("linked", &["symbolic-ref", "--short", "HEAD"]),
        BRANCH,
        "that worktree should be switched"
    );
    assert_eq!(head_index_and_worktree(&sandbox), before, "the main worktree should not change");
    run("linked/a/b", &["next-step"]).exits(0).says_out("step2");
    run("linked", &["status"]).exits(0).says_out("step2");
    assert_only_the_point_changed(&sandbox, "work");
    let again = sandbox.lattice(&["new", "--arch", "aarch64", "--step", "step2"]).exits(1);
    again.says_err("already").says_err("linked");
}

#[test]
fn works_in_a_subdirectory_and_with_git_dash_c() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.work().join("deep/er")).unwrap();
    fs::write(sandbox.work().join("deep/er/c.toml"), "here = true\n").unwrap();
    let args = ["new", "--arch", "aarch64", "--config", "c.toml"];
    sandbox.lattice_in("work/deep/er", &args, |command| command).exits(0).says_out("created");
    assert_eq!(sandbox.git(&["show", "HEAD:flakes/toolchain/aarch64/phase0/step1/config.toml"]), "here = true");
    let deep = sandbox.path("work").join("deep");
    sandbox
        .git_in("home", &["-C", deep.to_str().unwrap(), "lattice", "new", "--arch", "x86_64", "--config", "er/c.toml"]);
    assert_eq!(sandbox.git(&["show", "HEAD:flakes/toolchain/x86_64/phase0/step1/config.toml"]), "here = true");
}

/// Runs git-lattice in the home folder with variables that name the repository.
fn run_with_variables(sandbox: &Sandbox, args: &[&str], variables: &[(&str, &str)]) -> Run {
    let variables: Vec<_> = variables.iter().map(|(name, path)| (*name, sandbox.path(path))).collect();
    sandbox.lattice_in("home", args, |command| command.envs(variables))
}

#[test]
fn git_dir_and_git_work_tree_are_honoured() {
    let sandbox = Sandbox::new();
    let both = [("GIT_DIR", "work/.git"), ("GIT_WORK_TREE", "work")];
    run_with_variables(&sandbox, &["status"], &both).exits(0).says_err("no point has a branch yet");
    run_with_variables(&sandbox, &["new", "--arch", "aarch64"], &both).exits(0).says_out("created");
    assert_eq!(sandbox.git(&["symbolic-ref", "--short", "HEAD"]), BRANCH);
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "", "the worktree should be switched as well");
    assert_only_the_point_changed(&sandbox, "work");

    // GIT_DIR alone makes the current directory the worktree (git(1)); no file of it may be committed.
    let sandbox = Sandbox::new();
    let before = head_index_and_worktree(&sandbox);
    run_with_variables(&sandbox, &NEW, &[("GIT_DIR", "work/.git")]).exits(0).says_out("created");
    assert_eq!(head_index_and_worktree(&sandbox), before, "the real worktree should stay");
    assert_only_the_point_changed(&sandbox, "work");
    let odd = [("GIT_DIR", "work/.git"), ("GIT_INDEX_FILE", "home/other-index")];
    run_with_variables(&sandbox, &["next-step", "toolchain/aarch64/phase0/step1", "--no-switch"], &odd).exits(0);
    assert!(!sandbox.path("home/other-index").exists(), "no index should be made");
    run_with_variables(&sandbox, &["status"], &[("GIT_DIR", "nowhere")]).exits(2).says_err("nowhere");
}

#[test]
fn works_in_a_bare_repository_and_its_worktree() {
    let sandbox = Sandbox::new();
    let run = |dir: &str, args: &[&str]| sandbox.lattice_in(dir, args, |command| command);
    run("remote.git", &["status"]).exits(0).says_err("no point has a branch yet");
    let init = run("remote.git", &["init", "--component", "a", "--arch", "aarch64", "--no-hooks"]).exits(2);
    init.says_err("the repository is bare").says_err("hint: ").says_err("git worktree add");
    run("remote.git", &["axis", "add", "arch", "riscv64"]).exits(2).says_err("bare");
    run("remote.git", &["new", "--arch", "aarch64", "--no-push"]).exits(0).says_out("created");
    assert_eq!(sandbox.git_in("remote.git", &["symbolic-ref", "--short", "HEAD"]), "main", "its HEAD should stay");
    assert_only_the_point_changed(&sandbox, "remote.git");

    sandbox.git_in("remote.git", &["worktree", "add", "-q", "../linked", "main"]);
    run("linked", &["next-step", "toolchain/aarch64/phase0/step1", "--no-push"]).exits(0).says_out("created");
    let head = sandbox.git_in("linked", &["symbolic-ref", "--short", "HEAD"]);
    assert_eq!(head, "feature/toolchain/aarch64/phase0/step2", "the linked worktree should be switched");
    assert_eq!(sandbox.git_in("linked", &["status", "--porcelain"]), "");
}

#[test]
fn works_in_a_path_with_spaces_and_unicode() {
    let sandbox = Sandbox::new();
    let name = "wörk ünd 'mehr' $(x) \"é\" %20 #?";
    sandbox.git_in("", &["clone", "-q", "remote.git", name]);
    let run = |args: &[&str]| sandbox.lattice_in(name, args, |command| command);
    run(&["new", "--arch", "aarch64"]).exits(0).says_out("created").says_out("pushed");
    run(&["next-step"]).exits(0).says_out("created");
    run(&["status"]).exits(0).says_out("step2");
    run(&["show", "--json"]).exits(0).json();
    assert_only_the_point_changed(&sandbox, name);
}

#[test]
fn unwritable_worktree_leaves_no_half_file() {
    let sandbox = Sandbox::without_lattice();
    // With `lattice.base` set, lattice.toml is the only file that `init` writes.
    sandbox.git(&["config", "lattice.base", "main"]);
    // Root may write everywhere; a limit on the file size stands in for missing permissions.
    let limited = "trap '' XFSZ; ulimit -f 0; exec \"$0\" init --component a --arch aarch64 --no-hooks";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", limited, env!("CARGO_BIN_EXE_git-lattice")]).current_dir(sandbox.work());
    sandbox.environment(&mut command);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("could not write") && said.contains("lattice.toml"), "{said}");
    assert!(!sandbox.work().join("lattice.toml").exists(), "no partial file should be left");
}
