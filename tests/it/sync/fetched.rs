//! Records that a plain `git fetch` brings, by the refspec that `init` and the first `sync` add.

use serde_json::json;

use super::{lattice, own_record, shared};
use crate::sandbox::Sandbox;
use crate::story::{at, branch, far, fields, write_record};

const REFSPEC: &str = "+refs/notes/lattice/*:refs/lattice/remotes/origin/*";

/// The refspecs of a clone.
fn refspecs(sandbox: &Sandbox, dir: &str) -> Vec<String> {
    sandbox.git_in(dir, &["config", "--get-all", "remote.origin.fetch"]).lines().map(str::to_owned).collect()
}

/// The state of a point and the writers of its records.
fn shown(sandbox: &Sandbox, dir: &str, point: &str) -> (String, Vec<String>) {
    let json = lattice(sandbox, dir, &["show", point, "--json"]).exits(0).json();
    let writers = fields(&json["records"], "writer").into_iter().map(str::to_owned).collect();
    (json["state"].as_str().unwrap().to_owned(), writers)
}

/// Two points, of which the remote has one record, and a colleague who has run `sync` once.
fn with_record() -> (Sandbox, &'static str) {
    let (sandbox, colleague) = shared();
    own_record(&sandbox, "work", "first", &at("phase0/step1"), &json!({}));
    sandbox.lattice(&["sync"]).exits(0);
    lattice(&sandbox, colleague, &["sync"]).exits(0);
    (sandbox, colleague)
}

#[test]
fn git_fetch_brings_records() {
    let (sandbox, colleague) = with_record();
    let [one, other] = [at("phase0/step1"), far("phase0/step1")];
    own_record(&sandbox, "work", "first", &other, &json!({ "verdict": "failed" }));
    own_record(&sandbox, "work", "first", &one, &json!({ "host": "again" }));
    sandbox.lattice(&["sync"]).exits(0);
    assert_eq!(shown(&sandbox, colleague, &other).0, "new");
    sandbox.git_in(colleague, &["fetch", "-q"]);
    assert_eq!(shown(&sandbox, colleague, &other), ("failed".into(), vec!["first".into()]));
    assert_eq!(
        shown(&sandbox, colleague, &one),
        ("built".into(), vec!["first".into(), "first".into()]),
        "no line counts twice"
    );
    lattice(&sandbox, colleague, &["status"]).exits(0).says_out("✗ failed").says_out("✓ built");
    let taken = lattice(&sandbox, colleague, &["sync"]).exits(0).says_out("records of one other clone fetched");
    taken.never_says("git fetch");
    assert_eq!(shown(&sandbox, colleague, &other), ("failed".into(), vec!["first".into()]));
}

#[test]
fn a_clone_that_never_synced_reads_fetched_records() {
    let (sandbox, _) = with_record();
    let option = format!("remote.origin.fetch={REFSPEC}");
    sandbox.git_in("", &["clone", "-q", "-c", &option, "remote.git", "fresh"]);
    lattice(&sandbox, "fresh", &["status"]).exits(0).says_out("✓ built").never_says("no records");
    lattice(&sandbox, "fresh", &["promote", &at("phase0/step1"), "--dry-run"]).exits(0).says_out("would create");
    assert_eq!(sandbox.git_in("fresh", &["for-each-ref", "refs/notes"]), "", "nothing was taken over yet");
}

#[test]
fn fetch_with_prune_keeps_records_that_were_not_pushed() {
    let (sandbox, colleague) = with_record();
    let [one, other] = [at("phase0/step1"), far("phase0/step1")];
    own_record(&sandbox, colleague, "second", &one, &json!({}));
    lattice(&sandbox, colleague, &["sync"]).exits(0);
    own_record(&sandbox, colleague, "second", &other, &json!({}));
    let notes = || sandbox.git_in(colleague, &["for-each-ref", "refs/notes"]);
    let before = notes();
    sandbox.git_in("remote.git", &["update-ref", "-d", "refs/notes/lattice/first"]);
    sandbox.git_in(colleague, &["config", "fetch.prune", "true"]);
    sandbox.git_in(colleague, &["fetch", "-q", "--force"]);
    sandbox.git_in(colleague, &["remote", "prune", "origin"]);
    sandbox.git_in(colleague, &["gc", "-q", "--prune=now"]);
    assert_eq!(notes(), before);
    assert_eq!(shown(&sandbox, colleague, &one).1.len(), 2);
    assert_eq!(shown(&sandbox, colleague, &other).1, ["second"], "the fetched ref of the same writer is older");
}

#[test]
fn local_records_count_where_a_writer_was_rewritten() {
    let (sandbox, colleague) = with_record();
    let one = at("phase0/step1");
    sandbox.git(&["update-ref", "-d", "refs/notes/lattice/first"]);
    write_record(&sandbox, "work", "first", &one, &json!({ "verdict": "failed" }));
    sandbox.git(&["push", "-q", "-f", "origin", "refs/notes/lattice/first"]);
    sandbox.git_in(colleague, &["fetch", "-q"]);
    assert_eq!(shown(&sandbox, colleague, &one).0, "built", "as `sync` keeps the local ones");
}

