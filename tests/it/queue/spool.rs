//! Entries in the spool may be old, broken, or of a deleted branch.

use std::fs;

use super::gate::{BlockedBuilds, wait_until};
use crate::story::branch;

#[test]
fn invalid_job_is_put_aside() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let point = builds.blocked_point("phase0/step1");
    let (jobs, aside) = (builds.queue_dir().join("jobs"), builds.queue_dir().join("aside"));
    fs::create_dir_all(&jobs).unwrap();
    let key = "0123456789012345678901234567890123456789";
    let other = format!(
        "{{\"point\":\"x\",\"key\":\"{}\",\"commit\":\"{key}\",\"asked\":\"typed\",\"queued\":1}}",
        "a".repeat(40)
    );
    let names = ["empty.json", "noise.json", "deep.json", &format!("{key}.json")];
    let texts = ["", "\0\u{1b}[2J", &"[".repeat(100_000), &other];
    for (name, text) in names.iter().zip(texts) {
        fs::write(jobs.join(name), text).unwrap();
    }
    fs::write(jobs.join("half.new123"), "{").unwrap();
    builds.sandbox.lattice(&["status"]).exits(0);
    for name in names {
        assert!(aside.join(format!("{name}.unreadable")).exists(), "{name} should be kept for inspection");
    }
    assert_eq!(fs::read_dir(&jobs).unwrap().count(), 0);
    builds.queue(&point);
    builds.open("phase0/step1");
    builds.wait_for_verdicts(&point, &["built"]);
}

#[test]
fn broken_claims_and_locks_are_ignored() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let point = builds.blocked_point("phase0/step1");
    let key = builds.sandbox.point(&point)["key"].as_str().unwrap().to_owned();
    let dir = builds.queue_dir();
    fs::create_dir_all(dir.join("claims")).unwrap();
    let claim = format!("{{\"pid\":1,\"background\":true,\"since\":0,\"keys\":[\"{key}\"]}}");
    fs::write(dir.join("claims/1-0.json"), claim).unwrap();
    fs::write(dir.join("claims/2-0.json"), "{").unwrap();
    fs::write(dir.join("worker"), "1\n").unwrap();
    assert_eq!(builds.sandbox.state_of(&point), "new", "the claim of a dead process should not count");
    builds.queue(&point);
    builds.open("phase0/step1");
    builds.wait_for_verdicts(&point, &["built"]);
}

#[test]
fn job_is_built_after_its_branch_is_deleted() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let [first, second] = ["phase0/step1", "phase0/step2"].map(|place| builds.blocked_point(place));
    builds.queue(&first);
    builds.wait_until_running(&first);
    builds.queue(&second);
    builds.sandbox.git(&["branch", "-q", "-D", &branch(&second)]);
    builds.sandbox.lattice(&["build", "--cancel", &second]).exits(0).says_out("cancelled");
    builds.open("phase0/step1");
    builds.wait_for_verdicts(&first, &["built"]);
}

#[test]
fn unbuildable_job_logs_the_reason() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let [first, second] = ["phase0/step1", "phase0/step2"].map(|place| builds.blocked_point(place));
    builds.sandbox.lattice(&["hooks", "install"]).exits(0);
    builds.queue(&first);
    builds.wait_until_running(&first);
    builds.switch("work", &second);
    // The reflog that marks it as own content is removed while it waits.
    fs::remove_file(builds.sandbox.work().join(".git/logs/refs/heads").join(branch(&second))).unwrap();
    builds.open("phase0/step1");
    wait_until("the queue is empty", || fs::read_dir(builds.queue_dir().join("jobs")).unwrap().count() == 0);
    builds
        .sandbox
        .lattice(&["log", &second])
        .exits(0)
        .says_err("could not be built: ")
        .says_err("must not be built automatically");
    builds.sandbox.lattice(&["build", "--wait", &second]).exits(2).says_err("must not be built automatically");
    assert_eq!(builds.verdicts(&second), Vec::<String>::new());
    builds.queue(&second);
    builds.open("phase0/step2");
    builds.wait_for_verdicts(&second, &["built"]);
}

#[test]
fn without_nix_nothing_is_queued() {
    let sandbox = crate::sandbox::Sandbox::new();
    sandbox.points(&[&crate::story::at("phase0/step1")]);
    let run = sandbox.lattice(&["build", "--background", &crate::story::at("phase0/step1")]).exits(2);
    run.says_err("`nix` was not found on PATH");
    assert_eq!(sandbox.state_of(&crate::story::at("phase0/step1")), "new");
}
