//! Cancelling what waits and what runs.

use super::gate::Gates;

#[test]
fn running_build_is_ended_with_its_nix() {
    for gates in Gates::every() {
        let point = gates.gated("phase0/step1");
        gates.queue(&point);
        gates.begun(&point);
        assert!(!gates.builders().is_empty(), "there is something to end");
        let run = gates.sandbox.lattice(&["build", "--cancel", &point]).exits(0);
        assert_eq!(run.stdout, format!("cancelled {point}: its build was ended\n"));
        gates.nothing_builds();
        assert_eq!(gates.verdicts(&point), ["cancelled"]);
        assert_eq!(gates.sandbox.state_of(&point), "new", "it is as if nobody had begun");
    }
}

#[test]
fn waiting_job_is_removed() {
    let Some(gates) = Gates::one() else { return };
    let [_, second, third] = gates.one_that_runs_and_two_that_wait();
    let run = gates.sandbox.lattice(&["build", "--cancel", &second]).exits(0);
    assert_eq!(run.stdout, format!("cancelled {second}: it had not begun\n"));
    assert_eq!(gates.sandbox.state_of(&second), "new");
    let all = gates.sandbox.lattice(&["build", "--cancel", "--all", "--json"]).exits(0).json();
    assert_eq!(all["cancelled"][0]["point"], third.as_str());
    assert_eq!((&all["cancelled"][0]["was"], &all["cancelled"][1]["was"]), (&"queued".into(), &"building".into()));
    assert_eq!(gates.verdicts(&second), Vec::<String>::new(), "what had not begun leaves no record");
}

#[test]
fn cancel_without_jobs_is_no_error() {
    let Some(gates) = Gates::one() else { return };
    let point = gates.gated("phase0/step1");
    gates
        .sandbox
        .lattice(&["build", "--cancel", &point])
        .exits(0)
        .says_err(&format!("nothing to cancel: {point} is neither"));
    gates.sandbox.lattice(&["build", "--cancel", "--all"]).exits(0).says_err("nothing to cancel: the queue is empty");
    gates.sandbox.lattice(&["build", "--cancel"]).exits(2).says_err("HEAD is not on the branch of a point");
    gates.sandbox.lattice(&["build", "--cancel", "--background"]).exits(2);
}

#[test]
fn foreground_build_is_not_cancelled() {
    let Some(gates) = Gates::one() else { return };
    let point = gates.gated("phase0/step1");
    let typed = gates.start("work", &["build", &point]);
    gates.begun(&point);
    gates.sandbox.lattice(&["build", "--cancel", &point]).exits(0).says_err("nothing to cancel");
    gates.open("phase0/step1");
    assert!(super::gate::ended(typed).status.success());
}

#[test]
fn cancelled_point_can_be_queued_again() {
    let Some(gates) = Gates::one() else { return };
    let point = gates.gated("phase0/step1");
    gates.queue(&point);
    gates.begun(&point);
    gates.sandbox.lattice(&["build", "--cancel", &point]).exits(0);
    gates.queue(&point);
    gates.open("phase0/step1");
    gates.recorded(&point, &["cancelled", "built"]);
}
