//! Processes that end without notice, as by a power failure.

use super::gate::{BlockedBuilds, kill, wait_until};

#[test]
fn killed_worker_ends_its_children_and_keeps_its_jobs() {
    for builds in BlockedBuilds::on_every_nix() {
        let [first, second] = ["phase0/step1", "phase0/step2"].map(|place| builds.blocked_point(place));
        builds.queue(&second);
        builds.wait_until_running(&second);
        let runner = builds.runner();
        kill(builds.worker());
        builds.assert_nothing_builds();
        wait_until("the runner ends", || super::gate::processes().iter().all(|process| process.id != runner));
        assert_eq!(builds.verdicts(&second), Vec::<String>::new(), "it was not cancelled");
        let run = builds.sandbox.lattice(&["status"]).exits(0).never_says("building");
        assert!(run.stderr.contains("a worker that was killed: 1 build"), "{}", run.stderr);
        assert_eq!(builds.sandbox.state_of(&second), "queued", "it should wait for the next worker");
        // The next request starts a worker, which continues the jobs of the killed one.
        builds.queue(&first);
        builds.wait_until_running(&first);
        builds.open("phase0/step1");
        builds.wait_until_running(&second);
        builds.open("phase0/step2");
        builds.wait_for_verdicts(&first, &["built"]);
        builds.wait_for_verdicts(&second, &["built"]);
    }
}

#[test]
fn checkout_continues_the_jobs_of_a_killed_worker() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let [first, second] = ["phase0/step1", "phase0/step2"].map(|place| builds.blocked_point(place));
    builds.sandbox.lattice(&["hooks", "install"]).exits(0);
    builds.switch("work", &first);
    builds.wait_until_running(&first);
    kill(builds.worker());
    builds.assert_nothing_builds();
    builds.switch("work", &second);
    builds.open("phase0/step2");
    builds.open("phase0/step1");
    builds.wait_for_verdicts(&second, &["built"]);
    builds.wait_for_verdicts(&first, &["built"]);
}

#[test]
fn waiting_build_replaces_a_killed_worker() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let point = builds.blocked_point("phase0/step1");
    builds.queue(&point);
    builds.wait_until_running(&point);
    kill(builds.worker());
    builds.assert_nothing_builds();
    builds.sandbox.lattice(&["log", "-f", &point]).exits(1).says_err("its worker was killed");
    let waits = builds.start("work", &["build", "--wait", &point]);
    builds.open("phase0/step1");
    assert!(super::gate::ended(waits).status.success());
    assert_eq!(builds.verdicts(&point), ["built"]);
}

#[test]
fn killed_runner_is_restarted_a_limited_number_of_times() {
    for builds in BlockedBuilds::on_every_nix() {
        let point = builds.blocked_point("phase0/step1");
        builds.queue(&point);
        let mut killed = Vec::new();
        for _ in 0..3 {
            let mut runner = builds.runner();
            wait_until("another runner begins", || {
                runner = builds.runner();
                !killed.contains(&runner) && builds.builders().iter().any(|command| command.contains(&builds.token()))
            });
            kill(runner);
            killed.push(runner);
        }
        builds.assert_nothing_builds();
        let aside = builds.sandbox.work().join(".git/lattice/queue/aside");
        let reasons = || std::fs::read_dir(&aside).map_or(0, Iterator::count);
        wait_until("the job is put aside", || reasons() == 1);
        let file = std::fs::read_dir(&aside).unwrap().next().unwrap().unwrap().path();
        let why = std::fs::read_to_string(file).unwrap();
        assert!(why.contains("it was started 3 times, and its build process was killed each time"), "{why}");
        assert_eq!(builds.verdicts(&point), Vec::<String>::new(), "a killed runner is no verdict about the content");
        assert_eq!(builds.sandbox.state_of(&point), "new");
    }
}

#[test]
fn killed_foreground_build_blocks_nothing() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let point = builds.blocked_point("phase0/step1");
    let typed = builds.start("work", &["build", &point]);
    builds.wait_until_running(&point);
    kill(typed.id());
    super::gate::ended(typed);
    assert_eq!(builds.sandbox.state_of(&point), "new", "the claim of a killed process should be ignored");
    // Its Nix lives until it writes to a closed pipe.
    builds.open("phase0/step1");
    builds.assert_nothing_builds();
    builds.queue(&point);
    builds.wait_for_verdicts(&point, &["built"]);
}
