//! The order of the queue, what is built once, and who builds it.

use std::fs;
use std::io::{BufRead as _, BufReader};

use super::gate::{BlockedBuilds, ended, processes, wait_until};

#[test]
fn newest_job_is_built_first() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let [first, second, third] = builds.one_running_two_waiting();
    builds.open("phase0/step1");
    builds.wait_until_running(&third);
    assert_eq!(builds.log(&second), "", "earlier jobs should wait");
    builds.open("phase0/step3");
    builds.wait_until_running(&second);
    builds.open("phase0/step2");
    for point in [&first, &second, &third] {
        builds.wait_for_verdicts(point, &["built"]);
    }
}

#[test]
fn checkout_moves_a_queued_job_to_the_front() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let [first, second, third] =
        ["phase0/step1", "phase0/step2", "phase0/step3"].map(|place| builds.blocked_point(place));
    builds.sandbox.lattice(&["hooks", "install"]).exits(0);
    builds.queue(&first);
    builds.wait_until_running(&first);
    builds.queue(&third);
    builds.queue(&second);
    let said = builds.switch("work", &third);
    assert!(said.contains("in the background"), "{said}");
    builds.open("phase0/step1");
    builds.wait_until_running(&third);
    assert_eq!(builds.log(&second), "", "the checkout should come first");
    builds.open("phase0/step3");
    builds.open("phase0/step2");
    builds.wait_for_verdicts(&second, &["built"]);
    builds.wait_for_verdicts(&third, &["built"]);
}

#[test]
fn linked_worktrees_share_one_worker() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let [first, second] = ["phase0/step1", "phase0/step2"].map(|place| builds.blocked_point(place));
    builds.sandbox.lattice(&["hooks", "install"]).exits(0);
    builds.sandbox.git(&["worktree", "add", "-q", "--detach", "../linked", "main"]);
    builds.switch("work", &first);
    builds.wait_until_running(&first);
    let worker = builds.worker();
    builds.switch("linked", &second);
    let common = fs::canonicalize(builds.sandbox.work().join(".git")).unwrap();
    let is_here = |id: u32| fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|cwd| cwd == common);
    let mut workers = Vec::new();
    wait_until("only one worker stays", || {
        workers = processes().into_iter().filter(|p| p.command.ends_with("hook worker ") && is_here(p.id)).collect();
        workers.len() == 1
    });
    assert_eq!((workers[0].id, builds.worker()), (worker, worker), "it should be the first worker");
    assert_eq!(builds.sandbox.state_of(&second), "queued", "the other job should wait for it");
    builds.open("phase0/step1");
    builds.open("phase0/step2");
    builds.wait_for_verdicts(&first, &["built"]);
    builds.wait_for_verdicts(&second, &["built"]);
    wait_until("the worker leaves when nothing is left to do", || {
        processes().iter().all(|process| process.id != worker)
    });
}

#[test]
fn worker_and_builders_run_at_low_priority() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let point = builds.blocked_point("phase0/step1");
    builds.queue(&point);
    builds.wait_until_running(&point);
    let (worker, token) = (builds.worker(), builds.token());
    let all = processes();
    let nice = |is_meant: &dyn Fn(&str) -> bool| -> Vec<i32> {
        all.iter().filter(|process| is_meant(&process.command)).map(|process| process.nice).collect()
    };
    assert_eq!(
        all.iter().find(|process| process.id == worker).unwrap().nice,
        19,
        "the worker should have low priority"
    );
    let builders = nice(&|command| command.contains(&token));
    assert!(
        !builders.is_empty() && builders.iter().all(|nice| *nice == 19),
        "the builders should have low priority: {builders:?}"
    );
    for descriptor in ["0", "1"] {
        let to = fs::read_link(format!("/proc/{worker}/fd/{descriptor}")).unwrap();
        assert_eq!(to.to_str(), Some("/dev/null"), "the worker should not hold the terminal");
    }
    builds.open("phase0/step1");
    builds.wait_for_verdicts(&point, &["built"]);
}

