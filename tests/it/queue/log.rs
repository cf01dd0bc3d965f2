//! Watching builds: `status`, `log`, `log -f`, `--wait`.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};

use super::gate::{BlockedBuilds, ended};
use crate::sandbox::Sandbox;
use crate::story::{at, fields};

#[test]
fn status_shows_waiting_and_running_builds() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let [first, second] = ["phase0/step1", "phase0/step2"].map(|place| builds.blocked_point(place));
    builds.queue(&first);
    builds.wait_until_running(&first);
    builds.queue(&second);
    let status = builds.sandbox.lattice(&["status", "--json"]).exits(0).json();
    assert_eq!(fields(&status["points"], "state"), ["building", "queued"]);
    assert!(
        status["points"][0]["activity"]["seconds"].is_u64() && status["points"][0]["activity"]["expected"].is_null()
    );
    assert!(status["points"][1]["activity"]["seconds"].is_u64());
    builds.sandbox.lattice(&["status"]).exits(0).says_out("▸ building ").says_out("… queued ").never_says(" of ~");
    builds.open("phase0/step1");
    builds.open("phase0/step2");
    builds.wait_for_verdicts(&second, &["built"]);
    let over = builds.sandbox.lattice(&["status", "--json"]).exits(0).json();
    assert_eq!(fields(&over["points"], "state"), ["built", "built"]);
    assert!(over["points"][0]["activity"].is_null());
}

#[test]
fn earlier_records_give_the_expected_time() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let [neighbour, point] = ["phase0/step1", "phase0/step2"].map(|place| builds.blocked_point(place));
    let slow = |point: &str, seconds: f64| {
        builds.sandbox.built_elsewhere(&[point]);
        let notes = builds.sandbox.git(&["notes", "--ref=lattice/far", "list"]);
        for line in notes.lines() {
            let (blob, key) = line.split_once(' ').unwrap();
            let text = builds
                .sandbox
                .git(&["cat-file", "blob", blob])
                .replace("\"seconds\":1.5", &format!("\"seconds\":{seconds}"));
            builds.sandbox.git(&["notes", "--ref=lattice/far", "add", "-f", "-m", &text, key]);
        }
    };
    slow(&neighbour, 170.0);
    builds.queue(&point);
    builds.wait_until_running(&point);
    builds.sandbox.lattice(&["status"]).exits(0).says_out(" of ~3m");
    assert_eq!(builds.sandbox.point(&point)["activity"]["expected"], 170);
    builds.open("phase0/step2");
    builds.wait_for_verdicts(&point, &["built"]);
    // The point's own time has priority over that of its neighbours, even for other content.
    let file = BlockedBuilds::step_file(&point);
    let text = String::from_utf8(builds.sandbox.bytes(&format!("feature/{point}"), &file)).unwrap();
    builds.sandbox.commit_to(&point, &[("step.nix", &text.replace("echo heard", "echo then"))]);
    builds.queue(&point);
    builds.wait_until_running(&point);
    let expected = builds.sandbox.point(&point)["activity"]["expected"].as_u64().unwrap();
    assert!(expected < 170, "the point's own time should be used: {expected}");
    builds.open("phase0/step2");
}

#[test]
fn log_is_followed_from_another_worktree() {
    for builds in BlockedBuilds::on_every_nix() {
        let [good, bad] = [builds.blocked_point("phase0/step1"), builds.blocked_point_with("phase0/step2", "exit 3")];
        builds.sandbox.git(&["worktree", "add", "-q", "--detach", "../linked", "main"]);
        builds.queue(&good);
        builds.wait_until_running(&good);
        builds.queue(&bad);
        let waits = builds.start("linked", &["log", "-f", &bad]);
        let mut follows = builds.start("linked", &["log", "-f", &good]);
        let mut stdout = BufReader::new(follows.stdout.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("begun") {
            line.clear();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "the log should be shown during the build");
        }
        builds.open("phase0/step1");
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert!(rest.starts_with("heard go on\n"), "{rest}");
        let output = ended(follows);
        assert!(output.status.success() && output.error_text().starts_with("built  "), "{}", output.error_text());
        builds.open("phase0/step2");
        let output = ended(waits);
        assert_eq!(output.status.code(), Some(1), "the verdict's exit status");
        assert!(
            output.error_text().starts_with(&format!("{bad} waits in the queue, after 1 others")),
            "{}",
            output.error_text()
        );
        assert!(output.text().contains("begun phase0-step2\nheard go on\n"), "{}", output.text());
        builds.sandbox.lattice(&["log", &good]).exits(0).says_out("begun phase0-step1").says_out("heard go on");
        let json = builds.sandbox.lattice(&["log", &good, "--json"]).exits(0).json();
        assert!(json["logs"][0]["text"].as_str().unwrap().contains("heard go on\n") && json["state"] == "built");
    }
}

