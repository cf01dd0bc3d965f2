//! `git lattice promote`: the evidence that it requires, what it refuses, and where it leads.

use crate::sandbox::Sandbox;
use crate::story::{at, branch, chains, dir, elsewhere, far, fields, here, toml};

fn on_two_archs() -> Sandbox {
    let sandbox =
        Sandbox::with_toml(&toml(&chains("\"phase{n}\", from = 0", "\"step{n}\""), "[promote]\nacross = [\"arch\"]"));
    sandbox.points(&[&at("phase0/step1"), &far("phase0/step1")]);
    sandbox
}

fn with_one_point() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", &at("phase0/step1")]).exits(0);
    sandbox
}

fn closed() -> Sandbox {
    Sandbox::with_toml(&toml(&chains("[\"phase0\", \"phase1\"]", "[\"one\", \"two\"]"), ""))
}

fn system(arch: &str) -> String {
    format!("{arch}-linux")
}

#[test]
fn unbuilt_point_is_refused_with_a_table() {
    let sandbox = with_one_point();
    let before = sandbox.state();
    let run = sandbox.lattice(&["promote"]).exits(1);
    let one = at("phase0/step1");
    let lines: Vec<_> = run.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let row = format!("{one} not built on {} git lattice build {one}", system(here()));
    assert_eq!(lines, ["POINT MISSING COMMAND".to_owned(), row]);
    run.says_err(&format!("the promotion to {} is refused: 1 requirement is not met", at("phase1/step1")))
        .says_err("--force");
    assert_eq!(sandbox.state(), before, "nothing should be made");
}

#[test]
fn refusal_has_a_json_form() {
    let sandbox = with_one_point();
    let refused = sandbox.lattice(&["promote", "--json"]).exits(1).json();
    assert_eq!((&refused["version"], refused["created"].as_array().unwrap().len()), (&1.into(), 0));
    let row = &refused["refused"][0];
    assert_eq!(row["point"], at("phase0/step1"));
    assert_eq!(row["missing"], format!("not built on {}", system(here())));
    assert_eq!(row["command"], format!("git lattice build {}", at("phase0/step1")));
}

#[test]
fn built_point_opens_the_next_phase() {
    let sandbox = with_one_point();
    sandbox.built_elsewhere(&[&at("phase0/step1")]);
    let made = sandbox.lattice(&["promote", "--json"]).exits(0).json();
    let next = at("phase1/step1");
    assert_eq!(fields(&made["created"], "point"), [&next]);
    assert_eq!(made["created"][0]["pushed"], true);
    assert_eq!(sandbox.parents(&next), [sandbox.commit(&branch(&at("phase0/step1")))]);
    assert_eq!(sandbox.git(&["symbolic-ref", "--short", "HEAD"]), branch(&next));
}

#[test]
fn point_can_be_named() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.lattice(&["promote"]).exits(2).says_err("HEAD is not on the branch of a point");
    sandbox.built_elsewhere(&[&at("phase0/step1")]);
    sandbox.lattice(&["promote", &at("phase0/step1"), "--no-switch"]).exits(0).says_out(&branch(&at("phase1/step1")));
}

#[test]
fn last_step_of_the_phase_is_judged() {
    let sandbox = with_one_point();
    sandbox.points(&[&at("phase0/step2")]);
    sandbox.built_elsewhere(&[&at("phase0/step1")]);
    sandbox.lattice(&["promote"]).exits(1).says_out(&format!("git lattice build {}", at("phase0/step2")));
    sandbox.built_elsewhere(&[&at("phase0/step2")]);
    sandbox.lattice(&["promote", "--no-switch"]).exits(0);
    assert_eq!(sandbox.parents(&at("phase1/step1")), [sandbox.commit(&branch(&at("phase0/step2")))]);
}

#[test]
fn record_for_other_content_is_no_evidence() {
    let sandbox = with_one_point();
    let one = at("phase0/step1");
    sandbox.built_elsewhere(&[&one]);
    sandbox.commit_to(&one, &[("config.toml", "changed = true\n")]);
    sandbox.lattice(&["promote"]).exits(1).says_out("not built on");
    assert!(!sandbox.has(&at("phase1/step1")));
}

#[test]
fn record_on_another_system_is_no_evidence() {
    let sandbox = with_one_point();
    sandbox.record(&at("phase0/step1"), &system(elsewhere()), "built");
    sandbox.lattice(&["promote"]).exits(1).says_out(&format!("not built on {}", system(here())));
}

