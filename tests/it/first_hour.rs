//! What a new user meets in the first hour.

use std::process::Stdio;

use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::{at, branch, dir, far};

#[test]
fn init_on_a_terminal_does_not_read_stdin() {
    let sandbox = Sandbox::without_lattice();
    let mut command = std::process::Command::new(which::which("script").unwrap());
    command.args(["-qec", "git-lattice init --component a --arch x86_64; cat", "/dev/null"]);
    command.current_dir(sandbox.work()).stdin(Stdio::piped()).stdout(Stdio::piped());
    sandbox.environment(&mut command);
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"the next line\n\x04").unwrap();
    let output = String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned();
    assert_eq!(output.matches("the next line").count(), 2, "typed, and printed by cat:\n{output}");
    assert!(output.contains("it is not committed yet") && !output.contains('?'), "{output}");
}

#[test]
fn no_point_before_lattice_toml_is_committed() {
    let sandbox = Sandbox::without_lattice();
    sandbox.lattice(&["init", "--component", "toolchain", "--arch", "aarch64,x86_64"]).exits(0);
    sandbox.refused(&["new", "--arch", "x86_64", "--dry-run"]).exits(0);
    let run = sandbox.refused(&["new", "--arch", "x86_64"]).exits(1);
    run.says_err("`lattice.toml` is not committed").says_err("git add lattice.toml && git commit");
    sandbox.commit_lattice();
    sandbox.lattice(&["new", "--arch", "x86_64"]).exits(0);
}

#[test]
fn a_lattice_toml_on_another_branch_counts_as_committed() {
    let sandbox = Sandbox::without_lattice();
    sandbox.git(&["switch", "-q", "-c", "trial"]);
    sandbox.lattice(&["init", "--component", "toolchain", "--arch", "x86_64", "--base", "main"]).exits(0);
    sandbox.git(&["add", "lattice.toml"]);
    sandbox.git(&["commit", "-q", "-m", "declare the lattice"]);
    sandbox.lattice(&["new", "--no-push"]).exits(0);
}

#[test]
fn a_fresh_clone_names_sync() {
    const HINT: &str = "records of `origin` were never fetched: `git lattice sync` fetches them";
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", &at("phase0/step1")]).exits(0);
    sandbox.built_elsewhere(&[&at("phase0/step1")]);
    sandbox.git(&["push", "-q", "origin", "refs/notes/lattice/*"]);
    let run = sandbox.lattice(&["status"]).exits(0);
    assert!(!run.stderr.contains("never fetched"), "{}", run.stderr);
    sandbox.git_in("", &["clone", "-q", "remote.git", "colleague"]);
    sandbox.lattice_in("colleague", &["status"], |command| command).exits(0).says_err(HINT);
    // A record of its own does not make up for those of the others.
    let key = sandbox.git_in("colleague", &["rev-parse", "HEAD^{tree}"]);
    sandbox.git_in("colleague", &["notes", "--ref=lattice/own", "add", "-m", "{}", &key]);
    sandbox.lattice_in("colleague", &["status"], |command| command).exits(0).says_err(HINT);
    sandbox.lattice_in("colleague", &["sync"], |command| command).exits(0);
    let run = sandbox.lattice_in("colleague", &["status"], |command| command).exits(0).says_out("✓ built");
    assert!(!run.stderr.contains("never fetched"), "{}", run.stderr);
}

#[test]
fn no_point_of_an_uncommitted_value() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["axis", "add", "arch", "riscv64"]).exits(0);
    let point = "toolchain/riscv64/phase0/step1";
    let run = sandbox.refused(&["new", point]).exits(1);
    run.says_err("`main` does not have").says_err(point).says_err("git add lattice.toml && git commit");
    sandbox.lattice(&["new", &at("phase0/step1"), "--no-switch"]).exits(0);
    sandbox.commit_lattice();
    sandbox.lattice(&["new", point]).exits(0);
}

#[test]
fn base_that_was_not_pushed_is_named() {
    let sandbox = Sandbox::without_lattice();
    sandbox.lattice(&["init", "--component", "toolchain", "--arch", "aarch64,x86_64", "--no-hooks"]).exits(0);
    sandbox.git(&["add", "lattice.toml"]);
    sandbox.git(&["commit", "-q", "-m", "declare the lattice"]);
    sandbox.lattice(&["new", &at("phase0/step1")]).exits(0).says_err("`git push -u origin main`");
    sandbox.lattice(&["sync"]).exits(0).says_err("`git push -u origin main`");
    sandbox.git(&["push", "-u", "origin", "main"]);
    let run = sandbox.lattice(&["next-step"]).exits(0);
    assert!(!run.stderr.contains("git push"), "{}", run.stderr);
}

#[test]
fn several_new_points_get_an_upstream() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--all-archs", "--no-switch"]).exits(0);
    for point in [at("phase0/step1"), far("phase0/step1")] {
        let upstream = sandbox.git(&["rev-parse", "--abbrev-ref", &format!("{}@{{u}}", branch(&point))]);
        assert_eq!(upstream, format!("origin/{}", branch(&point)));
    }
}