#[test]
fn log_is_shown_escaped() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let point = builds.point("phase0/step1", "printf 'a\\tb \\033[31mred\\033]0;title\\007\\n'; echo >$out");
    builds.sandbox.lattice(&["build", &point]).exits(0);
    let shown = builds.sandbox.lattice(&["log", &point]).exits(0).stdout;
    assert!(shown.contains("a\tb red\n") && !shown.contains('\u{1b}'), "{shown:?}");
    let logs = fs::read_dir(builds.sandbox.work().join(".git/lattice/log")).unwrap();
    let path =
        logs.map(|entry| entry.unwrap().path()).find(|path| path.to_str().unwrap().ends_with("-linux.log")).unwrap();
    fs::write(path, "\u{1b}[2J\u{202e}evil\r\n").unwrap();
    let shown = builds.sandbox.lattice(&["log", &point]).exits(0).stdout;
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}') && shown.contains("evil"), "{shown:?}");
}

#[test]
fn unbuilt_point_has_no_log() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1")]);
    sandbox
        .lattice(&["log", &at("phase0/step1")])
        .exits(1)
        .says_err("error: there is no log")
        .says_err("`git lattice build ");
    sandbox.lattice(&["log", "-f", &at("phase0/step1")]).exits(1).says_err("error: there is no log");
    sandbox.lattice(&["log", &at("phase0/step2")]).exits(2).says_err("has no branch");
    sandbox.lattice(&["log"]).exits(2).says_err("HEAD is not on the branch of a point");
    sandbox
        .lattice(&["build", "--wait", &at("phase0/step1")])
        .exits(1)
        .says_err("has no result")
        .says_err("nothing builds it");
}

#[test]
fn build_wait_prints_the_results() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let [good, bad] = [builds.blocked_point("phase0/step1"), builds.blocked_point_with("phase0/step2", "exit 3")];
    let waits = builds.start("work", &["build", "--background", "--wait", "--json", &good, &bad]);
    builds.wait_until_running(&good);
    builds.open("phase0/step1");
    builds.open("phase0/step2");
    let output = ended(waits);
    assert_eq!(output.status.code(), Some(1), "one of them failed: {}", output.error_text());
    let results: serde_json::Value = serde_json::from_str(&output.text()).unwrap();
    assert_eq!(fields(&results["results"], "verdict"), ["built", "failed"]);
    builds.sandbox.lattice(&["build", "--background", &good]).exits(0).says_out("built already: ");
    builds.sandbox.lattice(&["build", "--wait", &good]).exits(0).says_out("built  ");
}

#[test]
fn waiting_build_prints_the_end_of_the_log() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let point = builds.blocked_point_with("phase0/step1", "echo this is why; exit 3");
    builds.queue(&point);
    builds.wait_until_running(&point);
    let waits = [&["build", &point][..], &["build", "--wait", &point]].map(|args| builds.start("work", args));
    std::thread::sleep(std::time::Duration::from_secs(1));
    builds.open("phase0/step1");
    for output in waits.map(ended) {
        let text = output.error_text();
        assert!(text.contains("\n  heard go on\n  this is why\nfull log: "), "{text}");
    }
    assert_eq!(builds.verdicts(&point), ["failed"]);
}

#[test]
fn worker_names_the_input_that_failed() {
    for builds in BlockedBuilds::on_every_nix() {
        let [low, high] = ["phase0/step1", "phase0/step2"].map(|place| builds.point(place, "echo this is why; exit 3"));
        let step = builds.sandbox.git(&["show", &format!("feature/{low}:{}", BlockedBuilds::step_file(&low))]);
        let above = step
            .replace("{ system, ... }", "{ system, previous, ... }")
            .replace("inherit system", "inherit system previous");
        builds.sandbox.commit_to(&high, &[("step.nix", &above)]);
        let run = builds.sandbox.lattice(&["build", "--background", "--wait", &low, &high]).exits(1);
        assert_eq!(run.stderr.matches("  this is why\n").count(), 2, "{}", run.stderr);
        let records = builds.sandbox.records();
        let record = records.iter().find(|record| record["point"] == high.as_str()).unwrap();
        let error = record["error"].as_str().unwrap();
        assert!(error.starts_with(&format!("its input `{low}` failed: ")), "{error}");
    }
}