#[test]
fn record_claiming_another_key_is_no_evidence() {
    let sandbox = with_one_point();
    sandbox.points(&[&far("phase0/step1")]);
    let key = sandbox.point(&at("phase0/step1"))["key"].as_str().unwrap().to_owned();
    sandbox.built_elsewhere(&[&far("phase0/step1")]);
    let other = sandbox.records()[0].to_string().replace(&system(elsewhere()), &system(here()));
    sandbox.git(&["notes", "--ref=lattice/far", "append", "-m", &other, &key]);
    sandbox.lattice(&["promote"]).exits(1).says_out("not built on");
}

#[test]
fn failed_and_missing_builder_are_distinguished() {
    for (verdict, words) in [("failed", "failed on"), ("no-builder", "no builder for"), ("cancelled", "cancelled on")] {
        let sandbox = with_one_point();
        sandbox.record(&at("phase0/step1"), &system(here()), verdict);
        let run = sandbox.lattice(&["promote"]).exits(1).says_out(&format!("{words} {}", system(here())));
        run.says_out(&format!("git lattice build {} --again", at("phase0/step1")));
    }
}

#[test]
fn evidence_survives_an_amended_message() {
    let sandbox = with_one_point();
    sandbox.built_elsewhere(&[&at("phase0/step1")]);
    sandbox.git(&["commit", "-q", "--amend", "-m", "another message"]);
    sandbox.lattice(&["promote", "--no-push"]).exits(0).says_out("phase1/step1");
}

#[test]
fn policy_names_the_systems() {
    let policy = "[promote]\nsystems = [\"aarch64-linux\", \"x86_64-linux\"]";
    let sandbox = Sandbox::with_toml(&toml(&chains("\"phase{n}\", from = 0", "\"step{n}\""), policy));
    let one = at("phase0/step1");
    sandbox.points(&[&one]);
    sandbox.record(&one, &system(here()), "built");
    sandbox.lattice(&["promote", &one]).exits(1).says_out(&format!("not built on {}", system(elsewhere())));
    sandbox.record(&one, &system(elsewhere()), "built");
    sandbox.lattice(&["promote", &one]).exits(0);
}

#[test]
fn point_over_two_architectures_needs_both() {
    let sandbox = Sandbox::new();
    let join = "toolchain/aarch64+x86_64/phase0/step1";
    sandbox.points(&[join]);
    sandbox.record(join, "aarch64-linux", "built");
    sandbox.lattice(&["promote", join]).exits(1).says_out("not built on x86_64-linux");
    sandbox.record(join, "x86_64-linux", "built");
    sandbox.lattice(&["promote", join, "--no-switch"]).exits(0).says_out("toolchain/aarch64+x86_64/phase1/step1");
}

#[test]
fn across_architectures_all_are_ready_or_none_moves() {
    let sandbox = on_two_archs();
    sandbox.built_elsewhere(&[&at("phase0/step1")]);
    let refused = sandbox.lattice(&["promote", &at("phase0/step1")]).exits(1);
    refused.says_err("1 requirement is not met").says_out(&format!("git lattice build {}", far("phase0/step1")));
    assert!(!sandbox.has(&at("phase1/step1")), "the ready architecture should wait");

    sandbox.built_elsewhere(&[&far("phase0/step1")]);
    let made = sandbox.lattice(&["promote", &at("phase0/step1"), "--json"]).exits(0).json();
    assert_eq!(made["created"].as_array().unwrap().len(), 2, "{made}");
    assert!([at("phase1/step1"), far("phase1/step1")].iter().all(|point| sandbox.has(point)));
}

#[test]
fn across_architectures_each_last_step_is_judged() {
    let sandbox = on_two_archs();
    sandbox.points(&[&far("phase0/step2")]);
    sandbox.built_elsewhere(&[&at("phase0/step1"), &far("phase0/step1")]);
    sandbox
        .lattice(&["promote", &at("phase0/step1")])
        .exits(1)
        .says_out(&format!("git lattice build {}", far("phase0/step2")));
    sandbox.built_elsewhere(&[&far("phase0/step2")]);
    sandbox.lattice(&["promote", &at("phase0/step1")]).exits(0);
}

#[test]
fn across_architectures_a_missing_branch_is_named() {
    let policy = "[promote]\nacross = [\"arch\"]";
    let sandbox = Sandbox::with_toml(&toml(&chains("\"phase{n}\", from = 0", "\"step{n}\""), policy));
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.built_elsewhere(&[&at("phase0/step1")]);
    let run = sandbox.lattice(&["promote", &at("phase0/step1")]).exits(1);
    run.says_out("no branch").says_out(&format!("git lattice new {}", far("phase0/step1")));
}