#[test]
fn refs_of_the_remote_that_are_no_records_are_ignored() {
    let (sandbox, colleague) = with_record();
    let id = sandbox.git(&["rev-parse", "refs/notes/lattice/first"]);
    let blob = sandbox.git(&["rev-parse", "HEAD:README"]);
    for (name, id) in [("b/c", &id), ("text", &blob), ("e-vil", &id)] {
        sandbox.git(&["push", "-q", "origin", &format!("{id}:refs/notes/lattice/{name}")]);
    }
    sandbox.git_in(colleague, &["fetch", "-q"]);
    lattice(&sandbox, colleague, &["status"]).exits(0).says_out("✓ built").never_says("left out");
    assert_eq!(shown(&sandbox, colleague, &at("phase0/step1")).1, ["first"]);
}

#[test]
fn a_checkout_knows_fetched_records() {
    let (mut sandbox, colleague) = with_record();
    sandbox.forbid_nix();
    let other = far("phase0/step1");
    own_record(&sandbox, "work", "first", &other, &json!({}));
    sandbox.lattice(&["sync"]).exits(0);
    lattice(&sandbox, colleague, &["hooks", "install"]).exits(0);
    sandbox.git_in(colleague, &["fetch", "-q"]);
    let said = sandbox.try_git(colleague, &["switch", "-q", &branch(&other)]);
    assert!(said.status.success() && !said.error_text().contains("build"), "{}", said.error_text());
    assert!(!sandbox.nix_was_called());
}

#[test]
fn the_refspec_is_added_once() {
    let (sandbox, colleague) = shared();
    lattice(&sandbox, colleague, &["sync", "--dry-run"]).exits(0);
    lattice(&sandbox, colleague, &["sync", "--no-fetch"]).exits(0);
    assert_eq!(refspecs(&sandbox, colleague).len(), 1);
    let run = lattice(&sandbox, colleague, &["sync"]).exits(0);
    run.says_err("`git fetch` brings build records from now on (`remote.origin.fetch`)\n");
    assert_eq!(refspecs(&sandbox, colleague)[1..], [REFSPEC]);
    lattice(&sandbox, colleague, &["doctor", "--offline"]).exits(0).says_out("`git fetch origin` brings records");
    sandbox.git_in(colleague, &["config", "--unset", "remote.origin.fetch", "refs/notes/lattice"]);
    lattice(&sandbox, colleague, &["sync"]).exits(0).never_says("git fetch");
    assert_eq!(refspecs(&sandbox, colleague).len(), 1, "what the user removes stays removed");
    let run = lattice(&sandbox, colleague, &["doctor", "--offline"]).exits(0);
    run.says_out(&format!("git config --add remote.origin.fetch '{REFSPEC}'"));
    sandbox.git_in(colleague, &["config", "lattice.fetch-records", "true"]);
    lattice(&sandbox, colleague, &["sync"]).exits(0).says_err("`git fetch` brings build records");
}

#[test]
fn the_refspec_is_not_added_where_it_would_change_fetches() {
    let (sandbox, colleague) = shared();
    sandbox.git_in(colleague, &["config", "lattice.fetch-records", "false"]);
    sandbox.git_in("", &["clone", "-q", "--bare", "remote.git", "bare.git"]);
    sandbox.git_in("", &["clone", "-q", "remote.git", "own"]);
    sandbox.git_in("own", &["config", "--add", "remote.origin.fetch", "refs/notes/*:refs/elsewhere/*"]);
    for (dir, count) in [(colleague, 1), ("bare.git", 0), ("own", 2)] {
        lattice(&sandbox, dir, &["sync"]).exits(0).never_says("git fetch");
        let all = sandbox.try_git(dir, &["config", "--get-all", "remote.origin.fetch"]).text();
        assert_eq!(all.lines().count(), count, "{dir}: {all}");
    }
}

#[test]
fn init_adds_the_refspec_if_there_is_a_remote() {
    let init = ["init", "--component", "toolchain", "--arch", "x86_64", "--no-hooks"];
    let sandbox = Sandbox::without_lattice();
    sandbox.lattice(&init).exits(0).says_err("`git fetch` brings build records");
    assert_eq!(refspecs(&sandbox, "work")[1..], [REFSPEC]);
    let sandbox = Sandbox::without_lattice();
    sandbox.git(&["remote", "remove", "origin"]);
    sandbox.lattice(&[&init[..], &["--remote", "origin"]].concat()).exits(0).never_says("git fetch");
    assert_eq!(sandbox.try_git("work", &["config", "--get-regexp", "^remote"]).text(), "");
}

#[test]
fn a_clone_of_one_branch_keeps_the_refspec() {
    let (sandbox, _) = with_record();
    let url = format!("file://{}", sandbox.path("remote.git").display());
    sandbox.git_in("", &["clone", "-q", "--depth", "1", "--branch", "main", &url, "narrow"]);
    let run = lattice(&sandbox, "narrow", &["sync"]).exits(0).says_err("`git fetch` brings build records");
    drop(run);
    let run = lattice(&sandbox, "narrow", &["doctor", "--offline"]).exits(0);
    let command = run.stdout.split('`').find(|piece| piece.starts_with("git remote set-branches")).unwrap().to_owned();
    sandbox.paste("narrow", &command);
    assert!(refspecs(&sandbox, "narrow").contains(&REFSPEC.to_owned()), "{command}");
    lattice(&sandbox, "narrow", &["status"]).exits(0).says_out("✓ built");
}
