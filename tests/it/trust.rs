//! `git lattice trust`: what is shown, what is asked, and where the answer is stored.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use crate::hostile::victim::Victim;
use crate::story::{DIFF, at, branch, dir};

const STEP: &str = "its step.nix was not written here";

/// A victim who has fetched and checked out an attacker's point.
fn with_foreign_branch() -> Victim {
    let victim = Victim::new(None);
    victim.receives_branch("step", &[]);
    victim
}

fn file(victim: &Victim) -> PathBuf {
    victim.sandbox.path("home/.local/state/git-lattice/trust.json")
}

fn point() -> String {
    at("phase0/step1")
}

#[test]
fn trust_shows_the_diff_command_and_needs_a_yes() {
    let victim = with_foreign_branch();
    let run = victim.sandbox.refused(&["trust", &point()]).exits(2);
    let commit = victim.sandbox.git(&["rev-parse", "--short", &format!("origin/{}", branch(&point()))]);
    let (dir, branch) = (dir(&point()), branch(&point()));
    let expected =
        format!("{point} at {commit} by Mallory: improve it\n  {dir}: {STEP}\n    written in ", point = point());
    assert!(run.stderr.starts_with(&expected), "{}", run.stderr);
    for file in ["config.toml", "flake.nix", "step.nix"] {
        assert!(run.stderr.contains(&format!("\n    {dir}/{file}\n")), "{file}: {}", run.stderr);
    }
    let run =
        run.says_err(&format!("    look:\n        {DIFF} refs/heads/main refs/remotes/origin/{branch} -- :/{dir}\n"));
    run.says_err("error: there is no terminal to ask on: `--yes` says that you have reviewed it");
    assert!(!file(&victim).exists());
}

#[test]
fn dry_run_trusts_nothing_even_with_yes() {
    let victim = with_foreign_branch();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";
    for what in [&[&*point()][..], &["--author", key]] {
        let run = victim.sandbox.lattice(&[&["trust", "--dry-run", "--yes"][..], what].concat()).exits(0);
        assert_eq!(run.stdout, "", "nothing is trusted: {}", run.stdout);
        let run = victim.sandbox.lattice(&[&["trust", "--dry-run", "--yes", "--json"][..], what].concat()).exits(0);
        assert_eq!(run.json()["trusted"], serde_json::json!([]));
        assert!(!file(&victim).exists(), "{what:?}");
    }
}

/// script(1) of util-linux provides the terminal.
#[cfg(target_os = "linux")]
#[test]
fn empty_answer_on_a_terminal_is_a_no() {
    let script = which::which("script").expect("script(1) is needed for this test (Debian: bsdutils)");
    for (answer, is_trusted) in [("\n", false), ("n\n", false), ("y\n", true)] {
        let victim = with_foreign_branch();
        let mut command = std::process::Command::new(&script);
        command
            .args(["-qec", &format!("git-lattice trust {}", point()), "/dev/null"])
            .current_dir(victim.sandbox.work());
        victim.sandbox.environment(&mut command);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), answer.as_bytes()).unwrap();
        let said = String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned();
        assert!(said.contains("Build exactly this without asking from now on? [y/N]"), "{said}");
        assert_eq!(file(&victim).exists(), is_trusted, "{answer:?}: {said}");
    }
}

#[test]
fn automatically_built_point_needs_no_trust() {
    let victim = Victim::new(None);
    victim.receives_branch("config", &[]);
    victim.sandbox.lattice(&["trust", &point()]).exits(0).says_err("is built automatically already");
    assert!(!file(&victim).exists());
}

#[test]
fn foreign_point_stays_foreign_under_another_name() {
    let victim = with_foreign_branch();
    let (sandbox, own) = (&victim.sandbox, at("phase0/step2"));
    sandbox.git(&["branch", "-q", &branch(&point()), &format!("origin/{}", branch(&point()))]);
    sandbox.lattice(&["new", &own, "--template", "step", "--fresh", "--no-switch"]).exits(0);
    sandbox.lattice(&["axis", "rename", "step", "step{n}", "stage{n}"]).exits(0);
    sandbox.commit_lattice();
    let [moved, own] = [point(), own].map(|point| point.replace("/step", "/stage"));
    for point in [&moved, &own] {
        let run = sandbox.refused(&["trust", point]).exits(2);
        assert!(run.stderr.contains(&format!("  {}: {STEP}\n", dir(&moved))), "{}", run.stderr);
        assert!(!run.stderr.contains(&format!("  {}: ", dir(&own))), "only the foreign part: {}", run.stderr);
    }
    assert!(!victim.switch(&branch(&own)).contains("in the background"));
}

