//! Hostile branch names and author names.

use super::victim::Victim;
use crate::story::{at, branch};

/// Names that git accepts and a shell, terminal or program might interpret. `evil` is on PATH.
const NAMES: [&str; 11] = [
    "$(evil)",
    "`evil`",
    "';evil;'",
    "\"|evil|\"",
    "\u{202e}gnp.1pets",
    "step1\u{9b}31m",
    "--upload-pack=evil",
    "step1#x&y%41",
    "STEP1",
    "step01",
    "step18446744073709551616",
];

#[test]
fn hostile_names_are_neither_run_nor_points() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    for name in NAMES {
        for branch in
            [format!("feature/{}/phase0/{name}", at("").trim_end_matches('/')), format!("feature/{name}/x/y/z")]
        {
            sandbox.git_in("remote.git", &["update-ref", &format!("refs/heads/{branch}"), "refs/heads/main"]);
            sandbox.git(&["fetch", "-q"]);
            let before = victim.files();
            let said = victim.switch(&branch);
            assert_eq!(said, "", "`{branch}` belongs to no point");
            victim.assert_nothing_happened(&before);
            for command in
                [&["status"][..], &["status", "--json"], &["show", &branch], &["build", &branch], &["trust", &branch]]
            {
                let run = sandbox.lattice(command);
                let odd = |text: &str| text.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}'));
                assert!(!odd(&run.stdout) && !odd(&run.stderr), "{command:?}: {:?}{:?}", run.stdout, run.stderr);
            }
            assert!(!std::path::Path::new(&victim.trace_file()).exists(), "`{branch}` should not be run");
            sandbox.git(&["switch", "-q", "main"]);
            sandbox.git(&["branch", "-q", "-D", "--", &branch]);
            sandbox.git_in("remote.git", &["update-ref", "-d", &format!("refs/heads/{branch}")]);
            sandbox.git(&["fetch", "-q", "--prune"]);
        }
    }
}

#[test]
fn git_refuses_hostile_branch_names() {
    let victim = Victim::new(None);
    for name in ["feature/$(touch x)/..", "feature/../x", "feature/x\u{1b}[2J", "-x"] {
        let made =
            victim.sandbox.try_git("remote.git", &["update-ref", &format!("refs/heads/{name}"), "refs/heads/main"]);
        assert!(
            !made.status.success() || name == "-x",
            "git should refuse `{name:?}`, else the test above should try it"
        );
    }
}

#[test]
fn author_names_and_subjects_are_escaped() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    victim.receives_branch_with("step", &[], |clone| {
        sandbox.git_in(clone, &["config", "user.name", "Mal\u{1b}]0;owned\u{7}\u{202e}lory"]);
        sandbox.git_in(clone, &["commit", "-q", "--allow-empty", "-m", "x"]);
    });
    let clone = sandbox.path("stranger");
    std::fs::write(clone.join("message"), "look\u{1b}[2Jhere\n").unwrap();
    sandbox.git_in(
        "stranger",
        &["commit", "-q", "--amend", "--allow-empty", "--cleanup=verbatim", "-F", "message", "--only"],
    );
    sandbox.git_in("stranger", &["push", "-q", "-f", "origin", "HEAD"]);
    sandbox.git(&["fetch", "-q"]);
    victim.assert_switch_starts_nothing();
    let run = sandbox.lattice(&["trust"]).exits(2).says_err("--yes");
    assert!(run.stderr.contains("look\u{fffd}[2Jhere") && !run.stderr.contains('\u{1b}'), "{:?}", run.stderr);
}

#[test]
fn forged_records_permit_no_build() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    victim.receives_branch("step", &[]);
    sandbox.git(&["branch", "-q", &branch(&at("phase0/step1")), &format!("origin/{}", branch(&at("phase0/step1")))]);
    let known = sandbox.point(&at("phase0/step1"));
    let (key, commit) = (known["key"].as_str().unwrap(), known["commit"].as_str().unwrap());
    let forged = serde_json::json!({
        "point": "\u{1b}[2J", "key": key, "commit": commit, "system": known["systems"][0], "verdict": "cancelled",
        "outputs": { "out": { "path": "/etc/passwd\u{1b}[31m" } }, "started": "9999-12-31T23:59:59Z", "seconds": 1e308,
        "host": "\u{1b}]0;owned\u{7}", "user": "$(touch x)", "permit": true, "trusted": true,
    });
    sandbox.git_in("stranger", &["notes", "--ref=lattice/stranger", "add", "-m", &forged.to_string(), key]);
    sandbox.git_in("stranger", &["push", "-q", "origin", "refs/notes/lattice/stranger"]);
    sandbox.git(&["fetch", "-q", "origin", "refs/notes/lattice/*:refs/notes/lattice/*"]);
    assert_eq!(sandbox.records().len(), 1, "the record should be listed");
    victim.assert_switch_explains("its step.nix was not written here");
    for command in [&["show"][..], &["status"]] {
        let run = sandbox.lattice(command).exits(0);
        assert!(!run.stdout.contains('\u{1b}') && !run.stderr.contains('\u{1b}'), "{:?}", run.stdout);
    }
}

/// `git push` with full names says "matches more than one" if a tag is named `refs/heads/...`, here or on the remote.
#[test]
fn tags_named_like_branches_do_not_stop_a_push() {
    let tag = |point: &str| format!("refs/tags/refs/heads/{}", branch(point));
    for place in ["work", "remote.git"] {
        let victim = Victim::new(None);
        let sandbox = &victim.sandbox;
        sandbox.git(&["config", "lattice.writer", "me"]);
        let [one, ten] = [at("phase0/step1"), at("phase0/step10")];
        sandbox.git_in(place, &["update-ref", &tag(&one), "refs/heads/main"]);
        sandbox.lattice(&["new", &ten, "--no-push", "--no-switch"]).exits(0);
        sandbox.lattice(&["new", &one, "--no-switch"]).exits(0).says_out("pushed");
        assert!(sandbox.remote_has(&one) && !sandbox.remote_has(&ten), "only this branch should be pushed");
        assert_eq!(sandbox.git(&["config", &format!("branch.{}.remote", branch(&one))]), "origin");
        let next = at("phase0/step2");
        sandbox.git_in(place, &["update-ref", &tag(&next), "refs/heads/main"]);
        sandbox.lattice(&["next-step", &one, "--no-push", "--no-switch"]).exits(0);
        sandbox.lattice(&["sync"]).exits(0);
        assert!(sandbox.remote_has(&next) && sandbox.remote_has(&ten), "sync should push them");
    }
}
