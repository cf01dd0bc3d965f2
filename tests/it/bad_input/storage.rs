//! Repositories with another object format or ref backend, with missing objects, or with damage.

use std::fs;

use crate::nix_setup::every_nix;
use crate::sandbox::{Run, Sandbox};

const POINT: &str = "toolchain/aarch64/phase0/step1";
const BRANCH: &str = "feature/toolchain/aarch64/phase0/step1";

fn run(sandbox: &Sandbox, dir: &str, args: &[&str]) -> Run {
    sandbox.lattice_in(dir, args, |command| command)
}

/// A repository `odd` and its remote `odd.git`, created with this option of `git init`; `None` if git does not know the option.
fn repository_with(option: &str) -> Option<Sandbox> {
    let sandbox = Sandbox::without_lattice();
    let made = sandbox.try_git("", &["init", "-q", "--bare", option, "odd.git"]);
    if !made.status.success() {
        assert!(made.error_text().contains("unknown option"), "{}", made.error_text());
        return None;
    }
    sandbox.git_in("", &["init", "-q", option, "odd"]);
    sandbox.git_in("odd", &["remote", "add", "origin", "../odd.git"]);
    sandbox.git_in("odd", &["commit", "-q", "--allow-empty", "-m", "first"]);
    let arch = format!("aarch64,{}", std::env::consts::ARCH);
    run(&sandbox, "odd", &["init", "--component", "toolchain", "--arch", &arch, "--no-hooks", "--base", "main"])
        .exits(0);
    sandbox.git_in("odd", &["add", "."]);
    sandbox.git_in("odd", &["commit", "-q", "-m", "declare"]);
    Some(sandbox)
}

/// Asserts that every command but `build` works.
fn assert_commands_work(sandbox: &Sandbox) {
    let run = |args: &[&str]| run(sandbox, "odd", args);
    run(&["status"]).exits(0).says_err("no point has a branch yet");
    run(&["new", "--arch", "aarch64", "--dry-run"]).exits(0).says_out("would create");
    run(&["new", "--arch", "aarch64"]).exits(0).says_out("created").says_out("pushed");
    assert_eq!(sandbox.git_in("odd", &["symbolic-ref", "--short", "HEAD"]), BRANCH, "new should switch");
    run(&["new", "--arch", "aarch64"]).exits(0).says_out("unchanged");
    run(&["next-step"]).exits(0).says_out("created").says_out("phase0/step2");
    assert_eq!(sandbox.git_in("odd", &["log", "-1", "--format=%P"]), sandbox.git_in("odd", &["rev-parse", BRANCH]));
    run(&["promote"]).exits(1).says_out("not built on");
    run(&["promote", "--force", "--reason", "test"]).exits(0).says_out("phase1/step1");
    run(&["show", POINT]).exits(0).says_out(BRANCH);
    let json = run(&["status", "--json"]).exits(0).json();
    assert_eq!(json["points"].as_array().unwrap().len(), 3, "all points should be seen: {json}");
    assert_eq!(json["points"][0]["pushed"], true, "{json}");
    sandbox.git_in("odd", &["branch", "feature/other"]);
    sandbox.git_in("odd", &["branch", "-D", "-q", "feature/other"]);
    sandbox.git_in("odd", &["fsck", "--no-dangling"]);
    sandbox.git_in("odd.git", &["fsck", "--no-dangling"]);
}

#[test]
fn works_in_a_sha256_repository() {
    let Some(mut sandbox) = repository_with("--object-format=sha256") else { return };
    assert_commands_work(&sandbox);
    sandbox.use_program("nix", "#!/bin/sh\necho 'nix (Nix) 2.8.0'\n");
    let built = run(&sandbox, "odd", &["build"]).exits(2);
    built.says_err("error: building from a SHA-256 repository is not supported: Nix cannot fetch from one");
}

