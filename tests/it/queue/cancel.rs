//! Cancelling waiting and running builds.

use super::gate::BlockedBuilds;

#[test]
fn running_build_is_ended_with_its_nix() {
    for builds in BlockedBuilds::on_every_nix() {
        let point = builds.blocked_point("phase0/step1");
        builds.queue(&point);
        builds.wait_until_running(&point);
        assert!(!builds.builders().is_empty(), "there should be a process to end");
        let run = builds.sandbox.lattice(&["build", "--cancel", &point]).exits(0);
        assert_eq!(run.stdout, format!("cancelled {point}: its build was ended\n"));
        builds.assert_nothing_builds();
        assert_eq!(builds.verdicts(&point), ["cancelled"]);
        assert_eq!(builds.sandbox.state_of(&point), "new", "the point should be as before the build");
    }
}

#[test]
fn waiting_job_is_removed() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let [_, second, third] = builds.one_running_two_waiting();
    let run = builds.sandbox.lattice(&["build", "--cancel", &second]).exits(0);
    assert_eq!(run.stdout, format!("cancelled {second}: it had not begun\n"));
    assert_eq!(builds.sandbox.state_of(&second), "new");
    let all = builds.sandbox.lattice(&["build", "--cancel", "--all", "--json"]).exits(0).json();
    assert_eq!(all["cancelled"][0]["point"], third.as_str());
    assert_eq!((&all["cancelled"][0]["was"], &all["cancelled"][1]["was"]), (&"queued".into(), &"building".into()));
    assert_eq!(builds.verdicts(&second), Vec::<String>::new(), "a job that had not started should leave no record");
}

#[test]
fn cancel_without_jobs_is_no_error() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let point = builds.blocked_point("phase0/step1");
    builds
        .sandbox
        .lattice(&["build", "--cancel", &point])
        .exits(0)
        .says_err(&format!("nothing to cancel: {point} is neither"));
    builds.sandbox.lattice(&["build", "--cancel", "--all"]).exits(0).says_err("nothing to cancel: the queue is empty");
    builds.sandbox.lattice(&["build", "--cancel"]).exits(2).says_err("HEAD is not on the branch of a point");
    builds.sandbox.lattice(&["build", "--cancel", "--background"]).exits(2);
}

#[test]
fn foreground_build_is_not_cancelled() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let point = builds.blocked_point("phase0/step1");
    let typed = builds.start("work", &["build", &point]);
    builds.wait_until_running(&point);
    builds.sandbox.lattice(&["build", "--cancel", &point]).exits(0).says_err("nothing to cancel");
    builds.open("phase0/step1");
    assert!(super::gate::ended(typed).status.success());
}

#[test]
fn cancelled_point_can_be_queued_again() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let point = builds.blocked_point("phase0/step1");
    builds.queue(&point);
    builds.wait_until_running(&point);
    builds.sandbox.lattice(&["build", "--cancel", &point]).exits(0);
    builds.queue(&point);
    builds.open("phase0/step1");
    builds.wait_for_verdicts(&point, &["cancelled", "built"]);
}