#[test]
fn key_queued_several_times_is_built_once() {
    for builds in BlockedBuilds::on_every_nix() {
        let point = builds.blocked_point("phase0/step1");
        builds.sandbox.lattice(&["hooks", "install"]).exits(0);
        builds.queue(&point);
        builds.wait_until_running(&point);
        let again = builds.sandbox.lattice(&["build", "--background", &point]).exits(0);
        assert_eq!(again.stdout, format!("being built already: {point}\n"));
        let said = builds.switch("work", &point);
        assert!(said.contains("is being built in the background already"), "{said}");
        let mut typed = builds.start("work", &["build", &point]);
        let mut stderr = BufReader::new(typed.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        assert!(line.starts_with(&format!("{point} is being built in the background since ")), "{line}");
        builds.open("phase0/step1");
        let output = ended(typed);
        assert!(output.status.success() && output.text().starts_with("built  "), "{}", output.text());
        assert_eq!(builds.verdicts(&point), ["built"], "there should be one build and one record");
    }
}

#[test]
fn waiting_build_does_not_repeat_a_failure() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let point = builds.blocked_point_with("phase0/step1", "exit 3");
    builds.queue(&point);
    builds.wait_until_running(&point);
    let mut typed = builds.start("work", &["build", &point]);
    let mut line = String::new();
    BufReader::new(typed.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    builds.open("phase0/step1");
    let output = ended(typed);
    assert_eq!(output.status.code(), Some(1), "{}", output.text());
    assert_eq!(builds.verdicts(&point), ["failed"]);
}

#[test]
fn worker_skips_a_foreground_build() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let point = builds.blocked_point("phase0/step1");
    builds.sandbox.lattice(&["hooks", "install"]).exits(0);
    let typed = builds.start("work", &["build", &point]);
    builds.wait_until_running(&point);
    assert_eq!(builds.sandbox.state_of(&point), "building");
    builds.sandbox.lattice(&["build", "--background", &point]).exits(0).says_out("being built already");
    builds.switch("work", &point);
    let waits = builds.start("work", &["build", "--wait", &point]);
    builds.open("phase0/step1");
    assert!(ended(typed).status.success());
    let output = ended(waits);
    assert!(output.status.success() && output.text().starts_with("built  "), "{}", output.error_text());
    assert_eq!(builds.verdicts(&point), ["built"]);
}

#[test]
fn newer_checkout_cancels_older_ones_when_configured() {
    let Some(builds) = BlockedBuilds::with_config("[build]\nsupersede = true") else { return };
    let [first, second, third, typed] =
        ["phase0/step1", "phase0/step2", "phase0/step3", "phase0/step4"].map(|place| builds.blocked_point(place));
    builds.sandbox.lattice(&["hooks", "install"]).exits(0);
    builds.switch("work", &first);
    builds.wait_until_running(&first);
    builds.queue(&typed);
    // The first is ended, the second is removed before it starts (or ended too), and the typed one stays.
    builds.switch("work", &second);
    builds.switch("work", &third);
    builds.wait_for_verdicts(&first, &["cancelled"]);
    builds.wait_until_running(&third);
    builds.open("phase0/step3");
    builds.open("phase0/step4");
    builds.wait_for_verdicts(&third, &["built"]);
    builds.wait_for_verdicts(&typed, &["built"]);
    assert!(builds.verdicts(&second).iter().all(|verdict| verdict == "cancelled"), "{:?}", builds.verdicts(&second));
}

#[test]
fn older_checkouts_are_built_by_default() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let [first, second] = ["phase0/step1", "phase0/step2"].map(|place| builds.blocked_point(place));
    builds.sandbox.lattice(&["hooks", "install"]).exits(0);
    builds.switch("work", &first);
    builds.wait_until_running(&first);
    builds.switch("work", &second);
    builds.open("phase0/step1");
    builds.open("phase0/step2");
    builds.wait_for_verdicts(&first, &["built"]);
    builds.wait_for_verdicts(&second, &["built"]);
}
