//! Hooks at work: which checkouts start a build, which are left to the user, and what stops a commit.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::{DIFF, at, branch, dir, fields};

/// A sandbox with hooks, where starting Nix leaves a trace and fails.
fn with_hooks() -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.forbid_nix();
    sandbox.lattice(&["hooks", "install"]).exits(0);
    sandbox
}

/// A sandbox with hooks and a Nix.
fn with_hooks_and_nix(nix: &Path) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.use_nix(nix);
    sandbox.lattice(&["hooks", "install"]).exits(0);
    sandbox
}

/// Runs git, which must succeed, and returns the output of git and the hooks.
#[track_caller]
fn git(sandbox: &Sandbox, args: &[&str]) -> String {
    let output = sandbox.try_git("work", args);
    assert!(output.status.success(), "git {args:?} should succeed: {}", output.error_text());
    output.error_text()
}

/// Waits until there are `count` records and returns their verdicts.
#[track_caller]
fn wait_for_verdicts(sandbox: &Sandbox, count: usize) -> Vec<String> {
    for _ in 0..600 {
        let records = sandbox.records();
        if records.len() >= count {
            return fields(&records.into(), "verdict").into_iter().map(str::to_owned).collect();
        }
        sleep(Duration::from_millis(100));
    }
    let log = fs::read_to_string(sandbox.work().join(".git/lattice/log/background.log")).unwrap_or_default();
    panic!("there should be {count} records after a minute; the background build said: {log}")
}

/// Asserts that no background build was started.
#[track_caller]
fn assert_nothing_is_built(sandbox: &Sandbox) {
    let log = sandbox.work().join(".git/lattice/log/background.log");
    assert!(!log.exists(), "no build should have been started");
    assert!(!sandbox.nix_was_called(), "no Nix should have been started");
}

/// Makes a point in a colleague's clone, pushes it and fetches it.
fn fetch_from_colleague(sandbox: &Sandbox, args: &[&str], files: &[(&str, &str)]) {
    let clone = sandbox.colleague();
    sandbox.lattice_in(clone, &[&["new", &at("phase0/step1")], args].concat(), |command| command).exits(0);
    for (name, text) in files {
        fs::write(sandbox.path(clone).join(dir(&at("phase0/step1"))).join(name), text).unwrap();
    }
    sandbox.git_in(clone, &["commit", "-q", "--allow-empty", "-a", "-m", "a colleague's"]);
    sandbox.git_in(clone, &["push", "-q", "origin", "HEAD"]);
    sandbox.git(&["fetch", "-q"]);
}

#[test]
fn switch_builds_the_point() {
    for nix in every_nix() {
        let sandbox = with_hooks_and_nix(&nix);
        sandbox.points(&[&at("phase0/step1")]);
        let said = git(&sandbox, &["switch", "-q", &branch(&at("phase0/step1"))]);
        let line = format!("git-lattice: building {} in the background", at("phase0/step1"));
        assert!(said.starts_with(&line) && said.lines().count() == 1, "{said}");
        assert_eq!(wait_for_verdicts(&sandbox, 1), ["built"]);
        assert_eq!(sandbox.state_of(&at("phase0/step1")), "built");
    }
}

#[test]
fn new_switches_and_so_starts_a_build() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = with_hooks_and_nix(&nix);
    sandbox.lattice(&["new", &at("phase0/step1")]).exits(0).says_err("in the background");
    assert_eq!(wait_for_verdicts(&sandbox, 1), ["built"]);
    sandbox.lattice(&["next-step"]).exits(0).says_err("in the background");
    assert_eq!(wait_for_verdicts(&sandbox, 2), ["built", "built"]);
}

#[test]
fn captured_checkout_output_does_not_wait_for_the_build() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let mut sandbox = with_hooks_and_nix(&nix);
    sandbox.points(&[&at("phase0/step1")]);
    let [go, over, real] = ["go", "over", "nix/bin/nix"].map(|name| sandbox.path(name).display().to_string());
    let wait = format!("n=0\nwhile [ ! -e '{go}' ] && [ $n -lt 300 ]; do sleep 0.1; n=$((n + 1)); done\n");
    sandbox.use_program("nix", &format!("#!/bin/sh\n{wait}echo >'{over}'\nexec '{real}' \"$@\"\n"));
    // Both streams are pipes that are read to the end, as in `$(git checkout x 2>&1)`.
    git(&sandbox, &["checkout", "-q", &branch(&at("phase0/step1"))]);
    assert!(!Path::new(&over).exists(), "the checkout should be back while Nix is still at work");
    fs::write(go, "").unwrap();
    assert_eq!(wait_for_verdicts(&sandbox, 1), ["built"], "the build should continue");
}