#[test]
fn build_names_changes_that_are_not_built() {
    for nix in every_nix() {
        let mut sandbox = Sandbox::new();
        sandbox.use_nix(&nix);
        let point = at("phase0/step1");
        sandbox.lattice(&["new", &point]).exits(0);
        let run = sandbox.lattice(&["build"]).exits(0);
        assert!(!run.stderr.contains("uncommitted"), "{}", run.stderr);
        sandbox.write(&format!("{}/config.toml", dir(&point)), "a = 1\n");
        sandbox.lattice(&["build"]).exits(0).says_err("uncommitted changes are not built").says_err("config.toml");
    }
}

#[test]
fn next_step_names_changes_that_come_along() {
    let sandbox = Sandbox::new();
    let step1 = at("phase0/step1");
    sandbox.lattice(&["new", &step1, "--template", "step"]).exits(0);
    let changed = format!("{}/step.nix", dir(&step1));
    sandbox.write(&changed, "{ ... }: null\n");
    sandbox.write("elsewhere", "not of the point\n");
    let run = sandbox.lattice(&["next-step"]).exits(0);
    run.says_err(&format!("uncommitted changes of `{}` came along: `{changed}`\n", branch(&step1)))
        .says_err(&format!("`git switch {}` takes them back", branch(&step1)));
    sandbox.git(&["switch", "-q", &branch(&step1)]);
    assert_eq!(sandbox.git(&["status", "--porcelain"]), format!(" M {changed}\n?? elsewhere"));
    sandbox.git(&["commit", "-q", "-a", "-m", "step 1"]);
    let run = sandbox.lattice(&["new", &at("phase0/step2")]).exits(0);
    assert!(!run.stderr.contains("came along"), "{}", run.stderr);
}

#[test]
fn names_of_other_tools_get_the_right_command() {
    let sandbox = Sandbox::new();
    for (name, command) in [
        ("rm", "git lattice prune"),
        ("mv", "git lattice move"),
        ("pull", "git lattice sync"),
        ("rebase", "git lattice restack"),
        ("tree", "git lattice graph"),
        ("comment", "git lattice note"),
        ("dashboard", "git lattice page"),
        ("go", "git lattice switch"),
        ("ci", "git lattice check"),
        ("ls", "git lattice list"),
        ("top", "git lattice status --watch"),
        ("start", "git lattice init"),
        ("step", "git lattice next-step"),
        ("test", "git lattice build"),
        ("prev", "git lattice switch"),
        ("down", "git lattice switch"),
        ("branch", "git lattice new"),
        ("version", "git lattice --version"),
        ("info", "git lattice show"),
        ("commit", "git commit"),
    ] {
        let run = sandbox.refused(&[name]).exits(2);
        let hint = run.stderr.lines().find(|line| line.starts_with("hint: ")).unwrap_or_default();
        assert!(hint.contains(command) && !run.stderr.contains("similar"), "{name}: {}", run.stderr);
    }
    sandbox.refused(&["statsu"]).exits(2).says_err("'status'");
    sandbox.lattice(&["help"]).exits(0).says_out("Commands:");
    sandbox.lattice(&["help", "new"]).exits(0).says_out("Usage: git lattice new");
}

#[test]
fn unknown_subcommands_get_those_that_exist() {
    let sandbox = Sandbox::without_lattice();
    for args in [&["hooks", "remove"][..], &["hooks", "update"], &["help", "hooks", "rm"]] {
        let run = sandbox.refused(args).exits(2);
        run.never_says("prune")
            .never_says("sync")
            .says_err("hint: the commands of `git lattice hooks`: `install`, `uninstall`, `status`\n");
    }
    sandbox.refused(&["axis", "list"]).exits(2).says_err("hint: the commands of `git lattice axis`: `add`");
    sandbox.refused(&["hooks", "instal"]).exits(2).says_err("'install'").never_says("hint:");
}

#[test]
fn errors_name_a_help_that_needs_no_man_page() {
    let sandbox = Sandbox::without_lattice();
    for (args, help) in [
        (&["nope"][..], "git lattice help"),
        (&["hooks", "nope"], "git lattice hooks --help"),
        (&["new", "--nope"], "git lattice new --help"),
        (&["axis"], "git lattice axis --help"),
        (&["completions", "nope"], "git lattice completions --help"),
    ] {
        let run = sandbox.refused(args).exits(2);
        run.never_says("as a value").never_says("\n\n\n").says_err(&format!("\nFor more information, try '{help}'.\n"));
    }
    sandbox.refused(&["sync", "--force"]).exits(2).says_err("hint: `git lattice sync` has no `--force`");
}

#[test]
fn a_name_without_its_flag_is_explained() {
    let sandbox = Sandbox::without_lattice();
    sandbox.refused(&["init", "hello-1.0"]).exits(2).says_err("hint: `--component hello-1.0` names what is built");
}

#[test]
fn init_names_what_is_missing() {
    let sandbox = Sandbox::without_lattice();
    let init = ["init", "--component", "hello-1.0", "--arch", "x86_64"];
    sandbox.git(&["branch", "trial"]);
    let run = sandbox.refused(&[&init[..], &["--base", "nope"]].concat()).exits(2);
    run.says_err("there is no branch `nope`").says_err("hint: the branches that are no points: `main`, `trial`\n");
    assert!(!sandbox.work().join("lattice.toml").exists());
    sandbox.lattice(&[&init[..], &["--remote", "nope"]].concat()).exits(0).says_err("`git remote add nope URL`");
}
