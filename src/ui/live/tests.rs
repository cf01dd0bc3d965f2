use super::*;
use crate::lattice::Spelled;
use crate::system::System;
use crate::ui::wrap;

use self::model::Failure;
use super::region::Size;

fn row(name: &str, seconds: u64) -> Row {
    Row {
        id: name.to_owned(),
        name: name.to_owned(),
        build: Some((name.into(), System::parse("x86_64-linux").unwrap())),
        since: Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap(),
        expected: None,
        machine: None,
        last: String::new(),
    }
}

/// Twelve builds, of which three have ended, one of them badly, and two run.
fn model() -> Model {
    let build = |n: usize| (Spelled::from(format!("gcc/x86_64/p/step{n}").as_str()), "x86_64-linux".to_owned());
    let mut model = Model::new((1..=12).map(build).collect());
    model.ended = (1..=3).map(build).collect();
    model.since = Instant::now().checked_sub(Duration::from_secs(42)).unwrap();
    model.is_evaluating = false;
    let why = "builder failed with exit code 1\nand more".to_owned();
    model.failures.push(Failure { word: "failed", point: build(3).0, why });
    let last =
        "  CC  x\u{1b}[31mred\ta line that is longer than the terminal is wide, so that it has to be cut".to_owned();
    let machine = Some("ssh-ng://far?ssh-key=/secret".to_owned());
    model.running.push(Row { expected: Some(180), machine, last, ..row("gcc/x86_64/p/step4", 12) });
    model.running.push(row("binutils-2.41", 3));
    model
}

fn lines(model: &Model, columns: usize, rows: usize) -> Vec<String> {
    let lines = Lines { model, now: Instant::now(), size: Size { columns, rows }, color: false }.all();
    assert!(lines.len() <= (rows / 2).max(1), "{lines:#?}");
    assert!(lines.iter().all(|line| wrap::columns(line) < columns), "{lines:#?}");
    lines
}

#[test]
fn names_are_cut_at_the_start_and_words_are_counted() {
    let mut model = model();
    model.failures.push(Failure { word: "no-builder", point: "gcc/aarch64/p/step3".into(), why: String::new() });
    model.running = vec![row("component-with-a-long-name-10/x86_64/phase0-bootstrap/step12", 5)];
    let lines = lines(&model, 50, 24);
    assert_eq!(lines[0], "3/12 done, 1 failed, 1 no-builder, 1 running, 0:…");
    assert_eq!(lines.last().unwrap(), "  …phase0-bootstrap/step12  5s");
}

#[test]
fn shows_totals_failures_and_builders() {
    let expected = [
        "3/12 done, 1 failed, 2 running, 0:42",
        "failed  gcc/x86_64/p/step3: builder failed with exit code 1",
        "  gcc/x86_64/p/step4  12s of ~3m on ssh-ng://far",
        "    CC  x\u{fffd}[31mred a line that is longer than the terminal is wide, so that it …",
        "  binutils-2.41       3s",
    ];
    assert_eq!(lines(&model(), 80, 24), expected);
    let expected = [
        "3/12 done, 1 failed, 2 running, 0:42",
        "failed  gcc/x86_64/p/step3: builder fa…",
        "  gcc/x86_64/p/step4  12s of ~3m on ss…",
        "    CC  x\u{fffd}[31mred a line that is longe…",
        "  binutils-2.41       3s",
    ];
    assert_eq!(lines(&model(), 40, 24), expected);
    assert!(lines(&model(), 120, 24)[3].ends_with("to be cut"));
}

#[test]
fn fits_into_few_rows() {
    let expected = [
        "3/12 done, 1 failed, 2 running, 0:42",
        "failed  gcc/x86_64/p/step3: builder failed with exit code 1",
        "  gcc/x86_64/p/step4  12s of ~3m on ssh-ng://far  CC  x\u{fffd}[31mred a line that is…",
        "  binutils-2.41       3s",
    ];
    assert_eq!(lines(&model(), 80, 8), expected);
    assert_eq!(lines(&model(), 80, 6)[2], "  and 2 more");
    assert_eq!(lines(&model(), 80, 1), ["3/12 done, 1 failed, 2 running, 0:42"]);
    let mut model = model();
    model.running = (0..100).map(|n| row(&format!("p{n}"), n)).collect();
    let all = lines(&model, 80, 24);
    assert_eq!((all.len(), all[11].as_str()), (12, "  and 91 more"));
}

#[test]
fn points_without_a_builder_are_only_counted() {
    let mut model = model();
    let failure =
        |n: usize| Failure { word: "no-builder", point: format!("p{n}").as_str().into(), why: "none".to_owned() };
    model.failures.extend((0..20).map(failure));
    let all = lines(&model, 80, 24);
    assert_eq!(all[0], "3/12 done, 1 failed, 20 no-builder, 2 running, 0:42");
    assert_eq!((all.len(), all[1].split(':').next()), (5, Some("failed  gcc/x86_64/p/step3")));
}

#[test]
fn shows_the_newest_failures() {
    let mut model = model();
    let failure = |n: usize| Failure { word: "failed", point: format!("p{n}").as_str().into(), why: String::new() };
    model.failures = (0..100).map(failure).collect();
    let all = lines(&model, 80, 24);
    assert_eq!(all[..3], ["3/12 done, 100 failed, 2 running, 0:42", "failed  p96", "failed  p97"]);
    assert!(all[5].starts_with("  gcc"), "{all:#?}");
}

#[test]
fn tells_what_nix_does_while_nothing_runs() {
    let mut model = model();
    model.running.clear();
    model.doing = "fetching Git repository".to_owned();
    assert_eq!(lines(&model, 80, 24)[2], "    fetching Git repository");
    model.is_evaluating = true;
    assert_eq!(lines(&model, 80, 24)[0], "evaluating 9 builds, 0:42");
}

#[test]
fn names_the_system_of_a_point_that_is_built_for_two() {
    let mut model = model();
    model.running = vec![
        row("a/b", 1),
        Row { build: Some(("a/b".into(), System::parse("aarch64-linux").unwrap())), ..row("a/b", 2) },
    ];
    assert_eq!(lines(&model, 80, 24)[2..], ["  a/b for x86_64-linux   1s", "  a/b for aarch64-linux  2s"]);
}

#[test]
fn colours_are_whole() {
    let model = model();
    let lines = Lines { model: &model, now: Instant::now(), size: Size { columns: 40, rows: 24 }, color: true }.all();
    let shown = lines.join("\n");
    assert_eq!(shown.matches("\u{1b}[0m").count(), shown.matches("\u{1b}[").count() / 2, "{shown:?}");
}