#[test]
fn failing_build_does_not_fail_the_checkout() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = with_hooks_and_nix(&nix);
    sandbox.lattice(&["new", &at("phase0/step1"), "--template", "step", "--no-switch"]).exits(0);
    sandbox.git(&["-c", "core.hooksPath=/dev/null", "switch", "-q", &branch(&at("phase0/step1"))]);
    sandbox.write(&format!("{}/step.nix", dir(&at("phase0/step1"))), "{ ... }: throw \"no\"\n");
    sandbox.git(&["commit", "-q", "-a", "-m", "break it"]);
    git(&sandbox, &["switch", "-q", "main"]);
    git(&sandbox, &["switch", "-q", &branch(&at("phase0/step1"))]);
    assert_eq!(wait_for_verdicts(&sandbox, 1), ["failed"]);
}

#[test]
fn fetched_generated_point_is_built() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = with_hooks_and_nix(&nix);
    fetch_from_colleague(&sandbox, &[], &[("config.toml", "by = \"colleague\"\n")]);
    git(&sandbox, &["switch", "-q", &branch(&at("phase0/step1"))]);
    assert_eq!(wait_for_verdicts(&sandbox, 1), ["built"], "a generated point contains only data");
}

#[test]
fn fetched_step_nix_is_not_built() {
    let sandbox = with_hooks();
    fetch_from_colleague(&sandbox, &["--template", "step"], &[]);
    let said = git(&sandbox, &["switch", "-q", &branch(&at("phase0/step1"))]);
    let (branch, dir) = (branch(&at("phase0/step1")), dir(&at("phase0/step1")));
    let look = format!("{DIFF} refs/heads/main refs/heads/{branch} -- :/{dir}");
    let line = format!(
        "git-lattice: not built automatically, its step.nix was not written here; look: `{look}`, then: `git lattice trust`"
    );
    assert_eq!(said, line, "one line should be printed");
    let shown = sandbox.git(&look.split(' ').skip(1).collect::<Vec<_>>());
    assert!(shown.contains("+++ b/") && shown.contains("step.nix"), "its command should show the commit: {shown}");
    assert_nothing_is_built(&sandbox);
}

#[test]
fn fetched_edited_flake_nix_is_not_built() {
    let sandbox = with_hooks();
    fetch_from_colleague(&sandbox, &[], &[("flake.nix", "{ outputs = _: { }; }\n")]);
    let said = git(&sandbox, &["switch", "-q", &branch(&at("phase0/step1"))]);
    assert!(
        said.contains("not what this version generates") && said.contains("look: `git --no-replace-objects diff "),
        "{said}"
    );
    assert_nothing_is_built(&sandbox);
}

#[test]
fn point_above_a_fetched_step_nix_is_not_built() {
    let sandbox = with_hooks();
    fetch_from_colleague(&sandbox, &["--template", "step"], &[]);
    sandbox.lattice(&["new", &at("phase0/step2"), "--template", "config", "--no-switch"]).exits(0);
    let said = git(&sandbox, &["switch", "-q", &branch(&at("phase0/step2"))]);
    assert!(said.contains(&format!("{}: its step.nix was not written here", at("phase0/step1"))), "{said}");
    assert_nothing_is_built(&sandbox);
}

#[test]
fn step_nix_pulled_into_own_branch_is_not_built() {
    let sandbox = with_hooks();
    sandbox.lattice(&["new", &at("phase0/step1"), "--template", "step", "--no-switch"]).exits(0);
    let clone = sandbox.colleague();
    sandbox.git_in(clone, &["switch", "-q", &branch(&at("phase0/step1"))]);
    let path = sandbox.path(clone).join(dir(&at("phase0/step1"))).join("step.nix");
    fs::write(path, "{ ... }: throw \"evil\"\n").unwrap();
    sandbox.git_in(clone, &["commit", "-q", "-a", "-m", "improve it"]);
    sandbox.git_in(clone, &["push", "-q", "origin", "HEAD"]);
    sandbox.git(&["-c", "core.hooksPath=/dev/null", "switch", "-q", &branch(&at("phase0/step1"))]);
    sandbox.git(&["pull", "-q", "--ff-only", "origin", &branch(&at("phase0/step1"))]);
    git(&sandbox, &["switch", "-q", "main"]);
    let said = git(&sandbox, &["switch", "-q", &branch(&at("phase0/step1"))]);
    assert!(said.contains("its step.nix was not written here"), "{said}");
    assert_nothing_is_built(&sandbox);
}

