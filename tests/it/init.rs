//! `git lattice init` and `git lattice axis add`: what they write, and what they detect.

use std::fs;

use crate::sandbox::Sandbox;
use crate::story::fields;

const MINIMAL: [&str; 4] = ["init", "--component", "toolchain", "--no-hooks"];

fn init(sandbox: &Sandbox, args: &[&str]) -> String {
    sandbox.lattice(&[&MINIMAL[..], args].concat()).exits(0).says_out("wrote lattice.toml");
    lattice_toml(sandbox)
}

fn lattice_toml(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap()
}

#[track_caller]
fn assert_has_line(toml: &str, line: &str) {
    assert!(toml.lines().any(|it| it == line), "lattice.toml should have the line `{line}`:\n{toml}");
}

#[test]
fn default_axes_are_two_sets_and_two_numbered_chains() {
    let sandbox = Sandbox::without_lattice();
    let args = ["init", "--component", "rust-1.83,gcc", "--arch", "aarch64,x86_64", "--no-hooks"];
    sandbox.lattice(&args).exits(0);
    let toml = lattice_toml(&sandbox);
    assert_has_line(&toml, "component = { set = [\"rust-1.83\", \"gcc\"] }");
    assert_has_line(&toml, "arch = { set = [\"aarch64\", \"x86_64\"] }");
    assert_has_line(&toml, "phase = { chain = \"phase{n}\", from = 0 }");
    assert_has_line(&toml, "step = { chain = \"step{n}\", from = 1 }");
    assert_has_line(&toml, "branch = \"feature/{component}/{arch}/{phase}/{step}\"");
    assert_has_line(&toml, "flake = \"flakes/{component}/{arch}/{phase}/{step}\"");
    assert!(toml.lines().filter(|line| line.starts_with('#')).count() > 5, "it should be commented:\n{toml}");
}

#[test]
fn values_may_be_repeated_or_separated_by_commas() {
    let sandbox = Sandbox::without_lattice();
    let toml = init(&sandbox, &["--arch", "aarch64", "--arch", "x86_64,riscv64"]);
    assert_has_line(&toml, "arch = { set = [\"aarch64\", \"x86_64\", \"riscv64\"] }");
}

#[test]
fn listed_phases_and_steps_are_closed_chains() {
    let sandbox = Sandbox::without_lattice();
    let toml = init(&sandbox, &["--arch", "x86_64", "--phase", "phase0,phase1", "--step", "build,check"]);
    assert_has_line(&toml, "phase = { chain = [\"phase0\", \"phase1\"] }");
    assert_has_line(&toml, "step = { chain = [\"build\", \"check\"] }");
    sandbox.lattice(&["new", "--phase", "phase2", "--dry-run"]).exits(2).says_err("phase2");
}

#[test]
fn components_can_form_a_chain() {
    let sandbox = Sandbox::without_lattice();
    let args = ["init", "--component", "v1,v2", "--arch", "x86_64", "--chain", "component", "--no-hooks"];
    sandbox.lattice(&args).exits(0);
    assert_has_line(&lattice_toml(&sandbox), "component = { chain = [\"v1\", \"v2\"] }");
}

#[test]
fn default_architecture_is_this_machines() {
    let sandbox = Sandbox::without_lattice();
    let arch = std::env::consts::ARCH;
    assert_has_line(&init(&sandbox, &[]), &format!("arch = {{ set = [\"{arch}\"] }}"));
}

#[test]
fn architectures_are_mapped_to_systems() {
    let sandbox = Sandbox::without_lattice();
    let toml = init(&sandbox, &["--arch", "aarch64,arm64,riscv64,board", "--system", "board=armv7l-linux"]);
    for line in ["aarch64 = \"aarch64-linux\"", "arm64 = \"aarch64-linux\"", "riscv64 = \"riscv64-linux\""] {
        assert_has_line(&toml, line);
    }
    assert_has_line(&toml, "board = \"armv7l-linux\"");
}

