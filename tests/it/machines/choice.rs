//! Which machines are used: the order of command line, git's configuration and lattice.toml; and what a branch cannot choose.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::shared::{latest_record, with_script};
use super::sshd::{Machine, Sshd};
use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::{at, branch};

/// Adds to lattice.toml on the base branch.
fn declare(sandbox: &Sandbox, text: &str) {
    let toml = fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap();
    sandbox.write("lattice.toml", format!("{toml}\n[build]\n{text}\n"));
    sandbox.commit_lattice();
}

#[test]
fn flag_overrides_git_config_overrides_lattice_toml() {
    let sshd = Sshd::start();
    for (index, nix) in every_nix().into_iter().enumerate() {
        let name = |who: &str| format!("{who}{index}");
        let machines = ["project", "user", "flag"].map(|who| sshd.machine(&name(who), &nix, None));
        let [project, user, flag] = &machines;
        let sandbox = with_script(&nix, "echo hello >$out");
        let one = at("phase0/step1");
        sshd.redirect_host_to(project);
        declare(&sandbox, &format!("store = \"{}\"", Machine::shared_url()));
        let called = || machines.each_ref().map(Machine::was_called);
        let run = sandbox.lattice_over_ssh(&sshd, &["build", &one]).exits(0);
        run.says_err("not used: `store` under `[build]`").says_err("`git lattice trust --settings`");
        assert_eq!(called(), [false, false, false], "lattice.toml's store should not be used before it is allowed");
        sandbox.lattice(&["trust", "--settings", "--yes"]).exits(0).says_err("+store = \"ssh-ng://127.0.0.1\"");
        sandbox.lattice_over_ssh(&sshd, &["build", "--again", &one]).exits(0).never_says("not used");
        assert_eq!(called(), [true, false, false], "lattice.toml's store should be used once it is allowed");
        sandbox.git(&["config", "lattice.store", &user.url()]);
        sandbox.lattice_over_ssh(&sshd, &["build", "--again", &one]).exits(0);
        assert_eq!(called(), [true, true, false], "the user's own should be used");
        sandbox.lattice_over_ssh(&sshd, &["build", "--again", &one, "--store", &flag.url()]).exits(0);
        assert_eq!(called(), [true, true, true]);
        sandbox.lattice_over_ssh(&sshd, &["build", "--again", &one, "--store", ""]).exits(0);
        assert!(
            latest_record(&sandbox).get("store").is_none(),
            "an empty flag should select this machine: {}",
            latest_record(&sandbox)
        );
    }
}

#[test]
fn lattice_toml_sends_no_automatic_build_elsewhere() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, "echo hello >$out");
        let caches = tempfile::tempdir().unwrap();
        let cache = |name: &str| format!("file://{}", caches.path().join(name).display());
        declare(&sandbox, &format!("store = \"ssh-ng://nowhere.invalid\"\npush-cache = \"{}\"", cache("project")));
        sandbox.git(&["config", "lattice.push-cache", &cache("user")]);
        sandbox.lattice(&["hooks", "install"]).exits(0);
        sandbox.git(&["switch", "-q", &branch(&at("phase0/step1"))]);
        let is_there = || caches.path().join("user").exists();
        for _ in 0..600 {
            if is_there() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(is_there(), "the user's own cache should get the result: {}", sandbox.logs());
        assert!(!caches.path().join("project").exists(), "the project's cache should get nothing");
        assert!(latest_record(&sandbox).get("store").is_none(), "it should be built here: {}", latest_record(&sandbox));
    }
}

#[test]
fn host_that_looks_like_an_ssh_option_is_refused() {
    let mut sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.forbid_nix();
    let one = at("phase0/step1");
    let trace = sandbox.path("touched");
    let hostile = format!("ssh-ng://-oProxyCommand=touch${{IFS}}{}", trace.display().to_string().replace(' ', "%20"));
    for flag in ["builders", "store", "substituters", "push-cache"] {
        let run = sandbox.lattice(&["build", &one, &format!("--{flag}={hostile}")]);
        run.exits(2)
            .says_err(&format!("could not use `--{flag}`"))
            .says_err("begins with `-`")
            .says_err("ssh-ng://USER@HOST");
        sandbox.git(&["config", &format!("lattice.{flag}"), &hostile]);
        sandbox.lattice(&["build", &one]).exits(2).says_err(&format!("`lattice.{flag}` in git's configuration"));
        sandbox.git(&["config", "--unset", &format!("lattice.{flag}")]);
    }
    sandbox.lattice(&["build", &one, "--store", "ssh://a\u{1b}[31mb"]).exits(2).says_err("control character U+001B");
    declare(&sandbox, &format!("store = \"{hostile}\""));
    sandbox.lattice(&["build", &one]).exits(2).says_err("`[build] store` in lattice.toml");
    assert!(!sandbox.nix_was_called() && !trace.exists(), "nothing should be started");
}

#[test]
fn configured_builders_count_as_capability() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, "echo hello >$out");
        sandbox.points(&[&crate::story::far("phase0/step1")]);
        let machines = sandbox.path("machines");
        fs::write(&machines, "# no machines\n").unwrap();
        let at_file = format!("@{}", machines.display());
        let far = crate::story::far("phase0/step1");
        sandbox.lattice(&["build", &far, "--builders", &at_file]).exits(1).says_out("no-builder");
        let version = Command::new(&nix).arg("--version").output().unwrap();
        assert!(version.status.success());
        // A builder that does not answer: that differs from having no builder.
        let line = format!("ssh-ng://nowhere.invalid {}-linux", crate::story::elsewhere());
        fs::write(&machines, line).unwrap();
        let run = sandbox.lattice(&["build", &far, "--builders", &at_file]);
        run.never_says("no known machine builds for");
    }
}