#[test]
fn own_step_nix_is_built() {
    for nix in every_nix() {
        let sandbox = with_hooks_and_nix(&nix);
        sandbox.lattice(&["new", &at("phase0/step1"), "--template", "step"]).exits(0);
        assert_eq!(wait_for_verdicts(&sandbox, 1), ["built"], "the starter step.nix");
        let path = format!("{}/step.nix", dir(&at("phase0/step1")));
        let text = fs::read_to_string(sandbox.work().join(&path)).unwrap();
        sandbox.write(&path, format!("# changed here\n{text}").replace("copy <\"$config\"", ":"));
        git(&sandbox, &["commit", "-q", "-a", "-m", "change it"]);
        git(&sandbox, &["switch", "-q", "main"]);
        git(&sandbox, &["switch", "-q", &branch(&at("phase0/step1"))]);
        assert_eq!(wait_for_verdicts(&sandbox, 2), ["built", "built"], "the user's own step.nix");
    }
}

#[test]
fn recorded_point_is_not_built_again() {
    let sandbox = with_hooks();
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.built_elsewhere(&[&at("phase0/step1")]);
    assert_eq!(git(&sandbox, &["switch", "-q", &branch(&at("phase0/step1"))]), "");
    assert_nothing_is_built(&sandbox);
}

#[test]
fn checkouts_of_other_branches_build_nothing() {
    let sandbox = with_hooks();
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.git(&["branch", "-q", "topic"]);
    for args in [&["switch", "-q", "topic"][..], &["switch", "-q", "--detach", &branch(&at("phase0/step1"))]] {
        assert_eq!(git(&sandbox, args), "", "{args:?}");
    }
    git(&sandbox, &["switch", "-q", "main"]);
    assert_eq!(git(&sandbox, &["checkout", "-q", &branch(&at("phase0/step1")), "--", "README"]), "");
    assert_nothing_is_built(&sandbox);
}

#[test]
fn hooks_can_be_switched_off() {
    let sandbox = with_hooks();
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.git(&["config", "lattice.hooks", "false"]);
    assert_eq!(git(&sandbox, &["switch", "-q", &branch(&at("phase0/step1"))]), "");
    assert_nothing_is_built(&sandbox);
}

#[test]
fn broken_lattice_toml_does_not_fail_the_checkout() {
    let sandbox = with_hooks();
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.write("lattice.toml", "base = \n");
    sandbox.git(&["commit", "-q", "-a", "-m", "oh"]);
    let said = git(&sandbox, &["checkout", "-q", "-b", "topic"]);
    assert!(said.starts_with("git-lattice: no build was started: ") && said.lines().count() == 1, "{said}");
}

#[test]
fn switch_in_a_linked_worktree_builds() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = with_hooks_and_nix(&nix);
    sandbox.points(&[&at("phase0/step1"), &at("phase0/step2")]);
    git(&sandbox, &["worktree", "add", "-q", "--detach", "../linked"]);
    sandbox.git_in("linked", &["switch", "-q", &branch(&at("phase0/step1"))]);
    assert_eq!(wait_for_verdicts(&sandbox, 1), ["built"]);
    let said = git(&sandbox, &["worktree", "add", "-q", "../second", &branch(&at("phase0/step2"))]);
    let line = format!("git-lattice: {} is not built in a new worktree or clone", at("phase0/step2"));
    assert!(said.starts_with(&line) && said.lines().count() == 1, "{said}");
    let toml = fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap();
    sandbox.write("lattice.toml", format!("{toml}\n[hooks]\non-worktree-add = true\n"));
    sandbox.git(&["commit", "-q", "-a", "-m", "build in new worktrees"]);
    sandbox.git(&["worktree", "remove", "../second"]);
    git(&sandbox, &["worktree", "add", "-q", "../second", &branch(&at("phase0/step2"))]);
    assert_eq!(wait_for_verdicts(&sandbox, 2), ["built", "built"]);
}

#[test]
fn automatic_build_runs_no_program_from_nix_conf() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = with_hooks_and_nix(&nix);
    sandbox.points(&[&at("phase0/step1")]);
    let path = sandbox.path("nix/conf/nix.conf");
    let conf = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{conf}post-build-hook = /no/such/program\n")).unwrap();
    git(&sandbox, &["switch", "-q", &branch(&at("phase0/step1"))]);
    assert_eq!(wait_for_verdicts(&sandbox, 1), ["built"], "the hook of nix.conf would fail the build");
}