#[test]
fn unknown_architecture_needs_a_system() {
    let sandbox = Sandbox::without_lattice();
    let run = sandbox.lattice(&[&MINIMAL[..], &["--arch", "board"]].concat());
    run.exits(2).says_err("the Nix system of `board` is unknown").says_err("--system board=");
    assert!(!sandbox.work().join("lattice.toml").exists(), "nothing should be written");
}

#[test]
fn refuses_a_system_without_its_architecture() {
    let sandbox = Sandbox::without_lattice();
    let args = [&MINIMAL[..], &["--arch", "x86_64", "--system", "board=armv7l-linux"]].concat();
    sandbox.lattice(&args).exits(2).says_err("not one of the architectures: x86_64");
    let args = [&MINIMAL[..], &["--arch", "board", "--system", "board"]].concat();
    sandbox.lattice(&args).exits(2).says_err("must be ARCH=SYSTEM");
}

#[test]
fn component_is_required() {
    Sandbox::without_lattice().lattice(&["init", "--arch", "x86_64"]).exits(2).says_err("--component");
}

#[test]
fn patterns_are_written_and_checked() {
    let sandbox = Sandbox::without_lattice();
    let patterns = ["--branch", "stage/{component}@{arch}/{phase}@{step}", "--flake", "nix/{arch}/{phase}/{step}"];
    let toml = init(&sandbox, &[&["--arch", "x86_64"], &patterns[..]].concat());
    assert_has_line(&toml, "branch = \"stage/{component}@{arch}/{phase}@{step}\"");
    assert_has_line(&toml, "flake = \"nix/{arch}/{phase}/{step}\"");
    sandbox.lattice(&["new", "--dry-run"]).exits(0).says_out("stage/toolchain@x86_64/phase0@step1");
}

#[test]
fn pattern_without_an_axis_is_refused_before_writing() {
    let sandbox = Sandbox::without_lattice();
    let args = [&MINIMAL[..], &["--arch", "aarch64,x86_64", "--branch", "feature/{phase}/{step}"]].concat();
    sandbox.lattice(&args).exits(2).says_err("arch");
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "", "the worktree should be as it was");
}

#[test]
fn existing_file_is_left_alone() {
    let sandbox = Sandbox::without_lattice();
    sandbox.write("lattice.toml", "# mine\n");
    let run = sandbox.lattice(&[&MINIMAL[..], &["--arch", "x86_64"]].concat());
    run.exits(2).says_err("`lattice.toml` already exists").says_err("--force");
    assert_eq!(lattice_toml(&sandbox), "# mine\n");
}

#[test]
fn force_changes_what_is_named_and_keeps_comments() {
    let sandbox = Sandbox::without_lattice();
    let first = init(&sandbox, &["--arch", "aarch64,x86_64", "--base", "main"]);
    let mine = first.replace("[axes]\n", "[axes]\n# two machines in the cellar\n")
        + "\n# all together\n[promote]\nacross = [\"arch\"] # since May\n";
    sandbox.write("lattice.toml", &mine);
    sandbox.lattice(&["init", "--force", "--phase", "alpha,beta", "--no-hooks"]).exits(0);
    let expected =
        mine.replace("phase = { chain = \"phase{n}\", from = 0 }", "phase = { chain = [\"alpha\", \"beta\"] }");
    assert_eq!(lattice_toml(&sandbox), expected, "everything else should stay byte for byte");
}

#[test]
fn force_removes_systems_of_removed_values() {
    let sandbox = Sandbox::without_lattice();
    init(&sandbox, &["--arch", "aarch64,x86_64"]);
    sandbox.lattice(&["init", "--force", "--arch", "x86_64,riscv64", "--no-hooks"]).exits(0);
    let toml = lattice_toml(&sandbox);
    assert_has_line(&toml, "arch = { set = [\"x86_64\", \"riscv64\"] }");
    assert_has_line(&toml, "riscv64 = \"riscv64-linux\"");
    assert!(!toml.contains("aarch64 ="), "{toml}");
}

