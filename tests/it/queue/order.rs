//! What goes first, what is built once, and who builds it.

use std::fs;
use std::io::{BufRead as _, BufReader};

use super::gate::{Gates, ended, processes, until};

#[test]
fn newest_job_is_built_first() {
    let Some(gates) = Gates::one() else { return };
    let [first, second, third] = gates.one_that_runs_and_two_that_wait();
    gates.open("phase0/step1");
    gates.begun(&third);
    assert_eq!(gates.log(&second), "", "what was asked for earlier waits");
    gates.open("phase0/step3");
    gates.begun(&second);
    gates.open("phase0/step2");
    for point in [&first, &second, &third] {
        gates.recorded(point, &["built"]);
    }
}

#[test]
fn checkout_moves_a_queued_job_to_the_front() {
    let Some(gates) = Gates::one() else { return };
    let [first, second, third] = ["phase0/step1", "phase0/step2", "phase0/step3"].map(|place| gates.gated(place));
    gates.sandbox.lattice(&["hooks", "install"]).exits(0);
    gates.queue(&first);
    gates.begun(&first);
    gates.queue(&third);
    gates.queue(&second);
    let said = gates.switch("work", &third);
    assert!(said.contains("in the background"), "{said}");
    gates.open("phase0/step1");
    gates.begun(&third);
    assert_eq!(gates.log(&second), "", "the checkout is the newest word");
    gates.open("phase0/step3");
    gates.open("phase0/step2");
    gates.recorded(&second, &["built"]);
    gates.recorded(&third, &["built"]);
}

#[test]
fn linked_worktrees_share_one_worker() {
    let Some(gates) = Gates::one() else { return };
    let [first, second] = ["phase0/step1", "phase0/step2"].map(|place| gates.gated(place));
    gates.sandbox.lattice(&["hooks", "install"]).exits(0);
    gates.sandbox.git(&["worktree", "add", "-q", "--detach", "../linked", "main"]);
    gates.switch("work", &first);
    gates.begun(&first);
    let worker = gates.worker();
    gates.switch("linked", &second);
    let common = fs::canonicalize(gates.sandbox.work().join(".git")).unwrap();
    let is_here = |id: u32| fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|cwd| cwd == common);
    let mut workers = Vec::new();
    until("only one worker stays", || {
        workers = processes().into_iter().filter(|p| p.command.ends_with("hook worker ") && is_here(p.id)).collect();
        workers.len() == 1
    });
    assert_eq!((workers[0].id, gates.worker()), (worker, worker), "it is the first one");
    assert_eq!(gates.sandbox.state_of(&second), "queued", "and the other's job waits for it");
    gates.open("phase0/step1");
    gates.open("phase0/step2");
    gates.recorded(&first, &["built"]);
    gates.recorded(&second, &["built"]);
    until("the worker leaves when nothing is left to do", || processes().iter().all(|process| process.id != worker));
}

#[test]
fn worker_and_builders_run_at_low_priority() {
    let Some(gates) = Gates::one() else { return };
    let point = gates.gated("phase0/step1");
    gates.queue(&point);
    gates.begun(&point);
    let (worker, token) = (gates.worker(), gates.token());
    let all = processes();
    let nice = |is_meant: &dyn Fn(&str) -> bool| -> Vec<i32> {
        all.iter().filter(|process| is_meant(&process.command)).map(|process| process.nice).collect()
    };
    assert_eq!(all.iter().find(|process| process.id == worker).unwrap().nice, 19, "the worker");
    let builders = nice(&|command| command.contains(&token));
    assert!(!builders.is_empty() && builders.iter().all(|nice| *nice == 19), "the builders: {builders:?}");
    for descriptor in ["0", "1"] {
        let to = fs::read_link(format!("/proc/{worker}/fd/{descriptor}")).unwrap();
        assert_eq!(to.to_str(), Some("/dev/null"), "nothing of the terminal is held");
    }
    gates.open("phase0/step1");
    gates.recorded(&point, &["built"]);
}