#[test]
fn existing_hook_still_runs() {
    let mut sandbox = Sandbox::new();
    sandbox.forbid_nix();
    let trace = sandbox.path("trace").display().to_string();
    for event in ["pre-commit", "post-checkout"] {
        let script = format!("#!/bin/sh\necho {event} >>'{trace}'\n");
        sandbox.use_program(event, &script);
        let from = sandbox.path(&format!("bin-{event}/{event}"));
        fs::create_dir_all(sandbox.work().join(".git/hooks")).unwrap();
        std::os::unix::fs::symlink(from, sandbox.work().join(".git/hooks").join(event)).unwrap();
    }
    sandbox.lattice(&["hooks", "install"]).exits(0);
    sandbox.write("bad.nix", "{ a = 1 }\n");
    sandbox.git(&["add", "bad.nix"]);
    assert!(!sandbox.try_git("work", &["commit", "-q", "-m", "x"]).status.success(), "our hook should run too");
    git(&sandbox, &["switch", "-q", "-c", "topic"]);
    assert_eq!(fs::read_to_string(sandbox.path("trace")).unwrap(), "pre-commit\npost-checkout\n");
    let status = sandbox.lattice(&["hooks", "status", "--json"]).exits(0).json();
    assert_eq!(status["hooks"][0]["chained"], true);
    sandbox.lattice(&["hooks", "uninstall"]).exits(0);
    git(&sandbox, &["switch", "-q", "main"]);
    assert_eq!(
        fs::read_to_string(sandbox.path("trace")).unwrap().lines().count(),
        3,
        "uninstall should restore the hook"
    );
}

#[test]
fn broken_nix_file_stops_the_commit() {
    let sandbox = with_hooks();
    let before = sandbox.commit("HEAD");
    sandbox.write("bad.nix", "{\n  a = 1\n}\n");
    sandbox.git(&["add", "bad.nix"]);
    let refused = sandbox.try_git("work", &["commit", "-q", "-m", "x"]);
    let said = refused.error_text();
    assert!(!refused.status.success() && said.contains("bad.nix:3:1"), "{said}");
    assert!(said.contains("error: the commit was stopped") && said.contains("hint:"), "{said}");
    assert_eq!(sandbox.commit("HEAD"), before);
}

#[test]
fn statix_finding_stops_the_commit() {
    let mut sandbox = with_hooks();
    sandbox.use_program(
        "statix",
        "#!/bin/sh\ncase $* in\n'check --help') echo 'Usage: statix check --format errfmt --stdin' ;;\n\
         --version) echo 'statix 0.5.8' ;;\n*) if grep -q 'odd\\|a probe'; then echo '<stdin>>1:3:W:4:this is odd'; exit 1; fi ;;\nesac\n",
    );
    sandbox.write("a.nix", "{ odd = 1; }\n");
    sandbox.git(&["add", "."]);
    let refused = sandbox.try_git("work", &["commit", "-q", "-m", "x"]);
    assert!(!refused.status.success() && refused.error_text().contains("this is odd"), "{}", refused.error_text());
    sandbox.write("a.nix", "{ even = 1; }\n");
    sandbox.git(&["add", "."]);
    let said = git(&sandbox, &["commit", "-q", "-m", "x"]);
    assert!(
        !said.contains("statix") && said.lines().count() == 1,
        "only deadnix should be reported as missing: {said}"
    );
}

#[test]
fn valid_and_non_nix_files_pass() {
    let sandbox = with_hooks();
    sandbox.write("good.nix", "{ a = 1; }\n");
    sandbox.write("bad.txt", "{ a = 1 }\n");
    sandbox.git(&["add", "."]);
    let said = git(&sandbox, &["commit", "-q", "-m", "x"]);
    assert!(said.contains("not checked"), "the missing statix should be reported: {said}");
    sandbox.write("more.txt", "x");
    sandbox.git(&["add", "."]);
    assert_eq!(git(&sandbox, &["commit", "-q", "-m", "no Nix in it"]), "");
}

#[test]
fn staged_bytes_are_linted_not_the_worktree() {
    let sandbox = with_hooks();
    sandbox.write("a.nix", "{ a = 1; }\n");
    sandbox.git(&["add", "a.nix"]);
    sandbox.write("a.nix", "{ a = \n");
    git(&sandbox, &["commit", "-q", "-m", "what is staged is good"]);
    sandbox.git(&["add", "a.nix"]);
    sandbox.write("a.nix", "{ a = 2; }\n");
    assert!(!sandbox.try_git("work", &["commit", "-q", "-m", "the staged file is broken"]).status.success());
    assert!(sandbox.try_git("work", &["commit", "-q", "-a", "-m", "both files are valid"]).status.success());
}

#[test]
fn unstaged_broken_file_does_not_stop_the_commit() {
    let sandbox = with_hooks();
    sandbox.write("old.nix", "{ a = \n");
    sandbox.git(&["add", "old.nix"]);
    sandbox.git(&["commit", "-q", "--no-verify", "-m", "existing"]);
    sandbox.write("new.nix", "1\n");
    sandbox.git(&["add", "new.nix"]);
    git(&sandbox, &["commit", "-q", "-m", "x"]);
    sandbox.git(&["rm", "-q", "old.nix"]);
    git(&sandbox, &["commit", "-q", "-m", "away with it"]);
}