#[test]
fn listed_phase_must_be_complete() {
    let sandbox = closed();
    sandbox.points(&[&at("phase0/one")]);
    sandbox.built_elsewhere(&[&at("phase0/one")]);
    let run = sandbox.lattice(&["promote", &at("phase0/one")]).exits(1);
    run.says_out(&at("phase0/two"))
        .says_out("no branch")
        .says_out(&format!("git lattice next-step {}", at("phase0/one")));
    sandbox.points(&[&at("phase0/two")]);
    sandbox.built_elsewhere(&[&at("phase0/two")]);
    sandbox.lattice(&["promote", &at("phase0/one"), "--no-switch"]).exits(0).says_out(&branch(&at("phase1/one")));
}

#[test]
fn last_phase_suggests_the_base_branch() {
    let sandbox = closed();
    sandbox.points(&[&at("phase1/two")]);
    sandbox.built_elsewhere(&[&at("phase1/two")]);
    let run = sandbox.lattice(&["promote", &at("phase1/two")]).exits(1);
    run.says_err("is in the last phase").says_err("git lattice promote --to base");
}

#[test]
fn last_phase_leads_to_the_next_component_of_a_chain() {
    let axes = "component = { chain = [\"v1\", \"v2\"] }\narch = { set = [\"aarch64\", \"x86_64\"] }\n\
                phase = { chain = [\"phase0\", \"phase1\"] }\nstep = { chain = [\"one\"] }";
    let sandbox = Sandbox::with_toml(&toml(axes, ""));
    let [last, next] = ["v1", "v2"].map(|version| format!("{version}/{}", here()));
    let last = format!("{last}/phase1/one");
    sandbox.points(&[&last]);
    sandbox.built_elsewhere(&[&last]);
    sandbox.lattice(&["promote", &last, "--no-switch"]).exits(0).says_out(&format!("{next}/phase0/one"));
    assert_eq!(sandbox.parents(&format!("{next}/phase0/one")), [sandbox.commit(&branch(&last))]);
}

#[test]
fn promotion_into_base_is_a_merge_without_the_worktree() {
    let sandbox = with_one_point();
    let one = at("phase0/step1");
    sandbox.built_elsewhere(&[&one]);
    sandbox.git(&["switch", "-q", "main"]);
    sandbox.write("later", "1\n");
    sandbox.git(&["add", "later"]);
    sandbox.git(&["commit", "-q", "-m", "main goes on"]);
    sandbox.git(&["switch", "-q", "-c", "elsewhere"]);
    sandbox.write("staged", "1\n");
    sandbox.git(&["add", "staged"]);
    sandbox.write("README", "changed\n");
    let [base, tip] = ["main", &branch(&one)].map(|name| sandbox.commit(name));
    let quiet = || [sandbox.git(&["status", "--porcelain=v2", "-b"]), sandbox.git(&["ls-files", "-s"])];
    let before = quiet();

    let made = sandbox.lattice(&["promote", &one, "--to", "base", "--json"]).exits(0).json();
    assert_eq!(quiet(), before, "HEAD, index and worktree should be as they were");
    assert_eq!(sandbox.git(&["log", "-1", "--format=%P", "main"]), format!("{base} {tip}"));
    assert_eq!(made["created"][0]["commit"], sandbox.commit("main"));
    assert_eq!(sandbox.git_in("remote.git", &["rev-parse", "main"]), sandbox.commit("main"), "it should be pushed");
    let files = sandbox.git(&["ls-tree", "-r", "--name-only", "main"]);
    assert!(
        files.contains("later") && files.contains(&format!("{}/flake.nix", dir(&one))),
        "both sides should be merged:\n{files}"
    );
    let message = sandbox.git(&["log", "-1", "--format=%B", "main"]);
    assert!(message.contains(&format!("Lattice-Point: {one}")), "{message}");
    sandbox.lattice(&["promote", &one, "--to", "base"]).exits(0).says_out("unchanged");
}

#[test]
fn promotion_into_base_needs_evidence() {
    let sandbox = with_one_point();
    let before = sandbox.state();
    sandbox.lattice(&["promote", "--to", "base"]).exits(1).says_err("the promotion to main is refused");
    assert_eq!(sandbox.state(), before);
}