#[test]
fn key_queued_several_times_is_built_once() {
    for gates in Gates::every() {
        let point = gates.gated("phase0/step1");
        gates.sandbox.lattice(&["hooks", "install"]).exits(0);
        gates.queue(&point);
        gates.begun(&point);
        let again = gates.sandbox.lattice(&["build", "--background", &point]).exits(0);
        assert_eq!(again.stdout, format!("being built already: {point}\n"));
        let said = gates.switch("work", &point);
        assert!(said.contains("is being built in the background already"), "{said}");
        let mut typed = gates.start("work", &["build", &point]);
        let mut stderr = BufReader::new(typed.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        assert!(line.starts_with(&format!("{point} is being built in the background since ")), "{line}");
        gates.open("phase0/step1");
        let output = ended(typed);
        assert!(output.status.success() && output.text().starts_with("built  "), "{}", output.text());
        assert_eq!(gates.verdicts(&point), ["built"], "there is one build and one record");
    }
}

#[test]
fn waiting_build_does_not_repeat_a_failure() {
    let Some(gates) = Gates::one() else { return };
    let point = gates.gated_to("phase0/step1", "exit 3");
    gates.queue(&point);
    gates.begun(&point);
    let mut typed = gates.start("work", &["build", &point]);
    let mut line = String::new();
    BufReader::new(typed.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    gates.open("phase0/step1");
    let output = ended(typed);
    assert_eq!(output.status.code(), Some(1), "{}", output.text());
    assert_eq!(gates.verdicts(&point), ["failed"]);
}

#[test]
fn worker_skips_a_foreground_build() {
    let Some(gates) = Gates::one() else { return };
    let point = gates.gated("phase0/step1");
    gates.sandbox.lattice(&["hooks", "install"]).exits(0);
    let typed = gates.start("work", &["build", &point]);
    gates.begun(&point);
    assert_eq!(gates.sandbox.state_of(&point), "building");
    gates.sandbox.lattice(&["build", "--background", &point]).exits(0).says_out("being built already");
    gates.switch("work", &point);
    let waits = gates.start("work", &["build", "--wait", &point]);
    gates.open("phase0/step1");
    assert!(ended(typed).status.success());
    let output = ended(waits);
    assert!(output.status.success() && output.text().starts_with("built  "), "{}", output.error_text());
    assert_eq!(gates.verdicts(&point), ["built"]);
}

#[test]
fn newer_checkout_cancels_older_ones_when_configured() {
    let Some(gates) = Gates::with("[build]\nsupersede = true") else { return };
    let [first, second, third, typed] =
        ["phase0/step1", "phase0/step2", "phase0/step3", "phase0/step4"].map(|place| gates.gated(place));
    gates.sandbox.lattice(&["hooks", "install"]).exits(0);
    gates.switch("work", &first);
    gates.begun(&first);
    gates.queue(&typed);
    // The first is ended, the second is taken out before it begins, or ended too, and what was typed stays.
    gates.switch("work", &second);
    gates.switch("work", &third);
    gates.recorded(&first, &["cancelled"]);
    gates.begun(&third);
    gates.open("phase0/step3");
    gates.open("phase0/step4");
    gates.recorded(&third, &["built"]);
    gates.recorded(&typed, &["built"]);
    assert!(gates.verdicts(&second).iter().all(|verdict| verdict == "cancelled"), "{:?}", gates.verdicts(&second));
}

#[test]
fn older_checkouts_are_built_by_default() {
    let Some(gates) = Gates::one() else { return };
    let [first, second] = ["phase0/step1", "phase0/step2"].map(|place| gates.gated(place));
    gates.sandbox.lattice(&["hooks", "install"]).exits(0);
    gates.switch("work", &first);
    gates.begun(&first);
    gates.switch("work", &second);
    gates.open("phase0/step1");
    gates.open("phase0/step2");
    gates.recorded(&first, &["built"]);
    gates.recorded(&second, &["built"]);
}