#[test]
fn works_in_a_reftable_repository() {
    let Some(sandbox) = repository_with("--ref-format=reftable") else { return };
    assert_commands_work(&sandbox);
    sandbox.git_in("odd", &["branch", "feature/toolchain/aarch64/phase9"]);
    let clash = ["new", "--arch", "aarch64", "--phase", "phase9", "--step", "step1"];
    run(&sandbox, "odd", &clash).exits(1).says_err("conflicts with the branch `feature/toolchain/aarch64/phase9`");
    sandbox.git_in("odd", &["branch", "-D", "-q", "feature/toolchain/aarch64/phase9"]);
}

#[test]
fn reftable_builds() {
    for nix in every_nix() {
        let Some(mut sandbox) = repository_with("--ref-format=reftable") else { return };
        sandbox.use_nix(&nix);
        let arch = std::env::consts::ARCH;
        run(&sandbox, "odd", &["new", "--arch", arch]).exits(0);
        run(&sandbox, "odd", &["build"]).exits(0).says_out("built");
        run(&sandbox, "odd", &["status"]).exits(0).says_out("✓ built");
        run(&sandbox, "odd", &["promote"]).exits(0).says_out("phase1/step1");
    }
}

/// A tag can have the full name of a branch, and `git fetch` fetches it.
#[test]
fn reftable_does_not_mistake_a_tag_for_the_base() {
    let Some(sandbox) = repository_with("--ref-format=reftable") else { return };
    sandbox.git_in("odd", &["push", "-q", "origin", "main"]);
    sandbox.git_in("odd", &["switch", "-q", "-c", "mine"]);
    let toml = fs::read_to_string(sandbox.path("odd/lattice.toml")).unwrap();
    fs::write(sandbox.path("odd/lattice.toml"), toml.replace("toolchain", "evil")).unwrap();
    sandbox.git_in("odd", &["commit", "-q", "-a", "-m", "improve it"]);
    sandbox.git_in("odd", &["update-ref", "refs/tags/refs/heads/main", "HEAD"]);
    sandbox.git_in("odd", &["reset", "-q", "--hard", "origin/main"]);
    sandbox.git_in("odd", &["branch", "-q", "-D", "main"]);
    run(&sandbox, "odd", &["new", "--arch", "aarch64", "--dry-run"]).exits(0).says_out("toolchain/aarch64");
}

/// A sandbox whose remote has a lattice with two steps for this machine.
fn with_two_steps() -> Sandbox {
    let sandbox = Sandbox::new();
    let arch = std::env::consts::ARCH;
    fs::write(sandbox.path("c.toml"), "of = \"step1\"\n").unwrap();
    sandbox.lattice(&["new", "--arch", arch, "--config", "../c.toml"]).exits(0);
    sandbox.lattice(&["next-step"]).exits(0);
    sandbox.git(&["switch", "-q", "main"]);
    sandbox
}