#[test]
fn trust_is_listed_and_revoked() {
    let victim = with_foreign_branch();
    let sandbox = &victim.sandbox;
    sandbox.lattice(&["trust", "list"]).exits(0).says_err("nothing is trusted");
    let trusted = sandbox.lattice(&["trust", &point(), "--yes", "--json"]).exits(0).json();
    assert_eq!((&trusted["version"], &trusted["trusted"][0]["point"]), (&1.into(), &point().into()));
    let list = sandbox.lattice(&["trust", "list", "--json"]).exits(0).json();
    let key = trusted["trusted"][0]["key"].as_str().unwrap().to_owned();
    assert_eq!((&list["content"][0]["key"], &list["content"][0]["point"]), (&key.clone().into(), &point().into()));
    assert_eq!(sandbox.point(&point())["key"], key.as_str(), "the build key should be shown");
    sandbox.lattice_in("", &["trust", "list"], |command| command).exits(0).says_out(&key[..10]).says_out(&point());
    assert!(victim.switch(&branch(&point())).contains("in the background"));

    let run = sandbox.lattice(&["trust", "revoke", "nothing"]).exits(1);
    run.says_err("nothing trusted has the name `nothing`").says_err("git lattice trust list");
    sandbox.lattice(&["trust", "revoke", &key[..10]]).exits(0).says_out("revoked");
    sandbox.git(&["switch", "-q", "main"]);
    assert!(victim.switch(&branch(&point())).contains(STEP), "after revoking, it should be refused again");
    for what in [&["--yes", &point()][..], &["revoke", &point()], &["--yes", &point()], &["revoke", "--all"]] {
        sandbox.lattice(&[&["trust"], what].concat()).exits(0);
    }
    sandbox.lattice(&["trust", "list"]).exits(0).says_err("nothing is trusted");
    sandbox.lattice(&["trust", "revoke"]).exits(2);
}

#[test]
fn another_clone_trusts_the_same_content() {
    let victim = with_foreign_branch();
    victim.sandbox.lattice(&["trust", &point(), "--yes"]).exits(0);
    let clone = victim.sandbox.colleague();
    victim
        .sandbox
        .lattice_in(clone, &["trust", &point()], |command| command)
        .exits(0)
        .says_err("automatically already");
}

#[test]
fn trust_file_is_private_to_the_user() {
    let victim = with_foreign_branch();
    victim.sandbox.lattice(&["trust", &point(), "--yes"]).exits(0);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = file(&victim);
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    let names: Vec<_> = fs::read_dir(file.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing but the file and its lock: {names:?}");
    let git = fs::read_to_string(victim.sandbox.work().join(".git/config")).unwrap();
    assert!(!git.contains("trust"), "nothing should be stored in the repository: {git}");
}

#[test]
fn invalid_trust_file_trusts_nothing() {
    let victim = with_foreign_branch();
    victim.sandbox.lattice(&["trust", &point(), "--yes"]).exits(0);
    let (file, good) = (file(&victim), fs::read_to_string(file(&victim)).unwrap());
    let said = |why: &str| {
        let said = victim.assert_switch_starts_nothing();
        victim.sandbox.git(&["switch", "-q", "main"]);
        let start = format!("git-lattice: not built automatically, `{}` {why}", file.display());
        assert!(said.starts_with(&start) && said.lines().count() == 1, "{said}");
        victim.sandbox.lattice(&["trust", "list"]).exits(2).says_err(why);
        victim.sandbox.lattice(&["trust", &point(), "--yes"]).exits(2).says_err("hint: ");
    };
    for bad in ["", "{", "[]", "{}", &good.replace("\"version\": 1", "\"version\": 2"), &good[..good.len() / 2]] {
        fs::write(&file, bad).unwrap();
        said("is damaged, so nothing in it is trusted");
        assert_eq!(fs::read_to_string(&file).unwrap(), bad, "the file should not change");
    }
    fs::write(&file, &good).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
    said("is writable by other users");
    fs::write(&file, "{").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    victim.sandbox.lattice(&["trust", "revoke", "--all"]).exits(0);
    victim.sandbox.lattice(&["trust", "list"]).exits(0).says_err("nothing is trusted");
}

#[test]
fn state_directory_inside_the_worktree_is_refused() {
    let victim = with_foreign_branch();
    let sandbox = &victim.sandbox;
    std::os::unix::fs::symlink(sandbox.work().join("state"), sandbox.path("link")).unwrap();
    fs::create_dir(sandbox.work().join("state")).unwrap();
    let places = [
        ("state".to_owned(), "expected an absolute path"),
        (sandbox.work().join("state").display().to_string(), "is inside this repository"),
        (sandbox.path("link").display().to_string(), "is inside this repository"),
        (sandbox.work().join(".git/x").display().to_string(), "is inside this repository"),
        (sandbox.work().join("../work/state").display().to_string(), "is inside this repository"),
    ];
    for (place, why) in places {
        for args in [&["trust", &point(), "--yes"][..], &["trust", "list"], &["trust", "revoke", "--all"]] {
            let run = sandbox.lattice_in("work", args, |command| command.env("XDG_STATE_HOME", &place));
            run.exits(2).says_err(why).says_err("hint: set XDG_STATE_HOME");
        }
    }
    assert!(fs::read_dir(sandbox.work().join("state")).unwrap().next().is_none(), "nothing should be written there");
    sandbox.git(&["worktree", "add", "-q", "--detach", "../linked"]);
    let run = sandbox.lattice_in("linked", &["trust", "list"], |command| {
        command.env("XDG_STATE_HOME", sandbox.work().join("state"))
    });
    run.exits(2).says_err("is inside this repository");
    let elsewhere = sandbox.path("elsewhere").display().to_string();
    let trust = ["trust", &point(), "--yes"];
    sandbox.lattice_in("work", &trust, |command| command.env("XDG_STATE_HOME", &elsewhere)).exits(0);
    assert!(sandbox.path("elsewhere/git-lattice/trust.json").exists());
}

#[test]
fn concurrent_trust_loses_no_entry() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    let children: Vec<_> = (0..20)
        .map(|i| {
            let key = format!("SHA256:{i:0>43}");
            sandbox.command("work", &["trust", "--author", &key, "--yes"]).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let list = sandbox.lattice(&["trust", "list", "--json"]).exits(0).json();
    assert_eq!(list["authors"].as_array().unwrap().len(), 20);
}