#[test]
fn force_can_change_one_system_and_leaves_the_others() {
    let sandbox = Sandbox::without_lattice();
    init(&sandbox, &["--arch", "aarch64,board", "--system", "board=armv7l-linux"]);
    sandbox.lattice(&["init", "--force", "--system", "aarch64=aarch64-darwin", "--no-hooks"]).exits(0);
    sandbox.lattice(&["init", "--force", "--arch", "aarch64,board,x86_64", "--no-hooks"]).exits(0);
    let toml = lattice_toml(&sandbox);
    for line in ["aarch64 = \"aarch64-darwin\"", "board = \"armv7l-linux\"", "x86_64 = \"x86_64-linux\""] {
        assert_has_line(&toml, line);
    }
}

#[test]
fn force_can_turn_components_into_a_chain() {
    let sandbox = Sandbox::without_lattice();
    sandbox.lattice(&["init", "--component", "v1,v2", "--arch", "x86_64", "--no-hooks"]).exits(0);
    sandbox.lattice(&["init", "--force", "--chain", "component", "--no-hooks"]).exits(0);
    assert_has_line(&lattice_toml(&sandbox), "component = { chain = [\"v1\", \"v2\"] }");
    sandbox.lattice(&["init", "--force", "--component", "v1,v2,v3", "--no-hooks"]).exits(0);
    assert_has_line(&lattice_toml(&sandbox), "component = { chain = [\"v1\", \"v2\", \"v3\"] }");
}

#[test]
fn force_keeps_an_empty_remote() {
    let sandbox = Sandbox::without_lattice();
    init(&sandbox, &["--arch", "x86_64", "--remote", ""]);
    sandbox.lattice(&["init", "--force", "--arch", "aarch64", "--no-hooks"]).exits(0);
    assert_has_line(&lattice_toml(&sandbox), "remote = \"\"");
}

#[test]
fn force_refuses_a_file_that_is_not_toml() {
    let sandbox = Sandbox::without_lattice();
    sandbox.write("lattice.toml", "base = = 1\n");
    let args = [&MINIMAL[..], &["--arch", "x86_64", "--force"]].concat();
    sandbox.lattice(&args).exits(2).says_err("lattice.toml");
    assert_eq!(lattice_toml(&sandbox), "base = = 1\n");
}

#[test]
fn only_lattice_toml_is_written() {
    let sandbox = Sandbox::without_lattice();
    let refs = sandbox.git(&["for-each-ref"]);
    init(&sandbox, &["--arch", "x86_64"]);
    assert_eq!(sandbox.git(&["status", "--porcelain", "-uall"]), "?? lattice.toml");
    assert_eq!(sandbox.git(&["for-each-ref"]), refs);
}

#[test]
fn file_is_written_to_the_top_of_the_worktree() {
    let sandbox = Sandbox::without_lattice();
    fs::create_dir_all(sandbox.work().join("deep/down")).unwrap();
    let args = [&MINIMAL[..], &["--arch", "x86_64"]].concat();
    sandbox.lattice_in("work/deep/down", &args, |command| command).exits(0);
    assert!(sandbox.work().join("lattice.toml").exists(), "the file belongs to the repository, not to a folder");
}

#[test]
fn base_is_the_remotes_default_branch() {
    let sandbox = Sandbox::without_lattice();
    sandbox.git(&["push", "-q", "origin", "main:develop"]);
    sandbox.git(&["remote", "set-head", "origin", "develop"]);
    assert_has_line(&init(&sandbox, &["--arch", "x86_64"]), "base = \"develop\"");
}

