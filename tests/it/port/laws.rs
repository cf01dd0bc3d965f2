//! Laws of porting, over random edits of three files.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::{port, show, siblings, there};
use crate::sandbox::Sandbox;
use crate::story::{at, far, here};

/// How many cases a normal run tries: each takes seconds. `PROPTEST_CASES` sets another number.
const CASES: u32 = 4;
const FILES: [&str; 3] = ["step.nix", "config.toml", "sub/patch"];
/// How many lines each side has for itself.
const LINES: usize = 6;

/// New texts of lines, by file and line; `None` deletes the file, except for config.toml.
type Edits = Vec<(usize, Option<(usize, u8)>)>;

fn edits() -> impl Strategy<Value = Edits> {
    let line = prop_oneof![8 => (0..LINES, any::<u8>()).prop_map(Some), 1 => Just(None)];
    prop::collection::vec((0..FILES.len(), line), 1..6)
}

/// The text of a file: lines of this side at the top, of the other at the bottom, unchanged ones in between.
fn text(own: &[u8; LINES], other: &[u8; LINES]) -> String {
    let line = |value: &u8| format!("# {value}\n");
    let between = "# unchanged\n".repeat(LINES);
    own.iter().map(line).collect::<String>() + &between + &other.iter().map(line).collect::<String>()
}

/// The lines of the files, first those that the first point edits, then those of the second; `None` is a deleted file.
type State = [Option<[[u8; LINES]; 2]>; FILES.len()];

fn commit(sandbox: &Sandbox, point: &str, state: &State) {
    let texts: Vec<_> = state.iter().map(|file| file.map(|[own, other]| text(&own, &other))).collect();
    let branch = crate::story::branch(point);
    sandbox.git(&["switch", "-q", &branch]);
    for (name, text) in FILES.iter().zip(texts) {
        let path = format!("{}/{name}", crate::story::dir(point));
        match text {
            Some(text) => sandbox.write(&path, text),
            None => drop(std::fs::remove_file(sandbox.work().join(path))),
        }
    }
    sandbox.git(&["add", "-A", "flakes"]);
    sandbox.git(&["commit", "-q", "--allow-empty", "-m", "edit"]);
    sandbox.git(&["switch", "-q", "main"]);
}

/// Edits the lines of one side.
fn edit(state: &State, side: usize, edits: &Edits) -> State {
    let mut state = *state;
    for (file, line) in edits {
        match line {
            Some((line, value)) => state[*file].get_or_insert([[0; LINES]; 2])[side][*line] = *value,
            None if *file == 1 => {}
            None => state[*file] = None,
        }
    }
    state
}

fn content(sandbox: &Sandbox, point: &str) -> Vec<Option<String>> {
    let has = |name: &&str| {
        let path = format!("{}:{}/{name}", crate::story::branch(point), crate::story::dir(point));
        sandbox.try_git("work", &["cat-file", "-e", &path]).status.success()
    };
    FILES.iter().map(|name| has(name).then(|| show(sandbox, point, name))).collect()
}

fn there_and_back(edits: &[Edits; 2]) -> Result<(), TestCaseError> {
    let sandbox = siblings("step");
    let (one, two, back) = (at("phase0/step1"), far("phase0/step1"), ["--to-arch", here()]);
    let mut state = [Some([[0; LINES]; 2]); FILES.len()];
    for edits in edits {
        state = edit(&state, 0, edits);
        commit(&sandbox, &one, &state);
        port(&sandbox, &one, there()).exits(0);
        prop_assert_eq!(content(&sandbox, &two), content(&sandbox, &one));
        let before = sandbox.git(&["for-each-ref", "refs/heads"]);
        port(&sandbox, &two, back).exits(0);
        prop_assert_eq!(sandbox.git(&["for-each-ref", "refs/heads"]), before, "there and back is the identity");
    }
    Ok(())
}

fn both_sides(edits: &[Edits; 2]) -> Result<(), TestCaseError> {
    let sandbox = siblings("step");
    let (points, ways) = ([at("phase0/step1"), far("phase0/step1")], [there(), ["--to-arch", here()]]);
    let start = [Some([[0; LINES]; 2]); FILES.len()];
    commit(&sandbox, &points[0], &start);
    port(&sandbox, &points[0], ways[0]).exits(0);
    for side in [0, 1] {
        let lines: Edits = edits[side].iter().filter(|(_, line)| line.is_some()).copied().collect();
        commit(&sandbox, &points[side], &edit(&start, side, &lines));
    }
    for side in [0, 1] {
        port(&sandbox, &points[side], ways[side]).exits(0);
    }
    prop_assert_eq!(content(&sandbox, &points[0]), content(&sandbox, &points[1]), "both have all changes");
    let before = sandbox.git(&["for-each-ref", "refs/heads"]);
    for side in [0, 1] {
        port(&sandbox, &points[side], ways[side]).exits(0);
    }
    prop_assert_eq!(sandbox.git(&["for-each-ref", "refs/heads"]), before, "porting again changes nothing");
    Ok(())
}

fn run(law: fn(&[Edits; 2]) -> Result<(), TestCaseError>) {
    let cases = crate::nix_setup::var("PROPTEST_CASES").and_then(|cases| cases.to_str()?.parse().ok()).unwrap_or(CASES);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    runner.run(&[edits(), edits()], |edits| law(&edits)).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn there_and_back_is_the_identity() {
    run(there_and_back);
}

#[test]
fn changes_of_both_sides_meet() {
    run(both_sides);
}