fn clone_with(sandbox: &Sandbox, option: &[&str]) {
    sandbox.git_in("remote.git", &["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", sandbox.path("remote.git").display());
    sandbox.git_in("", &[&["clone", "-q"], option, &[&url, "part"]].concat());
}

#[test]
fn fetched_branch_that_is_not_switched_to_is_named() {
    let sandbox = Sandbox::new();
    sandbox.git_in("", &["init", "-q", "fresh"]);
    sandbox.git_in("fresh", &["remote", "add", "origin", "../remote.git"]);
    run(&sandbox, "fresh", &["status"]).exits(2).says_err("no `lattice.toml` here").says_err("git lattice init");
    sandbox.git_in("fresh", &["fetch", "-q"]);
    run(&sandbox, "fresh", &["status"]).exits(2).says_err("`git switch main`");
    run(&sandbox, "fresh", &["doctor", "--offline"]).says_out("git switch");
    sandbox.paste("fresh", "git switch -q main");
    run(&sandbox, "fresh", &["status"]).exits(0);
}

#[test]
fn works_in_a_shallow_clone() {
    for nix in every_nix() {
        let mut sandbox = with_two_steps();
        sandbox.use_nix(&nix);
        clone_with(&sandbox, &["--depth", "1", "--no-single-branch"]);
        let arch = std::env::consts::ARCH;
        run(&sandbox, "part", &["status"]).exits(0).says_out("phase0/step2");
        run(&sandbox, "part", &["new", "--arch", arch, "--step", "step2"]).exits(0).says_out("unchanged");
        run(&sandbox, "part", &["next-step"]).exits(0).says_out("created").says_out("pushed");
        run(&sandbox, "part", &["build"]).exits(0).says_out("built");
        run(&sandbox, "part", &["status"]).exits(0).says_out("✓ built");
    }
}

#[test]
fn shallow_clone_does_not_guess_what_is_behind() {
    let steps = ["step1", "step2", "step3"].map(|step| format!("toolchain/aarch64/phase0/{step}"));
    let sandbox = Sandbox::grown("step", &steps);
    let last = format!("feature/{}", steps[2]);
    sandbox.git(&["switch", "-q", &last]);
    sandbox.write("by-hand", "1\n");
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "-q", "-m", "by hand"]);
    sandbox.git(&["push", "-q", "origin", &last]);
    clone_with(&sandbox, &["--depth", "1", "--no-single-branch"]);
    let refs = sandbox.git_in("remote.git", &["for-each-ref"]);

    let status = run(&sandbox, "part", &["status"]).exits(0).says_err("not known whether 1 point is behind");
    assert!(!status.stdout.contains("behind"), "{}", status.stdout);
    let json = run(&sandbox, "part", &["status", "--json"]).exits(0).json();
    assert_eq!(json["maybe_behind"], 1, "{json}");
    let show = run(&sandbox, "part", &["show", &steps[2]]).exits(0).says_out("git fetch --unshallow");
    assert!(!show.stdout.contains("behind `"), "{}", show.stdout);
    assert_eq!(run(&sandbox, "part", &["show", &steps[2], "--json"]).exits(0).json()["may_lack"], true);
    run(&sandbox, "part", &["promote", &steps[2]]).exits(1).says_out("not known whether it is behind");
    run(&sandbox, "part", &["restack"])
        .exits(2)
        .says_err(&format!("whether `{}` is behind", steps[2]))
        .says_err("git fetch --unshallow");
    assert_eq!(sandbox.git_in("remote.git", &["for-each-ref"]), refs, "nothing should be pushed");

    // The fix is newer than what the clone has of the point above.
    run(&sandbox, "part", &["next-step", &steps[2], "--no-switch", "--no-push"]).exits(0);
    sandbox.git_in("part", &["switch", "-q", &last]);
    sandbox.git_in("part", &["commit", "-q", "--allow-empty", "-m", "fix"]);
    let above = "toolchain/aarch64/phase0/step4";
    let json = run(&sandbox, "part", &["status", "--json"]).exits(0).json();
    assert_eq!(json["points"][3]["point"], above, "{json}");
    assert_eq!(json["points"][3]["state"], "behind", "a commit made here is known to be missing");

    sandbox.git_in("part", &["fetch", "-q", "--unshallow"]);
    assert_eq!(run(&sandbox, "part", &["status", "--json"]).exits(0).json()["maybe_behind"], 0);
    run(&sandbox, "part", &["restack"]).exits(0).says_out(above);
}

#[test]
fn partial_clone_fetches_missing_objects() {
    for filter in ["--filter=blob:none", "--filter=tree:0"] {
        let sandbox = with_two_steps();
        clone_with(&sandbox, &[filter]);
        let last = format!("toolchain/{}/phase0/step2", std::env::consts::ARCH);
        run(&sandbox, "part", &["status"]).exits(0).says_out("phase0/step2");
        run(&sandbox, "part", &["show", &last]).exits(0).says_out("template     config");
        run(&sandbox, "part", &["new", &last, "--no-switch"]).exits(0).says_out("unchanged");
        run(&sandbox, "part", &["next-step", &last, "--no-switch"]).exits(0).says_out("created").says_out("pushed");
        let held = format!("origin/feature/{last}:flakes/{last}/config.toml");
        assert_eq!(
            sandbox.git_in("part", &["show", &held]),
            "of = \"step1\"",
            "the next step should take over config.toml"
        );
    }
}