#[test]
fn base_is_a_usual_name_or_heads_branch() {
    for name in ["trunk", "master", "my-base"] {
        let sandbox = Sandbox::without_lattice();
        sandbox.git(&["branch", "-m", "main", name]);
        assert_has_line(&init(&sandbox, &["--arch", "x86_64"]), &format!("base = \"{name}\""));
    }
    let sandbox = Sandbox::without_lattice();
    sandbox.git(&["switch", "-q", "-c", "topic"]);
    assert_has_line(&init(&sandbox, &["--arch", "x86_64"]), "base = \"main\"");
}

#[test]
fn detached_head_needs_an_explicit_base() {
    let sandbox = Sandbox::without_lattice();
    sandbox.git(&["branch", "stable"]);
    assert_has_line(&init(&sandbox, &["--arch", "x86_64", "--base", "stable"]), "base = \"stable\"");
    let sandbox = Sandbox::without_lattice();
    sandbox.git(&["switch", "-q", "--detach"]);
    sandbox.git(&["branch", "-m", "main", "odd"]);
    sandbox.lattice(&[&MINIMAL[..], &["--arch", "x86_64"]].concat()).exits(2).says_err("--base");
}

#[test]
fn remote_is_origin_or_the_only_one_or_none() {
    let sandbox = Sandbox::without_lattice();
    sandbox.git(&["remote", "add", "aaa", "../remote.git"]);
    assert_has_line(&init(&sandbox, &["--arch", "x86_64"]), "remote = \"origin\"");
    let sandbox = Sandbox::without_lattice();
    sandbox.git(&["remote", "rename", "origin", "upstream"]);
    assert_has_line(&init(&sandbox, &["--arch", "x86_64"]), "remote = \"upstream\"");
    let sandbox = Sandbox::without_lattice();
    sandbox.git(&["remote", "remove", "origin"]);
    assert_has_line(&init(&sandbox, &["--arch", "x86_64"]), "remote = \"\"");
    assert_has_line(&init(&sandbox, &["--force", "--remote", "backup"]), "remote = \"backup\"");
}

#[test]
fn hooks_are_installed_on_request_or_suggested() {
    let states = |sandbox: &Sandbox| {
        let status = sandbox.lattice(&["hooks", "status", "--json"]).exits(0).json();
        fields(&status["hooks"], "state").join(", ")
    };
    let base = ["init", "--component", "toolchain", "--arch", "x86_64"];
    let sandbox = Sandbox::without_lattice();
    sandbox.lattice(&base).exits(0).says_err("git lattice hooks install");
    assert_eq!(
        states(&sandbox),
        "not installed, not installed, not installed, not installed",
        "without a terminal there is no question"
    );

    let sandbox = Sandbox::without_lattice();
    sandbox.lattice(&[&base[..], &["--hooks"]].concat()).exits(0);
    assert_eq!(states(&sandbox), "installed, installed, not installed, not installed");

    let sandbox = Sandbox::without_lattice();
    sandbox.lattice(&[&base[..], &["--no-hooks"]].concat()).exits(0).never_says("hooks install");
    assert_eq!(states(&sandbox), "not installed, not installed, not installed, not installed");
    sandbox.lattice(&[&base[..], &["--hooks", "--no-hooks"]].concat()).exits(2);
}

