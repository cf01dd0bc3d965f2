//! Processes that are killed without a word, as by a power failure.

use super::gate::{Gates, kill, until};

#[test]
fn killed_worker_ends_its_children_and_keeps_its_jobs() {
    for gates in Gates::every() {
        let [first, second] = ["phase0/step1", "phase0/step2"].map(|place| gates.gated(place));
        gates.queue(&second);
        gates.begun(&second);
        let runner = gates.runner();
        kill(gates.worker());
        gates.nothing_builds();
        until("the runner ends", || super::gate::processes().iter().all(|process| process.id != runner));
        assert_eq!(gates.verdicts(&second), Vec::<String>::new(), "nobody cancelled it");
        let run = gates.sandbox.lattice(&["status"]).exits(0).never_says("building");
        assert!(run.stderr.contains("a worker that was killed: 1 build"), "{}", run.stderr);
        assert_eq!(gates.sandbox.state_of(&second), "queued", "it waits for the next worker");
        // Whatever is asked for next starts one, and it goes on with what the other left.
        gates.queue(&first);
        gates.begun(&first);
        gates.open("phase0/step1");
        gates.begun(&second);
        gates.open("phase0/step2");
        gates.recorded(&first, &["built"]);
        gates.recorded(&second, &["built"]);
    }
}

#[test]
fn checkout_continues_the_jobs_of_a_killed_worker() {
    let Some(gates) = Gates::one() else { return };
    let [first, second] = ["phase0/step1", "phase0/step2"].map(|place| gates.gated(place));
    gates.sandbox.lattice(&["hooks", "install"]).exits(0);
    gates.switch("work", &first);
    gates.begun(&first);
    kill(gates.worker());
    gates.nothing_builds();
    gates.switch("work", &second);
    gates.open("phase0/step2");
    gates.open("phase0/step1");
    gates.recorded(&second, &["built"]);
    gates.recorded(&first, &["built"]);
}

#[test]
fn waiting_build_replaces_a_killed_worker() {
    let Some(gates) = Gates::one() else { return };
    let point = gates.gated("phase0/step1");
    gates.queue(&point);
    gates.begun(&point);
    kill(gates.worker());
    gates.nothing_builds();
    gates.sandbox.lattice(&["log", "-f", &point]).exits(1).says_err("its worker was killed");
    let waits = gates.start("work", &["build", "--wait", &point]);
    gates.open("phase0/step1");
    assert!(super::gate::ended(waits).status.success());
    assert_eq!(gates.verdicts(&point), ["built"]);
}

#[test]
fn killed_runner_is_restarted_a_limited_number_of_times() {
    for gates in Gates::every() {
        let point = gates.gated("phase0/step1");
        gates.queue(&point);
        let mut killed = Vec::new();
        for _ in 0..3 {
            let mut runner = gates.runner();
            until("another runner begins", || {
                runner = gates.runner();
                !killed.contains(&runner) && gates.builders().iter().any(|command| command.contains(&gates.token()))
            });
            kill(runner);
            killed.push(runner);
        }
        gates.nothing_builds();
        let aside = gates.sandbox.work().join(".git/lattice/queue/aside");
        let reasons = || std::fs::read_dir(&aside).map_or(0, Iterator::count);
        until("the job is put aside", || reasons() == 1);
        let file = std::fs::read_dir(&aside).unwrap().next().unwrap().unwrap().path();
        let why = std::fs::read_to_string(file).unwrap();
        assert!(why.contains("it was started 3 times, and its build process was killed each time"), "{why}");
        assert_eq!(gates.verdicts(&point), Vec::<String>::new(), "that says nothing about the content");
        assert_eq!(gates.sandbox.state_of(&point), "new");
    }
}

#[test]
fn killed_foreground_build_blocks_nothing() {
    let Some(gates) = Gates::one() else { return };
    let point = gates.gated("phase0/step1");
    let typed = gates.start("work", &["build", &point]);
    gates.begun(&point);
    kill(typed.id());
    super::gate::ended(typed);
    assert_eq!(gates.sandbox.state_of(&point), "new", "its claim is worth nothing");
    // Its Nix lives until it speaks to nobody.
    gates.open("phase0/step1");
    gates.nothing_builds();
    gates.queue(&point);
    gates.recorded(&point, &["built"]);
}