#[test]
fn partial_clone_builds() {
    for nix in every_nix() {
        let mut sandbox = with_two_steps();
        sandbox.use_nix(&nix);
        clone_with(&sandbox, &["--filter=blob:none"]);
        let last = format!("toolchain/{}/phase0/step2", std::env::consts::ARCH);
        run(&sandbox, "part", &["build", &last]).exits(0).says_out("built");
    }
}

#[test]
fn broken_ref_is_named_and_hides_no_other() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--all-archs", "--no-push"]).exits(0);
    let file = sandbox.work().join(".git/refs/heads").join(BRANCH);
    let good = fs::read(&file).unwrap();
    let missing = format!("{}1\n", "0".repeat(39));
    for content in ["garbage\n", "", "ref: refs/heads/nowhere\n", "ref: not/a\u{1}ref\n", &missing, "\0\0\0\0"] {
        fs::write(&file, content).unwrap();
        let status = sandbox.lattice(&["status"]).exits(0).says_out("x86_64");
        assert!(
            !status.stdout.contains("aarch64"),
            "{content:?}: the broken branch should not be shown: {}",
            status.stdout
        );
        if content != "ref: refs/heads/nowhere\n" {
            status.says_err("warning: ").says_err(BRANCH);
            let page = sandbox.lattice(&["page", "-"]).exits(0).stdout;
            let remarks = page.split("aria-label=\"Remarks\"").nth(1).and_then(|rest| rest.split("</section>").next());
            let remarks = remarks.unwrap_or_else(|| panic!("the page should have a remark: {page}"));
            assert!(remarks.contains("toolchain/aarch64/phase0/step1") && !remarks.contains('`'), "{remarks}");
        }
        let run = sandbox.lattice(&["new", "--arch", "aarch64", "--no-push", "--no-switch"]);
        assert!(run.code != 0, "{content:?}: a broken branch should not pass for a valid one\n{}", run.stdout);
        run.says_err(BRANCH);
        assert_eq!(fs::read(&file).unwrap(), content.as_bytes(), "the broken ref should not change");
        sandbox.lattice(&["new", "--arch", "x86_64", "--no-push", "--no-switch"]).exits(0).says_out("unchanged");
    }
    fs::write(&file, good).unwrap();
    sandbox.lattice(&["status"]).exits(0).says_out("aarch64");
}

#[test]
fn broken_object_is_named() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--all-archs", "--no-push"]).exits(0);
    let commit = sandbox.git(&["rev-parse", BRANCH]);
    let file = sandbox.work().join(format!(".git/objects/{}/{}", &commit[..2], &commit[2..]));
    fs::remove_file(&file).unwrap();
    fs::write(&file, "garbage").unwrap();
    sandbox.lattice(&["status"]).exits(0).says_err("warning: ").says_err(&commit).says_out("x86_64");
    sandbox
        .lattice(&["new", "--arch", "aarch64", "--no-push", "--no-switch"])
        .exits(2)
        .says_err(&commit)
        .says_err("git fsck");
}

#[test]
fn unknown_repository_extension_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.git(&["config", "core.repositoryFormatVersion", "1"]);
    sandbox.git(&["config", "extensions.fancy", "true"]);
    let run = sandbox.lattice(&["status"]).exits(2);
    run.says_err("`extensions.fancy`, which git-lattice does not support");
}

#[test]
fn repository_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return; // Only root can change the owner of a folder.
    }
    let sandbox = Sandbox::new();
    let given = std::process::Command::new("chown").args(["-R", "12345"]).arg(sandbox.work()).status().unwrap();
    assert!(given.success(), "chown should work for root");
    assert!(!sandbox.try_git("work", &["status"]).status.success(), "git itself should refuse");
    let work = sandbox.work().display().to_string();
    let hint = format!("git config --global --add safe.directory '{work}'");
    sandbox.lattice(&["status"]).exits(2).says_err("belongs to another user").says_err(&hint);
    sandbox.lattice(&["new", "--arch", "aarch64"]).exits(2).says_err("belongs to another user");
    sandbox.git_in("", &["config", "--global", "--add", "safe.directory", &work]);
    sandbox.lattice(&["status"]).exits(0).says_err("no point has a branch yet");
}