#[test]
fn refuses_without_a_worktree() {
    let sandbox = Sandbox::without_lattice();
    let args = [&MINIMAL[..], &["--arch", "x86_64"]].concat();
    sandbox
        .lattice_in("home", &args, |command| command)
        .exits(2)
        .says_err("is not inside a git repository")
        .says_err("git init");
    sandbox.lattice_in("remote.git", &args, |command| command).exits(2).says_err("the repository is bare");
    sandbox.git_in("", &["init", "-q", "empty"]);
    sandbox.lattice_in("empty", &args, |command| command).exits(2).says_err("no commit yet");
    assert!(!sandbox.path("empty/lattice.toml").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn unwritable_worktree_is_named() {
    let sandbox = Sandbox::without_lattice();
    let args = [&MINIMAL[..], &["--arch", "x86_64"]].concat();
    // Not even root can create a file in that folder.
    let run = sandbox.lattice_in("work", &args, |command| {
        command.env("GIT_DIR", sandbox.work().join(".git")).env("GIT_WORK_TREE", "/proc/self/fd")
    });
    run.exits(2).says_err("could not write `/proc/self/fd/lattice.toml`");
}

#[test]
fn axis_add_appends_a_value() {
    let sandbox = Sandbox::without_lattice();
    let first = init(&sandbox, &["--arch", "aarch64,x86_64"]).replace("[axes]\n", "[axes]\n# ours\n");
    sandbox.write("lattice.toml", &first);
    sandbox.lattice(&["axis", "add", "arch", "riscv64"]).exits(0).says_out("added riscv64 to axis arch");
    let expected = first
        .replace("[\"aarch64\", \"x86_64\"]", "[\"aarch64\", \"x86_64\", \"riscv64\"]")
        .replace("x86_64 = \"x86_64-linux\"\n", "x86_64 = \"x86_64-linux\"\nriscv64 = \"riscv64-linux\"\n");
    assert_eq!(lattice_toml(&sandbox), expected, "comments and order should stay");
    sandbox.lattice(&["new", "--arch", "riscv64", "--dry-run"]).exits(0).says_out("feature/toolchain/riscv64/");
}

#[test]
fn axis_add_twice_changes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["axis", "add", "component", "gcc", "musl"]).exits(0).says_out("gcc, musl");
    let once = lattice_toml(&sandbox);
    sandbox.lattice(&["axis", "add", "component", "musl"]).exits(0).says_out("unchanged");
    assert_eq!(lattice_toml(&sandbox), once);
}

#[test]
fn axis_add_refuses_invalid_and_numbered_values() {
    let sandbox = Sandbox::new();
    let before = lattice_toml(&sandbox);
    sandbox.lattice(&["axis", "add", "colour", "red"]).exits(2).says_err("`colour`").says_err("component");
    sandbox.lattice(&["axis", "add", "step", "step9"]).exits(2).says_err("numbered");
    sandbox.lattice(&["axis", "add", "arch", "a/b"]).exits(2).says_err("the character '/'");
    sandbox.lattice(&["axis", "add", "arch", "board"]).exits(2).says_err("--system board=");
    assert_eq!(lattice_toml(&sandbox), before, "nothing should be written");
    sandbox.lattice(&["axis", "add", "arch", "board", "--system", "board=armv7l-linux"]).exits(0);
    assert_has_line(&lattice_toml(&sandbox), "board = \"armv7l-linux\"");
}

#[test]
fn hooks_install_below_a_path_with_a_newline() {
    for way in ["--shim", "--config"] {
        let sandbox = Sandbox::without_lattice();
        fs::rename(sandbox.work(), sandbox.path("wo\nrk ")).unwrap();
        let lattice = |args: &[&str]| sandbox.lattice_in("wo\nrk ", args, |command| command);
        lattice(&["init", "--component", "toolchain", "--hooks"]).exits(0);
        lattice(&["hooks", "uninstall"]).exits(0);
        lattice(&["hooks", "install", way]).exits(0);
        assert_eq!(sandbox.path("wo\nrk /.git/hooks/pre-commit").exists(), way == "--shim");
        assert!(!sandbox.path("wo").exists() && !sandbox.path("wo\nrk").exists(), "no other file should be written");
    }
}

#[test]
fn failed_hook_installation_writes_nothing() {
    let sandbox = Sandbox::without_lattice();
    sandbox.git(&["config", "--global", "core.hooksPath", "/shared"]);
    sandbox.lattice(&["init", "--component", "toolchain", "--hooks"]).exits(2).says_err("core.hooksPath");
    assert!(!sandbox.work().join("lattice.toml").exists(), "all checks should come before the first write");
    assert!(!sandbox.try_git("work", &["config", "--local", "lattice.base"]).status.success());
}