#[test]
fn refused_merge_is_pushed_later() {
    let sandbox = with_one_point();
    sandbox.built_elsewhere(&[&at("phase0/step1")]);
    sandbox.git_in("remote.git", &["config", "receive.denyNonFastForwards", "true"]);
    sandbox.git_in("", &["clone", "-q", "remote.git", "other"]);
    sandbox.git_in("other", &["commit", "-q", "--allow-empty", "-m", "another clone was first"]);
    sandbox.git_in("other", &["push", "-q"]);
    let run = sandbox.lattice(&["promote", "--to", "base"]).exits(1);
    run.says_err("the push failed").says_out("main");
    let merge = sandbox.commit("main");
    sandbox.git_in("remote.git", &["update-ref", "refs/heads/main", &sandbox.commit("main~1")]);
    sandbox.lattice(&["promote", "--to", "base"]).exits(0).says_out("unchanged").says_out("pushed");
    assert_eq!(sandbox.git_in("remote.git", &["rev-parse", "main"]), merge);
}

#[test]
fn conflict_with_the_base_branch_is_refused() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.points(&[&one]);
    sandbox.built_elsewhere(&[&one]);
    sandbox.write(&format!("{}/config.toml", dir(&one)), "something = \"else\"\n");
    sandbox.git(&["add", "flakes"]);
    sandbox.git(&["commit", "-q", "-m", "by hand"]);
    sandbox.git(&["switch", "-q", "-c", "elsewhere"]);
    let before = sandbox.state();
    sandbox.lattice(&["promote", &one, "--to", "base"]).exits(1).says_err("config.toml");
    assert_eq!(sandbox.state(), before);
}

#[test]
fn checked_out_base_branch_is_not_moved() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.built_elsewhere(&[&at("phase0/step1")]);
    let before = sandbox.state();
    let run = sandbox.lattice(&["promote", &at("phase0/step1"), "--to", "base"]).exits(1);
    run.says_err("branch `main` is checked out in").says_err("git merge");
    assert_eq!(sandbox.state(), before);
}

#[test]
fn forced_promotion_records_its_reason() {
    let sandbox = with_one_point();
    sandbox.lattice(&["promote", "--force"]).exits(2).says_err("--reason");
    sandbox.lattice(&["promote", "--reason", "x"]).exits(2).says_err("--force");
    sandbox.lattice(&["promote", "--force", "--reason", "the builder is\non fire"]).exits(0);
    let trailer = sandbox.git(&["log", "-1", "--format=%(trailers:key=Lattice-Override,valueonly)"]);
    assert_eq!(trailer.trim(), "the builder is on fire");
}

#[test]
fn unneeded_reason_is_not_recorded() {
    let sandbox = with_one_point();
    sandbox.built_elsewhere(&[&at("phase0/step1")]);
    sandbox.lattice(&["promote", "--force", "--reason", "just in case"]).exits(0);
    let message = sandbox.git(&["log", "-1", "--format=%B"]);
    assert!(!message.contains("Lattice-Override"), "there should be no override:\n{message}");
}

#[test]
fn forced_promotion_into_base_records_its_reason() {
    let sandbox = with_one_point();
    sandbox.lattice(&["promote", "--to", "base", "--force", "--reason", "in a hurry"]).exits(0);
    let trailer = sandbox.git(&["log", "-1", "--format=%(trailers:key=Lattice-Override,valueonly)", "main"]);
    assert_eq!(trailer.trim(), "in a hurry");
}

#[test]
fn dry_run_writes_nothing_and_still_refuses() {
    let sandbox = with_one_point();
    let objects = || sandbox.git(&["count-objects", "-v"]);
    let before = (sandbox.state(), objects());
    sandbox.lattice(&["promote", "--dry-run"]).exits(1).says_out("not built on");
    assert_eq!((sandbox.state(), objects()), before);
    sandbox.built_elsewhere(&[&at("phase0/step1")]);
    let before = (sandbox.state(), objects());
    sandbox.lattice(&["promote", "--dry-run"]).exits(0).says_out("would create");
    sandbox.lattice(&["promote", "--dry-run", "--to", "base"]).exits(0).says_out("would move  main");
    assert_eq!((sandbox.state(), objects()), before);
}

#[test]
fn repeated_command_is_unchanged() {
    let sandbox = with_one_point();
    sandbox.built_elsewhere(&[&at("phase0/step1")]);
    let args = ["promote", &at("phase0/step1"), "--no-switch"];
    sandbox.lattice(&args).exits(0).says_out("created");
    let before = sandbox.state();
    sandbox.lattice(&args).exits(0).says_out("unchanged");
    assert_eq!(sandbox.state(), before);
}
