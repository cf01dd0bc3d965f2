//! `git lattice trust --settings`: the machines that lattice.toml proposes, shown as a diff, and allowed by content.

use std::fs;

use crate::sandbox::{Run, Sandbox};
use crate::story::{at, texts};

const PROPOSED: &str = "not used: ";

/// A base branch with this proposal, and a point; starting Nix records its arguments and fails.
fn with_proposal(build: &str) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.forbid_nix();
    sandbox.points(&[&at("phase0/step1")]);
    propose(&sandbox, build);
    sandbox
}

/// Commits this as `[build]` on the base branch.
fn propose(sandbox: &Sandbox, build: &str) {
    let path = sandbox.work().join("lattice.toml");
    let text = fs::read_to_string(&path).unwrap();
    let rest = text.split("\n[build]\n").next().unwrap();
    fs::write(&path, format!("{rest}\n[build]\n{build}\n")).unwrap();
    sandbox.git(&["commit", "-q", "-a", "-m", "machines"]);
}

fn build(sandbox: &Sandbox) -> Run {
    sandbox.lattice(&["build", &at("phase0/step1")])
}

fn settings(sandbox: &Sandbox, more: &[&str]) -> Run {
    sandbox.lattice(&[&["trust", "--settings"], more].concat())
}

#[test]
fn shows_a_diff_and_needs_a_yes() {
    let sandbox = with_proposal("store = \"ssh-ng://far\"\nsubstituters = [\"https://a\", \"https://b\"]");
    let run = settings(&sandbox, &[]).exits(2).says_err("error: there is no terminal to ask on: `--yes`");
    assert!(
        run.stderr.starts_with("+store = \"ssh-ng://far\"\n+substituters = [\"https://a\", \"https://b\"]\n"),
        "{}",
        run.stderr
    );
    assert!(run.stdout.starts_with("not trusted  settings  "), "{}", run.stdout);
    build(&sandbox).says_err(PROPOSED);
    settings(&sandbox, &["--yes"]).exits(0).says_out("trusted  settings  ");
    build(&sandbox).never_says(PROPOSED);
    settings(&sandbox, &[]).exits(0).says_out("unchanged  settings  ").never_says("+store");

    propose(&sandbox, "# of no account\nsubstituters = ['https://a',\n 'https://b']\nstore = 'ssh-ng://near'");
    let run = settings(&sandbox, &["--yes", "--dry-run"]).exits(0).says_out("not trusted  settings  ");
    assert_eq!(
        run.stderr, "-store = \"ssh-ng://far\"\n+store = \"ssh-ng://near\"\n",
        "only differences to the last permission should be shown"
    );
    build(&sandbox).says_err(PROPOSED);
}

#[test]
fn json_asks_no_question() {
    let sandbox = with_proposal("push-cache = \"file:///srv/cache\"");
    for (more, code, allowed) in [
        (&["--json"][..], 2, false),
        (&["--json", "--dry-run"], 0, false),
        (&["--json", "--yes"], 0, true),
        (&["--json"], 0, true),
    ] {
        let run = settings(&sandbox, more).exits(code).json();
        assert_eq!((&run["version"], &run["allowed"]), (&1.into(), &allowed.into()), "{more:?}: {run}");
        assert_eq!(texts(&run["settings"]), ["push-cache = \"file:///srv/cache\""]);
        let diff = texts(&run["diff"]);
        assert_eq!(diff.len(), usize::from(!(allowed && more.len() == 1)), "{more:?}: {run}");
    }
}

#[test]
fn settings_are_allowed_by_content() {
    let sandbox = with_proposal("store = \"ssh-ng://far\"");
    settings(&sandbox, &["--yes"]).exits(0);
    for (text, is_used) in [
        ("store = \"ssh-ng://other\"", false),
        ("store = \"ssh-ng://far\"\npush-cache = \"ssh-ng://far\"", false),
        ("store = 'ssh-ng://far' # the same", true),
    ] {
        propose(&sandbox, text);
        assert_eq!(!build(&sandbox).stderr.contains(PROPOSED), is_used, "{text}");
    }
    let calls = fs::read_to_string(sandbox.path("nix-was-called")).unwrap();
    assert!(!calls.contains("other"), "{calls}");
}

#[test]
fn allowed_settings_are_listed_and_limited_to_this_clone() {
    let sandbox = with_proposal("store = \"ssh-ng://far\"");
    let key = settings(&sandbox, &["--yes", "--json"]).exits(0).json()["key"].as_str().unwrap().to_owned();
    let list = sandbox.lattice(&["trust", "list", "--json"]).exits(0).json();
    assert_eq!(
        (&list["settings"][0]["key"], &list["settings"][0]["lines"][0]),
        (&key.clone().into(), &"store = \"ssh-ng://far\"".into())
    );
    sandbox.lattice(&["trust", "list"]).exits(0).says_out("settings").says_out(&key[..10]);
    sandbox.git(&["push", "-q"]);
    let clone = sandbox.colleague();
    sandbox
        .lattice_in(clone, &["trust", "--settings", "--dry-run"], |command| command)
        .exits(0)
        .says_out("not trusted");
    sandbox.git(&["worktree", "add", "-q", "--detach", "../linked"]);
    sandbox.lattice_in("linked", &["trust", "--settings"], |command| command).exits(0).says_out("unchanged");
    sandbox.lattice(&["trust", "revoke", &key[..10]]).exits(0).says_out("revoked");
    build(&sandbox).says_err(PROPOSED);
    settings(&sandbox, &["--yes"]).exits(0);
    sandbox.lattice(&["trust", "revoke", "--all"]).exits(0);
    build(&sandbox).says_err(PROPOSED);
}

#[test]
fn older_ledger_version_is_read() {
    let sandbox = with_proposal("store = \"ssh-ng://far\"");
    let folder = sandbox.path("home/.local/state/git-lattice");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("trust.json"), r#"{ "version": 1, "content": [], "authors": [] }"#).unwrap();
    settings(&sandbox, &["--yes"]).exits(0);
    build(&sandbox).never_says(PROPOSED);
}

#[test]
fn invalid_ledger_allows_no_machine() {
    let sandbox = with_proposal("store = \"ssh-ng://far\"");
    settings(&sandbox, &["--yes"]).exits(0);
    let ledger = sandbox.path("home/.local/state/git-lattice/trust.json");
    fs::write(&ledger, "{").unwrap();
    build(&sandbox).exits(2).says_err("is damaged, so nothing in it is trusted");
    assert!(!sandbox.nix_was_called());
    sandbox.git(&["config", "lattice.store", ""]);
    build(&sandbox).says_err("is damaged");
}

#[test]
fn no_proposal_has_nothing_to_allow() {
    let sandbox = with_proposal("include = [\"README\"]");
    settings(&sandbox, &[]).exits(0).says_out("nothing is proposed");
    assert!(!sandbox.path("home/.local/state/git-lattice").exists());
    sandbox.lattice(&["trust", "--settings", &at("phase0/step1")]).exits(2);
    sandbox.lattice(&["trust", "--dry-run"]).exits(2);
}
